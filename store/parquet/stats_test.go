package parquet

import (
	"bytes"
	"database/sql"
	"fmt"
	"strings"
	"testing"
	"unicode/utf8"

	"pgregory.net/rapid"
)

func TestStats(t *testing.T) {
	s, rows := sample(t, 5000)
	g := newShredder(s)
	for _, row := range rows {
		g.row(row)
	}
	path := saveFile(t, writeFile(t, s, nil, g.group))
	db := duckDB(t)
	for _, tc := range []struct{ column, min, max string }{
		{"id", "0", "14997"},
		{"port", "0", "39"},
		{"level", "-128", "127"},
		{"ok", "false", "true"},
		{"atype", "", "dropCollection"},
		{"raw", "NULL", "NULL"},
		{"never", "NULL", "NULL"},
	} {
		var lo, hi sql.NullString
		err := db.QueryRow("select stats_min_value, stats_max_value from parquet_metadata(?) where path_in_schema = ?", path, tc.column).Scan(&lo, &hi)
		if err != nil {
			t.Fatal(err)
		}
		if text(lo) != tc.min || text(hi) != tc.max {
			t.Errorf("%s: %s to %s, want %s to %s", tc.column, text(lo), text(hi), tc.min, tc.max)
		}
	}
	// The nulls of flat columns are those that DuckDB counts itself.
	for _, column := range []string{"code", "sparse", "never", "id"} {
		var footer, counted int64
		err := db.QueryRow(fmt.Sprintf(`select (select stats_null_count from parquet_metadata($1) where path_in_schema = $2),
			(select count(*) from read_parquet($1) where %s is null)`, column), path, column).Scan(&footer, &counted)
		if err != nil {
			t.Fatal(err)
		}
		if footer != counted {
			t.Errorf("%s: %d nulls, DuckDB counts %d", column, footer, counted)
		}
	}
}

func text(s sql.NullString) string {
	if !s.Valid {
		return "NULL"
	}
	return s.String
}

// A minimum that is cut is not greater than the value, a maximum not less, and
// text stays text.
func TestCutLaw(t *testing.T) {
	rapid.Check(t, func(rt *rapid.T) {
		n := rapid.SampledFrom([]int{0, 5, 16, 21, 33, 63, 64, 65, 90}).Draw(rt, "length")
		v := []byte(rapid.StringOfN(rapid.Rune(), n, n, -1).Draw(rt, "text"))
		if rapid.Bool().Draw(rt, "top") {
			v = append(bytes.Repeat([]byte("\U0010ffff"), rapid.IntRange(0, 20).Draw(rt, "n")), v...)
		}
		isText := true
		if rapid.Bool().Draw(rt, "blob") {
			isText = false
			v = rapid.SliceOfN(rapid.SampledFrom([]byte{0, 1, 0x7f, 0xfe, 0xff}), n, n).Draw(rt, "bytes")
		}
		lo, loExact := cutMin(v, isText)
		hi, hiExact := cutMax(v, isText)
		if len(lo) > statSize || len(hi) > statSize+utf8.UTFMax {
			rt.Fatalf("cut to %d and %d bytes", len(lo), len(hi))
		}
		if loExact != bytes.Equal(lo, v) || hiExact != (hi != nil && bytes.Equal(hi, v)) {
			rt.Fatalf("exact: %v, %v", loExact, hiExact)
		}
		if bytes.Compare(lo, v) > 0 || (hi != nil && bytes.Compare(hi, v) < 0) {
			rt.Fatalf("%q is not between %q and %q", v, lo, hi)
		}
		if isText && (!utf8.Valid(lo) || !utf8.Valid(hi)) {
			rt.Fatalf("%q or %q is no text", lo, hi)
		}
	})
}

// The last value before the surrogates, and values that have no successor.
func TestCutMaxEdges(t *testing.T) {
	long := strings.Repeat("a", statSize-3)
	for _, tc := range []struct{ in, want string }{
		{long + "\ud7ff" + "zz", long + "\ue000"},
		{long + "aaazz", long + "aab"},
		{long[:60] + "\U0010ffffzz", long[:59] + "b"},
		{strings.Repeat("\U0010ffff", 20), ""},
	} {
		if got, _ := cutMax([]byte(tc.in), true); string(got) != tc.want {
			t.Errorf("cutMax(%q) = %q, want %q", tc.in, got, tc.want)
		}
	}
}

// Statistics that were cut are not taken for values by DuckDB.
func TestCutStatsInDuckDB(t *testing.T) {
	s, err := NewSchema([]Node{{Name: "s", Type: ByteArray, Logical: String, Encoding: Dict}})
	if err != nil {
		t.Fatal(err)
	}
	g := NewGroup(s)
	low, high := strings.Repeat("a", 100), strings.Repeat("ü", 100)
	for _, v := range []string{"m", high, low} {
		g.Column(0).Bytes([]byte(v), 0, 1)
		g.EndRow()
	}
	path := saveFile(t, writeFile(t, s, nil, g))
	var lo, hi string
	var equal int64
	duck(t, "select min(s), max(s), count(*) filter (s = $2) from read_parquet($1)", []any{path, high}, &lo, &hi, &equal)
	if lo != low || hi != high || equal != 1 {
		t.Errorf("min %q, max %q, equal %d", lo, hi, equal)
	}
	duck(t, "select count(*) from read_parquet($1) where s = $2 or s = $3", []any{path, low, high}, &equal)
	if equal != 2 {
		t.Errorf("%d of the long values found", equal)
	}
}

