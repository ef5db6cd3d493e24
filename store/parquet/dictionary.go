package parquet

import (
	"encoding/binary"
	"hash/maphash"
	"math"

	"github.com/cespare/xxhash/v2"
)

// dictionary numbers the different values of a column in the order of their
// first appearance. It is a hash table with open addressing over an arena that
// is already what a dictionary page has to hold.
type dictionary struct {
	// texts are the slots for byte arrays, slots those for numbers: the high half
	// of the hash, and below it the code plus one; 0 is a free slot. The number
	// of either is 0 or a power of two.
	texts []textSlot
	slots []uint64
	seed  maphash.Seed // of the hash of texts
	// arena holds byte arrays in plain encoding, ends where each ends.
	arena []byte
	ends  []uint32
	ints  []int64
	// lastStart, lastEnd and last are the value found most recently: equal
	// neighbours are frequent, and comparing is cheaper than hashing.
	lastStart, lastEnd int
	last               uint32
}

// textSlot holds the high half of a value's hash, its code plus one, or 0 in a
// free slot, and where in the arena its bytes are. A look-up touches nothing
// but the slot and those bytes.
type textSlot struct{ hash, code, start, end uint32 }

const minSlots = 64

// len returns the number of entries, of which only one sort is ever there.
func (d *dictionary) len() int { return len(d.ends) + len(d.ints) }

// size returns the length of the dictionary page, as far as it holds byte
// arrays.
func (d *dictionary) size() int { return len(d.arena) }

func (d *dictionary) reset() {
	d.texts = cleared(d.texts, d.len())
	d.slots = cleared(d.slots, d.len())
	d.arena = emptied(d.arena, 1)
	d.ends = emptied(d.ends, 4)
	d.ints = emptied(d.ints, 8)
	d.lastStart, d.lastEnd, d.last = 0, 0, 0
}

// cleared returns slots without entries; it drops those that are many and were
// mostly free.
func cleared[T any](slots []T, used int) []T {
	if len(slots) > 4096 && used < len(slots)/16 {
		return nil
	}
	if used > 0 {
		clear(slots)
	}
	return slots
}

// entry returns the bytes of an entry; prefix is the length of the length
// before it.
func (d *dictionary) entry(i, prefix int) []byte {
	start := 0
	if i > 0 {
		start = int(d.ends[i-1])
	}
	return d.arena[start+prefix : d.ends[i]]
}

// bytes returns the code of v, and whether it is new.
func (d *dictionary) bytes(v []byte, prefix int) (code uint32, fresh bool) {
	if d.lastEnd-d.lastStart == len(v) && len(v) != 0 && string(d.arena[d.lastStart:d.lastEnd]) == string(v) {
		return d.last, false
	}
	if len(d.ends) >= len(d.texts)/4*3 {
		d.growTexts(prefix)
	}
	h := maphash.Bytes(d.seed, v)
	mask := uint64(len(d.texts) - 1)
	i := h & mask
	for ; ; i = (i + 1) & mask {
		s := &d.texts[i]
		if s.code == 0 {
			break
		}
		if s.hash == uint32(h>>32) && int(s.end-s.start) == len(v) && string(d.arena[s.start:s.end]) == string(v) {
			d.lastStart, d.lastEnd, d.last = int(s.start), int(s.end), s.code-1
			return s.code - 1, false
		}
	}
	if prefix != 0 {
		d.arena = binary.LittleEndian.AppendUint32(d.arena, uint32(len(v)))
	}
	d.lastStart, d.last = len(d.arena), uint32(len(d.ends))
	d.arena = append(d.arena, v...)
	d.lastEnd = len(d.arena)
	d.ends = append(d.ends, uint32(len(d.arena)))
	d.texts[i] = textSlot{uint32(h >> 32), d.last + 1, uint32(d.lastStart), uint32(d.lastEnd)}
	return d.last, true
}

