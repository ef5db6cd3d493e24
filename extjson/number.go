package extjson

import (
	"encoding/binary"
	"math"
	"strconv"
)

// pow10 holds the powers of ten that a double represents exactly.
var pow10 = [...]float64{
	1e0, 1e1, 1e2, 1e3, 1e4, 1e5, 1e6, 1e7, 1e8, 1e9, 1e10, 1e11, 1e12, 1e13, 1e14, 1e15, 1e16, 1e17, 1e18, 1e19, 1e20, 1e21, 1e22,
}

// nan is the not-a-number that MongoDB writes; that of package math differs in
// a bit that has no meaning but would be seen when documents are compared.
const nan = 0x7FF8000000000000

// greatest is what LegacyStrict makes of the greatest double. Cut to 16 digits
// it is beyond the range, but has to be read all the same.
const greatest = "1.797693134862316e+308"

// number decodes the number or bare word that begins at p[i].
func (d *Decoder) number(i, o, element int) (int, int) {
	p, q := d.p, d.q
	start := i
	negative := p[i] == '-'
	if negative {
		i++
	}
	first := i
	v := uint64(p[i] - '0')
	if v > 9 {
		return d.word(start, o, element)
	}
	i++
	for {
		c := uint64(p[i] - '0')
		if c > 9 {
			break
		}
		v = v*10 + c
		i++
	}
	digits := i - first
	if p[first] == '0' && digits > 1 {
		return d.fail(first, "leading zero in a number")
	}
	// Eighteen digits fit in any case; so does nothing with a fraction here.
	if c := p[i]; c == '.' || c|0x20 == 'e' || digits > 18 || negative && v == 0 {
		return d.double(start, o, element)
	}
	n := int64(v)
	if negative {
		n = -n
	}
	if n == int64(int32(n)) {
		q[element] = typeInt32
		binary.LittleEndian.PutUint32(q[o:], uint32(n))
		return i, o + 4
	}
	q[element] = typeInt64
	binary.LittleEndian.PutUint64(q[o:], uint64(n))
	return i, o + 8
}

// double decodes the number that begins at p[i] and is known to begin with an
// integer without leading zeros.
func (d *Decoder) double(i, o, element int) (int, int) {
	p, q := d.p, d.q
	start := i
	negative := p[i] == '-'
	if negative {
		i++
	}
	mantissa, fraction := uint64(0), 0
	unsigned := i
	first := i
	for ; p[i]-'0' <= 9; i++ {
		mantissa = mantissa*10 + uint64(p[i]-'0')
	}
	digits := i - first
	whole := true
	if p[i] == '.' {
		whole = false
		i++
		first = i
		for ; p[i]-'0' <= 9; i++ {
			mantissa = mantissa*10 + uint64(p[i]-'0')
		}
		if fraction = i - first; fraction == 0 {
			return d.fail(i, "expected a digit after the point")
		}
		digits += fraction
	}
	exponent := false
	if p[i]|0x20 == 'e' {
		whole, exponent = false, true
		i++
		if p[i] == '+' || p[i] == '-' {
			i++
		}
		if p[i]-'0' > 9 {
			return d.fail(i, "expected a digit in the exponent")
		}
		for p[i]-'0' <= 9 {
			i++
		}
	}
	if whole && (!negative || digits > 1 || mantissa != 0) {
		if n, err := strconv.ParseInt(string(p[start:i]), 10, 64); err == nil {
			q[element] = typeInt64
			binary.LittleEndian.PutUint64(q[o:], uint64(n))
			return i, o + 8
		}
	}
	var f float64
	if !exponent && digits <= 15 {
		// Both numbers are exact, so their quotient is rounded only once.
		f = float64(mantissa) / pow10[fraction]
		if negative {
			f = -f
		}
	} else if string(p[unsigned:i]) == greatest {
		f = math.MaxFloat64
		if negative {
			f = -f
		}
	} else {
		var err error
		if f, err = strconv.ParseFloat(string(p[start:i]), 64); err != nil {
			return d.fail(start, "number is beyond the range of a double")
		}
	}
	q[element] = typeDouble
	binary.LittleEndian.PutUint64(q[o:], math.Float64bits(f))
	return i, o + 8
}

// word decodes one of the bare words of LegacyStrict.
func (d *Decoder) word(i, o, element int) (int, int) {
	p := d.p
	f, end := math.Float64frombits(nan), i
	switch {
	case string(p[i:i+3]) == "NaN":
		end += 3
	case hasWord(p, i, "Infinity"):
		f, end = math.Inf(1), i+8
	case p[i] == '-' && hasWord(p, i+1, "Infinity"):
		f, end = math.Inf(-1), i+9
	case p[i] == '-':
		return d.fail(i+1, "expected a digit")
	default:
		return d.fail(i, "expected a value")
	}
	d.bareAt = i
	d.q[element] = typeDouble
	binary.LittleEndian.PutUint64(d.q[o:], math.Float64bits(f))
	return end, o + 8
}

// hasWord reports whether p continues with word at p[i].
func hasWord(p []byte, i int, word string) bool {
	return len(p)-i >= len(word) && string(p[i:i+len(word)]) == word
}
