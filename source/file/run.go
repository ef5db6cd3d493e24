package file

import (
	"context"
	"encoding/json"
	"errors"
	"fmt"
	"log/slog"
	"strings"
	"sync"
	"sync/atomic"
	"time"

	"github.com/margay-audit/margay/event"
)

// How long things may take.
const (
	// settleMoved is how long a file that was renamed or removed must not have
	// changed before the end of its last line is taken for missing for good,
	// settleStill the same for a file that is still where it was.
	settleMoved = 10 * time.Second
	settleStill = time.Hour
	// linger is how long a file that was read to its end is kept open, in case
	// somebody writes to it after it was removed.
	linger = 5 * time.Minute
	// fresh is the age of a change up to which somebody may still be writing.
	fresh = time.Minute
	// late is how long something may wait before the source is said to be
	// behind.
	late = 5 * time.Second
)

// maxOpen is how many files are kept open while nothing needs them.
const maxOpen = 256

// run is one Run of a source. Its loop is the coordinator: apart from what is
// said to be shared, only the coordinator touches it.
type run struct {
	src   *Source
	cfg   Config
	log   *slog.Logger
	emit  event.Emit
	waker Waker // or nil
	lim   limits

	files    map[fileKey]*file
	problems []error // of the last look
	looked   time.Time
	locked   map[string]bool // names that the heads of files with a task give
	running  int
	open     int
	marking  bool // the first start must still be recorded
	results  chan outcome
	// fed tells that something was read; newest is the time of the file that
	// the state names as its position.
	fed    bool
	newest time.Time

	// Shared with tasks.
	slots    chan struct{} // one for each batch under way
	free     chan *block
	stopping atomic.Bool // a batch failed: send no more
	warned   sync.Once
	mu       sync.Mutex
	streams  map[string]*stream // by name; a stream belongs to who has its head locked
}

func newRun(s *Source, emit event.Emit) *run {
	tasks := s.cfg.Workers + 2
	return &run{
		src: s, cfg: s.cfg, log: s.cfg.Log, emit: emit, waker: s.cfg.Waker, lim: s.lim,
		files: make(map[fileKey]*file), locked: make(map[string]bool), streams: make(map[string]*stream),
		results: make(chan outcome, tasks), slots: make(chan struct{}, s.cfg.Workers+1),
		free: make(chan *block, tasks),
	}
}

// loop is the coordinator. It returns when no task runs any more.
func (r *run) loop(ctx context.Context) (err error) {
	defer r.closeAll()
	defer func() { err = r.drain(ctx, err) }()
	if err := r.begin(ctx); err != nil {
		return err
	}
	for {
		now := time.Now()
		due := r.launch(ctx, now)
		if err := r.markStart(ctx); err != nil {
			return err
		}
		r.report(now)
		if r.cfg.Once && r.running == 0 {
			return r.verdict()
		}
		if err := r.wait(ctx, due.Sub(now)); err != nil {
			return err
		}
	}
}

// begin takes the first look.
func (r *run) begin(ctx context.Context) error {
	if r.cfg.Start == FromEnd && !r.cfg.Once {
		known, err := r.cfg.Ledger.Streams(ctx, startPrefix+r.cfg.Origin.ID)
		if err != nil {
			return fmt.Errorf("look up the first start of source %s: %w", r.cfg.Origin.Label, err)
		}
		r.marking = len(known) == 0
	}
	r.look(time.Now())
	for _, f := range r.files {
		f.quiet = r.marking
	}
	return nil
}

// markStart records, once every file that was there has its end recorded, that
// the first start is over: whatever appears from now on is read whole.
func (r *run) markStart(ctx context.Context) error {
	if !r.marking {
		return nil
	}
	for _, f := range r.files {
		if f.quiet {
			return nil
		}
	}
	r.marking = false
	to, err := json.Marshal(map[string]time.Time{"first_start": time.Now().UTC()})
	if err != nil {
		return fmt.Errorf("write first start: %w", err)
	}
	b := event.Batch{Origin: r.cfg.Origin, Stream: startPrefix + r.cfg.Origin.ID, To: to}
	if err := r.emit(ctx, b); err != nil {
		return fmt.Errorf("record first start: %w", err)
	}
	return nil
}

