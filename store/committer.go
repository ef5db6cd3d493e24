package store

import (
	"context"
	"fmt"
	"slices"
	"time"

	"github.com/margay-audit/margay/event"
)

// committable is what pick found.
type committable struct {
	batch []*Append
	// wait is how long until time alone may change the answer; 0 is for ever.
	wait time.Duration
}

// pick takes the appends from the queue that are to be committed now, and
// fails those that can never be.
func (s *Store) pick(drain bool) committable {
	s.mu.Lock()
	ready, held := s.follow()
	var out committable
	var lost []*Append
	now := time.Now()
	for i := len(held) - 1; i >= 0; i-- {
		a := held[i]
		if left := s.opt.HoldLimit - now.Sub(a.queued); a.stream.running == 0 && (left <= 0 || drain || a.stream.wasAt(a.from)) {
			lost = append(lost, a)
			held = slices.Delete(held, i, i+1)
		} else if a.stream.running == 0 {
			out.wait = sooner(out.wait, left)
		}
	}
	rows, raw, oldest := 0, int64(0), now
	for _, a := range ready {
		rows, raw = rows+max(a.rows, 1), raw+a.raw
		if a.queued.Before(oldest) {
			oldest = a.queued
		}
	}
	left := s.opt.FlushInterval - now.Sub(oldest)
	switch {
	case len(ready) == 0:
	case drain, rows >= s.opt.FlushRows, raw >= s.opt.FlushBytes, left <= 0, s.running == 0:
		out.batch, ready = ready, nil
	default:
		out.wait = sooner(out.wait, left)
	}
	s.queue = append(ready, held...)
	s.mu.Unlock()
	for _, a := range lost {
		a.end(fmt.Errorf("store batch of %s: %w", a.name(), event.ErrPositionMoved))
	}
	return out
}

// follow sorts the queue into appends that continue their streams, in the order
// in which they do, and those that do not. s.mu is held.
func (s *Store) follow() (ready, held []*Append) {
	at := map[uint64]event.Position{}
	held = slices.Clone(s.queue)
	for found := true; found; {
		found = false
		rest := held[:0]
		for _, a := range held {
			if a.stream == nil {
				ready, found = append(ready, a), true
				continue
			}
			pos, ok := at[a.stream.ID]
			if !ok {
				pos = a.stream.Position
			}
			if string(pos) == string(a.from) {
				ready, found = append(ready, a), true
				at[a.stream.ID] = a.to
				continue
			}
			rest = append(rest, a)
		}
		held = rest
	}
	return ready, held
}

func sooner(a, b time.Duration) time.Duration {
	if a == 0 || b < a {
		return max(b, time.Nanosecond)
	}
	return a
}

// commitAll is the committer: it commits what waits until ctx ends, and then
// what is complete.
func (s *Store) commitAll(ctx context.Context) error {
	for {
		drain := ctx.Err() != nil
		p := s.pick(drain)
		if len(p.batch) > 0 {
			s.commit(ctx, p.batch)
			continue
		}
		if drain {
			return nil
		}
		var alarm <-chan time.Time
		if p.wait > 0 {
			alarm = time.After(p.wait)
		}
		select {
		case <-ctx.Done():
		case <-s.wake:
		case <-alarm:
		}
	}
}

// commit makes a run of appends durable, or fails them all.
func (s *Store) commit(ctx context.Context, batch []*Append) {
	s.serial.Lock()
	defer s.serial.Unlock()
	settled, err := s.settle(ctx)
	if err != nil {
		endAll(batch, err)
		return
	}
	if settled {
		// What was in doubt may have moved streams: decide anew.
		s.mu.Lock()
		s.queue = append(batch, s.queue...)
		s.mu.Unlock()
		return
	}
	batch = s.refuseResolved(ctx, batch)
	if len(batch) == 0 {
		return
	}
	d := s.draftOf(batch)
	if err := s.publish(ctx, d); err != nil {
		s.fail(batch, fmt.Errorf("commit: %w", diskError(err)))
		return
	}
	for _, a := range batch {
		a.files = nil
	}
	endAll(batch, nil)
	// Looking for something to merge is worth while only now and then.
	if s.unlooked += len(d.files); s.unlooked >= s.opt.MergeFanIn {
		s.unlooked = 0
		s.kick(s.tidy)
	}
}

func endAll(batch []*Append, err error) {
	for _, a := range batch {
		a.end(err)
	}
}

// fail ends appends whose commit failed, and with them those that were to follow
// in the same streams.
func (s *Store) fail(batch []*Append, err error) {
	failed := map[*stream]bool{}
	for _, a := range batch {
		failed[a.stream] = a.stream != nil
	}
	s.mu.Lock()
	var rest []*Append
	for _, a := range s.queue {
		if failed[a.stream] {
			batch = append(batch, a)
		} else {
			rest = append(rest, a)
		}
	}
	s.queue = rest
	s.mu.Unlock()
	endAll(batch, err)
}
