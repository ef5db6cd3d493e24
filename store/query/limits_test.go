package query

import (
	"bytes"
	"context"
	"errors"
	"os"
	"path/filepath"
	"strings"
	"testing"
	"time"
)

// TestLimits tries to eat the machine. Each statement must end in the error of
// the limit that it runs into.
func TestLimits(t *testing.T) {
	t.Parallel()
	small := Limits{Timeout: 2 * time.Second, Memory: 256 << 20, Temp: 64 << 20}
	long := Limits{Timeout: time.Minute, Memory: 256 << 20, Temp: 64 << 20}
	for _, c := range []struct {
		name, sql string
		limits    Limits
		kinds     []error
	}{
		{"scalar that makes a long string", "SELECT length(repeat('x', 4000000000))", long, []error{ErrMemory, ErrInvalid}},
		{"strings around the memory limit", "SELECT max(length(repeat('x', 100000000 + i))) FROM range(400) r(i) ORDER BY 1", small, []error{ErrMemory, ErrTimeout}},
		{"string that doubles", "WITH RECURSIVE r AS (SELECT 'x' AS s UNION ALL SELECT s || s FROM r) SELECT length(s) FROM r", long, []error{ErrMemory, ErrInvalid}},
		{"scalar that runs for minutes", "SELECT list_reduce(range(1000000000), lambda a, b: a + b)", small, []error{ErrTimeout, ErrMemory}},
		{"scalar that ignores interrupts", "SELECT list_sum(list_transform(range(20000000), lambda a: length(repeat(a::VARCHAR, 200))))", small, []error{ErrTimeout, ErrMemory}},
		{"endless recursion", "WITH RECURSIVE r AS (SELECT 1 AS n UNION ALL SELECT n + 1 FROM r) SELECT count(*) FROM r", small, []error{ErrTimeout, ErrMemory}},
		{"cross join", "SELECT count(*) FROM range(1000000) a, range(1000000) b, range(1000) c WHERE a.range + b.range % 7 = c.range", small, []error{ErrTimeout}},
		{"big sort", "SELECT * FROM (SELECT hash(i) AS h, repeat('x', 1000) AS s FROM range(3000000) r(i)) ORDER BY h LIMIT 1 OFFSET 2000000", long, []error{ErrMemory}},
		{"big list", "SELECT len(list(repeat('x', 1000) || i)) FROM range(3000000) r(i)", long, []error{ErrMemory}},
		{"big distinct", "SELECT count(DISTINCT repeat('x', 1000) || i) FROM range(3000000) r(i)", long, []error{ErrMemory}},
		{"hostile pattern", "SELECT regexp_matches(repeat('a', 100000), '(a{0,500}){0,500}$')", small, []error{ErrInvalid, ErrTimeout}},
		{"deep nesting", "SELECT " + strings.Repeat("(", 100_000) + "1" + strings.Repeat(")", 100_000), small, []error{ErrInvalid, ErrWorker, ErrRefused, ErrTimeout}},
		{"long chain", "SELECT 1" + strings.Repeat("+1", 200_000), small, []error{ErrInvalid, ErrWorker, ErrRefused, ErrTimeout}},
		{"long text", "SELECT '" + strings.Repeat("x", maxSQL) + "'", small, []error{ErrRefused}},
	} {
		t.Run(c.name, func(t *testing.T) {
			t.Parallel()
			r := Request{SQL: c.sql, Output: OutputNDJSON, Limits: c.limits, TempDir: t.TempDir()}
			_, _, err := new(fixture).ask(t.Context(), WorkerCommand, r)
			ok := false
			for _, kind := range c.kinds {
				ok = ok || errors.Is(err, kind)
			}
			if !ok {
				t.Errorf("error %v, want one of %v", err, c.kinds)
			}
			if err != nil && strings.Contains(err.Error(), "\n") {
				t.Errorf("error has several lines: %v", err)
			}
			left, err := os.ReadDir(r.TempDir)
			if err != nil || len(left) > 0 {
				t.Errorf("left %v in the temporary folder, %v", left, err)
			}
		})
	}
}

// cancelWriter ends a context at the first byte that it is given.
type cancelWriter struct{ cancel context.CancelFunc }

