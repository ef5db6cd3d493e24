package schema

import (
	"encoding/base64"
	"encoding/binary"
	"encoding/hex"
	"math"
	"math/big"
	"strconv"
	"time"
	"unicode/utf8"

	"github.com/margay-audit/margay/extjson"
	"go.mongodb.org/mongo-driver/v2/bson"
	"go.mongodb.org/mongo-driver/v2/x/bsonx/bsoncore"
)

// str returns the bytes of a BSON string value.
func str(val []byte) []byte { return val[4 : len(val)-1] }

func double(val []byte) float64 { return math.Float64frombits(binary.LittleEndian.Uint64(val)) }

func int32Of(val []byte) int64 { return int64(int32(binary.LittleEndian.Uint32(val))) }

func int64Of(val []byte) int64 { return int64(binary.LittleEndian.Uint64(val)) }

func decimal(val []byte) bson.Decimal128 {
	return bson.NewDecimal128(binary.LittleEndian.Uint64(val[8:]), binary.LittleEndian.Uint64(val))
}

// string coerces to a string: whatever is not an object or an array has a text.
func (r *Row) string(v *value, t bsoncore.Type, val []byte, rep uint8) (bool, error) {
	var text []byte
	if t == bsoncore.TypeString {
		text = str(val)
	} else {
		start := len(r.scratch)
		if !r.text(t, val) {
			return false, mismatch(v, "a string", t, val)
		}
		text = r.scratch[start:]
	}
	if !r.fromText && !utf8.Valid(text) {
		return false, mismatch(v, "valid UTF-8", t, val)
	}
	r.bytes(v, text, rep)
	for _, i := range v.indicators {
		r.indicate(i, text)
	}
	return true, nil
}

// text appends the text of a scalar to the scratch memory; false means that t
// has none.
func (r *Row) text(t bsoncore.Type, val []byte) bool {
	b := r.scratch
	switch t {
	case bsoncore.TypeSymbol, bsoncore.TypeJavaScript:
		b = append(b, str(val)...)
	case bsoncore.TypeBoolean:
		b = strconv.AppendBool(b, val[0] != 0)
	case bsoncore.TypeInt32, bsoncore.TypeInt64, bsoncore.TypeDouble, bsoncore.TypeDecimal128:
		b = r.digits(b, t, val)
	case bsoncore.TypeObjectID:
		b = hex.AppendEncode(b, val)
	case bsoncore.TypeBinary:
		b = appendBinary(b, val)
	case bsoncore.TypeDateTime:
		b = time.UnixMilli(int64Of(val)).UTC().AppendFormat(b, "2006-01-02T15:04:05.000Z07:00")
	case bsoncore.TypeTimestamp:
		b = append(b, "Timestamp("...)
		b = strconv.AppendUint(b, uint64(binary.LittleEndian.Uint32(val[4:])), 10)
		b = append(b, ", "...)
		b = strconv.AppendUint(b, uint64(binary.LittleEndian.Uint32(val)), 10)
		b = append(b, ')')
	case bsoncore.TypeRegex:
		b = appendRegex(b, val)
	case bsoncore.TypeMinKey, bsoncore.TypeMaxKey:
		b = append(b, kindsOfBSON[t]...)
	default:
		return false
	}
	r.scratch = b
	return true
}

// digits appends a number: as it stood in the line at the top level of an event
// that came as text, otherwise the shortest text that means the same number.
func (r *Row) digits(b []byte, t bsoncore.Type, val []byte) []byte {
	switch {
	case r.literal != nil:
		return append(b, r.literal...)
	case t == bsoncore.TypeInt32:
		return strconv.AppendInt(b, int32Of(val), 10)
	case t == bsoncore.TypeInt64:
		return strconv.AppendInt(b, int64Of(val), 10)
	case t == bsoncore.TypeDouble:
		return appendDouble(b, double(val))
	default:
		return append(b, decimal(val).String()...)
	}
}

// appendDouble writes a double as JavaScript does, without an exponent for
// numbers of everyday size.
func appendDouble(b []byte, f float64) []byte {
	switch {
	case math.IsInf(f, 1):
		return append(b, "Infinity"...)
	case math.IsInf(f, -1):
		return append(b, "-Infinity"...)
	case f != 0 && (math.Abs(f) < 1e-6 || math.Abs(f) >= 1e21):
		return strconv.AppendFloat(b, f, 'e', -1, 64)
	default:
		return strconv.AppendFloat(b, f, 'f', -1, 64)
	}
}

// appendBinary writes a UUID (subtypes 3 and 4) with its dashes and any other
// binary value in base64.
func appendBinary(b, val []byte) []byte {
	n := int(binary.LittleEndian.Uint32(val))
	subtype, data := val[4], val[5:5+n]
	if subtype == 2 && n >= 4 {
		data = data[4:] // the old kind of binary data repeats its length
	}
	if subtype != 3 && subtype != 4 || n != 16 {
		return base64.StdEncoding.AppendEncode(b, data)
	}
	for i, c := range data {
		if i == 4 || i == 6 || i == 8 || i == 10 {
			b = append(b, '-')
		}
		b = append(b, hexDigits[c>>4], hexDigits[c&15])
	}
	return b
}

const hexDigits = "0123456789abcdef"

func appendRegex(b, val []byte) []byte {
	b = append(b, '/')
	for i, c := range val[:len(val)-1] {
		if c == 0 {
			b = append(b, '/')
			return append(b, val[i+1:len(val)-1]...)
		}
		b = append(b, c)
	}
	return b
}

