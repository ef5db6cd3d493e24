package extjson

import (
	"math"
	"strings"

	"go.mongodb.org/mongo-driver/v2/bson"
	"go.mongodb.org/mongo-driver/v2/x/bsonx/bsoncore"
)

// builder begins a document for a table entry.
func builder() *bsoncore.DocumentBuilder { return bsoncore.NewDocumentBuilder() }

// double builds {v: f}.
func double(f float64) bsoncore.Document { return builder().AppendDouble("v", f).Build() }

// decimal builds {v: s} as a decimal.
func decimal(s string) bsoncore.Document {
	d, err := bson.ParseDecimal128(s)
	if err != nil {
		panic(err)
	}
	high, low := d.GetBytes()
	return builder().AppendDecimal128("v", high, low).Build()
}

// oid is the ObjectId of the tables.
var oid = bson.ObjectID{0x57, 0xe1, 0x93, 0xd7, 0xa9, 0xcc, 0x81, 0xb4, 0x02, 0x74, 0x98, 0xb5}

// entry is a value in every style. It feeds the tests of decoding and encoding,
// the comparison with the driver, the fuzz seeds and the benchmarks.
type entry struct {
	name string
	// doc is {v: value}.
	doc bsoncore.Document
	// The texts of the value; legacy is spaced as a server spaces it.
	legacy, canonical, relaxed, plain string
	// lossy is set if legacy does not lead back to doc.
	lossy bool
	// narrow is set if relaxed does not lead back to doc, because an int64 that
	// fits becomes an int32.
	narrow bool
}

// text returns the text of the document in a style.
func (e entry) text(s Style) string {
	switch s {
	case LegacyStrict:
		return `{ "v" : ` + e.legacy + ` }`
	case Canonical:
		return `{"v":` + e.canonical + `}`
	case Relaxed:
		return `{"v":` + e.relaxed + `}`
	}
	return `{"v":` + e.plain + `}`
}

// same returns an entry whose value reads the same in all styles.
func same(name string, doc bsoncore.Document, text string) entry {
	return entry{name: name, doc: doc, legacy: text, canonical: text, relaxed: text, plain: text}
}

