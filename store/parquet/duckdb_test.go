package parquet

import (
	"database/sql"
	"testing"

	_ "github.com/duckdb/duckdb-go/v2"
)

// duckDB opens an empty DuckDB in memory.
func duckDB(t testing.TB) *sql.DB {
	t.Helper()
	db, err := sql.Open("duckdb", "")
	if err != nil {
		t.Fatal(err)
	}
	db.SetMaxOpenConns(1)
	t.Cleanup(func() { _ = db.Close() })
	return db
}

// duck runs a query of one row.
func duck(t testing.TB, query string, args []any, dst ...any) {
	t.Helper()
	if err := duckDB(t).QueryRow(query, args...).Scan(dst...); err != nil {
		t.Fatal(err)
	}
}
