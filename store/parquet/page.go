package parquet

import (
	"encoding/binary"
	"fmt"
	"hash/crc32"
	"slices"

	"github.com/DataDog/zstd"
)

// encoder is the memory that writing a row group takes.
type encoder struct {
	zstd zstd.Ctx
	// out is what has not been handed to the file yet.
	out []byte
	// levels, page and dict hold the page in work before compression, packed
	// afterwards.
	levels, page, dict, packed []byte
}

// place is a position in a column between two rows.
type place struct {
	entry, value int
	// at is the offset in data, for plain values.
	at int
}

// cut returns where the page that begins at from ends.
func (c *Column) cut(from place) place {
	if c.mode == plain {
		for _, p := range c.cuts {
			if p.entry > from.entry {
				return p
			}
		}
	}
	end := place{entry: c.n, value: c.values, at: len(c.data)}
	if c.mode == plain || c.n-from.entry <= pageEntries {
		return end
	}
	for p := from; p.entry < c.n; p.entry++ {
		begins := !c.spread || c.maxRep == 0 || c.rep[p.entry] == 0
		if begins && p.entry-from.entry >= pageEntries {
			return p
		}
		if c.present(p.entry) {
			p.value++
		}
	}
	return end
}

// present says whether an entry is a value.
func (c *Column) present(entry int) bool {
	if c.spread {
		return c.def[entry] == c.maxDef
	}
	return c.uniform == c.maxDef
}

// appendLevels appends the levels of a page.
func (c *Column) appendLevels(dst []byte, from, to int) []byte {
	if c.maxRep > 0 {
		dst = c.appendLevel(dst, c.rep, 0, c.maxRep, from, to)
	}
	if c.maxDef > 0 {
		dst = c.appendLevel(dst, c.def, c.uniform, c.maxDef, from, to)
	}
	return dst
}

func (c *Column) appendLevel(dst []byte, levels []uint8, uniform, most uint8, from, to int) []byte {
	at := len(dst)
	dst = append(dst, 0, 0, 0, 0)
	if c.spread {
		dst = appendHybrid(dst, levels[from:to], levelWidth(most))
	} else {
		dst = appendRun(dst, uint64(uniform), to-from, levelWidth(most))
	}
	binary.LittleEndian.PutUint32(dst[at:], uint32(len(dst)-at-4))
	return dst
}

// appendValues appends the values of a page, other than plain byte arrays.
func (c *Column) appendValues(dst []byte, from, to int) []byte {
	switch {
	case c.values == 0:
		return dst
	case c.mode == dictInts || c.mode == dictBytes:
		w := codeWidth(c.dict.len())
		dst = append(dst, byte(w))
		return appendHybrid(dst, c.codes[from:to], w)
	case c.leaf.Node.Type == Boolean:
		return appendBooleans(dst, c.ints[from:to])
	case c.encoding() == encDelta:
		return appendDelta(dst, c.ints[from:to], c.leaf.Node.Type == Int32)
	default:
		return c.appendNumbers(dst, c.ints[from:to])
	}
}

func appendBooleans(dst []byte, values []int64) []byte {
	for len(values) > 0 {
		var b byte
		n := min(8, len(values))
		for i, v := range values[:n] {
			b |= byte(v) << i
		}
		dst = append(dst, b)
		values = values[n:]
	}
	return dst
}

// appendNumbers appends plain numbers.
func (c *Column) appendNumbers(dst []byte, values []int64) []byte {
	if c.leaf.Node.Type == Int32 {
		for _, v := range values {
			dst = binary.LittleEndian.AppendUint32(dst, uint32(v))
		}
		return dst
	}
	for _, v := range values {
		dst = binary.LittleEndian.AppendUint64(dst, uint64(v))
	}
	return dst
}

// encoding returns how the values are stored.
func (c *Column) encoding() int64 {
	switch {
	case c.values == 0:
		return encPlain
	case c.mode == dictInts || c.mode == dictBytes:
		return encDictionary
	case c.mode == ints && c.leaf.Node.Encoding == Delta && (c.leaf.Node.Type == Int32 || c.leaf.Node.Type == Int64):
		return encDelta
	}
	return encPlain
}