// entries is the table. It is a function because builders are not constants.
func entries() []entry {
	b := func() *bsoncore.DocumentBuilder { return builder() }
	uuid := []byte{0x9d, 0xf9, 0xe7, 0x1d, 0x0a, 0x34, 0x44, 0x33, 0xad, 0x23, 0xae, 0xf6, 0xd8, 0x59, 0x4f, 0xe7}
	inner := b().AppendInt32("x", 1).Build()
	list := func(doc bsoncore.Document, spaced, compact string) entry {
		return entry{name: "container " + compact, doc: doc, legacy: spaced, canonical: compact, relaxed: compact, plain: compact}
	}
	table := []entry{
		same("empty string", b().AppendString("v", "").Build(), `""`),
		same("string", b().AppendString("v", "authCheck").Build(), `"authCheck"`),
		same("escapes", b().AppendString("v", "\"\\/\b\f\n\r\t\x00\x1f\x7f").Build(), `"\"\\/\b\f\n\r\t\u0000\u001f`+"\x7f"+`"`),
		same("beyond ASCII", b().AppendString("v", "Zürich 東京 🐈 \u0080\u07ff\u0800\uffff\U0010ffff").Build(), `"Zürich 東京 🐈 `+"\u0080\u07ff\u0800\uffff\U0010ffff"+`"`),
		same("long string", b().AppendString("v", strings.Repeat("margay", 50)).Build(), `"`+strings.Repeat("margay", 50)+`"`),
		same("true", b().AppendBoolean("v", true).Build(), `true`),
		same("false", b().AppendBoolean("v", false).Build(), `false`),
		same("null", b().AppendNull("v").Build(), `null`),
		{name: "int32", doc: b().AppendInt32("v", 27017).Build(), legacy: `27017`, canonical: `{"$numberInt":"27017"}`, relaxed: `27017`, plain: `27017`},
		{name: "int32 zero", doc: b().AppendInt32("v", 0).Build(), legacy: `0`, canonical: `{"$numberInt":"0"}`, relaxed: `0`, plain: `0`},
		{name: "int32 least", doc: b().AppendInt32("v", math.MinInt32).Build(), legacy: `-2147483648`, canonical: `{"$numberInt":"-2147483648"}`, relaxed: `-2147483648`, plain: `-2147483648`},
		{name: "int32 greatest", doc: b().AppendInt32("v", math.MaxInt32).Build(), legacy: `2147483647`, canonical: `{"$numberInt":"2147483647"}`, relaxed: `2147483647`, plain: `2147483647`},
		{name: "int64 small", doc: b().AppendInt64("v", 5).Build(), legacy: `{ "$numberLong" : "5" }`, canonical: `{"$numberLong":"5"}`, relaxed: `5`, plain: `5`, narrow: true},
		{name: "int64 least", doc: b().AppendInt64("v", math.MinInt64).Build(), legacy: `{ "$numberLong" : "-9223372036854775808" }`, canonical: `{"$numberLong":"-9223372036854775808"}`, relaxed: `-9223372036854775808`, plain: `-9223372036854775808`},
		{name: "int64 greatest", doc: b().AppendInt64("v", math.MaxInt64).Build(), legacy: `{ "$numberLong" : "9223372036854775807" }`, canonical: `{"$numberLong":"9223372036854775807"}`, relaxed: `9223372036854775807`, plain: `9223372036854775807`},
		{name: "double", doc: double(3.25), legacy: `3.25`, canonical: `{"$numberDouble":"3.25"}`, relaxed: `3.25`, plain: `3.25`},
		{name: "double one", doc: double(1), legacy: `1`, canonical: `{"$numberDouble":"1.0"}`, relaxed: `1.0`, plain: `1.0`, lossy: true},
		{name: "double of 17 digits", doc: double(0.30000000000000004), legacy: `0.3`, canonical: `{"$numberDouble":"0.30000000000000004"}`, relaxed: `0.30000000000000004`, plain: `0.30000000000000004`, lossy: true},
		{name: "double of 16 digits", doc: double(0.1234567890123456), legacy: `0.1234567890123456`, canonical: `{"$numberDouble":"0.1234567890123456"}`, relaxed: `0.1234567890123456`, plain: `0.1234567890123456`},
		{name: "double large", doc: double(1e20), legacy: `1e+20`, canonical: `{"$numberDouble":"1E+20"}`, relaxed: `1E+20`, plain: `1E+20`},
		{name: "double small", doc: double(2.5e-7), legacy: `2.5e-07`, canonical: `{"$numberDouble":"2.5E-07"}`, relaxed: `2.5E-07`, plain: `2.5E-07`},
		{name: "double greatest", doc: double(math.MaxFloat64), legacy: `1.797693134862316e+308`, canonical: `{"$numberDouble":"1.7976931348623157E+308"}`, relaxed: `1.7976931348623157E+308`, plain: `1.7976931348623157E+308`},
		{name: "double least", doc: double(5e-324), legacy: `4.940656458412465e-324`, canonical: `{"$numberDouble":"5E-324"}`, relaxed: `5E-324`, plain: `5E-324`},
		{name: "double minus zero", doc: double(math.Copysign(0, -1)), legacy: `-0`, canonical: `{"$numberDouble":"-0.0"}`, relaxed: `-0.0`, plain: `-0.0`},
		{name: "not a number", doc: double(math.Float64frombits(nan)), legacy: `NaN`, canonical: `{"$numberDouble":"NaN"}`, relaxed: `{"$numberDouble":"NaN"}`, plain: `"NaN"`},
		{name: "infinity", doc: double(math.Inf(1)), legacy: `Infinity`, canonical: `{"$numberDouble":"Infinity"}`, relaxed: `{"$numberDouble":"Infinity"}`, plain: `"Infinity"`},
		{name: "minus infinity", doc: double(math.Inf(-1)), legacy: `-Infinity`, canonical: `{"$numberDouble":"-Infinity"}`, relaxed: `{"$numberDouble":"-Infinity"}`, plain: `"-Infinity"`},
		{name: "oid", doc: b().AppendObjectID("v", oid).Build(), legacy: `{ "$oid" : "57e193d7a9cc81b4027498b5" }`, canonical: `{"$oid":"57e193d7a9cc81b4027498b5"}`, relaxed: `{"$oid":"57e193d7a9cc81b4027498b5"}`, plain: `"57e193d7a9cc81b4027498b5"`},
		{name: "uuid", doc: b().AppendBinary("v", 4, uuid).Build(), legacy: `{ "$binary" : "nfnnHQo0RDOtI6722FlP5w==", "$type" : "04" }`, canonical: `{"$binary":{"base64":"nfnnHQo0RDOtI6722FlP5w==","subType":"04"}}`, relaxed: `{"$binary":{"base64":"nfnnHQo0RDOtI6722FlP5w==","subType":"04"}}`, plain: `"9df9e71d-0a34-4433-ad23-aef6d8594fe7"`},
		{name: "short uuid", doc: b().AppendBinary("v", 4, []byte("ab")).Build(), legacy: `{ "$binary" : "YWI=", "$type" : "04" }`, canonical: `{"$binary":{"base64":"YWI=","subType":"04"}}`, relaxed: `{"$binary":{"base64":"YWI=","subType":"04"}}`, plain: `"YWI="`},
		{name: "empty binary", doc: b().AppendBinary("v", 0, nil).Build(), legacy: `{ "$binary" : "", "$type" : "00" }`, canonical: `{"$binary":{"base64":"","subType":"00"}}`, relaxed: `{"$binary":{"base64":"","subType":"00"}}`, plain: `""`},
		{name: "old binary", doc: b().AppendBinary("v", 2, []byte("abc")).Build(), legacy: `{ "$binary" : "YWJj", "$type" : "02" }`, canonical: `{"$binary":{"base64":"YWJj","subType":"02"}}`, relaxed: `{"$binary":{"base64":"YWJj","subType":"02"}}`, plain: `"YWJj"`},
		{name: "user binary", doc: b().AppendBinary("v", 0x80, []byte{0xff, 0xfe}).Build(), legacy: `{ "$binary" : "//4=", "$type" : "80" }`, canonical: `{"$binary":{"base64":"//4=","subType":"80"}}`, relaxed: `{"$binary":{"base64":"//4=","subType":"80"}}`, plain: `"//4="`},
		{name: "regex", doc: b().AppendRegex("v", `^a"b`, "i").Build(), legacy: `{ "$regex" : "^a\"b", "$options" : "i" }`, canonical: `{"$regularExpression":{"pattern":"^a\"b","options":"i"}}`, relaxed: `{"$regularExpression":{"pattern":"^a\"b","options":"i"}}`, plain: `"/^a\"b/i"`},
		{name: "empty regex", doc: b().AppendRegex("v", "", "").Build(), legacy: `{ "$regex" : "", "$options" : "" }`, canonical: `{"$regularExpression":{"pattern":"","options":""}}`, relaxed: `{"$regularExpression":{"pattern":"","options":""}}`, plain: `"//"`},
		{name: "timestamp", doc: b().AppendTimestamp("v", 1710325684, 4294967295).Build(), legacy: `{ "$timestamp" : { "t" : 1710325684, "i" : 4294967295 } }`, canonical: `{"$timestamp":{"t":1710325684,"i":4294967295}}`, relaxed: `{"$timestamp":{"t":1710325684,"i":4294967295}}`, plain: `{"t":1710325684,"i":4294967295}`},
		{name: "undefined", doc: bsoncore.BuildDocument(nil, bsoncore.AppendUndefinedElement(nil, "v")), legacy: `{ "$undefined" : true }`, canonical: `{"$undefined":true}`, relaxed: `{"$undefined":true}`, plain: `null`},
		{name: "min key", doc: b().AppendMinKey("v").Build(), legacy: `{ "$minKey" : 1 }`, canonical: `{"$minKey":1}`, relaxed: `{"$minKey":1}`, plain: `"MinKey"`},
		{name: "max key", doc: b().AppendMaxKey("v").Build(), legacy: `{ "$maxKey" : 1 }`, canonical: `{"$maxKey":1}`, relaxed: `{"$maxKey":1}`, plain: `"MaxKey"`},
		{name: "code", doc: b().AppendJavaScript("v", "f()\n").Build(), legacy: `{ "$code" : "f()\n" }`, canonical: `{"$code":"f()\n"}`, relaxed: `{"$code":"f()\n"}`, plain: `"f()\n"`},
		{name: "code with scope", doc: b().AppendCodeWithScope("v", "f()", inner).Build(), legacy: `{ "$code" : "f()", "$scope" : { "x" : 1 } }`, canonical: `{"$code":"f()","$scope":{"x":{"$numberInt":"1"}}}`, relaxed: `{"$code":"f()","$scope":{"x":1}}`, plain: `"f()"`},
		{name: "code with empty scope", doc: b().AppendCodeWithScope("v", "", builder().Build()).Build(), legacy: `{ "$code" : "", "$scope" : {} }`, canonical: `{"$code":"","$scope":{}}`, relaxed: `{"$code":"","$scope":{}}`, plain: `""`},
		{name: "symbol", doc: b().AppendSymbol("v", "s").Build(), legacy: `"s"`, canonical: `{"$symbol":"s"}`, relaxed: `{"$symbol":"s"}`, plain: `"s"`, lossy: true},
		{name: "pointer", doc: b().AppendDBPointer("v", "db.c", oid).Build(), legacy: `{ "$ref" : "db.c", "$id" : "57e193d7a9cc81b4027498b5" }`, canonical: `{"$dbPointer":{"$ref":"db.c","$id":{"$oid":"57e193d7a9cc81b4027498b5"}}}`, relaxed: `{"$dbPointer":{"$ref":"db.c","$id":{"$oid":"57e193d7a9cc81b4027498b5"}}}`, plain: `{"$ref":"db.c","$id":"57e193d7a9cc81b4027498b5"}`, lossy: true},
		list(b().AppendDocument("v", builder().Build()).Build(), `{}`, `{}`),
		list(b().AppendArray("v", bsoncore.NewArrayBuilder().Build()).Build(), `[]`, `[]`),
		list(b().AppendArray("v", bsoncore.NewArrayBuilder().AppendString("a").AppendNull().AppendDocument(builder().AppendBoolean("b", true).Build()).Build()).Build(),
			`[ "a", null, { "b" : true } ]`, `["a",null,{"b":true}]`),
		list(b().AppendDocument("v", builder().AppendString("$set", "x").AppendString("", "y").AppendString("$set", "z").Build()).Build(),
			`{ "$set" : "x", "" : "y", "$set" : "z" }`, `{"$set":"x","":"y","$set":"z"}`),
		list(b().AppendDocument("v", builder().AppendString("$regex", "^a").Build()).Build(), `{ "$regex" : "^a" }`, `{"$regex":"^a"}`),
	}
	for _, s := range []string{"0", "-0", "1.5", "-1.50", "1.000000000000000000000000000000000E+6144", "1E-6176", "9.999999999999999999999999999999999E+6144", "NaN", "Infinity", "-Infinity"} {
		text := `{"$numberDecimal":"` + s + `"}`
		table = append(table, entry{name: "decimal " + s, doc: decimal(s), legacy: `{ "$numberDecimal" : "` + s + `" }`, canonical: text, relaxed: text, plain: `"` + s + `"`})
	}
	return append(table, dates()...)
}

