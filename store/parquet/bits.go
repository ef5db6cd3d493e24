package parquet

import (
	"encoding/binary"
	"errors"
)

// appendPacked appends values of w bits each, the lowest bits first. Their
// number times w must be a multiple of 8.
func appendPacked[T uint8 | uint32 | uint64](dst []byte, values []T, w uint) []byte {
	var acc uint64
	var have uint
	for _, t := range values {
		v := uint64(t)
		acc |= v << have
		have += w
		if have >= 64 {
			dst = binary.LittleEndian.AppendUint64(dst, acc)
			have -= 64
			acc = v >> (w - have)
		}
	}
	for ; have > 0; have -= 8 {
		dst = append(dst, byte(acc))
		acc >>= 8
	}
	return dst
}

// unpack returns the w bits that begin at bit position at. The bits must lie
// within src.
func unpack(src []byte, at int, w uint) uint64 {
	i, shift := at>>3, uint(at&7)
	if i+9 <= len(src) {
		v := binary.LittleEndian.Uint64(src[i:]) >> shift
		if shift+w > 64 {
			v |= uint64(src[i+8]) << (64 - shift)
		}
		return v & (1<<w - 1)
	}
	var v uint64
	for k, end := 0, (at+int(w)+7)>>3; i+k < end; k++ {
		if k == 0 {
			v = uint64(src[i]) >> shift
		} else {
			v |= uint64(src[i+k]) << (8*uint(k) - shift)
		}
	}
	return v & (1<<w - 1)
}

// appendHybrid appends values of w bits in the hybrid of run-length encoding
// and bit packing, without a length before it.
func appendHybrid[T uint8 | uint32](dst []byte, values []T, w uint) []byte {
	packed := 0
	for i := 0; i < len(values); {
		v := values[i]
		end := i + 1
		for end < len(values) && values[end] == v {
			end++
		}
		// A run pays from 8 on; the last one always, as packing would be padded
		// to 8. It begins where whole groups of 8 have been packed.
		if end-i < 8 && end < len(values) {
			i += 8
			continue
		}
		dst = appendPackedRun(dst, values[packed:min(i, len(values))], w)
		dst = appendRun(dst, uint64(v), end-i, w)
		i, packed = end, end
	}
	return appendPackedRun(dst, values[packed:], w)
}

// appendRun appends one value that is repeated n times.
func appendRun(dst []byte, v uint64, n int, w uint) []byte {
	dst = binary.AppendUvarint(dst, uint64(n)<<1)
	for ; w > 0; w -= min(w, 8) {
		dst = append(dst, byte(v))
		v >>= 8
	}
	return dst
}

// appendPackedRun appends values bit-packed in groups of 8, of which the last
// is filled up with zeros.
func appendPackedRun[T uint8 | uint32](dst []byte, values []T, w uint) []byte {
	if len(values) == 0 {
		return dst
	}
	whole := len(values) &^ 7
	dst = binary.AppendUvarint(dst, uint64(len(values)+7)>>3<<1|1)
	dst = appendPacked(dst, values[:whole], w)
	if whole < len(values) {
		var last [8]T
		copy(last[:], values[whole:])
		dst = appendPacked(dst, last[:], w)
	}
	return dst
}

var errHybrid = errors.New("damaged run-length encoding")

// hybrid reads what appendHybrid wrote, value by value.
type hybrid struct {
	src []byte
	w   uint
	// left counts the values of the run that is being read; it is packed when
	// at is not negative, and then at is the bit position in src.
	left  int
	at    int
	value uint32
}

func newHybrid(src []byte, w uint) hybrid { return hybrid{src: src, w: w, at: -1} }

func (h *hybrid) next() (uint32, error) {
	for h.left == 0 {
		if err := h.run(); err != nil {
			return 0, err
		}
	}
	h.left--
	if h.at < 0 {
		return h.value, nil
	}
	v := unpack(h.src, h.at, h.w)
	h.at += int(h.w)
	return uint32(v), nil
}

func (h *hybrid) run() error {
	if h.at >= 0 {
		h.src = h.src[h.at>>3:]
		h.at = -1
	}
	head, n := binary.Uvarint(h.src)
	if n <= 0 || head>>1 == 0 || head>>1 > 1<<31 {
		return errHybrid
	}
	h.src = h.src[n:]
	if head&1 == 1 {
		groups := int(head >> 1)
		if groups*int(h.w) > len(h.src) {
			return errHybrid
		}
		h.left, h.at = groups*8, 0
		return nil
	}
	width := int(h.w+7) / 8
	if width > len(h.src) {
		return errHybrid
	}
	h.left, h.value = int(head>>1), 0
	for i := range width {
		h.value |= uint32(h.src[i]) << (8 * i)
	}
	h.src = h.src[width:]
	if h.w < 32 && h.value>>h.w != 0 {
		return errHybrid
	}
	return nil
}