// chunk appends the pages of a column and describes them. Offsets count from
// base plus what is in out.
func (e *encoder) chunk(c *Column, base int64) (ColumnInfo, error) {
	stats, err := c.stats()
	if err != nil {
		return ColumnInfo{}, err
	}
	info := ColumnInfo{Values: int64(c.n), Stats: stats, encoding: c.encoding()}
	start := len(e.out)
	if info.encoding == encDictionary {
		dict := c.dict.arena
		if c.mode == dictInts {
			e.dict = c.appendNumbers(e.dict[:0], c.dict.ints)
			dict = e.dict
		}
		if err := checkPage(c, len(dict)); err != nil {
			return info, err
		}
		if e.packed, err = e.compress(e.packed, dict); err != nil {
			return info, err
		}
		info.DictionaryPage = base + int64(len(e.out))
		e.emit(&info, len(dict), pageHeader{typ: pageDictionary, values: c.dict.len(), encoding: encPlain})
	}
	from := place{at: min(headroom, len(c.data))}
	for from.entry < c.n {
		to := c.cut(from)
		page, restore := e.build(c, from, to)
		if err = checkPage(c, len(page)); err == nil {
			e.packed, err = e.compress(e.packed, page)
		}
		copy(c.data[from.at-len(restore):], restore)
		if err != nil {
			return info, err
		}
		if from.entry == 0 {
			info.DataPage = base + int64(len(e.out))
		}
		e.emit(&info, len(page), pageHeader{typ: pageData, values: to.entry - from.entry, encoding: info.encoding})
		from = to
	}
	info.Size = int64(len(e.out) - start)
	return info, nil
}

func checkPage(c *Column, size int) error {
	if size > maxPage {
		return fmt.Errorf("column %q: a page of %d bytes is longer than %d", c.leaf.Path, size, maxPage)
	}
	return nil
}

// build returns a data page before compression. A page of plain byte arrays is
// built where the values lie: its levels take the place of the bytes before
// them, which restore holds, and have to be put back.
func (e *encoder) build(c *Column, from, to place) (page, restore []byte) {
	e.levels = c.appendLevels(e.levels[:0], from.entry, to.entry)
	if c.mode != plain {
		e.page = c.appendValues(append(e.page[:0], e.levels...), from.value, to.value)
		return e.page, nil
	}
	if begin := from.at - len(e.levels); begin >= 0 {
		e.page = append(e.page[:0], c.data[begin:from.at]...)
		copy(c.data[begin:], e.levels)
		return c.data[begin:to.at], e.page
	}
	return append(append(e.page[:0], e.levels...), c.data[from.at:to.at]...), nil
}

func (e *encoder) compress(dst, src []byte) ([]byte, error) {
	if e.zstd == nil {
		e.zstd = zstd.NewCtx()
	}
	dst = slices.Grow(dst[:0], zstd.CompressBound(len(src)))
	dst, err := e.zstd.CompressLevel(dst, src, 1)
	if err != nil {
		return nil, fmt.Errorf("compress a page: %w", err)
	}
	return dst, nil
}

// emit appends the page in packed, which has raw bytes decompressed, with its
// header.
func (e *encoder) emit(info *ColumnInfo, raw int, h pageHeader) {
	h.raw, h.size = raw, len(e.packed)
	h.crc = crc32.ChecksumIEEE(e.packed)
	at := len(e.out)
	e.out = h.append(e.out)
	info.RawSize += int64(len(e.out) - at + raw)
	e.out = append(e.out, e.packed...)
}

// pageHeader is the header of a page.
type pageHeader struct {
	typ       int64
	raw, size int
	crc       uint32
	values    int
	encoding  int64
}

func (h pageHeader) append(dst []byte) []byte {
	t := compact{b: dst}
	t.begin()
	t.i32(1, h.typ)
	t.i32(2, int64(h.raw))
	t.i32(3, int64(h.size))
	t.i32(4, int64(int32(h.crc)))
	if h.typ == pageDictionary {
		t.open(7)
		t.i32(1, int64(h.values))
		t.i32(2, h.encoding)
	} else {
		t.open(5)
		t.i32(1, int64(h.values))
		t.i32(2, h.encoding)
		t.i32(3, encRLE)
		t.i32(4, encRLE)
	}
	t.end()
	t.end()
	return t.b
}
