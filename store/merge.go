package store

import (
	"context"
	"errors"
	"fmt"
	"maps"
	"slices"
	"syscall"

	"github.com/margay-audit/margay/event"
	"github.com/margay-audit/margay/store/catalog"
	"github.com/margay-audit/margay/store/segment"
)

// mergeAll merges until there is nothing to merge.
func (s *Store) mergeAll(ctx context.Context) error {
	for ctx.Err() == nil {
		inputs, err := s.planMerge(ctx)
		if err != nil || len(inputs) == 0 {
			return err
		}
		if len(inputs) == 1 {
			// Large enough already: it moves up as it is.
			name, tier := inputs[0].Name, inputs[0].Tier+1
			if err := s.disk.Do("transaction", s.dir, func() error { return s.cat.SetTier(ctx, name, tier) }); err != nil {
				return err
			}
			continue
		}
		if err := s.merge(ctx, inputs); err != nil {
			return err
		}
	}
	return nil
}

// planMerge returns the oldest segments to be merged next, or none. One alone
// means that it is too large to be merged with its neighbour.
func (s *Store) planMerge(ctx context.Context) (inputs []catalog.Segment, err error) {
	err = s.cat.View(ctx, func(tx *catalog.Tx) error {
		live, err := tx.Segments(ctx, catalog.Which{})
		inputs = oldestRun(live, s.opt.MergeFanIn, s.opt.MergeMaxBytes, s.unmergeable)
		return err
	})
	return inputs, err
}

// oldestRun finds the first fanIn neighbours of one tier, log type and layout
// in segments, which are sorted by age within a log type. It returns fewer when
// they would exceed limit bytes.
//
// Merging only whole runs of neighbours keeps tiers falling from old to new:
// a file never waits between larger ones, and each event is rewritten once for
// each tier.
func oldestRun(segments []catalog.Segment, fanIn int, limit int64, skip map[string]bool) []catalog.Segment {
	start := 0
	for i := range segments {
		a, b := &segments[start], &segments[i]
		if skip[b.Name] {
			start = i + 1
			continue
		}
		if a.LogType != b.LogType || a.Layout != b.Layout || a.Tier != b.Tier {
			start = i
		}
		if i-start+1 == fanIn {
			return atMost(segments[start:i+1], limit)
		}
	}
	return nil
}

func atMost(run []catalog.Segment, limit int64) []catalog.Segment {
	sum := run[0].Bytes
	for i := 1; i < len(run); i++ {
		if sum += run[i].Bytes; sum > limit {
			return run[:i]
		}
	}
	return run
}

// merge makes one segment of the inputs. Writing it holds nobody up; only the
// commit waits for its turn.
func (s *Store) merge(ctx context.Context, inputs []catalog.Segment) error {
	names := make([]string, len(inputs))
	paths := make([]string, len(inputs))
	for i := range inputs {
		names[i], paths[i] = inputs[i].Name, segmentPath(s.dir, inputs[i].Name)
	}
	carried, err := gather(paths)
	if err != nil {
		return s.giveUpMerge(names, err)
	}
	f, err := s.writeMerged(inputs, paths)
	if err != nil {
		return s.giveUpMerge(names, err)
	}
	d := &draft{kind: segment.KindMerge, files: []*pendingFile{f}, inputs: names, origins: carried.originList(), settled: carried.resolved}
	err = s.publishAlone(ctx, d, func() { d.carried = s.carry(carried) })
	if err != nil {
		return fmt.Errorf("merge %d segments of %s: %w", len(inputs), inputs[0].LogType, err)
	}
	s.log.Debug("merged segments", "log_type", inputs[0].LogType, "inputs", len(inputs), "tier", f.tier)
	return nil
}

func (s *Store) writeMerged(inputs []catalog.Segment, paths []string) (*pendingFile, error) {
	path, err := s.temporaryPath(inputs[0].LogType)
	if err != nil {
		return nil, err
	}
	f := &pendingFile{logType: inputs[0].LogType, path: path, tier: inputs[0].Tier + 1, first: inputs[0].First}
	err = s.disk.Do("merge segments", path, func() (err error) {
		f.pending, err = segment.Merge(path, paths)
		return err
	})
	if err != nil && f.pending != nil {
		s.drop(f)
	}
	return f, err
}

// giveUpMerge leaves damaged inputs alone from now on, so that the rest of the
// store goes on being merged. Errors of the disk are no reason for that.
func (s *Store) giveUpMerge(names []string, err error) error {
	var errno syscall.Errno
	if !errors.As(err, &errno) && !errors.Is(err, context.Canceled) {
		for _, name := range names {
			s.unmergeable[name] = true
		}
		s.log.Error("cannot merge segments; `margay store verify` says which is damaged", "segments", names, "error", err)
	}
	return err
}

// carried is what the footers of a merge's inputs say, and what its own must go
// on saying, because the inputs' will be gone.
type carried struct {
	marks    map[uint64][]event.Mark // by stream; present for each stream
	origins  map[string]segment.Origin
	resolved []string
}

func gather(paths []string) (*carried, error) {
	c := &carried{marks: map[uint64][]event.Mark{}, origins: map[string]segment.Origin{}}
	for _, path := range paths {
		r, err := segment.Open(path)
		if err != nil {
			return nil, err
		}
		k := r.Commit()
		if err := r.Close(); err != nil {
			return nil, err
		}
		for i := range k.Streams {
			st := &k.Streams[i]
			c.marks[st.ID] = append(c.marks[st.ID], st.Marks...)
		}
		for _, o := range k.Origins {
			c.origins[o.ID] = o
		}
		c.resolved = append(c.resolved, k.Resolved...)
	}
	for id, marks := range c.marks {
		slices.SortFunc(marks, func(a, b event.Mark) int { return slices.Compare([]uint64{a.Offset, a.Sum}, []uint64{b.Offset, b.Sum}) })
		c.marks[id] = slices.Compact(marks)
	}
	slices.Sort(c.resolved)
	c.resolved = slices.Compact(c.resolved)
	return c, nil
}

func (c *carried) originList() []segment.Origin {
	out := make([]segment.Origin, 0, len(c.origins))
	for _, id := range slices.Sorted(maps.Keys(c.origins)) {
		out = append(out, c.origins[id])
	}
	return out
}

// carry gives the streams of the inputs the positions that they have by now. So
// it holds for merges as for all commits that a stream's position is the one in
// the footer with the highest number. s.serial is held.
func (s *Store) carry(c *carried) []segment.Stream {
	skip := map[uint64]int{}
	var out []segment.Stream
	s.mu.Lock()
	for _, id := range slices.Sorted(maps.Keys(c.marks)) {
		if st := s.byID[id]; st != nil && st.known {
			one := footerStreams([]event.Stream{st.Stream})
			one[0].Marks = c.marks[id]
			out = append(out, one...)
			skip[id] = 0
		}
	}
	s.mu.Unlock()
	return append(out, s.looseStreams(skip)...)
}
