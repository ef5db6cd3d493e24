package auditlog

import (
	"bytes"
	"encoding/base64"
	"encoding/json"
	"fmt"
	"slices"
	"strings"
	"testing"

	"github.com/margay-audit/margay/extjson"
	"go.mongodb.org/mongo-driver/v2/bson"
	"pgregory.net/rapid"
)

func decode(t testing.TB, line []byte) []byte {
	t.Helper()
	var d extjson.Decoder
	doc, err := d.Decode(nil, line)
	if err != nil {
		t.Fatalf("decode %s: %v", line, err)
	}
	return doc
}

func TestText(t *testing.T) {
	r := NewRedactor()
	for _, c := range cases(t) {
		t.Run(c.name, func(t *testing.T) {
			paths := slices.Clone(r.Find(decode(t, []byte(c.in))))
			if !slices.Equal(paths, c.paths) {
				t.Fatalf("Find = %q, want %q", paths, c.paths)
			}
			got, err := r.Text([]byte("head"), []byte(c.in), paths)
			if err != nil {
				t.Fatal(err)
			}
			if string(got[4:]) != c.want {
				t.Fatalf("got  %s\nwant %s", got[4:], c.want)
			}
		})
	}
}

// TestTextDisguised asserts that neither escapes nor double keys hide a secret.
func TestTextDisguised(t *testing.T) {
	for _, c := range []struct{ in, want string }{
		{`{ "p\u0077d" : "hunter2",  "n" : 1 }`, `{ "p\u0077d" : "[redacted]",  "n" : 1 }`},
		{`{"pwd":true,"pwd":"hunter2"}`, `{"pwd":"[redacted]","pwd":"[redacted]"}`},
		{`{"pwd":"hunter2","pwd":"hunter3"}`, `{"pwd":"[redacted]","pwd":"[redacted]"}`},
		{`{"a":"mongodb:\/\/u:p@h/","a":"mongodb://u:q@h/"}`, `{"a":"[redacted]","a":"[redacted]"}`},
		{`{"a":{"b.pwd":"x"},"a.b":{"pwd":"y"}}`, `{"a":{"b.pwd":"[redacted]"},"a.b":{"pwd":"[redacted]"}}`},
		{`{"uri":"say \"mongodb:\/\/u:p\u0040h/\" \u0001"}`, `{"uri":"say \"mongodb://u:[redacted]@h/\" \u0001"}`},
	} {
		r := NewRedactor()
		doc := decode(t, []byte(c.in))
		paths := r.Find(doc)
		got, err := r.Text(nil, []byte(c.in), paths)
		if err != nil {
			t.Fatal(err)
		}
		if string(got) != c.want {
			t.Errorf("%s\ngot  %s\nwant %s", c.in, got, c.want)
		}
		rebuilt, err := r.BSON(nil, doc, paths)
		if err != nil {
			t.Fatal(err)
		}
		if !bytes.Equal(rebuilt, decode(t, got)) {
			t.Errorf("%s: the two forms differ: %s", c.in, show(t, rebuilt))
		}
	}
}

func TestTextMalformed(t *testing.T) {
	r := NewRedactor()
	if got, err := r.Text([]byte("head"), []byte(`{"pwd":`), []string{"pwd"}); err == nil || string(got) != "head" {
		t.Errorf("got %q, %v", got, err)
	}
}

// wrappings are the ways in which a secret reaches the log: a value for a key,
// in a document that gives the key its meaning.
var wrappings = []func(secret any) bson.D{
	func(s any) bson.D { return bson.D{{Key: "createUser", Value: "u"}, {Key: "pwd", Value: s}} },
	func(s any) bson.D { return bson.D{{Key: "saslStart", Value: 1}, {Key: "payload", Value: s}} },
	func(s any) bson.D { return bson.D{{Key: "authenticate", Value: 1}, {Key: "nonce", Value: s}} },
	func(s any) bson.D { return bson.D{{Key: "ldapQueryPassword", Value: s}} },
	func(s any) bson.D { return bson.D{{Key: "kmsProviders", Value: bson.D{{Key: "local", Value: s}}}} },
	func(s any) bson.D { return bson.D{{Key: "credentials", Value: bson.A{1, s}}} },
	func(s any) bson.D { return bson.D{{Key: "$set", Value: bson.D{{Key: "a.secretKey", Value: s}}}} },
	func(s any) bson.D {
		return bson.D{{Key: "speculativeAuthenticate", Value: bson.D{{Key: "payload", Value: s}}}}
	},
}

