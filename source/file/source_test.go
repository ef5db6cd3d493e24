package file

import (
	"bytes"
	"context"
	"crypto/sha256"
	"encoding/json"
	"errors"
	"fmt"
	"io/fs"
	"log/slog"
	"os"
	"path/filepath"
	"strings"
	"sync"
	"testing"
	"testing/synctest"
	"time"

	"github.com/margay-audit/margay/event"
	"github.com/margay-audit/margay/source/sourcetest"
)

// in runs a test in a bubble with a world of its own.
func in(t *testing.T, test func(t *testing.T, w *world)) {
	t.Helper()
	synctest.Test(t, func(t *testing.T) { test(t, newWorld(t)) })
}

func (w *world) health(want event.Health, reason string) {
	w.t.Helper()
	st := w.src.State()
	if st.Health != want || !strings.Contains(st.Reason, reason) {
		w.t.Errorf("state is %q because %q, want %q because %q", st.Health, st.Reason, want, reason)
	}
}

func TestLastLineWaitsForItsEnd(t *testing.T) {
	in(t, func(t *testing.T, w *world) {
		w.begin()
		w.write("audit.json", 2)
		whole := w.line()
		w.append("audit.json", whole[:20])
		w.pass(time.Minute)
		if n := len(w.store.Rows()); n != 2 {
			t.Errorf("%d rows before the line is whole, want 2", n)
		}
		w.append("audit.json", append(whole[20:], '\n'))
		w.pass(3 * time.Second)
		w.check()
		w.stop()
	})
}

func TestLastLineOfRotatedFileIsReadWhole(t *testing.T) {
	for _, leave := range []func(w *world){
		func(w *world) { w.rename("audit.json", "audit.json.1") },
		func(w *world) { w.rename("audit.json", "elsewhere") },
		func(w *world) { w.remove("audit.json") },
		func(w *world) { w.pass(settleStill) },
	} {
		in(t, func(t *testing.T, w *world) {
			w.begin()
			w.write("audit.json", 2)
			w.append("audit.json", w.line())
			w.pass(time.Minute)
			leave(w)
			w.pass(time.Minute)
			w.check()
			w.stop()
		})
	}
}

func TestRemovedBeforeItsEndWasRead(t *testing.T) {
	in(t, func(t *testing.T, w *world) {
		w.begin()
		w.write("audit.json", 2)
		w.pass(3 * time.Second)
		w.write("audit.json", 5)
		w.remove("audit.json")
		w.pass(3 * time.Second)
		w.check()
		w.pass(linger + time.Minute)
		w.write("audit.json", 1) // may well get the same inode
		w.pass(3 * time.Second)
		w.check()
		w.stop()
	})
}

func TestFreshness(t *testing.T) {
	in(t, func(t *testing.T, w *world) {
		w.begin()
		w.pass(3 * time.Second)
		for range 20 {
			w.write("audit.json", 1)
			w.pass(w.cfg.withDefaults().FlushInterval + 250*time.Millisecond)
			w.check()
		}
		w.stop()
	})
}

func TestCutOffGzip(t *testing.T) {
	in(t, func(t *testing.T, w *world) {
		text := w.text(300)
		packed := gzipOf(t, text)
		w.put("audit.json.gz", packed[:len(packed)*2/3])
		if err := w.load(w.path("*")); !errors.Is(err, errBroken) {
			t.Errorf("load returned %v, want %v", err, errBroken)
		}
		if n := len(w.store.Rows()); n < 100 || n >= 300 {
			t.Errorf("%d of 300 rows from two thirds of the file", n)
		}
		w.begin()
		w.pass(time.Hour)
		w.health(event.Blocked, "audit.json.gz: compressed data is cut off")
		w.put("audit.json.gz", packed)
		w.pass(3 * time.Second)
		w.health(event.Healthy, "")
		w.check()
		w.stop()
	})
}

