package parquet

import (
	"bytes"
	"encoding/binary"
	"fmt"
	"math"
	"unicode/utf8"
)

// Stats are the statistics of a column in one row group.
type Stats struct {
	// Nulls counts the entries that are no value: absent ones at any level, and
	// empty lists.
	Nulls int64
	// Min and Max are plain values without a length before them, little-endian
	// for numbers; nil when not known. Those of a string may be cut: Min is then
	// lower, and Max higher, than every value, and the Exact field false.
	Min, Max           []byte
	MinExact, MaxExact bool
}

// IntRange returns the minimum and maximum of an integer leaf.
func (s Stats) IntRange() (lowest, highest int64, ok bool) {
	if len(s.Min) != len(s.Max) {
		return 0, 0, false
	}
	switch len(s.Min) {
	case 4:
		lowest = int64(int32(binary.LittleEndian.Uint32(s.Min)))
		highest = int64(int32(binary.LittleEndian.Uint32(s.Max)))
	case 8:
		lowest = int64(binary.LittleEndian.Uint64(s.Min))
		highest = int64(binary.LittleEndian.Uint64(s.Max))
	default:
		return 0, 0, false
	}
	return lowest, highest, true
}

// stats computes the statistics, and finds numbers that are too large for their
// type on the way.
func (c *Column) stats() (Stats, error) {
	s := Stats{Nulls: int64(c.n - c.values)}
	if c.values == 0 {
		return s, nil
	}
	numbers := c.ints
	switch {
	case c.float:
		if !c.leaf.Node.NoStats {
			c.floatStats(&s)
		}
		return s, nil
	case c.mode == dictInts:
		numbers = c.dict.ints
	case c.mode >= plain:
		if !c.leaf.Node.NoStats {
			c.byteStats(&s)
		}
		return s, nil
	}
	lowest, highest := numbers[0], numbers[0]
	for _, v := range numbers {
		lowest, highest = min(lowest, v), max(highest, v)
	}
	least, most := c.leaf.Node.bounds()
	if lowest < least || highest > most {
		return s, fmt.Errorf("column %q: a value between %d and %d does not fit its type", c.leaf.Path, lowest, highest)
	}
	if !c.leaf.Node.NoStats {
		s.Min, s.Max = c.leaf.Node.plainNumber(lowest), c.leaf.Node.plainNumber(highest)
		s.MinExact, s.MaxExact = true, true
	}
	return s, nil
}

// bounds returns the least and the greatest number that a leaf can hold.
func (n *Node) bounds() (least, most int64) {
	switch {
	case n.Type == Boolean:
		return 0, 1
	case n.Logical == Int8:
		return math.MinInt8, math.MaxInt8
	case n.Logical == Int16:
		return math.MinInt16, math.MaxInt16
	case n.Type == Int32:
		return math.MinInt32, math.MaxInt32
	}
	return math.MinInt64, math.MaxInt64
}

func (n *Node) plainNumber(v int64) []byte {
	switch n.Type {
	case Boolean:
		return []byte{byte(v)}
	case Int32:
		return binary.LittleEndian.AppendUint32(nil, uint32(v))
	}
	return binary.LittleEndian.AppendUint64(nil, uint64(v))
}

// floatStats leaves the minimum and maximum out when there is a NaN, which has
// no place in the order; the signs of zeros are chosen so that both zeros lie
// between.
func (c *Column) floatStats(s *Stats) {
	lowest, highest := math.Inf(1), math.Inf(-1)
	for _, bits := range c.ints {
		v := math.Float64frombits(uint64(bits))
		if math.IsNaN(v) {
			return
		}
		lowest, highest = min(lowest, v), max(highest, v)
	}
	if lowest == 0 {
		lowest = math.Copysign(0, -1)
	}
	if highest == 0 {
		highest = 0
	}
	s.Min, s.Max = c.leaf.Node.plainNumber(floatBits(lowest)), c.leaf.Node.plainNumber(floatBits(highest))
	s.MinExact, s.MaxExact = true, true
}

func (c *Column) byteStats(s *Stats) {
	var lowest, highest []byte
	first := true
	see := func(v []byte) {
		if first || bytes.Compare(v, lowest) < 0 {
			lowest = v
		}
		if first || bytes.Compare(v, highest) > 0 {
			highest = v
		}
		first = false
	}
	if c.mode == dictBytes {
		for i := range c.dict.len() {
			see(c.dict.entry(i, c.prefix))
		}
	} else {
		for at := headroom; at < len(c.data); {
			start, end := c.plainValue(at)
			see(c.data[start:end])
			at = end
		}
	}
	text := c.leaf.Node.Logical == String || c.leaf.Node.Logical == JSON
	s.Min, s.MinExact = cutMin(lowest, text)
	s.Max, s.MaxExact = cutMax(highest, text)
}

// plainValue returns where the plain value that begins at an offset of data has
// its bytes.
func (c *Column) plainValue(at int) (start, end int) {
	if c.prefix == 0 {
		return at, at + c.fixed
	}
	return at + 4, at + 4 + int(binary.LittleEndian.Uint32(c.data[at:]))
}

// cutMin returns a copy of v, or of a beginning of v, which is not greater.
func cutMin(v []byte, text bool) (lower []byte, exact bool) {
	if len(v) <= statSize {
		return append([]byte{}, v...), true
	}
	return append([]byte{}, v[:cutAt(v, text)]...), false
}

// cutMax returns a copy of v, or something short that is greater than v, or nil
// if that cannot be found.
func cutMax(v []byte, text bool) (upper []byte, exact bool) {
	if len(v) <= statSize {
		return append([]byte{}, v...), true
	}
	b := append([]byte{}, v[:cutAt(v, text)]...)
	for len(b) > 0 {
		if !text {
			if last := len(b) - 1; b[last] != 0xff {
				b[last]++
				return b, false
			}
			b = b[:len(b)-1]
			continue
		}
		r, size := utf8.DecodeLastRune(b)
		b = b[:len(b)-size]
		if r == utf8.RuneError && size <= 1 {
			continue
		}
		if r++; r == 0xd800 {
			r = 0xe000 // over the surrogates, which are no characters
		}
		if r <= utf8.MaxRune {
			return utf8.AppendRune(b, r), false
		}
	}
	return nil, false
}

// cutAt returns where a long value is cut, which is between characters for
// text.
func cutAt(v []byte, text bool) int {
	n := statSize
	for text && n > statSize-utf8.UTFMax && !utf8.RuneStart(v[n]) {
		n--
	}
	return n
}
