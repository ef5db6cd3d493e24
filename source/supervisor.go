package source

import (
	"context"
	"errors"
	"fmt"
	"log/slog"
	"runtime/debug"
	"sync"
	"time"

	"github.com/cenkalti/backoff/v5"

	"github.com/margay-audit/margay/event"
)

// Waits says how long to wait before a failed source is started again.
// [backoff.ExponentialBackOff] is one. It is used by one supervisor only.
type Waits interface {
	// NextBackOff returns the wait after one more failure in a row.
	NextBackOff() time.Duration
	// Reset forgets the failures so far.
	Reset()
}

// Options of a supervisor. The zero value is usable.
type Options struct {
	// Name is the source's name in log lines.
	Name string
	// Log receives starts, failures and recoveries. Defaults to discarding.
	Log *slog.Logger
	// Waits defaults to 500 ms growing by half up to one minute, each varied
	// by half so that many sources do not come back at one instant.
	Waits Waits
	// GoodAfter is how long a run must last for the failures before it to be
	// forgotten. Defaults to one minute.
	GoodAfter time.Duration
	// OnState is called when the supervisor sees the state change in health or
	// reason, never twice at the same time. What a source reports of itself
	// between two failures is only in State. Defaults to nothing.
	OnState func(event.State)
}

func (o Options) withDefaults() Options {
	if o.Log == nil {
		o.Log = slog.New(slog.DiscardHandler)
	}
	if o.Waits == nil {
		b := backoff.NewExponentialBackOff()
		b.MaxInterval = time.Minute
		o.Waits = b
	}
	if o.GoodAfter <= 0 {
		o.GoodAfter = time.Minute
	}
	return o
}

// Reporter is implemented by sources that can say how they are doing while
// they run. A source that cannot is shown as healthy while it runs.
type Reporter interface {
	// State returns a snapshot. It is called from any goroutine.
	State() event.State
}

// Supervisor runs one source again and again.
type Supervisor struct {
	src  event.Source
	emit event.Emit
	o    Options

	mu      sync.Mutex
	own     event.State // what the supervisor knows
	running bool        // the source itself may be asked
	failed  bool        // the last run failed, and nothing shows that it is over
	began   time.Time   // when the run began

	tellMu sync.Mutex // held while OnState runs
	told   event.State
}

// New returns a supervisor of src that hands emit to it. Nothing runs yet.
func New(src event.Source, emit event.Emit, o Options) *Supervisor {
	return &Supervisor{
		src: src, emit: emit, o: o.withDefaults(),
		own: event.State{Health: event.Stopped, Reason: "not started"},
	}
}

// Supervise is New and Run in one step, for callers that do not ask for states.
func Supervise(ctx context.Context, src event.Source, emit event.Emit, o Options) error {
	return New(src, emit, o).Run(ctx)
}

// Run keeps the source running until ctx ends or the source has nothing more to
// read for ever. It returns nil in the second case and the context's error in
// the first, in either case only after the source's own Run has returned. It
// may be called once.
func (s *Supervisor) Run(ctx context.Context) error {
	for {
		began := s.starts()
		err := s.once(ctx)
		if ctx.Err() != nil {
			s.set(event.State{Health: event.Stopped, Reason: "collection was ended"})
			return ctx.Err()
		}
		if err == nil {
			s.set(event.State{Health: event.Stopped, Reason: "everything there was to read has been read"})
			return nil
		}
		if time.Since(began) >= s.o.GoodAfter {
			s.o.Waits.Reset()
		}
		wait := s.o.Waits.NextBackOff()
		s.fails(err, wait)
		timer := time.NewTimer(wait)
		select {
		case <-ctx.Done():
			timer.Stop()
		case <-timer.C:
		}
	}
}

// once is one run of the source; a panic in it comes back as an error, because
// one broken source must not end the collection of the others.
func (s *Supervisor) once(ctx context.Context) (err error) {
	defer func() {
		if p := recover(); p != nil {
			s.o.Log.ErrorContext(ctx, "source panicked", "source", s.o.Name, "panic", p, "stack", string(debug.Stack()))
			err = fmt.Errorf("source panicked: %v", p)
		}
	}()
	return s.src.Run(ctx, s.emitAndRecover)
}

// emitAndRecover passes batches through. A batch that became durable proves
// that a failure is over, which matters for sources that cannot report.
func (s *Supervisor) emitAndRecover(ctx context.Context, b event.Batch) error {
	if err := s.emit(ctx, b); err != nil {
		return err
	}
	s.mu.Lock()
	was := s.failed
	s.failed = false
	if was {
		s.own = event.State{Health: event.Healthy}
	}
	s.own.LastRead = time.Now()
	s.mu.Unlock()
	if was {
		s.o.Log.InfoContext(ctx, "source works again", "source", s.o.Name)
		s.tell()
	}
	return nil
}

func (s *Supervisor) starts() time.Time {
	now := time.Now()
	s.mu.Lock()
	s.running, s.began = true, now
	first := !s.failed
	if first {
		s.own.Health, s.own.Reason = event.Healthy, ""
	}
	s.mu.Unlock()
	if first {
		s.tell()
	}
	return now
}

func (s *Supervisor) fails(err error, wait time.Duration) {
	health := event.Behind
	if errors.Is(err, event.ErrBlocked) {
		health = event.Blocked
	}
	s.o.Log.Warn("source failed, starting it again", "source", s.o.Name, "error", err, "wait", wait)
	last := s.State()
	last.Health, last.Reason = health, err.Error()
	s.mu.Lock()
	s.failed = true
	s.mu.Unlock()
	s.set(last)
}

// set replaces what is known while the source does not run.
func (s *Supervisor) set(st event.State) {
	s.mu.Lock()
	if st.LastRead.IsZero() {
		st.LastRead = s.own.LastRead
	}
	s.own, s.running = st, false
	s.mu.Unlock()
	s.tell()
}

func (s *Supervisor) tell() {
	if s.o.OnState == nil {
		return
	}
	s.tellMu.Lock()
	defer s.tellMu.Unlock()
	st := s.State()
	if st.Health == s.told.Health && st.Reason == s.told.Reason {
		return
	}
	s.told = st
	s.o.OnState(st)
}

// State returns how the source is doing now: the reason of its last failure
// until a batch has become durable again or a good stretch has passed, and else
// what the source says itself.
func (s *Supervisor) State() event.State {
	s.mu.Lock()
	own, running, failed := s.own, s.running, s.failed
	if running && failed && time.Since(s.began) >= s.o.GoodAfter {
		own.Health, own.Reason, failed = event.Healthy, "", false
	}
	s.mu.Unlock()
	rep, ok := s.src.(Reporter)
	if !ok {
		return own
	}
	st := rep.State()
	if st.LastRead.IsZero() {
		st.LastRead = own.LastRead
	}
	// A failed source that now says it has read everything is to be believed:
	// there may be no further event for hours.
	if !running || failed && st.Health != event.Healthy {
		st.Health, st.Reason = own.Health, own.Reason
	}
	return st
}
