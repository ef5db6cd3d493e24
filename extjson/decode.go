package extjson

import (
	"bytes"
	"encoding/binary"
	"fmt"
	"slices"
)

// Decoder turns texts into BSON documents. The zero value is ready for use. A
// Decoder keeps its buffers from document to document and allocates nothing
// once they have grown; it is not for concurrent use.
type Decoder struct {
	// MaxDepth is how deep documents and arrays may nest, the outermost
	// counted. Defaults to DefaultMaxDepth.
	MaxDepth int
	// MaxSize is the longest text taken, in bytes. Defaults to DefaultMaxSize;
	// more than 128 MiB counts as 128 MiB, since BSON lengths have 31 bits.
	MaxSize int

	// p is a copy of the text with pad zero bytes after it. A zero byte is
	// wrong everywhere in JSON, so that no loop has to look for the end.
	p []byte
	// q is where the document grows. Its length is its capacity, which bound
	// has made large enough for whatever p can hold.
	q      []byte
	fields []Field
	// depth is how many more levels may open; top is its value in the outermost
	// document.
	depth, top int
	// nulAt is where the last string with an escaped NUL began, bareAt where the
	// last bare word stood, -1 if there was none.
	nulAt, bareAt int
	// scratch holds an unescaped string while a wrapper is examined.
	scratch []byte

	errAt  int
	errMsg string
}

const (
	// pad is how far loads of eight bytes may reach beyond the text.
	pad = 8
	// keep is the largest buffer in bytes that a Decoder keeps for the next
	// document, keepFields the longest list of fields.
	keep       = 1 << 20
	keepFields = 1 << 12
	// sizeLimit bounds MaxSize: BSON takes at most 8 times the text.
	sizeLimit = 128 << 20
)

// Decode appends the BSON of the one document that text consists of, with
// white space around it, to dst. It neither keeps nor changes text, and reads
// nothing beyond it; it may use the spare capacity of dst as scratch memory.
//
// If text is anything else, Decode returns dst as it was and a *SyntaxError.
func (d *Decoder) Decode(dst, text []byte) ([]byte, error) {
	if cap(d.fields) > keepFields {
		d.fields = nil
	}
	d.fields = d.fields[:0]
	limit := d.MaxSize
	if limit <= 0 {
		limit = DefaultMaxSize
	}
	limit = min(limit, sizeLimit)
	if len(text) > limit {
		return dst, &SyntaxError{Offset: limit, Msg: fmt.Sprintf("document is longer than %d bytes", limit)}
	}
	d.depth = d.MaxDepth
	if d.depth <= 0 {
		d.depth = DefaultMaxDepth
	}
	d.top = d.depth - 1
	d.p = append(append(d.p[:0], text...), 0, 0, 0, 0, 0, 0, 0, 0)
	d.nulAt, d.bareAt = -1, -1

	start := len(dst)
	dst = slices.Grow(dst, bound(text))
	d.q = dst[start:cap(dst)]
	i, o := d.outermost()
	d.q = nil
	if cap(d.p) > keep {
		d.p = nil
	}
	if cap(d.scratch) > keep {
		d.scratch = nil
	}
	if i < 0 {
		d.fields = d.fields[:0]
		return dst[:start], d.failure(len(text))
	}
	return dst[: start+o : cap(dst)], nil
}

// Fields returns the top-level members of the last document decoded, in the
// order of the text. The slice is valid until the next Decode, and empty after
// one that failed.
func (d *Decoder) Fields() []Field { return d.fields }

// bound returns how many bytes of BSON the text can become at most. A value
// takes no more than 6 bytes beyond its text (a double written with two
// characters), a key no more than its text, and the invented key of an array
// element at most 9 more; every value but one follows a comma or a bracket. The
// 8 times cover texts made of nothing but those: the worst is [1,1,1,…], with 13
// bytes for every two.
func bound(text []byte) int {
	if len(text) <= 4096 {
		return 8*len(text) + 32
	}
	values := 1 + bytes.Count(text, []byte{','}) + bytes.Count(text, []byte{'['}) + bytes.Count(text, []byte{'{'})
	return min(len(text)+16*values, 8*len(text)) + 32
}

// fail records what is wrong at p[i] and returns the index that means failure.
func (d *Decoder) fail(i int, msg string) (int, int) {
	d.errAt, d.errMsg = i, msg
	return -1, 0
}

// failure makes the error of what fail recorded. Whatever went wrong on the
// zero bytes after the text went wrong because the text ended.
func (d *Decoder) failure(size int) error {
	if d.errAt >= size {
		return &SyntaxError{Offset: size, Msg: "unexpected end"}
	}
	return &SyntaxError{Offset: d.errAt, Msg: d.errMsg}
}

// outermost decodes the whole of p and returns the length of the document, or
// a negative number first.
func (d *Decoder) outermost() (end, size int) {
	i := space(d.p, 0)
	if d.p[i] != '{' {
		return d.fail(i, "expected a document")
	}
	i, o := d.document(i, 0)
	if i < 0 {
		return i, o
	}
	i = space(d.p, i)
	if i != len(d.p)-pad {
		return d.fail(i, "unexpected text after the document")
	}
	return i, o
}

