package schema

import (
	"encoding/json"
	"testing"
	"unicode/utf8"

	"github.com/margay-audit/margay/extjson"
	"go.mongodb.org/mongo-driver/v2/x/bsonx/bsoncore"
)

// oddSchema has every type and every way to read input.
func oddSchema(tb testing.TB) *Schema {
	return compileFields(tb,
		"{name: s, type: string, indicators: [ip, email, url, net_addr, domain, aws_arn, md5, mac]}",
		"{name: l, type: array, element: {type: array, element: {type: object, fields: [{name: a, type: string, indicators: [username]}, {name: j, type: json}]}}}",
		"{name: b, type: boolean}", "{name: i, type: smallint}", "{name: f, type: float}",
		"{name: t, type: timestamp, timeFormats: [unix_auto, rfc3339], isEventTime: true}",
		"{name: j, type: json, rename: {from: [j, k]}}",
		"{name: o, type: object, fields: [{name: x, type: int, required: true}, {name: y, type: string}]}",
		"{name: c, type: array, element: {type: string}, copy: {from: [u.0.a, l.0, s]}}",
	)
}

// checkRow checks the laws of a row: strings are UTF-8, levels are within their
// bounds and make sense together, and the same event yields the same row again.
func checkRow(t *testing.T, s *Schema, row *Row, d *Document) {
	t.Helper()
	leaves := s.Leaves()
	for _, c := range row.Cells {
		if int(c.Leaf) >= len(leaves) || c.Rep > leaves[c.Leaf].MaxRep || c.Def > leaves[c.Leaf].MaxDef {
			t.Fatalf("%s: cell %+v out of bounds", s.LogType(), c)
		}
		if c.Kind == Bytes && !utf8.Valid(c.Bytes) {
			t.Fatalf("%s: %q is not UTF-8", s.LogType(), c.Bytes)
		}
		if c.Kind == Bytes && leaves[c.Leaf].Type == TypeJSON && !json.Valid(c.Bytes) {
			t.Fatalf("%s: %q is not JSON", s.LogType(), c.Bytes)
		}
	}
	if row.Extra != nil && (!utf8.Valid(row.Extra) || !json.Valid(row.Extra)) {
		t.Fatalf("%s: extra %q is not JSON in UTF-8", s.LogType(), row.Extra)
	}
	if row.CutStart > row.CutEnd || row.CutEnd > len(d.Text) {
		t.Fatalf("%s: cut [%d,%d) of %d bytes", s.LogType(), row.CutStart, row.CutEnd, len(d.Text))
	}
	got := mustAssemble(t, s, row)
	var fresh Row
	if err := s.Coerce(&fresh, d); err != nil {
		t.Fatalf("%s: the second time: %v", s.LogType(), err)
	}
	if again := mustAssemble(t, s, &fresh); again != got || string(fresh.Extra) != string(row.Extra) {
		t.Fatalf("%s: a used row holds %s, a new one %s", s.LogType(), got, again)
	}
}

func FuzzCoerceText(f *testing.F) {
	for _, name := range []string{"audit", "ocsf", "atlas", "rapid7"} {
		for _, line := range lines(f, name+".jsonl") {
			f.Add(line)
		}
	}
	for _, text := range []string{
		`{"s":"xn--bcher-kva@x","l":[[{"a":"x","j":NaN},null],[],null],"b":"T","i":"-7","f":"1e3","t":1.5,"k":{"a":"\ud800"},"o":{"x":1}}`,
		`{"t":"2026-01-01T00:00:00+01:00","u":[{"a":["q"]}],"j":null,"k":1,"s":1.50,"o":{"x":""}}`,
		`{"t":-99999999999.999999,"f":{"$numberDecimal":"1E+6000"},"l":{},"s":"arn:aws:sts::123456789012:assumed-role/r/a@b","dup":1,"dup":2}`,
	} {
		f.Add([]byte(text))
	}
	odd := oddSchema(f)
	c := Builtin().Classifier(nil)
	f.Fuzz(func(t *testing.T, text []byte) {
		var decoder extjson.Decoder
		doc, err := decoder.Decode(nil, text)
		if err != nil {
			return
		}
		d := &Document{BSON: doc, Text: text, Fields: decoder.Fields()}
		var row Row
		if s, err := c.Classify(&row, d); err == nil {
			checkRow(t, s, &row, d)
		}
		if odd.Coerce(&row, d) == nil {
			checkRow(t, odd, &row, d)
		}
	})
}

func FuzzCoerceBSON(f *testing.F) {
	for _, line := range lines(f, "audit.jsonl") {
		f.Add(decode(f, line).BSON)
	}
	f.Add(bsoncore.BuildDocument(nil,
		bsoncore.AppendStringElement(nil, "s", "\xff"), bsoncore.AppendRegexElement(nil, "u", "a", "b"),
		bsoncore.AppendDoubleElement(nil, "t", 1.5e18), bsoncore.AppendSymbolElement(nil, "j", "\xc0"),
		bsoncore.AppendStringElement(nil, "\xfe", "x"), bsoncore.AppendBinaryElement(nil, "k", 2, []byte("abc"))))
	odd := oddSchema(f)
	c := Builtin().Classifier(nil)
	f.Fuzz(func(t *testing.T, doc []byte) {
		d := &Document{BSON: doc}
		var row Row
		if s, err := c.Classify(&row, d); err == nil {
			checkRow(t, s, &row, d)
		}
		if odd.Coerce(&row, d) == nil {
			checkRow(t, odd, &row, d)
		}
	})
}

// FuzzCompile: a text that compiles describes columns that hang together.
func FuzzCompile(f *testing.F) {
	f.Add(quarantineText)
	f.Add([]byte("schema: A.Bc\ndefinitions: {X: {type: array, element: {type: string}}}\nfields: [{name: a, type: ref, target: X, required: true}]"))
	f.Fuzz(func(t *testing.T, text []byte) {
		s, err := Compile(text)
		if err != nil {
			return
		}
		leaves := 0
		for _, n := range s.Columns() {
			leaves += size1(n)
		}
		if leaves != len(s.Leaves()) || s.CutLeaf() >= leaves {
			t.Fatalf("%d leaves in the tree, %d in the list", leaves, len(s.Leaves()))
		}
		for _, l := range s.Leaves() {
			if l.MaxDef == 0 || l.MaxRep > l.MaxDef {
				t.Fatalf("leaf %v has levels %d, %d", l.Path, l.MaxRep, l.MaxDef)
			}
		}
		if s.Markdown() == "" {
			t.Fatal("no page")
		}
	})
}