func (w cancelWriter) Write(b []byte) (int, error) {
	w.cancel()
	return len(b), nil
}

func TestCancelWhileStreaming(t *testing.T) {
	t.Parallel()
	ctx, cancel := context.WithCancel(t.Context())
	defer cancel()
	r := Request{SQL: "SELECT * FROM range(100000000000)", Output: OutputNDJSON}
	if _, err := Run(ctx, r, cancelWriter{cancel}, &bytes.Buffer{}); !errors.Is(err, context.Canceled) {
		t.Fatalf("error %v, want that of the context", err)
	}
}

func TestCancelledBefore(t *testing.T) {
	t.Parallel()
	ctx, cancel := context.WithCancel(t.Context())
	cancel()
	if _, err := Run(ctx, Request{SQL: "SELECT 1"}, &bytes.Buffer{}, &bytes.Buffer{}); !errors.Is(err, context.Canceled) {
		t.Fatalf("error %v, want that of the context", err)
	}
}

// fullWriter takes nothing, as a closed pipe does.
type fullWriter struct{}

var errFull = errors.New("nobody reads")

func (fullWriter) Write([]byte) (int, error) { return 0, errFull }

func TestStdoutFails(t *testing.T) {
	t.Parallel()
	r := Request{SQL: "SELECT * FROM range(100000000000)", Output: OutputNDJSON}
	if _, err := Run(t.Context(), r, fullWriter{}, &bytes.Buffer{}); !errors.Is(err, errFull) {
		t.Fatalf("error %v, want %v", err, errFull)
	}
}

// TestStreams reads a result that is larger than the memory limit.
func TestStreams(t *testing.T) {
	t.Parallel()
	var out countWriter
	r := Request{
		SQL: "SELECT repeat('x', 1000) AS s FROM range(400000)", Output: OutputNDJSON,
		Limits: Limits{Memory: 64 << 20, Temp: 1 << 20},
	}
	res, err := Run(t.Context(), r, &out, &bytes.Buffer{})
	if err != nil || res.Rows != 400_000 || out.n != 400_000*(1000+len(`{"s":""}`)+1) {
		t.Fatalf("%d rows, %d bytes, %v", res.Rows, out.n, err)
	}
}

type countWriter struct{ n int }

func (w *countWriter) Write(b []byte) (int, error) {
	w.n += len(b)
	return len(b), nil
}

func TestSegmentGone(t *testing.T) {
	t.Parallel()
	f := newFixture(t)
	if err := os.Remove(filepath.Join(f.dir, "two.parquet")); err != nil {
		t.Fatal(err)
	}
	_, _, err := f.ask(t.Context(), WorkerCommand, f.request("SELECT max(ts) FROM mongodb_audit"))
	if !errors.Is(err, ErrSegmentGone) {
		t.Fatalf("error %v, want %v", err, ErrSegmentGone)
	}
	if strings.Contains(err.Error(), f.dir) {
		t.Errorf("the error names the folder: %v", err)
	}
	// A table that the statement does not name is not opened.
	if _, _, err := f.ask(t.Context(), WorkerCommand, f.request("SELECT * FROM mongodb_organizationevent")); err != nil {
		t.Errorf("another table: %v", err)
	}
}

func TestSegmentDamaged(t *testing.T) {
	t.Parallel()
	f := newFixture(t)
	if err := os.WriteFile(filepath.Join(f.dir, "one.parquet"), []byte("no parquet at all"), 0o600); err != nil {
		t.Fatal(err)
	}
	_, _, err := f.ask(t.Context(), WorkerCommand, f.request("SELECT max(ts) FROM mongodb_audit"))
	if !errors.Is(err, ErrDamaged) || strings.Contains(err.Error(), f.dir) || !strings.Contains(err.Error(), "one.parquet") {
		t.Fatalf("error %v, want one that names the segment and not its folder", err)
	}
}

// TestStarted holds that a caller learns whether a retry would repeat rows.
func TestStarted(t *testing.T) {
	t.Parallel()
	for sql, want := range map[string]bool{
		"SELECT CASE WHEN i = 900000 THEN error('late') ELSE i::VARCHAR END AS a FROM range(1000000) r(i)": true,
		"SELECT error('at once') AS a": false,
	} {
		_, _, err := new(fixture).ask(t.Context(), WorkerCommand, Request{SQL: sql, Output: OutputCSV, Limits: Limits{Threads: 1}})
		var e *Error
		if !errors.As(err, &e) || e.Kind != ErrInvalid || e.Started != want {
			t.Errorf("%s: error %#v, want started %t", sql, err, want)
		}
	}
}