// dates are the entries for moments.
func dates() []entry {
	number := func(ms string) string { return `{ "$date" : { "$numberLong" : "` + ms + `" } }` }
	compact := func(ms string) string { return `{"$date":{"$numberLong":"` + ms + `"}}` }
	table := []entry{
		{name: "date", legacy: `{ "$date" : "2024-03-13T10:28:04.631+00:00" }`, canonical: compact("1710325684631"), relaxed: `{"$date":"2024-03-13T10:28:04.631Z"}`, plain: `"2024-03-13T10:28:04.631Z"`},
		{name: "date of the epoch", legacy: `{ "$date" : "1970-01-01T00:00:00.000+00:00" }`, canonical: compact("0"), relaxed: `{"$date":"1970-01-01T00:00:00Z"}`, plain: `"1970-01-01T00:00:00.000Z"`},
		{name: "date before the epoch", legacy: number("-1"), canonical: compact("-1"), relaxed: compact("-1"), plain: `"1969-12-31T23:59:59.999Z"`},
		{name: "date of a leap day", legacy: `{ "$date" : "2000-02-29T23:59:59.999+00:00" }`, canonical: compact("951868799999"), relaxed: `{"$date":"2000-02-29T23:59:59.999Z"}`, plain: `"2000-02-29T23:59:59.999Z"`},
		{name: "last legacy date", legacy: `{ "$date" : "3000-12-31T23:59:58.999+00:00" }`, canonical: compact("32535215998999"), relaxed: `{"$date":"3000-12-31T23:59:58.999Z"}`, plain: `"3000-12-31T23:59:58.999Z"`},
		{name: "first date beyond", legacy: number("32535215999000"), canonical: compact("32535215999000"), relaxed: `{"$date":"3000-12-31T23:59:59Z"}`, plain: `"3000-12-31T23:59:59.000Z"`},
		{name: "last relaxed date", legacy: number("253402300799999"), canonical: compact("253402300799999"), relaxed: `{"$date":"9999-12-31T23:59:59.999Z"}`, plain: `"9999-12-31T23:59:59.999Z"`},
		{name: "date beyond text", legacy: number("253402300800000"), canonical: compact("253402300800000"), relaxed: compact("253402300800000"), plain: `253402300800000`},
		{name: "least date", legacy: number("-9223372036854775808"), canonical: compact("-9223372036854775808"), relaxed: compact("-9223372036854775808"), plain: `-9223372036854775808`},
		{name: "first plain date", legacy: number("-62167219200000"), canonical: compact("-62167219200000"), relaxed: compact("-62167219200000"), plain: `"0000-01-01T00:00:00.000Z"`},
	}
	for i, ms := range []int64{1710325684631, 0, -1, 951868799999, 32535215998999, 32535215999000, 253402300799999, 253402300800000, math.MinInt64, -62167219200000} {
		table[i].doc = builder().AppendDateTime("v", ms).Build()
	}
	return table
}
