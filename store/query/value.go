package query

import (
	"bytes"
	"encoding/base64"
	"encoding/json"
	"math"
	"math/big"
	"strconv"
	"unicode/utf8"

	duckdb "github.com/duckdb/duckdb-go-bindings"
)

const hexDigits = "0123456789abcdef"

// appendText appends a value as table and CSV show it: text bare, times as
// "2025-10-10 10:00:00.123" in UTC, blobs as \x and hexadecimal digits, and
// what is nested as JSON. The value is not null.
func appendText(dst []byte, v *vector, row int) []byte {
	switch v.t.id {
	case duckdb.TypeVarchar:
		return append(dst, v.bytes(row)...)
	case duckdb.TypeBlob:
		dst = append(dst, '\\', 'x')
		for _, b := range v.bytes(row) {
			dst = append(dst, hexDigits[b>>4], hexDigits[b&15])
		}
		return dst
	case duckdb.TypeEnum:
		return append(dst, v.label(row)...)
	case duckdb.TypeList, duckdb.TypeArray, duckdb.TypeMap, duckdb.TypeStruct, duckdb.TypeUnion:
		return appendJSON(dst, v, row)
	case duckdb.TypeFloat, duckdb.TypeDouble:
		return appendFloat(dst, v, row)
	case duckdb.TypeTimestamp, duckdb.TypeTimestampTZ, duckdb.TypeTimestampS, duckdb.TypeTimestampMS, duckdb.TypeTimestampNS:
		return appendTimestamp(dst, v, row, ' ', false)
	}
	dst, _ = appendScalar(dst, v, row)
	return dst
}

// appendJSON appends a value as JSON. Numbers keep all their digits, times are
// RFC 3339 with Z, blobs base64, JSON stays JSON, and what JSON cannot say (NaN
// and infinities) is a string.
func appendJSON(dst []byte, v *vector, row int) []byte {
	if v.null(row) {
		return append(dst, "null"...)
	}
	switch v.t.id {
	case duckdb.TypeVarchar:
		if v.t.json {
			return appendRawJSON(dst, v.bytes(row))
		}
		return appendString(dst, v.bytes(row))
	case duckdb.TypeBlob:
		dst = append(dst, '"')
		dst = base64.StdEncoding.AppendEncode(dst, v.bytes(row))
		return append(dst, '"')
	case duckdb.TypeEnum:
		return appendString(dst, []byte(v.label(row)))
	case duckdb.TypeList, duckdb.TypeArray:
		from, n := v.span(row)
		dst = append(dst, '[')
		for i := range n {
			if i > 0 {
				dst = append(dst, ',')
			}
			dst = appendJSON(dst, &v.kids[0], from+i)
		}
		return append(dst, ']')
	case duckdb.TypeMap:
		return appendMap(dst, v, row)
	case duckdb.TypeStruct:
		return appendStruct(dst, v, row)
	case duckdb.TypeUnion: // the member's value alone, as DuckDB's to_json does
		return appendJSON(dst, &v.kids[1+int(at[uint8](&v.kids[0], row))], row)
	case duckdb.TypeFloat, duckdb.TypeDouble:
		start := len(dst)
		dst = appendFloat(dst, v, row)
		if last := dst[len(dst)-1]; last < '0' || last > '9' {
			dst = quoteTail(dst, start)
		}
		return dst
	case duckdb.TypeTimestamp, duckdb.TypeTimestampTZ, duckdb.TypeTimestampS, duckdb.TypeTimestampMS, duckdb.TypeTimestampNS:
		start := len(dst)
		return quoteTail(appendTimestamp(dst, v, row, 'T', true), start)
	}
	start := len(dst)
	dst, bare := appendScalar(dst, v, row)
	if !bare {
		dst = quoteTail(dst, start)
	}
	return dst
}

// quoteTail puts dst[start:], which needs no escapes, in quotes.
func quoteTail(dst []byte, start int) []byte {
	dst = append(dst, 0, '"')
	copy(dst[start+1:], dst[start:len(dst)-2])
	dst[start], dst[len(dst)-1] = '"', '"'
	return dst
}

