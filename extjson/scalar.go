package extjson

import (
	"encoding/binary"
	"math"
	"strconv"
)

// integer reads an integer of at most 64 bits as a canonical writer prints it:
// without a plus sign, leading zeros or a negative zero.
func integer(s []byte) (int64, bool) {
	negative := len(s) > 0 && s[0] == '-'
	if negative {
		s = s[1:]
	}
	if len(s) == 0 || len(s) > 19 || s[0] == '0' && (len(s) > 1 || negative) {
		return 0, false
	}
	v := uint64(0)
	for _, c := range s {
		if c -= '0'; c > 9 {
			return 0, false
		}
		v = v*10 + uint64(c)
	}
	if negative {
		return -int64(v), v <= 1<<63
	}
	return int64(v), v <= math.MaxInt64
}

// parseDouble reads the text of a $numberDouble.
func parseDouble(s []byte) (float64, bool) {
	switch string(s) {
	case "NaN":
		return math.Float64frombits(nan), true
	case "Infinity":
		return math.Inf(1), true
	case "-Infinity":
		return math.Inf(-1), true
	}
	// ParseFloat knows more notations, all of which need other characters.
	for _, c := range s {
		if c-'0' > 9 && c != '-' && c != '+' && c != '.' && c|0x20 != 'e' {
			return 0, false
		}
	}
	f, err := strconv.ParseFloat(string(s), 64)
	return f, err == nil
}

// binary reads the rest of {"$binary": "…", "$type": "…"}, or the object
// {"base64": "…", "subType": "…"} of the later form.
func (d *Decoder) binary(i, o int) (int, int) {
	var data, kind scalar
	if d.p[i] == '{' {
		data, kind, i = d.pair(i, "base64", "subType")
	} else {
		if data, i = d.scalar(i); i < 0 {
			return -1, 0
		}
		if i = d.member(i, "$type"); i < 0 {
			return -1, 0
		}
		kind, i = d.scalar(i)
	}
	if i < 0 || data.text == nil {
		return -1, 0
	}
	subtype, ok := kind.subtype()
	if !ok {
		return -1, 0
	}
	q := d.q
	q[o+4] = subtype
	body := o + 5
	if subtype == binaryOld {
		body += 4
	}
	n, ok := decodeBase64(q[body:], data.text)
	if !ok {
		return -1, 0
	}
	if subtype == binaryOld {
		binary.LittleEndian.PutUint32(q[o+5:], uint32(n))
	}
	binary.LittleEndian.PutUint32(q[o:], uint32(body-o-5+n))
	return i, body + n
}

// subtype reads a binary subtype: one or two hexadecimal digits, or a number.
func (s scalar) subtype() (byte, bool) {
	switch {
	case s.text == nil:
		return byte(s.number), uint64(s.number) <= math.MaxUint8
	case len(s.text) == 1:
		v := unhex(s.text[0])
		return v, v <= 15
	case len(s.text) == 2:
		high, low := unhex(s.text[0]), unhex(s.text[1])
		return high<<4 | low, high|low <= 15
	}
	return 0, false
}

// base64Value holds the value of each digit of standard base64, and 255
// elsewhere.
var base64Value = digitValues("ABCDEFGHIJKLMNOPQRSTUVWXYZabcdefghijklmnopqrstuvwxyz0123456789+/")

// decodeBase64 decodes standard base64 with padding to the front of dst. It
// refuses texts whose last digit has bits that do not count: only what encodes
// to itself again is binary data.
func decodeBase64(dst, text []byte) (int, bool) {
	if len(text)%4 != 0 {
		return 0, false
	}
	padding := 0
	for padding < 2 && len(text) > 0 && text[len(text)-1] == '=' {
		text = text[:len(text)-1]
		padding++
	}
	n, wrong := 0, byte(0)
	for ; len(text) >= 4; text = text[4:] {
		a, b, c, d := base64Value[text[0]], base64Value[text[1]], base64Value[text[2]], base64Value[text[3]]
		wrong |= a | b | c | d
		dst[n], dst[n+1], dst[n+2] = a<<2|b>>4, b<<4|c>>2, c<<6|d
		n += 3
	}
	switch len(text) {
	case 2:
		a, b := base64Value[text[0]], base64Value[text[1]]
		wrong |= a | b
		if b&15 != 0 {
			return 0, false
		}
		dst[n] = a<<2 | b>>4
		n++
	case 3:
		a, b, c := base64Value[text[0]], base64Value[text[1]], base64Value[text[2]]
		wrong |= a | b | c
		if c&3 != 0 {
			return 0, false
		}
		dst[n], dst[n+1] = a<<2|b>>4, b<<4|c>>2
		n += 2
	}
	return n, wrong < 64
}