func TestUnreadableFileHoldsNoOtherBack(t *testing.T) {
	in(t, func(t *testing.T, w *world) {
		w.write("audit.json", 3)
		must(t, os.Symlink("audit.json.loop", w.path("audit.json.loop")))
		denied := w.path("audit.json.secret")
		w.tune = func(s *Source) {
			s.open = func(path string) (*os.File, error) {
				if path == denied {
					return nil, &fs.PathError{Op: "open", Path: path, Err: fs.ErrPermission}
				}
				return os.Open(path)
			}
		}
		w.begin()
		w.pass(3 * time.Second)
		w.health(event.Blocked, "audit.json.loop")
		w.remove("audit.json.loop")
		w.pass(3 * time.Second)
		w.health(event.Healthy, "")
		w.put("audit.json.secret", []byte("{}\n"))
		w.write("audit.json", 3)
		w.pass(3 * time.Second)
		w.health(event.Blocked, "audit.json.secret: permission denied")
		w.check()
		w.stop()
	})
}

func TestNothingMatches(t *testing.T) {
	in(t, func(t *testing.T, w *world) {
		if err := w.load(w.path("none")); err == nil || !strings.Contains(err.Error(), "no file matches") {
			t.Errorf("load returned %v", err)
		}
		w.begin()
		w.pass(time.Second)
		w.health(event.Blocked, "no file matches")
		w.write("audit.json", 1)
		w.pass(3 * time.Second)
		w.health(event.Healthy, "")
		w.check()
		w.stop()
	})
}

func TestStartAtEnd(t *testing.T) {
	for _, restart := range []bool{false, true} {
		in(t, func(t *testing.T, w *world) {
			w.cfg.Start = FromEnd
			w.write("audit.json", 300)
			w.append("audit.json.half", []byte("{\"old\":1}\n{\"half"))
			w.append("audit.json.empty", nil)
			w.want = nil
			again := func() {
				w.pass(3 * time.Second)
				if restart {
					w.stop()
					w.begin()
				}
			}
			w.begin()
			again()
			w.append("audit.json.half", []byte("\":1}\n"))
			w.want = append(w.want, []byte(`{"half":1}`))
			w.write("audit.json", 3)
			again()
			w.write("audit.json.new", 3)
			w.write("audit.json.empty", 2)
			again()
			w.rename("audit.json", "audit.json.1")
			w.write("audit.json.1", 1)
			again()
			w.pass(3 * time.Second)
			w.check()
			w.stop()
		})
	}
}

// TestStartAtEndWithoutFiles: nothing was there at the first start, so what is
// written while the process is down is new.
func TestStartAtEndWithoutFiles(t *testing.T) {
	in(t, func(t *testing.T, w *world) {
		w.cfg.Start = FromEnd
		w.begin()
		w.pass(3 * time.Second)
		w.stop()
		w.write("audit.json", 3)
		w.begin()
		w.pass(3 * time.Second)
		w.check()
		w.stop()
	})
}

// TestTornLineOnlyQuarantinesItself has the shape of a log in which a crash tore
// the beginning off one line.
func TestTornLineOnlyQuarantinesItself(t *testing.T) {
	in(t, func(t *testing.T, w *world) {
		lines := []string{
			`{ "atype" : "clientMetadata", "param" : { "clientMetadata" : { "driver" : { "name" : "x" } } }, "result" : 0 }`,
			`"atype" : "clientMetadata", "param" : { "clientMetadata" : { "driver" : { "name" : "x" } } }, "result" : 0 }`,
			`{ "atype" : "logout", "param" : { "reason" : "Client has disco`,
			`{ "atype" : "logout", "param" : { "reason" : "bye" }, "result" : 0 }`,
		}
		for _, l := range lines {
			w.append("audit.json", []byte(l+"\n"))
			w.want = append(w.want, []byte(l))
		}
		w.begin()
		w.pass(3 * time.Second)
		w.check()
		w.stop()
	})
}