func appendStruct(dst []byte, v *vector, row int) []byte {
	if len(v.t.names) > 0 && v.t.names[0] == "" { // made by row(): no names
		dst = append(dst, '[')
		for i := range v.kids {
			if i > 0 {
				dst = append(dst, ',')
			}
			dst = appendJSON(dst, &v.kids[i], row)
		}
		return append(dst, ']')
	}
	dst = append(dst, '{')
	for i := range v.kids {
		if i > 0 {
			dst = append(dst, ',')
		}
		dst = append(appendString(dst, []byte(v.t.names[i])), ':')
		dst = appendJSON(dst, &v.kids[i], row)
	}
	return append(dst, '}')
}

// appendMap appends a map as an object whose keys are text.
func appendMap(dst []byte, v *vector, row int) []byte {
	from, n := v.span(row)
	dst = append(dst, '{')
	for i := range n {
		if i > 0 {
			dst = append(dst, ',')
		}
		var key [64]byte
		dst = appendString(dst, appendText(key[:0], &v.kids[0], from+i))
		dst = append(dst, ':')
		dst = appendJSON(dst, &v.kids[1], from+i)
	}
	return append(dst, '}')
}

// appendScalar appends the types that read the same everywhere, and tells
// whether that is JSON without quotes.
func appendScalar(dst []byte, v *vector, row int) (out []byte, bare bool) {
	switch v.t.id {
	case duckdb.TypeBoolean:
		return strconv.AppendBool(dst, at[uint8](v, row) != 0), true
	case duckdb.TypeTinyInt:
		return strconv.AppendInt(dst, int64(at[int8](v, row)), 10), true
	case duckdb.TypeSmallInt:
		return strconv.AppendInt(dst, int64(at[int16](v, row)), 10), true
	case duckdb.TypeInteger:
		return strconv.AppendInt(dst, int64(at[int32](v, row)), 10), true
	case duckdb.TypeBigInt:
		return strconv.AppendInt(dst, at[int64](v, row), 10), true
	case duckdb.TypeUTinyInt:
		return strconv.AppendUint(dst, uint64(at[uint8](v, row)), 10), true
	case duckdb.TypeUSmallInt:
		return strconv.AppendUint(dst, uint64(at[uint16](v, row)), 10), true
	case duckdb.TypeUInteger:
		return strconv.AppendUint(dst, uint64(at[uint32](v, row)), 10), true
	case duckdb.TypeUBigInt:
		return strconv.AppendUint(dst, at[uint64](v, row), 10), true
	case duckdb.TypeHugeInt:
		return wide(at[[2]uint64](v, row), true).Append(dst, 10), true
	case duckdb.TypeUHugeInt:
		return wide(at[[2]uint64](v, row), false).Append(dst, 10), true
	case duckdb.TypeDecimal:
		return appendDecimal(dst, v, row), true
	case duckdb.TypeDate:
		return appendDate(dst, at[int32](v, row)), false
	case duckdb.TypeTime:
		return appendClock(dst, at[int64](v, row)*1000), false
	case duckdb.TypeTimeNS:
		return appendClock(dst, at[int64](v, row)), false
	case duckdb.TypeTimeTZ:
		return appendTimeTZ(dst, at[uint64](v, row)), false
	case duckdb.TypeInterval:
		return appendInterval(dst, at[interval](v, row)), false
	case duckdb.TypeUUID:
		return appendUUID(dst, at[[2]uint64](v, row)), false
	}
	return append(dst, "null"...), true
}

// wide turns the two halves of a 128-bit number, low one first, into a big.Int.
func wide(halves [2]uint64, signed bool) *big.Int {
	n := new(big.Int)
	if signed {
		n.SetInt64(int64(halves[1]))
	} else {
		n.SetUint64(halves[1])
	}
	n.Lsh(n, 64)
	return n.Add(n, new(big.Int).SetUint64(halves[0]))
}

