package parquet

import (
	"fmt"
	"slices"
)

// Group is one row group while it is being built, column by column. It is
// reusable by Reset, and keeps its memory and its compressor; it is not safe
// for concurrent use.
//
// A row is built by appending the values of its columns, in any order of the
// columns, and then EndRow.
type Group struct {
	schema *Schema
	cols   []Column
	rows   int
	size   int
	enc    encoder
}

// NewGroup returns an empty row group.
func NewGroup(s *Schema) *Group {
	g := &Group{schema: s, cols: make([]Column, len(s.leaves))}
	for i := range g.cols {
		g.cols[i].init(g, &s.leaves[i])
	}
	return g
}

// Schema returns the schema of the group.
func (g *Group) Schema() *Schema { return g.schema }

// Column returns the column of a leaf, by its number in [Schema.Leaves].
func (g *Group) Column(leaf int) *Column { return &g.cols[leaf] }

// EndRow ends a row. A column without a value in it is null there, at
// definition level 0; it costs nothing until the column has a value again.
func (g *Group) EndRow() { g.rows++ }

// Rows returns the number of rows ended since Reset.
func (g *Group) Rows() int { return g.rows }

// Size returns about how many bytes the group holds in memory. It counts values
// that a dictionary has already only by their code.
func (g *Group) Size() int { return g.size }

// Reset empties the group. Memory is kept for the next one, except for buffers
// that are much larger than this group needed.
func (g *Group) Reset() {
	for i := range g.cols {
		g.cols[i].reset()
	}
	g.rows, g.size = 0, 0
}

// check finds what a caller did wrong with a column, before it is written.
func (c *Column) check() error {
	switch {
	case c.rows > c.group.rows:
		return fmt.Errorf("column %q: %d rows begun in %d", c.leaf.Path, c.rows, c.group.rows)
	case c.rows < c.group.rows:
		c.backfill(c.group.rows)
	}
	switch {
	case c.fault != "":
		return fmt.Errorf("column %q: %s", c.leaf.Path, c.fault)
	case c.n > MaxGroupValues:
		return fmt.Errorf("column %q: %d values, more than %d", c.leaf.Path, c.n, MaxGroupValues)
	}
	return nil
}

// mode is how a column keeps its values.
type mode uint8

const (
	// ints holds numbers in Column.ints.
	ints mode = iota
	// dictInts holds codes of a dictionary of numbers.
	dictInts
	// plain holds byte arrays in Column.data as a plain page has them.
	plain
	// dictBytes holds codes of a dictionary of byte arrays.
	dictBytes
)

// Column is one leaf of a Group. Values of one row are appended in document
// order: the first with repetition level 0. Values must come with the highest
// definition level of the leaf and nulls with a lower one; anything else is a
// fault of the program that makes WriteGroup fail.
type Column struct {
	group *Group
	leaf  *LeafInfo
	// mode is now, start is at the beginning of a row group.
	mode, start    mode
	float, bloom   bool
	maxRep, maxDef uint8
	// prefix is the length of the length before a plain byte array; where it is
	// 0, fixed is the length of every one.
	prefix, fixed int

	// rows counts the entries with repetition level 0.
	rows int
	// n counts the entries: values, nulls and empty lists. As long as all have
	// the same definition level, uniform, and repetition level 0, spread is
	// false and rep and def are not filled.
	n       int
	uniform uint8
	spread  bool
	rep     []uint8
	def     []uint8

	values int
	codes  []uint32
	ints   []int64
	data   []byte
	// cuts are where pages of plain byte arrays begin, but for the first, and
	// nextCut is the length of data from which the next one may.
	cuts    []place
	nextCut int
	dict    dictionary
	// hashes are those of the values outside the dictionary, for a Bloom
	// filter.
	hashes []uint64
	fault  string
}

// headroom is kept free before the first plain value, for the levels of its
// page.
const headroom = 64

func (c *Column) init(g *Group, l *LeafInfo) {
	c.group, c.leaf = g, l
	c.maxRep, c.maxDef = l.MaxRep, l.MaxDef
	n := &l.Node
	c.fixed = n.Length
	dict := n.Encoding == Dict
	switch n.Type {
	case ByteArray, FixedLenByteArray:
		c.start = plain
		if dict {
			c.start = dictBytes
		}
		if n.Type == ByteArray {
			c.prefix = 4
		}
	default:
		c.start = ints
		if dict && n.Type != Boolean && n.Type != Double {
			c.start = dictInts
		}
	}
	c.float = n.Type == Double
	c.bloom = n.Bloom
	c.reset()
}

func (c *Column) reset() {
	c.mode = c.start
	c.rows, c.n, c.uniform, c.spread, c.values, c.fault = 0, 0, 0, false, 0, ""
	c.rep = emptied(c.rep, 1)
	c.def = emptied(c.def, 1)
	c.codes = emptied(c.codes, 4)
	c.ints = emptied(c.ints, 8)
	c.hashes = emptied(c.hashes, 8)
	c.data = emptied(c.data, 1)
	c.cuts, c.nextCut = c.cuts[:0], headroom+pageSize
	c.dict.reset()
}

// emptied returns s without elements; it drops an array that is large and was
// mostly unused.
func emptied[T any](s []T, width int) []T {
	if cap(s)*width > keepBuffer && len(s) < cap(s)/4 {
		return nil
	}
	return s[:0]
}

