package extjson

import (
	"encoding/binary"
	"math/bits"
	"unicode/utf8"
)

const (
	lows  = 0x0101010101010101
	highs = 0x8080808080808080
)

// special marks the bytes of x that end a plain run of a string: quotes,
// backslashes, control characters and everything beyond ASCII. The lowest mark
// is exact; borrows can put wrong ones above it.
func special(x uint64) uint64 {
	quotes, slashes := x^lows*'"', x^lows*'\\'
	return ((quotes - lows) | (slashes - lows) | (x - lows*' ') | x) & highs
}

// text copies the string whose first character is p[i] to q[o:], unescaped,
// and returns the index after its closing quote and after the copy. It may
// write up to 7 bytes more than that.
func (d *Decoder) text(i, o int) (int, int) {
	p, q := d.p, d.q
	for {
		x := binary.LittleEndian.Uint64(p[i:])
		binary.LittleEndian.PutUint64(q[o:], x)
		m := special(x)
		if m == 0 {
			i += 8
			o += 8
			continue
		}
		n := bits.TrailingZeros64(m) >> 3
		i += n
		o += n
		if p[i] == '"' {
			return i + 1, o
		}
		if i, o = d.odd(i, o); i < 0 {
			return i, o
		}
	}
}

// odd decodes what p[i] begins, an escape or a run of characters beyond ASCII,
// and fails on control characters.
func (d *Decoder) odd(i, o int) (int, int) {
	p, q := d.p, d.q
	c := p[i]
	if c < ' ' {
		return d.fail(i, "control character in a string")
	}
	if c == '\\' {
		return d.escape(i, o)
	}
	for p[i] >= utf8.RuneSelf {
		n := sequence(p, i)
		if n == 0 {
			return d.fail(i, "invalid UTF-8")
		}
		q[o], q[o+1] = p[i], p[i+1]
		if n > 2 {
			q[o+2], q[o+3] = p[i+2], p[i+3]
		}
		i += n
		o += n
	}
	return i, o
}

// sequence returns the length of the UTF-8 sequence of two to four bytes that
// begins at p[i], or 0 if none does. The zero bytes after the text make it safe
// to look ahead.
func sequence(p []byte, i int) int {
	c, c1 := p[i], p[i+1]
	switch {
	case c < 0xC2 || c1&0xC0 != 0x80:
		return 0
	case c < 0xE0:
		return 2
	case p[i+2]&0xC0 != 0x80:
		return 0
	case c < 0xF0:
		if c == 0xE0 && c1 < 0xA0 || c == 0xED && c1 >= 0xA0 {
			return 0
		}
		return 3
	case p[i+3]&0xC0 != 0x80 || c > 0xF4 || c == 0xF0 && c1 < 0x90 || c == 0xF4 && c1 >= 0x90:
		return 0
	}
	return 4
}

// escape decodes the escape whose backslash is p[i].
func (d *Decoder) escape(i, o int) (int, int) {
	p, q := d.p, d.q
	var c byte
	switch p[i+1] {
	case '"', '\\', '/':
		c = p[i+1]
	case 'b':
		c = '\b'
	case 'f':
		c = '\f'
	case 'n':
		c = '\n'
	case 'r':
		c = '\r'
	case 't':
		c = '\t'
	case 'u':
		return d.unicode(i, o)
	default:
		return d.fail(i+1, "unknown escape")
	}
	q[o] = c
	return i + 2, o + 1
}

// unicode decodes the escape \uXXXX, or two that form a surrogate pair. Half a
// pair becomes U+FFFD.
func (d *Decoder) unicode(i, o int) (int, int) {
	p := d.p
	r, bad := hex4(p, i+2)
	if bad >= 0 {
		return d.fail(bad, "expected four hexadecimal digits")
	}
	at := i
	i += 6
	switch {
	case r == 0:
		d.nulAt = at
	case r >= 0xD800 && r < 0xDC00 && p[i] == '\\' && p[i+1] == 'u':
		if low, bad := hex4(p, i+2); bad < 0 && low >= 0xDC00 && low < 0xE000 {
			r = (r-0xD800)<<10 + (low - 0xDC00) + 0x10000
			i += 6
		}
	}
	// EncodeRune writes U+FFFD for the half of a pair.
	return i, o + utf8.EncodeRune(d.q[o:], r)
}

// hex4 reads four hexadecimal digits from p[i]. bad is the index of the first
// byte that is none, or negative.
func hex4(p []byte, i int) (r rune, bad int) {
	for k := range 4 {
		v := unhex(p[i+k])
		if v > 15 {
			return 0, i + k
		}
		r = r<<4 | rune(v)
	}
	return r, -1
}

// hexValue holds the value of each hexadecimal digit, and 255 elsewhere.
var hexValue = digitValues("0123456789abcdef", "0123456789ABCDEF")

// digitValues numbers the characters of each alphabet, and gives 255 to all
// that are in none.
func digitValues(alphabets ...string) (table [256]byte) {
	for i := range table {
		table[i] = 255
	}
	for _, alphabet := range alphabets {
		for i := range len(alphabet) {
			table[alphabet[i]] = byte(i)
		}
	}
	return table
}

// unhex returns the value of a hexadecimal digit, or 255.
func unhex(c byte) byte { return hexValue[c] }
