package extjson

import (
	"bytes"
	"errors"
	"strings"
	"testing"
)

// never is a decision to replace nothing.
func never([]string) ([]byte, bool) { return nil, false }

func TestRewriteIdentity(t *testing.T) {
	texts := []string{`{}`, " {\t} \n", `{ "a" : [ 1 , { } , [ ] ] , "b\u0063" : "\"}" }`, `{"a":NaN,"a":-Infinity}`}
	for _, e := range entries() {
		for _, style := range styles {
			texts = append(texts, e.text(style))
		}
	}
	for _, line := range auditLines(50) {
		texts = append(texts, string(line))
	}
	for _, text := range texts {
		got, err := Rewrite([]byte("before"), []byte(text), never)
		if err != nil || string(got) != "before"+text {
			t.Errorf("got %s, %v, want %s", got, err, text)
		}
	}
}

func TestRewrite(t *testing.T) {
	tests := []struct{ text, paths, want string }{
		{`{"pwd":"secret","a":1}`, `pwd`, `{"pwd":X,"a":1}`},
		{`{ "a" : { "pwd" : { "$oid" : "}" } } , "b" : [ ] }`, `a.pwd`, `{ "a" : { "pwd" : X } , "b" : [ ] }`},
		{`{"a":[1, "]", {"b":2} ]}`, `a.1`, `{"a":[1, X, {"b":2} ]}`},
		{`{"a":[1, "]", {"b":2} ]}`, `a.2.b`, `{"a":[1, "]", {"b":X} ]}`},
		{`{"a":[0,1,2,3,4,5,6,7,8,9,10,11]}`, `a.10`, `{"a":[0,1,2,3,4,5,6,7,8,9,X,11]}`},
		{`{"p\u0077d":"secret"}`, `pwd`, `{"p\u0077d":X}`},
		{`{"a":1,"a":2}`, `a`, `{"a":X,"a":X}`},
		{`{"a":[1,2],"b":{"c":3}}`, `a b`, `{"a":X,"b":X}`},
		{`{"a":NaN,"b":-Infinity ,"c":true}`, `a b c`, `{"a":X,"b":X ,"c":X}`},
		{`{"a":{"b":{"c":"\\"}},"d":0}`, `a.b`, `{"a":{"b":X},"d":0}`},
		{`{"a":1}`, `a.b c`, `{"a":1}`},
		{`{"":{"":1}}`, `.`, `{"":{"":X}}`},
	}
	for _, tt := range tests {
		got, err := Rewrite(nil, []byte(tt.text), func(path []string) ([]byte, bool) {
			for _, p := range strings.Split(tt.paths, " ") {
				if strings.Join(path, ".") == p {
					return []byte("X"), true
				}
			}
			return nil, false
		})
		if err != nil || string(got) != tt.want {
			t.Errorf("%s with %s:\n got %s, %v\nwant %s", tt.text, tt.paths, got, err, tt.want)
		}
	}
}

// TestRewritePaths lists what is asked, in order.
func TestRewritePaths(t *testing.T) {
	var paths []string
	_, err := Rewrite(nil, []byte(`{"a":{"b":[1,{"c":2}]},"d":[],"e":{"$oid":"x"}}`), func(path []string) ([]byte, bool) {
		paths = append(paths, strings.Join(path, "."))
		return nil, false
	})
	const want = "a a.b a.b.0 a.b.1 a.b.1.c d e e.$oid"
	if got := strings.Join(paths, " "); err != nil || got != want {
		t.Errorf("got %s, %v, want %s", got, err, want)
	}
}

func TestRewriteMalformed(t *testing.T) {
	for _, tt := range malformed {
		got, err := Rewrite([]byte("before"), []byte(tt.text), never)
		if bad, ok := errors.AsType[*SyntaxError](err); !ok || bad.Offset != tt.offset || !bytes.Equal(got, []byte("before")) {
			t.Errorf("%q: got %q, %v, want an error at byte %d", tt.text, got, err, tt.offset)
		}
	}
}
