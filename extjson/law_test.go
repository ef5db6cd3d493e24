package extjson

import (
	"bytes"
	"encoding/base64"
	"encoding/json"
	"math"
	"strconv"
	"testing"
	"time"

	"go.mongodb.org/mongo-driver/v2/bson"
	"go.mongodb.org/mongo-driver/v2/x/bsonx/bsoncore"
	"pgregory.net/rapid"
)

// document draws a BSON document of every type, nested up to depth levels. Its
// keys do not begin with '$': documents that look like wrappers become values.
func document(t *rapid.T, depth int) bsoncore.Document {
	b := builder()
	for range rapid.IntRange(0, 5).Draw(t, "members") {
		typ, data := value(t, depth)
		b.AppendValue(key(t), bsoncore.Value{Type: bsoncore.Type(typ), Data: data})
	}
	return b.Build()
}

func key(t *rapid.T) string {
	return rapid.StringMatching(`[^$\x00][^\x00]*|`).Draw(t, "key")
}

// types are the BSON types, containers last.
var types = []byte{
	typeDouble, typeString, typeBinary, typeUndefined, typeObjectID, typeBoolean, typeDate, typeNull, typeRegex, typeDBPointer,
	typeCode, typeSymbol, typeInt32, typeTimestamp, typeInt64, typeDecimal128, typeMaxKey, typeMinKey, typeCodeScope, typeDocument, typeArray,
}

func value(t *rapid.T, depth int) (byte, []byte) {
	from := types
	if depth == 0 {
		from = types[:len(types)-3]
	}
	typ := rapid.SampledFrom(from).Draw(t, "type")
	text := func() string { return rapid.String().Draw(t, "text") }
	switch typ {
	case typeDouble:
		f := rapid.Float64().Draw(t, "double")
		if math.IsNaN(f) {
			f = math.Float64frombits(nan)
		}
		return typ, bsoncore.AppendDouble(nil, f)
	case typeString, typeCode, typeSymbol:
		return typ, bsoncore.AppendString(nil, text())
	case typeBinary:
		return typ, bsoncore.AppendBinary(nil, rapid.Byte().Draw(t, "subtype"), rapid.SliceOf(rapid.Byte()).Draw(t, "data"))
	case typeObjectID:
		return typ, rapid.SliceOfN(rapid.Byte(), 12, 12).Draw(t, "oid")
	case typeBoolean:
		return typ, bsoncore.AppendBoolean(nil, rapid.Bool().Draw(t, "boolean"))
	case typeDate, typeInt64:
		return typ, bsoncore.AppendInt64(nil, rapid.Int64().Draw(t, "int64"))
	case typeTimestamp:
		return typ, bsoncore.AppendTimestamp(nil, rapid.Uint32().Draw(t, "t"), rapid.Uint32().Draw(t, "i"))
	case typeInt32:
		return typ, bsoncore.AppendInt32(nil, rapid.Int32().Draw(t, "int32"))
	case typeRegex:
		return typ, bsoncore.AppendRegex(nil, key(t), rapid.StringMatching(`i?m?s?x?`).Draw(t, "options"))
	case typeDBPointer:
		return typ, bsoncore.AppendDBPointer(nil, text(), oid)
	case typeDecimal128:
		d, err := bson.ParseDecimal128(rapid.StringMatching(`-?[0-9]{1,34}(E[+-]?[0-9]{1,3})?`).Draw(t, "decimal"))
		if err != nil {
			t.Fatal(err)
		}
		high, low := d.GetBytes()
		return typ, bsoncore.AppendDecimal128(nil, high, low)
	case typeCodeScope:
		return typ, bsoncore.AppendCodeWithScope(nil, text(), document(t, depth-1))
	case typeDocument:
		return typ, document(t, depth-1)
	case typeArray:
		b := bsoncore.NewArrayBuilder()
		for range rapid.IntRange(0, 12).Draw(t, "elements") {
			typ, data := value(t, depth-1)
			b.AppendValue(bsoncore.Value{Type: bsoncore.Type(typ), Data: data})
		}
		return typ, b.Build()
	}
	return typ, nil
}