// TestNoSecretRemains puts a secret at a random place of a random event, in a
// random spelling, and asserts that it is in neither output in any form, that
// both outputs say the same, and that nothing else has changed its place.
func TestNoSecretRemains(t *testing.T) {
	r := NewRedactor()
	styles := []extjson.Style{extjson.LegacyStrict, extjson.Canonical, extjson.Relaxed, extjson.Plain}
	rapid.Check(t, func(t *rapid.T) {
		secret := "S3cr3t" + rapid.StringMatching(`[ -~]{4,24}`).Draw(t, "secret")
		var value any = secret
		switch rapid.IntRange(0, 3).Draw(t, "type") {
		case 1:
			value = bson.Binary{Data: []byte(secret)}
		case 2:
			value = bson.A{secret, bson.D{{Key: "x", Value: secret}}}
		case 3:
			value = bson.D{{Key: "deep", Value: secret}}
		}
		var event any = rapid.SampledFrom(wrappings).Draw(t, "wrapping")(value)
		for i := range rapid.IntRange(0, 6).Draw(t, "depth") {
			event = surround(t, event, i)
		}
		doc, err := bson.Marshal(bson.D{{Key: "atype", Value: "authCheck"}, {Key: "param", Value: event}, {Key: "result", Value: 0}})
		if err != nil {
			t.Fatal(err)
		}
		paths := slices.Clone(r.Find(doc))
		if len(paths) == 0 {
			t.Fatal("not found")
		}
		clean, err := r.BSON(nil, doc, paths)
		if err != nil {
			t.Fatal(err)
		}
		if err := bson.Raw(clean).Validate(); err != nil {
			t.Fatal(err)
		}
		absent(t, clean, secret)
		if again := r.Find(clean); len(again) > 0 {
			t.Fatalf("found again: %q", again)
		}
		r.Find(doc)
		for _, style := range styles {
			line, err := extjson.Append(nil, doc, style)
			if err != nil {
				t.Fatal(err)
			}
			text, err := r.Text(nil, line, paths)
			if err != nil {
				t.Fatal(err)
			}
			absent(t, text, secret)
			if style == extjson.Plain {
				continue
			}
			var d extjson.Decoder
			fromText, err := d.Decode(nil, text)
			if err != nil {
				t.Fatal(err)
			}
			if !bytes.Equal(fromText, clean) {
				t.Fatalf("the forms differ\ntext %s\nbson %v", text, bson.Raw(clean))
			}
		}
	})
}

func surround(t *rapid.T, inner any, i int) any {
	label := fmt.Sprintf("surround %d", i)
	key := rapid.SampledFrom([]string{"args", "params", "documents", "a.b", "käse", `q"uote`, "users", "local", "0", ""}).Draw(t, label)
	if rapid.Bool().Draw(t, label+" array") {
		return bson.D{{Key: "n", Value: int32(i)}, {Key: key, Value: bson.A{"x", inner, 1.5}}}
	}
	return bson.D{{Key: key, Value: inner}, {Key: "user", Value: "u"}, {Key: "db", Value: "d"}}
}

// absent asserts that the secret is not in the bytes: plain, escaped, or in
// base64 at any of the three alignments.
func absent(t *rapid.T, in []byte, secret string) {
	quoted, err := json.Marshal(secret)
	if err != nil {
		t.Fatal(err)
	}
	forms := []string{"S3cr3t", secret, strings.Trim(string(quoted), `"`)}
	for shift := range 3 {
		whole := base64.RawStdEncoding.EncodeToString([]byte(strings.Repeat("\x00", shift) + secret))
		forms = append(forms, whole[2*shift:len(whole)-2])
	}
	for _, form := range forms {
		if bytes.Contains(in, []byte(form)) {
			t.Fatalf("%q remains in %q", form, in)
		}
	}
}

