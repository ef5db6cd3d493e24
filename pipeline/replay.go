package pipeline

import (
	"context"
	"errors"
	"fmt"

	"github.com/margay-audit/margay/event"
	"github.com/margay-audit/margay/schema"
	"github.com/margay-audit/margay/store"
)

// replayRows is how many events one commit of a replay takes out of quarantine
// at most.
const replayRows = 5000

// Replayed is what a replay did. Reason is why the first of the events that
// stay in quarantine stays.
type Replayed struct {
	Tried, Stored int64
	Reason        string
}

// Replay decodes and classifies the chosen events in quarantine again, with the
// schemas of now. Those that fit are stored under their own row ids and leave
// the quarantine in the same commit; the others stay as they are.
func (p *Pipeline) Replay(ctx context.Context, chosen func(event.RowID) bool) (Replayed, error) {
	r, err := store.OpenReader(p.store.Dir())
	if err != nil {
		return Replayed{}, err
	}
	defer r.Close()
	pool := p.pool(nil)
	w := pool.Get().(*worker)
	defer pool.Put(w)
	run := replay{store: p.store, worker: w}
	err = r.Quarantine(ctx, func(q *store.Quarantined) error {
		if q.Resolved || !chosen(q.ID) {
			return nil
		}
		return run.one(ctx, q)
	})
	if err != nil {
		run.abort()
		return run.done, err
	}
	return run.done, run.commit(ctx)
}

// replay collects events for the next commit.
type replay struct {
	store  *store.Store
	worker *worker
	append *store.Append
	rows   int64
	done   Replayed
}

func (r *replay) one(ctx context.Context, q *store.Quarantined) (err error) {
	r.done.Tried++
	if r.append == nil {
		if r.append, err = r.store.BeginReplay(); err != nil {
			return err
		}
	}
	to := &replayed{row: func(s *schema.Schema, row *schema.Row, raw []byte, redactions []string) error {
		return r.append.Replay(ctx, q, s, row, raw, redactions)
	}}
	rec := event.Record{Raw: q.Raw, Offset: q.ID.Lo, Form: q.Form}
	if q.OriginalSize > 0 {
		rec.Defect = q.Reason
	}
	ok, err := r.worker.record(to, &rec, false)
	switch {
	case errors.Is(err, store.ErrResolved): // another replay was quicker
		r.done.Tried--
		return nil
	case err != nil:
		return fmt.Errorf("replay %s: %w", q.ID, err)
	case !ok:
		if r.done.Reason == "" {
			r.done.Reason = to.reason
		}
		return nil
	}
	if r.rows++; r.rows >= replayRows {
		return r.commit(ctx)
	}
	return nil
}

func (r *replay) commit(ctx context.Context) error {
	if r.rows == 0 {
		r.abort()
		return nil
	}
	a, rows := r.append, r.rows
	r.append, r.rows = nil, 0
	if err := a.Commit(ctx); err != nil {
		return err
	}
	r.done.Stored += rows
	return nil
}

func (r *replay) abort() {
	if r.append != nil {
		r.append.Abort()
		r.append = nil
	}
}

// replayed is where the worker puts one event of a replay.
type replayed struct {
	row    func(s *schema.Schema, row *schema.Row, raw []byte, redactions []string) error
	reason string
}

func (r *replayed) Row(s *schema.Schema, row *schema.Row, _ *event.Record, raw []byte, redactions []string) error {
	return r.row(s, row, raw, redactions)
}

func (r *replayed) Quarantine(_ *event.Record, reason string) error {
	r.reason = reason
	return nil
}
