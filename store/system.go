package store

import (
	"context"
	"time"

	"github.com/margay-audit/margay/store/catalog"
)

// SystemTable is a small table about the store itself, for SQL.
type SystemTable struct {
	Name    string
	Columns []SystemColumn
	// Rows hold string, int64, bool, time.Time or nil, as the columns say.
	Rows [][]any
}

// SystemColumn is a column of a [SystemTable]. Type is a type of SQL.
type SystemColumn struct{ Name, Type string }

// maxCommitRows bounds the table of commits: a store has tens of thousands of
// them a day, and the newest are what people look at.
const maxCommitRows = 100_000

// SystemTables returns copies of what the catalog holds, of one moment. The
// names begin with "margay_", which no log type's table does. Only the tables
// that are wanted by their names have rows: a store has a commit a second.
func (r *Reader) SystemTables(ctx context.Context, wanted func(name string) bool) ([]SystemTable, error) {
	var out []SystemTable
	err := r.view(ctx, func(tx *catalog.Tx) error {
		for _, table := range []func(context.Context, *catalog.Tx, func(string) bool) (SystemTable, error){
			sourcesTable, streamsTable, segmentsTable, commitsTable, orphansTable, resolvedTable, commandsTable,
		} {
			t, err := table(ctx, tx, wanted)
			if err != nil {
				return err
			}
			out = append(out, t)
		}
		return nil
	})
	return out, err
}

func sourcesTable(ctx context.Context, tx *catalog.Tx, wanted func(string) bool) (SystemTable, error) {
	t := SystemTable{Name: "margay_sources", Columns: []SystemColumn{
		{"source_id", "VARCHAR"},
		{"source_label", "VARCHAR"},
		{"kind", "VARCHAR"},
		{"stored", "BIGINT"},
		{"quarantined", "BIGINT"},
		{"last_event", "TIMESTAMP"},
		{"last_stored", "TIMESTAMP"},
	}}
	if !wanted(t.Name) {
		return t, nil
	}
	sources, err := tx.Sources(ctx)
	for _, s := range sources {
		t.Rows = append(t.Rows, []any{s.ID, s.Label, s.Kind, s.Stored, s.Quarantined, timeCell(s.LastEvent), timeCell(s.LastStored)})
	}
	return t, err
}

func streamsTable(ctx context.Context, tx *catalog.Tx, wanted func(string) bool) (SystemTable, error) {
	t := SystemTable{Name: "margay_streams", Columns: []SystemColumn{
		{"stream_id", "BIGINT"}, {"name", "VARCHAR"}, {"source_id", "VARCHAR"}, {"position", "VARCHAR"},
	}}
	if !wanted(t.Name) {
		return t, nil
	}
	streams, err := tx.Streams(ctx)
	for _, s := range streams {
		t.Rows = append(t.Rows, []any{int64(s.ID), s.Name, s.SourceID, string(s.Position)})
	}
	return t, err
}

func segmentsTable(ctx context.Context, tx *catalog.Tx, wanted func(string) bool) (SystemTable, error) {
	t := SystemTable{Name: "margay_segments", Columns: []SystemColumn{
		{"name", "VARCHAR"},
		{"log_type", "VARCHAR"},
		{"schema_version", "INTEGER"},
		{"tier", "INTEGER"},
		{"commit_number", "BIGINT"},
		{"row_count", "BIGINT"},
		{"bytes", "BIGINT"},
		{"raw_bytes", "BIGINT"},
		{"event_min", "TIMESTAMP"},
		{"event_max", "TIMESTAMP"},
		{"stored_min", "TIMESTAMP"},
		{"stored_max", "TIMESTAMP"},
		{"sha256", "VARCHAR"},
	}}
	if !wanted(t.Name) {
		return t, nil
	}
	segments, err := tx.Segments(ctx, catalog.Which{})
	for i := range segments {
		s := &segments[i]
		t.Rows = append(t.Rows, []any{
			s.Name, string(s.LogType), int64(s.SchemaVersion), int64(s.Tier), int64(s.Commit), s.Rows, s.Bytes, s.RawBytes,
			time.UnixMicro(s.EventMin).UTC(), time.UnixMicro(s.EventMax).UTC(), time.UnixMicro(s.StoredMin).UTC(), time.UnixMicro(s.StoredMax).UTC(), s.SHA256,
		})
	}
	return t, err
}

func commitsTable(ctx context.Context, tx *catalog.Tx, wanted func(string) bool) (SystemTable, error) {
	t := SystemTable{Name: "margay_commits", Columns: []SystemColumn{
		{"number", "BIGINT"}, {"time", "TIMESTAMP"}, {"kind", "VARCHAR"}, {"record", "VARCHAR"}, {"previous_hash", "VARCHAR"}, {"hash", "VARCHAR"},
	}}
	if !wanted(t.Name) {
		return t, nil
	}
	last, err := tx.Last(ctx)
	if err != nil {
		return t, err
	}
	first := uint64(0)
	if last.Number > maxCommitRows {
		first = last.Number - maxCommitRows + 1
	}
	err = tx.Commits(ctx, first, func(k catalog.Commit) error {
		t.Rows = append(t.Rows, []any{int64(k.Number), timeCell(k.Time), k.Kind, k.Record, k.Prev, k.Hash})
		return nil
	})
	return t, err
}

func orphansTable(ctx context.Context, tx *catalog.Tx, wanted func(string) bool) (SystemTable, error) {
	t := SystemTable{Name: "margay_orphans", Columns: []SystemColumn{{"name", "VARCHAR"}, {"found", "TIMESTAMP"}, {"reason", "VARCHAR"}}}
	if !wanted(t.Name) {
		return t, nil
	}
	orphans, err := tx.Orphans(ctx)
	for _, o := range orphans {
		t.Rows = append(t.Rows, []any{o.Name, timeCell(o.Found), o.Reason})
	}
	return t, err
}

func resolvedTable(ctx context.Context, tx *catalog.Tx, wanted func(string) bool) (SystemTable, error) {
	t := SystemTable{Name: "margay_resolved", Columns: []SystemColumn{{"p_row_id", "VARCHAR"}, {"commit_number", "BIGINT"}}}
	if !wanted(t.Name) {
		return t, nil
	}
	resolved, err := tx.Resolved(ctx)
	for id, r := range resolved {
		t.Rows = append(t.Rows, []any{id.String(), int64(r.Commit)})
	}
	return t, err
}

// maxCommandRows bounds the table of commands that were handed over.
const maxCommandRows = 10_000

func commandsTable(ctx context.Context, tx *catalog.Tx, wanted func(string) bool) (SystemTable, error) {
	t := SystemTable{Name: "margay_commands", Columns: []SystemColumn{
		{"time", "TIMESTAMP"}, {"uid", "BIGINT"}, {"pid", "BIGINT"}, {"command", "VARCHAR"},
	}}
	if !wanted(t.Name) {
		return t, nil
	}
	commands, err := tx.Controls(ctx, maxCommandRows)
	for _, c := range commands {
		t.Rows = append(t.Rows, []any{timeCell(c.Time), int64(c.UID), int64(c.PID), c.Command})
	}
	return t, err
}

// timeCell is a time, or NULL for never.
func timeCell(us int64) any {
	if us == 0 {
		return nil
	}
	return time.UnixMicro(us).UTC()
}
