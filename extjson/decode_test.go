package extjson

import (
	"bytes"
	"fmt"
	"strings"
	"testing"
)

// TestDecodeDialects reads what the styles do not write: other spellings of the
// same values, and objects that only look like wrappers. want is the value in
// the canonical style.
func TestDecodeDialects(t *testing.T) {
	date := func(ms string) string { return `{"$date":{"$numberLong":"` + ms + `"}}` }
	number := func(n string) string { return `{"$numberInt":"` + n + `"}` }
	plain := "" // want is the text itself
	tests := []struct{ text, want string }{
		// Dates.
		{`{"$date":"2024-03-13T06:28:04.631-0400"}`, date("1710325684631")},
		{`{"$date":"2024-03-13T06:28:04.631-04"}`, date("1710325684631")},
		{`{"$date":"2024-03-13T10:28:04.631+0000"}`, date("1710325684631")},
		{`{"$date":"2024-03-13T10:28:04Z"}`, date("1710325684000")},
		{`{"$date":"2024-03-13T10:28:04.6Z"}`, date("1710325684600")},
		{`{"$date":"2024-03-13T10:28:04.63Z"}`, date("1710325684630")},
		{`{"$date":"2024-03-13T10:28:04.631999999Z"}`, date("1710325684631")},
		{`{"$date":"0000-02-29T00:00:00Z"}`, date("-62162121600000")},
		{`{"$date":"1969-12-31T23:59:59.999Z"}`, date("-1")},
		{`{"$date":1710325684631}`, date("1710325684631")},
		{`{"$date":{"$numberLong":"1710325684631"}}`, date("1710325684631")},
		{`{"$date":{"$numberLong":5}}`, date("5")},
		{`{"$d\u0061te":"2024-03-13T10:28:04.631\u005a"}`, date("1710325684631")},
		{`{"$date":"2024-02-30T00:00:00Z"}`, plain},
		{`{"$date":"2023-02-29T00:00:00Z"}`, plain},
		{`{"$date":"1900-02-29T00:00:00Z"}`, plain},
		{`{"$date":"2024-00-01T00:00:00Z"}`, plain},
		{`{"$date":"2024-13-01T00:00:00Z"}`, plain},
		{`{"$date":"2024-01-00T00:00:00Z"}`, plain},
		{`{"$date":"2024-01-32T00:00:00Z"}`, plain},
		{`{"$date":"2024-04-31T00:00:00Z"}`, plain},
		{`{"$date":"2024-01-01T24:00:00Z"}`, plain},
		{`{"$date":"2024-01-01T00:60:00Z"}`, plain},
		{`{"$date":"2024-01-01T00:00:60Z"}`, plain},
		{`{"$date":"2024-01-01T00:00:00"}`, plain},
		{`{"$date":"2024-01-01T00:00:00.Z"}`, plain},
		{`{"$date":"2024-01-01T00:00:00.1234567890Z"}`, plain},
		{`{"$date":"2024-01-01T00:00:00+24:00"}`, plain},
		{`{"$date":"2024-01-01T00:00:00+00:60"}`, plain},
		{`{"$date":"2024-01-01T00:00:00+0"}`, plain},
		{`{"$date":"2024-01-01T00:00:00+00-00"}`, plain},
		{`{"$date":"2024-01-01T00:00:00ZZ"}`, plain},
		{`{"$date":"2024-01-01 00:00:00Z"}`, plain},
		{`{"$date":"2o24-01-01T00:00:00Z"}`, plain},
		{`{"$date":"tomorrow"}`, plain},
		{`{"$date":""}`, plain},
		{`{"$date":{}}`, plain},
		{`{"$date":{"$numberLong":"5","x":"y"}}`, plain},
		{`{"$date":true}`, plain},
		// Numbers.
		{`{"$numberLong":5}`, `{"$numberLong":"5"}`},
		{`{"$numberInt":"7"}`, number("7")},
		{`{"$numberDouble":"1e2"}`, `{"$numberDouble":"100.0"}`},
		{`{"$numberDouble":"-5"}`, `{"$numberDouble":"-5.0"}`},
		{`{"$numberDecimal":"0.10"}`, `{"$numberDecimal":"0.10"}`},
		{`2147483648`, `{"$numberLong":"2147483648"}`},
		{`-2147483649`, `{"$numberLong":"-2147483649"}`},
		{`999999999999999999`, `{"$numberLong":"999999999999999999"}`},
		{`1000000000000000000`, `{"$numberLong":"1000000000000000000"}`},
		{`9223372036854775808`, `{"$numberDouble":"9.223372036854776E+18"}`},
		{`100000000000000000000`, `{"$numberDouble":"1E+20"}`},
		{`1.0`, `{"$numberDouble":"1.0"}`},
		{`1E2`, `{"$numberDouble":"100.0"}`},
		{`1e-2`, `{"$numberDouble":"0.01"}`},
		{`0.000001`, `{"$numberDouble":"1E-06"}`},
		{`0e5`, `{"$numberDouble":"0.0"}`},
		{`-0`, `{"$numberDouble":"-0.0"}`},
		{`-0.0`, `{"$numberDouble":"-0.0"}`},
		{`123456789012345.6789`, `{"$numberDouble":"1.2345678901234567E+14"}`},
		{`1e-400`, `{"$numberDouble":"0.0"}`},
		{`-1.797693134862316e+308`, `{"$numberDouble":"-1.7976931348623157E+308"}`},
		{`{"$numberInt":"2147483648"}`, plain},
		{`{"$numberInt":"05"}`, plain},
		{`{"$numberInt":"+5"}`, plain},
		{`{"$numberInt":"-0"}`, plain},
		{`{"$numberInt":""}`, plain},
		{`{"$numberInt":"-"}`, plain},
		{`{"$numberInt":7}`, `{"$numberInt":{"$numberInt":"7"}}`},
		{`{"$numberLong":"9223372036854775808"}`, plain},
		{`{"$numberLong":"-9223372036854775809"}`, plain},
		{`{"$numberLong":"18446744073709551616"}`, plain},
		{`{"$numberLong":"five"}`, plain},
		{`{"$numberDouble":"1e999"}`, plain},
		{`{"$numberDouble":"0x1p4"}`, plain},
		{`{"$numberDouble":"inf"}`, plain},
		{`{"$numberDouble":""}`, plain},
		{`{"$numberDecimal":"1E+7000"}`, plain},
		{`{"$numberDecimal":"` + strings.Repeat("9", 200) + `"}`, plain},
		// Identifiers and binary data.
		{`{"$oid":"57E193D7A9CC81B4027498B5"}`, `{"$oid":"57e193d7a9cc81b4027498b5"}`},
		{`{"$oid":"57e193d7a9cc81b4027498b"}`, plain},
		{`{"$oid":"57e193d7a9cc81b4027498bg"}`, plain},
		{`{"$uuid":"9df9e71d-0a34-4433-ad23-AEF6D8594FE7"}`, `{"$binary":{"base64":"nfnnHQo0RDOtI6722FlP5w==","subType":"04"}}`},
		{`{"$uuid":"9df9e71d0a344433ad23aef6d8594fe7"}`, plain},
		{`{"$uuid":"9df9e71d-0a34-4433-ad23-aef6d8594feg"}`, plain},
		{`{"$binary":"AQID","$type":"0"}`, `{"$binary":{"base64":"AQID","subType":"00"}}`},
		{`{"$binary":"AQID","$type":5}`, `{"$binary":{"base64":"AQID","subType":"05"}}`},
		{`{"$binary":"\/\/4=","$type":"\u00304"}`, `{"$binary":{"base64":"//4=","subType":"04"}}`},
		{`{"$binary":{"subType":"80","base64":"AQID"}}`, `{"$binary":{"base64":"AQID","subType":"80"}}`},
		{`{"$binary":{"base64":"AQID","subType":"F"}}`, `{"$binary":{"base64":"AQID","subType":"0f"}}`},
		{`{"$binary":"AQI","$type":"00"}`, plain},
		{`{"$binary":"AQI*","$type":"00"}`, plain},
		{`{"$binary":"AQJ=","$type":"00"}`, plain},
		{`{"$binary":"AQ\nI","$type":"00"}`, plain},
		{`{"$binary":"AQID","$type":"g"}`, plain},
		{`{"$binary":"AQID","$type":"000"}`, plain},
		{`{"$binary":"AQID"}`, plain},
		{`{"$binary":"AQID","type":"00"}`, plain},
		{`{"$binary":"AQID","$type":"00","x":"y"}`, plain},
		{`{"$binary":{"base64":"AQID"}}`, plain},
		{`{"$binary":{"base64":"AQID","subType":"00","x":"y"}}`, plain},
		{`{"$type":"00","$binary":"AQID"}`, plain},
		// The others.
		{`{"$timestamp":{"i":2,"t":1}}`, `{"$timestamp":{"t":1,"i":2}}`},
		{`{"$timestamp":{"t":"1","i":"2"}}`, plain},
		{`{"$timestamp":{"t":4294967296,"i":2}}`, `{"$timestamp":{"t":{"$numberLong":"4294967296"},"i":{"$numberInt":"2"}}}`},
		{`{"$timestamp":{"t":-1,"i":2}}`, `{"$timestamp":{"t":{"$numberInt":"-1"},"i":{"$numberInt":"2"}}}`},
		{`{"$timestamp":{"t":1}}`, `{"$timestamp":{"t":{"$numberInt":"1"}}}`},
		{`{"$timestamp":{"t":1,"t":2}}`, `{"$timestamp":{"t":{"$numberInt":"1"},"t":{"$numberInt":"2"}}}`},
		{`{"$regularExpression":{"options":"i","pattern":"a"}}`, `{"$regularExpression":{"pattern":"a","options":"i"}}`},
		{`{"$regex":"a\u0000b","$options":""}`, plain},
		{`{"$options":"i","$regex":"a"}`, plain},
		{`{"$regex":{"$oid":"x"},"$options":"i"}`, plain},
		{`{"$undefined":false}`, plain},
		{`{"$minKey":2}`, `{"$minKey":{"$numberInt":"2"}}`},
		{`{"$maxKey":1.0}`, `{"$maxKey":{"$numberDouble":"1.0"}}`},
		{`{"$maxKey":10}`, `{"$maxKey":{"$numberInt":"10"}}`},
		{`{"$symbol":true}`, plain},
		{`{"$code":"f","$scope":"x"}`, plain},
		{`{"$code":"f","$scope":{"a":"b"},"x":"y"}`, plain},
		{`{"$dbPointer":{"$ref":"c","$id":"x"}}`, plain},
		{`{"$dbPointer":{"$ref":"c","$id":{"$oid":"57e193d7a9cc81b4027498b5"},"x":"y"}}`, plain},
		{`{"$ref":"c","$id":{"$oid":"57e193d7a9cc81b4027498b5"},"$db":"d"}`, plain},
		{`{"$set":{"a":"b"}}`, plain},
		{`{"$":"b"}`, plain},
		{`{"$numberWhat":"1"}`, plain},
		// Strings.
		{`"\u0041\u00e9\u20ac\ud83d\udc08\/"`, `"Aé€🐈/"`},
		{`"\ud83d"`, `"` + "\ufffd" + `"`},
		{`"\udc08\ud83d"`, `"` + "\ufffd\ufffd" + `"`},
		{`"\ud83d\u0041"`, `"` + "\ufffd" + `A"`},
		{`"\ud83d\ud83d\udc08"`, `"` + "\ufffd🐈" + `"`},
		{`{"\u0061\n":"x"}`, `{"a\n":"x"}`},
		{"[ \t\r\n1 , 2 ]", `[{"$numberInt":"1"},{"$numberInt":"2"}]`},
	}
	var d Decoder
	for _, tt := range tests {
		want := tt.want
		if want == plain {
			want = tt.text
		}
		doc, err := d.Decode(nil, []byte(" {\t\"v\" \r:\n"+tt.text+" } \n"))
		if err != nil {
			t.Errorf("%s: %v", tt.text, err)
			continue
		}
		if got, err := Append(nil, doc, Canonical); err != nil || string(got) != `{"v":`+want+`}` {
			t.Errorf("%s:\n got %s, %v\nwant {\"v\":%s}", tt.text, got, err, want)
		}
	}
}

