package extjson

import (
	"bytes"
	"encoding/base64"
	"encoding/binary"
	"encoding/hex"
	"math"
	"strconv"
	"time"

	"go.mongodb.org/mongo-driver/v2/bson"
)

const (
	// lastLegacy is the last moment that mongod formats; it stops short of the
	// last second of the year 3000, and writes what is beyond, like everything
	// before 1970, as a number.
	lastLegacy = 32535215998999
	// lastRelaxed is the end of the year 9999, the last that relaxed Extended
	// JSON writes as text.
	lastRelaxed = 253402300799999
)

// value writes the value of type typ in b[i:end], whose size is checked.
func (w *writer) value(dst []byte, typ byte, i, end int) []byte {
	b := w.b
	switch typ {
	case typeString:
		return appendString(dst, b[i+4:end-1])
	case typeInt32:
		return w.int32(dst, int64(int32(binary.LittleEndian.Uint32(b[i:]))))
	case typeDocument:
		return w.document(dst, i, end, false)
	case typeArray:
		return w.document(dst, i, end, true)
	case typeBoolean:
		return w.boolean(dst, i)
	case typeDate:
		return w.date(dst, int64(binary.LittleEndian.Uint64(b[i:])))
	case typeObjectID:
		return w.objectID(dst, b[i:end])
	case typeBinary:
		return w.binary(dst, b[i+4], b[i+5:end])
	case typeInt64:
		return w.int64(dst, int64(binary.LittleEndian.Uint64(b[i:])))
	case typeDouble:
		return w.double(dst, math.Float64frombits(binary.LittleEndian.Uint64(b[i:])))
	case typeTimestamp:
		return w.timestamp(dst, binary.LittleEndian.Uint64(b[i:]))
	case typeDecimal128:
		return w.decimal(dst, binary.LittleEndian.Uint64(b[i+8:]), binary.LittleEndian.Uint64(b[i:]))
	case typeNull:
		return append(dst, "null"...)
	case typeRegex:
		n := bytes.IndexByte(b[i:], 0)
		return w.regex(dst, b[i:i+n], b[i+n+1:end-1])
	case typeSymbol:
		if w.style == LegacyStrict || w.style == Plain {
			return appendString(dst, b[i+4:end-1])
		}
		return w.shut(appendString(w.open(dst, "$symbol"), b[i+4:end-1]))
	case typeCode, typeCodeScope:
		return w.code(dst, typ, i, end)
	case typeDBPointer:
		return w.dbPointer(dst, b[i+4:end-13], b[end-12:end])
	case typeUndefined:
		return w.singular(dst, "$undefined", "true", "null")
	case typeMinKey:
		return w.singular(dst, "$minKey", "1", `"MinKey"`)
	case typeMaxKey:
		return w.singular(dst, "$maxKey", "1", `"MaxKey"`)
	}
	w.fail(i, "unknown type")
	return dst
}

// open begins a wrapper: its brace, its first key and the colon.
func (w *writer) open(dst []byte, key string) []byte {
	if w.style == LegacyStrict {
		dst = append(dst, '{', ' ')
	} else {
		dst = append(dst, '{')
	}
	return w.key(dst, key)
}

// next begins a further member of a wrapper.
func (w *writer) next(dst []byte, key string) []byte {
	if w.style == LegacyStrict {
		dst = append(dst, ',', ' ')
	} else {
		dst = append(dst, ',')
	}
	return w.key(dst, key)
}

// key writes a key that needs no escapes, and the colon.
func (w *writer) key(dst []byte, key string) []byte {
	dst = append(dst, '"')
	dst = append(dst, key...)
	if w.style == LegacyStrict {
		return append(dst, `" : `...)
	}
	return append(dst, '"', ':')
}

// shut ends a wrapper.
func (w *writer) shut(dst []byte) []byte {
	if w.style == LegacyStrict {
		return append(dst, ' ', '}')
	}
	return append(dst, '}')
}

// singular writes a type that has one value.
func (w *writer) singular(dst []byte, key, value, plain string) []byte {
	if w.style == Plain {
		return append(dst, plain...)
	}
	return w.shut(append(w.open(dst, key), value...))
}

