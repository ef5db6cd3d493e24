package parquet

import (
	"bytes"
	"io"
	"testing"

	parquetgo "github.com/parquet-go/parquet-go"
)

// parquetGoEntries reads all row groups of a file with parquet-go.
func parquetGoEntries(t testing.TB, s *Schema, b []byte) [][]entry {
	t.Helper()
	f, err := parquetgo.OpenFile(bytes.NewReader(b), int64(len(b)))
	if err != nil {
		t.Fatal(err)
	}
	all := make([][]entry, len(s.leaves))
	for _, g := range f.RowGroups() {
		rows := g.Rows()
		buf := make([]parquetgo.Row, 100)
		for {
			n, err := rows.ReadRows(buf)
			for _, row := range buf[:n] {
				for _, v := range row {
					leaf := v.Column()
					e := entry{Rep: uint8(v.RepetitionLevel()), Def: uint8(v.DefinitionLevel())}
					if !v.IsNull() {
						fromParquetGo(&e, v)
					}
					all[leaf] = append(all[leaf], e)
				}
			}
			if err == io.EOF {
				break
			}
			if err != nil {
				t.Fatal(err)
			}
		}
		_ = rows.Close()
	}
	return all
}

func fromParquetGo(e *entry, v parquetgo.Value) {
	switch v.Kind() {
	case parquetgo.Boolean:
		if v.Boolean() {
			e.Int = 1
		}
	case parquetgo.Int32:
		e.Int = int64(v.Int32())
	case parquetgo.Int64:
		e.Int = v.Int64()
	case parquetgo.Double:
		e.Int = floatBits(v.Double())
	default:
		e.Bytes = string(v.ByteArray())
	}
}