// TestDecodeTop holds that the top object is never a wrapper.
func TestDecodeTop(t *testing.T) {
	const text = `{"$oid":"57e193d7a9cc81b4027498b5"}`
	var d Decoder
	doc, err := d.Decode(nil, []byte(text))
	if want := builder().AppendString("$oid", "57e193d7a9cc81b4027498b5").Build(); err != nil || string(doc) != string(want) {
		t.Errorf("got %x, %v, want %x", doc, err, want)
	}
}

// malformed are texts with the offset of what is wrong.
var malformed = []struct {
	text   string
	offset int
}{
	{``, 0},
	{` `, 1},
	{"\n\t\r ", 4},
	{"\x00", 0},
	{"\ufeff{}", 0},
	{`null`, 0},
	{`1`, 0},
	{`"a"`, 0},
	{`[]`, 0},
	{`[{}]`, 0},
	{`{`, 1},
	{`{ `, 2},
	{`}`, 0},
	{`{}}`, 2},
	{`{} {}`, 3},
	{`{},`, 2},
	{"{}\x00", 2},
	{`{a:1}`, 1},
	{`{'a':1}`, 1},
	{`{1:1}`, 1},
	{`{,}`, 1},
	{`{"a"}`, 4},
	{`{"a":}`, 5},
	{`{"a":,}`, 5},
	{`{"a" 1}`, 5},
	{`{"a"::1}`, 5},
	{`{"a":1,}`, 7},
	{`{"a":1,,"b":2}`, 7},
	{`{"a":1 "b":2}`, 7},
	{`{"a":1]`, 6},
	{`{"a":[1}`, 7},
	{`{"a":[1,]}`, 8},
	{`{"a":[,1]}`, 6},
	{`{"a":[1 2]}`, 8},
	{`{"a":[1:2]}`, 7},
	{`{"a":[`, 6},
	{`{"a":[]`, 7},
	{`{"a":{]}`, 6},
	{`{"a":01}`, 5},
	{`{"a":-01}`, 6},
	{`{"a":00}`, 5},
	{`{"a":-}`, 6},
	{`{"a":+1}`, 5},
	{`{"a":.5}`, 5},
	{`{"a":1.}`, 7},
	{`{"a":1.e5}`, 7},
	{`{"a":1e}`, 7},
	{`{"a":1e+}`, 8},
	{`{"a":1ee5}`, 7},
	{`{"a":1.2.3}`, 8},
	{`{"a":0x10}`, 6},
	{`{"a":1_000}`, 6},
	{`{"a":1e400}`, 5},
	{`{"a":-1.797693134862316e+309}`, 5},
	{`{"a":tru}`, 5},
	{`{"a":truE}`, 5},
	{`{"a":truex}`, 9},
	{`{"a":fals}`, 5},
	{`{"a":nul}`, 5},
	{`{"a":True}`, 5},
	{`{"a":undefined}`, 5},
	{`{"a":NAN}`, 5},
	{`{"a":NaNs}`, 8},
	{`{"a":Infinit}`, 5},
	{`{"a":-Infinit}`, 6},
	{`{"a":-NaN}`, 6},
	{`{"a":+Infinity}`, 5},
	{`{"a":ISODate("2024-01-01")}`, 5},
	{`{"a":/x/}`, 5},
	{`{"a":1 // one` + "\n}", 7},
	{`{"a`, 3},
	{`{"a":"`, 6},
	{`{"a":"x`, 7},
	{`{"a":"12345678`, 14},
	{`{"a":"x\`, 8},
	{`{"a":"x\"`, 9},
	{`{"a":"x\"}`, 10},
	{`{"a":"\x41"}`, 7},
	{`{"a":"\'"}`, 7},
	{`{"a":"\0"}`, 7},
	{`{"a":"\u12"}`, 10},
	{`{"a":"\u12g4"}`, 10},
	{`{"a":"\u`, 8},
	{`{"a":"\ud83d\u12"}`, 16},
	{"{\"a\":\"x\ny\"}", 7},
	{"{\"a\":\"x\x00y\"}", 7},
	{"{\"a\":\"\x1f\"}", 6},
	{"{\"a\tb\":1}", 3},
	{"{\"a\":\"\xff\"}", 6},
	{"{\"a\":\"\x80\"}", 6},
	{"{\"a\":\"\xc0\x80\"}", 6},
	{"{\"a\":\"\xc1\xbf\"}", 6},
	{"{\"a\":\"\xc3\"}", 6},
	{"{\"a\":\"\xc3", 6},
	{"{\"a\":\"\xe0\x9f\xbf\"}", 6},
	{"{\"a\":\"\xed\xa0\x80\"}", 6},
	{"{\"a\":\"\xe2\x82\"}", 6},
	{"{\"a\":\"\xf0\x8f\xbf\xbf\"}", 6},
	{"{\"a\":\"\xf4\x90\x80\x80\"}", 6},
	{"{\"a\":\"\xf5\x80\x80\x80\"}", 6},
	{"{\"a\":\"\xf0\x9f\x90\"}", 6},
	{"{\"é\xff\":1}", 4},
	{"{\"a\":\xc2\xa01}", 5},
	{`{"a\u0000":1}`, 3},
	{`{"a":{"$set\u0000":1}}`, 11},
	{`{"a":{"$oid":"57e193d7a9cc81b4027498b5"}`, 40},
	{`{"a":{"$oid":"57e193d7a9cc81b4027498b5"`, 39},
	{`{"a":{"$oid":`, 13},
	{`{"a":{"$oid"`, 12},
	{`{"a":{"$`, 8},
	{`{"a":{"$date":{"$numberLong":"5"}`, 33},
	{`{"a":{"$code":"f","$scope":{"b":}}}`, 32},
	{"{\"a\":{\"$regex\":\"\xff\",\"$options\":\"\"}}", 16},
}

func TestDecodeMalformed(t *testing.T) {
	var d Decoder
	for _, tt := range malformed {
		got, err := d.Decode([]byte("before"), []byte(tt.text))
		bad, ok := err.(*SyntaxError)
		if !ok || bad.Offset != tt.offset {
			t.Errorf("%q: got %v, want an error at byte %d", tt.text, err, tt.offset)
		}
		if string(got) != "before" || len(d.Fields()) != 0 {
			t.Errorf("%q: got %q and fields %v after an error", tt.text, got, d.Fields())
		}
	}
}

// TestDecodePrefixes cuts documents off at every byte: the text is then too
// short, says the error, and what follows it in memory is never seen.
func TestDecodePrefixes(t *testing.T) {
	var d Decoder
	for _, e := range entries() {
		for _, style := range styles {
			text := []byte(e.text(style))
			for n := 0; n < len(text); n++ {
				_, err := d.Decode(nil, text[:n])
				if err == nil {
					t.Fatalf("%s: %s decodes", e.name, text[:n])
				}
				if at := err.(*SyntaxError).Offset; at > n {
					t.Fatalf("%s: %s: error at byte %d", e.name, text[:n], at)
				}
			}
			got, err := d.Decode(nil, append(bytes.Clone(text), "garbage"...)[:len(text)])
			if err != nil {
				t.Fatalf("%s: %v, %x", text, err, got)
			}
		}
	}
}

func TestDecodeBounds(t *testing.T) {
	nested := func(open, shut string, n int) []byte {
		return []byte(strings.Repeat(open, n) + strings.Repeat(shut, n))
	}
	d := Decoder{MaxDepth: 3, MaxSize: 40}
	var free Decoder
	tests := []struct {
		d      *Decoder
		text   []byte
		offset int // -1: it decodes
	}{
		{&d, []byte(`{"a":{"b":{}}}`), -1},
		{&d, []byte(`{"a":[[]]}`), -1},
		{&d, []byte(`{"a":[[[]]]}`), 7},
		{&d, []byte(`{"a":{"b":{"c":{}}}}`), 15},
		{&d, []byte(`{"a":{"b":{"$oid":"57e193d7a9cc81b40"}}}`), -1},
		{&d, bytes.Repeat([]byte(" "), 41), 40},
		{&free, []byte(`{"a":` + string(nested("[", "]", 199)) + `}`), -1},
		{&free, []byte(`{"a":` + string(nested("[", "]", 200)) + `}`), 204},
		{&free, nested(`{"a":`, `}`, 201), 1000},
		{&free, []byte(`{"a":` + strings.Repeat(`[`, 1<<20)), 204},
		{&free, make([]byte, DefaultMaxSize+1), DefaultMaxSize},
	}
	for i, tt := range tests {
		_, err := tt.d.Decode(nil, tt.text)
		if err == nil && tt.offset < 0 {
			continue
		}
		if bad, ok := err.(*SyntaxError); !ok || bad.Offset != tt.offset {
			t.Errorf("test %d: got %v, want an error at byte %d", i, err, tt.offset)
		}
	}
}

// TestDecodeScopes nests code with scope that is no wrapper in the end. Read
// naively, every level would be tried twice, 2 to the power of the depth.
func TestDecodeScopes(t *testing.T) {
	const n = 150
	text := `{"a":` + strings.Repeat(`{"$code":"f","$scope":{"b":`, n/2) + `1` + strings.Repeat(`},"x":1}`, n/2) + `}`
	var d Decoder
	doc, err := d.Decode(nil, []byte(text))
	if err != nil {
		t.Fatal(err)
	}
	if got, err := Append(nil, doc, Relaxed); err != nil || string(got) != text {
		t.Errorf("got %s, %v", got, err)
	}
}

// TestDecodeGrowth decodes the texts whose BSON is largest, into memory that
// has to be big enough without a look at it on the way.
func TestDecodeGrowth(t *testing.T) {
	var d Decoder
	for _, element := range []string{`1`, `-0`, `9e9`, `""`, `[]`, `{}`, `{"":1}`, `null`, `[1]`, `[[[1]]]`, `{"":-0}`, `"\u0000"`, `"\ud800"`, `{"$symbol":""}`, `{"$minKey":1}`, `2147483648`, `"é"`} {
		for _, n := range []int{1, 2, 3, 5, 10, 11, 100, 101, 1001, 100001} {
			text := []byte(`{"":[` + strings.TrimSuffix(strings.Repeat(element+",", n), ",") + `]}`)
			doc, err := d.Decode(nil, text)
			if err != nil {
				t.Fatalf("%d times %s: %v", n, element, err)
			}
			back, err := Append(nil, doc, Canonical)
			if err != nil {
				t.Fatalf("%d times %s: %v", n, element, err)
			}
			if again, err := d.Decode(nil, back); err != nil || !bytes.Equal(again, doc) {
				t.Fatalf("%d times %s: not the same after a round trip: %v", n, element, err)
			}
		}
	}
}

func TestFields(t *testing.T) {
	text := []byte(` {"a" : 1 , "b\n":{"c":"}"},"d":[ NaN ],"a": -Infinity, "e" :"x","f":{"$numberLong":"5"},"g":{"h":2}} `)
	values := []string{`1`, `{"c":"}"}`, `[ NaN ]`, `-Infinity`, `"x"`, `{"$numberLong":"5"}`, `{"h":2}`}
	keys := []string{"a", "b\n", "d", "a", "e", "f", "g"}
	bare := []bool{false, false, true, true, false, false, false}
	var d Decoder
	doc, err := d.Decode([]byte("before"), text)
	if err != nil {
		t.Fatal(err)
	}
	doc = doc[len("before"):]
	if len(d.Fields()) != len(values) {
		t.Fatalf("%d fields, want %d", len(d.Fields()), len(values))
	}
	for i, f := range d.Fields() {
		key, _, _ := bytes.Cut(doc[f.Element+1:], []byte{0})
		if string(text[f.Start:f.End]) != values[i] || string(key) != keys[i] || f.Bare != bare[i] {
			t.Errorf("field %d: %q is %s, bare %v; want %q, %s, %v", i, key, text[f.Start:f.End], f.Bare, keys[i], values[i], bare[i])
		}
	}
	if _, err := d.Decode(nil, []byte(`{}`)); err != nil || len(d.Fields()) != 0 {
		t.Errorf("empty document: %v, fields %v", err, d.Fields())
	}
}

// TestDecodeKeepsText holds that the text and the bytes before the document are
// left alone, and that nothing aliases them.
func TestDecodeKeepsText(t *testing.T) {
	var d Decoder
	text := []byte(`{"a":"b\u0063","d":{"$oid":"57e193d7a9cc81b4027498b5"}}`)
	kept := bytes.Clone(text)
	dst := append(make([]byte, 0, 1<<12), "before"...)
	doc, err := d.Decode(dst, text)
	if err != nil || !bytes.Equal(text, kept) || string(doc[:6]) != "before" {
		t.Fatalf("got %q, %v; text %s", doc, err, text)
	}
	want := string(doc)
	clear(text)
	if _, err := d.Decode(nil, []byte(`{"x":1}`)); err != nil || string(doc) != want {
		t.Errorf("the document changed to %q, %v", doc, err)
	}
}

func TestDecodeAllocatesNothing(t *testing.T) {
	var d Decoder
	var texts [][]byte
	for _, e := range entries() {
		// Decimals need big integers.
		if !strings.HasPrefix(e.name, "decimal") {
			texts = append(texts, []byte(e.text(LegacyStrict)), []byte(e.text(Canonical)), []byte(e.text(Relaxed)))
		}
	}
	var dst []byte
	run := func() {
		for _, text := range texts {
			var err error
			if dst, err = d.Decode(dst[:0], text); err != nil {
				t.Fatal(err)
			}
		}
	}
	run()
	if n := testing.AllocsPerRun(10, run); n != 0 {
		t.Errorf("%v allocations for %d documents", n, len(texts))
	}
}

func ExampleDecoder() {
	var d Decoder
	line := []byte(`{ "ts" : { "$date" : "2024-03-13T06:28:04.631-04:00" }, "result" : 0 }`)
	doc, err := d.Decode(nil, line)
	if err != nil {
		fmt.Println(err)
		return
	}
	text, _ := Append(nil, doc, Relaxed)
	fmt.Println(string(text))
	// Output: {"ts":{"$date":"2024-03-13T10:28:04.631Z"},"result":0}
}
