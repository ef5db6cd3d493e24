package segment

import (
	"bytes"
	"errors"
	"fmt"
	"io"
	"os"
	"path/filepath"
	"slices"
	"testing"

	"github.com/google/go-cmp/cmp"

	"github.com/margay-audit/margay/event"
	"github.com/margay-audit/margay/schema"
)

// memory is a File whose bytes can be looked at, and which fails on demand.
type memory struct {
	bytes.Buffer
	calls, failAt int // failAt counts from 1; 0 is never
	closed        int
}

var errDisk = errors.New("no space left on device")

func (m *memory) step() error {
	if m.calls++; m.calls == m.failAt {
		return errDisk
	}
	return nil
}

func (m *memory) Write(p []byte) (int, error) {
	if err := m.step(); err != nil {
		n, _ := m.Buffer.Write(p[:len(p)/2])
		return n, err
	}
	return m.Buffer.Write(p)
}
func (m *memory) Sync() error  { return m.step() }
func (m *memory) Close() error { m.closed++; return m.step() }

// inMemory returns a finished segment as bytes.
func inMemory(t testing.TB, b *Builder, c *Commit) ([]byte, Info) {
	t.Helper()
	var m memory
	p, err := Write(&m, "memory", b)
	if err != nil {
		t.Fatal(err)
	}
	info, err := p.Finish(c)
	if err != nil {
		t.Fatal(err)
	}
	return m.Bytes(), info
}

func openBytes(t testing.TB, data []byte) *Reader {
	t.Helper()
	r, err := NewReader(bytes.NewReader(data), int64(len(data)), "memory")
	if err != nil {
		t.Fatal(err)
	}
	return r
}

func TestRows(t *testing.T) {
	t.Parallel()
	l := testLayout()
	rows := randomRows(2, 1_000)
	data, _ := inMemory(t, buildRows(t, l, rows), testCommit(1))
	i := 0
	err := openBytes(t, data).Rows([]string{"action", "small", "param", "at"}, func(got *Row) error {
		w := &rows[i]
		want := Row{
			ID: w.meta.ID, EventTime: w.time, ParseTime: w.meta.ParseTime,
			SourceID: testOrigin.ID, SourceLabel: testOrigin.Label, File: w.meta.File,
			Raw: w.meta.Raw, Form: w.meta.Form, Redactions: w.meta.Redactions,
		}
		if want.EventTime == 0 {
			want.EventTime = want.ParseTime
		}
		for _, name := range []string{"action", "small", "param", "at"} {
			text := ""
			if v := w.fields[name]; v != nil {
				text = fmt.Sprint(v)
			}
			want.Values = append(want.Values, text)
		}
		if diff := cmp.Diff(want, *got); diff != "" {
			t.Errorf("row %d: %s", i, diff)
		}
		i++
		return nil
	})
	if err != nil || i != len(rows) {
		t.Errorf("%d rows of %d, %v", i, len(rows), err)
	}
}

func TestRowsEndsWithTheVisitor(t *testing.T) {
	t.Parallel()
	data, _ := inMemory(t, buildRows(t, testLayout(), randomRows(2, 10)), testCommit(1))
	r := openBytes(t, data)
	n := 0
	err := r.Rows(nil, func(*Row) error { n++; return io.ErrClosedPipe })
	if !errors.Is(err, io.ErrClosedPipe) || n != 1 {
		t.Errorf("%d rows, %v", n, err)
	}
	for _, name := range []string{"nothing", "users", "ratio", "p_raw_rest"} {
		if err := r.Rows([]string{name}, func(*Row) error { return nil }); err == nil {
			t.Errorf("column %q: no error", name)
		}
	}
}

