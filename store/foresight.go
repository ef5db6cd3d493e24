package store

import (
	"context"
	"fmt"
	"maps"
	"slices"

	"github.com/margay-audit/margay/event"
	"github.com/margay-audit/margay/store/catalog"
	"github.com/margay-audit/margay/store/segment"
)

// foresee writes the ledger when the change would otherwise be unknown to a
// rebuild: when segments are dropped, and when a new stream begins without any
// row, as it does when a source is told to start at the end of its files. The
// later moves of such a stream wait for the next footer, see looseStreams.
func (s *Store) foresee(ctx context.Context, ch *catalog.Change, d *draft) error {
	needed := len(d.dropped) > 0
	if len(ch.Add) == 0 {
		s.mu.Lock()
		for i := range ch.Streams {
			st := s.byID[ch.Streams[i].ID]
			needed = needed || !st.known
		}
		s.mu.Unlock()
	}
	if !needed {
		return nil
	}
	return s.writeLedger(ctx, ch, d.dropped)
}

// writeLedger writes what is known, with a change that is about to be
// recorded, or nil. s.serial is held.
func (s *Store) writeLedger(ctx context.Context, ch *catalog.Change, dropped []recordSegment) error {
	l, err := readLedger(s.dir)
	if err != nil {
		return err
	}
	l.StoreID = s.id
	if err := s.fillLedger(ctx, l); err != nil {
		return fmt.Errorf("write ledger: %w", err)
	}
	l.Dropped = append(l.Dropped, dropped...)
	if ch != nil {
		// A commit that failed may have left a record of this number.
		l.Commits = slices.DeleteFunc(l.Commits, func(k catalog.Commit) bool { return k.Number >= ch.Commit.Number })
		l.Commits = append(l.Commits, ch.Commit)
		l.Number, l.Hash = ch.Commit.Number, ch.Commit.Hash
		l.merge(ch.Streams)
	}
	return l.write(s.disk, s.dir)
}

func (s *Store) fillLedger(ctx context.Context, l *ledger) error {
	return s.cat.View(ctx, func(tx *catalog.Tx) error {
		last, err := tx.Last(ctx)
		if err != nil {
			return err
		}
		l.Number, l.Hash = last.Number, last.Hash
		streams, err := tx.Streams(ctx)
		if err != nil {
			return err
		}
		l.Streams = footerStreams(streams)
		for i := range l.Streams {
			if l.Streams[i].Marks, err = tx.Marks(ctx, l.Streams[i].ID); err != nil {
				return err
			}
		}
		if l.Sources, err = tx.Sources(ctx); err != nil {
			return err
		}
		resolved, err := tx.Resolved(ctx)
		if err != nil {
			return err
		}
		l.Resolved = slices.SortedFunc(maps.Values(resolved), compareResolutions)
		return nil
	})
}

// merge puts the moves of a commit over the streams.
func (l *ledger) merge(moves []catalog.StreamChange) {
	for i := range moves {
		st := footerStream(&moves[i])
		at := slices.IndexFunc(l.Streams, func(o segment.Stream) bool { return o.ID == st.ID })
		if at < 0 {
			l.Streams = append(l.Streams, st)
			continue
		}
		l.Streams[at].Position = st.Position
		l.Streams[at].Marks = append(l.Streams[at].Marks, st.Marks...)
	}
}

// looseStreams returns the streams that moved without a file since the last
// footer was written, but for those in skip: the next footer carries them.
// s.serial is held.
func (s *Store) looseStreams(skip map[uint64]int) []segment.Stream {
	s.mu.Lock()
	defer s.mu.Unlock()
	var out []segment.Stream
	for _, id := range slices.Sorted(maps.Keys(s.loose)) {
		if _, ok := skip[id]; !ok {
			out = append(out, footerStreams([]event.Stream{s.byID[id].Stream})...)
		}
	}
	return out
}

// flushLoose writes the ledger when the store is closed with moves that no
// footer carries.
func (s *Store) flushLoose() error {
	s.serial.Lock()
	defer s.serial.Unlock()
	if len(s.loose) == 0 || s.doubt != nil {
		return nil
	}
	if err := s.writeLedger(context.Background(), nil, nil); err != nil {
		// The catalog has them; only a rebuild would read some blank lines again.
		s.log.Warn("cannot write ledger", "error", err)
		return nil
	}
	clear(s.loose)
	return nil
}

func compareResolutions(a, b catalog.Resolution) int {
	return slices.Compare([]uint64{a.ID.Hi, a.ID.Lo}, []uint64{b.ID.Hi, b.ID.Lo})
}
