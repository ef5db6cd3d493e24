package source

import (
	"context"
	"errors"
	"fmt"
	"strings"
	"testing"
	"testing/synctest"
	"time"

	"github.com/margay-audit/margay/event"
)

// script is a source whose runs are given by functions, one after the other.
// The last one is used again.
type script struct {
	runs  []func(ctx context.Context, emit event.Emit) error
	at    []time.Time // when each run began
	state *event.State
}

func (s *script) Run(ctx context.Context, emit event.Emit) error {
	run := s.runs[min(len(s.at), len(s.runs)-1)]
	s.at = append(s.at, time.Now())
	return run(ctx, emit)
}

// telling is a script that reports a state.
type telling struct{ *script }

func (s telling) State() event.State { return *s.state }

// fixed waits a second more after each failure.
type fixed struct{ failures int }

func (f *fixed) NextBackOff() time.Duration {
	f.failures++
	return time.Duration(f.failures) * time.Second
}
func (f *fixed) Reset() { f.failures = 0 }

var errBroken = errors.New("broken on purpose")

func fail(context.Context, event.Emit) error { return errBroken }

func wait(ctx context.Context, _ event.Emit) error { <-ctx.Done(); return ctx.Err() }

func durable(context.Context, event.Batch) error { return nil }

func TestSupervisorStartsAgainWithLongerWaits(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		long := func(context.Context, event.Emit) error { <-time.After(2 * time.Minute); return errBroken }
		src := &script{runs: []func(context.Context, event.Emit) error{fail, fail, fail, long, fail, wait}}
		ctx, cancel := context.WithCancel(t.Context())
		result := make(chan error, 1)
		go func() { result <- Supervise(ctx, src, durable, Options{Waits: new(fixed)}) }()
		<-time.After(time.Hour)
		cancel()
		if err := <-result; !errors.Is(err, context.Canceled) {
			t.Errorf("Run returned %v, want the context's error", err)
		}
		var waits []time.Duration
		for i := 1; i < len(src.at); i++ {
			waits = append(waits, src.at[i].Sub(src.at[i-1]))
		}
		// The fourth run was long enough for the failures before it to count no more.
		want := []time.Duration{time.Second, 2 * time.Second, 3 * time.Second, 2*time.Minute + time.Second, 2 * time.Second}
		if fmt.Sprint(waits) != fmt.Sprint(want) {
			t.Errorf("runs began after %v, want %v", waits, want)
		}
	})
}

func TestSupervisorDefaultWaits(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		src := &script{runs: []func(context.Context, event.Emit) error{fail}}
		ctx, cancel := context.WithTimeout(t.Context(), time.Hour)
		defer cancel()
		if err := Supervise(ctx, src, durable, Options{}); !errors.Is(err, context.DeadlineExceeded) {
			t.Errorf("Run returned %v", err)
		}
		if n := len(src.at); n < 45 || n > 150 {
			t.Errorf("%d runs in an hour of failures", n)
		}
		if first := src.at[1].Sub(src.at[0]); first > time.Second {
			t.Errorf("the first wait is %v", first)
		}
	})
}

func TestSupervisorStates(t *testing.T) {
	blocked := fmt.Errorf("%w: the quarantine is full", event.ErrBlocked)
	panics := func(context.Context, event.Emit) error { panic("BUG: a nil pointer") }
	emits := func(ctx context.Context, emit event.Emit) error {
		if err := emit(ctx, event.Batch{}); err != nil {
			return err
		}
		return wait(ctx, emit)
	}
	tests := []struct {
		name   string
		run    func(ctx context.Context, emit event.Emit) error
		then   func(ctx context.Context, emit event.Emit) error
		tells  *event.State
		health []event.Health // before the second run, in it, and after the end
		reason string         // before the second run
	}{
		{"fails and works again", fail, emits, nil, []event.Health{event.Behind, event.Healthy, event.Stopped}, "broken on purpose"},
		{"fails and finds nothing", fail, wait, nil, []event.Health{event.Behind, event.Behind, event.Stopped}, "broken on purpose"},
		{"fails and finds nothing for long", fail, wait, nil, []event.Health{event.Behind, event.Healthy, event.Stopped}, "broken on purpose"},
		{"is blocked", func(context.Context, event.Emit) error { return blocked }, wait, nil, []event.Health{event.Blocked, event.Blocked, event.Stopped}, "the quarantine is full"},
		{"panics", panics, emits, nil, []event.Health{event.Behind, event.Healthy, event.Stopped}, "panicked: BUG: a nil pointer"},
		{"tells that it is behind", fail, wait, &event.State{Health: event.Behind, Reason: "5 bytes wait"}, []event.Health{event.Behind, event.Behind, event.Stopped}, "broken on purpose"},
		{"tells that all is well", fail, wait, &event.State{Health: event.Healthy}, []event.Health{event.Behind, event.Healthy, event.Stopped}, "broken on purpose"},
	}
	for _, tt := range tests {
		t.Run(tt.name, func(t *testing.T) {
			synctest.Test(t, func(t *testing.T) {
				sc := &script{runs: []func(context.Context, event.Emit) error{tt.run, tt.then}, state: tt.tells}
				var src event.Source = sc
				if tt.tells != nil {
					src = telling{sc}
				}
				sup := New(src, durable, Options{Waits: new(fixed), GoodAfter: time.Minute})
				if st := sup.State(); st.Health != event.Stopped && tt.tells == nil {
					t.Errorf("before Run it is %s", st.Health)
				}
				ctx, cancel := context.WithCancel(t.Context())
				result := make(chan error, 1)
				go func() { result <- sup.Run(ctx) }()
				expect := func(i int) {
					t.Helper()
					synctest.Wait()
					if st := sup.State(); st.Health != tt.health[i] {
						t.Errorf("state %d is %s because %q, want %s", i, st.Health, st.Reason, tt.health[i])
					}
				}
				expect(0)
				if st := sup.State(); !strings.Contains(st.Reason, tt.reason) {
					t.Errorf("reason is %q, want %q", st.Reason, tt.reason)
				}
				<-time.After(2 * time.Second)
				if strings.HasSuffix(tt.name, "for long") {
					<-time.After(time.Minute)
				}
				expect(1)
				cancel()
				<-result
				expect(2)
			})
		})
	}
}

func TestSupervisorEndsWithItsSource(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		var told []event.Health
		src := &script{runs: []func(context.Context, event.Emit) error{fail, func(context.Context, event.Emit) error { return nil }}}
		err := Supervise(t.Context(), src, durable, Options{OnState: func(st event.State) { told = append(told, st.Health) }})
		if err != nil {
			t.Errorf("Run returned %v", err)
		}
		if want := []event.Health{event.Healthy, event.Behind, event.Stopped}; fmt.Sprint(told) != fmt.Sprint(want) {
			t.Errorf("states were %v, want %v", told, want)
		}
	})
}

// TestSupervisorWaitsForItsSource: Run must not return before the source has.
func TestSupervisorWaitsForItsSource(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		ended := false
		src := &script{runs: []func(context.Context, event.Emit) error{func(ctx context.Context, _ event.Emit) error {
			<-ctx.Done()
			<-time.After(5 * time.Second)
			ended = true
			return ctx.Err()
		}}}
		ctx, cancel := context.WithTimeout(t.Context(), time.Second)
		defer cancel()
		_ = Supervise(ctx, src, durable, Options{})
		if !ended {
			t.Error("Run returned before the source's Run")
		}
	})
}