func (w *writer) boolean(dst []byte, i int) []byte {
	switch w.b[i] {
	case 0:
		return append(dst, "false"...)
	case 1:
		return append(dst, "true"...)
	}
	w.fail(i, "wrong boolean")
	return dst
}

func (w *writer) int32(dst []byte, n int64) []byte {
	if w.style == Canonical {
		return append(w.quoted(w.open(dst, "$numberInt"), n), '}')
	}
	return strconv.AppendInt(dst, n, 10)
}

func (w *writer) int64(dst []byte, n int64) []byte {
	if w.style == Canonical || w.style == LegacyStrict {
		return w.shut(w.quoted(w.open(dst, "$numberLong"), n))
	}
	return strconv.AppendInt(dst, n, 10)
}

// quoted writes an integer in quotes.
func (w *writer) quoted(dst []byte, n int64) []byte {
	return append(strconv.AppendInt(append(dst, '"'), n, 10), '"')
}

func (w *writer) double(dst []byte, f float64) []byte {
	finite := !math.IsNaN(f) && !math.IsInf(f, 0)
	switch {
	case w.style == LegacyStrict && finite:
		return strconv.AppendFloat(dst, f, 'g', 16, 64)
	case w.style == LegacyStrict:
		return appendOdd(dst, f)
	case w.style == Plain && finite, w.style == Relaxed && finite:
		return appendDouble(dst, f)
	case w.style == Plain:
		return append(appendOdd(append(dst, '"'), f), '"')
	}
	dst = append(w.open(dst, "$numberDouble"), '"')
	if finite {
		dst = appendDouble(dst, f)
	} else {
		dst = appendOdd(dst, f)
	}
	return append(dst, '"', '}')
}

// appendDouble appends the shortest digits that read back as f, and makes sure
// that they do not read as an integer.
func appendDouble(dst []byte, f float64) []byte {
	start := len(dst)
	dst = strconv.AppendFloat(dst, f, 'G', -1, 64)
	if bytes.IndexByte(dst[start:], 'E') < 0 && bytes.IndexByte(dst[start:], '.') < 0 {
		dst = append(dst, '.', '0')
	}
	return dst
}

// appendOdd appends the name of a value that JSON has no number for.
func appendOdd(dst []byte, f float64) []byte {
	switch {
	case math.IsInf(f, 1):
		return append(dst, "Infinity"...)
	case math.IsInf(f, -1):
		return append(dst, "-Infinity"...)
	}
	return append(dst, "NaN"...)
}

func (w *writer) date(dst []byte, ms int64) []byte {
	switch {
	case w.style == LegacyStrict && ms >= 0 && ms <= lastLegacy:
		return append(w.zoned(append(w.open(dst, "$date"), '"'), ms), '"', ' ', '}')
	case w.style == Relaxed && ms >= 0 && ms <= lastRelaxed:
		dst = appendDate(append(w.open(dst, "$date"), '"'), ms, 0)
		if ms%1000 == 0 {
			// The specification leaves out a fraction of zero.
			dst = dst[:len(dst)-len(".000")]
		}
		return append(dst, 'Z', '"', '}')
	case w.style == Plain && ms >= firstPlain && ms <= lastRelaxed:
		return append(appendDate(append(dst, '"'), ms, 0), 'Z', '"')
	case w.style == Plain:
		return strconv.AppendInt(dst, ms, 10)
	}
	dst = w.quoted(w.open(w.open(dst, "$date"), "$numberLong"), ms)
	return w.shut(w.shut(dst))
}

// firstPlain is the beginning of the year 0; RFC 3339 ends there, and a date
// beyond is written in milliseconds.
const firstPlain = -62167219200000

// zoned writes a date as mongod does, in the zone of the writer.
func (w *writer) zoned(dst []byte, ms int64) []byte {
	if w.location == nil || w.location == time.UTC {
		return append(appendDate(dst, ms, 0), "+00:00"...)
	}
	_, offset := time.UnixMilli(ms).In(w.location).Zone()
	dst = appendDate(dst, ms, int64(offset))
	sign := byte('+')
	if offset < 0 {
		sign, offset = '-', -offset
	}
	hours, minutes := offset/3600, offset/60%60
	return append(dst, sign, digit(hours/10), digit(hours%10), ':', digit(minutes/10), digit(minutes%10))
}

