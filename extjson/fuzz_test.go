package extjson

import (
	"bytes"
	"encoding/json"
	"errors"
	"slices"
	"testing"
	"unicode/utf8"

	"go.mongodb.org/mongo-driver/v2/x/bsonx/bsoncore"
)

// seed adds every text of the tables.
func seed(f *testing.F, add func(text string)) {
	for _, e := range entries() {
		for _, style := range styles {
			add(e.text(style))
		}
	}
	for _, tt := range dialects() {
		add(`{"v":` + tt.text + `}`)
	}
	for _, tt := range malformed {
		add(tt.text)
	}
	for _, line := range auditLines(20) {
		add(string(line))
	}
}

// FuzzDecode holds that what decodes is UTF-8 and becomes valid BSON, leads to
// itself through the canonical style, is stable through the others, and that
// Rewrite leaves its text alone; and that what JSON allows is what decodes.
func FuzzDecode(f *testing.F) {
	seed(f, func(text string) { f.Add([]byte(text)) })
	f.Fuzz(func(t *testing.T, text []byte) {
		var d Decoder
		doc, err := d.Decode(nil, text)
		if err != nil {
			bad, ok := errors.AsType[*SyntaxError](err)
			if !ok || bad.Offset < 0 || bad.Offset > len(text) {
				t.Fatalf("%v for %d bytes", err, len(text))
			}
			return
		}
		if err := bsoncore.Document(doc).Validate(); err != nil {
			t.Fatal(err)
		}
		if !utf8.Valid(text) {
			t.Fatal("took a text that is not UTF-8")
		}
		bare := false
		for _, field := range d.Fields() {
			if value := text[field.Start:field.End]; json.Valid(value) == field.Bare {
				t.Fatalf("bare is %v for %s", field.Bare, value)
			}
			bare = bare || field.Bare
		}
		if json.Valid(text) == bare {
			t.Fatal("package json disagrees")
		}
		if same, err := Rewrite(nil, text, never); err != nil || !bytes.Equal(same, text) {
			t.Fatalf("rewritten to %s, %v", same, err)
		}
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
		if canonical, back := through(doc, Canonical); !bytes.Equal(back, doc) {
			t.Fatalf("through %s:\n got %x\nwant %x", canonical, back, doc)
		}
		through(doc, Plain)
		for _, s := range []Style{Relaxed, LegacyStrict} {
			_, back := through(doc, s)
			once, back := through(back, s)
			if again, _ := through(back, s); !bytes.Equal(once, again) {
				t.Fatalf("not stable:\n%s\n%s", once, again)
			}
		}
	})
}

// FuzzAppend feeds the encoder what may not be BSON. What it takes decodes
// again.
func FuzzAppend(f *testing.F) {
	for _, e := range entries() {
		f.Add([]byte(e.doc))
	}
	f.Fuzz(func(t *testing.T, doc []byte) {
		// The canonical text of one byte is at most some twenty long.
		d := Decoder{MaxSize: 100*len(doc) + 100}
		for _, s := range styles {
			text, err := Append(nil, doc, s)
			if err != nil {
				if bad, ok := errors.AsType[*CorruptError](err); !ok || bad.Offset < 0 || bad.Offset > len(doc) {
					t.Fatalf("%v for %d bytes", err, len(doc))
				}
				return
			}
			if _, err := d.Decode(nil, text); err != nil {
				t.Fatalf("%s: %v", text, err)
			}
		}
	})
}

// FuzzSplit holds that the documents found do not depend on how the text
// arrives, and that they are pieces of it.
func FuzzSplit(f *testing.F) {
	seed(f, func(text string) { f.Add(text+"\n"+text, 3) })
	for _, tt := range splits {
		f.Add(tt.text, 1)
	}
	f.Fuzz(func(t *testing.T, text string, step int) {
		whole, err := split(text, len(text)+1, 0)
		parts, errParts := split(text, 1+step&63, 0)
		if !slices.Equal(whole, parts) || (err == nil) != (errParts == nil) || err != nil && err.Error() != errParts.Error() {
			t.Fatalf("at once %q, %v; in pieces %q, %v", whole, err, parts, errParts)
		}
		var d Decoder
		if _, decoded := d.Decode(nil, []byte(text)); decoded == nil && (err != nil || len(whole) != 1) {
			t.Fatalf("one document became %q, %v", whole, err)
		}
	})
}
