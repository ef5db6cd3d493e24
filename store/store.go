package store

import (
	"context"
	"errors"
	"fmt"
	"log/slog"
	"os"
	"slices"
	"strings"
	"sync"
	"sync/atomic"
	"time"

	"github.com/cespare/xxhash/v2"
	"golang.org/x/sync/errgroup"

	"github.com/margay-audit/margay/event"
	"github.com/margay-audit/margay/schema"
	"github.com/margay-audit/margay/store/catalog"
	"github.com/margay-audit/margay/store/segment"
)

// Store is a data folder opened for writing. All methods may be called
// concurrently.
type Store struct {
	dir  string
	opt  Options
	log  *slog.Logger
	disk Disk
	id   string
	lock *os.File
	cat  *catalog.Catalog

	pools      sync.Map // *schema.Schema → *sync.Pool of *segment.Builder
	quarantine quarantineShape
	temporary  atomic.Uint64 // numbers temporary files
	wake       chan struct{} // tells the committer to look at the queue
	tidy       chan struct{} // tells maintenance that there may be work

	// serial is held from reading the number of the next commit to having
	// recorded it, by the committer, merges, retention. It is taken before mu.
	serial sync.Mutex
	// loose are streams that moved by commits without any file since the last
	// commit with one; serial guards it.
	loose map[uint64]bool
	// doubt is set while nobody knows whether a transaction was recorded;
	// serial guards it.
	doubt *doubt
	clock clockWatch // guarded by serial
	// unlooked counts the files since maintenance was last woken; guarded by
	// serial.
	unlooked int
	// registering is held while sources are registered.
	registering sync.Mutex
	// unmergeable are segments that failed to merge; maintenance's own.
	unmergeable map[string]bool

	mu       sync.Mutex // guards what follows
	last     head
	lastTime int64
	streams  map[string]*stream
	byID     map[uint64]*stream
	nextID   uint64
	sources  map[string]catalog.Source
	running  int // appends begun and neither waiting nor ended
	queue    []*Append
	// waiting is the raw size of what is in quarantine and not resolved;
	// reserved the part of it that appends under way intend to add.
	waiting, reserved int64
	broken            error // set together with doubt
	closed            bool
}

// stream is what the store knows of a stream. Store.mu guards it.
type stream struct {
	event.Stream
	known   bool // it is in the catalog
	running int  // appends begun and neither waiting nor ended
	// past are hashes of the positions that it was at lately, in a ring: an
	// append from one of them is too late and need not be held.
	past [8]uint64
	left int // where the next one goes
}

// moveTo gives a stream its new position. Store.mu is held.
func (st *stream) moveTo(p event.Position) {
	st.past[st.left%len(st.past)] = xxhash.Sum64(st.Position)
	st.left++
	st.Position, st.known = p, true
}

// wasAt reports whether the stream is known to have left a position.
func (st *stream) wasAt(p event.Position) bool {
	return st.known && slices.Contains(st.past[:min(st.left, len(st.past))], xxhash.Sum64(p))
}

var _ event.Ledger = (*Store)(nil)

// Open opens a data folder for writing, and makes a new one where there is
// none. It fails with a [*LockedError] when another process has it open, and
// with a [*RebuildError] when the catalog does not match the segments.
func Open(ctx context.Context, dir string, o Options) (*Store, error) {
	o = o.withDefaults()
	if err := makeFolders(dir); err != nil {
		return nil, fmt.Errorf("open store %s: %w", dir, diskError(err))
	}
	lock, err := takeLock(dir)
	if err != nil {
		return nil, err
	}
	s := &Store{
		dir: dir, opt: o, log: o.Log, disk: o.Disk, lock: lock,
		quarantine: shapeOf(schema.QuarantineSchema()),
		wake:       make(chan struct{}, 1), tidy: make(chan struct{}, 1),
		loose: map[uint64]bool{}, unmergeable: map[string]bool{}, streams: map[string]*stream{}, byID: map[uint64]*stream{}, sources: map[string]catalog.Source{}, nextID: 1,
	}
	if err := s.start(ctx); err != nil {
		if s.cat != nil {
			err = errors.Join(err, s.cat.Close())
		}
		return nil, errors.Join(fmt.Errorf("open store %s: %w", dir, err), lock.Close())
	}
	return s, nil
}

