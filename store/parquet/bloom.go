package parquet

import (
	"encoding/binary"
	"fmt"
)

// bloomSalt are the multipliers of the split-block Bloom filter, from the
// format's description.
var bloomSalt = [8]uint32{
	0x47b6137b, 0x44974d91, 0x8824ad5b, 0xa2b7289d,
	0x705495c7, 0x2df1424b, 0x9efc4947, 0x5c6bfb31,
}

const (
	bloomBlock = 32
	maxBloom   = 8 << 20
)

// Bloom is a split-block Bloom filter over byte arrays, with the bytes that a
// Parquet file holds. The zero Bloom holds nothing and contains nothing.
type Bloom struct{ bits []byte }

// NewBloom returns an empty filter for a number of different values. It takes 6
// to 12 bits for each, which lets 1 to 10 of 100 absent values pass; its size is
// a power of two because some readers insist on that.
func NewBloom(distinct int) Bloom {
	size := bloomBlock
	for size < maxBloom && size/3*4 < distinct {
		size *= 2
	}
	return Bloom{bits: make([]byte, size)}
}

// LoadBloom returns a filter whose bytes are those of [Bloom.Bytes]. It keeps b.
func LoadBloom(b []byte) (Bloom, error) {
	if len(b)%bloomBlock != 0 || len(b) > maxBloom {
		return Bloom{}, fmt.Errorf("load Bloom filter: %d bytes", len(b))
	}
	return Bloom{bits: b}, nil
}

// Bytes returns the filter's memory.
func (b Bloom) Bytes() []byte { return b.bits }

// Add adds a value.
func (b Bloom) Add(v []byte) { b.addHash(hashBytes(v)) }

// MayContain is false only if v was never added.
func (b Bloom) MayContain(v []byte) bool { return b.hasHash(hashBytes(v)) }

// block returns the block for a hash: the high half chooses it.
func (b Bloom) block(h uint64) []byte {
	i := (h >> 32) * uint64(len(b.bits)/bloomBlock) >> 32 * bloomBlock
	return b.bits[i : i+bloomBlock : i+bloomBlock]
}

func (b Bloom) addHash(h uint64) {
	block := b.block(h)
	for i, salt := range bloomSalt {
		word := block[4*i : 4*i+4]
		bit := uint32(h) * salt >> 27
		binary.LittleEndian.PutUint32(word, binary.LittleEndian.Uint32(word)|1<<bit)
	}
}

func (b Bloom) hasHash(h uint64) bool {
	if len(b.bits) == 0 {
		return false
	}
	block := b.block(h)
	for i, salt := range bloomSalt {
		bit := uint32(h) * salt >> 27
		if binary.LittleEndian.Uint32(block[4*i:])>>bit&1 == 0 {
			return false
		}
	}
	return true
}

// appendBloom appends a filter with its header.
func appendBloom(dst []byte, b Bloom) []byte {
	t := compact{b: dst}
	t.begin()
	t.i32(1, int64(len(b.bits)))
	t.union(2, 1) // split blocks
	t.union(3, 1) // xxHash64
	t.union(4, 1) // not compressed
	t.end()
	return append(t.b, b.bits...)
}

// parseBloom reads what appendBloom wrote.
func parseBloom(src []byte) (Bloom, error) {
	t := thriftReader{src: src}
	size := int64(-1)
	t.structure(func(id int16, typ byte) {
		if id == 1 {
			size = t.int(typ)
		} else {
			t.skip(typ)
		}
	})
	if t.err != nil || size != int64(len(t.src)) {
		return Bloom{}, errThrift
	}
	return LoadBloom(t.src)
}

// bloomFilter builds the filter of a column.
func (c *Column) bloomFilter() Bloom {
	entries := c.dict.len()
	b := NewBloom(entries + len(c.hashes))
	for i := range entries {
		b.addHash(c.entryHash(i))
	}
	for _, h := range c.hashes {
		b.addHash(h)
	}
	return b
}
