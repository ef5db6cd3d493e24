package store

import (
	"context"
	"errors"
	"os"
	"testing"
	"testing/synctest"
	"time"

	"github.com/margay-audit/margay/event"
)

func TestBatchesAreKeptAcrossARestart(t *testing.T) {
	f := newFixture(t, Options{}).open()
	f.mustEmit("a", 0, 25)
	f.mustEmit("b", 0, 3)
	f.mustEmit("a", 25, 30)
	want := map[string]int{"a": 30, "b": 3}
	f.wantStored(want)
	f.wantPositions(want)
	f.close()
	f.open()
	f.wantStored(want)
	f.wantPositions(want)
	f.mustEmit("b", 3, 5)
	f.wantStored(map[string]int{"a": 30, "b": 5})
	marks, err := f.s.Marks(t.Context(), 1)
	if err != nil || len(marks) != 2 || marks[0].Offset != 2500 || marks[1].Sum != batch("a", 0, 30).Marks[0].Sum {
		t.Fatalf("marks are %v (%v)", marks, err)
	}
	f.close()
	f.wantVerified()
	for name, mode := range map[string]os.FileMode{"": 0o700, catalogName: 0o600, headName: 0o600, lockName: 0o600} {
		if st, err := os.Stat(f.dir + "/" + name); err != nil || st.Mode().Perm() != mode {
			t.Errorf("%s has mode %v, want %v (%v)", name, st.Mode().Perm(), mode, err)
		}
	}
}

func TestOfTwoReadersOfAStreamOneLoses(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		f := newFixture(t, Options{}).open()
		defer f.close()
		f.mustEmit("a", 0, 10)
		start := time.Now()
		errs := make(chan error, 2)
		for range 2 {
			go func() { errs <- f.emit(t.Context(), batch("a", 10, 20)) }()
		}
		one, two := <-errs, <-errs
		if one == nil {
			one, two = two, one
		}
		if two != nil || !errors.Is(one, event.ErrPositionMoved) {
			t.Fatalf("got %v and %v, want one success and ErrPositionMoved", two, one)
		}
		if took := time.Since(start); took != 0 {
			t.Errorf("the loser was told after %v, want at once", took)
		}
		// From where the stream never was, nobody can tell at once.
		if err := f.emit(t.Context(), batch("a", 30, 40)); !errors.Is(err, event.ErrPositionMoved) || time.Since(start) != 2*time.Second {
			t.Errorf("a gap: %v after %v, want ErrPositionMoved after 2s", err, time.Since(start))
		}
		f.wantStored(map[string]int{"a": 20})
		if _, tmp := f.files(); len(tmp) > 0 {
			t.Fatalf("left behind: %v", tmp)
		}
	})
}

func TestBatchesOfAStreamMayComeInAnyOrder(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		f := newFixture(t, Options{}).open()
		defer f.close()
		errs := make(chan error)
		for _, from := range []int{20, 10, 30, 0} {
			go func() { errs <- f.emit(t.Context(), batch("a", from, from+10)) }()
			synctest.Wait()
		}
		for range 4 {
			if err := <-errs; err != nil {
				t.Fatal(err)
			}
		}
		f.wantStored(map[string]int{"a": 40})
		f.wantPositions(map[string]int{"a": 40})
	})
}

func TestTheCommitterWaitsForRunningAppendsUpToTheInterval(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		f := newFixture(t, Options{FlushInterval: time.Second}).open()
		defer f.close()
		slow, err := f.s.Begin(batch("slow", 0, 1))
		if err != nil {
			t.Fatal(err)
		}
		start := time.Now()
		f.mustEmit("a", 0, 10)
		if took := time.Since(start); took != time.Second {
			t.Fatalf("the commit came after %v, want 1s", took)
		}
		slow.Abort()
		start = time.Now()
		f.mustEmit("a", 10, 20)
		if took := time.Since(start); took != 0 {
			t.Fatalf("the commit came after %v though nothing else was running", took)
		}
	})
}

func TestManyRowsAreCommittedAtOnce(t *testing.T) {
	for name, o := range map[string]Options{"rows": {FlushRows: 20}, "bytes": {FlushBytes: 500}} {
		t.Run(name, func(t *testing.T) {
			synctest.Test(t, func(t *testing.T) {
				f := newFixture(t, o).open()
				defer f.close()
				slow, err := f.s.Begin(batch("slow", 0, 1))
				if err != nil {
					t.Fatal(err)
				}
				defer slow.Abort()
				start := time.Now()
				f.mustEmit("a", 0, 20)
				if took := time.Since(start); took != 0 {
					t.Fatalf("the commit came after %v, want at once", took)
				}
			})
		})
	}
}

func TestAnAppendThatIsGivenUpLeavesNothing(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		f := newFixture(t, Options{}).open()
		defer f.close()
		slow, err := f.s.Begin(batch("slow", 0, 1))
		if err != nil {
			t.Fatal(err)
		}
		ctx, cancel := context.WithTimeout(t.Context(), 100*time.Millisecond)
		defer cancel()
		if err := f.emit(ctx, batch("a", 0, 10)); !errors.Is(err, context.DeadlineExceeded) {
			t.Fatalf("got %v, want a deadline", err)
		}
		addAll(t, slow, batch("slow", 0, 1))
		slow.Abort()
		f.mustEmit("b", 0, 10)
		f.wantStored(map[string]int{"b": 10})
		if _, tmp := f.files(); len(tmp) > 0 {
			t.Fatalf("left behind: %v", tmp)
		}
	})
}

func TestAClosedStoreRefuses(t *testing.T) {
	f := newFixture(t, Options{}).open()
	f.mustEmit("a", 0, 1)
	late, err := f.s.Begin(batch("a", 1, 2))
	if err != nil {
		t.Fatal(err)
	}
	s := f.s
	f.close()
	addAll(t, late, batch("a", 1, 2))
	if err := late.Commit(t.Context()); !errors.Is(err, event.ErrClosed) {
		t.Errorf("Commit: %v, want ErrClosed", err)
	}
	if _, err := s.Begin(batch("a", 1, 2)); !errors.Is(err, event.ErrClosed) {
		t.Errorf("Begin: %v, want ErrClosed", err)
	}
	if _, tmp := f.files(); len(tmp) > 0 {
		t.Errorf("left behind: %v", tmp)
	}
	f.open()
	defer f.close()
	f.wantStored(map[string]int{"a": 1})
}

func TestAPositionMayMoveWithoutRows(t *testing.T) {
	f := newFixture(t, Options{}).open()
	b := batch("a", 0, 0)
	b.To = pos(7)
	if err := f.emit(t.Context(), b); err != nil {
		t.Fatal(err)
	}
	f.mustEmit("a", 7, 9)
	f.close()
	f.open()
	defer f.close()
	f.wantPositions(map[string]int{"a": 9})
	if got := len(f.stored()); got != 2 {
		t.Fatalf("stored %d lines, want 2", got)
	}
}