func TestLongLineAndNULsArriveInPieces(t *testing.T) {
	in(t, func(t *testing.T, w *world) {
		w.cfg.MaxLine = 1000
		w.tune = func(s *Source) { s.lim = limits{records: 10, block: 2048, read: 512} }
		w.begin()
		w.write("audit.json", 1)
		w.pass(3 * time.Second)
		w.append("audit.json", []byte("\n\n")) // the position must not take the hash of more than these
		long := bytes.Repeat([]byte("0123456789"), 20_000)
		for piece := long; len(piece) > 0; piece = piece[20_000:] {
			w.append("audit.json", piece[:20_000])
			w.pass(3 * time.Second)
		}
		if n := len(w.store.Rows()); n != 1 {
			t.Errorf("%d rows while the line goes on, want 1", n)
		}
		w.append("audit.json", []byte("\n"))
		w.write("audit.json", 1)
		for range 3 {
			w.append("audit.json", make([]byte, 5000))
			w.pass(3 * time.Second)
		}
		w.write("audit.json", 1)
		w.pass(3 * time.Second)
		w.stop()

		rows := w.store.Rows()
		if len(rows) != 5 {
			t.Fatalf("%d rows, want 5", len(rows))
		}
		sum := sha256.Sum256(long)
		r := rows[1].Record
		if r.Size != uint64(len(long)) || !bytes.Equal(r.Sum, sum[:]) || len(r.Raw) != keptHead || r.Defect == "" {
			t.Errorf("long line became %d bytes of %d, %q", len(r.Raw), r.Size, r.Defect)
		}
		if r := rows[3].Record; r.Size != 15_000 || r.Defect != "NUL run of 15000 bytes, as a crash leaves it" {
			t.Errorf("NULs became %d bytes, %q", r.Size, r.Defect)
		}
		w.want = append(w.want, rows[1].Record.Raw, rows[3].Record.Raw)
		w.check()
		if err := w.load(w.path("*")); err != nil {
			t.Error(err)
		}
		w.check()
	})
}

// TestShortCopyWithoutItsOriginal: between the last mark and the end of a short
// copy nothing proves that the lines are known, so they are kept.
func TestShortCopyWithoutItsOriginal(t *testing.T) {
	in(t, func(t *testing.T, w *world) {
		w.write("audit.json", 900)
		whole := w.read("audit.json")
		if err := w.load(w.path("audit.json")); err != nil {
			t.Fatal(err)
		}
		cut := lastLine(whole[:100_000])
		w.put("short", whole[:cut])
		if err := w.load(w.path("short")); err != nil {
			t.Fatal(err)
		}
		w.check() // the original bears witness
		w.rename("audit.json", "other")
		w.put("short2", whole[:cut])
		w.put("within", whole[:lastLine(whole[:30_000])])
		if err := w.load(w.path("short2"), w.path("within")); err != nil {
			t.Fatal(err)
		}
		w.check() // still, under its other name
		w.remove("other")
		for range 2 {
			if err := w.load(w.path("short*"), w.path("within")); err != nil {
				t.Fatal(err)
			}
		}
		rows := w.store.Rows()
		extra := 0
		for _, r := range rows[len(w.want):] {
			extra += len(r.Record.Raw) + 1
			if r.Record.Offset < markEvery {
				t.Errorf("the line at %d is stored again", r.Record.Offset)
			}
		}
		if end := rows[len(rows)-1]; extra == 0 || extra > markEvery || int(end.Record.Offset)+len(end.Record.Raw)+1 != cut {
			t.Errorf("%d bytes are stored again, up to %d of %d", extra, end.Record.Offset, cut)
		}
	})
}

func TestSeveralBatchesUnderWay(t *testing.T) {
	in(t, func(t *testing.T, w *world) {
		w.cfg.Workers = 2
		w.write("audit.json", 400)
		most := 0
		w.store.Before = func(context.Context, *event.Batch) error {
			<-time.After(time.Second) // of the bubble: all that can run has run then
			most = max(most, w.store.Active())
			return nil
		}
		w.tune = func(s *Source) { s.lim = limits{records: 10, block: 8192, read: 4096} }
		w.begin()
		w.pass(5 * time.Minute)
		w.stop()
		w.check()
		if most != w.cfg.Workers+1 {
			t.Errorf("at most %d batches were under way, want %d", most, w.cfg.Workers+1)
		}
	})
}