// narrowed returns doc as it comes back from the relaxed style: with an int32
// for each int64 that fits.
func narrowed(doc bsoncore.Document) bsoncore.Document {
	elements, err := doc.Elements()
	if err != nil {
		panic(err)
	}
	b := builder()
	for _, e := range elements {
		b.AppendValue(e.Key(), narrowedValue(e.Value()))
	}
	return b.Build()
}

func narrowedValue(v bsoncore.Value) bsoncore.Value {
	switch v.Type {
	case bsoncore.TypeInt64:
		if n := v.Int64(); n == int64(int32(n)) {
			return bsoncore.Value{Type: bsoncore.TypeInt32, Data: bsoncore.AppendInt32(nil, int32(n))}
		}
	case bsoncore.TypeEmbeddedDocument:
		return bsoncore.Value{Type: v.Type, Data: narrowed(v.Document())}
	case bsoncore.TypeCodeWithScope:
		code, scope := v.CodeWithScope()
		return bsoncore.Value{Type: v.Type, Data: bsoncore.AppendCodeWithScope(nil, code, narrowed(scope))}
	case bsoncore.TypeArray:
		// An array is a document that happens to be numbered.
		return bsoncore.Value{Type: v.Type, Data: narrowed(bsoncore.Document(v.Array()))}
	}
	return v
}

// TestLaws holds the promises of the styles for documents of all types.
func TestLaws(t *testing.T) {
	var d Decoder
	rapid.Check(t, func(t *rapid.T) {
		doc := document(t, 3)
		through := func(doc []byte, s Style) ([]byte, []byte) {
			text, err := Append(nil, doc, s)
			if err != nil {
				t.Fatal(err)
			}
			if s != LegacyStrict && !json.Valid(text) {
				t.Fatalf("not JSON: %s", text)
			}
			back, err := d.Decode(nil, text)
			if err != nil {
				t.Fatalf("%s: %v", text, err)
			}
			return text, back
		}
		if text, back := through(doc, Canonical); !bytes.Equal(back, doc) {
			t.Fatalf("canonical: %s:\n got %x\nwant %x", text, back, doc)
		}
		if text, back := through(doc, Relaxed); !bytes.Equal(back, narrowed(doc)) {
			t.Fatalf("relaxed: %s:\n got %x\nwant %x", text, back, narrowed(doc))
		}
		through(doc, Plain)
		// Whole doubles beyond 32 bits are the known exception; the first round
		// removes them.
		_, back := through(doc, LegacyStrict)
		text, back := through(back, LegacyStrict)
		if again, _ := through(back, LegacyStrict); !bytes.Equal(again, text) {
			t.Fatalf("legacy:\n got %s\nwant %s", again, text)
		}
	})
}

// TestLegacyDoubleLaw holds text to BSON to text for all doubles of up to 16
// digits that do not look like an integer of more than 32 bits.
func TestLegacyDoubleLaw(t *testing.T) {
	var d Decoder
	rapid.Check(t, func(t *rapid.T) {
		// 16 digits may be those of an integer where the double is none.
		f := rapid.Float64().Draw(t, "f")
		if short, err := strconv.ParseFloat(strconv.FormatFloat(f, 'g', 16, 64), 64); err == nil {
			f = short
		}
		if f == math.Trunc(f) && math.Abs(f) > math.MaxInt32 && math.Abs(f) < 1e16 {
			f = math.Mod(f, math.MaxInt32)
		}
		text := `{ "v" : ` + strconv.FormatFloat(f, 'g', 16, 64) + ` }`
		doc, err := d.Decode(nil, []byte(text))
		if err != nil {
			t.Fatalf("%s: %v", text, err)
		}
		if got, err := Append(nil, doc, LegacyStrict); err != nil || string(got) != text {
			t.Fatalf("got %s, %v, want %s", got, err, text)
		}
	})
}

