package synth

import (
	"encoding/base64"
	"strconv"
	"time"
)

// The helpers below append LegacyStrict text, spaces included.

// tsCache holds the text of the last minute that was written.
type tsCache struct {
	minute int64
	text   []byte
}

const minute = 60 * second

// append appends the date at us microseconds since 1970, in UTC.
func (c *tsCache) append(dst []byte, us int64) []byte {
	m := us / minute
	if m != c.minute || c.text == nil {
		c.minute = m
		c.text = time.Unix(m*60, 0).UTC().AppendFormat(c.text[:0], `{ "$date" : "2006-01-02T15:04:`)
	}
	ms := int(us % minute / 1000)
	dst = append(dst, c.text...)
	dst = digits(dst, ms/1000, 2)
	dst = append(dst, '.')
	dst = digits(dst, ms%1000, 3)
	return append(dst, `+00:00" }`...)
}

// digits appends the last n decimal digits of v.
func digits(dst []byte, v, n int) []byte {
	at := len(dst)
	dst = append(dst, "000000000000"[:n]...)
	for i := at + n - 1; i >= at; i-- {
		dst[i] += byte(v % 10)
		v /= 10
	}
	return dst
}

func number(dst []byte, v int) []byte { return strconv.AppendInt(dst, int64(v), 10) }

// hex appends n random hexadecimal digits.
func (c chance) hex(dst []byte, n int) []byte {
	var word uint64
	for i := range n {
		if i%16 == 0 {
			word = c.pcg.Uint64()
		}
		dst = append(dst, "0123456789abcdef"[word&15])
		word >>= 4
	}
	return dst
}

// base64 appends n random bytes in base64.
func (c chance) base64(dst []byte, n int) []byte {
	var raw [32]byte
	for i := range raw[:n] {
		if i%8 == 0 {
			word := c.pcg.Uint64()
			for j := range min(8, n-i) {
				raw[i+j] = byte(word >> (8 * j))
			}
		}
	}
	return base64.StdEncoding.AppendEncode(dst, raw[:n])
}

func (c chance) oid(dst []byte) []byte {
	dst = append(dst, `{ "$oid" : "`...)
	dst = c.hex(dst, 24)
	return append(dst, `" }`...)
}

// uuid appends a binary of subtype 4.
func (c chance) uuid(dst []byte) []byte {
	dst = append(dst, `{ "$binary" : "`...)
	dst = c.base64(dst, 16)
	return append(dst, `", "$type" : "04" }`...)
}

func (c chance) long(dst []byte) []byte {
	dst = append(dst, `{ "$numberLong" : "`...)
	dst = strconv.AppendUint(dst, c.pcg.Uint64()>>4, 10)
	return append(dst, `" }`...)
}

// quoted appends a text that needs no escapes.
func quoted(dst []byte, s string) []byte {
	dst = append(dst, '"')
	dst = append(dst, s...)
	return append(dst, '"')
}

// member appends the key of a further member.
func member(dst []byte, key string) []byte {
	dst = append(dst, `, "`...)
	dst = append(dst, key...)
	return append(dst, `" : `...)
}

// ns appends a namespace as a string.
func ns(dst []byte, db, coll string) []byte {
	dst = append(dst, '"')
	dst = append(dst, db...)
	dst = append(dst, '.')
	dst = append(dst, coll...)
	return append(dst, '"')
}