// boolean coerces to a boolean: booleans, 0 and 1, and the words that Go's
// ParseBool knows.
func (r *Row) boolean(v *value, t bsoncore.Type, val []byte, rep uint8) (bool, error) {
	var b bool
	switch t {
	case bsoncore.TypeBoolean:
		b = val[0] != 0
	case bsoncore.TypeInt32, bsoncore.TypeInt64, bsoncore.TypeDouble:
		n, ok := whole(t, val)
		if !ok || n != 0 && n != 1 {
			return false, mismatch(v, "a boolean, 0 or 1", t, val)
		}
		b = n == 1
	case bsoncore.TypeString:
		s := str(val)
		if len(s) == 0 {
			return false, nil
		}
		var err error
		if b, err = strconv.ParseBool(string(s)); err != nil {
			return false, mismatch(v, "a boolean, true or false", t, val)
		}
	default:
		return false, mismatch(v, "a boolean", t, val)
	}
	n := int64(0)
	if b {
		n = 1
	}
	r.int(v, n, rep)
	return true, nil
}

// whole returns the value of a number without a fraction, and false for any
// other value.
func whole(t bsoncore.Type, val []byte) (int64, bool) {
	switch t {
	case bsoncore.TypeInt32:
		return int32Of(val), true
	case bsoncore.TypeInt64:
		return int64Of(val), true
	case bsoncore.TypeDouble:
		f := double(val)
		// The largest int64 is no double; 2^63 is, and is out of range.
		if f != math.Trunc(f) || f < math.MinInt64 || f >= math.MaxInt64 {
			return 0, false
		}
		return int64(f), true
	case bsoncore.TypeDecimal128:
		return wholeDecimal(val)
	case bsoncore.TypeString:
		n, err := strconv.ParseInt(string(str(val)), 10, 64)
		return n, err == nil
	default:
		return 0, false
	}
}

// wholeDecimal is whole for a decimal. Its exponent can be in the thousands, so
// the loops end as soon as the answer is known.
func wholeDecimal(val []byte) (int64, bool) {
	n, exp, err := decimal(val).BigInt()
	if err != nil {
		return 0, false
	}
	if n.Sign() == 0 {
		return 0, true
	}
	ten, rest := big.NewInt(10), new(big.Int)
	for ; exp > 0 && n.IsInt64(); exp-- {
		n.Mul(n, ten)
	}
	for ; exp < 0; exp++ {
		if n.QuoRem(n, ten, rest); rest.Sign() != 0 {
			return 0, false
		}
	}
	return n.Int64(), n.IsInt64()
}

// integer coerces to a signed integer of the given number of bits.
func (r *Row) integer(v *value, t bsoncore.Type, val []byte, rep uint8, bits int) (bool, error) {
	if t == bsoncore.TypeString && len(str(val)) == 0 {
		return false, nil
	}
	n, ok := whole(t, val)
	if !ok || n != n<<(64-bits)>>(64-bits) {
		return false, mismatch(v, integerNeeds[bits/32], t, val)
	}
	r.int(v, n, rep)
	return true, nil
}

// integerNeeds are the messages for 16, 32 and 64 bits.
var integerNeeds = [...]string{"a whole number of 16 bits", "a whole number of 32 bits", "a whole number of 64 bits"}

// float coerces to a double.
func (r *Row) float(v *value, t bsoncore.Type, val []byte, rep uint8) (bool, error) {
	var f float64
	ok := true
	switch t {
	case bsoncore.TypeDouble:
		f = double(val)
	case bsoncore.TypeInt32:
		f = float64(int32Of(val))
	case bsoncore.TypeInt64:
		f = float64(int64Of(val))
	case bsoncore.TypeDecimal128:
		f, ok = parseFloat([]byte(decimal(val).String()))
	case bsoncore.TypeString:
		if len(str(val)) == 0 {
			return false, nil
		}
		f, ok = parseFloat(str(val))
	default:
		ok = false
	}
	if !ok {
		return false, mismatch(v, "a number", t, val)
	}
	r.Cells = append(r.Cells, Cell{Int: int64(math.Float64bits(f)), Leaf: uint16(v.first), Kind: Float, Rep: rep, Def: v.def})
	return true, nil
}

// parseFloat reads a decimal number, or one of the words that extended JSON uses
// for numbers that are none. Go's hexadecimal forms and underscores are refused.
func parseFloat(b []byte) (float64, bool) {
	switch string(b) {
	case "NaN":
		return math.NaN(), true
	case "Infinity":
		return math.Inf(1), true
	case "-Infinity":
		return math.Inf(-1), true
	}
	for _, c := range b {
		if (c < '0' || c > '9') && c != '+' && c != '-' && c != '.' && c != 'e' && c != 'E' {
			return 0, false
		}
	}
	f, err := strconv.ParseFloat(string(b), 64)
	return f, err == nil
}

// json keeps any value as a JSON text.
func (r *Row) json(v *value, t bsoncore.Type, val []byte, rep uint8) (bool, error) {
	start := len(r.scratch)
	var err error
	r.scratch, err = extjson.AppendValue(r.scratch, byte(t), val, extjson.Relaxed)
	if err != nil {
		return false, &FieldError{Path: v.path, Reason: "cannot be written as JSON: " + err.Error()}
	}
	text := r.scratch[start:]
	if !r.fromText && !utf8.Valid(text) {
		return false, mismatch(v, "valid UTF-8", t, val)
	}
	r.bytes(v, text, rep)
	return true, nil
}