func (w *writer) objectID(dst, id []byte) []byte {
	if w.style == Plain {
		return append(hex.AppendEncode(append(dst, '"'), id), '"')
	}
	return w.shut(append(hex.AppendEncode(append(w.open(dst, "$oid"), '"'), id), '"'))
}

func (w *writer) binary(dst []byte, subtype byte, data []byte) []byte {
	if subtype == binaryOld {
		data = data[4:]
	}
	if w.style == Plain {
		dst = append(dst, '"')
		if subtype == binaryUUID && len(data) == 16 {
			dst = appendUUID(dst, data)
		} else {
			dst = base64.StdEncoding.AppendEncode(dst, data)
		}
		return append(dst, '"')
	}
	dst = w.open(dst, "$binary")
	kind := "$type"
	if w.style != LegacyStrict {
		dst, kind = w.open(dst, "base64"), "subType"
	}
	dst = append(base64.StdEncoding.AppendEncode(append(dst, '"'), data), '"')
	dst = append(hex.AppendEncode(append(w.next(dst, kind), '"'), []byte{subtype}), '"')
	if w.style != LegacyStrict {
		dst = append(dst, '}')
	}
	return w.shut(dst)
}

// appendUUID appends the text form of RFC 9562.
func appendUUID(dst, id []byte) []byte {
	dst = append(hex.AppendEncode(dst, id[:4]), '-')
	dst = append(hex.AppendEncode(dst, id[4:6]), '-')
	dst = append(hex.AppendEncode(dst, id[6:8]), '-')
	dst = append(hex.AppendEncode(dst, id[8:10]), '-')
	return hex.AppendEncode(dst, id[10:])
}

func (w *writer) timestamp(dst []byte, v uint64) []byte {
	if w.style != Plain {
		dst = w.open(dst, "$timestamp")
	}
	dst = strconv.AppendUint(w.open(dst, "t"), v>>32, 10)
	dst = w.shut(strconv.AppendUint(w.next(dst, "i"), v&math.MaxUint32, 10))
	if w.style != Plain {
		dst = w.shut(dst)
	}
	return dst
}

func (w *writer) decimal(dst []byte, high, low uint64) []byte {
	text := bson.NewDecimal128(high, low).String()
	if w.style == Plain {
		return append(append(append(dst, '"'), text...), '"')
	}
	return w.shut(append(append(append(w.open(dst, "$numberDecimal"), '"'), text...), '"'))
}

func (w *writer) regex(dst, pattern, options []byte) []byte {
	switch w.style {
	case Plain:
		dst = append(appendEscaped(append(dst, '"', '/'), pattern), '/')
		return append(appendEscaped(dst, options), '"')
	case LegacyStrict:
		dst = appendString(w.open(dst, "$regex"), pattern)
		return w.shut(appendString(w.next(dst, "$options"), options))
	}
	dst = appendString(w.open(w.open(dst, "$regularExpression"), "pattern"), pattern)
	return w.shut(w.shut(appendString(w.next(dst, "options"), options)))
}

// code writes JavaScript, in Plain without its scope.
func (w *writer) code(dst []byte, typ byte, i, end int) []byte {
	if typ == typeCode {
		text := w.b[i+4 : end-1]
		if w.style == Plain {
			return appendString(dst, text)
		}
		return w.shut(appendString(w.open(dst, "$code"), text))
	}
	i += 4
	scope := i + 4 + w.length(i, end)
	text := w.b[i+4 : scope-1]
	if w.style == Plain {
		return appendString(dst, text)
	}
	dst = w.next(appendString(w.open(dst, "$code"), text), "$scope")
	return w.shut(w.document(dst, scope, end, false))
}

func (w *writer) dbPointer(dst, ref, id []byte) []byte {
	if w.style == Canonical || w.style == Relaxed {
		dst = w.open(dst, "$dbPointer")
	}
	dst = w.next(appendString(w.open(dst, "$ref"), ref), "$id")
	if w.style == LegacyStrict || w.style == Plain {
		// mongod writes the bare digits here.
		return w.shut(append(hex.AppendEncode(append(dst, '"'), id), '"'))
	}
	return w.shut(w.shut(w.objectID(dst, id)))
}
