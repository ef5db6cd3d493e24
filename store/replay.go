package store

import (
	"context"
	"errors"
	"fmt"
	"time"

	"github.com/margay-audit/margay/event"
	"github.com/margay-audit/margay/schema"
	"github.com/margay-audit/margay/store/catalog"
	"github.com/margay-audit/margay/store/segment"
)

// ErrResolved says that a quarantined event was stored by a replay before.
var ErrResolved = errors.New("the event was replayed before")

// Quarantined is an event in quarantine.
type Quarantined struct {
	// ID is the row id, which the event keeps when it is replayed.
	ID event.RowID
	// SourceID, SourceLabel and File say where it came from.
	SourceID, SourceLabel, File string
	Stored                      time.Time
	// Raw are the received bytes, or their beginning; see OriginalSize.
	Raw    []byte
	Form   event.Form
	Reason string
	// OriginalSize and OriginalSHA256 are those of the original when only its
	// beginning was kept, otherwise 0 and "". Such an event cannot be replayed.
	OriginalSize   int64
	OriginalSHA256 string
	// Resolved says that a replay has stored the event.
	Resolved bool
}

// BeginReplay starts an append that takes events out of quarantine. Fill it by
// [Append.Replay], then call Commit, which stores the rows and marks the events
// resolved in one step, or Abort.
func (s *Store) BeginReplay() (*Append, error) {
	a := &Append{
		s: s, kind: segment.KindReplay, time: s.opt.Now().UnixMicro(),
		totals: map[string]*catalog.Source{}, done: make(chan error, 1),
	}
	s.mu.Lock()
	defer s.mu.Unlock()
	if err := s.refusal(); err != nil {
		return nil, err
	}
	s.running++
	return a, nil
}

// Replay adds a quarantined event that now fits a schema, under its own row id
// and with the present as p_parse_time. It returns [ErrResolved], and adds
// nothing, when the event was replayed before.
func (a *Append) Replay(ctx context.Context, q *Quarantined, sch *schema.Schema, row *schema.Row, raw []byte, redactions []string) error {
	if a.kind != segment.KindReplay {
		return errors.New("replay: the append was begun for a batch")
	}
	if sch == a.s.quarantine.schema {
		return fmt.Errorf("replay %s: it would go back into quarantine", q.ID)
	}
	for _, r := range a.resolved {
		if r.ID == q.ID {
			return ErrResolved
		}
	}
	if done, err := a.s.isResolved(ctx, q.ID); err != nil {
		return err
	} else if done {
		return ErrResolved
	}
	a.comesFrom(&event.Origin{ID: q.SourceID, Label: q.SourceLabel, Kind: a.s.kindOf(q.SourceID)}, q.File)
	a.meta.ID, a.meta.Raw, a.meta.Form, a.meta.Redactions = q.ID, raw, q.Form, redactions
	a.add(sch, row)
	a.resolved = append(a.resolved, catalog.Resolution{ID: q.ID, RawBytes: int64(len(q.Raw))})
	return nil
}

func (s *Store) kindOf(source string) string {
	s.mu.Lock()
	defer s.mu.Unlock()
	return s.sources[source].Kind
}

func (s *Store) isResolved(ctx context.Context, id event.RowID) (done bool, err error) {
	err = s.cat.View(ctx, func(tx *catalog.Tx) error {
		done, err = tx.IsResolved(ctx, id)
		return err
	})
	return done, err
}

// refuseResolved fails the replays of a batch that another one was quicker
// than, and returns the rest. s.serial is held.
func (s *Store) refuseResolved(ctx context.Context, batch []*Append) []*Append {
	taken := map[event.RowID]bool{}
	var rest []*Append
	for _, a := range batch {
		if err := s.contested(context.WithoutCancel(ctx), a, taken); err != nil {
			a.end(fmt.Errorf("store batch of %s: %w", a.name(), err))
			continue
		}
		for _, r := range a.resolved {
			taken[r.ID] = true
		}
		rest = append(rest, a)
	}
	return rest
}

func (s *Store) contested(ctx context.Context, a *Append, taken map[event.RowID]bool) error {
	for _, r := range a.resolved {
		done, err := s.isResolved(ctx, r.ID)
		if err != nil {
			return err
		}
		if done || taken[r.ID] {
			return fmt.Errorf("%s: %w", r.ID, ErrResolved)
		}
	}
	return nil
}
