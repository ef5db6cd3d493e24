package query

import (
	"bytes"
	"encoding/csv"
	"encoding/json"
	"fmt"
	"strings"
	"testing"

	"github.com/google/go-cmp/cmp"
	"pgregory.net/rapid"
)

const kinds1 = `SELECT * FROM (VALUES
	(1, -5::TINYINT, true, 'plain', '\xAA\x00b'::BLOB, TIMESTAMP '2025-10-10 10:00:00.123', 1.50::DECIMAL(6,2), 2.5::DOUBLE, ['a', NULL], {'x': 1, 'y': 'q"'}),
	(2, NULL, false, '', ''::BLOB, TIMESTAMP '2025-10-10 10:00:00', -0.05::DECIMAL(6,2), 'nan'::DOUBLE, [], NULL),
	(3, 7, NULL, NULL, NULL, NULL, NULL, '-inf'::DOUBLE, NULL, {'x': NULL, 'y': NULL})
	) v(id, tiny, flag, s, b, t, d, f, l, st) ORDER BY id`

const golden = `id | tiny | flag  | s     | b        | t                       |     d |         f | l          | st
---+------+-------+-------+----------+-------------------------+-------+-----------+------------+--------------------
 1 |   -5 | true  | plain | \xaa0062 | 2025-10-10 10:00:00.123 |  1.50 |       2.5 | ["a",null] | {"x":1,"y":"q\""}
 2 | NULL | false |       | \x       | 2025-10-10 10:00:00.000 | -0.05 |       NaN | []         | NULL
 3 |    7 | NULL  | NULL  | NULL     | NULL                    |  NULL | -Infinity | NULL       | {"x":null,"y":null}
`

const goldenCSV = `id,tiny,flag,s,b,t,d,f,l,st
1,-5,true,plain,\xaa0062,2025-10-10 10:00:00.123,1.50,2.5,"[""a"",null]","{""x"":1,""y"":""q\""""}"
2,,false,"",\x,2025-10-10 10:00:00,-0.05,NaN,[],
3,7,,,,,,-Infinity,,"{""x"":null,""y"":null}"
`

const goldenNDJSON = `{"id":1,"tiny":-5,"flag":true,"s":"plain","b":"qgBi","t":"2025-10-10T10:00:00.123Z","d":1.50,"f":2.5,"l":["a",null],"st":{"x":1,"y":"q\""}}
{"id":2,"tiny":null,"flag":false,"s":"","b":"","t":"2025-10-10T10:00:00Z","d":-0.05,"f":"NaN","l":[],"st":null}
{"id":3,"tiny":7,"flag":null,"s":null,"b":null,"t":null,"d":null,"f":"-Infinity","l":null,"st":{"x":null,"y":null}}
`

func goldenJSON() string {
	return "[\n" + strings.ReplaceAll(strings.TrimRight(goldenNDJSON, "\n"), "\n", ",\n") + "\n]\n"
}

