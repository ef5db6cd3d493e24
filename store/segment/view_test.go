package segment

import (
	"bytes"
	"database/sql"
	"fmt"
	"os"
	"path/filepath"
	"slices"
	"strings"
	"testing"

	"github.com/google/go-cmp/cmp"

	"github.com/margay-audit/margay/event"
	"github.com/margay-audit/margay/schema"
)

// describe returns the columns of a SELECT with their types.
func describe(t *testing.T, db *sql.DB, query string) []string {
	t.Helper()
	return texts1(t, db, "SELECT column_name || ' ' || column_type FROM (DESCRIBE "+query+")")
}

// texts1 returns the only column of a query.
func texts1(t *testing.T, db *sql.DB, query string) []string {
	t.Helper()
	rows, err := db.Query(query)
	if err != nil {
		t.Fatalf("%v\n%s", err, query)
	}
	defer rows.Close()
	var out []string
	for rows.Next() {
		var s sql.NullString
		if err := rows.Scan(&s); err != nil {
			t.Fatal(err)
		}
		out = append(out, s.String)
	}
	if err := rows.Err(); err != nil {
		t.Fatalf("%v\n%s", err, query)
	}
	return out
}

// allSchemas are those that Margay has tables for.
func allSchemas() []*schema.Schema {
	return append(slices.Clone(schema.Builtin().All()), schema.QuarantineSchema())
}

// TestEmptyTablesLookLikeFullOnes: a table has the same columns and types
// whether events have come or not.
func TestEmptyTablesLookLikeFullOnes(t *testing.T) {
	t.Parallel()
	db := openDuckDB(t)
	check := func(l *Layout) {
		b, err := newBuilder(l)
		if err != nil {
			t.Fatal(err)
		}
		b.Append(&schema.Row{}, &RowMeta{Origin: &testOrigin})
		path, _ := store(t, t.TempDir(), 1, b)
		full := describe(t, db, l.ViewSQL([]Part{{l, []string{path}}}))
		empty := describe(t, db, l.ViewSQL(nil))
		if diff := cmp.Diff(full, empty); diff != "" {
			t.Errorf("%s: %s", l.LogType, diff)
		}
		if n := texts1(t, db, "SELECT count(*) FROM ("+l.ViewSQL([]Part{{l, nil}})+")"); n[0] != "0" {
			t.Errorf("%s: the empty table has %s rows", l.LogType, n)
		}
	}
	check(testLayout())
	for _, s := range allSchemas() {
		check(LayoutOf(s))
		if EmptyViewSQL(s) != ViewSQL(s, nil) {
			t.Errorf("%s: the view without files is not the empty one", s.LogType())
		}
	}
}

func TestTypesOfTheTable(t *testing.T) {
	t.Parallel()
	got := describe(t, openDuckDB(t), testLayout().ViewSQL(nil))
	want := []string{
		"action VARCHAR", "ok BOOLEAN", "small SMALLINT", "medium INTEGER", "large BIGINT", "ratio DOUBLE",
		"at TIMESTAMP WITH TIME ZONE", "other JSON", "param JSON",
		"remote STRUCT(ip VARCHAR, port BIGINT, tls STRUCT(\"version\" VARCHAR))",
		"users STRUCT(\"user\" VARCHAR, db VARCHAR, roles VARCHAR[])[]", "grid BIGINT[][]", `odd "name" VARCHAR`,
		"p_any_ip_addresses VARCHAR[]", "p_any_usernames VARCHAR[]", "p_any_domain_names VARCHAR[]", "p_any_emails VARCHAR[]",
		"p_log_type VARCHAR", "p_row_id VARCHAR", "p_event_time TIMESTAMP WITH TIME ZONE",
		"p_parse_time TIMESTAMP WITH TIME ZONE", "p_source_id VARCHAR", "p_source_label VARCHAR", "p_source_file VARCHAR",
		"p_schema_version INTEGER", "p_redactions VARCHAR[]", "p_extra JSON", "p_raw VARCHAR", "p_raw_bytes BLOB",
	}
	if diff := cmp.Diff(want, got); diff != "" {
		t.Error(diff)
	}
}

