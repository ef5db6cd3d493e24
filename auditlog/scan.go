package auditlog

import (
	"bytes"
	"encoding/binary"
	"math/bits"
)

// fixed holds the size of the values whose type has one size, plus one; 0
// stands for the types that need a closer look.
var fixed = [256]uint8{
	0x01: 9, 0x06: 1, 0x07: 13, 0x08: 2, 0x09: 9, 0x0a: 1, 0x10: 5, 0x11: 9,
	0x12: 9, 0x13: 17, 0x7f: 1, 0xff: 1,
}

// A step says how far the next element is from the beginning of a value: size
// bytes, and the length that the value begins with where mask is not 0. Size 0
// stands for the types of awkward shape. Embedded documents and arrays are
// entered: their step is that over their length.
type step struct{ size, mask uint32 }

var steps = func() (t [256]step) {
	for typ, size := range fixed {
		if size > 0 {
			t[typ].size = uint32(size)
		}
	}
	for _, typ := range []byte{typeDocument, typeArray} {
		t[typ] = step{size: 4 + 1}
	}
	for _, typ := range []byte{typeString, typeCode, typeSymbol} {
		t[typ] = step{size: 4 + 1, mask: 1<<32 - 1}
	}
	t[typeBinary] = step{size: 4 + 1 + 1, mask: 1<<32 - 1}
	return t
}()

const (
	lows  = 0x0101010101010101
	highs = 0x8080808080808080
	dots  = '.' * lows
)

// suspect says whether a closer look at the document is worth while. It passes
// once over all elements, at any depth, without keeping track of where it is:
// an embedded document is entered by stepping over its length, and left by
// stepping over its end. What it cannot read it reports as suspect.
func (t *tables) suspect(doc []byte) bool {
	// A secret can also stand inside a string: mongodb://user:password@host.
	if bytes.Contains(doc, schemeMark) {
		return true
	}
	p := 4
	for p+scanMargin <= len(doc) {
		typ := doc[p]
		if typ == 0 {
			p++
			continue
		}
		// The key, a word at a time: where it ends and whether it has a dot.
		x := binary.LittleEndian.Uint64(doc[p+1:])
		zero := (x - lows) &^ x & highs
		d := x ^ dots
		dot := (d - lows) &^ d & highs & (zero - 1)
		n := bits.TrailingZeros64(zero) >> 3
		for ; zero == 0 && p+n+scanMargin <= len(doc); n += bits.TrailingZeros64(zero) >> 3 {
			x = binary.LittleEndian.Uint64(doc[p+1+n:])
			zero = (x - lows) &^ x & highs
			d = x ^ dots
			dot |= (d - lows) &^ d & highs & (zero - 1)
		}
		if zero == 0 {
			break
		}
		tail := (binary.LittleEndian.Uint32(doc[p+n-3:]) | 0x20202020) & tailMask[min(n, 4)]
		slot := tailSlot(tail)
		if t.tails[slot>>6&tailWords]>>(slot&63)&1 != 0 || tail>>8 == tailPwd>>8 || dot != 0 {
			if t.rule(doc[p+1:p+1+n]) != keep {
				return true
			}
		}
		s := &steps[typ]
		if s.size == 0 {
			if p = after(doc, p+n+2, typ); p < 0 {
				return true
			}
			continue
		}
		if p += n + 1 + int(s.size); s.mask != 0 {
			p += int(binary.LittleEndian.Uint32(doc[p-int(s.size)+1:]))
		} else if typ == typeDocument {
			p = pastKnown(doc, p)
		}
	}
	return t.suspectEnd(doc, p)
}

// scanMargin is how far suspect looks ahead without asking: the type, a word
// of the key, and the length at the head of the value.
const scanMargin = 1 + 8 + 4

// pastKnown returns the end of an embedded document whose elements begin at p
// and which has one of the shapes of which audit messages are full: user or
// role with db, ip with port, and the id of a session. They are half of the
// elements of a message and have no room for a secret. For any other document
// it returns p.
func pastKnown(doc []byte, p int) int {
	if p+10 > len(doc) {
		return p
	}
	var q int
	switch head := binary.LittleEndian.Uint64(doc[p:]); {
	case head&sixBytes == roleHead, head&sixBytes == userHead:
		q = p + 10 + int(binary.LittleEndian.Uint32(doc[p+6:]))
		if q+8 > len(doc) || binary.LittleEndian.Uint32(doc[q:]) != dbHead {
			return p
		}
		q += 8 + int(binary.LittleEndian.Uint32(doc[q+4:]))
	case uint32(head) == ipHead:
		q = p + 8 + int(binary.LittleEndian.Uint32(doc[p+4:]))
		if q+11 > len(doc) || binary.LittleEndian.Uint64(doc[q:])&sixBytes != portHead {
			return p
		}
		q += 10
	case head == sessionHead:
		q = p + 4 + 5 + 16
	default:
		return p
	}
	if q >= len(doc) || doc[q] != 0 {
		return p
	}
	return q + 1
}

