package store

import (
	"context"
	"errors"
	"fmt"
	"log/slog"
	"maps"
	"os"
	"path/filepath"
	"slices"
	"strings"
	"testing"
	"time"

	"github.com/margay-audit/margay/event"
	"github.com/margay-audit/margay/schema"
	"github.com/margay-audit/margay/store/catalog"
	"github.com/margay-audit/margay/store/segment"
)

// fixture drives a store the way a source and the pipeline do.
type fixture struct {
	t    *testing.T
	dir  string
	opt  Options
	s    *Store
	stop func()
}

var (
	epoch  = time.Date(2026, 3, 1, 12, 0, 0, 0, time.UTC)
	origin = event.Origin{ID: "5f0e3c0a-0000-5000-8000-000000000001", Label: "prod", Kind: "file"}
)

func newFixture(t *testing.T, o Options) *fixture {
	t.Helper()
	f := &fixture{t: t, dir: filepath.Join(t.TempDir(), "data"), opt: o}
	if f.opt.Log == nil {
		f.opt.Log = slog.New(slog.DiscardHandler)
	}
	return f
}

// open opens the store and runs it until close.
func (f *fixture) open() *fixture {
	f.t.Helper()
	if err := f.tryOpen(); err != nil {
		f.t.Fatal(err)
	}
	return f
}

func (f *fixture) tryOpen() error {
	s, err := Open(f.t.Context(), f.dir, f.opt)
	if err != nil {
		return err
	}
	f.s = s
	ctx, cancel := context.WithCancel(context.Background())
	done := make(chan error, 1)
	go func() { done <- s.commitAll(ctx) }()
	f.stop = func() {
		cancel()
		if err := <-done; err != nil {
			f.t.Errorf("Run: %v", err)
		}
		s.shut()
		if err := s.flushLoose(); err != nil {
			f.t.Errorf("flushLoose: %v", err)
		}
		if err := s.Close(); err != nil {
			f.t.Errorf("Close: %v", err)
		}
		f.s, f.stop = nil, nil
	}
	return nil
}

func (f *fixture) close() {
	f.t.Helper()
	if f.stop != nil {
		f.stop()
	}
}

// line is the content of record number n of a stream.
func line(stream string, n int) string {
	return fmt.Sprintf(`{"stream": %q, "n": %d, "pad": %q}`, stream, n, strings.Repeat("x", n%7))
}

// pos is the position after n records.
func pos(n int) event.Position {
	if n == 0 {
		return nil
	}
	return event.Position(fmt.Sprintf(`{"offset": %d}`, n*100))
}

// batch holds the records [from, to) of a stream.
func batch(stream string, from, to int) *event.Batch {
	b := &event.Batch{Origin: origin, Stream: stream, File: "/var/log/" + stream, From: pos(from), To: pos(to)}
	for n := from; n < to; n++ {
		b.Records = append(b.Records, event.Record{Raw: []byte(line(stream, n)), Offset: uint64(n * 100)})
	}
	b.Marks = []event.Mark{{Offset: uint64(to * 100), Sum: uint64(to) * 0x9E3779B97F4A7C15}}
	return b
}

func auditSchema() *schema.Schema { return schema.Builtin().Lookup(event.MongoDBAudit) }

// addAll adds the records of a batch; every tenth goes to quarantine.
func addAll(t testing.TB, a *Append, b *event.Batch) {
	t.Helper()
	if err := addRecords(a, b); err != nil {
		t.Fatal(err)
	}
}

func addRecords(a *Append, b *event.Batch) error {
	for i := range b.Records {
		r := &b.Records[i]
		var err error
		if r.Offset/100%10 == 9 {
			err = a.Quarantine(r, "it is the tenth")
		} else {
			row := &schema.Row{EventTime: epoch.UnixMicro() + int64(r.Offset), HasEventTime: true, Indicators: [][]byte{[]byte("u" + fmt.Sprint(r.Offset))}}
			err = a.Row(auditSchema(), row, r, r.Raw, nil)
		}
		if err != nil {
			return err
		}
	}
	return nil
}

