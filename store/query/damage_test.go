package query

import (
	"crypto/sha256"
	"encoding/hex"
	"errors"
	"fmt"
	"os"
	"path/filepath"
	"strings"
	"testing"
)

// stamp notes size and hash of the fixture's files, as a catalog would.
func (f *fixture) stamp(t *testing.T) {
	t.Helper()
	for i := range f.tables {
		for j := range f.tables[i].Files {
			file := &f.tables[i].Files[j]
			text, err := os.ReadFile(file.Path)
			if err != nil {
				t.Fatal(err)
			}
			sum := sha256.Sum256(text)
			file.Name, file.Bytes, file.SHA256 = "below/"+filepath.Base(file.Path), int64(len(text)), hex.EncodeToString(sum[:])
		}
	}
}

// TestFlippedBytes turns bytes of a segment over, one after the other, and asks
// for all there is. What DuckDB notices must be put down to the segment and
// never to the statement, and no message may quote an event.
func TestFlippedBytes(t *testing.T) {
	t.Parallel()
	f := newFixture(t)
	f.stamp(t)
	path := f.tables[0].Files[0].Path
	whole, err := os.ReadFile(path)
	if err != nil {
		t.Fatal(err)
	}
	noticed := 0
	for at := 0; at < len(whole); at += 61 {
		text := append([]byte(nil), whole...)
		text[at] ^= 0xff
		if err := os.WriteFile(path, text, 0o600); err != nil {
			t.Fatal(err)
		}
		_, _, err := f.ask(t.Context(), WorkerCommand, f.request("SELECT * FROM mongodb_audit"))
		if err == nil {
			continue
		}
		noticed++
		if !errors.Is(err, ErrDamaged) || !strings.Contains(err.Error(), "below/one.parquet") || strings.Contains(err.Error(), "line ") {
			t.Errorf("byte %d of %d: %v", at, len(whole), err)
		}
	}
	if noticed == 0 {
		t.Error("nothing was noticed")
	}
}

// TestWhole holds that a statement's own faults are its own, whatever text the
// events bring into a message.
func TestWhole(t *testing.T) {
	t.Parallel()
	f := newFixture(t)
	f.stamp(t)
	for sql, want := range map[string]error{
		"SELECT CAST(p_raw AS INT) FROM mongodb_audit":                                     ErrInvalid,
		"SELECT error('No magic bytes found at end of file ' || p_raw) FROM mongodb_audit": ErrInvalid,
		"SELECT error('the words: No magic bytes') FROM mongodb_audit":                     ErrInvalid,
		"SELECT decode('\\xff'::BLOB) FROM mongodb_audit":                                  ErrInvalid,
		"SELECT nosuch FROM mongodb_audit":                                                 ErrInvalid,
	} {
		if _, _, err := f.ask(t.Context(), WorkerCommand, f.request(sql)); !errors.Is(err, want) {
			t.Errorf("%s: error %v, want %v", sql, err, want)
		}
	}
}

