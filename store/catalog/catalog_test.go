package catalog

import (
	"context"
	"errors"
	"io/fs"
	"os"
	"path/filepath"
	"strings"
	"syscall"
	"testing"

	"github.com/google/go-cmp/cmp"

	"github.com/margay-audit/margay/event"
)

func create(t *testing.T, name string) (*Catalog, string) {
	t.Helper()
	path := filepath.Join(t.TempDir(), name)
	c, err := Create(t.Context(), path)
	if err != nil {
		t.Fatal(err)
	}
	t.Cleanup(func() {
		if err := c.Close(); err != nil {
			t.Error(err)
		}
	})
	return c, path
}

// change is commit number n: one segment, one stream, one source.
func change(n uint64) *Change {
	return &Change{
		Commit:  Commit{Number: n, Time: int64(n) * 1000, Kind: "append", Record: `{"n":1}`, Prev: "before", Hash: "after"},
		Add:     []Segment{{Name: "t/" + string(rune('a'+n)), LogType: "T", SchemaVersion: 1, Layout: "l", First: n, Commit: n, Part: 1, Rows: 10, Bytes: 100, RawBytes: 50, EventMin: int64(n) * 10, EventMax: int64(n)*10 + 9, StoredMin: 1, StoredMax: 2, SHA256: "x", Digests: "[]", Bloom: []byte{1, 2}}},
		Layouts: map[string]string{"l": "{}"},
		Streams: []StreamChange{{
			Stream: event.Stream{ID: 7, Name: "s", SourceID: "src", Position: event.Position(`{"at":"` + string(rune('a'+n)) + `"}`)},
			Marks:  []event.Mark{{Offset: n, Sum: 1<<63 + n}},
		}},
		Sources: []Source{{ID: "src", Label: "prod", Kind: "file", Stored: int64(n) * 10, LastEvent: 5, LastStored: 6}},
	}
}

func view(t *testing.T, c *Catalog, read func(context.Context, *Tx) error) {
	t.Helper()
	if err := c.View(t.Context(), func(tx *Tx) error { return read(t.Context(), tx) }); err != nil {
		t.Fatal(err)
	}
}

func TestWhatIsAppliedIsRead(t *testing.T) {
	c, _ := create(t, "a catalog?with #odd% name")
	want := []*Change{change(1), change(2)}
	for _, ch := range want {
		if err := c.Apply(t.Context(), ch); err != nil {
			t.Fatal(err)
		}
	}
	view(t, c, func(ctx context.Context, tx *Tx) error {
		segments, err := tx.Segments(ctx, Which{Bloom: true, Digests: true})
		if diff := cmp.Diff([]Segment{want[0].Add[0], want[1].Add[0]}, segments); diff != "" {
			t.Errorf("segments differ: %s", diff)
		}
		streams, serr := tx.Streams(ctx)
		if diff := cmp.Diff([]event.Stream{want[1].Streams[0].Stream}, streams); diff != "" {
			t.Errorf("streams differ: %s", diff)
		}
		marks, merr := tx.Marks(ctx, 7)
		if diff := cmp.Diff([]event.Mark{{Offset: 1, Sum: 1<<63 + 1}, {Offset: 2, Sum: 1<<63 + 2}}, marks); diff != "" {
			t.Errorf("marks differ: %s", diff)
		}
		last, lerr := tx.Last(ctx)
		if diff := cmp.Diff(want[1].Commit, last); diff != "" {
			t.Errorf("the last commit differs: %s", diff)
		}
		sources, oerr := tx.Sources(ctx)
		if diff := cmp.Diff(want[1].Sources, sources); diff != "" {
			t.Errorf("sources differ: %s", diff)
		}
		return errors.Join(err, serr, merr, lerr, oerr)
	})
	view(t, c, func(ctx context.Context, tx *Tx) error {
		picked, err := tx.Segments(ctx, Which{LogType: "T", From: 25, To: 25})
		if len(picked) != 1 || picked[0].Commit != 2 || picked[0].Bloom != nil || picked[0].Digests != "" {
			t.Errorf("picked %+v", picked)
		}
		return err
	})
}

func TestAChangeIsAppliedWholeOrNotAtAll(t *testing.T) {
	c, _ := create(t, "catalog")
	if err := c.Apply(t.Context(), change(1)); err != nil {
		t.Fatal(err)
	}
	for name, spoil := range map[string]func(*Change){
		"a number taken":             func(ch *Change) { ch.Commit.Number = 1 },
		"a segment twice":            func(ch *Change) { ch.Add = append(ch.Add, ch.Add[0]) },
		"burying what is not there":  func(ch *Change) { ch.Dead = []string{"t/nothing"} },
		"another stream of the name": func(ch *Change) { ch.Streams[0].ID = 8 },
		"a row resolved twice": func(ch *Change) {
			ch.Resolved = []Resolution{{ID: event.RowID{Hi: 1, Lo: 2}}, {ID: event.RowID{Hi: 1, Lo: 2}}}
		},
	} {
		t.Run(name, func(t *testing.T) {
			ch := change(2)
			spoil(ch)
			if err := c.Apply(t.Context(), ch); err == nil {
				t.Fatal("it was applied")
			}
			view(t, c, func(ctx context.Context, tx *Tx) error {
				last, err := tx.Last(ctx)
				segments, serr := tx.Segments(ctx, Which{})
				streams, terr := tx.Streams(ctx)
				if last.Number != 1 || len(segments) != 1 || string(streams[0].Position) != `{"at":"b"}` {
					t.Errorf("something of it is there: %v %v %v", last, segments, streams)
				}
				return errors.Join(err, serr, terr)
			})
		})
	}
}

