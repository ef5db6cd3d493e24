package segment

import (
	"encoding/json"
	"math"
	"testing"

	"github.com/margay-audit/margay/event"
	"github.com/margay-audit/margay/schema"
)

// testLayout has every type and shape of column.
func testLayout() *Layout {
	leaf := func(name string, t schema.Type) schema.Node { return schema.Node{Name: name, Type: t} }
	group := func(name string, c ...schema.Node) schema.Node {
		return schema.Node{Name: name, Shape: schema.Struct, Children: c}
	}
	list := func(name string, c schema.Node) schema.Node {
		c.Name = "element"
		return schema.Node{Name: name, Shape: schema.List, Children: []schema.Node{c}}
	}
	return &Layout{
		LogType: "Test.Events", Version: 3, Cut: 8,
		Columns: []schema.Node{
			leaf("action", schema.TypeString),
			leaf("ok", schema.TypeBoolean),
			leaf("small", schema.TypeInt16),
			leaf("medium", schema.TypeInt32),
			leaf("large", schema.TypeInt64),
			leaf("ratio", schema.TypeFloat64),
			leaf("at", schema.TypeTimestamp),
			leaf("other", schema.TypeJSON),
			leaf("param", schema.TypeJSON),
			group("remote", leaf("ip", schema.TypeString), leaf("port", schema.TypeInt64),
				group("tls", leaf("version", schema.TypeString))),
			list("users", group("", leaf("user", schema.TypeString), leaf("db", schema.TypeString),
				list("roles", leaf("", schema.TypeString)))),
			list("grid", list("", leaf("", schema.TypeInt64))),
			leaf(`odd "name"`, schema.TypeString),
			list("p_any_ip_addresses", leaf("", schema.TypeString)),
			list("p_any_usernames", leaf("", schema.TypeString)),
		},
	}
}

// value is a column's value as encoding/json decodes it, but for integers,
// which are int64: nil, bool, string, float64, int64, []any, map[string]any.
// Texts of JSON columns are strings too.
type value = any

// shred makes the cells of a row. An object without a value for a field, and a
// row without a value for a column, have null there.
func shred(columns []schema.Node, row map[string]any) []schema.Cell {
	s := shredder{}
	s.fields(columns, row, 0, 0, 0)
	return s.cells
}

type shredder struct {
	cells []schema.Cell
	leaf  uint16
}

func (s *shredder) fields(nodes []schema.Node, object map[string]any, rep, def, lists uint8) {
	for i := range nodes {
		s.node(&nodes[i], object[nodes[i].Name], rep, def, lists)
	}
}

// node shreds one value; lists is how many lists surround it, which is the
// repetition level of further elements of a list inside.
func (s *shredder) node(n *schema.Node, v value, rep, def, lists uint8) {
	if v == nil {
		s.nulls(n, rep, def)
		return
	}
	switch n.Shape {
	case schema.Struct:
		s.fields(n.Children, v.(map[string]any), rep, def+1, lists)
	case schema.List:
		elements := v.([]any)
		if len(elements) == 0 {
			s.nulls(n, rep, def+1)
			return
		}
		first := s.leaf
		for i, e := range elements {
			s.leaf = first
			if i > 0 {
				rep = lists + 1
			}
			s.node(&n.Children[0], e, rep, def+2, lists+1)
		}
	default:
		c := schema.Cell{Leaf: s.leaf, Rep: rep, Def: def + 1}
		switch v := v.(type) {
		case string:
			c.Kind, c.Bytes = schema.Bytes, []byte(v)
		case int64:
			c.Kind, c.Int = schema.Int, v
		case float64:
			c.Kind, c.Int = schema.Float, int64(math.Float64bits(v))
		case bool:
			c.Kind = schema.Int
			if v {
				c.Int = 1
			}
		}
		s.cells = append(s.cells, c)
		s.leaf++
	}
}

func (s *shredder) nulls(n *schema.Node, rep, def uint8) {
	if n.Shape == schema.Leaf {
		s.cells = append(s.cells, schema.Cell{Leaf: s.leaf, Rep: rep, Def: def})
		s.leaf++
		return
	}
	for i := range n.Children {
		s.nulls(&n.Children[i], rep, def)
	}
}

// complete returns v with null for every field that is not there, as a reader
// of columns sees it.
func complete(n *schema.Node, v value) value {
	if v == nil {
		return nil
	}
	switch n.Shape {
	case schema.Struct:
		out := map[string]any{}
		for i := range n.Children {
			c := &n.Children[i]
			out[c.Name] = complete(c, v.(map[string]any)[c.Name])
		}
		return out
	case schema.List:
		out := []any{}
		for _, e := range v.([]any) {
			out = append(out, complete(&n.Children[0], e))
		}
		return out
	default:
		return v
	}
}

// testRow is an event before it is stored.
type testRow struct {
	fields map[string]any
	meta   RowMeta
	time   int64 // event time, or 0 for none
	cut    [2]int
	extra  string
}

var testOrigin = event.Origin{ID: "5c1dcb2e-6d0f-5c1c-9a39-7b1a7b1f0a10", Label: "prod mongod", Kind: "file"}

// coerced is what a schema would make of the row.
func (r *testRow) coerced(l *Layout) *schema.Row {
	row := &schema.Row{Cells: shred(l.Columns, r.fields), CutStart: r.cut[0], CutEnd: r.cut[1]}
	if r.time != 0 {
		row.EventTime, row.HasEventTime = r.time, true
	}
	if r.extra != "" {
		row.Extra = []byte(r.extra)
	}
	for _, name := range []string{"p_any_ip_addresses", "p_any_usernames"} {
		values, _ := r.fields[name].([]any)
		for _, v := range values {
			row.Indicators = append(row.Indicators, []byte(v.(string)))
		}
	}
	return row
}

func buildRows(t testing.TB, l *Layout, rows []testRow) *Builder {
	t.Helper()
	b, err := newBuilder(l)
	if err != nil {
		t.Fatal(err)
	}
	for i := range rows {
		b.Append(rows[i].coerced(l), &rows[i].meta)
	}
	return b
}

// asJSON brings a value into one form for comparison.
func asJSON(t testing.TB, v any) string {
	t.Helper()
	text, err := json.Marshal(v)
	if err != nil {
		t.Fatal(err)
	}
	return string(text)
}
