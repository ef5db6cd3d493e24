package schema

import (
	"bytes"
	"errors"
	"math"
	"strings"
	"testing"

	"go.mongodb.org/mongo-driver/v2/x/bsonx/bsoncore"
)

// compileFields compiles a schema of the given fields, each written in YAML's
// flow style.
func compileFields(tb testing.TB, fields ...string) *Schema {
	tb.Helper()
	s, err := Compile([]byte("schema: Test.Event\nfields:\n  - " + strings.Join(fields, "\n  - ") + "\n"))
	if err != nil {
		tb.Fatal(err)
	}
	return s
}

// TestTypes goes through the table of types: what each accepts, and what becomes
// of it.
func TestTypes(t *testing.T) {
	for _, c := range []struct{ typ, in, want string }{
		{"string", `"text"`, `"text"`},
		{"string", `""`, `""`},
		{"string", `null`, ``},
		{"string", `1.50`, `"1.50"`},
		{"string", `-7`, `"-7"`},
		{"string", `18446744073709551616`, `"18446744073709551616"`},
		{"string", `1e3`, `"1e3"`},
		{"string", `NaN`, `"NaN"`},
		{"string", `-Infinity`, `"-Infinity"`},
		{"string", `true`, `"true"`},
		{"string", `false`, `"false"`},
		{"string", `"\ud83d\ude00"`, `"😀"`},
		{"string", `{"$oid":"65bd0a1b2c3d4e5f60718293"}`, `"65bd0a1b2c3d4e5f60718293"`},
		{"string", `{"$binary":"AAECAwQFBgcICQoLDA0ODw==","$type":"04"}`, `"00010203-0405-0607-0809-0a0b0c0d0e0f"`},
		{"string", `{"$binary":"AAECAwQFBgcICQoLDA0ODw==","$type":"03"}`, `"00010203-0405-0607-0809-0a0b0c0d0e0f"`},
		{"string", `{"$binary":"AAEC","$type":"00"}`, `"AAEC"`},
		{"string", `{"$binary":"AAEC","$type":"04"}`, `"AAEC"`},
		{"string", `{"$numberDecimal":"1.50"}`, `"1.50"`},
		{"string", `{"$numberLong":"5"}`, `"5"`},
		{"string", `{"$date":"2026-02-03T04:05:06.007+01:00"}`, `"2026-02-03T03:05:06.007Z"`},
		{"string", `{"$timestamp":{"t":7,"i":2}}`, `"Timestamp(7, 2)"`},
		{"string", `{"$regex":"^a.b$","$options":"i"}`, `"/^a.b$/i"`},
		{"string", `{"$minKey":1}`, `"MinKey"`},
		{"string", `{"$undefined":true}`, ``},
		{"string", `{"a":1}`, `error`},
		{"string", `["a"]`, `error`},

		{"boolean", `true`, `true`},
		{"boolean", `"false"`, `false`},
		{"boolean", `"T"`, `true`},
		{"boolean", `"0"`, `false`},
		{"boolean", `1`, `true`},
		{"boolean", `0`, `false`},
		{"boolean", `1.0`, `true`},
		{"boolean", `""`, ``},
		{"boolean", `null`, ``},
		{"boolean", `2`, `error`},
		{"boolean", `0.5`, `error`},
		{"boolean", `"yes"`, `error`},
		{"boolean", `[]`, `error`},

		{"smallint", `32767`, `32767`},
		{"smallint", `-32768`, `-32768`},
		{"smallint", `32768`, `error`},
		{"int", `2147483647`, `2147483647`},
		{"int", `2147483648`, `error`},
		{"int", `"-12"`, `-12`},
		{"int", `""`, ``},
		{"int", `null`, ``},
		{"int", `1.5`, `error`},
		{"int", `3.0`, `3`},
		{"int", `"12 "`, `error`},
		{"int", `"1e3"`, `error`},
		{"int", `NaN`, `error`},
		{"int", `true`, `error`},
		{"int", `{"$numberDecimal":"12E+1"}`, `120`},
		{"int", `{"$numberDecimal":"1.5"}`, `error`},
		{"int", `{"$numberDecimal":"1E+6000"}`, `error`},
		{"int", `{"$numberDecimal":"0E+6000"}`, `0`},
		{"bigint", `9223372036854775807`, `9223372036854775807`},
		{"bigint", `9223372036854775808`, `error`},
		{"bigint", `{"$numberLong":"-9223372036854775808"}`, `-9223372036854775808`},
		{"bigint", `"9223372036854775808"`, `error`},

		{"float", `1.5`, `1.5`},
		{"float", `3`, `3`},
		{"float", `"2.25"`, `2.25`},
		{"float", `""`, ``},
		{"float", `NaN`, `NaN`},
		{"float", `"NaN"`, `NaN`},
		{"float", `"Infinity"`, `+Inf`},
		{"float", `{"$numberDecimal":"0.5"}`, `0.5`},
		{"float", `"0x1p4"`, `error`},
		{"float", `"1_0"`, `error`},
		{"float", `"nan"`, `error`},
		{"float", `true`, `error`},

		{"json", `{"a": [1, 2.50]}`, `{"a": [1, 2.50]}`},
		{"json", `"x"`, `"x"`},
		{"json", `1.50`, `1.50`},
		{"json", `null`, ``},
		{"json", `{"a":NaN}`, `{"a":{"$numberDouble":"NaN"}}`},
		{"json", `{"a":"\ud800"}`, "{\"a\":\"\ufffd\"}"},
		{"json", `{"a":"\\ud800"}`, `{"a":"\\ud800"}`},

		{"array, element: {type: string}", `["a", 2, null, ""]`, `["a","2",null,""]`},
		{"array, element: {type: string}", `[]`, `[]`},
		{"array, element: {type: string}", `{}`, `[]`},
		{"array, element: {type: string}", `null`, ``},
		{"array, element: {type: string}", `{"0":"a"}`, `error`},
		{"array, element: {type: string}", `"a"`, `error`},
		{"array, element: {type: int}", `[1, "x"]`, `error`},
		{"array, element: {type: array, element: {type: int}}", `[[1,2],[],null,[null,3]]`, `[[1,2],[],null,[null,3]]`},
		{"array, element: {type: json}", `[{"a": 1}, "b", null]`, `[{"a":1},"b",null]`},
		{"object, fields: [{name: a, type: int}, {name: b, type: string}]", `{"b":"x","c":1}`, `{"b":"x"}`},
		{"object, fields: [{name: a, type: int}, {name: b, type: string}]", `{}`, `{}`},
		{"object, fields: [{name: a, type: int}, {name: b, type: string}]", `{"a":null}`, `{}`},
		{"object, fields: [{name: a, type: int}, {name: b, type: string}]", `null`, ``},
		{"object, fields: [{name: a, type: int}, {name: b, type: string}]", `[]`, `error`},
		{"object, fields: [{name: a, type: int}, {name: b, type: string}]", `{"a":1,"a":2,"A":3}`, `{"a":1}`},
		{"object, fields: [{name: a, type: int, required: true}]", `{}`, `error`},
		{"object, fields: [{name: a, type: int, required: true}]", `{"a":""}`, `error`},
		{"object, fields: [{name: a, type: int, required: true}]", `null`, ``},
		{
			"object, fields: [{name: a, type: array, element: {type: object, fields: [{name: x, type: int}, {name: y, type: int}]}}]",
			`{"a":[{"y":1},null,{},{"x":2,"y":3}]}`, `{"a":[{"y":1},null,{},{"x":2,"y":3}]}`,
		},
	} {
		s := compileFields(t, "{name: f, type: "+c.typ+"}")
		var row Row
		err := s.Coerce(&row, decode(t, []byte(`{"f":`+c.in+`}`)))
		switch {
		case c.want == "error":
			var fe *FieldError
			if !errors.As(err, &fe) || fe.LogType != "Test.Event" || !strings.HasPrefix(fe.Path, "f") {
				t.Errorf("%s of %s: got error %v, want a FieldError", c.typ, c.in, err)
			}
		case err != nil:
			t.Errorf("%s of %s: %v", c.typ, c.in, err)
		default:
			want := `{"f":` + c.want + `}`
			if c.want == "" {
				want = `{}`
			}
			if got := mustAssemble(t, s, &row); got != want {
				t.Errorf("%s of %s: got %s, want %s", c.typ, c.in, got, want)
			}
		}
	}
}

