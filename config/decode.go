package config

import (
	"bytes"
	"errors"
	"fmt"
	"io"
	"strings"

	"go.yaml.in/yaml/v4"
)

// decoder turns a YAML document into a Config and gathers problems on the way.
type decoder struct {
	file     string
	dir      string
	lookup   func(string) (string, bool)
	problems Problems
	// at tells where the value of a path stands.
	at map[string]place
}

type place struct{ line, column int }

// value is a node and the path that leads to it.
type value struct {
	node *yaml.Node
	path string
}

// A field is a key of a mapping: what it means to people, and how it is read.
type field struct {
	name string
	// form says what a value looks like: "duration", "list of globs".
	form string
	// doc explains the key; def is its default in words, "" for keys that must
	// be there.
	doc, def string
	// fields are those of the mapping, or of each mapping in the list, that the
	// key holds; they are for the reference only.
	fields []field
	read   func(d *decoder, v value)
}

// parse returns the root node of the only document of the file.
func (d *decoder) parse(text []byte) (*yaml.Node, bool) {
	d.at = map[string]place{}
	l, err := yaml.NewLoader(bytes.NewReader(text))
	if err != nil {
		d.syntax(err)
		return nil, false
	}
	var doc, second yaml.Node
	switch err := l.Load(&doc); {
	case errors.Is(err, io.EOF) || err == nil && len(doc.Content) == 0:
		d.problems = append(d.problems, Problem{
			File: d.file, Message: "the file is empty", Hint: "`margay config example` prints one to begin with",
		})
		return nil, false
	case err != nil:
		d.syntax(err)
		return nil, false
	}
	if err := l.Load(&second); err == nil {
		d.problems = append(d.problems, Problem{
			File: d.file, Line: second.Line, Column: max(second.Column, 1),
			Message: "a second YAML document begins", Hint: "a config is one document; take out the line ---",
		})
		return nil, false
	} else if !errors.Is(err, io.EOF) {
		d.syntax(err)
		return nil, false
	}
	return doc.Content[0], true
}

// syntax reports what the YAML parser says. It quotes names of anchors, and
// what begins with an asterisk may well be a password, so not that.
func (d *decoder) syntax(err error) {
	p := Problem{File: d.file, Message: "not valid YAML", Hint: "values with : # * & or quotes need quotes around them"}
	var e *yaml.LoadError
	if errors.As(err, &e) {
		p.Line, p.Column = e.Mark.Line, e.Mark.Column
		switch {
		case strings.Contains(e.Message, "anchor"):
			p.Message = "not valid YAML: a value that begins with * is the alias of an anchor, and there is none of this name"
		default:
			p.Message = "not valid YAML: " + e.Message
		}
	}
	d.problems = append(d.problems, p)
}

// add reports a problem at the value of a path.
func (d *decoder) add(path, message, hint string) {
	at := d.at[path]
	for parent := path; at == (place{}) && parent != ""; at = d.at[parent] {
		parent = parent[:max(strings.LastIndexAny(parent, ".["), 0)]
	}
	d.problems = append(d.problems, Problem{
		File: d.file, Line: at.line, Column: at.column, Path: path, Message: message, Hint: hint,
	})
}

// wrong reports that a value is of another kind than it should be. It does not
// show the value.
func (d *decoder) wrong(v value, want string) {
	d.add(v.path, fmt.Sprintf("must be %s, found %s", want, describe(v.node)), "")
}

func describe(n *yaml.Node) string {
	switch n.Kind {
	case yaml.MappingNode:
		return "a mapping"
	case yaml.SequenceNode:
		return "a list"
	}
	if n.ShortTag() == "!!null" {
		return "nothing"
	}
	return "a single value"
}

// resolve notes where the value stands, and follows an alias to its anchor.
func (d *decoder) resolve(v value) value {
	d.at[v.path] = place{v.node.Line, v.node.Column}
	if v.node.Kind == yaml.AliasNode {
		v.node = v.node.Alias
	}
	return v
}

// mapping reads a mapping by its table of fields.
func (d *decoder) mapping(v value, fields []field) {
	v = d.resolve(v)
	if v.node.Kind != yaml.MappingNode {
		d.wrong(v, "a mapping of keys to values")
		return
	}
	seen := map[string]bool{}
	for i := 0; i+1 < len(v.node.Content); i += 2 {
		key := v.node.Content[i]
		f := find(fields, key.Value)
		path := join(v.path, key.Value)
		switch {
		case key.Kind != yaml.ScalarNode:
			d.keyProblem(key, v.path, "a key must be a word", "")
		case f == nil:
			d.keyProblem(key, path, "unknown key", hintFor(key.Value, fields))
		case seen[key.Value]:
			d.keyProblem(key, path, "the key occurs twice", "")
		default:
			f.read(d, d.resolve(value{node: v.node.Content[i+1], path: path}))
		}
		seen[key.Value] = true
	}
	for _, f := range fields {
		if f.def == "" && !seen[f.name] {
			d.add(join(v.path, f.name), "missing", f.doc)
		}
	}
}

func (d *decoder) keyProblem(key *yaml.Node, path, message, hint string) {
	d.problems = append(d.problems, Problem{
		File: d.file, Line: key.Line, Column: key.Column, Path: path, Message: message, Hint: hint,
	})
}

func hintFor(key string, fields []field) string {
	names := make([]string, len(fields))
	for i, f := range fields {
		names[i] = f.name
	}
	if name := nearest(key, names); name != "" {
		return "did you mean " + name + "?"
	}
	return "known here: " + strings.Join(names, ", ")
}

func find(fields []field, name string) *field {
	for i := range fields {
		if fields[i].name == name {
			return &fields[i]
		}
	}
	return nil
}

// list reads every element of a list, which must not be empty.
func (d *decoder) list(v value, what string, read func(i int, v value)) {
	if v.node.Kind != yaml.SequenceNode {
		d.wrong(v, "a list of "+what)
		return
	}
	if len(v.node.Content) == 0 {
		d.add(v.path, "the list is empty", "")
	}
	for i, n := range v.node.Content {
		read(i, d.resolve(value{node: n, path: fmt.Sprintf("%s[%d]", v.path, i)}))
	}
}

func join(path, key string) string {
	if path == "" {
		return key
	}
	return path + "." + key
}
