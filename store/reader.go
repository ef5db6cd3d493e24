package store

import (
	"context"
	"encoding/json"
	"errors"
	"fmt"
	"io/fs"
	"path/filepath"
	"slices"
	"strconv"
	"strings"
	"time"

	"github.com/margay-audit/margay/event"
	"github.com/margay-audit/margay/store/catalog"
	"github.com/margay-audit/margay/store/segment"
)

// Reader reads a data folder without the lock, while another process writes it
// or none does. It is safe for concurrent use.
type Reader struct {
	dir string
	cat *catalog.Catalog
}

// ErrNoStore says that nothing was ever stored in a folder.
var ErrNoStore = errors.New("there is no store here yet")

// OpenReader opens the store in dir for reading. The error wraps [ErrNoStore]
// where there is none.
func OpenReader(dir string) (*Reader, error) {
	cat, err := catalog.OpenReader(context.Background(), filepath.Join(dir, catalogName))
	switch {
	case errors.Is(err, fs.ErrNotExist):
		if names, _, lerr := listSegments(dir); lerr == nil && len(names) > 0 {
			return nil, fmt.Errorf("open store %s: %w", dir, &RebuildError{Dir: dir, Reason: "the catalog is missing"})
		}
		return nil, fmt.Errorf("open store %s: %w", dir, ErrNoStore)
	case err != nil:
		return nil, fmt.Errorf("open store %s: %w", dir, unreadable(dir, err))
	}
	return &Reader{dir: dir, cat: cat}, nil
}

// Close closes the catalog.
func (r *Reader) Close() error { return r.cat.Close() }

// Dir returns the data folder.
func (r *Reader) Dir() string { return r.dir }

// view is a look at the catalog, whose damage it explains.
func (r *Reader) view(ctx context.Context, look func(tx *catalog.Tx) error) error {
	return unreadable(r.dir, r.cat.View(ctx, look))
}

// Path returns where a segment lies.
func (r *Reader) Path(s *catalog.Segment) string { return segmentPath(r.dir, s.Name) }

// Snapshot is the live segments at one moment.
type Snapshot struct {
	// Commit is the newest commit of the moment.
	Commit   uint64
	Segments []catalog.Segment
	// Layouts are the columns of the segments by Segment.Layout.
	Layouts map[string]*segment.Layout
}

// Snapshot returns the live segments that w picks, by log type and age, as they
// were at one moment. Their files stay for the grace period at least; a reader
// that finds one gone asks again.
func (r *Reader) Snapshot(ctx context.Context, w catalog.Which) (*Snapshot, error) {
	out := &Snapshot{Layouts: map[string]*segment.Layout{}}
	err := r.view(ctx, func(tx *catalog.Tx) error {
		last, err := tx.Last(ctx)
		if err != nil {
			return err
		}
		out.Commit = last.Number
		if out.Segments, err = tx.Segments(ctx, w); err != nil {
			return err
		}
		texts, err := tx.Layouts(ctx)
		if err != nil {
			return err
		}
		for hash, text := range texts {
			l := new(segment.Layout)
			if err := json.Unmarshal([]byte(text), l); err != nil {
				return fmt.Errorf("layout %s: %w", hash, err)
			}
			out.Layouts[hash] = l
		}
		return nil
	})
	if err != nil {
		return nil, err
	}
	return out, nil
}

// Parts returns the files of one log type for a view, by their layouts.
func (s *Snapshot) Parts(r *Reader, t event.LogType) []segment.Part {
	var out []segment.Part
	last := ""
	for i := range s.Segments {
		seg := &s.Segments[i]
		if seg.LogType != t {
			continue
		}
		if len(out) == 0 || seg.Layout != last {
			out, last = append(out, segment.Part{Layout: s.Layouts[seg.Layout]}), seg.Layout
		}
		p := &out[len(out)-1]
		p.Files = append(p.Files, r.Path(seg))
	}
	return out
}