// TestTimestamps goes through the table of time formats.
func TestTimestamps(t *testing.T) {
	for _, c := range []struct{ formats, in, want string }{
		{"rfc3339", `"2026-02-03T04:05:06Z"`, "2026-02-03T04:05:06Z"},
		{"rfc3339", `"2026-02-03T04:05:06.1234567+02:00"`, "2026-02-03T02:05:06.123456Z"},
		{"rfc3339", `{"$date":"2026-02-03T04:05:06.789-0400"}`, "2026-02-03T08:05:06.789Z"},
		{"rfc3339", `{"$timestamp":{"t":1770000000,"i":1}}`, "2026-02-02T02:40:00Z"},
		{"rfc3339", `""`, ""},
		{"rfc3339", `null`, ""},
		{"rfc3339", `"2026-02-03 04:05:06"`, "error"},
		{"rfc3339", `"2026-02-30T04:05:06Z"`, "error"},
		{"rfc3339", `1770000000`, "error"},
		{"rfc3339", `{}`, "error"},
		{"rfc3339", `{"$date":{"$numberLong":"9223372036854775807"}}`, "error"},
		{"rfc3339", `{"$date":{"$numberLong":"-1"}}`, "1969-12-31T23:59:59.999Z"},
		{"unix", `1770000000`, "2026-02-02T02:40:00Z"},
		{"unix", `1770000000.123456`, "2026-02-02T02:40:00.123456Z"},
		{"unix", `"1770000000.1234569"`, "2026-02-02T02:40:00.123456Z"},
		{"unix", `"1770000000"`, "2026-02-02T02:40:00Z"},
		{"unix", `1.77e9`, "2026-02-02T02:40:00Z"},
		{"unix", `-1.5`, "1969-12-31T23:59:58.5Z"},
		{"unix", `"-0.25"`, "1969-12-31T23:59:59.75Z"},
		{"unix", `"1."`, "error"},
		{"unix", `".5"`, "error"},
		{"unix", `"1.7e9"`, "error"},
		{"unix", `"1 "`, "error"},
		{"unix", `NaN`, "error"},
		{"unix", `true`, "error"},
		{"unix", `99999999999999`, "error"},
		{"unix", `"99999999999999999999999999.5"`, "error"},
		{"unix_ms", `1770000000123`, "2026-02-02T02:40:00.123Z"},
		{"unix_ms", `"1770000000123"`, "2026-02-02T02:40:00.123Z"},
		{"unix_ms", `{"$numberLong":"1770000000123"}`, "2026-02-02T02:40:00.123Z"},
		{"unix_ms", `1.7e12`, "error"},
		{"unix_ms", `"1770000000123.5"`, "error"},
		{"unix_us", `1770000000123456`, "2026-02-02T02:40:00.123456Z"},
		{"unix_us", `1.5`, "error"},
		{"unix_ns", `1770000000123456789`, "2026-02-02T02:40:00.123456Z"},
		{"unix_ns", `"1770000000123456789"`, "2026-02-02T02:40:00.123456Z"},
		{"unix_auto", `1770000000`, "2026-02-02T02:40:00Z"},
		{"unix_auto", `1770000000.5`, "2026-02-02T02:40:00.5Z"},
		{"unix_auto", `"1770000000.5"`, "2026-02-02T02:40:00.5Z"},
		{"unix_auto", `1770000000123`, "2026-02-02T02:40:00.123Z"},
		{"unix_auto", `1770000000123456`, "2026-02-02T02:40:00.123456Z"},
		{"unix_auto", `1770000000123456789`, "2026-02-02T02:40:00.123456Z"},
		{"unix_auto", `"1770000000123456789"`, "2026-02-02T02:40:00.123456Z"},
		{"[rfc3339, unix_ms]", `1770000000123`, "2026-02-02T02:40:00.123Z"},
		{"[unix_ms, rfc3339]", `"2026-02-03T04:05:06Z"`, "2026-02-03T04:05:06Z"},
		{"[unix_ms, rfc3339]", `"soon"`, "error"},
	} {
		s := compileFields(t, "{name: f, type: timestamp, timeFormats: "+c.formats+", isEventTime: true}")
		var row Row
		err := s.Coerce(&row, decode(t, []byte(`{"f":`+c.in+`}`)))
		switch {
		case c.want == "error" || err != nil:
			if (err != nil) != (c.want == "error") {
				t.Errorf("%s of %s: got error %v, want %s", c.formats, c.in, err, c.want)
			}
		case row.HasEventTime != (c.want != ""):
			t.Errorf("%s of %s: event time %v", c.formats, c.in, row.HasEventTime)
		default:
			want := `{"f":"` + c.want + `"}`
			if c.want == "" {
				want = `{}`
			}
			if got := mustAssemble(t, s, &row); got != want {
				t.Errorf("%s of %s: got %s, want %s", c.formats, c.in, got, want)
			}
		}
	}
}

