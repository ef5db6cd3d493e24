package parquet

import (
	"encoding/binary"
	"errors"
	"fmt"
	"io"
)

// File is an open file. It is not safe for concurrent use.
type File struct {
	r      io.ReaderAt
	schema *Schema
	groups []GroupInfo
	kv     []KeyValue
	rows   int64
	buf    chunkReader
}

var errNoParquet = errors.New("not a complete Parquet file")

// Open reads the footer of a file of size bytes, and checks it: what it says of
// row groups lies within the file and fits together.
func Open(r io.ReaderAt, size int64) (*File, error) {
	f := &File{r: r}
	if err := f.open(size); err != nil {
		return nil, fmt.Errorf("open parquet: %w", err)
	}
	return f, nil
}

func (f *File) open(size int64) error {
	const frame = int64(len(magic)) + 4 + int64(len(magic))
	if size < frame {
		return errNoParquet
	}
	var head [4]byte
	var tail [8]byte
	if _, err := f.r.ReadAt(head[:], 0); err != nil && err != io.EOF {
		return err
	}
	if _, err := f.r.ReadAt(tail[:], size-int64(len(tail))); err != nil && err != io.EOF {
		return err
	}
	if string(head[:]) != magic || string(tail[4:]) != magic {
		return errNoParquet
	}
	length := int64(binary.LittleEndian.Uint32(tail[:]))
	if length > size-frame || length > maxFooter {
		return fmt.Errorf("a footer of %d bytes", length)
	}
	footer := make([]byte, length)
	end := size - int64(len(tail)) - length
	if _, err := f.r.ReadAt(footer, end); err != nil && err != io.EOF {
		return err
	}
	return f.parseFooter(footer, end)
}

// Schema returns the columns; hints are not known from a file.
func (f *File) Schema() *Schema { return f.schema }

// NumRows returns the number of rows in all row groups.
func (f *File) NumRows() int64 { return f.rows }

// Groups describes the row groups. The caller must not change them.
func (f *File) Groups() []GroupInfo { return f.groups }

// KeyValues returns the footer's metadata.
func (f *File) KeyValues() []KeyValue { return f.kv }

// Bloom returns the Bloom filter of a leaf in a row group; ok is false if there
// is none.
func (f *File) Bloom(group, leaf int) (b Bloom, ok bool, err error) {
	c := &f.groups[group].Columns[leaf]
	if c.Bloom == 0 {
		return Bloom{}, false, nil
	}
	buf := make([]byte, c.BloomSize)
	if _, err := f.r.ReadAt(buf, c.Bloom); err != nil {
		return Bloom{}, false, fmt.Errorf("read Bloom filter of row group %d: %w", group, err)
	}
	if b, err = parseBloom(buf); err != nil {
		return Bloom{}, false, fmt.Errorf("read Bloom filter of row group %d: %w", group, err)
	}
	return b, true, nil
}

// parseFooter reads the metadata; end is where the row groups end at the latest.
func (f *File) parseFooter(src []byte, end int64) error {
	t := &thriftReader{src: src}
	var rows int64 = -1
	var bad error
	t.structure(func(id int16, typ byte) {
		switch id {
		case 2:
			f.schema, bad = t.schema(typ)
		case 3:
			rows = t.int(typ)
		case 4:
			bad = f.parseGroups(t, typ, end)
		case 5:
			f.parseKeyValues(t, typ)
		default:
			t.skip(typ)
		}
		if bad != nil {
			t.fail()
		}
	})
	switch {
	case bad != nil:
		return bad
	case t.err != nil:
		return t.err
	case len(t.src) != 0 || f.schema == nil || rows != f.rows:
		return errThrift
	}
	return nil
}

func (f *File) parseKeyValues(t *thriftReader, typ byte) {
	_, n := t.list(typ)
	for i := 0; i < n && t.err == nil; i++ {
		var e KeyValue
		t.structure(func(id int16, typ byte) {
			switch id {
			case 1:
				e.Key = string(t.bytes(typ))
			case 2:
				e.Value = string(t.bytes(typ))
			default:
				t.skip(typ)
			}
		})
		if e.Key == "" {
			t.fail()
			return
		}
		f.kv = append(f.kv, e)
	}
}

