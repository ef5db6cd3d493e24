package sourcetest

import (
	"context"
	"errors"
	"fmt"
	"slices"
	"sync/atomic"
	"testing"
	"testing/synctest"
	"time"

	"github.com/margay-audit/margay/event"
)

// Fixture is one kind of source together with the place that it reads from.
type Fixture interface {
	// Source returns a new source that continues from the ledger, as after a
	// start of the process.
	Source(ledger event.Ledger) event.Source
	// Produce makes n events happen and returns them as the source will receive
	// them. No two events of a fixture are the same.
	Produce(n int) [][]byte
}

// patience is how long a source may take to notice events. It passes on the
// fake clock of the bubble.
const patience = time.Minute

// Run checks that a source keeps the contract of [event.Source]. Every test gets
// a fixture of its own and runs in a synctest bubble, so the source must wait
// by means of package time only.
func Run(t *testing.T, fixture func(t *testing.T) Fixture) {
	tests := []struct {
		name string
		test func(t *testing.T, fx Fixture)
	}{
		{"reads everything once", readsOnce},
		{"goes on after a restart", goesOn},
		{"ends with the error of emit", endsWithError},
		{"ends with its context", endsWithContext},
		{"emits nothing when there is nothing new", emitsNothing},
	}
	for _, tt := range tests {
		t.Run(tt.name, func(t *testing.T) {
			synctest.Test(t, func(t *testing.T) { tt.test(t, fixture(t)) })
		})
	}
}

// start runs a source. The function returned ends it and returns what Run
// returned, after checking that nothing of it goes on.
func start(t *testing.T, src event.Source, store *Store) (end func() error) {
	t.Helper()
	ctx, cancel := context.WithCancel(t.Context())
	result := make(chan error, 1)
	go func() { result <- src.Run(ctx, store.Emit) }()
	return func() error {
		t.Helper()
		cancel()
		err := <-result
		if n := store.Active(); n != 0 {
			t.Errorf("Run returned while %d emits were under way", n)
		}
		calls := store.Calls()
		<-time.After(patience)
		if store.Calls() != calls {
			t.Error("emit was called after Run had returned")
		}
		return err
	}
}

// settle lets the source notice what happened.
func settle() {
	<-time.After(patience)
	synctest.Wait()
}

func check(t *testing.T, store *Store, want [][]byte) {
	t.Helper()
	if err := store.Err(); err != nil {
		t.Errorf("contract: %v", err)
	}
	if diff := Difference(store.Rows(), want); diff != "" {
		t.Error(diff)
	}
}

// Difference says how the raw bytes of rows differ from want as a multiset. It
// is empty when they do not.
func Difference(rows []Row, want [][]byte) string {
	count := make(map[string]int)
	for _, w := range want {
		count[string(w)]++
	}
	for _, r := range rows {
		count[string(r.Record.Raw)]--
	}
	var diffs []string
	for raw, n := range count {
		if n != 0 {
			diffs = append(diffs, fmt.Sprintf("%+d %.80q", -n, raw))
		}
	}
	slices.Sort(diffs)
	if len(diffs) == 0 {
		return ""
	}
	return fmt.Sprintf("%d rows for %d events; too many (+), missing (-): %v", len(rows), len(want), diffs[:min(len(diffs), 10)])
}

func readsOnce(t *testing.T, fx Fixture) {
	store := new(Store)
	want := fx.Produce(25)
	end := start(t, fx.Source(store), store)
	settle()
	check(t, store, want)
	for range 3 {
		want = append(want, fx.Produce(7)...)
		settle()
		check(t, store, want)
	}
	if err := end(); !errors.Is(err, context.Canceled) {
		t.Errorf("Run returned %v, want the context's error", err)
	}
}

func goesOn(t *testing.T, fx Fixture) {
	store := new(Store)
	var want [][]byte
	for range 4 {
		want = append(want, fx.Produce(9)...)
		end := start(t, fx.Source(store), store)
		settle()
		want = append(want, fx.Produce(4)...)
		settle()
		if err := end(); !errors.Is(err, context.Canceled) {
			t.Errorf("Run returned %v, want the context's error", err)
		}
		check(t, store, want)
	}
}

func endsWithError(t *testing.T, fx Fixture) {
	broken := errors.New("broken on purpose")
	for fail := 1; fail <= 3; fail++ {
		store := new(Store)
		want := fx.Produce(5)
		var n atomic.Int64
		store.Before = func(context.Context, *event.Batch) error {
			if n.Add(1) == int64(fail) {
				return broken
			}
			return nil
		}
		ctx, cancel := context.WithCancel(t.Context())
		result := make(chan error, 1)
		go func() { result <- fx.Source(store).Run(ctx, store.Emit) }()
		for range fail {
			settle()
			want = append(want, fx.Produce(5)...)
		}
		settle()
		cancel()
		if err := <-result; n.Load() >= int64(fail) && !errors.Is(err, broken) {
			t.Errorf("Run returned %v although emit %d failed", err, fail)
		}
		store.Before = nil
		end := start(t, fx.Source(store), store)
		settle()
		_ = end()
		if fail == 1 { // later rounds see what earlier ones produced, too
			check(t, store, want)
		} else if err := store.Err(); err != nil {
			t.Errorf("contract: %v", err)
		}
	}
}

func endsWithContext(t *testing.T, fx Fixture) {
	store := new(Store)
	want := fx.Produce(10)
	store.Before = func(ctx context.Context, _ *event.Batch) error {
		<-ctx.Done() // a store that takes nothing
		return ctx.Err()
	}
	end := start(t, fx.Source(store), store)
	settle()
	if err := end(); !errors.Is(err, context.Canceled) {
		t.Errorf("Run returned %v, want the context's error", err)
	}
	check(t, store, nil)
	store.Before = nil
	end = start(t, fx.Source(store), store)
	settle()
	_ = end()
	check(t, store, want)
}

func emitsNothing(t *testing.T, fx Fixture) {
	store := new(Store)
	want := fx.Produce(10)
	end := start(t, fx.Source(store), store)
	settle()
	_ = end()
	calls := store.Calls()
	end = start(t, fx.Source(store), store)
	settle()
	_ = end()
	if store.Calls() != calls {
		t.Errorf("emit was called %d times without anything new", store.Calls()-calls)
	}
	check(t, store, want)
}
