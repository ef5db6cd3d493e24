package schema

import (
	"errors"
	"fmt"
	"strings"

	"go.yaml.in/yaml/v4"
)

// maxText bounds the YAML text of one schema, in bytes.
const maxText = 1 << 20

// declaration is a schema as its YAML text says it, not yet checked for sense.
type declaration struct {
	line          int
	name          string
	version       int
	description   string
	referenceURL  string
	preferredWith []string
	definitions   map[string]*valueDecl
	fields        []fieldDecl
}

// fieldDecl is one field of an object.
type fieldDecl struct {
	line        int
	name        string
	description string
	required    bool
	rename      []string
	copy        []string
	value       valueDecl
}

// valueDecl is what a field, an array's element and a definition have in common.
type valueDecl struct {
	line        int
	typ         string
	target      string
	fields      []fieldDecl
	element     *valueDecl
	timeFormats []string
	eventTime   bool
	indicators  []string
}

// reader walks a YAML tree and collects every problem that it meets, each with
// its line.
type reader struct{ problems []error }

// members says how the value of each key of a mapping is read.
type members map[string]func(*yaml.Node)

// declare reads the YAML text of a schema.
func declare(text []byte) (*declaration, error) {
	if len(text) > maxText {
		return nil, fmt.Errorf("the text has %d bytes, more than %d", len(text), maxText)
	}
	var root yaml.Node
	if err := yaml.Load(text, &root); err != nil {
		return nil, fmt.Errorf("parse YAML: %w", err)
	}
	node := &root
	if node.Kind == yaml.DocumentNode && len(node.Content) == 1 {
		node = node.Content[0]
	}
	r := &reader{}
	d := &declaration{line: node.Line, definitions: map[string]*valueDecl{}}
	r.mapping(node, "a schema", members{
		"schema":        r.text(&d.name),
		"version":       r.number(&d.version),
		"description":   r.text(&d.description),
		"referenceURL":  r.text(&d.referenceURL),
		"preferredWith": r.texts(&d.preferredWith),
		"parser":        r.parser,
		"definitions":   func(n *yaml.Node) { r.definitions(n, d.definitions) },
		"fields":        r.fields(&d.fields),
	})
	return d, errors.Join(r.problems...)
}

func (r *reader) problem(n *yaml.Node, format string, args ...any) {
	r.problems = append(r.problems, atLine(n.Line, format, args...))
}

func atLine(line int, format string, args ...any) error {
	return fmt.Errorf("line %d: %w", line, fmt.Errorf(format, args...))
}

// mapping reads the members of n; a key that nobody reads is a problem, and so
// is one that stands twice.
func (r *reader) mapping(n *yaml.Node, what string, m members) {
	if n.Kind != yaml.MappingNode {
		r.problem(n, "%s must be a mapping of keys to values", what)
		return
	}
	seen := make(map[string]bool, len(n.Content)/2)
	for i := 0; i+1 < len(n.Content); i += 2 {
		key, value := n.Content[i], n.Content[i+1]
		read, known := m[key.Value]
		switch {
		case key.Kind != yaml.ScalarNode || !known:
			r.problem(key, "%s has no key %q", what, key.Value)
		case seen[key.Value]:
			r.problem(key, "the key %q stands twice in %s", key.Value, what)
		default:
			read(value)
		}
		seen[key.Value] = true
	}
}

func (r *reader) text(into *string) func(*yaml.Node) {
	return func(n *yaml.Node) {
		if n.Kind != yaml.ScalarNode {
			r.problem(n, "a text is needed here")
			return
		}
		*into = n.Value
	}
}

// texts reads a list of texts; a single one may stand without a list.
func (r *reader) texts(into *[]string) func(*yaml.Node) {
	return func(n *yaml.Node) {
		switch n.Kind {
		case yaml.ScalarNode:
			*into = []string{n.Value}
		case yaml.SequenceNode:
			for _, item := range n.Content {
				var s string
				r.text(&s)(item)
				*into = append(*into, s)
			}
		default:
			r.problem(n, "a text or a list of texts is needed here")
		}
	}
}

func (r *reader) flag(into *bool) func(*yaml.Node) {
	return func(n *yaml.Node) {
		if n.Kind != yaml.ScalarNode || (n.Value != "true" && n.Value != "false") {
			r.problem(n, "true or false is needed here")
			return
		}
		*into = n.Value == "true"
	}
}

func (r *reader) number(into *int) func(*yaml.Node) {
	return func(n *yaml.Node) {
		var v int
		if err := n.Decode(&v); err != nil || v < 0 {
			r.problem(n, "a whole number from 0 is needed here")
			return
		}
		*into = v
	}
}

// parser accepts the native parser only: it documents that the events are JSON
// objects with the fields below.
func (r *reader) parser(n *yaml.Node) {
	var name string
	r.mapping(n, "parser", members{
		"native": func(n *yaml.Node) { r.mapping(n, "parser.native", members{"name": r.text(&name)}) },
	})
}

func (r *reader) definitions(n *yaml.Node, into map[string]*valueDecl) {
	if n.Kind != yaml.MappingNode {
		r.problem(n, "definitions must be a mapping of names to values")
		return
	}
	for i := 0; i+1 < len(n.Content); i += 2 {
		name := n.Content[i].Value
		if into[name] != nil {
			r.problem(n.Content[i], "the definition %q stands twice", name)
			continue
		}
		v := &valueDecl{line: n.Content[i].Line}
		m := r.valueMembers(v)
		m["description"] = r.text(new(string))
		r.mapping(n.Content[i+1], "a definition", m)
		into[name] = v
	}
}

func (r *reader) fields(into *[]fieldDecl) func(*yaml.Node) {
	return func(n *yaml.Node) {
		if n.Kind != yaml.SequenceNode {
			r.problem(n, "fields must be a list")
			return
		}
		for _, item := range n.Content {
			f := fieldDecl{line: item.Line, value: valueDecl{line: item.Line}}
			m := r.valueMembers(&f.value)
			m["name"] = r.text(&f.name)
			m["description"] = r.text(&f.description)
			m["required"] = r.flag(&f.required)
			m["rename"] = r.from("rename", &f.rename)
			m["copy"] = r.from("copy", &f.copy)
			r.mapping(item, "a field", m)
			*into = append(*into, f)
		}
	}
}

func (r *reader) from(what string, into *[]string) func(*yaml.Node) {
	return func(n *yaml.Node) {
		r.mapping(n, what, members{"from": r.texts(into)})
		if len(*into) == 0 {
			r.problem(n, "%s needs from", what)
		}
	}
}

// valueMembers reads what makes a value; it recurses as deep as the YAML text
// nests, which the YAML parser bounds.
func (r *reader) valueMembers(v *valueDecl) members {
	return members{
		"type":        r.text(&v.typ),
		"target":      r.text(&v.target),
		"fields":      r.fields(&v.fields),
		"timeFormat":  r.texts(&v.timeFormats),
		"timeFormats": r.texts(&v.timeFormats),
		"isEventTime": r.flag(&v.eventTime),
		"indicators":  r.texts(&v.indicators),
		"indicator":   r.texts(&v.indicators),
		"element": func(n *yaml.Node) {
			v.element = &valueDecl{line: n.Line}
			m := r.valueMembers(v.element)
			m["description"] = r.text(new(string))
			r.mapping(n, "an element", m)
		},
	}
}

// words joins names for a message: a, b or c.
func words(names []string) string {
	if len(names) < 2 {
		return strings.Join(names, "")
	}
	return strings.Join(names[:len(names)-1], ", ") + " or " + names[len(names)-1]
}