// Null appends an absent value at a definition level, or an empty list.
func (c *Column) Null(rep, def uint8) {
	if def >= c.maxDef {
		c.fault = "a null at the definition level of a value"
		return
	}
	c.level(rep, def)
}

// Float appends a value of a Double leaf.
func (c *Column) Float(v float64, rep, def uint8) {
	if !c.float {
		c.fault = "a float64 for another type"
		return
	}
	c.number(floatBits(v), rep, def)
}

// Int appends a value of a Boolean leaf, as 0 or 1, or of an integer leaf.
func (c *Column) Int(v int64, rep, def uint8) {
	if c.float {
		c.fault = "an integer for a float64"
		return
	}
	c.number(v, rep, def)
}

func (c *Column) number(v int64, rep, def uint8) {
	if def != c.maxDef || c.mode > dictInts {
		c.fault = "a number for another type, or at the level of a null"
		return
	}
	c.level(rep, def)
	c.values++
	if c.mode == dictInts {
		code, fresh := c.dict.int(v)
		c.codes = append(c.codes, code)
		c.group.size += 4
		if fresh {
			c.group.size += 16
			c.review()
		}
		return
	}
	c.ints = append(c.ints, v)
	c.group.size += 8
	if c.bloom {
		c.hashes = append(c.hashes, c.hashInt(v))
	}
}

// Bytes appends a value of a ByteArray or FixedLenByteArray leaf. It copies v.
func (c *Column) Bytes(v []byte, rep, def uint8) {
	if def != c.maxDef || c.mode < plain || len(v) > MaxValue || (c.prefix == 0 && len(v) != c.fixed) {
		c.fault = "bytes for another type, of a wrong length, or at the level of a null"
		return
	}
	c.level(rep, def)
	if c.mode == dictBytes {
		c.values++
		code, fresh := c.dict.bytes(v, c.prefix)
		c.codes = append(c.codes, code)
		c.group.size += 4
		if fresh {
			c.group.size += len(v) + 24
			c.review()
		}
		return
	}
	if rep == 0 {
		c.mayCut(c.n - 1)
	}
	c.values++
	c.plainBytes(v)
	c.group.size += len(v) + c.prefix
	if c.bloom {
		c.hashes = append(c.hashes, hashBytes(v))
	}
}

// Again appends the value that was appended last once more, which saves looking
// it up. It can do so only while the column has a dictionary of byte arrays; it
// reports false, and appends nothing, when it cannot.
func (c *Column) Again(rep, def uint8) bool {
	if c.mode != dictBytes || len(c.codes) == 0 || def != c.maxDef {
		return false
	}
	c.level(rep, def)
	c.values++
	c.codes = append(c.codes, c.codes[len(c.codes)-1])
	c.group.size += 4
	return true
}

// mayCut begins a page of plain values at an entry, which must be the first of
// its row, if the page before is long enough.
func (c *Column) mayCut(entry int) {
	if len(c.data) >= c.nextCut {
		c.cuts = append(c.cuts, place{entry: entry, value: c.values, at: len(c.data)})
		c.nextCut = len(c.data) + pageSize
	}
}

func (c *Column) plainBytes(v []byte) {
	if len(c.data) == 0 {
		c.data = append(c.data, make([]byte, headroom)...)
	}
	if c.prefix != 0 {
		n := uint32(len(v))
		c.data = append(c.data, byte(n), byte(n>>8), byte(n>>16), byte(n>>24))
	}
	c.data = append(c.data, v...)
}

// level appends one entry's levels.
func (c *Column) level(rep, def uint8) {
	if rep == 0 {
		if c.rows < c.group.rows {
			c.backfill(c.group.rows)
		}
		c.rows++
		if !c.spread && (def == c.uniform || c.n == 0) {
			c.uniform = def
			c.n++
			return
		}
	} else if rep > c.maxRep || c.rows == 0 {
		c.fault = "a repetition level out of range"
		return
	}
	c.spreadLevels()
	c.n++
	c.def = append(c.def, def)
	c.group.size++
	if c.maxRep > 0 {
		c.rep = append(c.rep, rep)
		c.group.size++
	}
}

// spreadLevels writes out levels that were only counted so far.
func (c *Column) spreadLevels() {
	if c.spread {
		return
	}
	c.spread = true
	c.group.size += c.n
	c.def = extend(c.def, c.n, c.uniform)
	if c.maxRep > 0 {
		c.group.size += c.n
		c.rep = extend(c.rep, c.n, 0)
	}
}

// backfill appends nulls at level 0 until the column has begun so many rows.
func (c *Column) backfill(rows int) {
	k := rows - c.rows
	c.rows = rows
	if c.maxDef == 0 {
		c.fault = "a required column without a value"
		return
	}
	if !c.spread && (c.uniform == 0 || c.n == 0) {
		c.uniform = 0
		c.n += k
		return
	}
	c.spreadLevels()
	c.n += k
	c.group.size += k
	c.def = extend(c.def, k, 0)
	if c.maxRep > 0 {
		c.group.size += k
		c.rep = extend(c.rep, k, 0)
	}
}

// extend appends k times v.
func extend(s []uint8, k int, v uint8) []uint8 {
	n := len(s)
	s = slices.Grow(s, k)[:n+k]
	for i := n; i < len(s); i++ {
		s[i] = v
	}
	return s
}
