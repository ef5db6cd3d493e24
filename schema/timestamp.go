package schema

import (
	"encoding/binary"
	"math"
	"strconv"
	"time"

	"go.mongodb.org/mongo-driver/v2/x/bsonx/bsoncore"
)

// timeFormat is one of the ways in which vendors write a time.
type timeFormat uint8

const (
	formatRFC3339 timeFormat = iota
	formatUnix
	formatUnixMilli
	formatUnixMicro
	formatUnixNano
	formatUnixAuto
)

// timeFormats are the formats of the language, by name.
var timeFormats = map[string]timeFormat{
	"rfc3339": formatRFC3339, "unix": formatUnix, "unix_ms": formatUnixMilli,
	"unix_us": formatUnixMicro, "unix_ns": formatUnixNano, "unix_auto": formatUnixAuto,
}

// The years 1 to 9999 are what SQL, JSON and RFC 3339 can all write; in
// microseconds since the Unix epoch.
const (
	minMicros = -62135596800_000000
	maxMicros = 253402300799_999999
)

// timestamp coerces to a time. A BSON date is one whatever the formats are;
// anything else has to be in one of them, of which the first that parses counts.
func (r *Row) timestamp(v *value, t bsoncore.Type, val []byte, rep uint8) (bool, error) {
	var us int64
	ok := false
	switch t {
	case bsoncore.TypeDateTime:
		us, ok = scaled(int64Of(val), 1000)
	case bsoncore.TypeTimestamp:
		us, ok = scaled(int64(binary.LittleEndian.Uint32(val[4:])), 1e6)
	default:
		if t == bsoncore.TypeString && len(str(val)) == 0 {
			return false, nil
		}
		for _, f := range v.formats {
			if us, ok = f.parse(t, val, r.fromText); ok {
				break
			}
		}
	}
	if !ok || us < minMicros || us > maxMicros {
		return false, mismatch(v, "a time of the years 1 to 9999 in the declared format", t, val)
	}
	r.int(v, us, rep)
	// The epoch and Go's zero time are how programs write "not set".
	if v.timeRank < r.timeRank && us != 0 && us != minMicros {
		r.timeRank, r.EventTime = v.timeRank, us
	}
	return true, nil
}

// parse returns the time in microseconds since the Unix epoch. In a text, 1.7e12 is
// no whole number; in BSON it may be one that a shell stored as a double.
func (f timeFormat) parse(t bsoncore.Type, val []byte, fromText bool) (int64, bool) {
	if f == formatRFC3339 {
		if t != bsoncore.TypeString {
			return 0, false
		}
		at, err := time.Parse(time.RFC3339, string(str(val)))
		return at.UnixMicro(), err == nil
	}
	switch t {
	case bsoncore.TypeInt32:
		return f.whole(int32Of(val))
	case bsoncore.TypeInt64:
		return f.whole(int64Of(val))
	case bsoncore.TypeString:
		return f.text(str(val))
	case bsoncore.TypeDouble:
		return f.double(double(val), fromText)
	default:
		return 0, false
	}
}

// whole reads a whole number.
func (f timeFormat) whole(n int64) (int64, bool) {
	switch f.unit(n) {
	case formatUnix:
		return scaled(n, 1e6)
	case formatUnixMilli:
		return scaled(n, 1e3)
	case formatUnixMicro:
		return n, true
	default:
		return n / 1000, true
	}
}

// unit resolves unix_auto by the size of the number. Each limit is some thousand
// years in its unit, and the years before 1973 in the next one.
func (f timeFormat) unit(n int64) timeFormat {
	if f != formatUnixAuto {
		return f
	}
	switch {
	case n > -1e11 && n < 1e11:
		return formatUnix
	case n > -1e14 && n < 1e14:
		return formatUnixMilli
	case n > -1e17 && n < 1e17:
		return formatUnixMicro
	default:
		return formatUnixNano
	}
}

// scaled multiplies by a positive factor, and refuses what leaves the range of
// times.
func scaled(n, factor int64) (int64, bool) {
	if n < minMicros/factor || n > maxMicros/factor {
		return 0, false
	}
	return n * factor, true
}

// double reads a double. Only seconds may have a fraction. The shortest decimal
// text of the double is the one that the sender wrote, so the cut to microseconds
// falls where it would in the text.
func (f timeFormat) double(x float64, fromText bool) (int64, bool) {
	if math.IsNaN(x) || math.Abs(x) > 1e18 {
		return 0, false
	}
	if x == math.Trunc(x) && (!fromText || f == formatUnix || f == formatUnixAuto) {
		return f.whole(int64(x))
	}
	if f.unit(int64(x)) != formatUnix {
		return 0, false
	}
	var b [64]byte
	return seconds(strconv.AppendFloat(b[:0], x, 'f', -1, 64))
}

// text reads a number from a string.
func (f timeFormat) text(b []byte) (int64, bool) {
	n, err := strconv.ParseInt(string(b), 10, 64)
	if err == nil {
		return f.whole(n)
	}
	if f != formatUnix && f != formatUnixAuto {
		return 0, false
	}
	return seconds(b)
}

// seconds reads decimal seconds, of which everything after the sixth digit of the
// fraction is cut off.
func seconds(b []byte) (int64, bool) {
	negative := len(b) > 0 && b[0] == '-'
	if negative {
		b = b[1:]
	}
	var us int64
	digits, fraction := 0, -1
	for _, c := range b {
		switch {
		case c == '.' && fraction < 0 && digits > 0:
			fraction = 0
		case c < '0' || c > '9':
			return 0, false
		case fraction >= 6:
		case us > maxMicros:
			return 0, false
		default:
			us = us*10 + int64(c-'0')
			digits++
			if fraction >= 0 {
				fraction++
			}
		}
	}
	if digits == 0 || fraction == 0 {
		return 0, false
	}
	for ; fraction < 6; fraction++ {
		if fraction < 0 {
			fraction = 0
		}
		if us > maxMicros {
			return 0, false
		}
		us *= 10
	}
	if negative {
		us = -us
	}
	return us, true
}
