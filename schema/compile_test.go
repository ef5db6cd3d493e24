package schema

import (
	"fmt"
	"slices"
	"strings"
	"testing"

	"github.com/google/go-cmp/cmp"
)

// TestCompileErrors: every mistake is named, with its line.
func TestCompileErrors(t *testing.T) {
	const head = "schema: Test.Event\nfields:\n"
	for _, c := range []struct{ name, text, want string }{
		{"no YAML", "schema: [", "parse YAML"},
		{"no mapping", "- a", "line 1: a schema must be a mapping"},
		{"no name", "fields: [{name: a, type: int}]", "schema must be a log type"},
		{"bad name", "schema: my event\nfields: [{name: a, type: int}]", `not "my event"`},
		{"no fields", "schema: Test.Event", "fields must list at least one field"},
		{"unknown key", head + "  - name: a\n    type: int\n    requird: true", `line 5: a field has no key "requird"`},
		{"key twice", head + "  - name: a\n    name: b\n    type: int", `line 4: the key "name" stands twice`},
		{"alias", "schema: Test.Event\ndescription: &d x\nreferenceURL: *d\nfields: [{name: a, type: int}]", "line 3: a text is needed here"},
		{"no flag", head + "  - {name: a, type: int, required: maybe}", "line 3: true or false"},
		{"bad version", "version: -1\n" + head + "  - {name: a, type: int}", "line 1: a whole number"},
		{"other parser", "parser: {csv: {}}\n" + head + "  - {name: a, type: int}", `parser has no key "csv"`},
		{"fields no list", "schema: Test.Event\nfields: {a: int}", "line 2: fields must be a list"},
		{"field no mapping", head + "  - a", "line 3: a field must be a mapping"},
		{"no field name", head + "  - {type: int}", "line 3: a field needs a name"},
		{"name twice", head + "  - {name: a, type: int}\n  - {name: A, type: int}", `line 4: the name "A" stands twice`},
		{"reserved name", head + "  - {name: p_row_id, type: int}", `line 3: the name "p_row_id" is not free`},
		{"NUL", head + `  - {name: "a\0b", type: int}`, "line 3: the name \"a\\x00b\" holds a NUL"},
		{"NUL in rename", head + `  - {name: a, type: int, rename: {from: "a\0b"}}`, "holds a NUL"},
		{"NUL in copy", head + `  - {name: a, type: int, copy: {from: "a\0b"}}`, "holds a NUL"},
		{"unknown type", head + "  - {name: a, type: text}", `line 3: a: the type "text" is not known`},
		{"unknown format", head + "  - {name: a, type: timestamp, timeFormat: '%Y'}", `the time format "%Y" is not known`},
		{"unknown indicator", head + "  - {name: a, type: string, indicators: [ip, host]}", `the indicator "host" is not known`},
		{"object without fields", head + "  - {name: a, type: object}", "line 3: a: fields belong to an object"},
		{"fields on a string", head + "  - {name: a, type: string, fields: [{name: b, type: int}]}", "fields belong to an object"},
		{"array without element", head + "  - {name: a, type: array}", "line 3: a: an array needs element"},
		{"element on a string", head + "  - {name: a, type: string, element: {type: int}}", "element belongs to an array"},
		{"event time on a string", head + "  - {name: a, type: string, isEventTime: true}", "belong to a timestamp"},
		{"indicators on an int", head + "  - {name: a, type: int, indicators: [ip]}", "indicators belong to a string"},
		{"indicators on an array of int", head + "  - {name: a, type: array, element: {type: int}, indicators: [ip]}", "a[]: indicators belong to a string"},
		{"target on a string", head + "  - {name: a, type: string, target: X}", "target belongs to a ref"},
		{"no definition", head + "  - {name: a, type: ref, target: X}", `there is no definition "X"`},
		{"cycle", "definitions: {X: {type: object, fields: [{name: x, type: ref, target: X}]}}\n" + head + "  - {name: a, type: ref, target: X}", `the definition "X" contains itself`},
		{"definition twice", "definitions: {X: {type: int}, X: {type: int}}\n" + head + "  - {name: a, type: int}", "twice"},
		{"copy without from", head + "  - {name: a, type: int, copy: {}}", "line 3: copy needs from"},
		{"nested copy", head + "  - {name: a, type: object, fields: [{name: b, type: int, copy: {from: c}}]}", "top level only"},
		{"copy and rename", head + "  - {name: a, type: int, copy: {from: c}, rename: {from: d}}", "not together with rename"},
		{"too many copied", head + "  - {name: a, type: int, copy: {from: [" + manyPaths(65, "%d.x") + "]}}", "more than 64 names at one level"},
		{"too many copied below", head + "  - {name: a, type: int, copy: {from: [" + manyPaths(65, "x.%d") + "]}}", "more than 64 names at one level"},
		{"one input twice", head + "  - {name: a, type: int}\n  - {name: b, type: int, rename: {from: a}}", `two fields take their input from "a"`},
		{"too deep", head + "  - {name: a, type: " + strings.Repeat("array, element: {type: ", 70) + "int" + strings.Repeat("}", 71), "nested deeper than 64 levels"},
		{"too many fields", "schema: Test.Event\nfields: " + manyFields(257), "at most 256 fields"},
		{"references that multiply", multiplied(40), "references make the schema larger than 32768 values"},
		{"too many columns", multiplied(13), "8192 columns, more than 4096"},
		{"too long", strings.Repeat("#", maxText+1), "more than 1048576"},
	} {
		if _, err := Compile([]byte(c.text)); err == nil || !strings.Contains(err.Error(), c.want) {
			t.Errorf("%s: got error %v, want one with %q", c.name, err, c.want)
		}
	}
}