// int returns the code of v, and whether it is new.
func (d *dictionary) int(v int64) (code uint32, fresh bool) {
	if len(d.ints) != 0 && d.ints[d.last] == v {
		return d.last, false
	}
	if len(d.ints) >= len(d.slots)/2 {
		d.grow()
	}
	h := mix(v)
	mask := uint64(len(d.slots) - 1)
	for i := h & mask; ; i = (i + 1) & mask {
		s := d.slots[i]
		if s == 0 {
			code = uint32(len(d.ints))
			d.slots[i] = h&^math.MaxUint32 | uint64(code+1)
			break
		}
		if code = uint32(s) - 1; s>>32 == h>>32 && d.ints[code] == v {
			d.last = code
			return code, false
		}
	}
	d.ints = append(d.ints, v)
	d.last = code
	return code, true
}

// grow doubles the slots for numbers.
func (d *dictionary) grow() {
	d.slots = make([]uint64, max(minSlots, 2*len(d.slots)))
	mask := uint64(len(d.slots) - 1)
	for code, v := range d.ints {
		h := mix(v)
		i := h & mask
		for d.slots[i] != 0 {
			i = (i + 1) & mask
		}
		d.slots[i] = h&^math.MaxUint32 | uint64(code+1)
	}
}

// growTexts doubles the slots for byte arrays.
func (d *dictionary) growTexts(prefix int) {
	if d.texts == nil {
		d.seed = maphash.MakeSeed()
	}
	d.texts = make([]textSlot, max(minSlots, 2*len(d.texts)))
	mask := uint64(len(d.texts) - 1)
	start := 0
	for code, end := range d.ends {
		start += prefix
		h := maphash.Bytes(d.seed, d.arena[start:end])
		i := h & mask
		for d.texts[i].code != 0 {
			i = (i + 1) & mask
		}
		d.texts[i] = textSlot{uint32(h >> 32), uint32(code + 1), uint32(start), end}
		start = int(end)
	}
}

// mix spreads the bits of a number over a hash.
func mix(v int64) uint64 {
	h := uint64(v) * 0x9E3779B97F4A7C15
	return h ^ h>>29
}

// hashBytes is the hash that Bloom filters take for a byte array.
func hashBytes(v []byte) uint64 { return xxhash.Sum64(v) }

// hashInt is the hash that Bloom filters take for a number: that of its plain
// encoding.
func (c *Column) hashInt(v int64) uint64 {
	var b [8]byte
	binary.LittleEndian.PutUint64(b[:], uint64(v))
	if c.leaf.Node.Type == Int32 {
		return xxhash.Sum64(b[:4])
	}
	return xxhash.Sum64(b[:])
}

func (c *Column) entryHash(i int) uint64 {
	if c.mode == dictInts {
		return c.hashInt(c.dict.ints[i])
	}
	return hashBytes(c.dict.entry(i, c.prefix))
}

func floatBits(v float64) int64 { return int64(math.Float64bits(v)) }

// review gives the dictionary up when it does not pay. It is called when the
// dictionary has grown.
func (c *Column) review() {
	d, n := &c.dict, len(c.codes)
	entries, size := d.len(), d.size()
	poor := entries > dictEntries ||
		entries > dictProbe && entries > n/4*3 ||
		size > dictSoftSize && entries > n/2 ||
		size > dictHardSize
	if !poor {
		return
	}
	if c.bloom {
		for i := range entries {
			c.hashes = append(c.hashes, c.entryHash(i))
		}
	}
	if c.mode == dictInts {
		for _, code := range c.codes {
			c.ints = append(c.ints, d.ints[code])
		}
		c.group.size += 8*n - 4*n - 16*entries
		c.mode = ints
	} else {
		c.group.size -= 4*n + size + 20*entries
		c.mode = plain
		c.plainCodes()
	}
	c.codes = c.codes[:0]
	d.reset()
}

// plainCodes turns all codes of byte arrays into plain values.
func (c *Column) plainCodes() {
	c.values = 0
	for entry := range c.n {
		if c.maxRep == 0 || !c.spread || c.rep[entry] == 0 {
			c.mayCut(entry)
		}
		if c.present(entry) {
			v := c.dict.entry(int(c.codes[c.values]), c.prefix)
			c.values++
			c.plainBytes(v)
			c.group.size += len(v) + c.prefix
		}
	}
}
