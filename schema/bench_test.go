package schema

import (
	"bytes"
	"os"
	"testing"

	"github.com/margay-audit/margay/event"
	"github.com/margay-audit/margay/extjson"
)

// lines returns the lines of a file in testdata.
func lines(tb testing.TB, name string) [][]byte {
	tb.Helper()
	text, err := os.ReadFile("testdata/" + name)
	if err != nil {
		tb.Fatal(err)
	}
	return bytes.Split(bytes.TrimSpace(text), []byte("\n"))
}

// decode returns a line as a document.
func decode(tb fataler, text []byte) *Document {
	tb.Helper()
	var d extjson.Decoder
	doc, err := d.Decode(nil, text)
	if err != nil {
		tb.Fatalf("decode %s: %v", text, err)
	}
	return &Document{BSON: doc, Text: text, Fields: d.Fields()}
}

// fataler is what tests, benchmarks and rapid have in common.
type fataler interface {
	Helper()
	Fatalf(format string, args ...any)
}

func BenchmarkCoerceAuthCheck(b *testing.B) {
	s := Builtin().Lookup(event.MongoDBAudit)
	d := decode(b, lines(b, "audit.jsonl")[0])
	var row Row
	b.ReportAllocs()
	b.SetBytes(int64(len(d.Text)))
	for b.Loop() {
		if err := s.Coerce(&row, d); err != nil {
			b.Fatal(err)
		}
	}
}

// BenchmarkCoerceBSON measures the same event without its line, so that the json
// column has to be written.
func BenchmarkCoerceBSON(b *testing.B) {
	s := Builtin().Lookup(event.MongoDBAudit)
	d := &Document{BSON: decode(b, lines(b, "audit.jsonl")[0]).BSON}
	var row Row
	b.ReportAllocs()
	b.SetBytes(int64(len(d.BSON)))
	for b.Loop() {
		if err := s.Coerce(&row, d); err != nil {
			b.Fatal(err)
		}
	}
}

// BenchmarkClassify measures a source that may deliver any log type.
func BenchmarkClassify(b *testing.B) {
	c := Builtin().Classifier(nil)
	d := decode(b, lines(b, "audit.jsonl")[0])
	var row Row
	b.ReportAllocs()
	b.SetBytes(int64(len(d.Text)))
	for b.Loop() {
		if _, err := c.Classify(&row, d); err != nil {
			b.Fatal(err)
		}
	}
}
