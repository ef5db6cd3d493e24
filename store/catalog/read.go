package catalog

import (
	"context"
	"database/sql"
	"errors"
	"fmt"
	"strings"
	"time"

	"github.com/margay-audit/margay/event"
)

// Tx reads one state of the catalog: everything asked of it belongs to the
// same commit. It is valid within the function given to [Catalog.View].
type Tx struct {
	tx *sql.Tx
}

// View calls read with one state of the catalog.
func (c *Catalog) View(ctx context.Context, read func(*Tx) error) error {
	tx, err := c.db.BeginTx(ctx, &sql.TxOptions{ReadOnly: true})
	if err != nil {
		return fmt.Errorf("read catalog: %w", cause(err))
	}
	// Nothing was written, so there is nothing that a rollback could lose.
	defer func() { _ = tx.Rollback() }()
	if err := read(&Tx{tx: tx}); err != nil {
		return fmt.Errorf("read catalog: %w", cause(err))
	}
	return nil
}

// Last returns the newest commit, or the zero Commit when there is none.
func (t *Tx) Last(ctx context.Context) (Commit, error) {
	return t.one(ctx, "SELECT number, time, kind, record, prev, hash FROM commits ORDER BY number DESC LIMIT 1")
}

// Commit returns commit number, or the zero Commit when it is not there.
func (t *Tx) Commit(ctx context.Context, number uint64) (Commit, error) {
	return t.one(ctx, "SELECT number, time, kind, record, prev, hash FROM commits WHERE number=?", int64(number))
}

func (t *Tx) one(ctx context.Context, query string, args ...any) (Commit, error) {
	k, err := scanCommit(t.tx.QueryRowContext(ctx, query, args...))
	if errors.Is(err, sql.ErrNoRows) {
		return Commit{}, nil
	}
	return k, err
}

// Commits calls visit for the commits from number first on that are not in an
// archive, in rising order. The visitor must not use the catalog.
func (t *Tx) Commits(ctx context.Context, first uint64, visit func(Commit) error) error {
	return each(ctx, t.tx, func(rows *sql.Rows) error {
		k, err := scanCommit(rows)
		if err != nil {
			return err
		}
		return visit(k)
	}, "SELECT number, time, kind, record, prev, hash FROM commits WHERE number>=? ORDER BY number", int64(first))
}

// CommitsFrom returns at most limit commits from number first on, in rising
// order.
func (t *Tx) CommitsFrom(ctx context.Context, first uint64, limit int) ([]Commit, error) {
	var out []Commit
	err := each(ctx, t.tx, func(rows *sql.Rows) error {
		k, err := scanCommit(rows)
		out = append(out, k)
		return err
	}, "SELECT number, time, kind, record, prev, hash FROM commits WHERE number>=? ORDER BY number LIMIT ?", int64(first), limit)
	return out, err
}

// OldCommits returns the numbers of the first and the last of the oldest n
// commits, or zeros unless all of these are older than the newest keep numbers.
func (t *Tx) OldCommits(ctx context.Context, n int, keep uint64) (first, last uint64, err error) {
	var lo, hi, end sql.NullInt64
	// Both ends of a primary key are found at once, so a look costs nothing as
	// long as there is nothing to find.
	err = t.tx.QueryRowContext(ctx, "SELECT (SELECT min(number) FROM commits), (SELECT max(number) FROM commits)").Scan(&lo, &hi)
	if err != nil || n < 1 || !lo.Valid || uint64(hi.Int64-lo.Int64) < uint64(n-1)+keep {
		return 0, 0, err
	}
	err = t.tx.QueryRowContext(ctx, "SELECT (SELECT number FROM commits WHERE number<=? ORDER BY number LIMIT 1 OFFSET ?)", hi.Int64-int64(keep), n-1).Scan(&end)
	if err != nil || !end.Valid {
		return 0, 0, err
	}
	return uint64(lo.Int64), uint64(end.Int64), nil
}

// Archives returns the archives with commits from number first on, in rising
// order. All commits in them are older than those that the catalog has.
func (t *Tx) Archives(ctx context.Context, first uint64) ([]Archive, error) {
	var out []Archive
	err := each(ctx, t.tx, func(rows *sql.Rows) error {
		var a Archive
		var first, last int64
		err := rows.Scan(&first, &last, &a.Commits, &a.Hash, &a.SHA256, &a.Bytes)
		a.First, a.Last = uint64(first), uint64(last)
		out = append(out, a)
		return err
	}, "SELECT first, last, commits, hash, sha256, bytes FROM archives WHERE last>=? ORDER BY first", int64(first))
	return out, err
}