// damaged makes the pages of one row group unreadable: a query that succeeds
// all the same did not look at them.
func damaged(t testing.TB, b []byte, group int) string {
	t.Helper()
	b = bytes.Clone(b)
	g := openBytes(t, b).Groups()[group]
	for i := range g.Columns {
		c := &g.Columns[i]
		for k := c.start(); k < c.start()+c.Size; k++ {
			b[k] = 0xff
		}
	}
	return saveFile(t, b)
}

func TestDuckDBPrunes(t *testing.T) {
	s, err := NewSchema([]Node{
		{Name: "time", Type: Int64, Logical: Timestamp, Encoding: Delta},
		{Name: "user", Type: ByteArray, Logical: String, Encoding: Dict, Bloom: true},
		{Name: "uuid", Type: ByteArray, Logical: String, Encoding: Dict, Bloom: true},
		{Name: "port", Type: Int32, Encoding: Dict, Bloom: true},
		{Name: "number", Type: Int64, Encoding: Plain, Bloom: true},
		{Name: "nostats", Type: Int64, NoStats: true},
	})
	if err != nil {
		t.Fatal(err)
	}
	var groups []*Group
	for k := range 2 {
		g := NewGroup(s)
		for i := range 5000 {
			g.Column(0).Int(int64(k)*3_600_000_000+int64(i), 0, 1)
			g.Column(1).Bytes(fmt.Appendf(nil, "user%d", 2*(i%50)+k), 0, 1)
			g.Column(2).Bytes(fmt.Appendf(nil, "%016x", mix(int64(2*i+k))), 0, 1)
			g.Column(3).Int(int64(2*(i%100)+k), 0, 1)
			g.Column(4).Int(int64(2*i+k), 0, 1)
			g.Column(5).Int(int64(k), 0, 1)
			g.EndRow()
		}
		groups = append(groups, g)
	}
	if groups[0].Column(2).mode != plain || groups[0].Column(1).mode != dictBytes {
		t.Fatal("the test wants a column with a dictionary and one that gave it up")
	}
	var copied bytes.Buffer
	b := writeFile(t, s, nil, groups...)
	w := NewWriter(&copied, s)
	if err := w.AppendGroups(openBytes(t, b)); err != nil {
		t.Fatal(err)
	}
	if err := w.Close(nil); err != nil {
		t.Fatal(err)
	}
	db := duckDB(t)
	for what, b := range map[string][]byte{"written": b, "copied": copied.Bytes()} {
		path := damaged(t, b, 1)
		for where, want := range map[string]int{
			"time < '1970-01-01 00:30:00+00'":     5000, // statistics
			`"user" = 'user42'`:                   100,  // Bloom filter over a dictionary
			fmt.Sprintf("uuid = '%016x'", mix(4)): 1,    // and over plain values
			"port = 42":                           50,
			"number = 42":                         1,
			// Without statistics and filter, the damage is met.
			"nostats = 0":       -1,
			`"user" = 'user43'`: -1,
		} {
			var n int
			err := db.QueryRow("select count(nostats) from read_parquet(?) where "+where, path).Scan(&n)
			if (err != nil) != (want < 0) || (err == nil && n != want) {
				t.Errorf("%s, %s: %d rows, %v, want %d", what, where, n, err, want)
			}
		}
		var excluded int
		err := db.QueryRow("select count(*) from parquet_bloom_probe(?, 'user', 'user43') where bloom_filter_excludes", path).Scan(&excluded)
		if err != nil || excluded != 1 {
			t.Errorf("%s: the probe excludes %d row groups, %v", what, excluded, err)
		}
	}
}

// What was added is always contained, and little else.
func TestBloom(t *testing.T) {
	for _, n := range []int{1, 30, 1000, 43_688, 50_000} {
		b := NewBloom(n)
		for i := range n {
			b.Add(fmt.Appendf(nil, "value %d", i))
		}
		again, err := LoadBloom(b.Bytes())
		if err != nil {
			t.Fatal(err)
		}
		for i := range n {
			if !again.MayContain(fmt.Appendf(nil, "value %d", i)) {
				t.Fatalf("%d values: value %d is gone", n, i)
			}
		}
		wrong := 0
		for i := range 10_000 {
			if again.MayContain(fmt.Appendf(nil, "other %d", i)) {
				wrong++
			}
		}
		if wrong > 1200 {
			t.Errorf("%d values: %d of 10000 absent values pass", n, wrong)
		}
	}
	if (Bloom{}).MayContain([]byte("x")) {
		t.Error("the empty filter contains something")
	}
	if _, err := LoadBloom(make([]byte, 33)); err == nil {
		t.Error("a filter of 33 bytes was loaded")
	}
}

// The filters of a file are what Bloom reads back, and none is there for a
// column without values.
func TestFileBloom(t *testing.T) {
	s, rows := sample(t, 3000)
	g := newShredder(s)
	for _, row := range rows {
		g.row(row)
	}
	f := openBytes(t, writeFile(t, s, nil, g.group))
	for leaf, l := range s.Leaves() {
		b, ok, err := f.Bloom(0, leaf)
		if err != nil || ok != l.Node.Bloom {
			t.Fatalf("column %q: filter %v, %v", l.Path, ok, err)
		}
		if !ok || l.Node.Type == Int32 {
			continue
		}
		for _, e := range g.entries[leaf] {
			if e.Def == l.MaxDef && !b.MayContain([]byte(e.Bytes)) {
				t.Fatalf("column %q: %q is not in the filter", l.Path, e.Bytes)
			}
		}
	}
	total := int64(0)
	for _, c := range f.Groups()[0].Columns {
		total += c.BloomSize
	}
	if perRow := float64(total) / 3000; perRow > 5 {
		t.Errorf("five filters take %.1f bytes a row", perRow)
	}
}
