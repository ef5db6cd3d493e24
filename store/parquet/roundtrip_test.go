package parquet

import (
	"bytes"
	"errors"
	"math"
	"strings"
	"testing"

	"github.com/google/go-cmp/cmp"
	"pgregory.net/rapid"
)

func TestRoundTrip(t *testing.T) {
	rapid.Check(t, func(rt *rapid.T) {
		s := anySchema(rt)
		want := newShredder(s)
		var b, merged bytes.Buffer
		w := NewWriter(&b, s)
		for range rapid.IntRange(0, 3).Draw(rt, "groups") {
			want.group.Reset()
			for range rapid.IntRange(0, 40).Draw(rt, "rows") {
				want.row(anyRow(rt, s.Columns()))
			}
			if err := w.WriteGroup(want.group); err != nil {
				rt.Fatal(err)
			}
		}
		kv := []KeyValue{{"key", rapid.String().Draw(rt, "value")}}
		if err := w.Close(kv); err != nil {
			rt.Fatal(err)
		}
		f := openBytes(t, b.Bytes())
		if !f.Schema().Equal(s) {
			rt.Fatalf("schema %v, read %v", s.Columns(), f.Schema().Columns())
		}
		if d := cmp.Diff(kv, f.KeyValues()); d != "" {
			rt.Fatal(d)
		}
		if d := cmp.Diff(append([]GroupInfo(nil), w.Groups()...), f.Groups(), cmp.AllowUnexported(ColumnInfo{})); d != "" {
			rt.Fatalf("row groups written and read differ:\n%s", d)
		}
		sameEntries(t, "read", want.entries, readEntries(t, f))

		// All row groups in one, and all copied twice.
		one := NewGroup(s)
		for i := range f.Groups() {
			if err := f.ReadGroup(i, one); err != nil {
				rt.Fatal(err)
			}
		}
		if int64(one.Rows()) != f.NumRows() {
			rt.Fatalf("%d rows of %d", one.Rows(), f.NumRows())
		}
		sameEntries(t, "rewritten", want.entries, readEntries(t, openBytes(t, writeFile(t, s, nil, one))))

		m := NewWriter(&merged, s)
		for range 2 {
			if err := m.AppendGroups(f); err != nil {
				rt.Fatal(err)
			}
		}
		if err := m.Close(nil); err != nil {
			rt.Fatal(err)
		}
		twice := make([][]entry, len(want.entries))
		for i, e := range want.entries {
			twice[i] = append(append(twice[i], e...), e...)
		}
		sameEntries(t, "copied", twice, readEntries(t, openBytes(t, merged.Bytes())))
	})
}

// The sample is large enough for pages to be cut, for dictionaries to be given
// up, and for runs of every kind.
func TestRoundTripLarge(t *testing.T) {
	s, rows := sample(t, 8_000)
	want := newShredder(s)
	for _, row := range rows {
		want.row(row)
	}
	if raw := want.group.Column(11); len(raw.cuts) == 0 || want.group.Column(9).mode != plain {
		t.Fatal("the sample wants several pages and a dictionary that was given up")
	}
	f := openBytes(t, writeFile(t, s, nil, want.group, want.group))
	for leaf, e := range want.entries {
		want.entries[leaf] = append(e, e...)
	}
	sameEntries(t, "read", want.entries, readEntries(t, f))
	for leaf := range s.Leaves() {
		a, b := f.Groups()[0].Columns[leaf], f.Groups()[1].Columns[leaf]
		if a.Size != b.Size {
			t.Errorf("column %q: writing a group changed it: %d bytes, then %d", s.Leaves()[leaf].Path, a.Size, b.Size)
		}
	}
}

// Pages of plain values are cut at 1 MiB, between rows, and rows larger than
// that are whole.
func TestLargeValues(t *testing.T) {
	s, err := NewSchema([]Node{
		{Name: "raw", Type: ByteArray, Required: true},
		{Name: "list", Kind: List, Children: []Node{{Type: ByteArray, Encoding: Dict, Bloom: true}}},
	})
	if err != nil {
		t.Fatal(err)
	}
	want := newShredder(s)
	for i := range 40 {
		big := bytes.Repeat([]byte{byte(i), byte(i * 7)}, 20_000*(i%11))
		want.row(map[string]any{"raw": big, "list": []any{big, nil, big[:len(big)/2]}})
	}
	huge := bytes.Repeat([]byte("0123456789"), 2<<20)
	want.row(map[string]any{"raw": huge, "list": []any{huge, huge}})
	sameEntries(t, "read", want.entries, readEntries(t, openBytes(t, writeFile(t, s, nil, want.group))))
}

