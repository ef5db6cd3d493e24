package file

import (
	"bytes"
	"crypto/sha256"
	"encoding/binary"
	"fmt"
	"strings"
	"testing"

	"github.com/google/go-cmp/cmp"

	"github.com/margay-audit/margay/event"
)

// piece is a record as the tables below write it: its offset, and its bytes or
// its defect.
type piece struct {
	Off    uint64
	Raw    string
	Defect string
}

// cutAll cuts text as a reader does that is shown at most chunk more bytes at a
// time, and returns the records.
func cutAll(t testing.TB, text []byte, maxLine, chunk int) []event.Record {
	t.Helper()
	c := cutter{maxLine: maxLine}
	var recs []event.Record
	pos, fill := 0, 0
	for final := false; ; {
		rec, n, st := c.next(text[pos:fill], uint64(pos), final)
		if n < 0 || pos+n > fill {
			t.Fatalf("cut %d of %d bytes at %d", n, fill-pos, pos)
		}
		pos += n
		switch {
		case st == cutRecord:
			recs = append(recs, rec)
		case st != cutMore && n == 0:
			t.Fatalf("step %d without a byte at %d", st, pos)
		case st == cutMore && final:
			if pos != len(text) {
				t.Fatalf("%d bytes were left", len(text)-pos)
			}
			return recs
		case st == cutMore && fill == len(text):
			final = true
		case st == cutMore:
			fill = min(len(text), fill+chunk)
		}
	}
}

func pieces(recs []event.Record) []piece {
	var ps []piece
	for _, r := range recs {
		p := piece{Off: r.Offset, Raw: string(r.Raw), Defect: r.Defect}
		if r.Sum != nil {
			p.Raw = fmt.Sprintf("%d of %d", len(r.Raw), r.Size)
		}
		ps = append(ps, p)
	}
	return ps
}

// doc is a BSON document {"a": "<n times x>"}.
func doc(n int) string {
	b := binary.LittleEndian.AppendUint32(nil, uint32(4+1+2+4+n+1+1))
	b = append(b, 2, 'a', 0)
	b = binary.LittleEndian.AppendUint32(b, uint32(n+1))
	b = append(b, strings.Repeat("x", n)...)
	return string(append(b, 0, 0))
}

const (
	good   = `{"a":1}`
	pretty = "{\n  \"a\" : {\n    \"b\" : [ 1,\n  { } ] },\n  \"s\" : \"}\\\"{\"\n}"
)

