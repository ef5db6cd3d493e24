package extjson

import (
	"bytes"
	"encoding/hex"
	"encoding/json"
	"errors"
	"testing"
	"time"

	"go.mongodb.org/mongo-driver/v2/x/bsonx/bsoncore"
)

// styles are all of them with their names in test output.
var styles = map[string]Style{"legacy": LegacyStrict, "canonical": Canonical, "relaxed": Relaxed, "plain": Plain}

func TestEncode(t *testing.T) {
	for _, e := range entries() {
		for name, style := range styles {
			got, err := Append([]byte("before "), e.doc, style)
			if want := "before " + e.text(style); err != nil || string(got) != want {
				t.Errorf("%s, %s:\n got %s, %v\nwant %s", e.name, name, got, err, want)
			}
			if style != LegacyStrict && !json.Valid(got[len("before "):]) {
				t.Errorf("%s, %s: not JSON: %s", e.name, name, got)
			}
		}
	}
}

func TestEncodeValue(t *testing.T) {
	for _, e := range entries() {
		v := e.doc.Lookup("v")
		got, err := AppendValue(nil, byte(v.Type), v.Data, Canonical)
		if err != nil || string(got) != e.canonical {
			t.Errorf("%s:\n got %s, %v\nwant %s", e.name, got, err, e.canonical)
		}
	}
}

func TestDecodeStyles(t *testing.T) {
	var d Decoder
	for _, e := range entries() {
		check := func(text string) {
			t.Helper()
			got, err := d.Decode([]byte("before"), []byte(text))
			if err != nil {
				t.Errorf("%s: decode %s: %v", e.name, text, err)
			} else if want := "before" + string(e.doc); string(got) != want {
				t.Errorf("%s: decode %s:\n got %s\nwant %s", e.name, text, hex.EncodeToString(got), hex.EncodeToString([]byte(want)))
			}
		}
		check(e.text(Canonical))
		if !e.narrow {
			check(e.text(Relaxed))
		}
		if !e.lossy {
			check(e.text(LegacyStrict))
		}
	}
}

// TestLegacyRoundTrip is the law of LegacyStrict: text to BSON to text.
func TestLegacyRoundTrip(t *testing.T) {
	var d Decoder
	for _, e := range entries() {
		text := e.text(LegacyStrict)
		doc, err := d.Decode(nil, []byte(text))
		if err != nil {
			t.Errorf("%s: %v", e.name, err)
			continue
		}
		if got, err := Append(nil, doc, LegacyStrict); err != nil || string(got) != text {
			t.Errorf("%s:\n got %s, %v\nwant %s", e.name, got, err, text)
		}
	}
}

// TestLegacyLines holds the law for whole audit lines, as a server spaces them.
func TestLegacyLines(t *testing.T) {
	var d Decoder
	through := func(text []byte) []byte {
		doc, err := d.Decode(nil, text)
		if err == nil {
			text, err = Append(nil, doc, LegacyStrict)
		}
		if err != nil {
			t.Fatalf("%s: %v", text, err)
		}
		return text
	}
	for _, line := range corpus(t) {
		text := through(line)
		if again := through(text); !bytes.Equal(again, text) {
			t.Fatalf("got  %s\nwant %s", again, text)
		}
	}
}

// TestLegacyLayout writes containers in containers, where blanks are easily
// put wrong.
func TestLegacyLayout(t *testing.T) {
	const text = `{ "a" : 1, "b" : [ 1, 2 ], "c" : {}, "d" : [], "e" : [ {}, [], [ [] ], { "f" : {} } ] }`
	var d Decoder
	doc, err := d.Decode(nil, []byte(text))
	if err != nil {
		t.Fatal(err)
	}
	if got, err := Append(nil, doc, LegacyStrict); err != nil || string(got) != text {
		t.Errorf("got  %s, %v\nwant %s", got, err, text)
	}
	if got, err := Append(nil, builder().Build(), LegacyStrict); err != nil || string(got) != "{}" {
		t.Errorf("empty document: %s, %v", got, err)
	}
}

