package extjson

import (
	"errors"
	"fmt"
	"slices"
	"strings"
	"testing"
)

// split cuts text up as a reader would that is given at most step bytes at a
// time. After an error it stops.
func split(text string, step, limit int) ([]string, error) {
	s := Splitter{MaxSize: limit}
	var docs []string
	buf, rest, dropped := []byte{}, []byte(text), 0
	for {
		start, end, need, err := s.Next(buf, len(rest) == 0)
		switch {
		case err != nil:
			bad, ok := errors.AsType[*SyntaxError](err)
			if !ok {
				return docs, err
			}
			return docs, &SyntaxError{Offset: bad.Offset + dropped, Msg: bad.Msg}
		case !need:
			docs = append(docs, string(buf[start:end]))
			buf = buf[end:]
			dropped += end
		case len(rest) == 0:
			return docs, nil
		default:
			s.Drop(start)
			buf = buf[start:]
			dropped += start
			n := min(step, len(rest))
			buf, rest = append(buf, rest[:n]...), rest[n:]
		}
	}
}

var splits = []struct {
	text string
	docs []string
	// offset is where an error is, or -1.
	offset int
}{
	{``, nil, -1},
	{" \r\n\t", nil, -1},
	{`{}`, []string{`{}`}, -1},
	{"{\"a\":1}\n{\"b\":2}\n", []string{`{"a":1}`, `{"b":2}`}, -1},
	{"{\n  \"a\": {\n    \"b\": [1]\n  }\n}\n{}{}", []string{"{\n  \"a\": {\n    \"b\": [1]\n  }\n}", `{}`, `{}`}, -1},
	{`{"a":"}\"{"} {"b":"\\"}`, []string{`{"a":"}\"{"}`, `{"b":"\\"}`}, -1},
	{`[]`, nil, -1},
	{"[ {\"a\":1},\n{} ] {}", []string{`{"a":1}`, `{}`, `{}`}, -1},
	{`[{}][{}]`, []string{`{}`, `{}`}, -1},
	{`{"a":[1}]`, []string{`{"a":[1}]`}, -1}, // the decoder's to refuse
	{`x`, nil, 0},
	{`{} x {}`, []string{`{}`}, 3},
	{`{},{}`, []string{`{}`}, 2},
	{`{}]`, []string{`{}`}, 2},
	{`}`, nil, 0},
	{`[,{}]`, nil, 1},
	{`[{},]`, []string{`{}`}, 4},
	{`[{} {}]`, []string{`{}`}, 4},
	{`[1]`, nil, 1},
	{`[[{}]]`, nil, 1},
	{`[{}`, []string{`{}`}, 3},
	{`[`, nil, 1},
	{`{`, nil, 1},
	{`{} {"a":"`, []string{`{}`}, 9},
	{`{"a":"\`, nil, 7},
}

func TestSplit(t *testing.T) {
	for _, tt := range splits {
		for _, step := range []int{1, 2, 3, 7, 1000} {
			docs, err := split(tt.text, step, 0)
			if !slices.Equal(docs, tt.docs) {
				t.Errorf("%q by %d: got %q, want %q", tt.text, step, docs, tt.docs)
			}
			if bad, ok := errors.AsType[*SyntaxError](err); ok != (tt.offset >= 0) || ok && bad.Offset != tt.offset {
				t.Errorf("%q by %d: got %v, want an error at byte %d", tt.text, step, err, tt.offset)
			}
		}
	}
}

func TestSplitBound(t *testing.T) {
	for _, step := range []int{1, 4, 100} {
		docs, err := split(`{"a":1} {"abc":1} {}`, step, 7)
		bad, ok := errors.AsType[*SyntaxError](err)
		if !ok || bad.Offset != 8 || !slices.Equal(docs, []string{`{"a":1}`}) {
			t.Errorf("by %d: got %q, %v, want an error at byte 8", step, docs, err)
		}
	}
}

// TestSplitGoesOn holds that an error leaves nothing behind.
func TestSplitGoesOn(t *testing.T) {
	var s Splitter
	if _, _, _, err := s.Next([]byte(`[{"a":"x`), true); err == nil {
		t.Fatal("no error")
	}
	start, end, need, err := s.Next([]byte(` {"b":1} `), true)
	if start != 1 || end != 8 || need || err != nil {
		t.Errorf("got %d, %d, %v, %v", start, end, need, err)
	}
}

func ExampleSplitter() {
	text := []byte(`{
  "atype": "authenticate",
  "result": 0
}
{ "atype": "logout", "result": 0 }
`)
	var s Splitter
	for {
		start, end, need, err := s.Next(text, true)
		if need || err != nil {
			break
		}
		fmt.Println(strings.Join(strings.Fields(string(text[start:end])), " "))
		text = text[end:]
	}
	// Output:
	// { "atype": "authenticate", "result": 0 }
	// { "atype": "logout", "result": 0 }
}