var cutTests = []struct {
	name, text string
	want       []piece
}{
	{"nothing", "", nil},
	{"one line", good + "\n", []piece{{0, good, ""}}},
	{"no line end", good, []piece{{0, good, ""}}},
	{"carriage return", good + "\r\n" + good + "\r\n", []piece{{0, good, ""}, {9, good, ""}}},
	{"blank lines", "\n \t\n\r\n" + good + "\n\n", []piece{{6, good, ""}}},
	{"byte order mark", "\xef\xbb\xbf" + good + "\n", []piece{{3, good, ""}}},
	{"mark amid the text", good + "\n\xef\xbb\xbf" + good, []piece{{0, good, ""}, {8, "\xef\xbb\xbf" + good, ""}}},
	{"invalid UTF-8", "{\"a\":\"\xff\"}\n", []piece{{0, "{\"a\":\"\xff\"}", ""}}},
	{"NUL run", good + "\n\x00\x00\x00" + good + "\n", []piece{{0, good, ""}, {8, "\x00\x00\x00", "NUL run of 3 bytes, as a crash leaves it"}, {11, good, ""}}},
	{"NUL run in a torn line", "{\"a\x00\x00" + good + "\n", []piece{{0, `{"a`, ""}, {3, "\x00\x00", "NUL run of 2 bytes, as a crash leaves it"}, {5, good, ""}}},
	{"NUL run at the end", good + "\n\x00\x00", []piece{{0, good, ""}, {8, "\x00\x00", "NUL run of 2 bytes, as a crash leaves it"}}},
	{"long NUL run", strings.Repeat("\x00", 500) + good, []piece{{0, "64 of 500", "NUL run of 500 bytes, as a crash leaves it"}, {500, good, ""}}},
	{"line at the limit", strings.Repeat("x", 200) + "\n", []piece{{0, strings.Repeat("x", 200), ""}}},
	{"line at the limit, CRLF", strings.Repeat("x", 200) + "\r\n", []piece{{0, strings.Repeat("x", 200), ""}}},
	{"line over the limit", strings.Repeat("x", 201) + "\n" + good, []piece{{0, strings.Repeat("x", 201), "line is longer than the limit of 200 bytes"}, {202, good, ""}}},
	{"line far over the limit", strings.Repeat("x", 70_000) + "\r\n" + good, []piece{{0, "65536 of 70000", "line is longer than the limit of 200 bytes"}, {70_002, good, ""}}},
	{"document over lines", pretty + "\n" + good + "\n", []piece{{0, pretty, ""}, {uint64(len(pretty)) + 1, good, ""}}},
	{"documents over lines", pretty + "\n" + pretty, []piece{{0, pretty, ""}, {uint64(len(pretty)) + 1, pretty, ""}}},
	{"torn in a string", "{\"a\":\"b\n" + good + "\n", []piece{{0, `{"a":"b`, ""}, {8, good, ""}}},
	{"torn after a comma", "{\"a\":1,\n" + good + "\n", []piece{{0, `{"a":1,`, ""}, {8, good, ""}}},
	{"torn at its beginning", "\"a\":1}\n" + good + "\n", []piece{{0, `"a":1}`, ""}, {7, good, ""}}},
	{"something behind the document", good + " x\n" + good, []piece{{0, good + " x", ""}, {10, good, ""}}},
	{"unfinished document", "{\n\"a\":1,\n", []piece{{0, "{", ""}, {2, `"a":1,`, ""}}},
	{"document over the limit", "{\n\"a\":\"" + strings.Repeat("x", 150) + "\",\n\"b\":\"" + strings.Repeat("x", 150) + "\"}\n", []piece{
		{0, "{", ""}, {2, `"a":"` + strings.Repeat("x", 150) + `",`, ""}, {160, `"b":"` + strings.Repeat("x", 150) + `"}`, ""},
	}},
	{"BSON", doc(5) + doc(300) + doc(0), []piece{{0, doc(5), ""}, {18, doc(300), ""}, {331, doc(0), ""}}},
	{"BSON, empty document", "\x05\x00\x00\x00\x00" + doc(5), []piece{{0, "\x05\x00\x00\x00\x00", ""}, {5, doc(5), ""}}},
	{"BSON with NUL run", doc(5) + strings.Repeat("\x00", 99) + doc(7), []piece{{0, doc(5), ""}, {18, "64 of 99", "NUL run of 99 bytes, as a crash leaves it"}, {117, doc(7), ""}}},
	{"BSON, torn", doc(500)[:100] + doc(7) + doc(8), []piece{{0, doc(500)[:100], "100 bytes that are no BSON document"}, {100, doc(7), ""}, {120, doc(8), ""}}},
	{"BSON, torn at the end", doc(5) + doc(5)[:12], []piece{{0, doc(5), ""}, {18, doc(5)[:12], "12 bytes that are no BSON document"}}},
	{"BSON, three bytes left", doc(5) + "\x01\x02\x03", []piece{{0, doc(5), ""}, {18, "\x01\x02\x03", "3 bytes that are no BSON document"}}},
}

func TestCut(t *testing.T) {
	for _, tt := range cutTests {
		for _, chunk := range []int{1, 2, 3, 7, 64, 1 << 20} {
			t.Run(fmt.Sprintf("%s/%d", tt.name, chunk), func(t *testing.T) {
				got := pieces(cutAll(t, []byte(tt.text), 200, chunk))
				if diff := cmp.Diff(tt.want, got); diff != "" {
					t.Errorf("-want +got:\n%s", diff)
				}
			})
		}
	}
}

// FuzzCut checks the law of the cutter: the records cover every byte of the text
// in order except line ends, blank lines and a byte order mark, and they are
// the same however the bytes arrive.
func FuzzCut(f *testing.F) {
	for _, tt := range cutTests {
		f.Add([]byte(tt.text), uint8(3))
	}
	f.Fuzz(func(t *testing.T, text []byte, chunk uint8) {
		recs := cutAll(t, text, 200, len(text)+1)
		if diff := cmp.Diff(recs, cutAll(t, text, 200, 1+int(chunk))); diff != "" {
			t.Errorf("in chunks of %d: -whole +chunks:\n%s", 1+int(chunk), diff)
		}
		at := uint64(0)
		for _, r := range recs {
			if r.Offset < at || !skippable(text[at:r.Offset]) {
				t.Fatalf("record at %d after %d", r.Offset, at)
			}
			size := uint64(len(r.Raw))
			if r.Sum != nil {
				size = r.Size
				if sum := sha256.Sum256(text[r.Offset : r.Offset+size]); !bytes.Equal(sum[:], r.Sum) {
					t.Fatalf("record at %d has another sum", r.Offset)
				}
			}
			if !bytes.HasPrefix(text[r.Offset:r.Offset+size], r.Raw) {
				t.Fatalf("record at %d has other bytes", r.Offset)
			}
			at = r.Offset + size
		}
		if !skippable(text[at:]) {
			t.Fatalf("bytes from %d on are in no record", at)
		}
	})
}

// skippable reports whether bytes may lie between records.
func skippable(b []byte) bool {
	return len(bytes.Trim(bytes.TrimPrefix(b, byteOrderMark), " \t\r\n")) == 0
}
