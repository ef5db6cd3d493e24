package file

import (
	"bytes"
	"context"
	"errors"
	"fmt"
	"os"
	"path/filepath"
	"testing"
	"testing/synctest"
	"time"

	"github.com/klauspost/compress/gzip"
	"github.com/klauspost/compress/zstd"

	"github.com/margay-audit/margay/event"
	"github.com/margay-audit/margay/source/sourcetest"
)

// noHints is the waker of tests: inotify blocks in a system call, which would
// stop the clock of the bubble.
type noHints struct{}

func (noHints) Watch([]string)        {}
func (noHints) Wake() <-chan struct{} { return nil }

// world is a folder of log files, a store, and a source between them. It lives
// in a synctest bubble. Errors come back as values, so that property tests can
// use it.
type world struct {
	t     *testing.T
	dir   string
	store *sourcetest.Store
	cfg   Config
	tune  func(*Source) // changes what no config does, before the source runs
	src   *Source
	end   func() error
	lines int
	want  [][]byte
}

func newWorld(t *testing.T) *world {
	t.Helper()
	dir, err := filepath.EvalSymlinks(t.TempDir())
	if err != nil {
		t.Fatal(err)
	}
	w := &world{t: t, dir: dir, store: new(sourcetest.Store)}
	w.cfg = Config{
		Origin: event.Origin{ID: "00000000-0000-5000-8000-000000000001", Label: "test", Kind: "file"},
		Paths:  []string{filepath.Join(dir, "audit.json*")}, Ledger: w.store, Waker: noHints{},
	}
	return w
}

func (w *world) path(name string) string { return filepath.Join(w.dir, name) }

// begin starts the source; stop ends it.
func (w *world) begin() {
	w.t.Helper()
	src, err := New(w.cfg)
	if err != nil {
		w.t.Fatal(err)
	}
	if w.tune != nil {
		w.tune(src)
	}
	w.src = src
	ctx, cancel := context.WithCancel(w.t.Context())
	result := make(chan error, 1)
	go func() { result <- src.Run(ctx, w.store.Emit) }()
	w.end = func() error {
		cancel()
		return <-result
	}
}

func (w *world) stop() {
	w.t.Helper()
	if err := w.end(); !errors.Is(err, context.Canceled) {
		w.t.Errorf("Run returned %v, want the context's error", err)
	}
}

// pass lets time pass until the source has noticed everything.
func (w *world) pass(d time.Duration) {
	<-time.After(d)
	synctest.Wait()
}

// load reads everything once with a source of its own.
func (w *world) load(paths ...string) error {
	cfg := w.cfg
	cfg.Once, cfg.Paths, cfg.Waker = true, paths, nil
	cfg.Origin.ID = "00000000-0000-5000-8000-000000000002"
	src, err := New(cfg)
	if err != nil {
		return err
	}
	return src.Run(w.t.Context(), w.store.Emit)
}

// line returns an event that no other is equal to, and expects it to be stored.
func (w *world) line() []byte {
	w.lines++
	l := fmt.Appendf(nil, `{"atype":"authenticate","n":%d,"pad":"%s"}`, w.lines, bytes.Repeat([]byte("x"), w.lines*37%300))
	w.want = append(w.want, l)
	return l
}

func (w *world) text(n int) []byte {
	var b []byte
	for range n {
		b = append(append(b, w.line()...), '\n')
	}
	return b
}

// write appends n lines to a file.
func (w *world) write(name string, n int) { w.append(name, w.text(n)) }

func (w *world) append(name string, b []byte) {
	w.t.Helper()
	fd, err := os.OpenFile(w.path(name), os.O_APPEND|os.O_CREATE|os.O_WRONLY, 0o600)
	if err != nil {
		w.t.Fatal(err)
	}
	if _, err := fd.Write(b); err != nil {
		w.t.Fatal(err)
	}
	if err := fd.Close(); err != nil {
		w.t.Fatal(err)
	}
}

func (w *world) read(name string) []byte {
	w.t.Helper()
	b, err := os.ReadFile(w.path(name))
	if err != nil {
		w.t.Fatal(err)
	}
	return b
}

func (w *world) put(name string, b []byte) {
	w.t.Helper()
	if err := os.WriteFile(w.path(name), b, 0o600); err != nil {
		w.t.Fatal(err)
	}
}

func (w *world) copy(from, to string) { w.t.Helper(); w.put(to, w.read(from)) }

func (w *world) rename(from, to string) {
	w.t.Helper()
	if err := os.Rename(w.path(from), w.path(to)); err != nil {
		w.t.Fatal(err)
	}
}

func (w *world) remove(name string) {
	w.t.Helper()
	if err := os.Remove(w.path(name)); err != nil {
		w.t.Fatal(err)
	}
}

func (w *world) truncate(name string) {
	w.t.Helper()
	if err := os.Truncate(w.path(name), 0); err != nil {
		w.t.Fatal(err)
	}
}

// gzip replaces a file by a compressed one, zstd adds a compressed copy.
func (w *world) gzip(name string) {
	w.t.Helper()
	w.put(name+".gz", gzipOf(w.t, w.read(name)))
	w.remove(name)
}

func (w *world) zstd(name string) {
	w.t.Helper()
	z, err := zstd.NewWriter(nil)
	if err != nil {
		w.t.Fatal(err)
	}
	w.put(name+".zst", z.EncodeAll(w.read(name), nil))
}

// gzipOf compresses b into two members, as appending compressed logs does.
func gzipOf(t *testing.T, b []byte) []byte {
	t.Helper()
	var out bytes.Buffer
	for _, part := range [][]byte{b[:len(b)/2], b[len(b)/2:]} {
		z := gzip.NewWriter(&out)
		if _, err := z.Write(part); err != nil {
			t.Fatal(err)
		}
		if err := z.Close(); err != nil {
			t.Fatal(err)
		}
	}
	return out.Bytes()
}

func (w *world) check() {
	w.t.Helper()
	if err := w.store.Err(); err != nil {
		w.t.Errorf("contract: %v", err)
	}
	if diff := sourcetest.Difference(w.store.Rows(), w.want); diff != "" {
		w.t.Error(diff)
	}
}