func TestLegacyZone(t *testing.T) {
	doc := builder().AppendDateTime("v", 1710325684631).Build()
	for text, zone := range map[string]*time.Location{
		"2024-03-13T10:28:04.631+00:00": time.UTC,
		"2024-03-13T06:28:04.631-04:00": time.FixedZone("", -4*3600),
		"2024-03-13T15:58:04.631+05:30": time.FixedZone("", 5*3600+1800),
		"2024-03-13T09:43:04.631-00:45": time.FixedZone("", -45*60),
	} {
		want := `{ "v" : { "$date" : "` + text + `" } }`
		if got, err := (Encoder{Location: zone}).Append(nil, doc, LegacyStrict); err != nil || string(got) != want {
			t.Errorf("got %s, %v, want %s", got, err, want)
		}
		var d Decoder
		if got, err := d.Decode(nil, []byte(want)); err != nil || string(got) != string(doc) {
			t.Errorf("decode %s: %x, %v", want, got, err)
		}
	}
}

// TestEncodeBadUTF8 holds that a string which is not UTF-8 becomes one that is.
func TestEncodeBadUTF8(t *testing.T) {
	doc := builder().AppendString("k\xff", "a\xc3(\xe2\x82z\xf0\x9f\x90\xed\xa0\x80").Build()
	want := `{"k�":"a�(��z���` + "���" + `"}`
	if got, err := Append(nil, doc, Plain); err != nil || string(got) != want {
		t.Errorf("got  %s, %v\nwant %s", got, err, want)
	}
}

func TestEncodeMalformed(t *testing.T) {
	element := func(typ byte, value ...byte) []byte {
		return bsoncore.BuildDocument(nil, append([]byte{typ, 'v', 0}, value...))
	}
	tests := []struct {
		name   string
		doc    []byte
		offset int
	}{
		{"nothing", nil, 0},
		{"short", []byte{5, 0, 0}, 0},
		{"length too small", []byte{4, 0, 0, 0, 0}, 0},
		{"length too large", []byte{6, 0, 0, 0, 0}, 0},
		{"length negative", []byte{0xff, 0xff, 0xff, 0xff, 0}, 0},
		{"bytes after the end", []byte{5, 0, 0, 0, 0, 0}, 5},
		{"no last zero", []byte{5, 0, 0, 0, 1}, 0},
		{"key without end", []byte{7, 0, 0, 0, typeNull, 'v', 0}, 5},
		{"unknown type", element(0x14), 7},
		{"type zero", element(0), 7},
		{"int32 cut", element(typeInt32, 1, 2, 3), 7},
		{"boolean of two", element(typeBoolean, 2), 7},
		{"string without length", element(typeString, 1), 7},
		{"string of length zero", element(typeString, 0, 0, 0, 0), 7},
		{"string too long", element(typeString, 3, 0, 0, 0, 'a', 0), 7},
		{"string without zero", element(typeString, 2, 0, 0, 0, 'a', 'b'), 7},
		{"string of negative length", element(typeString, 0xff, 0xff, 0xff, 0xff, 0), 7},
		{"document too long", element(typeDocument, 9, 0, 0, 0, 0), 7},
		{"binary too long", element(typeBinary, 2, 0, 0, 0, 0, 1), 7},
		{"binary without subtype", element(typeBinary, 0, 0, 0, 0), 7},
		{"binary of negative length", element(typeBinary, 0xff, 0xff, 0xff, 0xff, 0), 7},
		{"old binary without inner length", element(typeBinary, 3, 0, 0, 0, 2, 0, 0, 0), 7},
		{"old binary with wrong inner length", element(typeBinary, 4, 0, 0, 0, 2, 1, 0, 0, 0), 7},
		{"regex with one part", []byte{10, 0, 0, 0, typeRegex, 'v', 0, 'a', 0, 0}, 9},
		{"pointer cut", element(typeDBPointer, 1, 0, 0, 0, 0, 1, 2), 12},
		{"code with short scope", element(typeCodeScope, 13, 0, 0, 0, 1, 0, 0, 0, 0, 4, 0, 0, 0), 7},
		{"pointer with a string too long", element(typeDBPointer, 9, 0, 0, 0, 0, 1, 2, 3, 4, 5, 6, 7, 8, 9, 10, 11, 12), 7},
		{"code with scope whose string is too long", element(typeCodeScope, 14, 0, 0, 0, 9, 0, 0, 0, 0, 5, 0, 0, 0, 0), 11},
		{"code with long scope", element(typeCodeScope, 14, 0, 0, 0, 1, 0, 0, 0, 0, 6, 0, 0, 0, 0), 16},
	}
	for _, tt := range tests {
		for name, style := range styles {
			got, err := Append([]byte("x"), tt.doc, style)
			bad, ok := errors.AsType[*CorruptError](err)
			if !ok || bad.Offset != tt.offset || string(got) != "x" {
				t.Errorf("%s, %s: got %q, %v, want an error at byte %d", tt.name, name, got, err, tt.offset)
			}
		}
	}
}
