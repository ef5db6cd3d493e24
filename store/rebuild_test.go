package store

import (
	"errors"
	"os"
	"path/filepath"
	"strings"
	"testing"
	"time"

	"github.com/margay-audit/margay/event"
	"github.com/margay-audit/margay/store/catalog"
)

// used makes a store with merges, dead segments, and a position without rows.
func used(t *testing.T) (*fixture, map[string]int) {
	f := newFixture(t, Options{MergeFanIn: 3}).open()
	for i := range 10 {
		f.mustEmit("a", i*5, i*5+5)
	}
	f.mustEmit("b", 0, 30)
	if err := f.s.Maintain(t.Context()); err != nil {
		t.Fatal(err)
	}
	f.mustEmit("a", 50, 52)
	b := batch("empty", 0, 0)
	b.To = pos(3)
	if err := f.emit(t.Context(), b); err != nil {
		t.Fatal(err)
	}
	return f, map[string]int{"a": 52, "b": 30}
}

func withEmpty(m map[string]int) map[string]int {
	out := map[string]int{"empty": 3}
	for k, v := range m {
		out[k] = v
	}
	return out
}

func removeCatalog(t *testing.T, f *fixture) {
	t.Helper()
	for _, suffix := range []string{"", "-wal", "-shm"} {
		if err := os.Remove(filepath.Join(f.dir, catalogName+suffix)); err != nil && !errors.Is(err, os.ErrNotExist) {
			t.Fatal(err)
		}
	}
}

func wantRebuildError(t *testing.T, f *fixture) {
	t.Helper()
	before, _ := f.files()
	err := f.tryOpen()
	var re *RebuildError
	if !errors.As(err, &re) || !strings.Contains(err.Error(), "margay store rebuild") {
		t.Fatalf("Open: %v, want a RebuildError", err)
	}
	if after, _ := f.files(); len(after) != len(before) {
		t.Fatal("files were moved or deleted")
	}
}

func TestACatalogThatIsGoneIsRebuilt(t *testing.T) {
	damage := map[string]func(t *testing.T, f *fixture, old []byte){
		"missing": func(t *testing.T, f *fixture, _ []byte) { removeCatalog(t, f) },
		"empty": func(t *testing.T, f *fixture, _ []byte) {
			removeCatalog(t, f)
			write(t, filepath.Join(f.dir, catalogName), nil)
		},
		"garbage": func(t *testing.T, f *fixture, _ []byte) {
			removeCatalog(t, f)
			write(t, filepath.Join(f.dir, catalogName), []byte(strings.Repeat("not a database ", 1000)))
		},
		"yesterday's": func(t *testing.T, f *fixture, old []byte) {
			removeCatalog(t, f)
			write(t, filepath.Join(f.dir, catalogName), old)
		},
		"yesterday's, without HEAD": func(t *testing.T, f *fixture, old []byte) {
			removeCatalog(t, f)
			write(t, filepath.Join(f.dir, catalogName), old)
			if err := os.Remove(filepath.Join(f.dir, headName)); err != nil {
				t.Fatal(err)
			}
		},
	}
	for name, harm := range damage {
		t.Run(name, func(t *testing.T) {
			f, want := used(t)
			f.close()
			old, err := os.ReadFile(filepath.Join(f.dir, catalogName))
			if err != nil {
				t.Fatal(err)
			}
			f.open()
			f.mustEmit("a", 52, 60)
			f.mustEmit("b", 30, 31)
			f.mustEmit("b", 31, 32)
			f.close()
			want["a"], want["b"] = 60, 32
			harm(t, f, old)
			wantRebuildError(t, f)
			rep, err := Rebuild(t.Context(), f.dir, f.opt)
			if err != nil {
				t.Fatal(err)
			}
			if len(rep.SetAside)+len(rep.Adopted)+len(rep.Damaged) > 0 || rep.Rows != 92 {
				t.Fatalf("the report is %+v", rep)
			}
			f.open()
			f.wantStored(want)
			f.wantPositions(withEmpty(want))
			marks, err := f.s.Marks(t.Context(), 1)
			if err != nil || len(marks) != 12 {
				t.Fatalf("stream a has %d marks, want 12 (%v)", len(marks), err)
			}
			f.mustEmit("a", 60, 70)
			want["a"] = 70
			f.wantStored(want)
			f.close()
			f.wantVerified()
		})
	}
}

