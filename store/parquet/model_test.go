package parquet

import (
	"bytes"
	"fmt"
	"math"
	"os"
	"path/filepath"
	"testing"

	"pgregory.net/rapid"
)

// In these tests a row is a map from names to values; a value is nil, bool,
// int64, float64, string, []byte, []any for a list, or a map for a group.

// entry is a Value that can be kept and compared.
type entry struct {
	Rep, Def uint8
	Int      int64
	Bytes    string
}

// shredder takes rows apart into a Group, and keeps what it appended.
type shredder struct {
	group   *Group
	entries [][]entry
	// last are the strings appended last, by leaf.
	last map[int]string
}

func newShredder(s *Schema) *shredder {
	return &shredder{group: NewGroup(s), entries: make([][]entry, len(s.Leaves())), last: map[int]string{}}
}

func (s *shredder) row(row map[string]any) {
	leaf := 0
	for _, n := range s.group.Schema().Columns() {
		leaf = s.node(&n, leaf, row[n.Name], 0, 0, 0)
	}
	s.group.EndRow()
}

// node appends the value of a node and returns the number of the leaf after it.
// Rep is the level of the first entry, depth that of the innermost list.
func (s *shredder) node(n *Node, leaf int, v any, rep, depth, def uint8) int {
	if v == nil {
		return s.null(n, leaf, rep, def)
	}
	if !n.Required {
		def++
	}
	switch n.Kind {
	case Struct:
		for i := range n.Children {
			leaf = s.node(&n.Children[i], leaf, v.(map[string]any)[n.Children[i].Name], rep, depth, def)
		}
		return leaf
	case List:
		list := v.([]any)
		if len(list) == 0 {
			return s.null(n, leaf, rep, def)
		}
		after := leaf
		for i, e := range list {
			if i > 0 {
				rep = depth + 1
			}
			after = s.node(&n.Children[0], leaf, e, rep, depth+1, def+1)
		}
		return after
	}
	e := entry{Rep: rep, Def: def}
	c := s.group.Column(leaf)
	switch v := v.(type) {
	case bool:
		if v {
			e.Int = 1
		}
		c.Int(e.Int, rep, def)
	case int64:
		e.Int = v
		c.Int(v, rep, def)
	case float64:
		e.Int = int64(math.Float64bits(v))
		c.Float(v, rep, def)
	case string:
		e.Bytes = v
		if last, ok := s.last[leaf]; !ok || last != v || !c.Again(rep, def) {
			c.Bytes([]byte(v), rep, def)
		}
		s.last[leaf] = v
	case []byte:
		e.Bytes = string(v)
		c.Bytes(v, rep, def)
	}
	s.entries[leaf] = append(s.entries[leaf], e)
	return leaf + 1
}

func (s *shredder) null(n *Node, leaf int, rep, def uint8) int {
	for range countLeaves(n) {
		// A column without anything in a row is left alone: the group fills it.
		if rep != 0 || def != 0 {
			s.group.Column(leaf).Null(rep, def)
		}
		s.entries[leaf] = append(s.entries[leaf], entry{Rep: rep, Def: def})
		leaf++
	}
	return leaf
}

func countLeaves(n *Node) int {
	if n.Kind == Leaf {
		return 1
	}
	sum := 0
	for i := range n.Children {
		sum += countLeaves(&n.Children[i])
	}
	return sum
}

// anySchema draws a schema.
func anySchema(t *rapid.T) *Schema {
	var nodes func(depth, most int) []Node
	var node func(name string, depth int) Node
	node = func(name string, depth int) Node {
		n := Node{Name: name, Required: rapid.IntRange(0, 3).Draw(t, "required") == 0}
		kind := rapid.IntRange(0, 5).Draw(t, "kind")
		switch {
		case kind == 0 && depth < 4:
			n.Kind = Struct
			n.Children = nodes(depth+1, 3)
		case kind == 1 && depth < 4:
			n.Kind = List
			n.Children = []Node{node("element", depth+1)}
		default:
			n.Type = Type(rapid.IntRange(0, int(FixedLenByteArray)).Draw(t, "type"))
			n.Encoding = Encoding(rapid.IntRange(0, int(Delta)).Draw(t, "encoding"))
			n.NoStats = rapid.Bool().Draw(t, "nostats")
			n.Bloom = n.Type != Boolean && n.Type != Double && rapid.Bool().Draw(t, "bloom")
			switch n.Type {
			case FixedLenByteArray:
				n.Length = rapid.IntRange(1, 20).Draw(t, "length")
			case ByteArray:
				n.Logical = rapid.SampledFrom([]Logical{None, String}).Draw(t, "logical")
			case Int32:
				n.Logical = rapid.SampledFrom([]Logical{None, Int8, Int16}).Draw(t, "logical")
			case Int64:
				n.Logical = rapid.SampledFrom([]Logical{None, Timestamp}).Draw(t, "logical")
			}
		}
		return n
	}
	nodes = func(depth, most int) []Node {
		var all []Node
		for i := range rapid.IntRange(1, most).Draw(t, "columns") {
			all = append(all, node(fmt.Sprintf("c%d", i), depth))
		}
		return all
	}
	s, err := NewSchema(nodes(1, 5))
	if err != nil {
		t.Fatal(err)
	}
	return s
}

