package main

import (
	"context"
	"errors"
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
		state := event.State{Health: event.Healthy}
		var saved time.Time
		var got map[string]event.State
		saves, broken := 0, false
		ended := make(chan error, 1)
		go func() {
			ended <- keepStates(ctx,
				func() map[string]event.State { return map[string]event.State{"a": state} },
				func(now map[string]event.State) error {
					if broken {
						return errors.New("disk full")
					}
					saves, saved, got = saves+1, time.Now(), now
					return nil
				})
		}()
		for range 300 {
			time.Sleep(time.Second)
			synctest.Wait()
			if age := time.Since(saved); age >= staleAfter/2 {
				t.Fatalf("the state is %v old while the source is being read", age)
			}
		}
		if saves > 40 {
			t.Errorf("an unchanged state was written %d times in 300 s", saves)
		}

		broken = true
		state.Health = event.Behind
		time.Sleep(3 * time.Second)
		broken = false
		time.Sleep(2 * time.Second)
		synctest.Wait()
		if got["a"].Health != event.Behind {
			t.Errorf("a change that could not be saved at first was lost: %+v", got)
		}

		cancel()
		if err := <-ended; err != nil || got["a"].Health != event.Stopped {
			t.Errorf("at the end: %v, %+v", err, got)
		}
	})
}