func TestASegmentDiesOnce(t *testing.T) {
	c, _ := create(t, "catalog")
	for n := range uint64(3) {
		if err := c.Apply(t.Context(), change(n+1)); err != nil {
			t.Fatal(err)
		}
	}
	merge := &Change{Commit: Commit{Number: 4}, Dead: []string{"t/b", "t/c"}, DeadAt: 99}
	if err := c.Apply(t.Context(), merge); err != nil {
		t.Fatal(err)
	}
	again := &Change{Commit: Commit{Number: 5}, Dead: []string{"t/b"}, DeadAt: 100}
	if err := c.Apply(t.Context(), again); err == nil || !strings.Contains(err.Error(), "t/b") {
		t.Fatalf("burying again: %v", err)
	}
	// A live segment is never forgotten.
	if err := c.RemoveSegments(t.Context(), []string{"t/b", "t/d"}); err != nil {
		t.Fatal(err)
	}
	view(t, c, func(ctx context.Context, tx *Tx) error {
		live, err := tx.Segments(ctx, Which{})
		dead, derr := tx.Segments(ctx, Which{Dead: true})
		if len(live) != 1 || live[0].Name != "t/d" || len(dead) != 1 || dead[0].Name != "t/c" || dead[0].DeadAt != 99 {
			t.Errorf("live %v, dead %v", live, dead)
		}
		return errors.Join(err, derr)
	})
}

func TestSettleTellsWhetherACommitLanded(t *testing.T) {
	c, _ := create(t, "catalog")
	if err := c.Apply(t.Context(), change(1)); err != nil {
		t.Fatal(err)
	}
	for _, q := range []struct {
		number uint64
		hash   string
		want   bool
	}{{1, "after", true}, {1, "another", false}, {2, "after", false}} {
		if got, err := c.Settle(t.Context(), q.number, q.hash); got != q.want || err != nil {
			t.Errorf("commit %d with hash %q: %v, want %v (%v)", q.number, q.hash, got, q.want, err)
		}
	}
}

func TestWhatIsNoCatalogIsRefused(t *testing.T) {
	dir := t.TempDir()
	for name, content := range map[string]string{"empty": "", "text": strings.Repeat("text ", 5000)} {
		path := filepath.Join(dir, name)
		if err := os.WriteFile(path, []byte(content), 0o600); err != nil {
			t.Fatal(err)
		}
		if _, err := Open(t.Context(), path); !errors.Is(err, ErrDamaged) {
			t.Errorf("%s: %v, want ErrDamaged", name, err)
		}
		if _, err := OpenReader(t.Context(), path); !errors.Is(err, ErrDamaged) {
			t.Errorf("%s, to read: %v, want ErrDamaged", name, err)
		}
	}
	if _, err := Open(t.Context(), filepath.Join(dir, "none")); !errors.Is(err, fs.ErrNotExist) {
		t.Errorf("missing: %v, want ErrNotExist", err)
	}
	if exists := func() bool { _, err := os.Stat(filepath.Join(dir, "none")); return err == nil }(); exists {
		t.Error("opening has made a file")
	}
}

// TestReadingWithoutWriting reads a catalog in the ways that remain where
// nothing beside it can be written.
func TestReadingWithoutWriting(t *testing.T) {
	c, path := create(t, "catalog")
	if err := c.Apply(t.Context(), change(1)); err != nil {
		t.Fatal(err)
	}
	number := func(r *Catalog, err error) uint64 {
		t.Helper()
		if err != nil {
			t.Fatal(err)
		}
		var last Commit
		view(t, r, func(ctx context.Context, tx *Tx) (err error) {
			last, err = tx.Last(ctx)
			return err
		})
		if err := r.SetMeta(t.Context(), "k", "v"); err == nil {
			t.Error("a reader could write")
		}
		if err := r.Close(); err != nil {
			t.Fatal(err)
		}
		return last.Number
	}
	// The commit is in the log only as long as the writer is there.
	if got := number(copied(t.Context(), path)); got != 1 {
		t.Errorf("a copy with log ends with commit %d, want 1", got)
	}
	if got := number(OpenReader(t.Context(), path)); got != 1 {
		t.Errorf("beside the writer the catalog ends with commit %d, want 1", got)
	}
	closed := filepath.Join(t.TempDir(), "closed")
	d, err := Create(t.Context(), closed)
	if err != nil {
		t.Fatal(err)
	}
	if err := errors.Join(d.Apply(t.Context(), change(1)), d.Close()); err != nil {
		t.Fatal(err)
	}
	if got := number(tryReader(t.Context(), closed, "immutable=1")); got != 1 {
		t.Errorf("taken for immutable the catalog ends with commit %d, want 1", got)
	}
	if got := number(OpenReader(t.Context(), closed)); got != 1 {
		t.Errorf("without a writer the catalog ends with commit %d, want 1", got)
	}
}

func TestAFullDatabaseIsAFullDisk(t *testing.T) {
	c, _ := create(t, "catalog")
	if _, err := c.db.Exec("PRAGMA max_page_count = 30"); err != nil {
		t.Fatal(err)
	}
	ch := change(1)
	ch.Add[0].Bloom = make([]byte, 1<<20)
	if err := c.Apply(t.Context(), ch); !errors.Is(err, syscall.ENOSPC) {
		t.Fatalf("got %v, want ENOSPC", err)
	}
	if err := c.Apply(t.Context(), change(1)); err != nil {
		t.Fatalf("it does not go on: %v", err)
	}
}