// TestUnixMilliOfBSONDouble: a shell writes every number as a double, but a
// fraction of a millisecond is no number of milliseconds.
func TestUnixMilliOfBSONDouble(t *testing.T) {
	s := compileFields(t, "{name: f, type: timestamp, timeFormat: unix_ms}")
	for value, fits := range map[float64]bool{1770000000123: true, 1770000000123.5: false, math.Inf(1): false} {
		var row Row
		err := s.Coerce(&row, &Document{BSON: bsoncore.BuildDocument(nil, bsoncore.AppendDoubleElement(nil, "f", value))})
		if (err == nil) != fits {
			t.Errorf("%v: %v", value, err)
		}
	}
}

func TestEventTime(t *testing.T) {
	s := compileFields(t,
		"{name: outer, type: object, fields: [{name: at, type: timestamp, timeFormat: unix, isEventTime: true}]}",
		"{name: list, type: array, element: {type: timestamp, timeFormat: unix, isEventTime: true}}",
		"{name: last, type: timestamp, timeFormat: unix, isEventTime: true}",
		"{name: copied, type: timestamp, timeFormat: unix, isEventTime: true, copy: {from: elsewhere.at}}",
	)
	for in, want := range map[string]int64{
		`{"last":3,"outer":{"at":{"$date":"0001-01-01T00:00:00Z"}}}`: 3,
		`{"last":3,"list":[2],"outer":{"at":1}}`:                     1,
		`{"last":3,"list":[0,2,5],"outer":{"at":0}}`:                 2,
		`{"last":3,"outer":{}}`:                                      3,
		`{"elsewhere":{"at":4}}`:                                     4,
		`{"elsewhere":{"at":"never"}}`:                               0,
		`{"last":0}`:                                                 0,
		`{"last":{"$date":"0001-01-01T00:00:00Z"},"list":[null,9]}`:  9,
	} {
		var row Row
		if err := s.Coerce(&row, decode(t, []byte(in))); err != nil {
			t.Errorf("%s: %v", in, err)
			continue
		}
		if row.HasEventTime != (want != 0) || row.HasEventTime && row.EventTime != want*1e6 {
			t.Errorf("%s: got %d (%v), want %d", in, row.EventTime, row.HasEventTime, want)
		}
	}
}