// Status is what there is to say of a store.
type Status struct {
	StoreID string `json:"store_id"`
	// PID is the process that has the store open for writing, 0 when none has.
	PID int `json:"pid"`
	// Commit and Committed are number and time of the newest commit.
	Commit    uint64    `json:"commit"`
	Committed time.Time `json:"committed"`
	// Segments and Bytes count what is live; Rows and RawBytes the events in
	// it, without what is or was in quarantine.
	Segments int   `json:"segments"`
	Rows     int64 `json:"rows"`
	Bytes    int64 `json:"bytes"`
	RawBytes int64 `json:"raw_bytes"`
	// Oldest and Newest bound the times of the events.
	Oldest time.Time `json:"oldest"`
	Newest time.Time `json:"newest"`
	// DeadSegments and DeadBytes wait to be deleted.
	DeadSegments int   `json:"dead_segments"`
	DeadBytes    int64 `json:"dead_bytes"`
	// QuarantineRows and QuarantineBytes wait to be replayed.
	QuarantineRows  int64 `json:"quarantine_rows"`
	QuarantineBytes int64 `json:"quarantine_bytes"`
	// RetentionSuspended says why retention does not work, or is empty.
	RetentionSuspended string           `json:"retention_suspended,omitempty"`
	Orphans            []catalog.Orphan `json:"orphans,omitempty"`
	// Loss is what the last rebuild could not find any more, but for what has
	// been read again since.
	Loss    Loss           `json:"loss,omitzero"`
	Sources []SourceStatus `json:"sources"`
}

// SourceStatus is what there is to say of a source.
type SourceStatus struct {
	catalog.Source
	// KeepSecrets says that redaction is switched off for the source.
	KeepSecrets bool
	Streams     int
	// State is what the source last said, at Updated; Health is empty when it
	// never said anything.
	State   event.State
	Updated time.Time
}

// Status returns the state of the store at one moment.
func (r *Reader) Status(ctx context.Context) (*Status, error) {
	pid, err := Running(r.dir)
	if err != nil {
		return nil, err
	}
	st := &Status{PID: pid}
	err = r.view(ctx, func(tx *catalog.Tx) error {
		return errors.Join(st.readStore(ctx, tx), st.readSegments(ctx, tx), st.readSources(ctx, tx))
	})
	if err != nil {
		return nil, err
	}
	return st, nil
}

func (st *Status) readStore(ctx context.Context, tx *catalog.Tx) error {
	var err error
	if st.StoreID, err = tx.Meta(ctx, metaStoreID); err != nil {
		return err
	}
	last, err := tx.Last(ctx)
	if err != nil {
		return err
	}
	st.Commit, st.Committed = last.Number, fromMicros(last.Time)
	if st.QuarantineRows, st.QuarantineBytes, err = tx.Waiting(ctx); err != nil {
		return err
	}
	if st.Orphans, err = tx.Orphans(ctx); err != nil {
		return err
	}
	loss, err := readLoss(ctx, tx)
	if err != nil {
		return err
	}
	at, err := positionsOf(ctx, tx)
	if err != nil {
		return err
	}
	st.Loss = loss.open(at)
	kept, err := tx.Meta(ctx, metaSuspended)
	if err != nil || kept == "" {
		return err
	}
	var k suspension
	err = json.Unmarshal([]byte(kept), &k)
	st.RetentionSuspended = k.Reason
	return err
}

func (st *Status) readSegments(ctx context.Context, tx *catalog.Tx) error {
	live, err := tx.Segments(ctx, catalog.Which{})
	if err != nil {
		return err
	}
	var lo, hi int64
	for i := range live {
		seg := &live[i]
		st.Segments++
		st.Bytes += seg.Bytes
		if seg.LogType == event.Quarantine {
			continue
		}
		if st.Rows == 0 || seg.EventMin < lo {
			lo = seg.EventMin
		}
		if st.Rows == 0 || seg.EventMax > hi {
			hi = seg.EventMax
		}
		st.Rows += seg.Rows
		st.RawBytes += seg.RawBytes
	}
	st.Oldest, st.Newest = fromMicros(lo), fromMicros(hi)
	dead, err := tx.Segments(ctx, catalog.Which{Dead: true})
	for i := range dead {
		st.DeadSegments++
		st.DeadBytes += dead[i].Bytes
	}
	return err
}

