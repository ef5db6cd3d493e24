package parquet

import (
	"encoding/binary"
	"errors"
	"math/bits"
)

// The shape of DELTA_BINARY_PACKED that is written and read: what every other
// writer uses too.
const (
	deltaBlock = 128
	deltaMini  = 32
)

// appendDelta appends numbers as the differences of neighbours. Differences of
// narrow numbers, of 32 bits, wrap around at 32 bits, because readers refuse
// wider ones.
func appendDelta(dst []byte, values []int64, narrow bool) []byte {
	dst = binary.AppendUvarint(dst, deltaBlock)
	dst = binary.AppendUvarint(dst, deltaBlock/deltaMini)
	dst = binary.AppendUvarint(dst, uint64(len(values)))
	if len(values) == 0 {
		return binary.AppendVarint(dst, 0)
	}
	dst = binary.AppendVarint(dst, values[0])
	var block [deltaBlock]uint64
	for i := 1; i < len(values); i += deltaBlock {
		n := min(deltaBlock, len(values)-i)
		least := differences(&block, values[i-1:i+n], narrow)
		for k := range n {
			block[k] -= uint64(least)
		}
		clear(block[n:])
		dst = binary.AppendVarint(dst, least)
		at := len(dst)
		dst = append(dst, 0, 0, 0, 0)
		for m := 0; m*deltaMini < n; m++ {
			mini := block[m*deltaMini : (m+1)*deltaMini]
			var all uint64
			for _, v := range mini {
				all |= v
			}
			w := uint(bits.Len64(all))
			dst[at+m] = byte(w)
			dst = appendPacked(dst, mini, w)
		}
	}
	return dst
}

// differences fills block with the differences of neighbours and returns the
// least of them.
func differences(block *[deltaBlock]uint64, values []int64, narrow bool) int64 {
	var least int64
	for k := range len(values) - 1 {
		d := values[k+1] - values[k]
		if narrow {
			d = int64(int32(d))
		}
		block[k] = uint64(d)
		if k == 0 || d < least {
			least = d
		}
	}
	return least
}

var errDelta = errors.New("damaged delta encoding")

// deltaReader reads what appendDelta wrote, number by number.
type deltaReader struct {
	src    []byte
	narrow bool
	total  int
	done   int
	last   int64
	least  int64
	widths [deltaBlock / deltaMini]byte
	mini   []byte
}

func newDelta(src []byte, narrow bool) (deltaReader, error) {
	d := deltaReader{src: src, narrow: narrow}
	block, ok1 := d.uvarint()
	minis, ok2 := d.uvarint()
	total, ok3 := d.uvarint()
	first, n := binary.Varint(d.src)
	if !ok1 || !ok2 || !ok3 || n <= 0 || block != deltaBlock || minis != deltaBlock/deltaMini || total > MaxGroupValues {
		return d, errDelta
	}
	d.src, d.last, d.total = d.src[n:], first, int(total)
	return d, nil
}

func (d *deltaReader) uvarint() (uint64, bool) {
	v, n := binary.Uvarint(d.src)
	if n <= 0 {
		return 0, false
	}
	d.src = d.src[n:]
	return v, true
}

func (d *deltaReader) next() (int64, error) {
	if d.done >= d.total {
		return 0, errDelta
	}
	k := d.done - 1
	d.done++
	if k < 0 {
		return d.last, nil
	}
	if k%deltaBlock == 0 {
		least, n := binary.Varint(d.src)
		if n <= 0 || len(d.src) < n+len(d.widths) {
			return 0, errDelta
		}
		d.least = least
		copy(d.widths[:], d.src[n:])
		d.src = d.src[n+len(d.widths):]
	}
	w := uint(d.widths[k%deltaBlock/deltaMini])
	if k%deltaMini == 0 {
		size := int(w) * deltaMini / 8
		if w > 64 || size > len(d.src) {
			return 0, errDelta
		}
		d.mini, d.src = d.src[:size], d.src[size:]
	}
	d.last += d.least + int64(unpack(d.mini, k%deltaMini*int(w), w))
	if d.narrow {
		d.last = int64(int32(d.last))
	}
	return d.last, nil
}