// emit is an event.Emit on the store as it is now.
func (f *fixture) emit(ctx context.Context, b *event.Batch) error {
	a, err := f.s.Begin(b)
	if err != nil {
		return err
	}
	addAll(f.t, a, b)
	return a.Commit(ctx)
}

func (f *fixture) mustEmit(stream string, from, to int) {
	f.t.Helper()
	if err := f.emit(f.t.Context(), batch(stream, from, to)); err != nil {
		f.t.Fatal(err)
	}
}

// stored returns the multiset of all stored lines, as a reader sees them.
func (f *fixture) stored() []string {
	f.t.Helper()
	r, err := OpenReader(f.dir)
	if err != nil {
		f.t.Fatal(err)
	}
	defer r.Close()
	snap, err := r.Snapshot(f.t.Context(), catalog.Which{})
	if err != nil {
		f.t.Fatal(err)
	}
	var out []string
	for i := range snap.Segments {
		rows := int64(0)
		err := eachRow(r.Path(&snap.Segments[i]), nil, func(row *segment.Row) error {
			out = append(out, string(row.Raw))
			rows++
			return nil
		})
		if err != nil {
			f.t.Fatal(err)
		}
		if rows != snap.Segments[i].Rows {
			f.t.Fatalf("segment %s has %d rows, the catalog says %d", snap.Segments[i].Name, rows, snap.Segments[i].Rows)
		}
	}
	slices.Sort(out)
	return out
}

// lines are those of the records [0, n) of each stream.
func lines(counts map[string]int) []string {
	var out []string
	for stream, n := range counts {
		for i := range n {
			out = append(out, line(stream, i))
		}
	}
	slices.Sort(out)
	return out
}

func (f *fixture) wantStored(counts map[string]int) {
	f.t.Helper()
	if got, want := f.stored(), lines(counts); !slices.Equal(got, want) {
		f.t.Fatalf("stored %d lines, want %d: %v", len(got), len(want), firstDifference(got, want))
	}
}

func firstDifference(got, want []string) string {
	for i := range min(len(got), len(want)) {
		if got[i] != want[i] {
			return fmt.Sprintf("got %s, want %s", got[i], want[i])
		}
	}
	return "one is the beginning of the other"
}

// positions returns the number of records of each stream that are durable.
func (f *fixture) positions() map[string]int {
	f.t.Helper()
	streams, err := f.s.Streams(f.t.Context(), "")
	if err != nil {
		f.t.Fatal(err)
	}
	out := map[string]int{}
	for _, st := range streams {
		var n int
		if _, err := fmt.Sscanf(string(st.Position), `{"offset": %d}`, &n); err != nil {
			f.t.Fatalf("position %q: %v", st.Position, err)
		}
		out[st.Name] = n / 100
	}
	return out
}

func (f *fixture) wantPositions(want map[string]int) {
	f.t.Helper()
	if got := f.positions(); !maps.Equal(got, want) {
		f.t.Fatalf("positions are %v, want %v", got, want)
	}
}

// files returns the names of all files below the folder of segments, and those
// that are being written there or in the folder of archives.
func (f *fixture) files() (segments, temporary []string) {
	f.t.Helper()
	segments, temporary, err := listSegments(f.dir)
	if err != nil && !errors.Is(err, os.ErrNotExist) {
		f.t.Fatal(err)
	}
	_, more, err := listArchives(f.dir)
	if err != nil {
		f.t.Fatal(err)
	}
	return segments, append(temporary, more...)
}

// wantVerified checks the whole store.
func (f *fixture) wantVerified() {
	f.t.Helper()
	rep, err := Verify(f.t.Context(), f.dir)
	if err != nil {
		f.t.Fatal(err)
	}
	for _, finding := range rep.Findings {
		f.t.Errorf("verify: %s", finding)
	}
}

// memoryDir returns a folder in memory where the machine has one: tests that
// open thousands of stores would spend their time waiting for a disk.
func memoryDir(t *testing.T) string {
	t.Helper()
	const shared = "/dev/shm"
	dir, err := os.MkdirTemp(shared, "margay-test-")
	if err != nil {
		return t.TempDir()
	}
	t.Cleanup(func() {
		if err := os.RemoveAll(dir); err != nil {
			t.Error(err)
		}
	})
	return dir
}
