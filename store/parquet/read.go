package parquet

import (
	"encoding/binary"
	"errors"
	"fmt"
	"hash/crc32"
	"io"
	"slices"

	"github.com/DataDog/zstd"
)

// Value is one entry of a column.
type Value struct {
	// Rep and Def are its levels; it is no value unless Def is the leaf's
	// MaxDef.
	Rep, Def uint8
	// Int holds integers, booleans as 0 or 1, and the IEEE bits of doubles.
	Int int64
	// Bytes holds byte arrays. It is valid until visit returns.
	Bytes []byte
	// code is the number of the value in the chunk's dictionary, or -1.
	code int
}

var errPage = errors.New("damaged page")

// ReadColumn calls visit for every entry of a leaf in a row group, in order. It
// ends early with the error of visit.
func (f *File) ReadColumn(group, leaf int, visit func(v *Value) error) error {
	err := f.buf.read(f, group, leaf, visit)
	if err != nil {
		return fmt.Errorf("read column %q of row group %d: %w", f.schema.leaves[leaf].Path, group, err)
	}
	return nil
}

// ReadGroup appends all rows of a row group to into, whose schema must have the
// same columns. Into may hold rows already. After an error it must be Reset.
func (f *File) ReadGroup(group int, into *Group) error {
	if !f.schema.Equal(into.schema) {
		return errors.New("read row group: the row group has another schema")
	}
	for leaf := range into.cols {
		c := &into.cols[leaf]
		remap := f.buf.remap[:0]
		err := f.ReadColumn(group, leaf, func(v *Value) error {
			if v.Def != c.maxDef {
				c.Null(v.Rep, v.Def)
			} else if remap = c.copyValue(v, remap); into.size > maxGroupSize {
				return errGroupFull
			}
			if c.n > MaxGroupValues {
				return errGroupFull
			}
			return nil
		})
		f.buf.remap = remap
		if err != nil {
			return err
		}
	}
	into.rows += int(f.groups[group].Rows)
	return nil
}

var errGroupFull = errors.New("the rows are more than one row group can hold")

// copyValue appends a value that was read. A value with a code is looked up in
// the dictionary only once: remap holds, by the code in the file, the code in
// this column plus one, or 0 while that is unknown.
func (c *Column) copyValue(v *Value, remap []uint32) []uint32 {
	coded := v.code >= 0 && (c.mode == dictInts || c.mode == dictBytes)
	if coded && v.code < len(remap) && remap[v.code] != 0 {
		c.level(v.Rep, v.Def)
		c.values++
		c.codes = append(c.codes, remap[v.code]-1)
		c.group.size += 4
		return remap
	}
	if c.mode <= dictInts {
		c.number(v.Int, v.Rep, v.Def)
	} else {
		c.Bytes(v.Bytes, v.Rep, v.Def)
	}
	if coded && (c.mode == dictInts || c.mode == dictBytes) && len(c.codes) > 0 {
		for len(remap) <= v.code {
			remap = append(remap, 0)
		}
		remap[v.code] = c.codes[len(c.codes)-1] + 1
	}
	return remap
}

// chunkReader reads one column chunk after the other and keeps the memory for
// it.
type chunkReader struct {
	leaf *LeafInfo
	info *ColumnInfo

	chunk, page, dictPage []byte
	// dict holds the numbers of a dictionary, ends where its byte arrays end in
	// dictPage.
	dict []int64
	ends []uint32
	// remap belongs to ReadGroup.
	remap []uint32

	seen, rows int64
}

func (r *chunkReader) read(f *File, group, leaf int, visit func(v *Value) error) error {
	g := &f.groups[group]
	r.leaf, r.info = &f.schema.leaves[leaf], &g.Columns[leaf]
	r.dict, r.ends = r.dict[:0], r.ends[:0]
	r.seen, r.rows = 0, 0
	size := int(r.info.Size)
	r.chunk = slices.Grow(r.chunk[:0], size)[:size]
	if _, err := f.r.ReadAt(r.chunk, r.info.start()); err != nil && err != io.EOF {
		return err
	}
	rest := r.chunk
	if r.info.DictionaryPage != 0 {
		h, body, after, err := r.next(rest)
		if err != nil {
			return err
		}
		if h.typ != pageDictionary || r.info.encoding != encDictionary || len(rest)-len(after) != int(r.info.DataPage-r.info.DictionaryPage) {
			return errPage
		}
		rest = after
		if err := r.dictionary(body, h.values); err != nil {
			return err
		}
	}
	for r.seen < r.info.Values {
		h, body, after, err := r.next(rest)
		if err != nil {
			return err
		}
		if h.typ != pageData || h.encoding != r.info.encoding || int64(h.values) > r.info.Values-r.seen {
			return errPage
		}
		rest = after
		if err := r.data(body, h.values, visit); err != nil {
			return err
		}
	}
	if len(rest) != 0 || r.rows != g.Rows {
		return errPage
	}
	return nil
}

