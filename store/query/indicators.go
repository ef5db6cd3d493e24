package query

import (
	"slices"
	"strings"
)

// indicatorPrefix begins the names of the lists of indicators.
const indicatorPrefix = "p_any_"

// maxLiterals and maxLiteral bound what Literals returns: how many, and how
// many bytes one may have.
const (
	maxLiterals = 32
	maxLiteral  = 1 << 10
)

// Literals returns the values that a statement may ask lists of indicators for:
// the texts between single quotes in it. That is a guess from the outside, made
// before DuckDB reads the statement: one too many costs a look into a filter,
// and one that is missed keeps a file that could have been left out.
func Literals(sql string) []string {
	if !strings.Contains(strings.ToLower(sql), indicatorPrefix) {
		return nil
	}
	var out []string
	for len(out) < maxLiterals {
		_, rest, found := strings.Cut(sql, "'")
		if !found {
			break
		}
		var text string
		text, sql, found = untilQuote(rest)
		if found && len(text) <= maxLiteral && !slices.Contains(out, text) {
			out = append(out, text)
		}
	}
	return out
}

// untilQuote returns the text up to the quote that ends it; two quotes stand
// for one.
func untilQuote(s string) (text, rest string, found bool) {
	for from := 0; ; {
		i := strings.IndexByte(s[from:], '\'')
		if i < 0 {
			return "", "", false
		}
		from += i + 1
		if !strings.HasPrefix(s[from:], "'") {
			return strings.ReplaceAll(s[:from-1], "''", "'"), s[from:], true
		}
		from++
	}
}

// listFunctions are those that look for their second argument in the list that
// is their first. The operator IN on a list is contains.
var listFunctions = map[string]bool{
	"list_contains": true, "list_has": true, "array_contains": true, "array_has": true, "contains": true,
}

// wants returns the values that each row must have among its indicators for
// the statement to see it. As with span, what is not sure is left out.
func (p *plan) wants() []string {
	where, alias := p.where()
	return wanted(nil, where, alias)
}

func wanted(dst []string, e map[string]any, alias string) []string {
	switch e["class"] {
	case "CONJUNCTION":
		if e["type"] != "CONJUNCTION_AND" {
			return dst
		}
		parts, _ := e["children"].([]any)
		for _, p := range parts {
			part, _ := p.(map[string]any)
			dst = wanted(dst, part, alias)
		}
	case "FUNCTION":
		name, _ := e["function_name"].(string)
		args, _ := e["children"].([]any)
		if listFunctions[strings.ToLower(name)] && len(args) == 2 && isIndicators(args[0], alias) {
			dst = appendLiteral(dst, args[1])
		}
	case "SUBQUERY": // 'x' = ANY (list)
		if list, ok := anyOf(e); ok && isIndicators(list, alias) {
			dst = appendLiteral(dst, e["child"])
		}
	}
	return dst
}

func isIndicators(v any, alias string) bool {
	return strings.HasPrefix(strings.ToLower(columnOf(v, alias)), indicatorPrefix)
}

func appendLiteral(dst []string, v any) []string {
	e, _ := v.(map[string]any)
	if text, ok := literal(e); ok {
		dst = append(dst, text)
	}
	return dst
}

// anyOf returns the list of "x = ANY (list)", which the parser turns into
// "x = ANY (SELECT unnest(list))".
func anyOf(e map[string]any) (list any, ok bool) {
	if e["subquery_type"] != "ANY" || e["comparison_type"] != "COMPARE_EQUAL" {
		return nil, false
	}
	statement, _ := e["subquery"].(map[string]any)
	node, _ := statement["node"].(map[string]any)
	from, _ := node["from_table"].(map[string]any)
	items, _ := node["select_list"].([]any)
	if node["type"] != "SELECT_NODE" || node["where_clause"] != nil || from["type"] != "EMPTY" || len(items) != 1 {
		return nil, false
	}
	call, _ := items[0].(map[string]any)
	args, _ := call["children"].([]any)
	if call["class"] != "FUNCTION" || call["function_name"] != "unnest" || len(args) != 1 {
		return nil, false
	}
	return args[0], true
}

// lacksAny tells whether the file surely lacks one of the values.
func (f *File) lacksAny(values []string) bool {
	return slices.ContainsFunc(values, func(v string) bool { return slices.Contains(f.Lacks, v) })
}