// wait returns when there may be something to do, at the latest after d.
func (r *run) wait(ctx context.Context, d time.Duration) error {
	timer := time.NewTimer(max(d, time.Millisecond))
	defer timer.Stop()
	var hints <-chan struct{}
	if r.waker != nil {
		hints = r.waker.Wake()
	}
	select {
	case <-ctx.Done():
		return ctx.Err()
	case o := <-r.results:
		return r.finish(o)
	case <-hints:
	case <-timer.C:
	}
	if !r.cfg.Once {
		r.look(time.Now())
	}
	return nil
}

// drain ends what runs. The batches under way are waited for; which error Run
// returns is decided by the first that was not a consequence of another.
func (r *run) drain(ctx context.Context, err error) error {
	r.stopping.Store(true)
	for r.running > 0 {
		if ferr := r.finish(<-r.results); err == nil || errors.Is(err, errStopped) {
			err = ferr
		}
	}
	if ctx.Err() != nil && (err == nil || errors.Is(err, context.Canceled) || errors.Is(err, errStopped)) {
		return ctx.Err()
	}
	return err
}

// finish takes a file back from its task.
func (r *run) finish(o outcome) error {
	t, f := o.t, o.t.f
	r.running--
	delete(r.locked, t.key)
	f.busy, f.everRead, f.quiet = false, true, false
	f.pending = time.Time{}
	f.settled = t.final
	f.reason = o.reason
	f.packing = t.c.packing
	f.readSize, f.readMod = t.size, t.modified
	if f.packing != plain {
		r.close(f)
	} else if fi, err := f.fd.Stat(); err == nil {
		f.readMod = modTime(fi)
		if f.readSize = f.seen; o.again {
			f.readSize = -1 // try again
		}
	}
	r.locate(f, o.fed)
	if r.open > maxOpen && f.present {
		r.close(f)
	}
	return o.err
}

// locate says in the state how far the source is: where it read last, and, as
// long as it has not read anything, where the newest file it knows was left.
func (r *run) locate(f *file, fed bool) {
	if f.stream == nil || !fed && (r.fed || !f.readMod.After(r.newest)) {
		return
	}
	r.fed, r.newest = r.fed || fed, f.readMod
	r.src.set(func(st *event.State) {
		st.Position = fmt.Sprintf("%s:%d", f.path, f.stream.offset())
		if fed {
			st.LastRead = time.Now()
		}
	})
}

// verdict is the result of reading everything once.
func (r *run) verdict() error {
	errs := append([]error(nil), r.problems...)
	for _, f := range r.sorted() {
		if f.reason != nil {
			errs = append(errs, fmt.Errorf("read %s: %w", f.path, f.reason))
		}
	}
	return errors.Join(errs...)
}

// report brings the state and the progress up to date.
func (r *run) report(now time.Time) {
	var lag int64
	var reasons []error
	p := Progress{Files: len(r.files)}
	behind, none := false, true
	for _, f := range r.files {
		none = none && !f.present
		rest := f.lag()
		lag += rest
		behind = behind || rest >= blockSize || rest > 0 && !f.pending.IsZero() && now.Sub(f.pending) >= late
		p.Total += f.size
		p.Done += min(f.done.Load(), f.size)
		p.LeftOut += f.leftOut.Load()
		if f.everRead && !f.busy {
			p.Read++
		}
		if f.reason != nil {
			reasons = append(reasons, fmt.Errorf("read %s: %w", f.path, f.reason))
		}
	}
	reasons = append(reasons, r.problems...)
	r.src.set(func(st *event.State) {
		st.LagBytes = lag
		switch {
		case len(reasons) > 0:
			st.Health, st.Reason = event.Blocked, errors.Join(reasons[:min(len(reasons), 3)]...).Error()
		case none:
			st.Health, st.Reason = event.Blocked, "nothing that matches "+strings.Join(r.cfg.Paths, " or ")+" is a regular file"
		case behind:
			st.Health, st.Reason = event.Behind, fmt.Sprintf("%d bytes are waiting to be read", lag)
		default:
			st.Health, st.Reason = event.Healthy, ""
		}
	})
	if r.cfg.Progress != nil {
		r.cfg.Progress(p)
	}
}

// lag is how much of a file is known to be unread, in bytes on disk.
func (f *file) lag() int64 {
	switch {
	case f.busy:
		return max(0, f.size-f.done.Load())
	case f.packing != plain && f.everRead && f.size == f.readSize:
		return 0
	case f.packing != plain:
		return f.size
	}
	return max(0, f.size-f.readSize)
}
