package segment

import (
	"bytes"
	"encoding/hex"
	"encoding/json"
	"fmt"
	"math/rand/v2"
	"strings"
	"testing"
	"unicode/utf8"

	"github.com/google/go-cmp/cmp"

	"github.com/margay-audit/margay/event"
	"github.com/margay-audit/margay/schema"
)

// random makes rows of testLayout. The same seed gives the same rows.
type random struct{ *rand.Rand }

func newRandom(seed uint64) random { return random{rand.New(rand.NewPCG(seed, 7))} }

func (r random) text() string {
	return []string{
		"", "find", "authCheck", "ünï©ode 猫", `back\slash`, `\x41 is no A`, "tab\tand \"quotes\"", "nul\x00byte",
		fmt.Sprint("user-", r.IntN(1_000)), strings.Repeat("long ", r.IntN(400)),
	}[r.IntN(10)]
}

func (r random) maybe(v any) any {
	if r.IntN(4) == 0 {
		return nil
	}
	return v
}

func (r random) list(element func() any) any {
	out := []any{}
	for range r.IntN(4) {
		out = append(out, element())
	}
	return r.maybe(out)
}

func (r random) json() string {
	text, err := json.Marshal(map[string]any{r.text(): r.text(), "n": r.Int64()})
	if err != nil {
		panic(err)
	}
	return string(text)
}

// row makes an event whose line holds param verbatim, most times.
func (r random) row(n uint64) testRow {
	text := func() any { return r.maybe(r.text()) }
	fields := map[string]any{
		"action": text(), "ok": r.maybe(r.IntN(2) == 0), "small": r.maybe(int64(r.IntN(1<<16) - 1<<15)),
		"medium": r.maybe(int64(int32(r.Uint32()))), "large": r.maybe(int64(r.IntN(1_000))),
		"ratio": r.maybe(r.Float64()), "at": r.maybe(int64(r.IntN(1 << 50))), "other": r.maybe(r.json()),
		"remote": r.maybe(map[string]any{
			"ip": text(), "port": r.maybe(int64(r.IntN(65_536))),
			"tls": r.maybe(map[string]any{"version": text()}),
		}),
		"users": r.list(func() any {
			return r.maybe(map[string]any{"user": text(), "db": text(), "roles": r.list(text)})
		}),
		"grid":        r.list(func() any { return r.list(func() any { return r.maybe(int64(r.IntN(9))) }) }),
		`odd "name"`:  text(),
		indicators[0]: r.list(func() any { return fmt.Sprint("10.0.0.", r.IntN(99)) }),
		indicators[1]: r.list(func() any { return r.text() }),
	}
	out := testRow{fields: fields, time: int64(1_760_000_000_000_000 + r.IntN(1_000_000_000))}
	head, tail := `{"head": "`+strings.Repeat("é", r.IntN(9))+`", "param": `, `, "result": 0}`
	param := r.json()
	out.meta = RowMeta{
		ID: event.RowID{Hi: r.Uint64(), Lo: n}, ParseTime: 1_760_000_100_000_000 + int64(n), Origin: &testOrigin,
		Raw: []byte(head + param + tail),
	}
	r.vary(&out, param, len(head))
	return out
}

// vary brings in the unusual.
func (r random) vary(row *testRow, param string, at int) {
	if r.IntN(3) > 0 {
		row.meta.File = fmt.Sprint("/var/log/mongodb/auditLog.json.", r.IntN(3))
	}
	if r.IntN(8) == 0 {
		row.time = 0
	}
	if r.IntN(5) == 0 {
		row.extra = r.json()
	}
	for range r.IntN(3) {
		row.meta.Redactions = append(row.meta.Redactions, fmt.Sprint("param.pwd", r.IntN(5)))
	}
	switch r.IntN(8) {
	case 0: // no param
	case 1: // the line is not valid UTF-8
		row.fields["param"] = param
		row.cut = [2]int{at, at + len(param)}
		row.meta.Raw = append(row.meta.Raw, 0xff, 0xfe)
	case 2: // the cell is not what the line says
		row.fields["param"] = param + " "
		row.cut = [2]int{at, at + len(param)}
	case 3:
		row.meta.Form = event.BSON
		row.meta.Raw = []byte{5, 0, 0, 0, 0}
	default:
		row.fields["param"] = param
		row.cut = [2]int{at, at + len(param)}
	}
}