// anyRow draws a row.
func anyRow(t *rapid.T, nodes []Node) map[string]any {
	row := make(map[string]any)
	for i := range nodes {
		row[nodes[i].Name] = anyValue(t, &nodes[i])
	}
	return row
}

func anyValue(t *rapid.T, n *Node) any {
	if !n.Required && rapid.IntRange(0, 4).Draw(t, "null") == 0 {
		return nil
	}
	switch n.Kind {
	case Struct:
		return anyRow(t, n.Children)
	case List:
		list := []any{}
		for range rapid.IntRange(0, 4).Draw(t, "length") {
			list = append(list, anyValue(t, &n.Children[0]))
		}
		return list
	}
	least, most := n.bounds()
	switch n.Type {
	case Boolean:
		return rapid.Bool().Draw(t, "boolean")
	case Double:
		return rapid.Float64().Draw(t, "double")
	case FixedLenByteArray:
		return rapid.SliceOfN(rapid.Byte(), n.Length, n.Length).Draw(t, "fixed")
	case ByteArray:
		if n.Logical == String {
			return rapid.StringN(-1, 100, 100).Draw(t, "string")
		}
		return rapid.SliceOfN(rapid.Byte(), 0, 100).Draw(t, "bytes")
	}
	if n.Logical == Timestamp {
		// The years that Go, DuckDB and arrow all can hold.
		least, most = -1<<55, 1<<55
	}
	if rapid.Bool().Draw(t, "small") {
		least, most = -3, 3
	}
	return rapid.Int64Range(least, most).Draw(t, "integer")
}

// writeFile writes row groups to memory.
func writeFile(t testing.TB, s *Schema, kv []KeyValue, groups ...*Group) []byte {
	t.Helper()
	var b bytes.Buffer
	w := NewWriter(&b, s)
	for _, g := range groups {
		if err := w.WriteGroup(g); err != nil {
			t.Fatal(err)
		}
	}
	if err := w.Close(kv); err != nil {
		t.Fatal(err)
	}
	if w.Size() != int64(b.Len()) {
		t.Fatalf("Size is %d, written %d", w.Size(), b.Len())
	}
	return b.Bytes()
}

func openBytes(t testing.TB, b []byte) *File {
	t.Helper()
	f, err := Open(bytes.NewReader(b), int64(len(b)))
	if err != nil {
		t.Fatal(err)
	}
	return f
}

// saveFile puts a file where another reader can open it.
func saveFile(t testing.TB, b []byte) string {
	t.Helper()
	path := filepath.Join(t.TempDir(), "test.parquet")
	if err := os.WriteFile(path, b, 0o600); err != nil {
		t.Fatal(err)
	}
	return path
}

// readEntries reads all row groups of a file with this package.
func readEntries(t testing.TB, f *File) [][]entry {
	t.Helper()
	all := make([][]entry, len(f.Schema().Leaves()))
	for g := range f.Groups() {
		for leaf := range all {
			err := f.ReadColumn(g, leaf, func(v *Value) error {
				all[leaf] = append(all[leaf], entry{v.Rep, v.Def, v.Int, string(v.Bytes)})
				return nil
			})
			if err != nil {
				t.Fatal(err)
			}
		}
	}
	return all
}

func sameEntries(t testing.TB, what string, want, got [][]entry) {
	t.Helper()
	if len(want) != len(got) {
		t.Fatalf("%s: %d leaves, want %d", what, len(got), len(want))
	}
	for leaf, w := range want {
		if len(w) != len(got[leaf]) {
			t.Fatalf("%s: leaf %d has %d entries, want %d", what, leaf, len(got[leaf]), len(w))
		}
		for i, e := range w {
			if got[leaf][i] != e {
				t.Fatalf("%s: entry %d of leaf %d is %v, want %v", what, i, leaf, got[leaf][i], e)
			}
		}
	}
}