func TestOutput(t *testing.T) {
	t.Parallel()
	for _, c := range []struct {
		name, sql, want string
		output          Output
		width           int
	}{
		{"table", kinds1, golden, OutputTable, 0},
		{"csv", kinds1, goldenCSV, OutputCSV, 0},
		{"ndjson", kinds1, goldenNDJSON, OutputNDJSON, 0},
		{"json", kinds1, goldenJSON(), OutputJSON, 0},
		{"no rows, json", "SELECT 1 AS a WHERE false", "[]\n", OutputJSON, 0},
		{"no rows, ndjson", "SELECT 1 AS a WHERE false", "", OutputNDJSON, 0},
		{"no rows, csv", "SELECT 1 AS a WHERE false", "a\n", OutputCSV, 0},
		{"no rows, table", "SELECT 1 AS a, 2 AS bb WHERE false", "a | bb\n--+---\n", OutputTable, 0},
		{"same names, ndjson", "SELECT 1 AS a, 2 AS a, 3 AS a_1, 4 AS a", `{"a":1,"a_2":2,"a_1":3,"a_3":4}` + "\n", OutputNDJSON, 0},
		{"same names, csv", "SELECT 1 AS a, 2 AS a", "a,a\n1,2\n", OutputCSV, 0},
		{"odd names", `SELECT 1 AS "a ""b"", c"`, "\"a \"\"b\"\", c\"\n1\n", OutputCSV, 0},
		{"csv quoting", "SELECT e'a\\nb' AS a, 'x,y' AS b, ' pad ' AS c, 'plain' AS d", "a,b,c,d\n\"a\nb\",\"x,y\",\" pad \",plain\n", OutputCSV, 0},
		{
			"wide letters", "SELECT * FROM (VALUES ('日本', 'x'), ('é', 'y'), ('abcdef', 'z')) v(a, b)",
			"a      | b\n-------+--\n日本   | x\né      | y\nabcdef | z\n", OutputTable, 0,
		},
		{"control characters", "SELECT e'\\x1b[31mred\\t\\n' || chr(8238) || chr(133) AS a", "a\n---------------------------\n\\x1b[31mred\\t\\n\\u202e\\u0085\n", OutputTable, 0},
		{
			"cut to a terminal", "SELECT 'aaaaaaaaaaaaaaaaaaaaaaaaa' AS a, 'bbbbbbbbbbbbbbb' AS b, 1 AS n",
			"a            | b            | n\n-------------+--------------+--\naaaaaaaaaaa… | bbbbbbbbbbb… | 1\n", OutputTable, 31,
		},
		{
			"even times", "SELECT * FROM (VALUES (TIMESTAMP '2025-01-02 03:04:05', TIMESTAMP '2025-01-02 03:00:00', 1), (NULL, NULL, 2), ('infinity', '2025-01-02 04:00:00', 3), ('2025-01-02 03:04:05.000001', '2025-01-02 05:00:00', 4), ('2025-01-02 03:04:05.5', NULL, 5)) v(a, b, n) ORDER BY n",
			`a                          | b                   | n
---------------------------+---------------------+--
2025-01-02 03:04:05.000000 | 2025-01-02 03:00:00 | 1
NULL                       | NULL                | 2
infinity                   | 2025-01-02 04:00:00 | 3
2025-01-02 03:04:05.000001 | 2025-01-02 05:00:00 | 4
2025-01-02 03:04:05.500000 | NULL                | 5
`, OutputTable, 0,
		},
		{
			"no terminal", "SELECT * FROM (VALUES ('a', repeat('x', 200), 1), ('b', 'y', 2)) v(a, s, n) ORDER BY n",
			"a | s" + strings.Repeat(" ", 119) + " | n\n--+-" + strings.Repeat("-", 120) + "-+--\na | " + strings.Repeat("x", 200) + " | 1\nb | y" + strings.Repeat(" ", 119) + " | 2\n",
			OutputTable, 0,
		},
		{
			"exact numbers", "SELECT 170141183460469231731687303715884105727::HUGEINT AS h, -170141183460469231731687303715884105727::HUGEINT - 1 AS m, 340282366920938463463374607431768211455::UHUGEINT AS u, 12345678901234567890123456789012345.678::DECIMAL(38,3) AS d, 18446744073709551615::UBIGINT AS b",
			`{"h":170141183460469231731687303715884105727,"m":-170141183460469231731687303715884105728,"u":340282366920938463463374607431768211455,"d":12345678901234567890123456789012345.678,"b":18446744073709551615}` + "\n", OutputNDJSON, 0,
		},
		{
			"times", "SELECT DATE '2025-01-02' AS d, TIME '01:02:03.5' AS t, '01:02:03+02:30'::TIMETZ AS tz, TIMESTAMPTZ '2025-01-02 03:04:05+02' AS z, TIMESTAMP_NS '2025-01-02 03:04:05.123456789' AS n, TIMESTAMP_S '1969-12-31 23:59:59' AS s, TIMESTAMP_MS '1969-12-31 23:59:59.999' AS m, 'infinity'::TIMESTAMP AS i, INTERVAL '1 year 2 months 3 days 04:05:06.7' AS v, INTERVAL '-90 minutes' AS w",
			`{"d":"2025-01-02","t":"01:02:03.500","tz":"01:02:03+02:30","z":"2025-01-02T01:04:05Z","n":"2025-01-02T03:04:05.123456789Z","s":"1969-12-31T23:59:59Z","m":"1969-12-31T23:59:59.999Z","i":"infinity","v":"1 year 2 months 3 days 04:05:06.700","w":"-01:30:00"}` + "\n", OutputNDJSON, 0,
		},
		{
			"nested", "SELECT [[1, 2], [], NULL] AS l, [1, 2]::INT[2] AS a, map {'k': [TIMESTAMP '2025-01-02 03:04:05'], 'e': []} AS m, [{'a': '\\xff'::BLOB}] AS s, 'b'::ENUM('a', 'b') AS e, 'x'::UNION(n INT, s VARCHAR) AS u, '00112233-4455-6677-8899-aabbccddeeff'::UUID AS id, NULL AS z",
			`{"l":[[1,2],[],null],"a":[1,2],"m":{"k":["2025-01-02T03:04:05Z"],"e":[]},"s":[{"a":"/w=="}],"e":"b","u":"x","id":"00112233-4455-6677-8899-aabbccddeeff","z":null}` + "\n", OutputNDJSON, 0,
		},
		{
			"json stays json", `SELECT '{"b": 1.0, "a": [1, 12345678901234567890]}'::JSON AS j, ['1'::JSON, NULL] AS l, e'{\n"a":\n1}'::JSON AS n, 'text' AS s`,
			`{"j":{"b": 1.0, "a": [1, 12345678901234567890]},"l":[1,null],"n":{"a":1},"s":"text"}` + "\n", OutputNDJSON, 0,
		},
		{
			"floats", "SELECT 1e21::DOUBLE AS a, 1e-7::DOUBLE AS b, 0.1::FLOAT AS c, 100::DOUBLE AS d, '-0'::DOUBLE AS e, 'inf'::FLOAT AS f",
			`{"a":1e+21,"b":1e-07,"c":0.1,"d":100,"e":-0,"f":"Infinity"}` + "\n", OutputNDJSON, 0,
		},
	} {
		t.Run(c.name, func(t *testing.T) {
			t.Parallel()
			var out, errs bytes.Buffer
			r := Request{SQL: c.sql, Output: c.output, Width: c.width}
			res, err := Run(t.Context(), r, &out, &errs)
			if err != nil {
				t.Fatal(err)
			}
			if diff := cmp.Diff(c.want, out.String()); diff != "" {
				t.Errorf("output (-want +got):\n%s", diff)
			}
			wantErrs := ""
			if c.output == OutputTable {
				wantErrs = fmt.Sprintf("%d rows\n", res.Rows)
				if res.Rows == 1 {
					wantErrs = "1 row\n"
				}
			}
			if errs.String() != wantErrs {
				t.Errorf("standard error %q, want %q", errs.String(), wantErrs)
			}
		})
	}
}

