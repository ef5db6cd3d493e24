// Package sourcetest holds what tests of sources share: a store in memory that
// keeps the contract of [event.Emit] to the letter, and the suite of promises
// that every source must keep.
package sourcetest

import (
	"bytes"
	"cmp"
	"context"
	"encoding/json"
	"errors"
	"fmt"
	"slices"
	"strings"
	"sync"
	"time"

	"github.com/margay-audit/margay/event"
)

// maxPosition is the length in bytes that a position should stay under.
const maxPosition = 4 << 10

// Row is a record that the store has made durable. Its bytes are its own.
type Row struct {
	ID     event.RowID
	Stream string
	File   string
	Source string
	Record event.Record
}

// Store is a ledger and an emit in memory. It outlives the runs of a source, as
// a store outlives a process. The zero value is empty and ready.
type Store struct {
	// Before is called at the beginning of every emit, in its goroutine. An
	// error becomes the emit's, and nothing is stored. Nil does nothing.
	Before func(ctx context.Context, b *event.Batch) error

	mu       sync.Mutex
	changed  sync.Cond
	streams  map[string]*stored
	last     uint64 // number of a stream
	rows     []Row
	active   int
	calls    int
	breaches []error
}

type stored struct {
	event.Stream
	marks   []event.Mark
	last    int64     // offset of the last record, or -1
	active  int       // emits under way
	waiting int       // of which wait for the one before them
	since   time.Time // when something last happened to the stream
}

func (s *Store) init() {
	if s.streams == nil {
		s.streams = make(map[string]*stored)
		s.changed.L = &s.mu
	}
}

// grace is how long a batch is held whose From is not the position of its
// stream. Nobody knows in which order the goroutines of two calls get going, so
// the batch before it may be about to arrive.
const grace = time.Second

// Emit makes a batch durable if its From is the position of its stream, or
// becomes it while others are under way.
func (s *Store) Emit(ctx context.Context, b event.Batch) error {
	s.mu.Lock()
	s.init()
	st := s.streams[b.Stream]
	if st == nil {
		st = &stored{Stream: event.Stream{Name: b.Stream}, last: -1}
		s.streams[b.Stream] = st
	}
	s.active++
	s.calls++
	st.active++
	s.mu.Unlock()
	var err error
	if s.Before != nil {
		err = s.Before(ctx, &b)
	}
	s.mu.Lock()
	defer s.mu.Unlock()
	defer s.changed.Broadcast()
	defer func() { s.active--; st.active-- }()
	if err != nil {
		return err
	}
	if err := s.turn(ctx, st, b.From); err != nil {
		return err
	}
	s.keep(st, &b)
	return nil
}

// turn waits until from is the position of the stream. It gives up once every
// call for the stream has been waiting for some time.
func (s *Store) turn(ctx context.Context, st *stored, from event.Position) error {
	defer context.AfterFunc(ctx, s.wake)()
	waiting := false
	defer func() {
		if waiting {
			st.waiting--
		}
	}()
	for !bytes.Equal(st.Position, from) {
		if err := ctx.Err(); err != nil {
			return err
		}
		if !waiting {
			waiting = true
			st.waiting++
			st.since = time.Now()
			time.AfterFunc(grace, s.wake)
		}
		if st.waiting == st.active && time.Since(st.since) >= grace {
			return event.ErrPositionMoved
		}
		s.changed.Wait()
	}
	return nil
}

// wake lets those that wait look again.
func (s *Store) wake() {
	s.mu.Lock()
	defer s.mu.Unlock()
	s.changed.Broadcast()
}

func (s *Store) keep(st *stored, b *event.Batch) {
	if st.ID == 0 {
		s.last++
		st.ID = s.last
		st.SourceID = b.Origin.ID
	}
	if len(b.To) > maxPosition || !json.Valid(b.To) {
		s.breach("position of %s is not JSON under 4 KiB: %q", b.Stream, b.To)
	}
	if bytes.Equal(b.From, b.To) {
		s.breach("batch of %s leaves the position where it is", b.Stream)
	}
	st.Position, st.since = bytes.Clone(b.To), time.Now()
	time.AfterFunc(grace, s.wake)
	st.marks = append(st.marks, b.Marks...)
	if !slices.IsSortedFunc(st.marks, func(a, b event.Mark) int { return cmp.Compare(a.Offset, b.Offset) }) {
		s.breach("marks of %s do not rise", b.Stream)
	}
	for _, r := range b.Records {
		if int64(r.Offset) <= st.last {
			s.breach("offset %d of %s does not rise above %d", r.Offset, b.Stream, st.last)
		}
		st.last = int64(r.Offset)
		r.Raw, r.Sum = bytes.Clone(r.Raw), bytes.Clone(r.Sum)
		s.rows = append(s.rows, Row{
			ID: event.RowID{Hi: st.ID, Lo: r.Offset}, Stream: b.Stream, File: b.File, Source: b.Origin.ID, Record: r,
		})
	}
}

func (s *Store) breach(format string, args ...any) {
	s.breaches = append(s.breaches, fmt.Errorf(format, args...))
}

// Streams implements [event.Ledger].
func (s *Store) Streams(_ context.Context, prefix string) ([]event.Stream, error) {
	s.mu.Lock()
	defer s.mu.Unlock()
	var out []event.Stream
	for name, st := range s.streams {
		if st.ID != 0 && strings.HasPrefix(name, prefix) {
			out = append(out, st.Stream)
		}
	}
	slices.SortFunc(out, func(a, b event.Stream) int { return cmp.Compare(a.ID, b.ID) })
	return out, nil
}

// Marks implements [event.Ledger].
func (s *Store) Marks(_ context.Context, stream uint64) ([]event.Mark, error) {
	s.mu.Lock()
	defer s.mu.Unlock()
	for _, st := range s.streams {
		if st.ID == stream {
			return slices.Clone(st.marks), nil
		}
	}
	return nil, fmt.Errorf("read marks: no stream %d", stream)
}

// Rows returns what is durable, in the order in which it became so.
func (s *Store) Rows() []Row {
	s.mu.Lock()
	defer s.mu.Unlock()
	return slices.Clone(s.rows)
}

// Active returns how many emits are under way.
func (s *Store) Active() int {
	s.mu.Lock()
	defer s.mu.Unlock()
	return s.active
}

// Calls returns how many emits have begun.
func (s *Store) Calls() int {
	s.mu.Lock()
	defer s.mu.Unlock()
	return s.calls
}

// Err returns what a source did against the contract.
func (s *Store) Err() error {
	s.mu.Lock()
	defer s.mu.Unlock()
	return errors.Join(s.breaches...)
}

var _ event.Ledger = (*Store)(nil)