// TestHarmed holds what is said of segments that are missing or not what was
// stored, whichever of them it is, and that nothing is said of those that a
// statement does not read.
func TestHarmed(t *testing.T) {
	t.Parallel()
	for name, c := range map[string]struct {
		harm func(path string, text []byte) error
		kind error
		want string
	}{
		"missing":   {func(path string, _ []byte) error { return os.Remove(path) }, ErrSegmentGone, "below/%s is missing"},
		"truncated": {func(path string, text []byte) error { return os.WriteFile(path, text[:len(text)/2], 0o600) }, ErrDamaged, "below/%s does not have the size"},
		"empty":     {func(path string, _ []byte) error { return os.WriteFile(path, nil, 0o600) }, ErrDamaged, "below/%s does not have the size"},
		"longer": {func(path string, text []byte) error {
			return os.WriteFile(path, append(text, 0), 0o600)
		}, ErrDamaged, "below/%s does not have the size"},
		"other bytes": {func(path string, text []byte) error {
			return os.WriteFile(path, make([]byte, len(text)), 0o600)
		}, ErrDamaged, "below/%s is damaged"},
		"a folder": {func(path string, _ []byte) error {
			return errors.Join(os.Remove(path), os.Mkdir(path, 0o700))
		}, ErrDamaged, "below/%s is not a file"},
	} {
		t.Run(name, func(t *testing.T) {
			t.Parallel()
			for i, file := range []string{"one.parquet", "two.parquet"} {
				f := newFixture(t)
				f.stamp(t)
				path := f.tables[0].Files[i].Path
				text, err := os.ReadFile(path)
				if err != nil {
					t.Fatal(err)
				}
				if err := c.harm(path, text); err != nil {
					t.Fatal(err)
				}
				out, _, err := f.ask(t.Context(), WorkerCommand, f.request("SELECT * FROM mongodb_audit"))
				var failed *Error
				if !errors.Is(err, c.kind) || !strings.Contains(err.Error(), fmt.Sprintf(c.want, file)) || strings.Contains(err.Error(), f.dir) || out != "" {
					t.Errorf("%s: %q, %v", file, out, err)
				}
				if !errors.As(err, &failed) || failed.Segment != "below/"+file {
					t.Errorf("%s: error %#v", file, err)
				}
				if i > 0 {
					continue
				}
				for sql, want := range map[string]string{
					"SELECT count(*) AS n FROM mongodb_organizationevent":                                          "{\"n\":5}\n",
					"SELECT count(*) AS n FROM (SHOW TABLES)":                                                      "{\"n\":5}\n",
					"SELECT count(*) AS n FROM mongodb_audit WHERE p_event_time > TIMESTAMP '2030-01-01 00:00:00'": "{\"n\":0}\n",
				} {
					if out, _, err := f.ask(t.Context(), WorkerCommand, f.request(sql)); err != nil || out != want {
						t.Errorf("%s: %q, %v", sql, out, err)
					}
				}
			}
		})
	}
}

// TestVanished gives DuckDB the files that went away after they were looked at.
func TestVanished(t *testing.T) {
	t.Parallel()
	m := &message{Tables: []Table{{Files: []File{{Path: "/s/a.parquet", Name: "t/a.parquet"}, {Path: "/s/a.parquet.parquet", Name: "t/b.parquet"}}}}}
	for msg, want := range map[string]string{
		`IO Error: No files found that match the pattern "/s/a.parquet"`:                                                                  "t/a.parquet",
		`IO Error: Cannot open file "/s/a.parquet.parquet": No such file or directory`:                                                    "t/b.parquet",
		`Permission Error: Cannot access file "/s/a.parquet/**/*.parquet" - file system operations are disabled by configuration`:         "t/a.parquet",
		`Permission Error: Cannot access file "/s/a.parquet.parquet/**/*.parquet" - file system operations are disabled by configuration`: "t/b.parquet",
	} {
		var failed *Error
		if err := explain(errors.New(msg), m); !errors.As(err, &failed) || failed.Kind != ErrSegmentGone || failed.Segment != want {
			t.Errorf("%s: %v, want segment %s", msg, err, want)
		}
	}
}

// TestHidden holds that other tables can use a hidden one, and the user can
// neither name nor list it.
func TestHidden(t *testing.T) {
	t.Parallel()
	r := Request{
		Output: OutputCSV,
		Memory: []MemoryTable{{Name: "m", Hidden: true, Columns: []Column{{"x", "BIGINT"}}, Rows: [][]any{{1}, {2}}}},
		Tables: []Table{
			{Name: "a", Hidden: true, SQL: "SELECT x + 1 AS x FROM hidden.m", Uses: []string{"m"}},
			{Name: "b", SQL: "SELECT sum(x) AS s FROM hidden.a", Uses: []string{"a"}},
		},
	}
	for sql, want := range map[string]string{"SELECT * FROM b": "s\n5\n", "SHOW TABLES": "name\nb\n"} {
		r.SQL = sql
		if out, _, err := new(fixture).ask(t.Context(), WorkerCommand, r); err != nil || out != want {
			t.Errorf("%s: %q, %v", sql, out, err)
		}
	}
	for _, name := range []string{"a", "m", "hidden.a", "hidden.m", "memory.hidden.m", "A"} {
		r.SQL = "SELECT * FROM " + name
		if _, _, err := new(fixture).ask(t.Context(), WorkerCommand, r); !errors.Is(err, ErrRefused) || !strings.HasSuffix(err.Error(), "there are: b") {
			t.Errorf("%s: error %v", r.SQL, err)
		}
	}
}
