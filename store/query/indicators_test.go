package query

import (
	"slices"
	"testing"
)

// TestWants holds that values are taken from a statement only where that is
// sure.
func TestWants(t *testing.T) {
	t.Parallel()
	e, err := openEngine(Limits{}.withDefaults(), t.TempDir())
	if err != nil {
		t.Fatal(err)
	}
	defer e.close()
	for _, c := range []struct {
		where string
		want  []string
	}{
		{"list_contains(p_any_usernames, 'anna')", []string{"anna"}},
		{"LIST_HAS(P_Any_Usernames, 'it''s')", []string{"it's"}},
		{"array_contains(t.p_any_emails, 'a') AND b = 1 AND array_has(p_any_usernames, 'c')", []string{"a", "c"}},
		{"'10.0.0.1' = ANY(p_any_ip_addresses)", []string{"10.0.0.1"}},
		{"'anna' IN p_any_usernames", []string{"anna"}},
		{"list_contains(p_any_usernames, 'anna') AND p_event_time > '2025-10-10'", []string{"anna"}},
		{"list_contains(p_any_usernames, 'anna') AND (list_contains(p_any_emails, 'x') OR b)", []string{"anna"}},

		{"list_contains(p_any_usernames, 'anna') OR b", nil},
		{"NOT list_contains(p_any_usernames, 'anna')", nil},
		{"NOT (list_contains(p_any_usernames, 'anna') AND b)", nil},
		{"list_contains(p_any_usernames, 'anna') = false", nil},
		{"list_contains(p_any_usernames, lower('ANNA'))", nil},
		{"list_contains(list_transform(p_any_usernames, lambda x: lower(x)), 'anna')", nil},
		{"list_contains(users, 'anna')", nil},
		{"list_contains(s.p_any_usernames, 'anna')", nil},
		{"'anna' <> ANY(p_any_usernames)", nil},
		{"'anna' = ALL(p_any_usernames)", nil},
		{"'anna' = ANY(SELECT unnest(p_any_usernames) WHERE false)", nil},
		{"'anna' = ANY(SELECT unnest(p_any_usernames) FROM t)", nil},
		{"list_position(p_any_usernames, 'anna') > 0", nil},
		{"user_name = 'anna'", nil},
	} {
		p, err := inspect("SELECT * FROM t WHERE "+c.where, e.serialize, []string{"t"})
		if err != nil {
			t.Errorf("%s: %v", c.where, err)
			continue
		}
		if got := p.wants(); !slices.Equal(got, c.want) {
			t.Errorf("%s: %q, want %q", c.where, got, c.want)
		}
	}
	for _, sql := range []string{
		"SELECT * FROM t x(p_any_usernames) WHERE list_contains(p_any_usernames, 'anna')",
		"SELECT * FROM t TABLESAMPLE 10% WHERE list_contains(p_any_usernames, 'anna')",
		"SELECT count(*) FILTER (list_contains(p_any_usernames, 'anna')) FROM t",
		"SELECT * FROM (SELECT 1 x) a LEFT JOIN t ON true WHERE list_contains(p_any_usernames, 'anna')",
		"SELECT (SELECT count(*) FROM t) FROM t WHERE list_contains(p_any_usernames, 'anna')",
		"WITH a AS (FROM t) SELECT * FROM a WHERE list_contains(p_any_usernames, 'anna')",
	} {
		p, err := inspect(sql, e.serialize, []string{"t"})
		if err != nil {
			t.Errorf("%s: %v", sql, err)
			continue
		}
		if got := p.wants(); len(got) > 0 {
			t.Errorf("%s: %q", sql, got)
		}
	}
}

func TestLiterals(t *testing.T) {
	t.Parallel()
	for _, c := range []struct {
		sql  string
		want []string
	}{
		{"SELECT * FROM t WHERE user_name = 'anna'", nil},
		{"SELECT p_any_usernames", nil},
		{"SELECT 'a' WHERE list_contains(P_ANY_USERNAMES, 'it''s') OR '' = 'a'", []string{"a", "it's", ""}},
		{"p_any_ 'open", nil},
		{"p_any_ 'open''", nil},
		{"p_any_ ''''", []string{"'"}},
	} {
		if got := Literals(c.sql); !slices.Equal(got, c.want) {
			t.Errorf("%s: %q, want %q", c.sql, got, c.want)
		}
	}
}
