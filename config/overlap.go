package config

import (
	"fmt"
	"time"
)

// overlaps warns of files that two sources, or one source twice, would read.
// Reading a file twice stores nothing twice, but which source its events are
// labelled with is then left to chance.
func (d *decoder) overlaps(sources []Source) Problems {
	type pattern struct {
		source int
		text   string
		path   string
	}
	var (
		all      []pattern
		warnings Problems
	)
	for i, s := range sources {
		if s.File == nil {
			continue
		}
		for j, p := range s.File.Paths {
			next := pattern{i, p, fmt.Sprintf("sources[%d].paths[%d]", i, j)}
			for _, o := range all {
				if !globsMeet(o.text, next.text) {
					continue
				}
				at := d.at[next.path]
				warnings = append(warnings, Problem{
					File: d.file, Line: at.line, Column: at.column, Path: next.path,
					Message: "a file can match this and also " + o.path,
					Hint:    overlapHint(o.source == next.source, sources[o.source].Name),
				})
				break
			}
			all = append(all, next)
		}
	}
	return warnings
}

// hasty warns of a retention that looks like a slip.
func (d *decoder) hasty(retention time.Duration) Problems {
	if retention == 0 || retention >= time.Hour {
		return nil
	}
	const path = "store.retention"
	at := d.at[path]
	return Problems{{
		File: d.file, Line: at.line, Column: at.column, Path: path,
		Message: fmt.Sprintf("events are dropped for ever %s after they were stored", retention),
		Hint:    "audit events are kept for months: 400d, for example",
	}}
}

func overlapHint(same bool, name string) string {
	if same {
		return "one of the two may be superfluous"
	}
	return fmt.Sprintf("events of such a file get the label of whichever source reads it first, this one or %q", name)
}

// globsMeet says whether there is a path that both patterns match. Ranges are
// taken for any character, so that it may say yes where only a close look at
// [a-c] and [x-z] would say no.
func globsMeet(a, b string) bool {
	x, y := globTokens(a), globTokens(b)
	// meet[j] says whether what is left of x and y[j:] can match the same text.
	meet := make([]bool, len(y)+1)
	next := make([]bool, len(y)+1)
	for i := len(x); i >= 0; i-- {
		for j := len(y); j >= 0; j-- {
			next[j] = globStep(x[i:], y[j:], meet, next, j)
		}
		meet, next = next, meet
	}
	return meet[0]
}

// globStep decides for two remainders, from the answers for shorter ones: below
// has those without the first token of x, beside those without one of y.
func globStep(x, y []string, below, beside []bool, j int) bool {
	switch {
	case len(x) == 0 && len(y) == 0:
		return true
	case len(x) > 0 && x[0] == "*" && (below[j] || len(y) > 0 && y[0] != "/" && beside[j+1]):
		return true
	case len(y) > 0 && y[0] == "*" && (beside[j+1] || len(x) > 0 && x[0] != "/" && below[j]):
		return true
	case len(x) == 0 || len(y) == 0 || x[0] == "*" || y[0] == "*":
		return false
	}
	same := x[0] == y[0] || x[0] == "?" && y[0] != "/" || y[0] == "?" && x[0] != "/"
	return same && below[j+1]
}

// globTokens cuts a pattern into "*", "?" for any one character, and literal
// characters; a literal * or ? comes with its backslash.
func globTokens(p string) []string {
	var tokens []string
	for p != "" {
		n, token := 1, p[:1]
		switch p[0] {
		case '\\':
			if n = min(2, len(p)); n == 2 && p[1] != '*' && p[1] != '?' {
				token = p[1:2]
			} else {
				token = p[:n]
			}
		case '[':
			end := 1
			for end < len(p) && (p[end] != ']' || end == 1 || end == 2 && p[1] == '^') {
				if p[end] == '\\' {
					end++
				}
				end++
			}
			n, token = min(end+1, len(p)), "?"
		}
		if token != "*" || len(tokens) == 0 || tokens[len(tokens)-1] != "*" {
			tokens = append(tokens, token)
		}
		p = p[min(n, len(p)):]
	}
	return tokens
}