// readSources joins what was stored with what the sources say: a source may
// have stored nothing yet, or be configured no more.
func (st *Status) readSources(ctx context.Context, tx *catalog.Tx) error {
	sources, err := tx.Sources(ctx)
	if err != nil {
		return err
	}
	states, err := tx.States(ctx)
	if err != nil {
		return err
	}
	streams, err := tx.Streams(ctx)
	if err != nil {
		return err
	}
	at := map[string]int{}
	for _, src := range sources {
		at[src.ID] = len(st.Sources)
		st.Sources = append(st.Sources, SourceStatus{Source: src})
	}
	for _, k := range states {
		i, ok := at[k.SourceID]
		if !ok {
			i = len(st.Sources)
			at[k.SourceID] = i
			st.Sources = append(st.Sources, SourceStatus{Source: catalog.Source{ID: k.SourceID}})
		}
		st.Sources[i].State, st.Sources[i].Updated = k.State, fromMicros(k.Updated)
	}
	for _, k := range streams {
		if i, ok := at[k.SourceID]; ok {
			st.Sources[i].Streams++
		}
	}
	known, err := readRegistered(ctx, tx)
	if err != nil {
		return err
	}
	for i := range st.Sources {
		src := &st.Sources[i]
		if k, ok := known[src.ID]; ok {
			src.Label, src.Kind, src.KeepSecrets = k.Label, k.Kind, k.KeepSecrets
		}
	}
	slices.SortStableFunc(st.Sources, func(a, b SourceStatus) int { return strings.Compare(a.Label, b.Label) })
	return nil
}

// Commits calls visit for the commits from number first on, in rising order,
// those in archives included. The visitor must not use the Reader.
func (r *Reader) Commits(ctx context.Context, first uint64, visit func(catalog.Commit) error) error {
	return r.past(ctx, first, func(a *catalog.Archive) error {
		err := readArchive(ctx, r.dir, a, func(k *catalog.Commit) error {
			if k.Number < first {
				return nil
			}
			return visit(*k)
		})
		if err != nil {
			return fmt.Errorf("read archive %s: %w", archiveName(a.First, a.Last), err)
		}
		return nil
	}, func(tx *catalog.Tx) error { return tx.Commits(ctx, first, visit) })
}

// past calls archived with each archive that has commits from number first on,
// and then rest with the state of the catalog that has all later ones. No state
// is held while archives are read, which may take long.
func (r *Reader) past(ctx context.Context, first uint64, archived func(*catalog.Archive) error, rest func(*catalog.Tx) error) error {
	for {
		var some []catalog.Archive
		err := r.view(ctx, func(tx *catalog.Tx) (err error) {
			// More may have been archived since the last look.
			if some, err = tx.Archives(ctx, first); err != nil || len(some) > 0 {
				return err
			}
			return rest(tx)
		})
		if err != nil || len(some) == 0 {
			return err
		}
		for i := range some {
			if err := archived(&some[i]); err != nil {
				return err
			}
		}
		first = some[len(some)-1].Last + 1
	}
}

// Streams returns every stream.
func (r *Reader) Streams(ctx context.Context) (out []event.Stream, err error) {
	err = r.view(ctx, func(tx *catalog.Tx) error {
		out, err = tx.Streams(ctx)
		return err
	})
	return out, err
}

// Controls returns the newest commands that other processes handed over.
func (r *Reader) Controls(ctx context.Context, limit int) (out []catalog.Control, err error) {
	err = r.view(ctx, func(tx *catalog.Tx) error {
		out, err = tx.Controls(ctx, limit)
		return err
	})
	return out, err
}

// quarantineColumns are the columns of a quarantine segment that a Quarantined
// needs, in the order of its use.
var quarantineColumns = []string{"reason", "original_size", "original_sha256"}

// Quarantine calls visit with every event in quarantine, oldest first, those
// that were replayed included. The Quarantined is reused, but its strings stay.
func (r *Reader) Quarantine(ctx context.Context, visit func(*Quarantined) error) error {
	var segments []catalog.Segment
	var resolved map[event.RowID]catalog.Resolution
	err := r.view(ctx, func(tx *catalog.Tx) (err error) {
		if segments, err = tx.Segments(ctx, catalog.Which{LogType: event.Quarantine}); err != nil {
			return err
		}
		resolved, err = tx.Resolved(ctx)
		return err
	})
	if err != nil {
		return err
	}
	var q Quarantined
	for i := range segments {
		err := eachRow(r.Path(&segments[i]), quarantineColumns, func(row *segment.Row) error {
			_, done := resolved[row.ID]
			q = Quarantined{
				ID: row.ID, SourceID: row.SourceID, SourceLabel: row.SourceLabel, File: row.File, Stored: fromMicros(row.ParseTime),
				Raw: row.Raw, Form: row.Form, Reason: row.Values[0], OriginalSHA256: row.Values[2], Resolved: done,
			}
			if row.Values[1] != "" {
				size, err := strconv.ParseInt(row.Values[1], 10, 64)
				if err != nil {
					return fmt.Errorf("original size: %w", err)
				}
				q.OriginalSize = size
			}
			if err := visit(&q); err != nil {
				return err
			}
			return ctx.Err()
		})
		if err != nil {
			return err
		}
	}
	return nil
}