// TestNumberLaw compares the decoder's arithmetic with that of strconv.
func TestNumberLaw(t *testing.T) {
	var d Decoder
	rapid.Check(t, func(t *rapid.T) {
		text := rapid.StringMatching(`-?(0|[1-9][0-9]{0,20})(\.[0-9]{1,20})?([eE][+-]?[0-9]{1,2})?`).Draw(t, "number")
		doc, err := d.Decode(nil, []byte(`{"v":`+text+`}`))
		if err != nil {
			t.Fatal(err)
		}
		v := bsoncore.Document(doc).Lookup("v")
		if n, err := strconv.ParseInt(text, 10, 64); err == nil && text != "-0" {
			wide := v.Type == bsoncore.TypeInt64
			if wide == (n == int64(int32(n))) || v.AsInt64() != n {
				t.Fatalf("%s: %v", text, v)
			}
			return
		}
		if f, _ := strconv.ParseFloat(text, 64); math.Float64bits(v.Double()) != math.Float64bits(f) {
			t.Fatalf("%s: %v, want %v", text, v, f)
		}
	})
}

// TestDateLaw compares the calendar with that of package time.
func TestDateLaw(t *testing.T) {
	rapid.Check(t, func(t *rapid.T) {
		ms := rapid.Int64Range(firstPlain, lastRelaxed).Draw(t, "ms")
		zone := rapid.IntRange(-14*60, 14*60).Draw(t, "zone")
		at := time.UnixMilli(ms).In(time.FixedZone("", zone*60))
		if at.Year() < 0 || at.Year() > 9999 {
			t.Skip("the year has no four digits there")
		}
		want := at.Format("2006-01-02T15:04:05.000")
		if got := appendDate(nil, ms, int64(zone*60)); string(got) != want {
			t.Fatalf("append: got %s, want %s", got, want)
		}
		text := at.Format("2006-01-02T15:04:05.000-07:00")
		if got, ok := parseDate([]byte(text)); !ok || got != ms {
			t.Fatalf("parse %s: got %d, %v, want %d", text, got, ok, ms)
		}
	})
}

// TestDateErrors compares what is refused with package time, which is more
// generous only with zones.
func TestDateErrors(t *testing.T) {
	rapid.Check(t, func(t *rapid.T) {
		text := rapid.StringMatching(`[0-9]{4}-[013][0-9]-[0-4][0-9]T[0-2][0-9]:[0-7][0-9]:[0-7][0-9](\.[0-9]{1,9})?(Z|[+-][01][0-9]:[0-5][0-9])`).Draw(t, "text")
		ms, ok := parseDate([]byte(text))
		at, err := time.Parse(time.RFC3339, text)
		if ok != (err == nil) || ok && at.UnixMilli() != ms {
			t.Fatalf("%s: got %d, %v; package time says %v, %v", text, ms, ok, at, err)
		}
	})
}

// TestBase64Law compares the decoder with that of encoding/base64.
func TestBase64Law(t *testing.T) {
	strict := base64.StdEncoding.Strict()
	rapid.Check(t, func(t *rapid.T) {
		text := []byte(base64.StdEncoding.EncodeToString(rapid.SliceOf(rapid.Byte()).Draw(t, "data")))
		for range rapid.IntRange(0, 2).Draw(t, "changes") {
			if len(text) > 0 {
				i := rapid.IntRange(0, len(text)-1).Draw(t, "at")
				text[i] = rapid.SampledFrom([]byte("AQg9+/=-_ \x00\xff")).Draw(t, "byte")
			}
		}
		if rapid.Bool().Draw(t, "cut") && len(text) > 0 {
			text = text[1:]
		}
		got := make([]byte, len(text))
		n, ok := decodeBase64(got, text)
		want := make([]byte, len(text))
		m, err := strict.Decode(want, text)
		if ok != (err == nil) || ok && !bytes.Equal(got[:n], want[:m]) {
			t.Fatalf("%s: got %x, %v, want %x, %v", text, got[:n], ok, want[:m], err)
		}
	})
}
