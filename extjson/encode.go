package extjson

import (
	"bytes"
	"encoding/binary"
	"fmt"
	"math/bits"
	"slices"
	"time"
)

// Style is a dialect to write.
type Style uint8

// The styles.
const (
	// LegacyStrict is what mongod and Percona Server write to an audit log, to
	// the last blank: { "a" : 1, "b" : [ 1, 2 ], "c" : {}, "d" : [] }. It is the
	// only style whose text need not be JSON: not-a-number and the infinities
	// are bare words. Doubles are cut to 16 digits, and look like integers when
	// they have no fraction.
	LegacyStrict Style = iota
	// Canonical is Extended JSON v2 that keeps every type and digit.
	Canonical
	// Relaxed is Extended JSON v2 with plain numbers and legible dates.
	Relaxed
	// Plain is JSON for people and for other programs, without wrappers: dates
	// are RFC 3339 in UTC with milliseconds, ObjectIds hexadecimal, binary data
	// base64 or, for a UUID, its usual form; decimals and doubles that JSON
	// cannot express are strings. It does not lead back to BSON.
	Plain
)

// CorruptError says why bytes are not a BSON document.
type CorruptError struct {
	// Offset is where in the bytes the trouble begins.
	Offset int
	// Msg says what is wrong there.
	Msg string
}

// Error returns the message with the offset.
func (e *CorruptError) Error() string {
	return fmt.Sprintf("malformed BSON: %s at byte %d", e.Msg, e.Offset)
}

// Encoder holds what the styles leave open. The zero value is ready for use,
// and an Encoder may be used concurrently.
type Encoder struct {
	// Location is the zone of dates in LegacyStrict, which mongod writes in the
	// zone of its host. Defaults to UTC, written +00:00.
	Location *time.Location
}

// Append appends the text of a BSON document to dst. See [Encoder.Append].
func Append(dst, doc []byte, s Style) ([]byte, error) {
	return Encoder{}.Append(dst, doc, s)
}

// AppendValue appends the text of one BSON value. See [Encoder.AppendValue].
func AppendValue(dst []byte, typ byte, value []byte, s Style) ([]byte, error) {
	return Encoder{}.AppendValue(dst, typ, value, s)
}

// Append appends the text of the document doc, which must end where its length
// says, on one line. Strings that are not UTF-8 get U+FFFD for each wrong byte.
//
// Documents that are malformed, or nest deeper than DefaultMaxDepth, are a
// *CorruptError, and dst comes back as it was.
func (e Encoder) Append(dst, doc []byte, s Style) ([]byte, error) {
	return e.AppendValue(dst, typeDocument, doc, s)
}

// AppendValue appends the text of a value of the BSON type typ. value holds
// its bytes without type and key, and nothing more; errors are those of Append.
func (e Encoder) AppendValue(dst []byte, typ byte, value []byte, s Style) ([]byte, error) {
	// Without spare capacity no string can be read beyond the document.
	w := writer{b: slices.Clip(value), style: s, location: e.Location, depth: DefaultMaxDepth}
	start := len(dst)
	end := w.size(typ, 0, len(value))
	if end >= 0 && end != len(value) {
		w.fail(end, "bytes after the end")
	}
	if w.msg == "" {
		dst = w.value(dst, typ, 0, end)
	}
	if w.msg != "" {
		return dst[:start], &CorruptError{Offset: w.at, Msg: w.msg}
	}
	return dst, nil
}

// writer writes one document. Its methods append to dst and return it; what is
// wrong is noted in at and msg, and ends the writing.
type writer struct {
	b        []byte
	style    Style
	location *time.Location
	depth    int
	at       int
	msg      string
}

// fail notes the first thing that is wrong and returns the index that says so.
func (w *writer) fail(at int, msg string) int {
	if w.msg == "" {
		w.at, w.msg = at, msg
	}
	return -1
}

// fixed holds the sizes of the types that have one, plus 1, so that 0 says no.
var fixed = [256]uint8{
	typeDouble: 9, typeUndefined: 1, typeObjectID: 13, typeBoolean: 2, typeDate: 9, typeNull: 1,
	typeInt32: 5, typeTimestamp: 9, typeInt64: 9, typeDecimal128: 17, typeMaxKey: 1, typeMinKey: 1,
}

