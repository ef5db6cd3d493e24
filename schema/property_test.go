package schema

import (
	"encoding/json"
	"fmt"
	"math"
	"strconv"
	"strings"
	"testing"
	"time"

	"github.com/margay-audit/margay/extjson"
	"go.mongodb.org/mongo-driver/v2/x/bsonx/bsoncore"
	"pgregory.net/rapid"
)

// model is a random schema from which the test builds the YAML text, events, and
// what has to come out, without a line of the code under test.
type model struct {
	name     string
	typ      string
	required bool
	fields   []*model
	element  *model
}

func drawModel(t *rapid.T, name string, depth int) *model {
	types := []string{"string", "boolean", "smallint", "int", "bigint", "float", "timestamp", "json"}
	if depth > 0 {
		types = append(types, "object", "object", "array", "array")
	}
	m := &model{name: name, typ: rapid.SampledFrom(types).Draw(t, "type"), required: rapid.IntRange(0, 9).Draw(t, "required") == 0}
	switch m.typ {
	case "object":
		m.fields = drawFields(t, depth-1)
	case "array":
		m.element = drawModel(t, "", depth-1)
	}
	return m
}

func drawFields(t *rapid.T, depth int) []*model {
	fields := make([]*model, rapid.IntRange(1, 10).Draw(t, "fields"))
	for i := range fields {
		fields[i] = drawModel(t, fmt.Sprintf("f%d", i), depth)
	}
	return fields
}

// yaml writes the model in flow style.
func (m *model) yaml() string {
	s := "type: " + m.typ
	if m.fields != nil {
		s += ", fields: " + yamlFields(m.fields)
	}
	if m.element != nil {
		s += ", element: {" + m.element.yaml() + "}"
	}
	return s
}

func yamlFields(fields []*model) string {
	var parts []string
	for _, f := range fields {
		parts = append(parts, fmt.Sprintf("{name: %s, required: %v, %s}", f.name, f.required, f.yaml()))
	}
	return "[" + strings.Join(parts, ", ") + "]"
}

// outcome is what has to become of a random value.
type outcome struct {
	value bsoncore.Value
	// text is the value in JSON, "" when it counts as absent.
	text string
	// lacks is true when a required field is missing somewhere inside.
	lacks bool
}

func quoted(s string) string {
	b, _ := json.Marshal(s)
	return string(b)
}

func (m *model) draw(t *rapid.T) outcome {
	if rapid.IntRange(0, 7).Draw(t, "null") == 0 {
		return outcome{value: bsoncore.Value{Type: bsoncore.TypeNull}}
	}
	switch m.typ {
	case "object":
		doc, text, lacks := drawObject(t, m.fields)
		return outcome{bsoncore.Value{Type: bsoncore.TypeEmbeddedDocument, Data: doc}, text, lacks}
	case "array":
		return m.drawArray(t)
	case "string":
		return drawString(t)
	case "boolean":
		b := rapid.Bool().Draw(t, "bool")
		return outcome{value: bsoncore.Value{Type: bsoncore.TypeBoolean, Data: bsoncore.AppendBoolean(nil, b)}, text: strconv.FormatBool(b)}
	case "float":
		f := rapid.Float64().Filter(func(f float64) bool { return math.Abs(f) < 1e300 }).Draw(t, "float")
		return outcome{value: bsoncore.Value{Type: bsoncore.TypeDouble, Data: bsoncore.AppendDouble(nil, f)}, text: fmt.Sprint(f)}
	case "timestamp":
		ms := rapid.Int64Range(minMicros/1000, maxMicros/1000).Draw(t, "date")
		return outcome{
			value: bsoncore.Value{Type: bsoncore.TypeDateTime, Data: bsoncore.AppendDateTime(nil, ms)},
			text:  quoted(time.UnixMilli(ms).UTC().Format(time.RFC3339Nano)),
		}
	case "json":
		o := drawString(t)
		if o.value.Type == bsoncore.TypeInt32 || rapid.Bool().Draw(t, "wrap") {
			o.value = bsoncore.Value{Type: bsoncore.TypeEmbeddedDocument, Data: bsoncore.BuildDocument(nil, bsoncore.AppendValueElement(nil, "k", o.value))}
		}
		text, err := extjson.AppendValue(nil, byte(o.value.Type), o.value.Data, extjson.Relaxed)
		if err != nil {
			t.Fatal(err)
		}
		return outcome{value: o.value, text: string(text)}
	default:
		return m.drawInteger(t)
	}
}

