package query

import (
	"encoding/json"
	"errors"
	"maps"
	"slices"
	"strings"
	"testing"

	duckdb "github.com/duckdb/duckdb-go-bindings"
	"github.com/google/go-cmp/cmp"
)

func parser(t testing.TB) *engine {
	t.Helper()
	e, err := openEngine(Limits{}.withDefaults(), t.TempDir())
	if err != nil {
		t.Fatal(err)
	}
	t.Cleanup(e.close)
	return e
}

// TestScopes holds which names a statement may read from, and which tables it
// is then said to need.
func TestScopes(t *testing.T) {
	t.Parallel()
	e := parser(t)
	for _, c := range []struct {
		sql  string
		want []string // nil: refused
	}{
		{"SELECT 1", []string{}},
		{"SELECT * FROM t", []string{"t"}},
		{"SELECT * FROM T, main.t, memory.main.u", []string{"t", "u"}},
		{"SELECT * FROM x", nil},
		{"SELECT * FROM other.t", nil},
		{"SELECT * FROM system.main.t", nil},
		{"SELECT * FROM information_schema.t", nil},
		{"WITH x AS (SELECT 1) SELECT * FROM x", []string{}},
		{"WITH x AS (SELECT 1) SELECT * FROM X", []string{}},
		{"WITH x AS (SELECT 1) SELECT * FROM main.x", nil},
		{"WITH x AS (SELECT 1) SELECT (SELECT count(*) FROM x)", []string{}},
		{"WITH x AS (SELECT 1), y AS (SELECT * FROM x) SELECT * FROM y", []string{}},
		{"WITH x AS (SELECT * FROM y), y AS (SELECT 1) SELECT * FROM x", nil},
		{"WITH x AS (SELECT * FROM x) SELECT * FROM x", nil},
		{"WITH t AS (SELECT * FROM t) SELECT * FROM t", []string{"t"}},
		{"SELECT * FROM (WITH x AS (SELECT 1) SELECT * FROM x), x", nil},
		{"SELECT * FROM (WITH x AS (SELECT 1) SELECT * FROM x) WHERE a IN (SELECT * FROM x)", nil},
		{"SELECT 1 UNION (WITH x AS (SELECT 1) SELECT * FROM x) UNION SELECT * FROM x", nil},
		{"WITH RECURSIVE r AS (SELECT 1 AS n UNION ALL SELECT n + 1 FROM r) SELECT * FROM r", []string{}},
		{"WITH RECURSIVE r AS (SELECT 1 AS n UNION ALL SELECT n + 1 FROM s), s AS (SELECT 1) SELECT * FROM r", nil},
		{"WITH RECURSIVE r(n) USING KEY (n) AS (SELECT 1 UNION ALL SELECT n FROM recurring.r) SELECT * FROM r", []string{}},
		{"SELECT * FROM recurring.x", nil},
		{`WITH "x.csv" AS (SELECT 1) SELECT 1`, nil},
		{`WITH "/etc/passwd" AS (SELECT 1) SELECT 1`, nil},
		{"SELECT 1 ORDER BY (SELECT 1 FROM x)", nil},
		{"SELECT * FROM t LIMIT (SELECT n FROM u)", []string{"t", "u"}},
	} {
		p, err := inspect(c.sql, e.serialize, []string{"t", "u"})
		if c.want == nil {
			if !errors.Is(err, ErrRefused) {
				t.Errorf("%s: error %v, want a refusal", c.sql, err)
			}
			continue
		}
		if err != nil {
			t.Errorf("%s: %v", c.sql, err)
			continue
		}
		slices.Sort(p.tables)
		if diff := cmp.Diff(c.want, append([]string{}, p.tables...)); diff != "" {
			t.Errorf("%s: tables (-want +got):\n%s", c.sql, diff)
		}
	}
}

// TestGateIsClosed changes the trees of legal statements: whatever object gets
// a part that the gate does not know, whatever name becomes another one, the
// statement must be refused. So what a later DuckDB adds to its trees cannot
// slip through.
func TestGateIsClosed(t *testing.T) {
	t.Parallel()
	e := parser(t)
	names := []string{"mongodb_audit", "mongodb_organizationevent", "rapid7_auditlog", "events", "margay_sources"}
	changes := 0
	for _, c := range legal {
		text, err := e.serialize(c.sql)
		if err != nil {
			t.Fatal(err)
		}
		for i := 0; ; i++ {
			changed, what := mutate(t, text, i)
			if what == "" {
				break
			}
			changes++
			_, err := inspect(c.sql, func(string) (string, error) { return changed, nil }, names)
			if !errors.Is(err, ErrRefused) {
				t.Errorf("%s: with %s: error %v, want a refusal", c.sql, what, err)
			}
		}
	}
	if changes < 1000 {
		t.Errorf("only %d changes were tried", changes)
	}
}

