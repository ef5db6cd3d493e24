package file

import (
	"context"
	"fmt"
	"os"
	"sync"

	"github.com/margay-audit/margay/event"
	"github.com/margay-audit/margay/source"
)

// Source reads log files. See the package comment.
type Source struct {
	cfg  Config
	lim  limits
	open func(path string) (*os.File, error)

	mu    sync.Mutex
	state event.State
}

var (
	_ event.Source    = (*Source)(nil)
	_ source.Reporter = (*Source)(nil)
)

// New checks the config and returns the source. Nothing is opened before Run.
func New(cfg Config) (*Source, error) {
	cfg = cfg.withDefaults()
	if err := cfg.validate(); err != nil {
		return nil, fmt.Errorf("file source %s: %w", cfg.Origin.Label, err)
	}
	return &Source{
		cfg: cfg, lim: limits{batchRecords, blockSize, readSize}, open: os.Open,
		state: event.State{Health: event.Stopped, Reason: "not started"},
	}, nil
}

// Run reads the files until ctx ends or, with Once, to their end. A file that
// cannot be read holds no other back: it is in the state, and with Once in the
// error. Run may be called again after it has returned.
func (s *Source) Run(ctx context.Context, emit event.Emit) error {
	r := newRun(s, emit)
	if s.cfg.Waker == nil && !s.cfg.Once {
		if n := newInotify(r.log); n != nil {
			defer n.stop()
			r.waker = n
		}
	}
	defer s.set(func(st *event.State) { st.Health, st.Reason = event.Stopped, "not running" })
	return r.loop(ctx)
}

// State says how far the source is.
func (s *Source) State() event.State {
	s.mu.Lock()
	defer s.mu.Unlock()
	return s.state
}

func (s *Source) set(change func(*event.State)) {
	s.mu.Lock()
	defer s.mu.Unlock()
	change(&s.state)
}