// TestInfo: what Finish says, what the file is, and what a reader says agree.
func TestInfo(t *testing.T) {
	t.Parallel()
	l := testLayout()
	rows := randomRows(3, 500)
	b := buildRows(t, l, rows)
	var raw, eventMin, eventMax int64
	for i := range rows {
		at := rows[i].time
		if at == 0 {
			at = rows[i].meta.ParseTime
		}
		if i == 0 {
			eventMin, eventMax = at, at
		}
		raw += int64(len(rows[i].meta.Raw))
		eventMin, eventMax = min(eventMin, at), max(eventMax, at)
	}
	if b.Rows() != len(rows) || b.RawBytes() != raw || b.Bytes() <= 0 || b.Full() {
		t.Errorf("builder: %d rows, %d raw bytes, %d bytes", b.Rows(), b.RawBytes(), b.Bytes())
	}
	path, info := store(t, t.TempDir(), 1, b)
	data, err := os.ReadFile(path)
	if err != nil {
		t.Fatal(err)
	}
	if info.Bytes != int64(len(data)) || info.Rows != int64(len(rows)) || info.RawBytes != raw ||
		info.LogType != l.LogType || info.SchemaVersion != l.Version ||
		info.EventMin != eventMin || info.EventMax != eventMax ||
		info.StoredMin != rows[0].meta.ParseTime || info.StoredMax != rows[len(rows)-1].meta.ParseTime {
		t.Errorf("%+v", info)
	}
	sum, err := Hash(path)
	if err != nil || sum != info.SHA256 {
		t.Errorf("SHA-256 of the file is %s (%v), not %s", sum, err, info.SHA256)
	}
	r := openBytes(t, data)
	info.SHA256 = ""
	if diff := cmp.Diff(info, r.Info()); diff != "" {
		t.Error(diff)
	}
	if !r.Layout().Equal(l) || r.Layout().Hash() != l.Hash() {
		t.Error("the layout did not survive")
	}
	checkBloom(t, info.Bloom, rows)
}

func checkBloom(t *testing.T, encoded []byte, rows []testRow) {
	t.Helper()
	bloom, err := DecodeBloom(encoded)
	if err != nil {
		t.Fatal(err)
	}
	for i := range rows {
		for _, name := range indicators {
			values, _ := rows[i].fields[name].([]any)
			for _, v := range values {
				if !bloom.MayContain([]byte(v.(string))) {
					t.Fatalf("the filter does not know %q", v)
				}
			}
		}
	}
	if bloom.MayContain([]byte("nobody@nowhere")) && bloom.MayContain([]byte("203.0.113.254")) {
		t.Error("the filter lets two strangers pass")
	}
}

// TestCommitSurvives: the footer gives back to the byte what the commit said.
func TestCommitSurvives(t *testing.T) {
	t.Parallel()
	c := Commit{
		StoreID: "6f0d5c1c", Number: 1<<63 + 5, Prev: "00ff", Time: 1_760_000_000_123_456, Kind: KindReplay, Part: 2, Parts: 3,
		Streams: []Stream{
			{ID: 1<<64 - 1, Name: "file:<head>&\"'\u2028", SourceID: testOrigin.ID, Position: `{ "offset" : 12, "name":"a<b>&é" }` + "\n", Marks: []event.Mark{{Offset: 1 << 60, Sum: 1<<64 - 1}, {}}},
			{ID: 2, Name: "", Position: ""},
		},
		Origins:  []Origin{{ID: testOrigin.ID, Label: "prod \"mongod\"", Kind: "file", KeepSecrets: true}},
		Inputs:   []string{FileName(1, 1), FileName(2, 1)},
		Resolved: []string{event.RowID{Hi: 1, Lo: 2}.String()},
	}
	data, _ := inMemory(t, buildRows(t, testLayout(), randomRows(4, 10)), &c)
	if diff := cmp.Diff(c, openBytes(t, data).Commit()); diff != "" {
		t.Error(diff)
	}
}

func TestCommitRefused(t *testing.T) {
	t.Parallel()
	for name, change := range map[string]func(*Commit){
		"part 0":            func(c *Commit) { c.Part = 0 },
		"part beyond parts": func(c *Commit) { c.Part = 2 },
		"position":          func(c *Commit) { c.Streams = []Stream{{Position: "\xff"}} },
		"name":              func(c *Commit) { c.Streams = []Stream{{Name: "\xff"}} },
	} {
		c := testCommit(1)
		change(c)
		path := filepath.Join(t.TempDir(), "segment.tmp")
		p, err := Create(path, buildRows(t, testLayout(), randomRows(4, 10)))
		if err != nil {
			t.Fatal(err)
		}
		if _, err := p.Finish(c); err == nil {
			t.Errorf("%s: accepted", name)
		}
		if _, err := os.Stat(path); !errors.Is(err, os.ErrNotExist) {
			t.Errorf("%s: the file is still there", name)
		}
	}
}

