package parquet

import (
	"database/sql"
	"fmt"
	"os"
	"path/filepath"
	"testing"

	_ "github.com/duckdb/duckdb-go/v2"
)

func TestSmoke(t *testing.T) {
	s, err := NewSchema([]Node{
		{Name: "id", Type: Int64, Encoding: Delta},
		{Name: "t", Type: Int64, Logical: Timestamp, Encoding: Delta},
		{Name: "atype", Type: ByteArray, Logical: String, Encoding: Dict, Bloom: true},
		{Name: "raw", Type: ByteArray, NoStats: true},
		{Name: "users", Kind: List, Children: []Node{{Kind: Struct, Children: []Node{
			{Name: "user", Type: ByteArray, Logical: String, Encoding: Dict},
			{Name: "db", Type: ByteArray, Logical: String, Encoding: Dict}}}}},
		{Name: "never", Type: Int32},
	})
	if err != nil {
		t.Fatal(err)
	}
	path := filepath.Join(t.TempDir(), "x.parquet")
	f, _ := os.Create(path)
	w := NewWriter(f, s)
	g := NewGroup(s)
	for k := range 3 {
		g.Reset()
		for i := range 5000 {
			g.Column(0).Int(int64(k*5000+i), 0, 1)
			g.Column(1).Int(1700000000000000+int64(i*137), 0, 1)
			g.Column(2).Bytes(fmt.Appendf(nil, "type%d", i%7), 0, 1)
			g.Column(3).Bytes(fmt.Appendf(nil, "line %d with text \xff and more", i), 0, 1)
			switch i % 3 {
			case 0:
				g.Column(4).Null(0, 1)
				g.Column(5).Null(0, 1)
			case 1:
				g.Column(4).Bytes([]byte("anna"), 0, 4)
				g.Column(5).Null(0, 3)
				g.Column(4).Bytes([]byte("bob"), 1, 4)
				g.Column(5).Bytes([]byte("admin"), 1, 4)
			}
			g.EndRow()
		}
		if err := w.WriteGroup(g); err != nil {
			t.Fatal(err)
		}
	}
	if err := w.Close([]KeyValue{{"a", "b"}}); err != nil {
		t.Fatal(err)
	}
	f.Close()
	db, err := sql.Open("duckdb", "")
	if err != nil {
		t.Fatal(err)
	}
	defer db.Close()
	rows, err := db.Query(fmt.Sprintf("select id::varchar, t::varchar, atype, raw::varchar, users::varchar, never::varchar from '%s' where id >= 9998 limit 8", path))
	if err != nil {
		t.Fatal(err)
	}
	for rows.Next() {
		var c [6]sql.NullString
		if err := rows.Scan(&c[0], &c[1], &c[2], &c[3], &c[4], &c[5]); err != nil {
			t.Fatal(err)
		}
		t.Log(c)
	}
	if rows.Err() != nil {
		t.Fatal(rows.Err())
	}
}