// TestUses holds that a view may stand on a memory table and on another view,
// and that a request which contradicts itself is told so.
func TestUses(t *testing.T) {
	t.Parallel()
	r := Request{
		SQL: "SELECT * FROM b", Output: OutputCSV,
		Memory: []MemoryTable{{Name: "m", Columns: []Column{{"x", "BIGINT"}}, Rows: [][]any{{1}, {2}}}},
		Tables: []Table{
			{Name: "a", SQL: "SELECT x + 1 AS x FROM m", Uses: []string{"m"}},
			{Name: "b", SQL: "SELECT sum(x) AS s FROM a", Uses: []string{"a"}},
		},
	}
	if out, _, err := new(fixture).ask(t.Context(), WorkerCommand, r); err != nil || out != "s\n5\n" {
		t.Errorf("%q, %v", out, err)
	}
	for want, tables := range map[string][]Table{
		"does not stand before": {{Name: "b", SQL: "SELECT 1", Uses: []string{"b"}}},
		"used twice":            {{Name: "m", SQL: "SELECT 1"}},
		"not a lower-case name": {{Name: "a.csv", SQL: "SELECT 1"}},
		"relative path":         {{Name: "a", SQL: "SELECT 1", Files: []File{{Path: "x.parquet"}}}},
	} {
		r.Tables = tables
		if _, _, err := new(fixture).ask(t.Context(), WorkerCommand, r); err == nil || !strings.Contains(err.Error(), want) {
			t.Errorf("error %v, want %q", err, want)
		}
	}
}

// TestErrors checks that errors are one line that helps, and of the right kind.
func TestErrors(t *testing.T) {
	t.Parallel()
	f := newFixture(t)
	for _, c := range []struct {
		sql  string
		kind error
		want string
	}{
		{"", ErrInvalid, "empty"},
		{" ; ", ErrInvalid, "no statement"},
		{"-- nothing", ErrInvalid, "no statement"},
		{"SELEC 1", ErrInvalid, `syntax error at or near "SELEC" (line 1, column 1)`},
		{"SELECT\n  1 +", ErrInvalid, "line 2"},
		{"SELECT nosuch FROM mongodb_audit", ErrInvalid, `"nosuch" not found`},
		{"SELECT 'x'::INT", ErrInvalid, "Could not convert string 'x'"},
		{"SELECT CAST(p_raw AS INT) FROM mongodb_audit", ErrInvalid, "line 0"},
		{"SELECT nosuch(1)", ErrRefused, "function nosuch is not allowed"},
		{"SELECT * FROM mongodb_audi", ErrRefused, "there are: events, margay_sources, mongodb_audit,"},
		{"SELECT * FROM read_csv('x')", ErrRefused, "table function read_csv is not allowed"},
		{"SELECT 1; SELECT 2", ErrRefused, "more than one statement"},
		{"SELECT $1", ErrRefused, "named param map"},
		{"PIVOT mongodb_audit ON atype USING count(*)", ErrRefused, "SELECT * FROM t PIVOT"},
		{"DELETE FROM mongodb_audit", ErrRefused, "not a SELECT"},
		{"SELECT '0101'::BIT AS b", ErrInvalid, `column "b" has type BIT`},
		{"SELECT 1\x00; SELECT 2", ErrRefused, "zero byte"},
		{"SELECT '\xff'", ErrInvalid, "UTF-8"},
		{"SELECT 1 AS a ORDER BY b", ErrInvalid, "b"},
		{"SELECT error('boom\nbang')", ErrInvalid, "boom bang"},
	} {
		_, _, err := f.ask(t.Context(), WorkerCommand, f.request(c.sql))
		if !errors.Is(err, c.kind) || !strings.Contains(err.Error(), c.want) || strings.Contains(err.Error(), "\n") {
			t.Errorf("%q: error %v\n\twant %v with %q", c.sql, err, c.kind, c.want)
		}
	}
}
