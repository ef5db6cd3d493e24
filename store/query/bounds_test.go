package query

import (
	"fmt"
	"math"
	"strings"
	"testing"
)

// TestSpan holds that times are taken from a statement only where that is sure.
func TestSpan(t *testing.T) {
	t.Parallel()
	e, err := openEngine(Limits{}.withDefaults(), t.TempDir())
	if err != nil {
		t.Fatal(err)
	}
	defer e.close()
	const ten, eleven = hour, hour + 3600_000_000
	from := func(a int64) span { return span{a, math.MaxInt64} }
	for _, c := range []struct {
		sql  string
		want span
	}{
		{"SELECT * FROM t WHERE p_event_time >= '2025-10-10 10:00:00'", from(ten)},
		{"SELECT * FROM t WHERE p_event_time > TIMESTAMP '2025-10-10 10:00:00'", from(ten)},
		{"SELECT * FROM t WHERE p_event_time > '2025-10-10T10:00:00Z'::timestamptz", from(ten)},
		{"SELECT * FROM t WHERE P_Event_Time > DATE '2025-10-10'", from(ten - 10*3600_000_000)},
		{"SELECT * FROM t WHERE p_event_time > '2025-10-10'", from(ten - 10*3600_000_000)},
		{"SELECT * FROM t WHERE '2025-10-10 10:00:00' <= p_event_time", from(ten)},
		{"SELECT * FROM t WHERE p_event_time < '2025-10-10 10:00:00.25'", span{math.MinInt64, ten + 250_000}},
		{"SELECT * FROM t WHERE p_event_time = '2025-10-10 10:00:00'", span{ten, ten}},
		{"SELECT * FROM t x WHERE x.p_event_time BETWEEN '2025-10-10 10:00:00' AND '2025-10-10 11:00:00' AND a = 1", span{ten, eleven}},
		{"SELECT * FROM t WHERE p_event_time >= '2025-10-10 10:00:00' AND (p_event_time < '2025-10-10 11:00:00' AND b OR c)", from(ten)},
		{"SELECT * FROM t, unnest(t.l) u(x) WHERE p_event_time >= '2025-10-10 10:00:00' AND u.x = 1", from(ten)},
		{"SELECT count(*) FROM (SELECT * FROM t WHERE p_event_time >= '2025-10-10 10:00:00') WHERE p_event_time < '2025-10-10 11:00:00'", from(ten)},
		{"WITH a AS (SELECT * FROM t WHERE p_event_time >= '2025-10-10 10:00:00') SELECT * FROM a x, a y", from(ten)},
		{"SELECT 1 UNION ALL SELECT x FROM t WHERE p_event_time >= '2025-10-10 10:00:00'", from(ten)},

		{"SELECT * FROM t", anyTime},
		{"SELECT * FROM t WHERE a OR p_event_time >= '2025-10-10 10:00:00'", anyTime},
		{"SELECT * FROM t WHERE NOT (p_event_time >= '2025-10-10 10:00:00' AND a)", anyTime},
		{"SELECT * FROM t WHERE p_event_time <> '2025-10-10 10:00:00'", anyTime},
		{"SELECT * FROM t WHERE p_event_time IS DISTINCT FROM '2025-10-10 10:00:00'", anyTime},
		{"SELECT * FROM t WHERE ts >= '2025-10-10 10:00:00'", anyTime},
		{"SELECT * FROM t WHERE s.p_event_time >= '2025-10-10 10:00:00'", anyTime},
		{"SELECT * FROM t WHERE p_event_time >= '2025-10-10 10:00:00+02'", anyTime},
		{"SELECT * FROM t WHERE p_event_time >= '2025-10-10 10:00:00'::DATE", anyTime},
		{"SELECT * FROM t WHERE p_event_time >= '2025-10-10 10:00:00'::VARCHAR", anyTime},
		{"SELECT * FROM t WHERE p_event_time::DATE >= '2025-10-10'", anyTime},
		{"SELECT * FROM t WHERE p_event_time >= now()", anyTime},
		{"SELECT * FROM t x(p_event_time) WHERE p_event_time >= '2025-10-10 10:00:00'", anyTime},
		{"SELECT * FROM t TABLESAMPLE 10% WHERE p_event_time >= '2025-10-10 10:00:00'", anyTime},
		{"SELECT * FROM t WHERE p_event_time >= '2025-10-10 10:00:00' USING SAMPLE 10%", anyTime},
		{"SELECT (SELECT count(*) FROM t) FROM t WHERE p_event_time >= '2025-10-10 10:00:00'", anyTime},
		{"SELECT * FROM t, u WHERE p_event_time >= '2025-10-10 10:00:00'", anyTime},
		{"SELECT * FROM (SELECT 1 x) a LEFT JOIN t ON true WHERE p_event_time >= '2025-10-10 10:00:00'", anyTime},
		{"SELECT * FROM (SELECT 1 x) a, t WHERE p_event_time >= '2025-10-10 10:00:00'", anyTime},
		{"WITH t AS (SELECT * FROM t WHERE p_event_time >= '2025-10-10 10:00:00') SELECT * FROM t", anyTime},
		{"WITH a AS (FROM t) SELECT * FROM a WHERE p_event_time >= '2025-10-10 10:00:00'", anyTime},
		{"SELECT * FROM t GROUP BY ALL HAVING p_event_time >= '2025-10-10 10:00:00'", anyTime},
		{"SELECT * FROM t ORDER BY p_event_time >= '2025-10-10 10:00:00'", anyTime},
	} {
		p, err := inspect(c.sql, e.serialize, []string{"t", "u"})
		if err != nil {
			t.Errorf("%s: %v", c.sql, err)
			continue
		}
		if got := p.span(); got != c.want {
			t.Errorf("%s: %v, want %v", c.sql, got, c.want)
		}
	}
}

// TestPruning holds that answers are the same with and without the times of the
// files, and that files are left out at all.
func TestPruning(t *testing.T) {
	t.Parallel()
	f := newFixture(t)
	blind := newFixture(t)
	for i := range blind.tables[0].Files {
		blind.tables[0].Files[i].Min, blind.tables[0].Files[i].Max = 0, 0
	}
	for where, pruned := range map[string]int{
		"p_event_time >= '2025-10-10 11:00:00'":                                             1,
		"p_event_time < '2025-10-10 11:00:00'":                                              0,
		"p_event_time < '2025-10-10 10:59:59'":                                              1,
		"p_event_time > '2026-01-01'":                                                       2,
		"p_event_time BETWEEN '2025-10-10 10:19:00' AND '2025-10-10 11:00:00'":              0,
		"p_event_time = '2025-10-10 10:19:00' AND result = 1":                               1,
		"p_event_time >= '2025-10-10 11:00:00' OR atype = 'createUser' AND result IN (0)":   0,
		"date_trunc('hour', p_event_time) = '2025-10-10 11:00:00' AND p_event_time < now()": 0,
	} {
		sql := fmt.Sprintf("SELECT count(*) AS n, min(ts) AS a, max(ts) AS b FROM mongodb_audit WHERE %s", where)
		want, _, err := blind.ask(t.Context(), WorkerCommand, blind.request(sql))
		if err != nil {
			t.Fatal(err)
		}
		got, res, err := f.ask(t.Context(), WorkerCommand, f.request(sql))
		if err != nil || got != want || res.Pruned != pruned || res.Files != 2 {
			t.Errorf("%s: %s, %d of %d pruned, %v; want %s, %d", where, strings.TrimSpace(got), res.Pruned, res.Files, err, strings.TrimSpace(want), pruned)
		}
	}
}