// TestWrittenAnewWhileRead: the file is copied and truncated, and grows beyond
// the place where the reader is, between two of its batches.
func TestWrittenAnewWhileRead(t *testing.T) {
	in(t, func(t *testing.T, w *world) {
		w.cfg.Workers = 1
		w.write("audit.json", 200)
		w.tune = func(s *Source) { s.lim = limits{records: 10, block: 2048, read: 512} }
		var once sync.Once
		w.store.Before = func(context.Context, *event.Batch) error {
			<-time.After(time.Second)
			once.Do(func() {
				w.copy("audit.json", "audit.json.1")
				w.truncate("audit.json")
				w.write("audit.json", 400)
			})
			return nil
		}
		w.begin()
		w.pass(5 * time.Minute)
		w.stop()
		w.check()
	})
}

func TestFailureIsNotRetriedInPlace(t *testing.T) {
	in(t, func(t *testing.T, w *world) {
		for i := range 6 {
			w.write(fmt.Sprintf("audit.json.%d", i), 30)
		}
		full := fmt.Errorf("%w: the quarantine is full", event.ErrBlocked)
		w.store.Before = func(_ context.Context, b *event.Batch) error {
			<-time.After(time.Second)
			if strings.HasSuffix(b.File, ".2") {
				return full
			}
			<-time.After(time.Second)
			return nil
		}
		w.tune = func(s *Source) { s.lim = limits{records: 10, block: 8192, read: 4096} }
		w.begin()
		w.pass(time.Minute)
		if err := w.end(); !errors.Is(err, event.ErrBlocked) {
			t.Errorf("Run returned %v, want %v", err, full)
		}
		if n := w.store.Active(); n != 0 {
			t.Errorf("%d emits under way after Run", n)
		}
		w.store.Before = nil
		w.begin()
		w.pass(3 * time.Second)
		w.stop()
		w.check()
	})
}

func TestRenamedSourceReadsNothingAgain(t *testing.T) {
	in(t, func(t *testing.T, w *world) {
		w.write("audit.json", 30)
		w.write("audit.json.1", 30)
		w.begin()
		w.pass(3 * time.Second)
		w.stop()
		var log bytes.Buffer
		w.cfg.Log = slog.New(slog.NewTextHandler(&log, nil))
		w.cfg.Origin.ID = "00000000-0000-5000-8000-00000000000f"
		w.begin()
		w.write("audit.json", 3)
		w.write("audit.json.1", 3)
		w.pass(3 * time.Second)
		w.stop()
		w.check()
		if n := strings.Count(log.String(), "begun by a source with another id"); n != 1 {
			t.Errorf("%d warnings, want 1:\n%s", n, &log)
		}
	})
}

func TestState(t *testing.T) {
	in(t, func(t *testing.T, w *world) {
		w.write("audit.json", 30)
		size := len(w.read("audit.json"))
		gate := make(chan struct{})
		w.store.Before = func(context.Context, *event.Batch) error { <-gate; return nil }
		w.begin()
		w.pass(time.Minute)
		close(gate)
		w.pass(time.Second)
		st := w.src.State()
		if want := fmt.Sprintf("%s:%d", w.path("audit.json"), size); st.Position != want || st.LagBytes != 0 || st.LastRead.IsZero() {
			t.Errorf("state is %+v, want position %s and no lag", st, want)
		}
		w.health(event.Healthy, "")
		w.zstd("audit.json") // nothing new
		w.pass(time.Minute)
		if got := w.src.State(); got.Position != st.Position || got.LastRead != st.LastRead {
			t.Errorf("a compressed copy changed the state from %+v to %+v", st, got)
		}
		gate = make(chan struct{})
		w.write("audit.json", 10)
		w.pass(3 * time.Second)
		w.write("audit.json", 10)
		w.pass(time.Minute)
		w.health(event.Behind, "bytes are waiting")
		if st := w.src.State(); st.LagBytes == 0 {
			t.Error("no lag while the store takes nothing")
		}
		close(gate)
		w.pass(3 * time.Second)
		w.health(event.Healthy, "")
		w.stop()
		w.health(event.Stopped, "")

		// Another process finds nothing new, and still knows where it is.
		want := w.src.State().Position
		w.begin()
		w.pass(time.Minute)
		if st := w.src.State(); st.Position != want || !st.LastRead.IsZero() {
			t.Errorf("after a restart the state is %+v, want position %s", st, want)
		}
		w.stop()
	})
}