// size returns the end of the value of type typ that begins at b[i] and has to
// end by limit, or a negative number.
func (w *writer) size(typ byte, i, limit int) int {
	if n := fixed[typ]; n != 0 {
		if end := i + int(n) - 1; end <= limit {
			return end
		}
		return w.fail(i, "value is cut short")
	}
	switch typ {
	case typeString, typeCode, typeSymbol:
		return w.stringSize(i, limit)
	case typeDocument, typeArray:
		n := w.length(i, limit)
		if n < 5 || n > limit-i || w.b[i+n-1] != 0 {
			return w.fail(i, "wrong length of a document")
		}
		return i + n
	case typeBinary:
		n := w.length(i, limit)
		if n < 0 || n > limit-i-5 || w.b[i+4] == binaryOld && (n < 4 || w.length(i+5, limit) != n-4) {
			return w.fail(i, "wrong length of binary data")
		}
		return i + 5 + n
	case typeRegex:
		for range 2 {
			n := bytes.IndexByte(w.b[i:limit], 0)
			if n < 0 {
				return w.fail(i, "regular expression without end")
			}
			i += n + 1
		}
		return i
	case typeDBPointer:
		if i = w.stringSize(i, limit); i < 0 {
			return i
		}
		if i+12 > limit {
			return w.fail(i, "value is cut short")
		}
		return i + 12
	case typeCodeScope:
		n := w.length(i, limit)
		if n < 14 || n > limit-i {
			return w.fail(i, "wrong length of code with scope")
		}
		end := i + n
		if i = w.stringSize(i+4, end); i < 0 {
			return i
		}
		if w.size(typeDocument, i, end) != end {
			return w.fail(i, "wrong length of a scope")
		}
		return end
	}
	return w.fail(i, "unknown type")
}

// length reads the four bytes of a length, or returns -1.
func (w *writer) length(i, limit int) int {
	if limit-i < 4 {
		return -1
	}
	return int(int32(binary.LittleEndian.Uint32(w.b[i:])))
}

// stringSize is size for strings.
func (w *writer) stringSize(i, limit int) int {
	n := w.length(i, limit)
	if n < 1 || n > limit-i-4 || w.b[i+3+n] != 0 {
		return w.fail(i, "wrong length of a string")
	}
	return i + 4 + n
}

// document writes the document or array in b[i:end], whose length is checked.
func (w *writer) document(dst []byte, i, end int, array bool) []byte {
	if w.depth == 0 {
		w.fail(i, "nested too deep")
		return dst
	}
	w.depth--
	spaced := w.style == LegacyStrict
	open, shut := byte('{'), byte('}')
	if array {
		open, shut = '[', ']'
	}
	dst = append(dst, open)
	i += 4
	end--
	empty := i == end
	for first := true; i < end; first = false {
		if !first {
			dst = append(dst, ',')
		}
		if spaced {
			dst = append(dst, ' ')
		}
		if dst, i = w.element(dst, i, end, array); i < 0 {
			return dst
		}
	}
	if spaced && !empty {
		dst = append(dst, ' ')
	}
	w.depth++
	return append(dst, shut)
}

// element writes the element that begins at b[i], in an array without its key,
// and returns the index after it, or a negative number.
func (w *writer) element(dst []byte, i, limit int, array bool) ([]byte, int) {
	typ := w.b[i]
	n, clean := w.keySize(i+1, limit)
	if n < 0 {
		return dst, w.fail(i+1, "key without end")
	}
	key := w.b[i+1 : i+1+n]
	i += n + 2
	if !array {
		dst = append(dst, '"')
		if clean {
			dst = append(dst, key...)
		} else {
			dst = appendEscaped(dst, key)
		}
		if w.style == LegacyStrict {
			dst = append(dst, `" : `...)
		} else {
			dst = append(dst, '"', ':')
		}
	}
	if typ == typeString {
		// More than half of all values, so not left to the switches.
		end := w.stringSize(i, limit)
		if end < 0 {
			return dst, end
		}
		return appendString(dst, w.b[i+4:end-1]), end
	}
	end := w.size(typ, i, limit)
	if end < 0 {
		return dst, end
	}
	if dst = w.value(dst, typ, i, end); w.msg != "" {
		return dst, -1
	}
	return dst, end
}

// keySize returns the length of the C string at b[i], or a negative number if
// it does not end before limit, and whether it needs no escapes.
func (w *writer) keySize(i, limit int) (n int, clean bool) {
	for n = i; limit-n >= 8; n += 8 {
		m := special(binary.LittleEndian.Uint64(w.b[n:]))
		if m == 0 {
			continue
		}
		if n += bits.TrailingZeros64(m) >> 3; w.b[n] == 0 {
			return n - i, true
		}
		break
	}
	return bytes.IndexByte(w.b[i:limit], 0), false
}
