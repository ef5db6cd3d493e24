package schema

import (
	"bytes"
	"unicode/utf8"
)

// The parameters of Punycode (RFC 3492, section 5).
const (
	punyBase        = 36
	punyTMin        = 1
	punyTMax        = 26
	punySkew        = 38
	punyDamp        = 700
	punyInitialBias = 72
	punyInitialN    = 128
	// punyLabel is the longest label of the DNS, in bytes.
	punyLabel = 63
)

// appendUnicode appends a domain name with each of its xn-- labels decoded. A
// label that is no valid Punycode stays as it is.
func appendUnicode(dst, name []byte) []byte {
	for {
		label, rest, more := bytes.Cut(name, []byte("."))
		var runes [punyLabel]rune
		if decoded, ok := decodeLabel(runes[:0], label); ok {
			for _, c := range decoded {
				dst = utf8.AppendRune(dst, c)
			}
		} else {
			dst = append(dst, label...)
		}
		if !more {
			return dst
		}
		dst = append(dst, '.')
		name = rest
	}
}

// decodeLabel decodes one label into out, whose capacity holds any label.
func decodeLabel(out []rune, label []byte) ([]rune, bool) {
	code, ok := bytes.CutPrefix(label, []byte("xn--"))
	if !ok || len(label) > punyLabel {
		return nil, false
	}
	if i := bytes.LastIndexByte(code, '-'); i >= 0 {
		for _, c := range code[:i] {
			if c >= utf8.RuneSelf {
				return nil, false
			}
			out = append(out, rune(c))
		}
		code = code[i+1:]
	}
	n, i, bias := punyInitialN, 0, punyInitialBias
	for len(code) > 0 {
		before, weight := i, 1
		for k := punyBase; ; k += punyBase {
			if len(code) == 0 {
				return nil, false
			}
			digit := punyDigit(code[0])
			code = code[1:]
			// The bound holds in any valid label. Each digit but the last of a number is
			// at least 1, so that it bounds weight too.
			if digit < 0 || i > utf8.MaxRune*punyLabel {
				return nil, false
			}
			i += digit * weight
			t := min(max(k-bias, punyTMin), punyTMax)
			if digit < t {
				break
			}
			weight *= punyBase - t
		}
		bias = punyAdapt(i-before, len(out)+1, before == 0)
		n += i / (len(out) + 1)
		i %= len(out) + 1
		if !utf8.ValidRune(rune(n)) || n > utf8.MaxRune {
			return nil, false
		}
		out = append(out, 0)
		copy(out[i+1:], out[i:])
		out[i] = rune(n)
		i++
	}
	return out, true
}

func punyDigit(c byte) int {
	switch {
	case c >= 'a' && c <= 'z':
		return int(c - 'a')
	case c >= 'A' && c <= 'Z':
		return int(c - 'A')
	case c >= '0' && c <= '9':
		return int(c-'0') + 26
	}
	return -1
}

// punyAdapt is the bias adaptation of RFC 3492, section 6.1.
func punyAdapt(delta, points int, first bool) int {
	if first {
		delta /= punyDamp
	} else {
		delta /= 2
	}
	delta += delta / points
	k := 0
	for delta > (punyBase-punyTMin)*punyTMax/2 {
		delta /= punyBase - punyTMin
		k += punyBase
	}
	return k + (punyBase-punyTMin+1)*delta/(delta+punySkew)
}