// The heads of the elements of known shapes: the type, the key and its NUL, of
// sessionHead also the length of a UUID.
const (
	sixBytes    = 1<<48 - 1
	roleHead    = typeString | 'r'<<8 | 'o'<<16 | 'l'<<24 | 'e'<<32
	userHead    = typeString | 'u'<<8 | 's'<<16 | 'e'<<24 | 'r'<<32
	dbHead      = typeString | 'd'<<8 | 'b'<<16
	ipHead      = typeString | 'i'<<8 | 'p'<<16
	portHead    = typeInt32 | 'p'<<8 | 'o'<<16 | 'r'<<24 | 't'<<32
	sessionHead = typeBinary | 'i'<<8 | 'd'<<16 | 16<<32
)

// suspectValue says the same of one value.
func (t *tables) suspectValue(e element) bool {
	switch e.typ {
	case typeDocument, typeArray:
		return t.suspect(e.value)
	case typeCodeWithScope:
		return true
	}
	return bytes.Contains(e.value, schemeMark)
}

// suspectEnd goes on where the words that suspect reads would pass the end.
func (t *tables) suspectEnd(doc []byte, p int) bool {
	for p < len(doc) {
		typ := doc[p]
		if p++; typ == 0 {
			continue
		}
		n := keyLen(doc, p)
		if n < 0 || t.tellingKey(doc, p, n) {
			return true
		}
		if p = after(doc, p+n+1, typ); p < 0 {
			return true
		}
	}
	return p != len(doc)
}

// after returns where the next element begins, after the value at p, or -1.
func after(doc []byte, p int, typ byte) int {
	if size := int(fixed[typ]); size != 0 {
		return p + size - 1
	}
	return skip(doc, p, typ)
}

// tellingKey says whether the key of n bytes at p has a rule. The four bytes
// before its end always exist: the length of the document precedes the first
// key.
func (t *tables) tellingKey(doc []byte, p, n int) bool {
	key := doc[p : p+n]
	tail := foldTail(binary.LittleEndian.Uint32(doc[p+n-4:]), n)
	return t.telling(tail, key) && t.rule(key) != keep
}

// tailPwd is the end of every key that ends in "pwd", which is shorter than
// the tails of the filter.
const tailPwd = 'p'<<8 | 'w'<<16 | 'd'<<24

// keyLen returns the length of the NUL-terminated key at p, or -1.
func keyLen(doc []byte, p int) int {
	for q := p; q+8 <= len(doc); q += 8 {
		x := binary.LittleEndian.Uint64(doc[q:])
		if zero := (x - lows) &^ x & highs; zero != 0 {
			return q - p + bits.TrailingZeros64(zero)>>3
		}
	}
	if p > len(doc) {
		return -1
	}
	return bytes.IndexByte(doc[p:], 0)
}

// skip returns where the value of variable size at p ends, for documents and
// arrays where its first element begins, or -1 when it does not fit.
func skip(doc []byte, p int, typ byte) int {
	if typ == typeRegex {
		for range 2 {
			n := keyLen(doc, p)
			if n < 0 {
				return -1
			}
			p += n + 1
		}
		return p
	}
	if p+4 > len(doc) {
		return -1
	}
	n := int(int32(binary.LittleEndian.Uint32(doc[p:])))
	switch typ {
	case typeDocument, typeArray:
		return p + 4
	case typeString, typeCode, typeSymbol:
	case typeBinary:
		n++
	case typeDBPointer:
		n += 12
	default:
		// Code with scope is rare and awkward: the closer look reads it.
		return -1
	}
	if p += 4 + n; n < 0 || p > len(doc) {
		return -1
	}
	return p
}

// The BSON types that are told apart here; the numbers are those of the
// specification at bsonspec.org.
const (
	typeDouble        = 0x01
	typeString        = 0x02
	typeDocument      = 0x03
	typeArray         = 0x04
	typeBinary        = 0x05
	typeUndefined     = 0x06
	typeBoolean       = 0x08
	typeNull          = 0x0a
	typeRegex         = 0x0b
	typeDBPointer     = 0x0c
	typeCode          = 0x0d
	typeSymbol        = 0x0e
	typeCodeWithScope = 0x0f
	typeInt32         = 0x10
	typeInt64         = 0x12
)
