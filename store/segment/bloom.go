package segment

import (
	"encoding/binary"
	"errors"
	"math/bits"

	"github.com/cespare/xxhash/v2"
)

// Bloom is a filter over the indicators of a segment: it says of a value that
// it is surely not among them, or that it may be. The catalog keeps one for
// each segment, because readers of Parquet cannot skip files by the contents of
// lists.
//
// It is a split-block filter: a block of 256 bits holds eight words, and a
// value sets one bit in each word of one block, so a look-up touches one cache
// line. Values are told apart by the 64-bit xxHash of their exact bytes.
//
// The zero Bloom is the filter of no values: it contains nothing.
type Bloom struct {
	words []uint32
}

const (
	// bloomVersion is the first byte of a serialised filter. It changes with
	// the hash, the salts, or the order of anything.
	bloomVersion = 1
	// bloomBits is how many bits a distinct value gets: 12 let about one absent
	// value in 200 pass.
	bloomBits = 12
	// maxBloomBlocks bounds a filter at 1 MiB, about 700,000 distinct values at
	// full precision. Beyond that it lets more pass, which costs time only.
	maxBloomBlocks = 1 << 15

	wordsPerBlock = 8
	blockBytes    = 4 * wordsPerBlock
)

// bloomSalts spread a hash over the words of a block. They are those of the
// Parquet format's own filters: odd numbers, chosen for independence.
var bloomSalts = [wordsPerBlock]uint32{
	0x47b6137b, 0x44974d91, 0x8824ad5b, 0xa2b7289d,
	0x705495c7, 0x2df1424b, 0x9efc4947, 0x5c6bfb31,
}

// NewBloom returns a filter with room for n distinct values.
func NewBloom(n int) *Bloom {
	if n <= 0 {
		return &Bloom{}
	}
	blocks := min((n*bloomBits+255)/256, maxBloomBlocks)
	return &Bloom{words: make([]uint32, blocks*wordsPerBlock)}
}

// Add puts a value into the filter. It must not be called on a filter without
// room.
func (b *Bloom) Add(value []byte) { b.addHash(xxhash.Sum64(value)) }

func (b *Bloom) addHash(h uint64) {
	block := b.block(h)
	for i, salt := range bloomSalts {
		block[i] |= 1 << ((uint32(h) * salt) >> 27)
	}
}

// MayContain reports whether value may have been added. False is certain.
func (b *Bloom) MayContain(value []byte) bool {
	if len(b.words) == 0 {
		return false
	}
	h := xxhash.Sum64(value)
	block := b.block(h)
	for i, salt := range bloomSalts {
		if block[i]&(1<<((uint32(h)*salt)>>27)) == 0 {
			return false
		}
	}
	return true
}

// block picks the block of a hash by its upper half, so that any number of
// blocks will do; the lower half picks the bits.
func (b *Bloom) block(h uint64) []uint32 {
	i, _ := bits.Mul64(h, uint64(len(b.words)/wordsPerBlock))
	return b.words[i*wordsPerBlock:][:wordsPerBlock]
}

// Encode returns the filter as bytes: a version, then the words, little-endian.
func (b *Bloom) Encode() []byte {
	out := make([]byte, 1, 1+4*len(b.words))
	out[0] = bloomVersion
	for _, w := range b.words {
		out = binary.LittleEndian.AppendUint32(out, w)
	}
	return out
}

// DecodeBloom reads what [Bloom.Encode] wrote.
func DecodeBloom(data []byte) (*Bloom, error) {
	if len(data) == 0 || data[0] != bloomVersion {
		return nil, errors.New("decode Bloom filter: unknown version")
	}
	data = data[1:]
	if len(data)%blockBytes != 0 || len(data)/blockBytes > maxBloomBlocks {
		return nil, errors.New("decode Bloom filter: not a whole number of blocks")
	}
	b := &Bloom{words: make([]uint32, len(data)/4)}
	for i := range b.words {
		b.words[i] = binary.LittleEndian.Uint32(data[4*i:])
	}
	return b, nil
}

// hashSet collects distinct hashes. It is reused from segment to segment and
// allocates only while it grows.
type hashSet struct {
	slots []uint64 // open addressing; 0 is an empty slot
	n     int
	zero  bool // whether the hash 0 itself was added
}

func (s *hashSet) add(h uint64) {
	if h == 0 {
		s.zero = true
		return
	}
	if s.n*2 >= len(s.slots) {
		s.grow()
	}
	mask := uint64(len(s.slots) - 1)
	i := h & mask
	for s.slots[i] != 0 {
		if s.slots[i] == h {
			return
		}
		i = (i + 1) & mask
	}
	s.slots[i] = h
	s.n++
}

func (s *hashSet) grow() {
	old := s.slots
	s.slots = make([]uint64, max(1024, 2*len(old)))
	s.n = 0
	for _, h := range old {
		if h != 0 {
			s.add(h)
		}
	}
}

func (s *hashSet) reset() {
	clear(s.slots)
	s.n, s.zero = 0, false
}

// bloom returns a filter of the collected hashes.
func (s *hashSet) bloom() *Bloom {
	n := s.n
	if s.zero {
		n++
	}
	b := NewBloom(n)
	if s.zero {
		b.addHash(0)
	}
	for _, h := range s.slots {
		if h != 0 {
			b.addHash(h)
		}
	}
	return b
}