// document decodes the object that begins at p[i] to q[o:], and returns the
// index after each.
func (d *Decoder) document(i, o int) (int, int) {
	p, q := d.p, d.q
	if d.depth == 0 {
		return d.fail(i, "nested too deep")
	}
	d.depth--
	start := o
	o += 4
	i = space(p, i+1)
	if p[i] == '}' {
		return d.close(i, start, o)
	}
	for {
		if p[i] != '"' {
			return d.fail(i, "expected a key in double quotes")
		}
		element, key := o, i
		i, o = d.text(i+1, o+1)
		if i < 0 {
			return i, o
		}
		if d.nulAt > key {
			return d.fail(d.nulAt, "NUL in a key")
		}
		q[o] = 0
		o++
		if p[i] != ':' {
			if i = space(p, i); p[i] != ':' {
				return d.fail(i, "expected ':'")
			}
		}
		i = space(p, i+1)
		from := i
		if p[i] == '"' {
			q[element] = typeString
			value := o
			i, o = d.text(i+1, o+4)
			if i < 0 {
				return i, o
			}
			q[o] = 0
			o++
			binary.LittleEndian.PutUint32(q[value:], uint32(o-value-4))
		} else if i, o = d.value(i, o, element); i < 0 {
			return i, o
		}
		if d.depth == d.top {
			d.fields = append(d.fields, Field{Element: element, Start: from, End: i, Bare: d.bareAt >= from})
		}
		if p[i] != ',' {
			if i = space(p, i); p[i] != ',' {
				break
			}
		}
		i = space(p, i+1)
	}
	if p[i] != '}' {
		return d.fail(i, "expected ',' or '}'")
	}
	return d.close(i, start, o)
}

// close ends the document or array that began at q[start], whose last bracket
// is p[i].
func (d *Decoder) close(i, start, o int) (int, int) {
	d.q[o] = 0
	o++
	binary.LittleEndian.PutUint32(d.q[start:], uint32(o-start))
	d.depth++
	return i + 1, o
}

// array decodes the array that begins at p[i] to q[o:].
func (d *Decoder) array(i, o int) (int, int) {
	p, q := d.p, d.q
	if d.depth == 0 {
		return d.fail(i, "nested too deep")
	}
	d.depth--
	start := o
	o += 4
	i = space(p, i+1)
	if p[i] == ']' {
		return d.close(i, start, o)
	}
	for n := 0; ; n++ {
		element := o
		o = position(q, o+1, n)
		if i, o = d.value(i, o, element); i < 0 {
			return i, o
		}
		if i = space(p, i); p[i] != ',' {
			break
		}
		i = space(p, i+1)
	}
	if p[i] != ']' {
		return d.fail(i, "expected ',' or ']'")
	}
	return d.close(i, start, o)
}

// position writes the key of the n-th element of an array with its NUL.
func position(q []byte, o, n int) int {
	if n < 10 {
		q[o] = byte('0' + n)
		q[o+1] = 0
		return o + 2
	}
	digits := 1
	for m := n; m >= 10; m /= 10 {
		digits++
	}
	for k := o + digits - 1; k >= o; k-- {
		q[k] = byte('0' + n%10)
		n /= 10
	}
	q[o+digits] = 0
	return o + digits + 1
}

// value decodes the value that begins at p[i] to q[o:], and its type to
// q[element].
func (d *Decoder) value(i, o, element int) (int, int) {
	p, q := d.p, d.q
	switch c := p[i]; c {
	case '"':
		q[element] = typeString
		value := o
		i, o = d.text(i+1, o+4)
		if i < 0 {
			return i, o
		}
		q[o] = 0
		o++
		binary.LittleEndian.PutUint32(q[value:], uint32(o-value-4))
		return i, o
	case '{':
		k := i + 1
		if p[k] != '"' {
			k = space(p, k)
		}
		if p[k] == '"' && (p[k+1] == '$' || p[k+1] == '\\') {
			if end, size := d.wrapper(k, o, element); end >= 0 {
				return end, size
			}
		}
		q[element] = typeDocument
		return d.document(i, o)
	case '[':
		q[element] = typeArray
		return d.array(i, o)
	case 't':
		if string(p[i:i+4]) == "true" {
			q[element], q[o] = typeBoolean, 1
			return i + 4, o + 1
		}
	case 'f':
		if string(p[i:i+5]) == "false" {
			q[element], q[o] = typeBoolean, 0
			return i + 5, o + 1
		}
	case 'n':
		if string(p[i:i+4]) == "null" {
			q[element] = typeNull
			return i + 4, o
		}
	case '-', '0', '1', '2', '3', '4', '5', '6', '7', '8', '9', 'N', 'I':
		return d.number(i, o, element)
	}
	return d.fail(i, "expected a value")
}

// space returns the index of the first byte from p[i] on that is not white
// space. Most often there is none or one blank.
func space(p []byte, i int) int {
	if p[i] > ' ' {
		return i
	}
	if p[i] == ' ' && p[i+1] > ' ' {
		return i + 1
	}
	return spaces(p, i)
}

func spaces(p []byte, i int) int {
	for p[i] == ' ' || p[i] == '\n' || p[i] == '\t' || p[i] == '\r' {
		i++
	}
	return i
}
