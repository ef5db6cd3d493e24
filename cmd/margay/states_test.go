package main

import (
	"context"
	"errors"
	"sync"
	"testing"
	"testing/synctest"
	"time"

	"github.com/margay-audit/margay/event"
)

// TestStatesStayFresh proves that a source with nothing to read is not taken
// for one that nobody reads: status takes states that are old for dead.
func TestStatesStayFresh(t *testing.T) {
	t.Parallel()
	synctest.Test(t, func(t *testing.T) {
		ctx, cancel := context.WithCancel(t.Context())
		var mu sync.Mutex // guards what follows
		state := event.State{Health: event.Healthy}
		var saved time.Time
		var got map[string]event.State
		saves, broken := 0, false

		ended := make(chan error, 1)
		go func() {
			ended <- keepStates(ctx,
				func() map[string]event.State {
					mu.Lock()
					defer mu.Unlock()
					return map[string]event.State{"a": state}
				},
				func(now map[string]event.State) error {
					mu.Lock()
					defer mu.Unlock()
					if broken {
						return errors.New("disk full")
					}
					saves, saved, got = saves+1, time.Now(), now
					return nil
				})
		}()
		after := func(d time.Duration, do func()) {
			time.Sleep(d)
			synctest.Wait()
			mu.Lock()
			defer mu.Unlock()
			do()
		}
		for range 300 {
			after(time.Second, func() {
				if age := time.Since(saved); age >= staleAfter/2 {
					t.Fatalf("the state is %v old while the source is being read", age)
				}
			})
		}
		after(0, func() {
			if saves > 80 {
				t.Errorf("an unchanged state was written %d times in 300 s", saves)
			}
			broken, state.Health = true, event.Behind
		})
		after(3*time.Second, func() { broken = false })
		after(2*time.Second, func() {
			if got["a"].Health != event.Behind {
				t.Errorf("a change that could not be saved at first was lost: %+v", got)
			}
		})

		cancel()
		if err := <-ended; err != nil || got["a"].Health != event.Stopped {
			t.Errorf("at the end: %v, %+v", err, got)
		}
	})
}

// TestBelieved proves that status does not call well what nobody has heard of.
func TestBelieved(t *testing.T) {
	t.Parallel()
	for _, c := range []struct {
		health event.Health
		age    time.Duration
		pid    int
		want   event.Health
	}{
		{event.Healthy, time.Second, 7, event.Healthy},
		{event.Behind, staleAfter, 7, event.Behind},
		{event.Healthy, staleAfter + 1, 7, event.Blocked},
		{event.Stopped, time.Hour, 7, event.Stopped},
		{event.Healthy, time.Second, 0, event.Stopped},
		{event.Blocked, time.Hour, 0, event.Stopped},
		{"", time.Hour, 7, event.Stopped},
		{"", time.Hour, 0, event.Stopped},
	} {
		if got, _ := believed(&event.State{Health: c.health}, c.age, c.pid); got != c.want {
			t.Errorf("%q of %v ago with process %d is shown as %s, want %s", c.health, c.age, c.pid, got, c.want)
		}
	}
}

// TestSilence: a day without anything new is silence, unless the source is
// known to be worse off.
func TestSilence(t *testing.T) {
	t.Parallel()
	began := time.Date(2026, 3, 1, 0, 0, 0, 0, time.UTC)
	for _, tt := range []struct {
		name   string
		health event.Health
		read   time.Duration // after began; 0 is never
		now    time.Duration
		want   event.Health
	}{
		{"just begun", event.Healthy, 0, time.Hour, event.Healthy},
		{"nothing since the start", event.Healthy, 0, 24 * time.Hour, event.Silent},
		{"something an hour ago", event.Healthy, 47 * time.Hour, 48 * time.Hour, event.Healthy},
		{"something two days ago", event.Healthy, time.Hour, 49 * time.Hour, event.Silent},
		{"blocked stays blocked", event.Blocked, 0, 48 * time.Hour, event.Blocked},
	} {
		st := event.State{Health: tt.health}
		if tt.read > 0 {
			st.LastRead = began.Add(tt.read)
		}
		got := silence(st, began, began.Add(tt.now))
		if got.Health != tt.want || (got.Health == event.Silent) != (got.Reason != "") {
			t.Errorf("%s: %+v, want %s", tt.name, got, tt.want)
		}
	}
}
