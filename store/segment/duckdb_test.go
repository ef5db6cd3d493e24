package segment

import (
	"database/sql"
	"encoding/json"
	"fmt"
	"path/filepath"
	"testing"

	_ "github.com/duckdb/duckdb-go/v2"
)

func openDuckDB(t testing.TB) *sql.DB {
	t.Helper()
	db, err := sql.Open("duckdb", "")
	if err != nil {
		t.Fatal(err)
	}
	db.SetMaxOpenConns(1)
	t.Cleanup(func() { db.Close() })
	if _, err := db.Exec("SET TimeZone = 'UTC'; SET threads = 1"); err != nil {
		t.Fatal(err)
	}
	return db
}

// testCommit is a commit of one part.
func testCommit(number uint64) *Commit {
	return &Commit{StoreID: "store", Number: number, Time: 1_760_000_000_000_000, Kind: KindAppend, Part: 1, Parts: 1}
}

// store writes a builder into a segment in the folder.
func store(t testing.TB, dir string, number uint64, b *Builder) (string, Info) {
	t.Helper()
	path := filepath.Join(dir, FileName(number, 1))
	p, err := Create(path, b)
	if err != nil {
		t.Fatal(err)
	}
	info, err := p.Finish(testCommit(number))
	if err != nil {
		t.Fatal(err)
	}
	return path, info
}

// viewRow is a row of the view, as far as it is not a column of the schema.
type viewRow struct {
	ID, SourceID, SourceLabel, LogType string
	File, Raw, Extra                   sql.NullString
	RawBytes                           []byte
	EventTime, ParseTime               int64
	Version                            int
	Redactions                         any
	Fields                             map[string]any
}

// readView reads all rows of a SELECT that has the columns of a layout.
func readView(t testing.TB, db *sql.DB, l *Layout, view string) []viewRow {
	t.Helper()
	fields := "{"
	for i := range l.Columns {
		name := l.Columns[i].Name
		column := quoteName(name)
		if name == "at" {
			column = `epoch_us("at")`
		}
		fields += fmt.Sprintf("%s: %s, ", quoteText(name), column)
	}
	query := `SELECT p_row_id, p_source_id, p_source_label, p_log_type, p_source_file, p_raw, p_extra::VARCHAR,
		p_raw_bytes, epoch_us(p_event_time), epoch_us(p_parse_time), p_schema_version, p_redactions,
		to_json(` + fields[:len(fields)-2] + `})::VARCHAR FROM (` + view + `)`
	rows, err := db.Query(query)
	if err != nil {
		t.Fatalf("%v\n%s", err, query)
	}
	defer rows.Close()
	var out []viewRow
	for rows.Next() {
		var r viewRow
		var fields string
		if err := rows.Scan(&r.ID, &r.SourceID, &r.SourceLabel, &r.LogType, &r.File, &r.Raw, &r.Extra, &r.RawBytes,
			&r.EventTime, &r.ParseTime, &r.Version, &r.Redactions, &fields); err != nil {
			t.Fatal(err)
		}
		if err := json.Unmarshal([]byte(fields), &r.Fields); err != nil {
			t.Fatal(err)
		}
		out = append(out, r)
	}
	if err := rows.Err(); err != nil {
		t.Fatal(err)
	}
	return out
}
