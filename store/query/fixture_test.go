package query

import (
	"bytes"
	"context"
	"fmt"
	"os"
	"path/filepath"
	"testing"
)

// fixture is a small store: two segments of one log type an hour apart, one of
// another, the view events over both, and a memory table.
type fixture struct {
	dir    string
	tables []Table
	memory []MemoryTable
}

const selectAudit = "SELECT * FROM read_parquet({files})"

// hour is 2025-10-10 10:00:00 UTC in microseconds.
const hour = int64(1760090400_000_000)

// newFixture writes the segments with DuckDB itself.
func newFixture(t testing.TB) *fixture {
	t.Helper()
	f := &fixture{dir: t.TempDir()}
	e, err := openEngine(Limits{}.withDefaults(), t.TempDir())
	if err != nil {
		t.Fatal(err)
	}
	defer e.close()
	audit := `SELECT 'MongoDB.Audit' AS p_log_type, make_timestamp(%d + i * 60000000) AS p_event_time,
		CASE i %% 3 WHEN 0 THEN 'authenticate' WHEN 1 THEN 'createUser' ELSE 'dropCollection' END AS atype,
		make_timestamp(%d + i * 60000000) AS ts, {'ip': '10.0.0.' || (i %% 5), 'port': 1000 + i} AS remote,
		[{'user': 'anna', 'db': 'admin'}, {'user': 'bo' || i, 'db': 'test'}] AS users,
		CASE WHEN i %% 2 = 0 THEN '{"user": "anna", "n": ' || i || '}' END::JSON AS param,
		i %% 2 AS result, ['anna', 'bo' || i] AS p_any_usernames, encode('line ' || i) AS p_raw_bytes, 'line ' || i AS p_raw,
		i::HUGEINT * 10000000000000000000 AS big, (i / 8)::DECIMAL(18,3) AS price
		FROM range(20) r(i)`
	one := f.write(t, e, "one.parquet", fmt.Sprintf(audit, hour, hour))
	two := f.write(t, e, "two.parquet", fmt.Sprintf(audit, hour+3600_000_000, hour+3600_000_000))
	org := f.write(t, e, "org.parquet", fmt.Sprintf(`SELECT 'MongoDB.OrganizationEvent' AS p_log_type,
		make_timestamp(%d + i * 60000000) AS p_event_time, 'ALERT' AS "eventTypeName" FROM range(5) r(i)`, hour))
	f.tables = []Table{
		{
			Name: "mongodb_audit", SQL: selectAudit, Empty: "SELECT * FROM (SELECT NULL::VARCHAR AS p_log_type, NULL::TIMESTAMP AS p_event_time, NULL::VARCHAR AS atype, NULL::TIMESTAMP AS ts, NULL::BIGINT AS result) WHERE false",
			Files: []File{{Path: one, Min: hour, Max: hour + 19*60_000_000}, {Path: two, Min: hour + 3600_000_000, Max: hour + 3600_000_000 + 19*60_000_000}},
		},
		{Name: "mongodb_organizationevent", SQL: selectAudit, Files: []File{{Path: org}}},
		{Name: "rapid7_auditlog", SQL: "SELECT NULL::VARCHAR AS p_log_type, NULL::TIMESTAMP AS p_event_time WHERE false"},
		{
			Name: "events", Uses: []string{"mongodb_audit", "mongodb_organizationevent", "rapid7_auditlog"},
			SQL: "SELECT p_log_type, p_event_time FROM mongodb_audit UNION ALL SELECT p_log_type, p_event_time FROM mongodb_organizationevent" +
				" UNION ALL SELECT p_log_type, p_event_time FROM rapid7_auditlog",
		},
	}
	f.memory = []MemoryTable{{
		Name:    "margay_sources",
		Columns: []Column{{"id", "BIGINT"}, {"label", "VARCHAR"}, {"seen", "TIMESTAMP"}, {"raw", "BLOB"}, {"tags", "VARCHAR[]"}, {"doc", "JSON"}, {"ok", "BOOLEAN"}},
		Rows: [][]any{
			{int64(9007199254740993), "prod 'mongod'", "2025-10-10T10:00:00.5Z", []byte{0, 255}, []string{"a", "b,c"}, map[string]int{"n": 1}, true},
			{nil, nil, nil, nil, nil, nil, nil},
		},
	}}
	return f
}

func (f *fixture) write(t testing.TB, e *engine, name, sql string) string {
	t.Helper()
	path := filepath.Join(f.dir, name)
	if err := e.exec(fmt.Sprintf("COPY (%s) TO %s (FORMAT parquet)", sql, quote(path))); err != nil {
		t.Fatal(err)
	}
	return path
}

func (f *fixture) request(sql string) Request {
	return Request{SQL: sql, Output: OutputNDJSON, Tables: f.tables, Memory: f.memory}
}

// ask runs a statement and returns its rows as text.
func (f *fixture) ask(ctx context.Context, command string, r Request) (string, Result, error) {
	var out, errs bytes.Buffer
	res, err := run(ctx, command, r, &out, &errs)
	return out.String(), res, err
}

// snapshot maps every file of the fixture to its bytes.
func (f *fixture) snapshot(t testing.TB) map[string]string {
	t.Helper()
	entries, err := os.ReadDir(f.dir)
	if err != nil {
		t.Fatal(err)
	}
	files := map[string]string{}
	for _, e := range entries {
		b, err := os.ReadFile(filepath.Join(f.dir, e.Name()))
		if err != nil {
			t.Fatal(err)
		}
		files[e.Name()] = string(b)
	}
	return files
}
