package extjson

import (
	"encoding/binary"
	"math/bits"
	"unicode/utf8"
)

const (
	del = 0x7F
	// lastControl is the last of the second set of control characters.
	lastControl = 0x9F
)

// appendString appends s as a JSON string.
func appendString(dst, s []byte) []byte {
	return append(appendEscaped(append(dst, '"'), s), '"')
}

// appendEscaped appends what stands between the quotes of a JSON string. It
// escapes what mongod does: what has to be, DEL and the control characters from
// U+0080 to U+009F, but neither '/' nor anything else beyond ASCII. Bytes that
// are not UTF-8 become the escape of U+FFFD.
func appendEscaped(dst, s []byte) []byte {
	start, i := 0, 0
	for i < len(s) {
		if len(s)-i >= 8 {
			x := binary.LittleEndian.Uint64(s[i:])
			m := special(x) | (x^lows*del)-lows&highs
			if m == 0 {
				i += 8
				continue
			}
			i += bits.TrailingZeros64(m) >> 3
		}
		c := s[i]
		if c >= ' ' && c < del && c != '"' && c != '\\' {
			i++
			continue
		}
		if c >= utf8.RuneSelf {
			r, n := utf8.DecodeRune(s[i:])
			if r > lastControl && (r != utf8.RuneError || n > 1) {
				i += n
				continue
			}
			dst = appendUnicode(append(dst, s[start:i]...), r)
			i += n
		} else {
			dst = appendSpecial(append(dst, s[start:i]...), c)
			i++
		}
		start = i
	}
	return append(dst, s[start:]...)
}

// appendSpecial appends the escape of an ASCII character.
func appendSpecial(dst []byte, c byte) []byte {
	switch c {
	case '"', '\\':
		return append(dst, '\\', c)
	case '\b':
		return append(dst, '\\', 'b')
	case '\f':
		return append(dst, '\\', 'f')
	case '\n':
		return append(dst, '\\', 'n')
	case '\r':
		return append(dst, '\\', 'r')
	case '\t':
		return append(dst, '\\', 't')
	}
	return appendUnicode(dst, rune(c))
}

// appendUnicode appends an escape of four hexadecimal digits.
func appendUnicode(dst []byte, r rune) []byte {
	const digits = "0123456789abcdef"
	return append(dst, '\\', 'u', digits[r>>12&15], digits[r>>8&15], digits[r>>4&15], digits[r&15])
}