func manyPaths(n int, format string) string {
	paths := make([]string, n)
	for i := range paths {
		paths[i] = fmt.Sprintf(format, i)
	}
	return strings.Join(paths, ", ")
}

// multiplied is a schema whose columns double with each of n definitions.
func multiplied(n int) string {
	b := strings.Builder{}
	b.WriteString("schema: Test.Event\ndefinitions:\n  D0: {type: int}\n")
	for i := range n {
		fmt.Fprintf(&b, "  D%d: {type: object, fields: [{name: a, type: ref, target: D%d}, {name: b, type: ref, target: D%d}]}\n", i+1, i, i)
	}
	fmt.Fprintf(&b, "fields: [{name: f, type: ref, target: D%d}]\n", n)
	return b.String()
}

func manyFields(n int) string {
	var b strings.Builder
	for i := range n {
		fmt.Fprintf(&b, "\n  - {name: f%d, type: int}", i)
	}
	return b.String()
}

// TestCompileErrorsAllAtOnce: whoever writes a schema should not have to fix it
// one mistake at a time.
func TestCompileErrorsAllAtOnce(t *testing.T) {
	_, err := Compile([]byte("schema: Test.Event\nfields:\n  - {name: a, type: text}\n  - {name: a, type: array}\n"))
	if err == nil || strings.Count(err.Error(), "line ") != 4 {
		t.Errorf("got %v, want four lines of problems", err)
	}
}

func TestManyFields(t *testing.T) {
	s, err := Compile([]byte("schema: Test.Event\nfields: " + manyFields(256)))
	if err != nil {
		t.Fatal(err)
	}
	var row Row
	if err := s.Coerce(&row, decode(t, []byte(`{"f255":1,"f64":2,"f63":3,"f255":4}`))); err != nil {
		t.Fatal(err)
	}
	if got, want := mustAssemble(t, s, &row), `{"f63":3,"f64":2,"f255":1}`; got != want || string(row.Extra) != `{"f255":4}` {
		t.Errorf("got %s and %s, want %s", got, row.Extra, want)
	}
}

// TestColumns: the tree, the leaves and their levels.
func TestColumns(t *testing.T) {
	s, err := Compile([]byte(`
schema: Test.Event
version: 3
definitions:
  Point: {type: object, fields: [{name: x, type: smallint}, {name: tags, type: array, element: {type: string, indicators: [url]}}]}
fields:
  - {name: at, type: timestamp}
  - {name: points, type: array, element: {type: ref, target: Point}}
  - {name: raw, type: json}
`))
	if err != nil {
		t.Fatal(err)
	}
	if s.Version() != 3 || s.CutLeaf() != 3 {
		t.Errorf("version %d, cut leaf %d", s.Version(), s.CutLeaf())
	}
	var got []string
	for _, l := range s.Leaves() {
		got = append(got, fmt.Sprint(strings.Join(l.Path, "."), l.Type, l.MaxRep, l.MaxDef, l.Indicator))
	}
	want := []string{
		fmt.Sprint("at", TypeTimestamp, 0, 1, false),
		fmt.Sprint("points.element.x", TypeInt16, 1, 4, false),
		fmt.Sprint("points.element.tags.element", TypeString, 2, 6, false),
		fmt.Sprint("raw", TypeJSON, 0, 1, false),
		fmt.Sprint("p_any_domain_names.element", TypeString, 1, 3, true),
		fmt.Sprint("p_any_ip_addresses.element", TypeString, 1, 3, true),
	}
	if diff := cmp.Diff(want, got); diff != "" {
		t.Errorf("leaves (-want +got):\n%s", diff)
	}
	tags := Node{Name: "tags", Shape: List, Children: []Node{{Name: "element", Type: TypeString}}}
	point := Node{Name: "element", Shape: Struct, Children: []Node{{Name: "x", Type: TypeInt16}, tags}}
	if diff := cmp.Diff(Node{Name: "points", Shape: List, Children: []Node{point}}, s.Columns()[1]); diff != "" {
		t.Errorf("points (-want +got):\n%s", diff)
	}
	if names := len(s.Columns()); names != 5 {
		t.Errorf("%d columns, want 5", names)
	}
	// An element called element is a field like any other.
	odd := compileFields(t, "{name: l, type: array, element: {type: object, fields: [{name: element, type: int}]}}")
	if path := odd.Leaves()[0].Path; !slices.Equal(path, []string{"l", "element", "element"}) || odd.root.fields[0].value.element.object.fields[0].value.path != "l[].element" {
		t.Errorf("path %v", path)
	}
}
