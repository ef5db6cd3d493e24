package query

import (
	"fmt"
	"unicode"
	"unicode/utf8"
)

// doubleWidth are the characters that fill two columns of a terminal: the wide
// and full-width ones of Unicode's East Asian Width, and emoji.
var doubleWidth = &unicode.RangeTable{
	R16: []unicode.Range16{
		{0x1100, 0x115f, 1},
		{0x2e80, 0x303e, 1},
		{0x3041, 0x33ff, 1},
		{0x3400, 0x4dbf, 1},
		{0x4e00, 0x9fff, 1},
		{0xa000, 0xa4cf, 1},
		{0xa960, 0xa97f, 1},
		{0xac00, 0xd7a3, 1},
		{0xf900, 0xfaff, 1},
		{0xfe30, 0xfe6f, 1},
		{0xff00, 0xff60, 1},
		{0xffe0, 0xffe6, 1},
	},
	R32: []unicode.Range32{
		{0x16fe0, 0x18cff, 1},
		{0x1b000, 0x1b2ff, 1},
		{0x1f300, 0x1f64f, 1},
		{0x1f680, 0x1f6ff, 1},
		{0x1f900, 0x1f9ff, 1},
		{0x1fa70, 0x1faff, 1},
		{0x20000, 0x3fffd, 1},
	},
}

func runeWidth(r rune) int {
	switch {
	case r < 0x300:
		return 1
	case unicode.In(r, unicode.Mn, unicode.Me):
		return 0
	case unicode.Is(doubleWidth, r):
		return 2
	}
	return 1
}

// textWidth is the number of terminal columns of printable text.
func textWidth(s []byte) int {
	n := 0
	for len(s) > 0 {
		r, size := utf8.DecodeRune(s)
		n += runeWidth(r)
		s = s[size:]
	}
	return n
}

// plainASCII tells whether every byte is a printable character of one column.
func plainASCII(s []byte) bool {
	for _, b := range s {
		if b < 0x20 || b > 0x7e {
			return false
		}
	}
	return true
}

// cut shortens a cell to width columns, the last of which is an ellipsis.
func cut(c cell, width int) cell {
	used := 0
	for i := 0; i < len(c.text); {
		r, size := utf8.DecodeRune(c.text[i:])
		w := runeWidth(r)
		if used+w > width-1 {
			return cell{append(c.text[:i:i], "…"...), used + 1}
		}
		used += w
		i += size
	}
	return c
}

// appendPrintable escapes what must not reach a terminal: control characters,
// with which a logged name could repaint the screen, and the invisible ones
// that change the direction of text.
func appendPrintable(dst, s []byte) []byte {
	for len(s) > 0 {
		r, n := utf8.DecodeRune(s)
		switch {
		case r == utf8.RuneError && n == 1:
			dst = append(dst, '\\', 'x', hexDigits[s[0]>>4], hexDigits[s[0]&15])
		case r == '\n':
			dst = append(dst, '\\', 'n')
		case r == '\r':
			dst = append(dst, '\\', 'r')
		case r == '\t':
			dst = append(dst, '\\', 't')
		case r < 0x20 || r == 0x7f:
			dst = append(dst, '\\', 'x', hexDigits[r>>4], hexDigits[r&15])
		case unicode.In(r, unicode.Cc, unicode.Cf, unicode.Zl, unicode.Zp):
			dst = fmt.Appendf(dst, `\u%04x`, r)
		default:
			dst = append(dst, s[:n]...)
		}
		s = s[n:]
	}
	return dst
}