// Which picks segments for [Tx.Segments].
type Which struct {
	// LogType restricts to one log type unless empty.
	LogType event.LogType
	// Dead asks for the segments that are dead, instead of the live ones.
	Dead bool
	// From and To restrict to segments with event times in [From, To], in
	// microseconds, unless both are 0.
	From, To int64
	// Bloom and Digests fill Segment.Bloom and Segment.Digests in, which are
	// large.
	Bloom, Digests bool
}

// Segments returns segments by log type, and within it in order of age.
func (t *Tx) Segments(ctx context.Context, w Which) ([]Segment, error) {
	bloom, digests := "NULL", "''"
	if w.Bloom {
		bloom = "bloom"
	}
	if w.Digests {
		digests = "digests"
	}
	where, args := []string{"dead_at=0"}, []any{}
	if w.Dead {
		where[0] = "dead_at>0"
	}
	if w.LogType != "" {
		where, args = append(where, "log_type=?"), append(args, string(w.LogType))
	}
	if w.From != 0 || w.To != 0 {
		where, args = append(where, "event_max>=? AND event_min<=?"), append(args, w.From, w.To)
	}
	var out []Segment
	err := each(ctx, t.tx, func(rows *sql.Rows) error {
		var s Segment
		var first, number int64
		err := rows.Scan(&s.Name, (*string)(&s.LogType), &s.SchemaVersion, &s.Layout, &s.Tier, &first, &number, &s.Part, &s.Rows, &s.Bytes, &s.RawBytes,
			&s.EventMin, &s.EventMax, &s.StoredMin, &s.StoredMax, &s.SHA256, &s.Digests, &s.Bloom, &s.DeadAt)
		s.First, s.Commit = uint64(first), uint64(number)
		out = append(out, s)
		return err
	}, `SELECT name, log_type, schema_version, layout, tier, first_commit, commit_number, part, row_count, bytes, raw_bytes,
		event_min, event_max, stored_min, stored_max, sha256, `+digests+", "+bloom+`, dead_at FROM segments
		WHERE `+strings.Join(where, " AND ")+" ORDER BY log_type, schema_version, first_commit, commit_number, part", args...)
	return out, err
}

// Layouts returns the JSON texts of all layouts by their hashes.
func (t *Tx) Layouts(ctx context.Context) (map[string]string, error) {
	out := map[string]string{}
	err := each(ctx, t.tx, func(rows *sql.Rows) error {
		var hash, layout string
		err := rows.Scan(&hash, &layout)
		out[hash] = layout
		return err
	}, "SELECT hash, layout FROM layouts")
	return out, err
}

// Streams returns every stream in the order of their numbers.
func (t *Tx) Streams(ctx context.Context) ([]event.Stream, error) {
	var out []event.Stream
	err := each(ctx, t.tx, func(rows *sql.Rows) error {
		var s event.Stream
		var id int64
		err := rows.Scan(&id, &s.Name, &s.SourceID, (*[]byte)(&s.Position))
		s.ID = uint64(id)
		out = append(out, s)
		return err
	}, "SELECT id, name, source_id, position FROM streams ORDER BY id")
	return out, err
}

// Marks returns the marks of a stream in rising order of offset.
func (t *Tx) Marks(ctx context.Context, stream uint64) ([]event.Mark, error) {
	var out []event.Mark
	err := each(ctx, t.tx, func(rows *sql.Rows) error {
		var offset, sum int64
		err := rows.Scan(&offset, &sum)
		out = append(out, event.Mark{Offset: uint64(offset), Sum: uint64(sum)})
		return err
	}, "SELECT offset, sum FROM marks WHERE stream=? ORDER BY offset", int64(stream))
	return out, err
}

// Sources returns the totals of every source in the order of labels.
func (t *Tx) Sources(ctx context.Context) ([]Source, error) {
	var out []Source
	err := each(ctx, t.tx, func(rows *sql.Rows) error {
		var s Source
		err := rows.Scan(&s.ID, &s.Label, &s.Kind, &s.Stored, &s.Quarantined, &s.LastEvent, &s.LastStored)
		out = append(out, s)
		return err
	}, "SELECT id, label, kind, stored, quarantined, last_event, last_stored FROM sources ORDER BY label, id")
	return out, err
}

