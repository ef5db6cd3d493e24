package store

import (
	"context"
	"database/sql"
	"errors"
	"path/filepath"
	"slices"
	"strings"
	"testing"

	"github.com/margay-audit/margay/event"
	"github.com/margay-audit/margay/schema"
	"github.com/margay-audit/margay/store/catalog"
	"github.com/margay-audit/margay/store/segment"
)

// tamper changes the catalog behind the store's back.
func tamper(t *testing.T, f *fixture, statement string) {
	t.Helper()
	db, err := sql.Open("sqlite", filepath.Join(f.dir, catalogName))
	if err != nil {
		t.Fatal(err)
	}
	defer db.Close()
	if _, err := db.Exec(statement); err != nil {
		t.Fatal(err)
	}
}

// waiting returns the events that wait in quarantine.
func waiting(t *testing.T, f *fixture) []Quarantined {
	t.Helper()
	r, err := OpenReader(f.dir)
	if err != nil {
		t.Fatal(err)
	}
	defer r.Close()
	var out []Quarantined
	err = r.Quarantine(t.Context(), func(q *Quarantined) error {
		if !q.Resolved {
			c := *q
			c.Raw = slices.Clone(q.Raw)
			out = append(out, c)
		}
		return nil
	})
	if err != nil {
		t.Fatal(err)
	}
	return out
}

// replay stores what waits in quarantine, but for the first skip events.
func replay(t *testing.T, f *fixture, skip int) []Quarantined {
	t.Helper()
	list := waiting(t, f)[skip:]
	a, err := f.s.BeginReplay()
	if err != nil {
		t.Fatal(err)
	}
	for i := range list {
		if err := addReplay(t.Context(), a, &list[i]); err != nil {
			t.Fatal(err)
		}
	}
	if err := a.Commit(t.Context()); err != nil {
		t.Fatal(err)
	}
	return list
}

func addReplay(ctx context.Context, a *Append, q *Quarantined) error {
	return a.Replay(ctx, q, auditSchema(), &schema.Row{EventTime: epoch.UnixMicro(), HasEventTime: true}, q.Raw, nil)
}

func TestQuarantineIsListedAndReplayedOnce(t *testing.T) {
	f := newFixture(t, Options{MergeFanIn: 2}).open()
	f.mustEmit("a", 0, 20)
	rec := event.Record{Raw: []byte("head of a long one"), Offset: 9000, Defect: "longer than 16 MiB", Size: 20 << 20, Sum: make([]byte, 32)}
	b := batch("b", 0, 0)
	b.To = pos(1)
	a, err := f.s.Begin(b)
	if err != nil {
		t.Fatal(err)
	}
	if err := a.Quarantine(&rec, rec.Defect); err != nil {
		t.Fatal(err)
	}
	if err := a.Commit(t.Context()); err != nil {
		t.Fatal(err)
	}
	list := waiting(t, f)
	if len(list) != 3 {
		t.Fatalf("%d events wait, want 3", len(list))
	}
	q := list[0]
	if q.ID != (event.RowID{Hi: 1, Lo: 900}) || string(q.Raw) != line("a", 9) || q.Reason != "it is the tenth" || q.File != "/var/log/a" || q.SourceLabel != "prod" || q.OriginalSize != 0 {
		t.Errorf("the first is %+v", q)
	}
	if last := list[2]; last.OriginalSize != 20<<20 || last.OriginalSHA256 != strings.Repeat("00", 32) || last.Reason != rec.Defect {
		t.Errorf("the last is %+v", last)
	}

	done := replay(t, f, 1)
	if err := f.s.Maintain(t.Context()); err != nil {
		t.Fatal(err)
	}
	if left := waiting(t, f); len(left) != 1 || left[0].ID != q.ID {
		t.Fatalf("%d events wait after the replay, want 1", len(left))
	}
	again, err := f.s.BeginReplay()
	if err != nil {
		t.Fatal(err)
	}
	if err := addReplay(t.Context(), again, &done[0]); !errors.Is(err, ErrResolved) {
		t.Fatalf("a second replay: %v, want ErrResolved", err)
	}
	again.Abort()
	f.close()
	f.open()
	defer f.close()
	if n := countRow(t, f, done[0].ID); n != 1 {
		t.Fatalf("the replayed event is stored %d times under its row id", n)
	}
	if f.s.waiting != int64(len(q.Raw)) {
		t.Fatalf("%d bytes wait, want %d", f.s.waiting, len(q.Raw))
	}
	f.wantVerified()
}

// countRow counts the rows with an id outside quarantine.
func countRow(t *testing.T, f *fixture, id event.RowID) int {
	t.Helper()
	r, err := OpenReader(f.dir)
	if err != nil {
		t.Fatal(err)
	}
	defer r.Close()
	snap, err := r.Snapshot(t.Context(), catalog.Which{LogType: event.MongoDBAudit})
	if err != nil {
		t.Fatal(err)
	}
	n := 0
	for i := range snap.Segments {
		err := eachRow(r.Path(&snap.Segments[i]), nil, func(row *segment.Row) error {
			if row.ID == id {
				n++
			}
			return nil
		})
		if err != nil {
			t.Fatal(err)
		}
	}
	return n
}

func TestOfTwoReplaysAtATimeOneIsRefused(t *testing.T) {
	f := newFixture(t, Options{}).open()
	defer f.close()
	f.mustEmit("a", 0, 10)
	list := waiting(t, f)
	errs := make(chan error, 2)
	var appends []*Append
	for range 2 {
		a, err := f.s.BeginReplay()
		if err != nil {
			t.Fatal(err)
		}
		if err := addReplay(t.Context(), a, &list[0]); err != nil {
			t.Fatal(err)
		}
		appends = append(appends, a)
	}
	for _, a := range appends {
		go func() { errs <- a.Commit(t.Context()) }()
	}
	one, two := <-errs, <-errs
	if one == nil {
		one, two = two, one
	}
	if two != nil || !errors.Is(one, ErrResolved) {
		t.Fatalf("got %v and %v, want one success and ErrResolved", one, two)
	}
	if n := countRow(t, f, list[0].ID); n != 1 {
		t.Fatalf("the event is stored %d times", n)
	}
}

func TestAFullQuarantineBlocksWithTheReason(t *testing.T) {
	f := newFixture(t, Options{QuarantineMaxBytes: 60}).open()
	defer f.close()
	f.mustEmit("a", 0, 10)
	err := f.emit(t.Context(), batch("a", 10, 20))
	if !errors.Is(err, event.ErrBlocked) || !strings.Contains(err.Error(), "quarantine is full") {
		t.Fatalf("got %v, want ErrBlocked", err)
	}
	// What needs no quarantine is still stored.
	f.mustEmit("b", 0, 5)
	f.wantStored(map[string]int{"a": 10, "b": 5})
	// A replay makes room.
	replay(t, f, 0)
	f.mustEmit("a", 10, 20)
	f.wantPositions(map[string]int{"a": 20, "b": 5})
}