var indicators = []string{"p_any_ip_addresses", "p_any_usernames"}

func randomRows(seed uint64, n int) []testRow {
	r := newRandom(seed)
	rows := make([]testRow, n)
	for i := range rows {
		rows[i] = r.row(uint64(i))
	}
	return rows
}

// TestViewShowsWhatWasStored is the law of this package: rows that go in come
// out of DuckDB, in order, every column and every received byte.
func TestViewShowsWhatWasStored(t *testing.T) {
	t.Parallel()
	l := testLayout()
	rows := randomRows(1, 1_500)
	path, _ := store(t, t.TempDir(), 1, buildRows(t, l, rows))
	got := readView(t, openDuckDB(t), l, l.ViewSQL([]Part{{l, []string{path}}}))
	compareRows(t, l, rows, got)
}

func compareRows(t *testing.T, l *Layout, want []testRow, got []viewRow) {
	t.Helper()
	if len(got) != len(want) {
		t.Fatalf("%d rows where %d were stored", len(got), len(want))
	}
	for i := range want {
		compareRow(t, l, &want[i], &got[i])
		if t.Failed() {
			t.Fatalf("row %d: raw %q, cut %v", i, want[i].meta.Raw, want[i].cut)
		}
	}
}

func compareRow(t *testing.T, l *Layout, want *testRow, got *viewRow) {
	t.Helper()
	m := &want.meta
	if !bytes.Equal(got.RawBytes, m.Raw) {
		t.Errorf("p_raw_bytes is %q", got.RawBytes)
	}
	shown := m.Form == event.JSON && utf8.Valid(m.Raw)
	if got.Raw.Valid != shown || shown && got.Raw.String != string(m.Raw) {
		t.Errorf("p_raw is %q, valid %v", got.Raw.String, got.Raw.Valid)
	}
	eventTime := want.time
	if eventTime == 0 {
		eventTime = m.ParseTime
	}
	type standard struct {
		ID, LogType, SourceID, Label, File, Extra string
		EventTime, ParseTime                      int64
		Version                                   int
	}
	if diff := cmp.Diff(
		standard{m.ID.String(), string(l.LogType), m.Origin.ID, m.Origin.Label, m.File, want.extra, eventTime, m.ParseTime, l.Version},
		standard{got.ID, got.LogType, got.SourceID, got.SourceLabel, got.File.String, got.Extra.String, got.EventTime, got.ParseTime, got.Version},
	); diff != "" {
		t.Error(diff)
	}
	if got.File.Valid != (m.File != "") || got.Extra.Valid != (want.extra != "") {
		t.Error("p_source_file or p_extra is empty where it should be null, or the other way")
	}
	redactions := any(nil)
	if len(m.Redactions) > 0 {
		redactions = m.Redactions
	}
	if a, b := asJSON(t, redactions), asJSON(t, got.Redactions); a != b {
		t.Errorf("p_redactions is %s, not %s", b, a)
	}
	for i := range l.Columns {
		n := &l.Columns[i]
		stored := complete(n, want.fields[n.Name])
		if n.Type == schema.TypeJSON && stored != nil {
			stored = json.RawMessage(stored.(string))
		}
		if a, b := asJSON(t, stored), asJSON(t, got.Fields[n.Name]); !sameJSON(t, a, b) {
			t.Errorf("column %q is %s, not %s", n.Name, b, a)
		}
	}
}

func sameJSON(t *testing.T, a, b string) bool {
	t.Helper()
	var x, y any
	if json.Unmarshal([]byte(a), &x) != nil || json.Unmarshal([]byte(b), &y) != nil {
		t.Fatalf("not JSON: %s, %s", a, b)
	}
	return cmp.Equal(x, y)
}

