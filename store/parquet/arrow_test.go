package parquet

import (
	"bytes"
	"testing"

	"github.com/apache/arrow-go/v18/arrow/array"
	"github.com/apache/arrow-go/v18/arrow/memory"
	arrowparquet "github.com/apache/arrow-go/v18/parquet"
	arrowfile "github.com/apache/arrow-go/v18/parquet/file"
	"github.com/apache/arrow-go/v18/parquet/pqarrow"
)

// arrowEntries reads all row groups of a file with arrow-go.
func arrowEntries(t testing.TB, s *Schema, b []byte) [][]entry {
	t.Helper()
	r, err := arrowfile.NewParquetReader(bytes.NewReader(b))
	if err != nil {
		t.Fatal(err)
	}
	defer r.Close()
	all := make([][]entry, len(s.leaves))
	for g := range r.NumRowGroups() {
		for leaf := range all {
			c, err := r.RowGroup(g).Column(leaf)
			if err != nil {
				t.Fatal(err)
			}
			d := c.Descriptor()
			if d.MaxDefinitionLevel() != int16(s.leaves[leaf].MaxDef) || d.MaxRepetitionLevel() != int16(s.leaves[leaf].MaxRep) {
				t.Fatalf("arrow-go: levels of %v", s.leaves[leaf].Path)
			}
			all[leaf] = append(all[leaf], arrowColumn(t, &s.leaves[leaf], c)...)
		}
	}
	return all
}

// arrowColumn reads a column chunk in batches.
func arrowColumn(t testing.TB, l *LeafInfo, c arrowfile.ColumnChunkReader) []entry {
	t.Helper()
	var all []entry
	const batch = 1000
	defs, reps := make([]int16, batch), make([]int16, batch)
	take := func(total int64, err error, value func(i int, e *entry)) {
		if err != nil {
			t.Fatal(err)
		}
		k := 0
		for i := range int(total) {
			e := entry{}
			if l.MaxRep > 0 {
				e.Rep = uint8(reps[i])
			}
			if l.MaxDef > 0 {
				e.Def = uint8(defs[i])
			}
			if e.Def == l.MaxDef {
				value(k, &e)
				k++
			}
			all = append(all, e)
		}
	}
	for c.HasNext() {
		switch c := c.(type) {
		case *arrowfile.BooleanColumnChunkReader:
			v := make([]bool, batch)
			n, _, err := c.ReadBatch(batch, v, defs, reps)
			take(n, err, func(i int, e *entry) {
				if v[i] {
					e.Int = 1
				}
			})
		case *arrowfile.Int32ColumnChunkReader:
			v := make([]int32, batch)
			n, _, err := c.ReadBatch(batch, v, defs, reps)
			take(n, err, func(i int, e *entry) { e.Int = int64(v[i]) })
		case *arrowfile.Int64ColumnChunkReader:
			v := make([]int64, batch)
			n, _, err := c.ReadBatch(batch, v, defs, reps)
			take(n, err, func(i int, e *entry) { e.Int = v[i] })
		case *arrowfile.Float64ColumnChunkReader:
			v := make([]float64, batch)
			n, _, err := c.ReadBatch(batch, v, defs, reps)
			take(n, err, func(i int, e *entry) { e.Int = floatBits(v[i]) })
		case *arrowfile.ByteArrayColumnChunkReader:
			v := make([]arrowparquet.ByteArray, batch)
			n, _, err := c.ReadBatch(batch, v, defs, reps)
			take(n, err, func(i int, e *entry) { e.Bytes = string(v[i]) })
		case *arrowfile.FixedLenByteArrayColumnChunkReader:
			v := make([]arrowparquet.FixedLenByteArray, batch)
			n, _, err := c.ReadBatch(batch, v, defs, reps)
			take(n, err, func(i int, e *entry) { e.Bytes = string(v[i]) })
		default:
			t.Fatalf("arrow-go reads with a %T", c)
		}
	}
	return all
}

// arrowTable makes an arrow table of a file and returns its number of rows.
func arrowTable(t testing.TB, b []byte) int64 {
	t.Helper()
	table, err := pqarrow.ReadTable(t.Context(), bytes.NewReader(b), nil, pqarrow.ArrowReadProperties{}, memory.DefaultAllocator)
	if err != nil {
		t.Fatal(err)
	}
	defer table.Release()
	r := array.NewTableReader(table, 0)
	defer r.Release()
	var rows int64
	for r.Next() {
		rows += r.RecordBatch().NumRows()
	}
	return rows
}
