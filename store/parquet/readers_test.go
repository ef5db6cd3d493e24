package parquet

import (
	"bytes"
	"database/sql"
	"fmt"
	"reflect"
	"strings"
	"testing"
	"time"

	"github.com/google/go-cmp/cmp"
	"pgregory.net/rapid"
)

// Files of any schema read the same in DuckDB, arrow-go and parquet-go.
func TestOtherReaders(t *testing.T) {
	db := duckDB(t)
	rapid.Check(t, func(rt *rapid.T) {
		s := anySchema(rt)
		want := newShredder(s)
		var rows []map[string]any
		var b bytes.Buffer
		w := NewWriter(&b, s)
		for range rapid.IntRange(0, 2).Draw(rt, "groups") {
			want.group.Reset()
			for range rapid.IntRange(0, 40).Draw(rt, "rows") {
				row := anyRow(rt, s.Columns())
				rows = append(rows, row)
				want.row(row)
			}
			if err := w.WriteGroup(want.group); err != nil {
				rt.Fatal(err)
			}
		}
		if err := w.Close(nil); err != nil {
			rt.Fatal(err)
		}
		compareReaders(t, db, s, b.Bytes(), want.entries, rows)
	})
}

// The large sample has several pages and a dictionary that was given up; rows
// beyond the first group come from a merge.
func TestOtherReadersLarge(t *testing.T) {
	s, rows := sample(t, 6_000)
	want := newShredder(s)
	for _, row := range rows {
		want.row(row)
	}
	first := openBytes(t, writeFile(t, s, nil, want.group))
	var b bytes.Buffer
	w := NewWriter(&b, s)
	small := newShredder(s)
	for _, row := range rows[:10] {
		small.row(row)
	}
	if err := w.WriteGroup(small.group); err != nil {
		t.Fatal(err)
	}
	if err := w.AppendGroups(first); err != nil {
		t.Fatal(err)
	}
	if err := w.Close([]KeyValue{{"margay", "yes"}}); err != nil {
		t.Fatal(err)
	}
	for leaf := range want.entries {
		want.entries[leaf] = append(small.entries[leaf], want.entries[leaf]...)
	}
	compareReaders(t, duckDB(t), s, b.Bytes(), want.entries, append(append([]map[string]any{}, rows[:10]...), rows...))
}

func compareReaders(t testing.TB, db *sql.DB, s *Schema, b []byte, want [][]entry, rows []map[string]any) {
	t.Helper()
	if len(rows) != 0 {
		sameEntries(t, "parquet-go", want, parquetGoEntries(t, s, b))
		sameEntries(t, "arrow-go", want, arrowEntries(t, s, b))
	}
	if n := arrowTable(t, b); n != int64(len(rows)) {
		t.Fatalf("arrow-go made a table of %d rows, want %d", n, len(rows))
	}
	got := duckRows(t, db, s, saveFile(t, b))
	if len(got) != len(rows) {
		t.Fatalf("DuckDB read %d rows, want %d", len(got), len(rows))
	}
	for i, row := range rows {
		expect := make(map[string]any)
		for k := range s.root {
			n := &s.root[k]
			expect[n.Name] = expected(n, row[n.Name])
		}
		if !reflect.DeepEqual(expect, got[i]) {
			t.Fatalf("DuckDB, row %d (-want +got):\n%s", i, cmp.Diff(expect, got[i]))
		}
	}
}

// expected turns a value into what DuckDB's driver makes of it.
func expected(n *Node, v any) any {
	if v == nil {
		return nil
	}
	switch n.Kind {
	case Struct:
		m := make(map[string]any)
		for i := range n.Children {
			c := &n.Children[i]
			m[c.Name] = expected(c, v.(map[string]any)[c.Name])
		}
		return m
	case List:
		list := []any{}
		for _, e := range v.([]any) {
			list = append(list, expected(&n.Children[0], e))
		}
		return list
	}
	if n.Logical == Timestamp {
		return time.UnixMicro(v.(int64)).UTC()
	}
	if v, ok := v.([]byte); ok && len(v) == 0 {
		return []byte{}
	}
	if v, ok := v.(string); ok && n.Logical == None {
		return []byte(v)
	}
	return v
}

func duckRows(t testing.TB, db *sql.DB, s *Schema, path string) []map[string]any {
	t.Helper()
	rows, err := db.Query("select * from read_parquet(?)", path)
	if err != nil {
		t.Fatal(err)
	}
	defer rows.Close()
	var all []map[string]any
	for rows.Next() {
		values := make([]any, len(s.root))
		dst := make([]any, len(values))
		for i := range values {
			dst[i] = &values[i]
		}
		if err := rows.Scan(dst...); err != nil {
			t.Fatal(err)
		}
		row := make(map[string]any)
		for i := range s.root {
			row[s.root[i].Name] = widened(values[i])
		}
		all = append(all, row)
	}
	if err := rows.Err(); err != nil {
		t.Fatal(err)
	}
	return all
}