// sample is a schema with everything in it, and rows for it.
func sample(t testing.TB, rows int) (*Schema, []map[string]any) {
	t.Helper()
	s, err := NewSchema([]Node{
		{Name: "id", Type: Int64, Encoding: Delta, Required: true},
		{Name: "time", Type: Int64, Logical: Timestamp, Encoding: Delta},
		{Name: "port", Type: Int32, Encoding: Dict, Bloom: true},
		{Name: "level", Type: Int32, Logical: Int8, Encoding: Delta},
		{Name: "code", Type: Int32, Logical: Int16},
		{Name: "ok", Type: Boolean},
		{Name: "ratio", Type: Double},
		{Name: "key", Type: FixedLenByteArray, Length: 16, Bloom: true},
		{Name: "atype", Type: ByteArray, Logical: String, Encoding: Dict, Bloom: true},
		{Name: "uuid", Type: ByteArray, Logical: String, Encoding: Dict, Bloom: true},
		{Name: "text", Type: ByteArray, Logical: String},
		{Name: "raw", Type: ByteArray, NoStats: true},
		{Name: "sparse", Type: ByteArray, Logical: String, Encoding: Dict},
		{Name: "never", Type: Int64, Encoding: Delta},
		{Name: "remote", Kind: Struct, Children: []Node{
			{Name: "ip", Type: ByteArray, Logical: String, Encoding: Dict},
			{Name: "port", Type: Int32},
		}},
		{Name: "tags", Kind: List, Children: []Node{
			{Name: "element", Type: ByteArray, Logical: String, Encoding: Dict, Bloom: true},
		}},
		{Name: "users", Kind: List, Children: []Node{{Name: "element", Kind: Struct, Children: []Node{
			{Name: "user", Type: ByteArray, Logical: String, Encoding: Dict},
			{Name: "roles", Kind: List, Children: []Node{{Name: "element", Type: Int64}}},
		}}}},
	})
	if err != nil {
		t.Fatal(err)
	}
	all := make([]map[string]any, rows)
	for i := range all {
		all[i] = sampleRow(i)
	}
	return s, all
}

func sampleRow(i int) map[string]any {
	// A cheap hash makes values that look random and are the same every time.
	h := func(salt int) uint64 { x := mix(int64(i*31 + salt)); return x ^ x>>32 }
	row := map[string]any{
		"id":    int64(i) * 3,
		"time":  1_700_000_000_000_000 + int64(i)*1_000 + int64(h(1)%997),
		"port":  int64(h(2) % 40),
		"level": int64(int8(h(3))),
		"ok":    h(4)%2 == 0,
		"ratio": float64(h(5)%1000) / 8,
		"key":   fmt.Appendf(nil, "%016x", h(6)),
		"atype": [...]string{"authenticate", "createUser", "dropCollection", ""}[h(7)%4],
		"uuid":  fmt.Sprintf("%016x-%016x", h(8), h(9)),
		"text":  fmt.Sprintf("grüße %d aus der Zeile %d", h(10)%100, i),
		"raw":   fmt.Appendf(nil, "{\"line\": %d, \xff\xfe\x00 \"h\": %d}", i, h(11)),
	}
	if i%50 == 0 {
		row["raw"] = bytes.Repeat(row["raw"].([]byte), 200)
	}
	if h(12)%5 > 0 {
		row["code"] = int64(int16(h(12)))
		row["remote"] = map[string]any{"ip": fmt.Sprintf("10.0.0.%d", h(13)%256), "port": nil}
	}
	if i%1000 == 999 {
		row["sparse"] = "seldom"
		row["remote"] = map[string]any{"ip": nil, "port": int64(i)}
	}
	tags := []any{}
	for k := range h(14) % 4 {
		tags = append(tags, fmt.Sprintf("tag%d", (h(15)+k)%300))
	}
	if h(16)%7 > 0 {
		row["tags"] = tags
	}
	switch h(17) % 4 {
	case 0:
		row["users"] = []any{map[string]any{"user": "anna", "roles": []any{int64(1), nil, int64(3)}}, nil}
	case 1:
		row["users"] = []any{map[string]any{"user": nil, "roles": []any{}}, map[string]any{"user": "bob", "roles": nil}}
	case 2:
		row["users"] = []any{}
	}
	return row
}