// Resolved returns every resolution.
func (t *Tx) Resolved(ctx context.Context) (map[event.RowID]Resolution, error) {
	out := map[event.RowID]Resolution{}
	err := each(ctx, t.tx, func(rows *sql.Rows) error {
		var hi, lo, number int64
		var r Resolution
		err := rows.Scan(&hi, &lo, &r.RawBytes, &number)
		r.ID, r.Commit = rowID(hi, lo), uint64(number)
		out[r.ID] = r
		return err
	}, "SELECT hi, lo, raw_bytes, commit_number FROM resolved")
	return out, err
}

// IsResolved reports whether a quarantined row was stored by a replay.
func (t *Tx) IsResolved(ctx context.Context, id event.RowID) (bool, error) {
	var n int
	err := t.tx.QueryRowContext(ctx, "SELECT count(*) FROM resolved WHERE hi=? AND lo=?", int64(id.Hi), int64(id.Lo)).Scan(&n)
	return n > 0, err
}

// Waiting returns how many rows, and how many received bytes, are in
// quarantine and not resolved.
func (t *Tx) Waiting(ctx context.Context) (rows, raw int64, err error) {
	err = t.tx.QueryRowContext(ctx, `SELECT
		coalesce((SELECT sum(row_count) FROM segments WHERE dead_at=0 AND log_type=?1), 0) - (SELECT count(*) FROM resolved),
		coalesce((SELECT sum(raw_bytes) FROM segments WHERE dead_at=0 AND log_type=?1), 0) - coalesce((SELECT sum(raw_bytes) FROM resolved), 0)`,
		string(event.Quarantine)).Scan(&rows, &raw)
	return max(rows, 0), max(raw, 0), err
}

// States returns what the last running process said of its sources.
func (t *Tx) States(ctx context.Context) ([]SourceState, error) {
	var out []SourceState
	err := each(ctx, t.tx, func(rows *sql.Rows) error {
		var s SourceState
		var read int64
		err := rows.Scan(&s.SourceID, (*string)(&s.Health), &s.Reason, &s.Position, &s.LagBytes, &read, &s.Updated)
		if read != 0 {
			s.LastRead = time.UnixMicro(read).UTC()
		}
		out = append(out, s)
		return err
	}, "SELECT source_id, health, reason, position, lag_bytes, last_read, updated FROM source_state ORDER BY source_id")
	return out, err
}

// Orphans returns the files that were set aside.
func (t *Tx) Orphans(ctx context.Context) ([]Orphan, error) {
	var out []Orphan
	err := each(ctx, t.tx, func(rows *sql.Rows) error {
		var o Orphan
		err := rows.Scan(&o.Name, &o.Found, &o.Reason)
		out = append(out, o)
		return err
	}, "SELECT name, found, reason FROM orphans ORDER BY name")
	return out, err
}

// Controls returns the newest commands that were handed over, newest first.
func (t *Tx) Controls(ctx context.Context, limit int) ([]Control, error) {
	var out []Control
	err := each(ctx, t.tx, func(rows *sql.Rows) error {
		var l Control
		err := rows.Scan(&l.Time, &l.UID, &l.PID, &l.Command)
		out = append(out, l)
		return err
	}, "SELECT time, uid, pid, command FROM control_log ORDER BY rowid DESC LIMIT ?", limit)
	return out, err
}

// Meta returns the text kept under key, or "".
func (t *Tx) Meta(ctx context.Context, key string) (string, error) {
	var v string
	err := t.tx.QueryRowContext(ctx, "SELECT value FROM meta WHERE key=?", key).Scan(&v)
	if errors.Is(err, sql.ErrNoRows) {
		return "", nil
	}
	return v, err
}

func each(ctx context.Context, tx *sql.Tx, visit func(*sql.Rows) error, query string, args ...any) (err error) {
	rows, err := tx.QueryContext(ctx, query, args...)
	if err != nil {
		return err
	}
	defer func() { err = errors.Join(err, rows.Close()) }()
	for rows.Next() {
		if err := visit(rows); err != nil {
			return err
		}
	}
	return rows.Err()
}

func scanCommit(row interface{ Scan(...any) error }) (Commit, error) {
	var k Commit
	var number int64
	err := row.Scan(&number, &k.Time, &k.Kind, &k.Record, &k.Prev, &k.Hash)
	k.Number = uint64(number)
	return k, err
}