// mutate returns the tree with its i-th change and says what that is, or "".
func mutate(t *testing.T, text string, i int) (changed, what string) {
	t.Helper()
	var root map[string]any
	if err := json.Unmarshal([]byte(text), &root); err != nil {
		t.Fatal(err)
	}
	hidden := map[string]any{"class": "FUNCTION", "type": "FUNCTION", "function_name": "read_text"}
	var walk func(v any)
	try := func(name string, do func()) {
		if i == 0 && what == "" {
			do()
			what = name
		}
		i--
	}
	walk = func(v any) {
		switch v := v.(type) {
		case []any:
			for _, item := range v {
				walk(item)
			}
		case map[string]any:
			for _, key := range []string{"function_name", "table_name", "class"} {
				if s, _ := v[key].(string); s != "" {
					try(key, func() { v[key] = "read_text" })
				}
			}
			for _, key := range slices.Sorted(maps.Keys(v)) {
				walk(v[key])
			}
			try("a hidden part", func() { v["zz_new"] = hidden })
		}
	}
	statements, _ := root["statements"].([]any)
	walk(statements)
	out, err := json.Marshal(root)
	if err != nil {
		t.Fatal(err)
	}
	return string(out), what
}

// TestFunctionsExist holds that the list of functions names nothing that DuckDB
// does not have: a name with a slip in it would be refused for ever. The few
// exceptions are syntax that the parser turns into something else.
func TestFunctionsExist(t *testing.T) {
	t.Parallel()
	e := parser(t)
	syntax := words("if ifnull coalesce percentile_cont percentile_disc array_extract rank_dense current_user user")
	known := map[string]bool{}
	s, err := e.prepare("SELECT DISTINCT lower(function_name) FROM duckdb_functions()")
	if err != nil {
		t.Fatal(err)
	}
	defer s.close()
	err = s.run(func(cols []vector, n int) error {
		for i := range n {
			known[string(cols[0].bytes(i))] = true
		}
		return nil
	})
	if err != nil {
		t.Fatal(err)
	}
	for name := range functions {
		if !known[name] && !syntax[name] {
			t.Errorf("there is no function %s", name)
		}
	}
	for name := range tableFunctions {
		if !known[name] {
			t.Errorf("there is no table function %s", name)
		}
	}
	for name := range known {
		for _, bad := range []string{"read_", "parquet_", "duckdb_", "pragma_", "glob", "query", "getenv", "setting", "sniff", "secret", "log_", "_log", "sleep", "nextval", "currval", "serialize", "execute"} {
			if strings.Contains(name, bad) && (functions[name] || tableFunctions[name]) {
				t.Errorf("function %s is allowed", name)
			}
		}
	}
}

// FuzzGate holds that a statement which passes names only known tables, by
// DuckDB's own account, and that the gate's word does not change.
func FuzzGate(f *testing.F) {
	for _, c := range legal {
		f.Add(c.sql)
	}
	for _, a := range attacks {
		f.Add(a.sql)
	}
	e := parser(f)
	known := []string{"mongodb_audit", "mongodb_organizationevent", "rapid7_auditlog", "events", "margay_sources"}
	f.Fuzz(func(t *testing.T, sql string) {
		if len(sql) > 4<<10 {
			return
		}
		p, err := inspect(sql, e.serialize, known)
		q, again := inspect(sql, e.serialize, known)
		if (err == nil) != (again == nil) || err != nil && err.Error() != again.Error() {
			t.Fatalf("the gate says %v, then %v", err, again)
		}
		if err != nil {
			return
		}
		if !slices.Equal(p.tables, q.tables) {
			t.Fatalf("tables %q, then %q", p.tables, q.tables)
		}
		list := duckdb.GetTableNames(e.conn, sql, false)
		defer duckdb.DestroyValue(&list)
		for i := range duckdb.GetListSize(list) {
			child := duckdb.GetListChild(list, i)
			name := strings.ToLower(duckdb.GetVarchar(child))
			duckdb.DestroyValue(&child)
			if !slices.Contains(p.tables, name) {
				t.Errorf("reads %q, which the gate did not see", name)
			}
		}
	})
}
