package file

import (
	"bytes"
	"encoding/binary"
	"fmt"

	"github.com/margay-audit/margay/event"
)

const (
	// minBSON and maxBSON bound the length of a document: an empty one, and the
	// largest that a server writes (16 MiB and some room for its envelope).
	minBSON = 5
	maxBSON = 16<<20 + 16<<10
	// bsonKey bounds the first key of a document when looking for one amid
	// bytes that are none.
	bsonKey = 128
)

// detect tells JSON from BSON by the first bytes of a stream. Any text, read
// as a BSON length, is over a hundred million, so the two cannot be confused.
// It is not sure while there are too few bytes.
func detect(b []byte) (f event.Form, sure bool) {
	if len(b) >= minBSON {
		if plausible(b) {
			return event.BSON, true
		}
		return event.JSON, true
	}
	for _, ch := range b {
		if ch == '\n' || ch == '{' {
			return event.JSON, true
		}
	}
	return event.JSON, false
}

// plausible reports whether b, of at least minBSON bytes, may begin a document:
// a length within bounds and the type of a first element.
func plausible(b []byte) bool {
	n := binary.LittleEndian.Uint32(b)
	if n < minBSON || n > maxBSON {
		return false
	}
	return n == minBSON && b[4] == 0 || n > minBSON && bsonType(b[4])
}

func bsonType(t byte) bool { return t >= 0x01 && t <= 0x13 || t == 0x7f || t == 0xff }

func (c *cutter) nextBSON(win []byte, off uint64, final bool) (rec event.Record, n int, st step) {
	if len(win) < minBSON && !final {
		return rec, 0, cutMore
	}
	if len(win) >= minBSON && plausible(win) {
		n = int(binary.LittleEndian.Uint32(win))
		if n > len(win) && !final {
			return rec, 0, cutMore
		}
		if n <= len(win) && framed(win[:n]) {
			return event.Record{Raw: win[:n], Offset: off, Form: event.BSON}, n, cutRecord
		}
	}
	c.begin(bsonGap, off)
	return c.skipBSON(win, off, final)
}

// skipBSON passes over bytes that are no document until one begins.
func (c *cutter) skipBSON(win []byte, off uint64, final bool) (event.Record, int, step) {
	from := 0
	if off == c.start && len(win) > 0 {
		from = 1 // the first byte is known to begin nothing
	}
	n := len(win)
	found := false
	for i := from; i < len(win); i++ {
		rest := win[i:]
		if len(rest) < minBSON+bsonKey && !final {
			n = i // too little to judge
			break
		}
		if begins(rest) {
			n, found = i, true
			break
		}
	}
	for _, ch := range win[:n] {
		c.nonZero = c.nonZero || ch != 0
	}
	c.take(win[:n])
	switch {
	case found, final && n == len(win):
		defect := fmt.Sprintf("%d bytes that are no BSON document", c.size)
		if !c.nonZero {
			defect = fmt.Sprintf("NUL run of %d bytes, as a crash leaves it", c.size)
		}
		return c.endGap(defect), n, cutRecord
	case n == 0:
		return event.Record{}, 0, cutMore
	}
	return event.Record{}, n, cutInside
}

// begins reports whether a document seems to begin amid other bytes. It asks
// more than plausible does, a printable first key, and looks no further than
// that: the same bytes must be judged alike however many follow.
func begins(b []byte) bool {
	if len(b) < minBSON || !plausible(b) {
		return false
	}
	key := b[minBSON:min(len(b), minBSON+bsonKey)]
	end := bytes.IndexByte(key, 0)
	if end < 1 {
		return false
	}
	for _, ch := range key[:end] {
		if ch < ' ' {
			return false
		}
	}
	return true
}

// framed reports whether the top-level elements of a document fill it exactly.
// That is what a document torn by a crash, with others written behind it, does
// not do.
func framed(doc []byte) bool {
	last := len(doc) - 1
	if doc[last] != 0 {
		return false
	}
	for i := 4; ; {
		if i == last {
			return true
		}
		t := doc[i]
		k := bytes.IndexByte(doc[i+1:last], 0)
		if !bsonType(t) || k < 0 {
			return false
		}
		i += 1 + k + 1
		n := valueSize(t, doc[i:last])
		if n < 0 || n > last-i {
			return false
		}
		i += n
	}
}

// valueSize returns the length of a value of type t that b begins with, or -1.
func valueSize(t byte, b []byte) int {
	counted := func(extra int) int {
		if len(b) < 4 {
			return -1
		}
		n := binary.LittleEndian.Uint32(b)
		if n > maxBSON {
			return -1
		}
		return int(n) + extra
	}
	switch t {
	case 0x06, 0x0a, 0x7f, 0xff: // undefined, null, min and max key
		return 0
	case 0x08: // boolean
		return 1
	case 0x10: // int32
		return 4
	case 0x01, 0x09, 0x11, 0x12: // double, date, timestamp, int64
		return 8
	case 0x07: // object id
		return 12
	case 0x13: // decimal128
		return 16
	case 0x02, 0x0d, 0x0e: // string, code, symbol
		return counted(4)
	case 0x05: // binary
		return counted(5)
	case 0x0c: // pointer
		return counted(16)
	case 0x03, 0x04, 0x0f: // document, array, code with scope
		return counted(0)
	case 0x0b: // regular expression
		i := bytes.IndexByte(b, 0)
		if i < 0 {
			return -1
		}
		k := bytes.IndexByte(b[i+1:], 0)
		if k < 0 {
			return -1
		}
		return i + k + 2
	}
	return -1
}
