package main

import (
	"context"
	"fmt"
	"strings"

	"github.com/margay-audit/margay/event"
	"github.com/margay-audit/margay/schema"
	"github.com/margay-audit/margay/store"
	"github.com/margay-audit/margay/store/catalog"
	"github.com/margay-audit/margay/store/query"
	"github.com/margay-audit/margay/store/segment"
)

// resolvedTable names what is no longer in quarantine.
const resolvedTable = "margay_resolved"

// anyFile stands for the files in the text of a view until it becomes
// query.FilesMark.
const anyFile = "segments of this table"

// eventTables returns the tables of all log types as they are at one moment,
// the view events, and the quarantine. The statement is the one that they are
// for.
func eventTables(ctx context.Context, r *store.Reader, statement string) ([]query.Table, error) {
	literals := query.Literals(statement)
	snapshot, err := r.Snapshot(ctx, catalog.Which{Bloom: len(literals) > 0})
	if err != nil {
		return nil, err
	}
	files := map[event.LogType]map[string][]query.File{}
	for i := range snapshot.Segments {
		s := &snapshot.Segments[i]
		if files[s.LogType] == nil {
			files[s.LogType] = map[string][]query.File{}
		}
		files[s.LogType][s.Layout] = append(files[s.LogType][s.Layout], query.File{
			Path: r.Path(s), Name: s.Name, Bytes: s.Bytes, SHA256: s.SHA256,
			Min: s.EventMin, Max: s.EventMax, Lacks: lacks(s, literals),
		})
	}
	var tables []query.Table
	events := query.Table{Name: "events", SQL: segment.EventsSQL(schema.Builtin().All())}
	for _, s := range schema.Builtin().All() {
		tables = append(tables, logTypeTables(s, s.LogType().Table(), snapshot, files[s.LogType()])...)
		events.Uses = append(events.Uses, s.LogType().Table())
	}
	waiting := logTypeTables(schema.QuarantineSchema(), event.Quarantine.Table(), snapshot, files[event.Quarantine])
	last := &waiting[len(waiting)-1]
	last.SQL = "SELECT * FROM (" + last.SQL + ") WHERE p_row_id NOT IN (SELECT p_row_id FROM " + hidden(resolvedTable) + ")"
	last.Uses = append(last.Uses, resolvedTable)
	return append(append(tables, events), waiting...), nil
}

// hidden returns how the SQL of a table names another that users do not see.
func hidden(name string) string { return query.HiddenSchema + "." + name }

// lacks returns the values that are surely among no indicators of a segment.
func lacks(s *catalog.Segment, values []string) []string {
	if len(s.Bloom) == 0 {
		return nil
	}
	bloom, err := segment.DecodeBloom(s.Bloom)
	if err != nil {
		return nil // one of a newer version, say: it leaves nothing out
	}
	var out []string
	for _, v := range values {
		if !bloom.MayContain([]byte(v)) {
			out = append(out, v)
		}
	}
	return out
}

// logTypeTables returns the table of one log type, behind a hidden table for
// each layout of its segments where there are several.
func logTypeTables(s *schema.Schema, name string, snapshot *store.Snapshot, files map[string][]query.File) []query.Table {
	current := segment.LayoutOf(s)
	empty := segment.EmptyViewSQL(s)
	var parts []query.Table
	for hash, list := range files {
		view := current.ViewSQL([]segment.Part{{Layout: snapshot.Layouts[hash], Files: []string{anyFile}}})
		parts = append(parts, query.Table{
			Name: name, Files: list, Empty: empty,
			SQL: strings.Replace(view, "['"+anyFile+"']", query.FilesMark, 1),
		})
	}
	switch len(parts) {
	case 0:
		return []query.Table{{Name: name, SQL: empty}}
	case 1:
		return parts
	}
	whole := query.Table{Name: name}
	selects := make([]string, len(parts))
	for i := range parts {
		parts[i].Name, parts[i].Hidden = fmt.Sprintf("%s_layout_%d", name, i+1), true
		whole.Uses = append(whole.Uses, parts[i].Name)
		selects[i] = "SELECT * FROM " + hidden(parts[i].Name)
	}
	whole.SQL = strings.Join(selects, " UNION ALL ")
	return append(parts, whole)
}

// systemTables returns what the catalog says, as tables in memory. Those that
// the statement cannot mean, because their names are not in it, stay empty.
func systemTables(ctx context.Context, r *store.Reader, statement string) ([]query.MemoryTable, error) {
	statement = strings.ToLower(statement)
	all, err := r.SystemTables(ctx, func(name string) bool {
		if name == resolvedTable {
			return strings.Contains(statement, event.Quarantine.Table()) // which uses it
		}
		return strings.Contains(statement, name)
	})
	tables := make([]query.MemoryTable, len(all))
	for i, t := range all {
		tables[i] = query.MemoryTable{Name: t.Name, Hidden: t.Name == resolvedTable, Rows: t.Rows, Columns: make([]query.Column, len(t.Columns))}
		for j, c := range t.Columns {
			tables[i].Columns[j] = query.Column{Name: c.Name, Type: c.Type}
		}
	}
	return tables, err
}