func TestRenameAndCopy(t *testing.T) {
	s := compileFields(t,
		`{name: user, type: string, required: true, rename: {from: ["@user", login]}}`,
		"{name: inner, type: object, fields: [{name: a, type: int, rename: {from: b}}]}",
		"{name: first, type: string, copy: {from: [list.0.name, deep.er.name]}}",
		"{name: number, type: int, copy: {from: [list.1, deep.er]}}",
	)
	var row Row // used again and again, so that what it held must not shine through
	for _, c := range []struct{ in, want, extra string }{
		{`{"@user":"x"}`, `{"user":"x"}`, ``},
		{`{"login":"y","@user":"x"}`, `{"user":"x"}`, `{"login":"y"}`},
		{`{"login":"y","@user":null}`, `{"user":"y"}`, ``},
		{`{"user":"z","login":"y"}`, `{"user":"y"}`, `{"user":"z"}`},
		{`{"user":"z"}`, `error`, ``},
		{`{"login":"y","inner":{"a":1,"b":2}}`, `{"user":"y","inner":{"a":2}}`, ``},
		{`{"login":"y","list":[{"name":"n"},5]}`, `{"user":"y","first":"n","number":5}`, `{"list":[{"name":"n"},5]}`},
		{
			`{"login":"y","list":[{"name":["no text"]},{}],"deep":{"er":{"name":"d"}}}`, `{"user":"y","first":"d"}`,
			`{"list":[{"name":["no text"]},{}],"deep":{"er":{"name":"d"}}}`,
		},
		{`{"login":"y","list":["x",1],"list":[{"name":"n"},2]}`, `{"user":"y","number":1}`, `{"list":["x",1],"list":[{"name":"n"},2]}`},
		{`{"login":"y","deep":{"er":{"name":1},"er":{"name":2}}}`, `{"user":"y","first":"1"}`, `{"deep":{"er":{"name":1},"er":{"name":2}}}`},
		{`{"login":"y"}`, `{"user":"y"}`, ``},
		{`{"login":"y","list":[{"name":null}],"deep":{"er":7}}`, `{"user":"y","number":7}`, `{"list":[{"name":null}],"deep":{"er":7}}`},
	} {
		err := s.Coerce(&row, decode(t, []byte(c.in)))
		if err != nil || c.want == "error" {
			if (err == nil) != (c.want != "error") {
				t.Errorf("%s: %v", c.in, err)
			}
			continue
		}
		if got := mustAssemble(t, s, &row); got != c.want || string(row.Extra) != c.extra {
			t.Errorf("%s:\n got %s extra %s\nwant %s extra %s", c.in, got, row.Extra, c.want, c.extra)
		}
	}
}