// next returns the next page, decompressed, and what follows it.
func (r *chunkReader) next(src []byte) (h pageHeader, body, after []byte, err error) {
	t := thriftReader{src: src}
	h.typ, h.raw, h.size, h.values, h.encoding = -1, -1, -1, -1, -1
	t.structure(func(id int16, typ byte) {
		switch id {
		case 1:
			h.typ = t.int(typ)
		case 2:
			h.raw = int(t.int(typ))
		case 3:
			h.size = int(t.int(typ))
		case 4:
			h.crc = uint32(t.int(typ))
		case 5, 7:
			t.structure(func(id int16, typ byte) {
				switch id {
				case 1:
					h.values = int(t.int(typ))
				case 2:
					h.encoding = t.int(typ)
				default:
					t.skip(typ)
				}
			})
		default:
			t.skip(typ)
		}
	})
	if t.err != nil || h.size < 0 || h.size > len(t.src) || h.raw < 0 || h.raw > maxPage || h.values < 0 {
		return h, nil, nil, errPage
	}
	packed := t.src[:h.size]
	if crc32.ChecksumIEEE(packed) != h.crc {
		return h, nil, nil, errors.New("a page does not match its checksum")
	}
	body, err = r.unpack(packed, h)
	return h, body, t.src[h.size:], err
}

// unpack decompresses a page into the buffer for its type.
func (r *chunkReader) unpack(packed []byte, h pageHeader) ([]byte, error) {
	buf := &r.page
	if h.typ == pageDictionary {
		buf = &r.dictPage
	}
	if h.size == 0 || h.raw/maxExpansion >= h.size {
		return nil, errPage
	}
	*buf = slices.Grow((*buf)[:0], h.raw+1)[:h.raw+1]
	n, err := zstd.DecompressInto(*buf, packed)
	if err != nil {
		return nil, fmt.Errorf("decompress a page: %w", err)
	}
	if n != h.raw {
		return nil, errPage
	}
	*buf = (*buf)[:n]
	return *buf, nil
}

// dictionary takes a dictionary page apart.
func (r *chunkReader) dictionary(page []byte, n int) error {
	if n < 1 || n > MaxGroupValues {
		return errPage
	}
	p := plainReader{src: page, node: &r.leaf.Node}
	for range n {
		v, b, err := p.next()
		if err != nil {
			return err
		}
		if b != nil || r.leaf.Node.Type >= ByteArray {
			r.ends = append(r.ends, uint32(p.at))
		} else {
			r.dict = append(r.dict, v)
		}
	}
	if p.at != len(page) {
		return errPage
	}
	return nil
}

// level returns the reader of the levels at the beginning of a page, and what
// follows them.
func level(page []byte, most uint8) (h hybrid, rest []byte, err error) {
	if most == 0 {
		return h, page, nil
	}
	if len(page) < 4 {
		return h, nil, errPage
	}
	n := binary.LittleEndian.Uint32(page)
	if uint64(n) > uint64(len(page)-4) {
		return h, nil, errPage
	}
	return newHybrid(page[4:4+n], levelWidth(most)), page[4+n:], nil
}

// data visits the entries of a data page.
func (r *chunkReader) data(page []byte, n int, visit func(v *Value) error) error {
	reps, page, err := level(page, r.leaf.MaxRep)
	if err != nil {
		return err
	}
	defs, page, err := level(page, r.leaf.MaxDef)
	if err != nil {
		return err
	}
	values, err := r.values(page)
	if err != nil {
		return err
	}
	var v Value
	for range n {
		v.Rep, v.Def = 0, 0
		if r.leaf.MaxRep > 0 {
			if v.Rep, err = levelAt(&reps, r.leaf.MaxRep); err != nil {
				return err
			}
		}
		if r.leaf.MaxDef > 0 {
			if v.Def, err = levelAt(&defs, r.leaf.MaxDef); err != nil {
				return err
			}
		}
		v.Int, v.Bytes, v.code = 0, nil, -1
		if v.Def == r.leaf.MaxDef {
			if err = values.next(&v); err != nil {
				return err
			}
		}
		if v.Rep == 0 {
			r.rows++
		} else if r.seen == 0 {
			return errPage
		}
		r.seen++
		if err := visit(&v); err != nil {
			return err
		}
	}
	return nil
}

func levelAt(h *hybrid, most uint8) (uint8, error) {
	v, err := h.next()
	if err == nil && v > uint32(most) {
		err = errPage
	}
	return uint8(v), err
}