// FuzzRedact asserts, for any text that decodes: both forms say the same after
// redaction, nothing is found in them again, and where nothing was found both
// are as they were.
func FuzzRedact(f *testing.F) {
	for _, c := range cases(f) {
		f.Add([]byte(c.in))
	}
	f.Add([]byte(`{"pwd":{"$code":"x","$scope":{"a":"mongodb://u:p@h"}},"s":{"$symbol":"a://b:c@d"},"r":{"$regularExpression":{"pattern":"a://b:c@d","options":""}}}`))
	f.Fuzz(func(t *testing.T, line []byte) {
		var d extjson.Decoder
		doc, err := d.Decode(nil, line)
		if err != nil {
			return
		}
		r := NewRedactor()
		paths := slices.Clone(r.Find(doc))
		text, err := r.Text(nil, line, paths)
		if err != nil {
			t.Fatal(err)
		}
		clean, err := r.BSON(nil, doc, paths)
		if err != nil {
			t.Fatal(err)
		}
		if len(paths) == 0 && (!bytes.Equal(text, line) || !bytes.Equal(clean, doc)) {
			t.Fatal("changed although nothing was found")
		}
		fromText, err := d.Decode(nil, text)
		if err != nil {
			t.Fatalf("%v: %s", err, text)
		}
		if !bytes.Equal(fromText, clean) {
			t.Fatalf("paths %q: the forms differ\ntext %s\nbson %x", paths, text, clean)
		}
		if again := r.Find(clean); len(again) > 0 {
			t.Fatalf("found %q, and %q again in %s", paths, again, text)
		}
	})
}

// TestManySecrets asserts that an event with more secrets than are reported one
// by one is redacted too, at the level of the arguments of its command.
func TestManySecrets(t *testing.T) {
	long := strings.Repeat("k", 100_000)
	for _, c := range []struct {
		name, secrets string
		paths         []string
	}{
		{"many", strings.Repeat(`{"a":{"pwd":"S3cr3t"}},`, 5000) + `{}`, []string{"param.args.documents"}},
		{"below a long key", `{"` + long + `":{"pwd":"S3cr3t"}}`, []string{"param.args.documents"}},
		{"at a long key", `{"` + long + `pwd":"S3cr3t"}`, []string{"param.args.documents"}},
		{"in code", strings.Repeat(`{"$code":"x","$scope":{"pwd":"S3cr3t"}},`, 300) + `1`, []string{"param.args.documents"}},
	} {
		t.Run(c.name, func(t *testing.T) {
			r := NewRedactor()
			line := []byte(`{"param":{"args":{"insert":"c","documents":[` + c.secrets + `],"key":"k","at":"x://u:S3cr3t@h"}},"result":0}`)
			doc := decode(t, line)
			paths := slices.Clone(r.Find(doc))
			if want := append(c.paths, "param.args.at"); !slices.Equal(paths, want) {
				t.Fatalf("found %d paths, %.200q, want %q", len(paths), paths, want)
			}
			holdsNone(t, r, line, doc, paths)
		})
	}
}

// TestManySecretsElsewhere asserts the same where the keys on the way down are
// long themselves.
func TestManySecretsElsewhere(t *testing.T) {
	long := strings.Repeat("k", 2000)
	secrets := strings.Repeat(`{"a":{"pwd":"S3cr3t"}},`, 300) + `{"$code":"x","$scope":{"pwd":"S3cr3t"}}`
	for _, text := range []string{
		`{"` + long + `":[` + secrets + `]}`,
		`{"x":[` + secrets + `]}`,
		`{"x":{"` + long + `":{"y":{"z":[` + secrets + `]}}}}`,
		`{"":{"":{"":{"":[` + secrets + `]}}}}`,
		`{"x":{"$code":"y","$scope":{"z":[` + secrets + `]}}}`,
	} {
		r := NewRedactor()
		doc := decode(t, []byte(text))
		holdsNone(t, r, []byte(text), doc, slices.Clone(r.Find(doc)))
	}
}

// holdsNone asserts that neither form holds a secret after redaction, and that
// both say the same.
func holdsNone(t *testing.T, r *Redactor, line, doc []byte, paths []string) {
	t.Helper()
	text, err := r.Text(nil, line, paths)
	if err != nil {
		t.Fatal(err)
	}
	clean, err := r.BSON(nil, doc, paths)
	if err != nil {
		t.Fatal(err)
	}
	if bytes.Contains(text, []byte("S3cr3t")) || bytes.Contains(clean, []byte("S3cr3t")) {
		t.Errorf("a secret remains after redaction of %.200q", paths)
	}
	if !bytes.Equal(decode(t, text), clean) {
		t.Error("the forms differ")
	}
}