// TestOlderVersions: a table shows segments of every version of its schema.
func TestOlderVersions(t *testing.T) {
	t.Parallel()
	older := testLayout()
	older.Version = 2
	older.Columns = slices.Clone(older.Columns)
	older.Columns[3].Type = schema.TypeString                            // medium was a text
	older.Columns[9].Children = older.Columns[9].Children[:1]            // remote had no port
	older.Columns = slices.Delete(older.Columns, 4, 5)                   // large was not there
	older.Columns = append(older.Columns[:11:11], older.Columns[12:]...) // nor was "odd ""name"""
	older.Cut = 7
	dir := t.TempDir()
	old := testRow{fields: map[string]any{
		"action": "find", "medium": "12", "param": `{"x": 1}`, "remote": map[string]any{"ip": "10.0.0.1"},
	}, cut: [2]int{0, 8}, meta: RowMeta{Raw: []byte(`{"x": 1}!`), Origin: &testOrigin}}
	odd := old
	odd.fields = map[string]any{"medium": "no number"}
	odd.cut = [2]int{}
	path, _ := store(t, dir, 1, buildRows(t, older, []testRow{old, odd}))
	rows := randomRows(80, 20)
	now := testLayout()
	newer, _ := store(t, dir, 2, buildRows(t, now, rows))

	db := openDuckDB(t)
	r, err := Open(path)
	if err != nil {
		t.Fatal(err)
	}
	defer r.Close()
	view := now.ViewSQL([]Part{{r.Layout(), []string{path}}, {now, []string{newer}}})
	if diff := cmp.Diff(describe(t, db, now.ViewSQL(nil)), describe(t, db, view)); diff != "" {
		t.Error(diff)
	}
	got := readView(t, db, now, view)
	compareRows(t, now, rows, got[2:])
	if f := got[0].Fields; f["medium"] != 12.0 || f["large"] != nil || asJSON(t, f["param"]) != `{"x":1}` ||
		asJSON(t, f["remote"]) != `{"ip":"10.0.0.1","port":null,"tls":null}` {
		t.Errorf("the old row is %v", f)
	}
	if got[0].Raw.String != `{"x": 1}!` || got[0].Version != 2 || got[1].Fields["medium"] != nil || got[1].Raw.String != `{"x": 1}!` {
		t.Errorf("the old rows are %+v", got[:2])
	}
}

// TestOddPaths: paths come into SQL as text.
func TestOddPaths(t *testing.T) {
	t.Parallel()
	dir := filepath.Join(t.TempDir(), `it's a "folder"; --`, "key=value")
	if err := os.MkdirAll(dir, 0o700); err != nil {
		t.Fatal(err)
	}
	l := testLayout()
	rows := randomRows(81, 5)
	path, _ := store(t, dir, 1, buildRows(t, l, rows))
	compareRows(t, l, rows, readView(t, openDuckDB(t), l, l.ViewSQL([]Part{{l, []string{path}}})))
}

// TestAuditLinesInSQL: audit messages, by the built-in schema, as users see
// them.
func TestAuditLinesInSQL(t *testing.T) {
	t.Parallel()
	lines := auditLines(2_000)
	s, rows, metas := auditRows(t, lines)
	b := NewBuilder(s)
	for i := range rows {
		b.Append(&rows[i], &metas[i])
	}
	path, info := store(t, t.TempDir(), 1, b)
	if info.Bytes > info.RawBytes/3 {
		t.Errorf("%d bytes for %d received", info.Bytes, info.RawBytes)
	}
	db := openDuckDB(t)
	for _, s := range allSchemas() {
		view := EmptyViewSQL(s)
		if s.LogType() == event.MongoDBAudit {
			view = ViewSQL(s, []string{path})
		}
		if _, err := db.Exec("CREATE VIEW " + s.LogType().Table() + " AS " + view); err != nil {
			t.Fatal(err)
		}
	}
	if _, err := db.Exec("CREATE VIEW events AS " + EventsSQL(schema.Builtin().All())); err != nil {
		t.Fatal(err)
	}
	for _, table := range []string{"mongodb_audit", "events"} {
		for i, raw := range texts1(t, db, "SELECT p_raw FROM "+table+" ORDER BY p_row_id") {
			if raw != string(lines[i]) {
				t.Fatalf("%s: line %d is %s, not %s", table, i, raw, lines[i])
			}
		}
	}
	failed := 0
	for _, line := range lines {
		if bytes.Contains(line, []byte(`"result": 18`)) {
			failed++
		}
	}
	for query, want := range map[string]string{
		"SELECT count(*) FROM events WHERE p_log_type = 'MongoDB.Audit'":                             fmt.Sprint(len(lines)),
		"SELECT count(*) FROM events WHERE p_log_type <> 'MongoDB.Audit'":                            "0",
		"SELECT count(*) FROM mongodb_audit WHERE result <> 0":                                       fmt.Sprint(failed),
		"SELECT count(*) FROM mongodb_audit WHERE result <> 0 AND (param->>'$.mechanism') LIKE 'S%'": fmt.Sprint(failed),
		"SELECT count(*) FROM mongodb_audit WHERE len(users) = 1 AND users[1].db = 'admin'":          fmt.Sprint(len(lines)),
		"SELECT count(*) FROM events WHERE list_contains(p_any_ip_addresses, 'nowhere')":             "0",
		"SELECT typeof(param) FROM mongodb_audit LIMIT 1":                                            "JSON",
		"SELECT p_row_id FROM mongodb_audit ORDER BY p_row_id LIMIT 1":                               "00000000000000010000000000000000",
	} {
		if got := texts1(t, db, query); len(got) != 1 || got[0] != want {
			t.Errorf("%s: %q, not %q", query, got, want)
		}
	}
	columns := describe(t, db, "SELECT * FROM events")
	if !slices.Contains(columns, "p_any_emails VARCHAR[]") || slices.ContainsFunc(columns, func(c string) bool { return strings.HasPrefix(c, "p_row_hi") }) {
		t.Errorf("the columns of events are %q", columns)
	}
}
