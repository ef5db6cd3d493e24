package store

import (
	"context"
	"errors"
	"fmt"
	"io/fs"
	"os"
	"time"

	"github.com/margay-audit/margay/event"
	"github.com/margay-audit/margay/store/catalog"
	"github.com/margay-audit/margay/store/segment"
)

// deleteAtOnce bounds how many dead files are forgotten in one transaction.
const deleteAtOnce = 500

// maintain looks after the store until ctx ends. What fails is tried again the
// next time: nothing of it is urgent, and commits go on.
func (s *Store) maintain(ctx context.Context) error {
	tick := time.NewTicker(s.opt.MaintainEvery)
	defer tick.Stop()
	for {
		if err := s.Maintain(ctx); err != nil && ctx.Err() == nil {
			s.log.Warn("maintenance of the store failed, and is tried again", "error", diskError(err))
		}
		select {
		case <-ctx.Done():
			return nil
		case <-tick.C:
		case <-s.tidy:
		}
	}
}

// Maintain does what Run does from time to time, once: it merges what there is
// to merge, drops what retention is over for, deletes the files that have been
// dead for the grace period, and archives old commit records. It must not be
// called while Run is running.
func (s *Store) Maintain(ctx context.Context) error {
	return errors.Join(s.watchClock(ctx), s.mergeAll(ctx), s.retain(ctx), s.deleteDead(ctx), s.archiveAll(ctx))
}

// retain drops the segments whose newest row was stored longer ago than the
// retention.
func (s *Store) retain(ctx context.Context) error {
	if s.opt.Retention <= 0 || s.Suspended() != "" {
		return nil
	}
	limit := s.opt.Now().Add(-s.opt.Retention).UnixMicro()
	d := &draft{kind: KindRetention}
	var quarantine []string
	err := s.cat.View(ctx, func(tx *catalog.Tx) error {
		live, err := tx.Segments(ctx, catalog.Which{})
		for i := range live {
			if live[i].StoredMax < limit {
				d.dropped = append(d.dropped, recordOf(&live[i]))
				if live[i].LogType == event.Quarantine {
					quarantine = append(quarantine, live[i].Name)
				}
			}
		}
		return err
	})
	if err != nil || len(d.dropped) == 0 {
		return err
	}
	if d.forget, err = s.resolvedIn(ctx, quarantine); err != nil {
		// Then the catalog remembers a few resolutions too many, no more.
		s.log.Warn("cannot read quarantine that is dropped", "error", err)
	}
	if err := s.publishAlone(ctx, d, nil); err != nil {
		return fmt.Errorf("apply retention: %w", err)
	}
	s.log.Info("retention dropped segments", "segments", len(d.dropped), "retention", s.opt.Retention)
	return s.recount(ctx)
}

// recount sets the size of what waits in quarantine anew.
func (s *Store) recount(ctx context.Context) error {
	s.serial.Lock()
	defer s.serial.Unlock()
	return s.cat.View(ctx, func(tx *catalog.Tx) error {
		_, raw, err := tx.Waiting(ctx)
		if err != nil {
			return err
		}
		s.mu.Lock()
		s.waiting = raw
		s.mu.Unlock()
		return nil
	})
}

// publishAlone publishes a draft that is not of the committer. Complete is
// called once no other commit can come between.
func (s *Store) publishAlone(ctx context.Context, d *draft, complete func()) error {
	s.serial.Lock()
	defer s.serial.Unlock()
	if _, err := s.settle(ctx); err != nil {
		s.undo(d.files)
		return err
	}
	if complete != nil {
		complete()
	}
	return s.publish(ctx, d)
}

// resolvedIn returns the resolved rows of quarantine segments.
func (s *Store) resolvedIn(ctx context.Context, names []string) ([]event.RowID, error) {
	if len(names) == 0 {
		return nil, nil
	}
	var resolved map[event.RowID]catalog.Resolution
	err := s.cat.View(ctx, func(tx *catalog.Tx) (err error) {
		resolved, err = tx.Resolved(ctx)
		return err
	})
	if err != nil || len(resolved) == 0 {
		return nil, err
	}
	var out []event.RowID
	for _, name := range names {
		err := eachRow(segmentPath(s.dir, name), nil, func(row *segment.Row) error {
			if _, ok := resolved[row.ID]; ok {
				out = append(out, row.ID)
			}
			return nil
		})
		if err != nil {
			return out, err
		}
	}
	return out, nil
}

// eachRow calls visit with the rows of a segment.
func eachRow(path string, columns []string, visit func(*segment.Row) error) error {
	r, err := segment.Open(path)
	if err != nil {
		return err
	}
	return errors.Join(r.Rows(columns, visit), r.Close())
}

// deleteDead deletes the files that no query can be reading any more. The file
// goes first: what the catalog does not know would be set aside at the next
// start.
func (s *Store) deleteDead(ctx context.Context) error {
	limit := s.opt.Now().Add(-s.opt.Grace).UnixMicro()
	var names []string
	err := s.cat.View(ctx, func(tx *catalog.Tx) error {
		dead, err := tx.Segments(ctx, catalog.Which{Dead: true})
		for i := range dead {
			if dead[i].DeadAt <= limit {
				names = append(names, dead[i].Name)
			}
		}
		return err
	})
	if err != nil {
		return err
	}
	for len(names) > 0 && ctx.Err() == nil {
		n := min(len(names), deleteAtOnce)
		gone := names[:0:n]
		for _, name := range names[:n] {
			path := segmentPath(s.dir, name)
			err := s.disk.Do("remove", path, func() error { return os.Remove(path) })
			if err != nil && !errors.Is(err, fs.ErrNotExist) {
				return fmt.Errorf("delete dead segment: %w", err)
			}
			gone = append(gone, name)
		}
		if err := s.disk.Do("transaction", s.dir, func() error { return s.cat.RemoveSegments(ctx, gone) }); err != nil {
			return err
		}
		names = names[n:]
	}
	return nil
}