// A page may consist of nulls alone while the column has values elsewhere.
func TestPageOfNulls(t *testing.T) {
	for _, encoding := range []Encoding{Plain, Dict, Delta} {
		s, err := NewSchema([]Node{{Name: "n", Type: Int64, Encoding: encoding}, {Name: "b", Type: ByteArray, Encoding: encoding}})
		if err != nil {
			t.Fatal(err)
		}
		want := newShredder(s)
		for i := range 2*pageEntries + 5 {
			row := map[string]any{}
			if i < 10 || i > 2*pageEntries {
				row = map[string]any{"n": int64(i), "b": "x"}
			}
			want.row(row)
		}
		b := writeFile(t, s, nil, want.group)
		sameEntries(t, "read", want.entries, readEntries(t, openBytes(t, b)))
		var sum, count int64
		duck(t, "select sum(n), count(b) from read_parquet(?)", []any{saveFile(t, b)}, &sum, &count)
		if sum != 45+4*(2*pageEntries)+1+2+3+4 || count != 14 {
			t.Errorf("encoding %d: sum %d, count %d", encoding, sum, count)
		}
	}
}

func TestGroupReuse(t *testing.T) {
	s, rows := sample(t, 3000)
	used, fresh := newShredder(s), newShredder(s)
	for _, row := range rows {
		used.row(row)
	}
	used.group.Reset()
	if used.group.Rows() != 0 || used.group.Size() != 0 {
		t.Fatalf("after Reset: %d rows, %d bytes", used.group.Rows(), used.group.Size())
	}
	for _, row := range rows[1000:2000] {
		used.row(row)
		fresh.row(row)
	}
	if used.group.Size() != fresh.group.Size() {
		t.Errorf("Size of a used group %d, of a fresh one %d", used.group.Size(), fresh.group.Size())
	}
	if !bytes.Equal(writeFile(t, s, nil, used.group), writeFile(t, s, nil, fresh.group)) {
		t.Error("a group used before writes other bytes than a fresh one")
	}
}

// What a caller does wrong with a column is an error of WriteGroup, and nothing
// is written of the file's end.
func TestWrongUse(t *testing.T) {
	nodes := []Node{
		{Name: "n", Type: Int32, Logical: Int8},
		{Name: "s", Type: ByteArray, Logical: String},
		{Name: "f", Type: FixedLenByteArray, Length: 4},
		{Name: "d", Type: Double},
		{Name: "l", Kind: List, Children: []Node{{Type: Int64}}},
	}
	for name, tc := range map[string]struct {
		required bool
		use      func(g *Group)
		want     string
	}{
		"null at the level of a value": {false, func(g *Group) { g.Column(0).Null(0, 1) }, "a null at the definition level of a value"},
		"value at the level of a null": {false, func(g *Group) { g.Column(0).Int(1, 0, 0) }, "a number for another type"},
		"too large":                    {false, func(g *Group) { g.Column(0).Int(128, 0, 1) }, "does not fit its type"},
		"integer for string":           {false, func(g *Group) { g.Column(1).Int(1, 0, 1) }, "a number for another type"},
		"integer for double":           {false, func(g *Group) { g.Column(3).Int(1, 0, 1) }, "an integer for a float64"},
		"double for integer":           {false, func(g *Group) { g.Column(0).Float(1, 0, 1) }, "a float64 for another type"},
		"string for integer":           {false, func(g *Group) { g.Column(0).Bytes(nil, 0, 1) }, "bytes for another type"},
		"wrong length":                 {false, func(g *Group) { g.Column(2).Bytes([]byte("abc"), 0, 1) }, "of a wrong length"},
		"two values in a row":          {false, func(g *Group) { g.Column(0).Int(1, 0, 1); g.Column(0).Int(1, 0, 1) }, "2 rows begun in 1"},
		"repeated without a list":      {false, func(g *Group) { g.Column(0).Int(1, 0, 1); g.Column(0).Int(1, 1, 1) }, "a repetition level out of range"},
		"repeated from the start":      {false, func(g *Group) { g.Column(4).Int(1, 1, 3) }, "a repetition level out of range"},
		"required but absent":          {true, func(g *Group) {}, "a required column without a value"},
	} {
		t.Run(name, func(t *testing.T) {
			nodes[0].Required = tc.required
			s, err := NewSchema(nodes)
			if err != nil {
				t.Fatal(err)
			}
			g := NewGroup(s)
			tc.use(g)
			g.EndRow()
			w := NewWriter(&bytes.Buffer{}, s)
			err = w.WriteGroup(g)
			if err == nil || !strings.Contains(err.Error(), tc.want) {
				t.Fatalf("WriteGroup: %v, want %q", err, tc.want)
			}
			if again := w.Close(nil); !errors.Is(again, err) {
				t.Errorf("Close after the error: %v", again)
			}
		})
	}
}

