package parquet

import (
	"encoding/binary"
	"errors"
	"fmt"
	"io"
	"math/bits"
)

// Writer writes a file, row group by row group. After an error the file is
// lost, and every later call returns the error again.
type Writer struct {
	w      io.Writer
	schema *Schema
	offset int64
	groups []GroupInfo
	err    error
	closed bool
	// buf is what AppendGroup copies through.
	buf []byte
}

// copySize is how much AppendGroup copies at once.
const copySize = 256 << 10

// NewWriter returns a writer for an empty file. Nothing is written yet.
func NewWriter(w io.Writer, s *Schema) *Writer { return &Writer{w: w, schema: s} }

// Size returns the number of bytes written so far.
func (w *Writer) Size() int64 { return w.offset }

// Groups describes the row groups written so far. The caller must not change
// them.
func (w *Writer) Groups() []GroupInfo { return w.groups }

// WriteGroup writes a row group; all its bytes are handed on when it returns. A
// group without rows is left out. The group stays as it is: Reset is the
// caller's.
func (w *Writer) WriteGroup(g *Group) error {
	if err := w.ready(g.schema); err != nil {
		return err
	}
	if g.rows == 0 {
		return nil
	}
	if err := w.writeGroup(g); err != nil {
		w.err = fmt.Errorf("write row group %d: %w", len(w.groups), err)
	}
	return w.err
}

func (w *Writer) ready(s *Schema) error {
	if w.err != nil {
		return w.err
	}
	if w.closed {
		return errors.New("write row group: the file is closed")
	}
	if !w.schema.Equal(s) {
		return errors.New("write row group: the row group has another schema")
	}
	return nil
}

func (w *Writer) writeGroup(g *Group) error {
	e := &g.enc
	e.out = e.out[:0]
	if err := w.begin(); err != nil {
		return err
	}
	info := GroupInfo{Rows: int64(g.rows), Start: w.offset, Columns: make([]ColumnInfo, len(g.cols))}
	for i := range g.cols {
		c := &g.cols[i]
		if err := c.check(); err != nil {
			return err
		}
		var err error
		if info.Columns[i], err = e.chunk(c, w.offset); err != nil {
			return err
		}
		if len(e.out) >= pageSize {
			if err := w.flush(e); err != nil {
				return err
			}
		}
	}
	for i := range g.cols {
		c := &g.cols[i]
		if !c.bloom || c.values == 0 {
			continue
		}
		at := len(e.out)
		info.Columns[i].Bloom = w.offset + int64(at)
		e.out = appendBloom(e.out, c.bloomFilter())
		info.Columns[i].BloomSize = int64(len(e.out) - at)
	}
	if err := w.flush(e); err != nil {
		return err
	}
	info.End = w.offset
	w.groups = append(w.groups, info)
	return nil
}

// begin writes the magic before anything else.
func (w *Writer) begin() error {
	if w.offset != 0 {
		return nil
	}
	return w.write([]byte(magic))
}

func (w *Writer) flush(e *encoder) error {
	err := w.write(e.out)
	e.out = e.out[:0]
	return err
}

func (w *Writer) write(b []byte) error {
	n, err := w.w.Write(b)
	w.offset += int64(n)
	return err
}

// AppendGroups copies all row groups of a file with the same columns, byte for
// byte; only offsets change.
func (w *Writer) AppendGroups(f *File) error {
	if err := w.ready(f.schema); err != nil {
		return err
	}
	for i := range f.groups {
		if err := w.AppendGroup(f, i); err != nil {
			return err
		}
	}
	return nil
}

// AppendGroup copies one row group, by its number, as AppendGroups does.
func (w *Writer) AppendGroup(f *File, group int) error {
	if err := w.ready(f.schema); err != nil {
		return err
	}
	if err := w.appendGroup(f, &f.groups[group]); err != nil {
		w.err = fmt.Errorf("copy row group %d: %w", group, err)
	}
	return w.err
}

func (w *Writer) appendGroup(f *File, g *GroupInfo) error {
	if err := w.begin(); err != nil {
		return err
	}
	shift := w.offset - g.Start
	if w.buf == nil {
		w.buf = make([]byte, copySize)
	}
	for at := g.Start; at < g.End; {
		n := int(min(copySize, g.End-at))
		if k, err := f.r.ReadAt(w.buf[:n], at); k < n {
			if err == io.EOF {
				err = io.ErrUnexpectedEOF
			}
			return err
		}
		if err := w.write(w.buf[:n]); err != nil {
			return err
		}
		at += int64(n)
	}
	info := GroupInfo{Rows: g.Rows, Start: g.Start + shift, End: g.End + shift}
	info.Columns = append(info.Columns, g.Columns...)
	for i := range info.Columns {
		c := &info.Columns[i]
		for _, offset := range []*int64{&c.DataPage, &c.DictionaryPage, &c.Bloom} {
			if *offset != 0 {
				*offset += shift
			}
		}
	}
	w.groups = append(w.groups, info)
	return nil
}

// Close writes the footer with its metadata. It does not close the underlying
// writer, and does not sync.
func (w *Writer) Close(kv []KeyValue) error {
	if err := w.ready(w.schema); err != nil {
		return err
	}
	w.closed = true
	if err := w.begin(); err != nil {
		w.err = fmt.Errorf("write footer: %w", err)
		return w.err
	}
	b := appendFooter(nil, w.schema, w.groups, kv)
	if len(b) > maxFooter {
		w.err = fmt.Errorf("write footer: %d bytes, more than %d", len(b), maxFooter)
		return w.err
	}
	b = binary.LittleEndian.AppendUint32(b, uint32(len(b)))
	b = append(b, magic...)
	if err := w.write(b); err != nil {
		w.err = fmt.Errorf("write footer: %w", err)
	}
	return w.err
}

// codeWidth is the number of bits of a dictionary code. It is never 0, since
// some readers stumble over that.
func codeWidth(entries int) uint { return uint(max(1, bits.Len(uint(entries-1)))) }
