package extjson

import (
	"encoding/binary"
	"math/bits"
	"unicode/utf8"
)

// appendString appends s as a JSON string.
func appendString(dst, s []byte) []byte {
	return append(appendEscaped(append(dst, '"'), s), '"')
}

// appendEscaped appends what stands between the quotes of a JSON string. It
// escapes what has to be, as mongod does: neither '/' nor anything from DEL on.
// Bytes that are not UTF-8, which mongod would pass on, become U+FFFD.
//
// In BSON a zero byte follows every string, and more of the document: up to its
// capacity s may be read, so that short strings too go eight bytes at a time.
func appendEscaped(dst, s []byte) []byte {
	start, i := 0, 0
	for i < len(s) {
		if cap(s)-i >= 8 {
			m := special(binary.LittleEndian.Uint64(s[i : i+8]))
			if m == 0 {
				i += 8
				continue
			}
			if i += bits.TrailingZeros64(m) >> 3; i >= len(s) {
				break
			}
		}
		c := s[i]
		if c >= ' ' && c < utf8.RuneSelf && c != '"' && c != '\\' {
			i++
			continue
		}
		if c >= utf8.RuneSelf {
			if r, n := utf8.DecodeRune(s[i:]); r != utf8.RuneError || n > 1 {
				i += n
				continue
			}
		}
		dst = appendSpecial(append(dst, s[start:i]...), c)
		i++
		start = i
	}
	return append(dst, s[start:]...)
}

// appendSpecial appends the escape of a byte, or U+FFFD for one that is not
// UTF-8.
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
	if c >= utf8.RuneSelf {
		return utf8.AppendRune(dst, utf8.RuneError)
	}
	const digits = "0123456789abcdef"
	return append(dst, '\\', 'u', '0', '0', digits[c>>4], digits[c&15])
}