func TestNewSchemaErrors(t *testing.T) {
	deep := Node{Name: "x", Type: Int32}
	for range maxDepth {
		deep = Node{Name: "x", Kind: Struct, Children: []Node{deep}}
	}
	for want, nodes := range map[string][]Node{
		"no columns":        nil,
		"twice":             {{Name: "a"}, {Name: "a"}},
		"has no name":       {{}},
		"has no fields":     {{Name: "a", Kind: Struct}},
		"0 elements":        {{Name: "a", Kind: List}},
		"unknown kind":      {{Name: "a", Kind: 9}},
		"unknown type":      {{Name: "a", Type: 9}},
		"leaf with":         {{Name: "a", Children: []Node{{Name: "b"}}}},
		"length 0":          {{Name: "a", Type: FixedLenByteArray}},
		"length 3":          {{Name: "a", Type: Int32, Length: 3}},
		"does not go":       {{Name: "a", Type: Int32, Logical: Timestamp}},
		"no Bloom filter":   {{Name: "a", Type: Double, Bloom: true}},
		"deeper than 32":    {deep},
		"more than 4096 le": manyColumns(maxLeaves + 1),
	} {
		if _, err := NewSchema(nodes); err == nil || !strings.Contains(err.Error(), want) {
			t.Errorf("NewSchema: %v, want %q", err, want)
		}
	}
}

func manyColumns(n int) []Node {
	nodes := make([]Node, n)
	for i := range nodes {
		nodes[i] = Node{Name: strings.Repeat("x", i%64) + string(rune('0'+i/64))}
	}
	return nodes
}

func TestOtherSchema(t *testing.T) {
	a, err := NewSchema([]Node{{Name: "a", Type: Int64}})
	if err != nil {
		t.Fatal(err)
	}
	b, err := NewSchema([]Node{{Name: "a", Type: Int64, Required: true}})
	if err != nil {
		t.Fatal(err)
	}
	w := NewWriter(&bytes.Buffer{}, a)
	if err := w.WriteGroup(NewGroup(b)); err == nil {
		t.Error("a group of another schema was written")
	}
	f := openBytes(t, writeFile(t, b, nil))
	if err := w.AppendGroups(f); err == nil {
		t.Error("groups of another schema were copied")
	}
	if err := w.Close(nil); err != nil {
		t.Fatal(err)
	}
	if err := w.Close(nil); err == nil {
		t.Error("closed twice")
	}
}

func TestNaN(t *testing.T) {
	s, err := NewSchema([]Node{{Name: "d", Type: Double}})
	if err != nil {
		t.Fatal(err)
	}
	for _, tc := range []struct {
		values     []float64
		min, max   float64
		exact, any bool
	}{
		{[]float64{1, math.NaN(), 2}, 0, 0, false, false},
		{[]float64{0, 3}, math.Copysign(0, -1), 3, true, true},
		{[]float64{-3, math.Copysign(0, -1)}, -3, 0, true, true},
		{[]float64{math.Inf(-1), math.Inf(1)}, math.Inf(-1), math.Inf(1), true, true},
	} {
		g := NewGroup(s)
		for _, v := range tc.values {
			g.Column(0).Float(v, 0, 1)
			g.EndRow()
		}
		st := openBytes(t, writeFile(t, s, nil, g)).Groups()[0].Columns[0].Stats
		if (st.Min != nil) != tc.any {
			t.Fatalf("%v: Min %x", tc.values, st.Min)
		}
		if lo, hi, ok := st.IntRange(); ok && (lo != floatBits(tc.min) || hi != floatBits(tc.max)) {
			t.Errorf("%v: %x to %x", tc.values, lo, hi)
		}
	}
}