func drawString(t *rapid.T) outcome {
	if rapid.IntRange(0, 3).Draw(t, "number") == 0 {
		n := rapid.Int32().Draw(t, "int")
		return outcome{value: bsoncore.Value{Type: bsoncore.TypeInt32, Data: bsoncore.AppendInt32(nil, n)}, text: quoted(fmt.Sprint(n))}
	}
	s := rapid.String().Draw(t, "string")
	return outcome{value: bsoncore.Value{Type: bsoncore.TypeString, Data: bsoncore.AppendString(nil, s)}, text: quoted(s)}
}

func (m *model) drawInteger(t *rapid.T) outcome {
	bits := map[string]int{"smallint": 16, "int": 32, "bigint": 64}[m.typ]
	n := rapid.Int64Range(-1<<(bits-1), 1<<(bits-1)-1).Draw(t, "integer")
	text := strconv.FormatInt(n, 10)
	if rapid.Bool().Draw(t, "as text") {
		return outcome{value: bsoncore.Value{Type: bsoncore.TypeString, Data: bsoncore.AppendString(nil, text)}, text: text}
	}
	return outcome{value: bsoncore.Value{Type: bsoncore.TypeInt64, Data: bsoncore.AppendInt64(nil, n)}, text: text}
}

func (m *model) drawArray(t *rapid.T) outcome {
	n := rapid.IntRange(0, 4).Draw(t, "length")
	if n == 0 && rapid.Bool().Draw(t, "as object") {
		return outcome{value: bsoncore.Value{Type: bsoncore.TypeEmbeddedDocument, Data: bsoncore.BuildDocument(nil)}, text: "[]"}
	}
	var values []bsoncore.Value
	var texts []string
	lacks := false
	for range n {
		o := m.element.draw(t)
		if o.text == "" {
			o.text = "null"
		}
		values, texts, lacks = append(values, o.value), append(texts, o.text), lacks || o.lacks
	}
	return outcome{
		bsoncore.Value{Type: bsoncore.TypeArray, Data: bsoncore.BuildArray(nil, values...)},
		"[" + strings.Join(texts, ",") + "]", lacks,
	}
}

// drawObject builds an object with some of the fields, in any order, and with
// fields that nobody declared.
func drawObject(t *rapid.T, fields []*model) (doc []byte, text string, lacks bool) {
	texts := make([]string, len(fields))
	var elements []byte
	order := rapid.Permutation(fields).Draw(t, "order")
	if rapid.IntRange(0, 2).Draw(t, "in order") > 0 {
		order = fields
	}
	for _, f := range order {
		if rapid.IntRange(0, 9).Draw(t, "unknown") == 0 {
			elements = bsoncore.AppendInt32Element(elements, "F"+f.name, 7)
		}
		if !f.required && rapid.IntRange(0, 3).Draw(t, "absent") == 0 {
			continue
		}
		o := f.draw(t)
		elements = bsoncore.AppendValueElement(elements, f.name, o.value)
		lacks = lacks || o.lacks
		for i := range fields {
			if fields[i] == f {
				texts[i] = o.text
			}
		}
	}
	var parts []string
	for i, f := range fields {
		if texts[i] != "" {
			parts = append(parts, quoted(f.name)+":"+texts[i])
		}
		lacks = lacks || f.required && texts[i] == ""
	}
	return bsoncore.BuildDocument(nil, elements), "{" + strings.Join(parts, ",") + "}", lacks
}

// TestAssembleProperty: whatever the schema and the event, putting the cells
// together again yields the event, coerced. It must not matter whether the event
// came as BSON or as text, nor what the row held before.
func TestAssembleProperty(t *testing.T) {
	rapid.Check(t, func(t *rapid.T) {
		fields := drawFields(t, 3)
		s, err := Compile([]byte("schema: Test.Event\nfields: " + yamlFields(fields)))
		if err != nil {
			t.Fatal(err)
		}
		var row Row
		for range 3 {
			doc, want, lacks := drawObject(t, fields)
			text, err := extjson.Append(nil, doc, extjson.Relaxed)
			if err != nil {
				t.Fatal(err)
			}
			for _, d := range []*Document{{BSON: doc}, decode(t, text)} {
				err := s.Coerce(&row, d)
				if (err != nil) != lacks {
					t.Fatalf("%s: %v, lacks a required field: %v", text, err, lacks)
				}
				if err != nil {
					continue
				}
				got, err := assemble(s, &row)
				if err != nil {
					t.Fatalf("%s: %v", text, err)
				}
				if got != want {
					t.Fatalf("%s:\n got %s\nwant %s", text, got, want)
				}
			}
		}
	})
}
