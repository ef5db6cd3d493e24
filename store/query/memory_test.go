package query

import (
	"fmt"
	"strings"
	"testing"
)

// TestMemoryTable holds that all rows of a table in memory arrive, however many:
// the number of rows that DuckDB answers an INSERT with is no text.
func TestMemoryTable(t *testing.T) {
	t.Parallel()
	f := newFixture(t)
	for _, n := range []int{0, 1, 12, 13, 5000} {
		rows := make([][]any, n)
		for i := range rows {
			rows[i] = []any{fmt.Sprintf("a name of more than twelve bytes, %d", i), i}
		}
		f.memory = []MemoryTable{{Name: "many", Columns: []Column{{"name", "VARCHAR"}, {"n", "BIGINT"}}, Rows: rows}}
		got, _, err := f.ask(t.Context(), WorkerCommand, f.request("SELECT count(DISTINCT name) AS names, coalesce(sum(n), 0)::BIGINT AS sum FROM many"))
		if want := fmt.Sprintf(`{"names":%d,"sum":%d}`, n, n*(n-1)/2); err != nil || strings.TrimSpace(got) != want {
			t.Errorf("%d rows: %s, %v; want %s", n, got, err, want)
		}
	}
}

// TestRepeat holds that a statement that is measured is still answered once.
func TestRepeat(t *testing.T) {
	t.Parallel()
	f := newFixture(t)
	r := f.request("SELECT count(*) AS n FROM mongodb_audit")
	r.Repeat = 3
	got, res, err := f.ask(t.Context(), WorkerCommand, r)
	if err != nil || got != "{\"n\":40}\n" || res.Rows != 1 || len(res.Engine) != 3 {
		t.Errorf("%q, %+v, %v", got, res, err)
	}
}