// TestExtra: nothing at the top level gets lost, not even the second of two equal
// keys.
func TestExtra(t *testing.T) {
	s := compileFields(t, "{name: a, type: int}", "{name: b, type: json}")
	for in, want := range map[string]string{
		`{"a":1,"b":2}`:            ``,
		`{}`:                       ``,
		`{"A":1,"x":{"y":[1.5]}}`:  `{"A":1,"x":{"y":[1.5]}}`,
		`{"a":1,"a":2,"q\"":null}`: `{"a":2,"q\"":null}`,
		`{"n":NaN}`:                `{"n":{"$numberDouble":"NaN"}}`,
		`{"":1}`:                   `{"":1}`,
	} {
		var row Row
		if err := s.Coerce(&row, decode(t, []byte(in))); err != nil {
			t.Errorf("%s: %v", in, err)
		}
		if string(row.Extra) != want {
			t.Errorf("%s: got extra %s, want %s", in, row.Extra, want)
		}
	}
}

func TestCut(t *testing.T) {
	s := compileFields(t, "{name: a, type: int}",
		"{name: o, type: object, fields: [{name: j, type: json}]}",
		"{name: b, type: json}", "{name: c, type: json}")
	if path := s.Leaves()[s.CutLeaf()].Path; len(path) != 1 || path[0] != "b" {
		t.Fatalf("the cut leaf is %v, want b", path)
	}
	if plain := compileFields(t, "{name: o, type: object, fields: [{name: j, type: json}]}"); plain.CutLeaf() != -1 {
		t.Errorf("a nested json field was taken for the cut leaf")
	}
	for in, want := range map[string]string{
		`{ "b" : { "x" : [ 1 ] }, "c":2 }`: `{ "x" : [ 1 ] }`,
		`{"c":{}}`:                         ``,
		`{"b":null}`:                       ``,
		`{"b":[NaN]}`:                      ``,
		`{"b":null,"b":7}`:                 `7`,
		`{"b":6,"b":7}`:                    `6`,
	} {
		d := decode(t, []byte(in))
		var row Row
		if err := s.Coerce(&row, d); err != nil {
			t.Fatal(err)
		}
		if got := string(d.Text[row.CutStart:row.CutEnd]); got != want {
			t.Errorf("%s: cut %q, want %q", in, got, want)
		}
		for _, c := range row.Cells {
			if int(c.Leaf) == s.CutLeaf() && want != "" && !bytes.Equal(c.Bytes, []byte(want)) {
				t.Errorf("%s: the cell %q differs from the cut", in, c.Bytes)
			}
		}
	}
	// An event that came as BSON has no line to be cut.
	var row Row
	if err := s.Coerce(&row, &Document{BSON: decode(t, []byte(`{"b":{"x":1}}`)).BSON}); err != nil || row.CutEnd != 0 {
		t.Errorf("BSON was cut at %d (%v)", row.CutEnd, err)
	}
}

