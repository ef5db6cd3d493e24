package store

import (
	"context"
	"encoding/json"
	"fmt"
	"strings"

	"github.com/margay-audit/margay/store/catalog"
)

// metaLoss holds the JSON of the [Loss] that the last rebuild found.
const metaLoss = "loss"

// Loss is what a rebuild could not find any more. It is kept in the catalog and
// in the ledger, so that it is not forgotten; a rebuild after the files have
// been brought back takes them off it.
type Loss struct {
	Segments []LostSegment `json:"segments,omitempty"`
	// Commits are the commits of which nothing is left that would say what was
	// in them.
	Commits []CommitRange `json:"commits,omitempty"`
}

// LostSegment is a segment that was live and is gone.
type LostSegment struct {
	Name   string `json:"name"`
	Commit uint64 `json:"commit"`
	// Rows are those that are in no other segment either.
	Rows int64 `json:"rows"`
	// Streams are where the events came from, as far as that is known.
	Streams []LostStream `json:"streams,omitempty"`
}

// LostStream is the part of a stream in which lost events lie. From and To are
// positions of the source, as it writes them; they are empty where no footer is
// left that tells, and From for the beginning too.
type LostStream struct {
	Name string `json:"name"`
	From string `json:"from,omitempty"`
	To   string `json:"to,omitempty"`
	// Again says that the rebuild left the stream at From, because the lost
	// segment was the only one that knew better: the events come back when the
	// source is read as usual.
	Again bool `json:"again,omitempty"`
}

// CommitRange are the commits from First to Last.
type CommitRange struct {
	First uint64 `json:"first"`
	Last  uint64 `json:"last"`
}

// Empty reports whether nothing is lost.
func (l *Loss) Empty() bool { return len(l.Segments) == 0 && len(l.Commits) == 0 }

// Rows counts the lost rows that are known of.
func (l *Loss) Rows() (n int64) {
	for i := range l.Segments {
		n += l.Segments[i].Rows
	}
	return n
}

// Names are those of the lost segments.
func (l *Loss) Names() []string {
	var out []string
	for i := range l.Segments {
		out = append(out, l.Segments[i].Name)
	}
	return out
}

func (s *LostSegment) String() string {
	text := fmt.Sprintf("segment %s is lost, and with it %d %s", s.Name, s.Rows, counted(s.Rows, "event"))
	for _, st := range s.Streams {
		text += "; stream " + st.Name
		if st.Again {
			text += ", which is read again"
		}
		if st.From != "" {
			text += ", after " + st.From
		}
		if st.To != "" {
			text += ", up to " + st.To
		}
	}
	return text
}

// open is the part of the loss that no source has been read again for. Streams
// are all streams by name, with their positions.
func (l *Loss) open(streams map[string]string) Loss {
	out := Loss{Commits: l.Commits}
	for i := range l.Segments {
		if !l.Segments[i].readAgain(streams) {
			out.Segments = append(out.Segments, l.Segments[i])
		}
	}
	return out
}

// readAgain reports whether all streams have moved on from where the rebuild
// had left them: they are read in order, so what was lost came first.
func (s *LostSegment) readAgain(streams map[string]string) bool {
	for _, st := range s.Streams {
		if !st.Again || streams[st.Name] == st.From {
			return false
		}
	}
	return len(s.Streams) > 0
}

func positionsOf(ctx context.Context, tx *catalog.Tx) (map[string]string, error) {
	list, err := tx.Streams(ctx)
	out := map[string]string{}
	for _, st := range list {
		out[st.Name] = string(st.Position)
	}
	return out, err
}

func (c CommitRange) String() string {
	if c.First == c.Last {
		return fmt.Sprintf("commit %d", c.First)
	}
	return fmt.Sprintf("commits %d to %d", c.First, c.Last)
}

// Problem says what is wrong with the range.
func (c CommitRange) Problem() string {
	return "nothing is left that says what was stored then; its events, if there were any, are lost"
}

// counted is the word for n things.
func counted(n int64, one string) string {
	if n == 1 {
		return one
	}
	return one + "s"
}

func readLoss(ctx context.Context, tx *catalog.Tx) (Loss, error) {
	var l Loss
	text, err := tx.Meta(ctx, metaLoss)
	if err != nil || text == "" {
		return l, err
	}
	if err := json.Unmarshal([]byte(text), &l); err != nil {
		return l, fmt.Errorf("what was lost: %w", err)
	}
	return l, nil
}

// encode is what the catalog keeps; it is empty when nothing is lost.
func (l *Loss) encode() (string, error) {
	if l.Empty() {
		return "", nil
	}
	var b strings.Builder
	e := json.NewEncoder(&b)
	e.SetEscapeHTML(false)
	if err := e.Encode(l); err != nil {
		return "", fmt.Errorf("encode what was lost: %w", err)
	}
	return strings.TrimSpace(b.String()), nil
}