func (f *File) parseGroups(t *thriftReader, typ byte, end int64) error {
	if f.schema == nil {
		return errThrift
	}
	_, n := t.list(typ)
	at := int64(len(magic))
	for i := 0; i < n && t.err == nil; i++ {
		g, err := f.parseGroup(t)
		if err == nil && t.err == nil {
			err = g.check(f.schema, at, end)
		}
		if err != nil {
			return fmt.Errorf("row group %d: %w", i, err)
		}
		at = g.End
		f.rows += g.Rows
		f.groups = append(f.groups, g)
	}
	return nil
}

func (f *File) parseGroup(t *thriftReader) (g GroupInfo, err error) {
	t.structure(func(id int16, typ byte) {
		switch id {
		case 1:
			_, n := t.list(typ)
			if n != len(f.schema.leaves) {
				t.fail()
				return
			}
			g.Columns = make([]ColumnInfo, n)
			for i := 0; i < n && t.err == nil; i++ {
				t.chunkInfo(&f.schema.leaves[i], &g.Columns[i])
			}
		case 3:
			g.Rows = t.int(typ)
		case 5:
			g.Start = t.int(typ)
		default:
			t.skip(typ)
		}
	})
	return g, t.err
}

// check makes sure that chunks and filters follow one another without gaps, in
// the order in which they are written, and finds the end of the row group.
func (g *GroupInfo) check(s *Schema, least, most int64) error {
	if len(g.Columns) != len(s.leaves) || g.Rows < 1 || g.Rows > MaxGroupValues || g.Start < least {
		return errThrift
	}
	at := g.Start
	for i := range g.Columns {
		c := &g.Columns[i]
		if c.start() != at || c.DataPage < at || c.Size < 1 || c.Size > most-at || c.DataPage >= at+c.Size {
			return fmt.Errorf("column %q is not where it should be", s.leaves[i].Path)
		}
		if c.Values < g.Rows || c.Values > MaxGroupValues || (s.leaves[i].MaxRep == 0 && c.Values != g.Rows) {
			return fmt.Errorf("column %q: %d values in %d rows", s.leaves[i].Path, c.Values, g.Rows)
		}
		at += c.Size
	}
	for i := range g.Columns {
		c := &g.Columns[i]
		if c.Bloom == 0 {
			continue
		}
		if c.Bloom != at || c.BloomSize < bloomBlock || c.BloomSize > min(most-at, maxBloom+64) {
			return fmt.Errorf("the Bloom filter of column %q is not where it should be", s.leaves[i].Path)
		}
		at += c.BloomSize
	}
	g.End = at
	return nil
}

// chunkInfo reads what a footer says of one column chunk.
func (t *thriftReader) chunkInfo(l *LeafInfo, c *ColumnInfo) {
	t.structure(func(id int16, typ byte) {
		if id != 3 || typ != thriftStruct {
			t.skip(typ)
			return
		}
		t.structure(func(id int16, typ byte) { t.chunkField(l, c, id, typ) })
	})
}

func (t *thriftReader) chunkField(l *LeafInfo, c *ColumnInfo, id int16, typ byte) {
	switch id {
	case 1:
		if t.int(typ) != physical[l.Node.Type] {
			t.fail()
		}
	case 2:
		_, n := t.list(typ)
		for i := 0; i < n && t.err == nil; i++ {
			if v := t.varint(); v != encRLE && c.encoding == encPlain {
				c.encoding = v
			}
		}
	case 3:
		_, n := t.list(typ)
		for i := 0; i < n && t.err == nil; i++ {
			if name := t.bytes(thriftBinary); n != len(l.Path) || string(name) != l.Path[i] {
				t.fail()
			}
		}
	case 4:
		if t.int(typ) != codecZstd {
			t.fail()
		}
	case 5:
		c.Values = t.int(typ)
	case 6:
		c.RawSize = t.int(typ)
	case 7:
		c.Size = t.int(typ)
	case 9:
		c.DataPage = t.int(typ)
	case 11:
		c.DictionaryPage = t.int(typ)
	case 12:
		t.stats(&c.Stats, typ)
	case 14:
		c.Bloom = t.int(typ)
	case 15:
		c.BloomSize = t.int(typ)
	default:
		t.skip(typ)
	}
}

func (t *thriftReader) stats(s *Stats, typ byte) {
	if typ != thriftStruct {
		t.fail()
		return
	}
	t.structure(func(id int16, typ byte) {
		switch id {
		case 3:
			s.Nulls = t.int(typ)
		case 5:
			s.Max = t.bytes(typ)
		case 6:
			s.Min = t.bytes(typ)
		case 7:
			s.MaxExact = t.bool(typ)
		case 8:
			s.MinExact = t.bool(typ)
		default:
			t.skip(typ)
		}
	})
}
