package query

import (
	"encoding/json"
	"fmt"
	"strings"
	"unicode/utf8"
)

// plan is what the gate learns of a statement that it lets pass.
type plan struct {
	// tables are the tables that the statement names, each once, in the order of
	// their first use.
	tables []string
	// all is set when the statement lists the tables (SHOW TABLES): it has to
	// see every one of them.
	all bool
	// uses counts how often it names one; shadowed is set when a common table
	// expression has the name of one.
	uses     int
	shadowed bool
	// tree is the statement as DuckDB's parser reads it.
	tree any
}

// serializer is DuckDB's parser seen from the gate: it returns the tree of a
// statement as JSON.
type serializer func(sql string) (string, error)

// serialize asks the parser that prepare uses later. It runs here with its
// default options, and none of them is ever changed in a worker, so that both
// read the same tree.
func (e *engine) serialize(sql string) (string, error) {
	return e.text("SELECT json_serialize_sql(?::VARCHAR)::VARCHAR", sql)
}

// inspect is the gate. It returns an Error unless sql is one SELECT that is
// made only of allowed parts; tables tells which tables there are.
func inspect(sql string, serialize serializer, tables []string) (*plan, error) {
	if strings.ContainsRune(sql, 0) {
		// The parser would read on behind a zero byte here, and stop at it later.
		return nil, refuse("it contains a zero byte")
	}
	text, err := serialize(sql)
	if err != nil {
		return nil, err
	}
	var out struct {
		Error      bool                         `json:"error"`
		Type       string                       `json:"error_type"`
		Message    string                       `json:"error_message"`
		Position   string                       `json:"position"`
		Statements []map[string]json.RawMessage `json:"statements"`
	}
	if err := json.Unmarshal([]byte(text), &out); err != nil {
		return nil, refuse("its syntax tree cannot be read: %v", err)
	}
	switch {
	case out.Error:
		return nil, parseError(sql, out.Type, out.Message, out.Position)
	case len(out.Statements) == 0:
		return nil, &Error{Kind: ErrInvalid, Message: "there is no statement"}
	case len(out.Statements) > 1:
		return nil, refuse("it is more than one statement")
	}
	raw, err := json.Marshal(out.Statements[0])
	if err != nil {
		return nil, refuse("its syntax tree cannot be read: %v", err)
	}
	var tree any
	dec := json.NewDecoder(strings.NewReader(string(raw)))
	dec.UseNumber()
	if err := dec.Decode(&tree); err != nil {
		return nil, refuse("its syntax tree cannot be read: %v", err)
	}
	w := &walker{known: tables, plan: &plan{}}
	if err := w.field("statement", tree, fieldSelect); err != nil {
		return nil, err
	}
	w.plan.tree = tree
	return w.plan, nil
}

func refuse(format string, args ...any) error {
	return &Error{Kind: ErrRefused, Message: fmt.Sprintf(format, args...)}
}

// parseError turns the parser's refusal into ours.
func parseError(sql, typ, msg, position string) error {
	if typ == "not implemented" {
		if first, _, _ := strings.Cut(strings.ToUpper(strings.TrimSpace(sql)), " "); first == "PIVOT" || first == "UNPIVOT" {
			return refuse("a PIVOT statement finds its columns by running a statement first; write SELECT * FROM t PIVOT (… FOR c IN ('a', 'b')) instead")
		}
		if strings.HasPrefix(msg, "Only SELECT") {
			return refuse("it is not a SELECT, or has a part that only runs as several statements")
		}
		return refuse("%s", oneLine(msg))
	}
	e := &Error{Kind: ErrInvalid, Message: oneLine(msg)}
	var at int
	if _, err := fmt.Sscanf(position, "%d", &at); err == nil && at >= 0 && at <= len(sql) {
		before := sql[:at]
		line := strings.Count(before, "\n") + 1
		col := utf8.RuneCountInString(before[strings.LastIndexByte(before, '\n')+1:]) + 1
		e.Message += fmt.Sprintf(" (line %d, column %d)", line, col)
	}
	return e
}
