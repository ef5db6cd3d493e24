package extjson

import (
	"bytes"
	"errors"
	"fmt"
	"strings"
	"testing"
)

func TestDecodeDialects(t *testing.T) {
	var d Decoder
	for _, tt := range dialects() {
		want := tt.want
		if want == "" {
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

func TestDecodeMalformed(t *testing.T) {
	var d Decoder
	for _, tt := range malformed {
		got, err := d.Decode([]byte("before"), []byte(tt.text))
		bad, ok := errors.AsType[*SyntaxError](err)
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
			for n := range text {
				_, err := d.Decode(nil, text[:n])
				if err == nil {
					t.Fatalf("%s: %s decodes", e.name, text[:n])
				}
				if bad, ok := errors.AsType[*SyntaxError](err); !ok || bad.Offset > n {
					t.Fatalf("%s: %s: %v", e.name, text[:n], err)
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
		if bad, ok := errors.AsType[*SyntaxError](err); !ok || bad.Offset != tt.offset {
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