// TestReceivedBytes are the lines that were hard for somebody.
func TestReceivedBytes(t *testing.T) {
	t.Parallel()
	cut := func(head, piece, tail string) testRow {
		return testRow{
			fields: map[string]any{"param": piece}, cut: [2]int{len(head), len(head) + len(piece)},
			meta: RowMeta{Raw: []byte(head + piece + tail)},
		}
	}
	whole := func(raw string) testRow { return testRow{meta: RowMeta{Raw: []byte(raw)}} }
	broken := cut(`{"a": "`+"\xff"+`", "param": `, `{"x": 1}`, `}`)
	hidden := cut(`{"param": `, "{\"x\": \"\xc3\x28\"}", `}`)
	dump, err := hex.DecodeString("160000000261000a00000068656c6c6f00ff41000000")
	if err != nil {
		t.Fatal(err)
	}
	rows := []testRow{
		whole(""), whole("{}"), whole(`{"a": "\x41"}`), whole(`\\\`), whole("nul \x00 within"), whole("\xff\xfe"),
		whole("\uFEFF{}"), whole("  white \r"), whole(strings.Repeat("x", 3<<20)),
		cut(`{"param": `, `{"re": "\\x41\\d", "s": "\x41 \\"}`, `, "result": 0}`),
		cut(`{"k": "é猫😀", "param": `, `{"k": "é猫😀"}`, `, "r": "é猫😀"}`),
		cut("", `{"all": true}`, ""), cut("", `[]`, `}`), cut(`{"param":`, `""`, ``),
		cut(`{"param": `, "{\"nul\": \"\x00\"}", `}`), cut(`{"param": `, `null`, `}`),
		cut(`{"param": `, `{"big": "`+strings.Repeat(`\\`, 1<<20)+`"}`, `}`),
		broken, hidden,
		{meta: RowMeta{Raw: dump, Form: event.BSON}},
	}
	for i := range rows {
		rows[i].meta.Origin = &testOrigin
		rows[i].meta.ID.Lo = uint64(i)
	}
	// A cell must be UTF-8 whatever came in.
	rows[len(rows)-2].fields["param"] = "{\"x\": \"\xc3\x28\"}"

	l := testLayout()
	path, info := store(t, t.TempDir(), 1, buildRows(t, l, rows))
	got := readView(t, openDuckDB(t), l, l.ViewSQL([]Part{{l, []string{path}}}))
	for i := range rows {
		raw := rows[i].meta.Raw
		if !bytes.Equal(got[i].RawBytes, raw) {
			t.Errorf("row %d: p_raw_bytes is %.80q, not %.80q", i, got[i].RawBytes, raw)
		}
		shown := utf8.Valid(raw) && rows[i].meta.Form == event.JSON
		if got[i].Raw.Valid != shown || shown && got[i].Raw.String != string(raw) {
			t.Errorf("row %d: p_raw is %.80q (null: %v), not %.80q", i, got[i].Raw.String, !got[i].Raw.Valid, raw)
		}
	}
	r, err := Open(path)
	if err != nil {
		t.Fatal(err)
	}
	defer r.Close()
	if err := r.Verify(); err != nil {
		t.Error(err)
	}
	sum, err := Hash(path)
	if err != nil || sum != info.SHA256 {
		t.Errorf("the file has the hash %s (%v), and %s was recorded", sum, err, info.SHA256)
	}
}

// TestOnlyOneCopy: the piece that a column repeats is not stored twice.
func TestOnlyOneCopy(t *testing.T) {
	t.Parallel()
	l := testLayout()
	size := func(repeat bool) int64 {
		r := newRandom(3)
		var rows []testRow
		for i := range 500 {
			noise := make([]byte, 600)
			for k := range noise {
				noise[k] = byte('a' + r.IntN(26))
			}
			param := `{"noise": "` + string(noise) + `"}`
			row := testRow{fields: map[string]any{"param": param}, meta: RowMeta{Raw: []byte(`{"param": ` + param + `}`), Origin: &testOrigin}}
			row.meta.ID.Lo = uint64(i)
			if repeat {
				row.cut = [2]int{10, 10 + len(param)}
			}
			rows = append(rows, row)
		}
		_, info := store(t, t.TempDir(), 1, buildRows(t, l, rows))
		return info.Bytes
	}
	if once, twice := size(true), size(false); twice < once*3/2 {
		t.Errorf("%d bytes with the piece taken out, %d with it", once, twice)
	}
}
