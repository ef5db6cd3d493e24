package query

import (
	"math"
	"regexp"
	"strings"
	"time"
)

// eventTime is the column by whose values files are left out.
const eventTime = "p_event_time"

// span is a range of p_event_time in microseconds, both ends included.
type span struct{ min, max int64 }

var anyTime = span{math.MinInt64, math.MaxInt64}

// misses tells whether no row of the file can lie in the span.
func (s span) misses(f File) bool {
	if f.Min == 0 && f.Max == 0 {
		return false
	}
	return f.Max < s.min || f.Min > s.max
}

func (s span) and(o span) span { return span{max(s.min, o.min), min(s.max, o.max)} }

// span returns the event times that the statement can ask for, or anyTime
// unless it is sure: the statement names one table once, in a SELECT whose
// WHERE compares p_event_time with literals, so that no other row of the table
// matters, wherever in the statement that SELECT stands.
func (p *plan) span() span { return conditions(p.where()) }

// where returns the condition that every row of the statement's one table must
// meet to matter, and the name that the table has there; nil when that is not
// sure.
func (p *plan) where() (condition map[string]any, alias string) {
	if p.uses != 1 || p.all || p.shadowed || len(p.tables) != 1 {
		return nil, ""
	}
	node, alias := findSelect(p.tree, p.tables[0])
	condition, _ = node["where_clause"].(map[string]any)
	return condition, alias
}

// findSelect looks for the SELECT that reads the table, and returns it with the
// name that the table has there.
func findSelect(v any, table string) (map[string]any, string) {
	switch v := v.(type) {
	case []any:
		for _, item := range v {
			if node, alias := findSelect(item, table); node != nil {
				return node, alias
			}
		}
	case map[string]any:
		if v["type"] == "SELECT_NODE" && v["sample"] == nil {
			if alias, ok := leading(v["from_table"], table); ok {
				return v, alias
			}
		}
		for _, item := range v {
			if node, alias := findSelect(item, table); node != nil {
				return node, alias
			}
		}
	}
	return nil, ""
}

// leading tells whether every row behind FROM carries a row of the table: it
// stands there alone, or first in inner joins with calls of table functions.
func leading(v any, table string) (alias string, ok bool) {
	from, _ := v.(map[string]any)
	if from == nil || from["sample"] != nil {
		return "", false
	}
	switch from["type"] {
	case "BASE_TABLE":
		name, _ := from["table_name"].(string)
		if renamed, _ := from["column_name_alias"].([]any); len(renamed) > 0 || !strings.EqualFold(name, table) {
			return "", false
		}
		if alias, _ := from["alias"].(string); alias != "" {
			return alias, true
		}
		return name, true
	case "JOIN":
		right, _ := from["right"].(map[string]any)
		if from["join_type"] != "INNER" || right["type"] != "TABLE_FUNCTION" {
			return "", false
		}
		if from["ref_type"] != "CROSS" && from["ref_type"] != "REGULAR" {
			return "", false
		}
		return leading(from["left"], table)
	}
	return "", false
}

// conditions returns the span that the parts of a WHERE leave, as far as they
// are joined by AND and compare the event time with a literal.
func conditions(e map[string]any, alias string) span {
	switch e["class"] {
	case "CONJUNCTION":
		if e["type"] != "CONJUNCTION_AND" {
			return anyTime
		}
		s := anyTime
		parts, _ := e["children"].([]any)
		for _, p := range parts {
			part, _ := p.(map[string]any)
			s = s.and(conditions(part, alias))
		}
		return s
	case "BETWEEN":
		if !isEventTime(e["input"], alias) {
			return anyTime
		}
		return compare("COMPARE_GREATERTHANOREQUALTO", e["lower"]).and(compare("COMPARE_LESSTHANOREQUALTO", e["upper"]))
	case "COMPARISON":
		typ, _ := e["type"].(string)
		switch {
		case isEventTime(e["left"], alias):
			return compare(typ, e["right"])
		case isEventTime(e["right"], alias):
			return compare(mirrored[typ], e["left"])
		}
	}
	return anyTime
}

// mirrored swaps the sides of a comparison.
var mirrored = map[string]string{
	"COMPARE_EQUAL":                "COMPARE_EQUAL",
	"COMPARE_LESSTHAN":             "COMPARE_GREATERTHAN",
	"COMPARE_LESSTHANOREQUALTO":    "COMPARE_GREATERTHANOREQUALTO",
	"COMPARE_GREATERTHAN":          "COMPARE_LESSTHAN",
	"COMPARE_GREATERTHANOREQUALTO": "COMPARE_LESSTHANOREQUALTO",
}

// compare returns what "event time <typ> literal" leaves. Ends are kept even
// where the comparison excludes them: a microsecond more does no harm.
func compare(typ string, literal any) span {
	t, ok := moment(literal)
	if !ok {
		return anyTime
	}
	switch typ {
	case "COMPARE_EQUAL":
		return span{t, t}
	case "COMPARE_LESSTHAN", "COMPARE_LESSTHANOREQUALTO":
		return span{math.MinInt64, t}
	case "COMPARE_GREATERTHAN", "COMPARE_GREATERTHANOREQUALTO":
		return span{t, math.MaxInt64}
	}
	return anyTime
}

func isEventTime(v any, alias string) bool { return strings.EqualFold(columnOf(v, alias), eventTime) }

// columnOf returns the column of the table that an expression stands for, or
// "" for every other expression.
func columnOf(v any, alias string) string {
	e, _ := v.(map[string]any)
	if e["class"] != "COLUMN_REF" {
		return ""
	}
	names, _ := e["column_names"].([]any)
	if len(names) == 0 || len(names) > 2 {
		return ""
	}
	last, _ := names[len(names)-1].(string)
	if first, _ := names[0].(string); len(names) == 2 && !strings.EqualFold(first, alias) {
		return ""
	}
	return last
}

// plainMoment is how a literal must be written: no zone, at most microseconds.
var plainMoment = regexp.MustCompile(`^\d{4}-\d{2}-\d{2}([ T]\d{2}:\d{2}:\d{2}(\.\d{1,6})?Z?)?$`)

// castTypes are the types a literal may be cast to without a change of value.
var castTypes = map[string]bool{"TIMESTAMP": true, "TIMESTAMP WITH TIME ZONE": true}

// moment reads a literal, cast to a timestamp or bare, in microseconds.
func moment(v any) (int64, bool) {
	e, _ := v.(map[string]any)
	if e["class"] == "CAST" {
		typ, _ := e["cast_type"].(map[string]any)
		id, _ := typ["id"].(string)
		e, _ = e["child"].(map[string]any)
		if id == "DATE" {
			text, ok := literal(e)
			t, err := time.Parse(time.DateOnly, text)
			return t.UnixMicro(), ok && err == nil
		}
		if !castTypes[id] {
			return 0, false
		}
	}
	text, ok := literal(e)
	if !ok || !plainMoment.MatchString(text) {
		return 0, false
	}
	text = strings.TrimSuffix(strings.Replace(text, " ", "T", 1), "Z")
	for _, layout := range []string{"2006-01-02T15:04:05", time.DateOnly} {
		if t, err := time.Parse(layout, text); err == nil {
			return t.UnixMicro(), true
		}
	}
	return 0, false
}

func literal(e map[string]any) (string, bool) {
	if e["class"] != "CONSTANT" {
		return "", false
	}
	value, _ := e["value"].(map[string]any)
	text, ok := value["value"].(string)
	return text, ok
}
