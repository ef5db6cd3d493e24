package catalog

import "github.com/margay-audit/margay/event"

// Segment is one segment file as the catalog knows it. Times are microseconds
// since the Unix epoch.
type Segment struct {
	// Name is the path of the file below the folder of segments, with a slash
	// between the table's folder and the file.
	Name          string
	LogType       event.LogType
	SchemaVersion int
	// Layout is the hash of the columns, see [Tx.Layouts].
	Layout string
	// Tier counts how often the rows were merged: 0 for what a commit wrote.
	Tier int
	// First is the oldest commit whose rows the segment holds, Commit the one
	// that wrote the file and Part its number among the files of that commit.
	// Segments of one log type lie in the order of First and Part.
	First, Commit uint64
	Part          int

	Rows, Bytes, RawBytes int64
	EventMin, EventMax    int64
	StoredMin, StoredMax  int64
	// SHA256 is the hash of the file in hexadecimal, Digests the JSON list of
	// the row groups' digests of raw bytes. Listings leave Digests out unless
	// asked for them.
	SHA256  string
	Digests string
	// Bloom is the filter over the indicators, or nil. Listings leave it out
	// unless asked for it.
	Bloom []byte
	// DeadAt is when the segment was replaced or dropped, 0 while it is live.
	DeadAt int64
}

// Commit is a link of the chain of commit records.
type Commit struct {
	Number uint64
	Time   int64
	// Kind is append, replay, merge or retention.
	Kind string
	// Record is the canonical JSON that Hash covers together with Prev.
	Record     string
	Prev, Hash string
}

// Archive is a file that holds commits which the catalog itself no longer has.
type Archive struct {
	// First and Last are the numbers of its oldest and its newest commit, and
	// Commits is how many there are in it. After a rebuild some in between may
	// be missing.
	First, Last uint64
	Commits     int
	// Hash is the hash of commit Last, from which the chain goes on.
	Hash string
	// SHA256 is the hash of the file in hexadecimal, Bytes its size.
	SHA256 string
	Bytes  int64
}

// Source is what was ever stored of one source.
type Source struct {
	ID                  string
	Label, Kind         string
	Stored, Quarantined int64
	// LastEvent is the newest event time, LastStored the time of the last
	// commit with rows of the source; 0 when there is none.
	LastEvent, LastStored int64
}

// StreamChange is a stream's new position and the marks to add.
type StreamChange struct {
	event.Stream
	Marks []event.Mark
}

// Resolution says that a row in quarantine has been stored by a replay.
type Resolution struct {
	ID       event.RowID
	RawBytes int64
	Commit   uint64
}

// Change is everything that one commit changes.
type Change struct {
	Commit Commit
	// Add are the new live segments, Dead the names of those that stop being
	// live at DeadAt.
	Add    []Segment
	Dead   []string
	DeadAt int64
	// Layouts are the JSON texts of layouts by their hashes; known ones may be
	// among them.
	Layouts map[string]string
	// Streams replace what was known of the streams; Sources are totals, not
	// differences.
	Streams []StreamChange
	Sources []Source
	// Resolved are new resolutions, Forget those whose quarantined row is gone.
	Resolved []Resolution
	Forget   []event.RowID
}

// SourceState is what a running process last said of a source.
type SourceState struct {
	SourceID string
	event.State
	// Updated is when it said so, in microseconds since the Unix epoch.
	Updated int64
}

// Orphan is a segment file that was set aside because no commit names it.
type Orphan struct {
	Name   string
	Found  int64
	Reason string
}

// Control is a command that was handed over by another process.
type Control struct {
	Time     int64
	UID, PID int
	Command  string
}