// TestOutputForms reads many rows of every kind back, over chunk borders.
func TestOutputForms(t *testing.T) {
	t.Parallel()
	const n = 10_000
	sql := fmt.Sprintf("SELECT i, CASE WHEN i %% 3 = 0 THEN NULL ELSE 'v' || i END AS s, CASE WHEN i %% 2 = 0 THEN [i, i + 1] END AS l, {'k': 'const'} AS c, ['const', 'x'] AS cl FROM range(%d) r(i) ORDER BY i", n)
	var out bytes.Buffer
	if _, err := Run(t.Context(), Request{SQL: sql, Output: OutputJSON}, &out, &bytes.Buffer{}); err != nil {
		t.Fatal(err)
	}
	var rows []struct {
		I  int
		S  *string
		L  []int
		C  struct{ K string }
		Cl []string
	}
	if err := json.Unmarshal(out.Bytes(), &rows); err != nil || len(rows) != n {
		t.Fatalf("%d rows, %v", len(rows), err)
	}
	for i, r := range rows {
		want := fmt.Sprintf("v%d", i)
		switch {
		case r.I != i, (r.S == nil) != (i%3 == 0), r.S != nil && *r.S != want, (r.L == nil) != (i%2 == 1),
			r.L != nil && (len(r.L) != 2 || r.L[1] != i+1), r.C.K != "const", len(r.Cl) != 2 || r.Cl[0] != "const":
			t.Fatalf("row %d is %+v", i, r)
		}
	}
	out.Reset()
	if _, err := Run(t.Context(), Request{SQL: sql, Output: OutputCSV}, &out, &bytes.Buffer{}); err != nil {
		t.Fatal(err)
	}
	records, err := csv.NewReader(&out).ReadAll()
	if err != nil || len(records) != n+1 || records[n][1] != "" || records[n-1][1] != fmt.Sprintf("v%d", n-2) {
		t.Fatalf("%d records, last %q, %v", len(records), records[len(records)-1], err)
	}
}