// ID returns the store's own name, which stands in the footer of each of its
// segments.
func (s *Store) ID() string { return s.id }

// Dir returns the data folder.
func (s *Store) Dir() string { return s.dir }

// Close gives the data folder back. Call it after Run has returned, or instead
// of Run. Appends that wait fail with [event.ErrClosed].
func (s *Store) Close() error {
	s.shut()
	s.serial.Lock()
	defer s.serial.Unlock()
	return errors.Join(s.cat.Close(), s.lock.Close())
}

// shut refuses every append from now on and fails those that wait.
func (s *Store) shut() {
	s.mu.Lock()
	queue := s.queue
	s.queue, s.closed = nil, true
	s.mu.Unlock()
	for _, a := range queue {
		a.end(event.ErrClosed)
	}
}

// Run commits what is appended, merges, applies retention and deletes dead
// files until ctx ends. Then it commits what is complete, refuses everything
// later with [event.ErrClosed], and returns when all has ended.
func (s *Store) Run(ctx context.Context) error {
	g, ctx := errgroup.WithContext(ctx)
	g.Go(func() error { return s.commitAll(ctx) })
	g.Go(func() error { return s.maintain(ctx) })
	err := g.Wait()
	s.shut()
	return errors.Join(err, s.flushLoose())
}

// Streams implements [event.Ledger].
func (s *Store) Streams(ctx context.Context, prefix string) ([]event.Stream, error) {
	if err := s.certain(ctx); err != nil {
		return nil, err
	}
	s.mu.Lock()
	defer s.mu.Unlock()
	var out []event.Stream
	for name, st := range s.streams {
		if st.known && strings.HasPrefix(name, prefix) {
			c := st.Stream
			c.Position = slices.Clone(c.Position)
			out = append(out, c)
		}
	}
	slices.SortFunc(out, func(a, b event.Stream) int { return strings.Compare(a.Name, b.Name) })
	return out, nil
}

// certain clears a doubt about the newest commit, if there is one: a source that
// asks where it stands must be told the truth or nothing.
func (s *Store) certain(ctx context.Context) error {
	s.mu.Lock()
	broken := s.broken
	s.mu.Unlock()
	if broken == nil {
		return nil
	}
	s.serial.Lock()
	defer s.serial.Unlock()
	_, err := s.settle(ctx)
	return err
}

// Marks implements [event.Ledger].
func (s *Store) Marks(ctx context.Context, id uint64) (marks []event.Mark, err error) {
	if err := s.certain(ctx); err != nil {
		return nil, err
	}
	err = s.cat.View(ctx, func(tx *catalog.Tx) error {
		marks, err = tx.Marks(ctx, id)
		return err
	})
	return marks, err
}

// SaveStates keeps what the sources say of themselves, for status. The states
// are by source id and replace all earlier ones.
func (s *Store) SaveStates(ctx context.Context, states map[string]event.State) error {
	now := s.opt.Now().UnixMicro()
	list := make([]catalog.SourceState, 0, len(states))
	for id, st := range states {
		list = append(list, catalog.SourceState{SourceID: id, State: st, Updated: now})
	}
	return s.cat.SaveStates(ctx, list)
}

// LogControl notes that a process handed over a command.
func (s *Store) LogControl(ctx context.Context, uid, pid int, command string) error {
	return s.cat.LogControl(ctx, catalog.Control{Time: s.opt.Now().UnixMicro(), UID: uid, PID: pid, Command: command})
}

func (s *Store) kick(c chan struct{}) {
	select {
	case c <- struct{}{}:
	default:
	}
}

// builder returns an empty builder for rows of a schema.
func (s *Store) builder(sch *schema.Schema) *segment.Builder {
	if b, ok := s.pool(sch).Get().(*segment.Builder); ok {
		return b
	}
	return segment.NewBuilder(sch)
}

func (s *Store) giveBack(sch *schema.Schema, b *segment.Builder) {
	b.Reset()
	s.pool(sch).Put(b)
}

func (s *Store) pool(sch *schema.Schema) *sync.Pool {
	if p, ok := s.pools.Load(sch); ok {
		return p.(*sync.Pool)
	}
	p, _ := s.pools.LoadOrStore(sch, new(sync.Pool))
	return p.(*sync.Pool)
}

func fromMicros(us int64) time.Time {
	if us == 0 {
		return time.Time{}
	}
	return time.UnixMicro(us).UTC()
}