func write(t *testing.T, path string, data []byte) {
	t.Helper()
	if err := os.WriteFile(path, data, 0o600); err != nil {
		t.Fatal(err)
	}
}

func TestARebuildDoesNotBringDroppedOrReplayedEventsBack(t *testing.T) {
	now := epoch
	f := newFixture(t, Options{Retention: 2 * time.Hour, Grace: 24 * time.Hour, Now: func() time.Time { return now }, Uptime: func() time.Duration { return now.Sub(epoch) }}).open()
	f.mustEmit("a", 0, 10)
	now = now.Add(time.Hour)
	f.mustEmit("b", 0, 10)
	replay(t, f, 0)
	now = now.Add(90 * time.Minute)
	if err := f.s.Maintain(t.Context()); err != nil {
		t.Fatal(err)
	}
	want := f.stored()
	f.close()
	removeCatalog(t, f)
	wantRebuildError(t, f)
	if _, err := Rebuild(t.Context(), f.dir, f.opt); err != nil {
		t.Fatal(err)
	}
	f.open()
	defer f.close()
	if got := f.stored(); len(got) != len(want) || len(got) != 12 {
		t.Fatalf("%d lines are stored, want %d as before the rebuild and 12", len(got), len(want))
	}
	// The positions of what retention dropped are still known.
	f.wantPositions(map[string]int{"a": 10, "b": 10})
	if left := waiting(t, f); len(left) != 0 {
		t.Fatalf("%d events wait in quarantine again", len(left))
	}
	f.wantVerified()
}

func TestAnUnfinishedCommitIsSetAside(t *testing.T) {
	f := newFixture(t, Options{}).open()
	f.mustEmit("a", 0, 20)
	f.close()
	old, err := os.ReadFile(filepath.Join(f.dir, catalogName))
	if err != nil {
		t.Fatal(err)
	}
	oldHead, err := os.ReadFile(filepath.Join(f.dir, headName))
	if err != nil {
		t.Fatal(err)
	}
	f.open()
	f.mustEmit("a", 20, 40)
	f.close()
	// As a crash leaves it before the transaction.
	removeCatalog(t, f)
	write(t, filepath.Join(f.dir, catalogName), old)
	write(t, filepath.Join(f.dir, headName), oldHead)
	f.open()
	f.wantStored(map[string]int{"a": 20})
	orphans, err := f.s.Orphans(t.Context())
	if err != nil || len(orphans) != 2 {
		t.Fatalf("orphans are %v, want 2 (%v)", orphans, err)
	}
	f.close()

	t.Run("a rebuild takes it back while nothing came after", func(t *testing.T) {
		c := copyStore(t, f)
		rep, err := Rebuild(t.Context(), c.dir, c.opt)
		if err != nil || len(rep.Adopted) != 2 {
			t.Fatalf("the report is %+v (%v)", rep, err)
		}
		c.open()
		defer c.close()
		c.wantStored(map[string]int{"a": 40})
		c.wantPositions(map[string]int{"a": 40})
		c.wantVerified()
	})
	t.Run("a rebuild leaves it when its events were read again", func(t *testing.T) {
		c := copyStore(t, f)
		c.open()
		c.mustEmit("a", 20, 40)
		c.close()
		rep, err := Rebuild(t.Context(), c.dir, c.opt)
		if err != nil || len(rep.Adopted) != 0 {
			t.Fatalf("the report is %+v (%v)", rep, err)
		}
		c.open()
		defer c.close()
		c.wantStored(map[string]int{"a": 40})
	})
	t.Run("half of it is never taken back", func(t *testing.T) {
		c := copyStore(t, f)
		if err := os.Remove(filepath.Join(c.dir, orphansName, orphans[0].Name)); err != nil {
			t.Fatal(err)
		}
		if _, err := Rebuild(t.Context(), c.dir, c.opt); err != nil {
			t.Fatal(err)
		}
		c.open()
		defer c.close()
		c.wantStored(map[string]int{"a": 20})
		c.wantPositions(map[string]int{"a": 20})
	})
}