// TestStateWithoutFiles: a path that leads nowhere must not look like good
// health.
func TestStateWithoutFiles(t *testing.T) {
	in(t, func(t *testing.T, w *world) {
		w.begin()
		w.pass(time.Minute)
		w.health(event.Blocked, "no file matches "+w.path("audit.json*"))
		if err := os.Mkdir(w.path("audit.json"), 0o700); err != nil {
			t.Fatal(err)
		}
		w.pass(time.Minute)
		w.health(event.Blocked, "is a regular file")
		w.write("audit.json.1", 3)
		w.pass(time.Minute)
		w.health(event.Healthy, "")
		w.stop()
	})
}

// TestPositionHoldsNoEvent: a position is kept for ever and in the open, so it
// must not carry bytes of an event, which may be a password.
func TestPositionHoldsNoEvent(t *testing.T) {
	in(t, func(t *testing.T, w *world) {
		const secret = "hunter2hunter2"
		for n := range 70 { // every length of an incomplete block
			w.begin()
			w.append("audit.json", fmt.Appendf(nil, `{"n":"%s","pwd":%q}`+"\n", strings.Repeat("x", n), secret))
			w.pass(time.Minute)
			w.stop()
			known, err := w.store.Streams(t.Context(), "")
			if err != nil || len(known) != 1 {
				t.Fatalf("streams: %v, %v; every run has to go on with the first", known, err)
			}
			var pos position
			if err := json.Unmarshal(known[0].Position, &pos); err != nil {
				t.Fatal(err)
			}
			if bytes.Contains(pos.State, []byte("hunter")) || bytes.Contains(known[0].Position, []byte("hunter")) {
				t.Fatalf("the position holds the secret: %s, state %q", known[0].Position, pos.State)
			}
		}
	})
}

func TestProgress(t *testing.T) {
	in(t, func(t *testing.T, w *world) {
		w.write("audit.json", 300)
		w.copy("audit.json", "audit.json.copy")
		w.zstd("audit.json")
		var last Progress
		w.cfg.Progress = func(p Progress) {
			if p.Done < last.Done || p.Done > p.Total {
				t.Errorf("progress went from %+v to %+v", last, p)
			}
			last = p
		}
		for range 2 { // the second time everything is known
			last = Progress{}
			if err := w.load(w.path("*")); err != nil {
				t.Fatal(err)
			}
			if last.Done != last.Total || last.Files != 3 || last.Read != 3 || last.Total == 0 {
				t.Errorf("at the end progress is %+v", last)
			}
		}
	})
}

func TestConfigErrors(t *testing.T) {
	_, err := New(Config{Paths: []string{"[", "ok"}, Start: "middle", MaxLine: 1, Poll: -1})
	for _, want := range []string{"no ledger", `path "["`, `start is "middle"`, "line limit of 1", "must not be negative"} {
		if err == nil || !strings.Contains(err.Error(), want) {
			t.Errorf("error %v lacks %q", err, want)
		}
	}
}

// TestInotify: with an hour between two looks, only a hint explains that an
// event arrives.
func TestInotify(t *testing.T) {
	path := filepath.Join(t.TempDir(), "audit.json")
	must(t, os.WriteFile(path, []byte("{\"n\":1}\n"), 0o600))
	store := new(sourcetest.Store)
	stored := make(chan int, 10)
	src, err := New(Config{Paths: []string{path}, Ledger: store, Poll: time.Hour, FlushInterval: time.Millisecond})
	must(t, err)
	ctx, cancel := context.WithCancel(t.Context())
	result := make(chan error, 1)
	go func() {
		result <- src.Run(ctx, func(ctx context.Context, b event.Batch) error {
			err := store.Emit(ctx, b)
			stored <- len(b.Records)
			return err
		})
	}()
	<-stored
	must(t, os.WriteFile(path, []byte("{\"n\":1}\n{\"n\":2}\n"), 0o600))
	<-stored
	cancel()
	if err := <-result; !errors.Is(err, context.Canceled) {
		t.Errorf("Run returned %v", err)
	}
	if n := len(store.Rows()); n != 2 {
		t.Errorf("%d rows, want 2", n)
	}
}