// TestDamagedBSON: what comes as BSON is not believed.
func TestDamagedBSON(t *testing.T) {
	s := compileFields(t, "{name: a, type: string}", "{name: b, type: json}",
		"{name: o, type: object, fields: [{name: a, type: array, element: {type: string}}]}", "{name: c, type: string, copy: {from: u.0.a}}")
	str := func(key, val string) []byte { return bsoncore.AppendStringElement(nil, key, val) }
	good := bsoncore.BuildDocument(nil, str("a", "x"), bsoncore.AppendDocumentElement(nil, "o",
		bsoncore.BuildDocument(nil, bsoncore.AppendArrayElement(nil, "a", bsoncore.BuildArray(nil)))))
	var row Row
	if err := s.Coerce(&row, &Document{BSON: good}); err != nil {
		t.Fatal(err)
	}
	for i := range good {
		if err := s.Coerce(&row, &Document{BSON: good[:i]}); err == nil {
			t.Errorf("a document cut to %d bytes was accepted", i)
		}
	}
	for name, doc := range map[string][]byte{
		"string not UTF-8":           bsoncore.BuildDocument(nil, str("a", "\xff")),
		"length beyond the document": bsoncore.BuildDocument(nil, bsoncore.AppendHeader(nil, bsoncore.TypeString, "a"), []byte{9, 0, 0, 0, 'x', 0}),
		"negative length":            bsoncore.BuildDocument(nil, bsoncore.AppendHeader(nil, bsoncore.TypeString, "a"), []byte{255, 255, 255, 255, 0}),
		"unknown type":               bsoncore.BuildDocument(nil, []byte{0x42, 'a', 0}),
		"copied from damage":         bsoncore.BuildDocument(nil, bsoncore.AppendDocumentElement(nil, "u", []byte{9, 0, 0, 0, 0x42, 'a', 0, 0, 0})),
	} {
		if err := s.Coerce(&row, &Document{BSON: doc}); err == nil {
			t.Errorf("%s: accepted", name)
		}
	}
}

// TestErrorsKeepSecrets: a message may reach logs and screens, so it holds no
// value.
func TestErrorsKeepSecrets(t *testing.T) {
	for typ, value := range map[string]string{
		"int": `"hunter2"`, "boolean": `"hunter2"`, "float": `"hunter2"`, "timestamp": `"hunter2"`,
		"string": `{"hunter2":1}`, "array, element: {type: int}": `["hunter2"]`,
	} {
		s := compileFields(t, "{name: f, type: "+typ+"}")
		var row Row
		err := s.Coerce(&row, decode(t, []byte(`{"f":`+value+`}`)))
		if err == nil || strings.Contains(err.Error(), "hunter2") || !strings.Contains(err.Error(), "Test.Event: field f") {
			t.Errorf("%s: %v", typ, err)
		}
	}
}

func TestRequired(t *testing.T) {
	s := compileFields(t, "{name: s, type: string, required: true}", "{name: i, type: int, required: true}",
		"{name: l, type: array, required: true, element: {type: int}}", "{name: t, type: timestamp, required: true}")
	for in, missing := range map[string]string{
		`{"s":"","i":0,"l":[],"t":"2026-01-01T00:00:00Z"}`:   "",
		`{"i":0,"l":[],"t":"2026-01-01T00:00:00Z"}`:          "s",
		`{"s":null,"i":0,"l":[],"t":"2026-01-01T00:00:00Z"}`: "s",
		`{"s":"","i":"","l":[],"t":"2026-01-01T00:00:00Z"}`:  "i",
		`{"s":"","i":0,"t":"2026-01-01T00:00:00Z"}`:          "l",
		`{"s":"","i":0,"l":[],"t":""}`:                       "t",
		`{"S":"","i":0,"l":[],"t":""}`:                       "s",
	} {
		var row Row
		err := s.Coerce(&row, decode(t, []byte(in)))
		var fe *FieldError
		if missing == "" && err != nil || missing != "" && (!errors.As(err, &fe) || fe.Path != missing) {
			t.Errorf("%s: %v, want %q missing", in, err, missing)
		}
	}
}

// TestDeepNesting: a json column takes what the decoder takes, and nesting that
// only BSON could bring is refused.
func TestDeepNesting(t *testing.T) {
	s := compileFields(t, "{name: j, type: json}")
	var row Row
	if err := s.Coerce(&row, decode(t, []byte(`{"j":`+strings.Repeat("[", 190)+strings.Repeat("]", 190)+`}`))); err != nil {
		t.Error(err)
	}
	doc := bsoncore.BuildDocument(nil)
	for range 1000 {
		doc = bsoncore.BuildDocument(nil, bsoncore.AppendDocumentElement(nil, "j", doc))
	}
	var fe *FieldError
	if err := s.Coerce(&row, &Document{BSON: doc}); !errors.As(err, &fe) {
		t.Errorf("a thousand levels: %v", err)
	}
}