// widened makes all integers an int64.
func widened(v any) any {
	switch v := v.(type) {
	case int8:
		return int64(v)
	case int16:
		return int64(v)
	case int32:
		return int64(v)
	case time.Time:
		return v.UTC()
	case []byte:
		return append([]byte{}, v...)
	case []any:
		list := []any{}
		for _, e := range v {
			list = append(list, widened(e))
		}
		return list
	case map[string]any:
		for k, e := range v {
			v[k] = widened(e)
		}
	}
	return v
}

// The types that DuckDB gives the columns, and JSON and key-values.
func TestTypesInDuckDB(t *testing.T) {
	s, _ := sample(t, 0)
	nodes := append([]Node{{Name: "doc", Type: ByteArray, Logical: JSON}}, s.Columns()...)
	s, err := NewSchema(nodes)
	if err != nil {
		t.Fatal(err)
	}
	g := NewGroup(s)
	g.Column(0).Bytes([]byte(`{"a": [1, 2]}`), 0, 1)
	g.Column(1).Int(1, 0, 0)
	g.EndRow()
	path := saveFile(t, writeFile(t, s, []KeyValue{{"first", "1"}, {"second", "\x00ü"}}, g))
	db := duckDB(t)
	rows, err := db.Query("select column_name || ' ' || column_type from (describe select * from read_parquet(?))", path)
	if err != nil {
		t.Fatal(err)
	}
	defer rows.Close()
	var got []string
	for rows.Next() {
		var line string
		if err := rows.Scan(&line); err != nil {
			t.Fatal(err)
		}
		got = append(got, line)
	}
	want := `doc JSON
id BIGINT
time TIMESTAMP WITH TIME ZONE
port INTEGER
level TINYINT
code SMALLINT
ok BOOLEAN
ratio DOUBLE
key BLOB
atype VARCHAR
uuid VARCHAR
text VARCHAR
raw BLOB
sparse VARCHAR
never BIGINT
remote STRUCT(ip VARCHAR, port INTEGER)
tags VARCHAR[]
users STRUCT("user" VARCHAR, roles BIGINT[])[]`
	if d := cmp.Diff(want, strings.Join(got, "\n")); d != "" {
		t.Error(d)
	}
	var doc string
	var id int64
	if err := db.QueryRow("select doc->>'$.a[1]', id from read_parquet(?)", path).Scan(&doc, &id); err != nil || doc != "2" || id != 1 {
		t.Errorf("JSON column: %q, id %d, %v", doc, id, err)
	}
	var kv string
	if err := db.QueryRow("select string_agg(key::varchar || '=' || value::varchar, ' ' order by key) from parquet_kv_metadata(?)", path).Scan(&kv); err != nil || kv != `first=1 second=\x00\xC3\xBC` {
		t.Errorf("key-values: %q, %v", kv, err)
	}
	var by string
	if err := db.QueryRow("select created_by from parquet_file_metadata(?)", path).Scan(&by); err != nil || by != createdBy {
		t.Errorf("created by %q, %v", by, err)
	}
}

// A file without rows is a file: its columns are known and its rows none.
func TestNoRows(t *testing.T) {
	s, _ := sample(t, 0)
	b := writeFile(t, s, nil, NewGroup(s), NewGroup(s))
	f := openBytes(t, b)
	if f.NumRows() != 0 || len(f.Groups()) != 0 || !f.Schema().Equal(s) {
		t.Errorf("%d rows in %d groups", f.NumRows(), len(f.Groups()))
	}
	compareReaders(t, duckDB(t), s, b, make([][]entry, len(s.leaves)), nil)
}

// More row groups than a 16-bit ordinal counts would be a strange file; many
// are not.
func TestManyGroups(t *testing.T) {
	s, err := NewSchema([]Node{{Name: "n", Type: Int64, Encoding: Delta}, {Name: "s", Type: ByteArray, Logical: String, Encoding: Dict, Bloom: true}})
	if err != nil {
		t.Fatal(err)
	}
	const groups = 700
	var all []*Group
	for i := range groups {
		g := NewGroup(s)
		for k := range 3 {
			g.Column(0).Int(int64(i*3+k), 0, 1)
			g.Column(1).Bytes(fmt.Appendf(nil, "s%d", i), 0, 1)
			g.EndRow()
		}
		all = append(all, g)
	}
	var count, sum, one int64
	duck(t, "select count(*), sum(n), count(*) filter (s = 's77') from read_parquet(?)", []any{saveFile(t, writeFile(t, s, nil, all...))}, &count, &sum, &one)
	if count != 3*groups || sum != 3*groups*(3*groups-1)/2 || one != 3 {
		t.Errorf("count %d, sum %d, one %d", count, sum, one)
	}
}