func copyStore(t *testing.T, f *fixture) *fixture {
	t.Helper()
	c := newFixture(t, f.opt)
	if err := os.CopyFS(c.dir, os.DirFS(f.dir)); err != nil {
		t.Fatal(err)
	}
	return c
}

func TestADamagedSegmentIsRefusedByName(t *testing.T) {
	f, _ := used(t)
	f.close()
	r, err := OpenReader(f.dir)
	if err != nil {
		t.Fatal(err)
	}
	snap, err := r.Snapshot(t.Context(), catalog.Which{LogType: event.MongoDBAudit})
	if err != nil {
		t.Fatal(err)
	}
	victim := &snap.Segments[0]
	path := r.Path(victim)
	if err := r.Close(); err != nil {
		t.Fatal(err)
	}
	data, err := os.ReadFile(path)
	if err != nil {
		t.Fatal(err)
	}
	for name, harm := range map[string]func() error{
		"is missing": func() error { return os.Remove(path) },
		"is damaged": func() error { return os.WriteFile(path, data[:len(data)/2], 0o600) },
	} {
		if err := harm(); err != nil {
			t.Fatal(err)
		}
		if err := f.tryOpen(); err == nil || !strings.Contains(err.Error(), path) || !strings.Contains(err.Error(), name) {
			t.Fatalf("Open: %v, want that %s %s", err, path, name)
		}
		// It recovers by itself when the file is back.
		write(t, path, data)
		f.open()
		f.close()
	}
	data[len(data)/3] ^= 1
	write(t, path, data)
	rep, err := Verify(t.Context(), f.dir)
	if err != nil || len(rep.Findings) != 1 || !strings.Contains(rep.Findings[0].Object, victim.Name) {
		t.Fatalf("findings are %v, want one about %s (%v)", rep.Findings, victim.Name, err)
	}
	// A rebuild goes on without what cannot be read.
	write(t, path, data[:len(data)/2])
	out, err := Rebuild(t.Context(), f.dir, f.opt)
	if err != nil || len(out.SetAside) != 1 {
		t.Fatalf("the report is %+v (%v)", out, err)
	}
	f.open()
	f.close()
}

func TestVerifyFindsWhatWasTamperedWith(t *testing.T) {
	for name, statement := range map[string]string{
		"record":  `UPDATE commits SET record = replace(record, '"rows":', '"rows":1') WHERE number = 3`,
		"hash":    `UPDATE commits SET hash = prev WHERE number = 3`,
		"missing": `DELETE FROM commits WHERE number = 3`,
		"cut off": `DELETE FROM commits WHERE number = (SELECT max(number) FROM commits)`,
		"segment": `UPDATE segments SET row_count = row_count + 1 WHERE dead_at = 0 AND tier = 0`,
		"hidden":  `UPDATE segments SET dead_at = 1 WHERE dead_at = 0`,
		"revived": `UPDATE segments SET dead_at = 0`,
	} {
		t.Run(name, func(t *testing.T) {
			f, _ := used(t)
			f.close()
			f.wantVerified()
			tamper(t, f, statement)
			rep, err := Verify(t.Context(), f.dir)
			if err != nil || len(rep.Findings) == 0 {
				t.Fatalf("nothing was found (%v)", err)
			}
		})
	}
}