func appendDecimal(dst []byte, v *vector, row int) []byte {
	start := len(dst)
	switch v.t.phys {
	case duckdb.TypeSmallInt:
		dst = strconv.AppendInt(dst, int64(at[int16](v, row)), 10)
	case duckdb.TypeInteger:
		dst = strconv.AppendInt(dst, int64(at[int32](v, row)), 10)
	case duckdb.TypeBigInt:
		dst = strconv.AppendInt(dst, at[int64](v, row), 10)
	default:
		dst = wide(at[[2]uint64](v, row), true).Append(dst, 10)
	}
	if v.t.scale == 0 {
		return dst
	}
	if dst[start] == '-' {
		start++
	}
	for len(dst)-start <= v.t.scale { // 5 at scale 2 is 0.05
		dst = append(dst, 0)
		copy(dst[start+1:], dst[start:])
		dst[start] = '0'
	}
	point := len(dst) - v.t.scale
	dst = append(dst, 0)
	copy(dst[point+1:], dst[point:])
	dst[point] = '.'
	return dst
}

func appendFloat(dst []byte, v *vector, row int) []byte {
	var f float64
	bits := 64
	if v.t.id == duckdb.TypeFloat {
		f, bits = float64(at[float32](v, row)), 32
	} else {
		f = at[float64](v, row)
	}
	switch {
	case math.IsNaN(f):
		return append(dst, "NaN"...)
	case math.IsInf(f, 1):
		return append(dst, "Infinity"...)
	case math.IsInf(f, -1):
		return append(dst, "-Infinity"...)
	}
	format := byte('f')
	if a := math.Abs(f); a != 0 && (a < 1e-6 || a >= 1e21) {
		format = 'e'
	}
	return strconv.AppendFloat(dst, f, format, -1, bits)
}

// appendUUID undoes the flipped sign bit with which UUIDs are stored.
func appendUUID(dst []byte, halves [2]uint64) []byte {
	hi, lo := halves[1]^1<<63, halves[0]
	for i := range 32 {
		if i == 8 || i == 12 || i == 16 || i == 20 {
			dst = append(dst, '-')
		}
		half := hi
		if i >= 16 {
			half = lo
		}
		dst = append(dst, hexDigits[half>>(60-i%16*4)&15])
	}
	return dst
}

// appendRawJSON appends JSON text in one line, or as a string if it is none: a
// column of a file may claim to hold JSON without being checked.
func appendRawJSON(dst, text []byte) []byte {
	if !json.Valid(text) {
		return appendString(dst, text)
	}
	if bytes.IndexByte(text, '\n') < 0 && bytes.IndexByte(text, '\r') < 0 {
		return append(dst, text...)
	}
	buf := bytes.NewBuffer(dst)
	if err := json.Compact(buf, text); err != nil {
		return appendString(dst, text)
	}
	return buf.Bytes()
}

// appendString appends a JSON string. Bytes that are not UTF-8 become U+FFFD.
func appendString(dst, s []byte) []byte {
	dst = append(dst, '"')
	start := 0
	for i := 0; i < len(s); {
		b := s[i]
		if b >= 0x20 && b != '"' && b != '\\' && b < utf8.RuneSelf {
			i++
			continue
		}
		if b >= utf8.RuneSelf {
			if r, n := utf8.DecodeRune(s[i:]); r != utf8.RuneError || n > 1 {
				i += n
				continue
			}
		}
		dst = append(dst, s[start:i]...)
		dst = appendEscape(dst, b)
		i++
		start = i
	}
	return append(append(dst, s[start:]...), '"')
}

func appendEscape(dst []byte, b byte) []byte {
	switch b {
	case '"', '\\':
		return append(dst, '\\', b)
	case '\n':
		return append(dst, '\\', 'n')
	case '\r':
		return append(dst, '\\', 'r')
	case '\t':
		return append(dst, '\\', 't')
	}
	if b >= utf8.RuneSelf {
		return append(dst, `\ufffd`...)
	}
	return append(dst, '\\', 'u', '0', '0', hexDigits[b>>4], hexDigits[b&15])
}