// TestLongTable holds that a table goes on after the rows that decide on its
// widths, with a cell that sticks out.
func TestLongTable(t *testing.T) {
	t.Parallel()
	const n = 5000
	sql := fmt.Sprintf("SELECT i AS n, CASE WHEN i = 4000 THEN 'a long cell' ELSE 'x' END AS s, 1 AS e FROM range(%d) r(i) ORDER BY i", n)
	var out bytes.Buffer
	if _, err := Run(t.Context(), Request{SQL: sql}, &out, &bytes.Buffer{}); err != nil {
		t.Fatal(err)
	}
	lines := strings.Split(out.String(), "\n")
	if len(lines) != n+3 || lines[0] != "  n | s | e" || lines[2] != "  0 | x | 1" ||
		lines[4001] != "3999 | x | 1" || lines[4002] != "4000 | a long cell | 1" || lines[5001] != "4999 | x | 1" {
		t.Errorf("%d lines: %q %q %q %q", len(lines), lines[0], lines[2], lines[4001:4003], lines[5001])
	}
}

// TestAppendString holds that strings read back as encoding/json reads them.
func TestAppendString(t *testing.T) {
	t.Parallel()
	rapid.Check(t, func(t *rapid.T) {
		in := string(rapid.SliceOf(rapid.Byte()).Draw(t, "bytes"))
		if rapid.Bool().Draw(t, "text") {
			in = rapid.String().Draw(t, "string")
		}
		var got string
		if err := json.Unmarshal(appendString(nil, []byte(in)), &got); err != nil {
			t.Fatal(err)
		}
		if want := strings.ToValidUTF8(in, "\x00"); strings.Count(got, "\ufffd") < strings.Count(in, "\ufffd") || in == want && got != in {
			t.Fatalf("%q reads back as %q", in, got)
		}
	})
}

// TestAppendPrintable holds that nothing reaches a terminal that could command it.
func TestAppendPrintable(t *testing.T) {
	t.Parallel()
	rapid.Check(t, func(t *rapid.T) {
		in := rapid.SliceOf(rapid.Byte()).Draw(t, "bytes")
		for _, r := range string(appendPrintable(nil, in)) {
			if r < 0x20 || r >= 0x7f && r < 0xa0 || r >= 0x202a && r <= 0x202e || r >= 0x2066 && r <= 0x2069 {
				t.Fatalf("%q leaves %q", in, r)
			}
		}
	})
}

func TestUniqueNames(t *testing.T) {
	t.Parallel()
	rapid.Check(t, func(t *rapid.T) {
		in := rapid.SliceOf(rapid.SampledFrom([]string{"a", "a_1", "a_1_1", "b", ""})).Draw(t, "names")
		seen := map[string]bool{}
		for i, name := range uniqueNames(in) {
			if seen[name] || !strings.HasPrefix(name, in[i]) {
				t.Fatalf("%q becomes %q", in, uniqueNames(in))
			}
			seen[name] = true
		}
	})
}

// TestEvenTimes reads times that come after the first rows, which set the
// number of digits.
func TestEvenTimes(t *testing.T) {
	t.Parallel()
	var out bytes.Buffer
	sql := "SELECT make_timestamp(i * 500000) AS t FROM range(3000) r(i) ORDER BY i"
	if _, err := Run(t.Context(), Request{SQL: sql}, &out, &bytes.Buffer{}); err != nil {
		t.Fatal(err)
	}
	lines := strings.Split(strings.TrimSpace(out.String()), "\n")
	if len(lines) != 3002 || lines[2] != "1970-01-01 00:00:00.000" || lines[3000] != "1970-01-01 00:24:59.000" || lines[3001] != "1970-01-01 00:24:59.500" {
		t.Errorf("%d lines, the last %q", len(lines), lines[3000:])
	}
}
