package parquet

import (
	"encoding/binary"
	"errors"
)

// The types of Thrift's compact protocol, in which Parquet writes its headers
// and its footer.
const (
	thriftTrue   = 1
	thriftFalse  = 2
	thriftByte   = 3
	thriftI16    = 4
	thriftI32    = 5
	thriftI64    = 6
	thriftDouble = 7
	thriftBinary = 8
	thriftList   = 9
	thriftStruct = 12
)

// compact writes the compact protocol. Fields must come in rising order.
type compact struct {
	b []byte
	// last is the number of the field before, in the structure being written;
	// outer are those of the structures around it.
	last  int16
	outer []int16
}

func (t *compact) field(id int16, typ byte) {
	if d := id - t.last; d > 0 && d < 16 {
		t.b = append(t.b, byte(d)<<4|typ)
	} else {
		t.b = append(t.b, typ)
		t.b = binary.AppendVarint(t.b, int64(id))
	}
	t.last = id
}

func (t *compact) i32(id int16, v int64) {
	t.field(id, thriftI32)
	t.b = binary.AppendVarint(t.b, v)
}

func (t *compact) i64(id int16, v int64) {
	t.field(id, thriftI64)
	t.b = binary.AppendVarint(t.b, v)
}

func (t *compact) i16(id int16, v int64) {
	t.field(id, thriftI16)
	t.b = binary.AppendVarint(t.b, v)
}

func (t *compact) i8(id int16, v int8) {
	t.field(id, thriftByte)
	t.b = append(t.b, byte(v))
}

func (t *compact) bool(id int16, v bool) {
	if v {
		t.field(id, thriftTrue)
	} else {
		t.field(id, thriftFalse)
	}
}

func (t *compact) string(id int16, v string) {
	t.field(id, thriftBinary)
	t.item(v)
}

func (t *compact) bytes(id int16, v []byte) {
	t.field(id, thriftBinary)
	t.b = binary.AppendUvarint(t.b, uint64(len(v)))
	t.b = append(t.b, v...)
}

// item appends a string as the member of a list.
func (t *compact) item(v string) {
	t.b = binary.AppendUvarint(t.b, uint64(len(v)))
	t.b = append(t.b, v...)
}

// list begins a list; its n members follow.
func (t *compact) list(id int16, typ byte, n int) {
	t.field(id, thriftList)
	if n < 15 {
		t.b = append(t.b, byte(n)<<4|typ)
		return
	}
	t.b = append(t.b, 0xf0|typ)
	t.b = binary.AppendUvarint(t.b, uint64(n))
}

// open begins a structure that is a field; begin one that is a member of a list
// or stands alone; end ends either.
func (t *compact) open(id int16) {
	t.field(id, thriftStruct)
	t.begin()
}

func (t *compact) begin() {
	t.outer = append(t.outer, t.last)
	t.last = 0
}

func (t *compact) end() {
	t.b = append(t.b, 0)
	t.last = t.outer[len(t.outer)-1]
	t.outer = t.outer[:len(t.outer)-1]
}

// union writes a field whose value is a union of structures without fields.
func (t *compact) union(id, member int16) {
	t.open(id)
	t.open(member)
	t.end()
	t.end()
}

var errThrift = errors.New("damaged metadata")

// thriftReader reads the compact protocol. The first error stays in err, and
// everything read afterwards is zero.
type thriftReader struct {
	src   []byte
	err   error
	depth int
}

func (t *thriftReader) fail() {
	if t.err == nil {
		t.err = errThrift
	}
	t.src = nil
}

// structure reads one structure and calls member for each field, which must
// read the field's value, or skip it.
func (t *thriftReader) structure(member func(id int16, typ byte)) {
	if t.depth++; t.depth > 16 {
		t.fail()
	}
	last := int16(0)
	for t.err == nil {
		head := t.byte()
		if head == 0 {
			break
		}
		if d := int16(head >> 4); d != 0 {
			last += d
		} else {
			last = int16(t.varint())
		}
		if t.err == nil {
			member(last, head&15)
		}
	}
	t.depth--
}

func (t *thriftReader) byte() byte {
	if len(t.src) == 0 {
		t.fail()
		return 0
	}
	b := t.src[0]
	t.src = t.src[1:]
	return b
}

func (t *thriftReader) varint() int64 {
	v, n := binary.Varint(t.src)
	if n <= 0 {
		t.fail()
		return 0
	}
	t.src = t.src[n:]
	return v
}

// length reads a length or a number of members, of which each takes a byte at
// least.
func (t *thriftReader) length() int {
	v, n := binary.Uvarint(t.src)
	if n <= 0 || v > uint64(len(t.src)-n) {
		t.fail()
		return 0
	}
	t.src = t.src[n:]
	return int(v)
}

// int reads the value of a field of one of the integer types.
func (t *thriftReader) int(typ byte) int64 {
	switch typ {
	case thriftByte:
		return int64(int8(t.byte()))
	case thriftI16, thriftI32, thriftI64:
		return t.varint()
	}
	t.fail()
	return 0
}

func (t *thriftReader) bool(typ byte) bool {
	if typ != thriftTrue && typ != thriftFalse {
		t.fail()
	}
	return typ == thriftTrue
}

// bytes returns a slice of the source.
func (t *thriftReader) bytes(typ byte) []byte {
	if typ != thriftBinary {
		t.fail()
		return nil
	}
	n := t.length()
	v := t.src[:n:n]
	t.src = t.src[n:]
	return v
}

// list reads the beginning of a list and returns the type and number of its
// members.
func (t *thriftReader) list(typ byte) (member byte, n int) {
	if typ != thriftList {
		t.fail()
		return 0, 0
	}
	head := t.byte()
	n = int(head >> 4)
	if n == 15 {
		n = t.length()
	} else if n > len(t.src) {
		t.fail()
		n = 0
	}
	return head & 15, n
}

// skip passes over the value of a field.
func (t *thriftReader) skip(typ byte) {
	switch typ {
	case thriftTrue, thriftFalse:
	case thriftByte, thriftI16, thriftI32, thriftI64:
		t.int(typ)
	case thriftDouble:
		if len(t.src) < 8 {
			t.fail()
			return
		}
		t.src = t.src[8:]
	case thriftBinary:
		t.bytes(typ)
	case thriftList, thriftList + 1: // a set looks like a list
		t.depth++
		if t.depth > 16 {
			t.fail()
		}
		member, n := t.list(thriftList)
		for i := 0; i < n && t.err == nil; i++ {
			if member == thriftTrue || member == thriftFalse {
				t.byte()
			} else {
				t.skip(member)
			}
		}
		t.depth--
	case thriftStruct:
		t.structure(func(_ int16, typ byte) { t.skip(typ) })
	default:
		t.fail()
	}
}