// TestFailingDisk lets every call to the file fail in turn: the error comes
// through, the file is closed once, and what is there is no segment.
func TestFailingDisk(t *testing.T) {
	t.Parallel()
	b := buildRows(t, testLayout(), randomRows(5, 2_000))
	steps := 0
	for failAt := 1; ; failAt++ {
		m := memory{failAt: failAt}
		p, err := Write(&m, "memory", b)
		if err == nil {
			_, err = p.Finish(testCommit(1))
		}
		if m.calls < failAt {
			if err != nil {
				t.Fatal(err)
			}
			break
		}
		steps++
		if !errors.Is(err, errDisk) {
			t.Errorf("call %d fails: error is %v", failAt, err)
		}
		if m.closed != 1 {
			t.Errorf("call %d fails: the file is closed %d times", failAt, m.closed)
		}
	}
	if steps < 5 {
		t.Errorf("only %d calls: write, sync, write, sync and close were expected", steps)
	}
}

func TestCreateLeavesNothingBehind(t *testing.T) {
	t.Parallel()
	dir := t.TempDir()
	path := filepath.Join(dir, "a"+TempSuffix)
	empty, err := newBuilder(testLayout())
	if err != nil {
		t.Fatal(err)
	}
	if _, err := Create(path, empty); err == nil {
		t.Error("a segment without rows was made")
	}
	b := buildRows(t, testLayout(), randomRows(6, 10))
	p, err := Create(path, b)
	if err != nil {
		t.Fatal(err)
	}
	if _, err := Create(path, b); !errors.Is(err, os.ErrExist) {
		t.Errorf("a file was written over: %v", err)
	}
	if _, err := Open(path); err == nil {
		t.Error("a file without a footer was opened")
	}
	if err := errors.Join(p.Abort(), p.Abort()); err != nil {
		t.Error(err)
	}
	if _, err := p.Finish(testCommit(1)); err == nil {
		t.Error("a segment was finished after it was given up")
	}
	if left, err := os.ReadDir(dir); err != nil || len(left) != 0 {
		t.Errorf("left behind: %v, %v", left, err)
	}
}

func TestFinishedSegmentStays(t *testing.T) {
	t.Parallel()
	path := filepath.Join(t.TempDir(), "a")
	p, err := Create(path, buildRows(t, testLayout(), randomRows(6, 10)))
	if err != nil {
		t.Fatal(err)
	}
	if _, err := p.Finish(testCommit(1)); err != nil {
		t.Fatal(err)
	}
	if err := p.Abort(); err != nil {
		t.Error(err)
	}
	if _, err := p.Finish(testCommit(1)); err == nil {
		t.Error("finished twice")
	}
	if _, err := os.Stat(path); err != nil {
		t.Error(err)
	}
}

// TestPermissions: what could not be searched for secrets is for the owner only.
func TestPermissions(t *testing.T) {
	t.Parallel()
	for logType, most := range map[event.LogType]os.FileMode{"Test.Events": 0o640, event.Quarantine: 0o600} {
		l := testLayout()
		l.LogType = logType
		path, _ := store(t, t.TempDir(), 1, buildRows(t, l, randomRows(6, 10)))
		st, err := os.Stat(path)
		if err != nil {
			t.Fatal(err)
		}
		if st.Mode().Perm()&^most != 0 {
			t.Errorf("%s: %v", logType, st.Mode())
		}
	}
}

// TestBuilderIsReusable: the same rows make the same file, whatever was in the
// builder before.
func TestBuilderIsReusable(t *testing.T) {
	t.Parallel()
	l := testLayout()
	rows := randomRows(7, 300)
	b := buildRows(t, l, rows)
	first, _ := inMemory(t, b, testCommit(1))
	first = slices.Clone(first)
	b.Reset()
	for _, r := range randomRows(8, 2_000) {
		b.Append(r.coerced(l), &r.meta)
	}
	b.Reset()
	for i := range rows {
		b.Append(rows[i].coerced(l), &rows[i].meta)
	}
	again, _ := inMemory(t, b, testCommit(1))
	if !bytes.Equal(first, again) {
		t.Error("the second file differs from the first")
	}
}

func TestAppendDoesNotAllocate(t *testing.T) {
	l := testLayout()
	rows := randomRows(9, 200)
	b, err := newBuilder(l)
	if err != nil {
		t.Fatal(err)
	}
	coerced := make([]*schema.Row, len(rows))
	for i := range rows {
		coerced[i] = rows[i].coerced(l)
	}
	appendAll := func() {
		b.Reset()
		for i, row := range coerced {
			b.Append(row, &rows[i].meta)
		}
	}
	appendAll()
	if n := testing.AllocsPerRun(20, appendAll); n > 0 {
		t.Errorf("%v allocations for %d rows", n, len(rows))
	}
}
