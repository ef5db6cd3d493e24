package store

import (
	"cmp"
	"context"
	"maps"
	"path"
	"slices"

	"github.com/margay-audit/margay/store/catalog"
	"github.com/margay-audit/margay/store/segment"
)

// lostNode is a segment that ought to be there.
type lostNode struct {
	commit uint64
	rows   int64
	// saved are the rows of it that are still in the segments it was merged from.
	saved   int64
	streams []string
	merged  bool
}

// lossFinder replays all records that are left, from whatever place, and so
// finds out which segments ought to be there.
type lossFinder struct {
	b       *rebuilder
	present map[string]int64 // rows by name
	// positions are those that the rebuild gives the streams, by name.
	positions map[string]string
	ought     map[string]lostNode
	old       map[string]lostNode // what the old catalog lists and no record takes away
	next      uint64              // the number that should come next
	gaps      []CommitRange
	// taken are the commits without a record whose segments others took away,
	// deep the newest of them: these may themselves have been merges, of any
	// older commits.
	taken map[uint64]bool
	deep  uint64
}

// findLoss compares what is there with what ought to be.
func (b *rebuilder) findLoss(ctx context.Context) error {
	f := &lossFinder{
		b: b, present: map[string]int64{}, ought: map[string]lostNode{}, old: maps.Clone(b.old.live), next: 1, taken: map[uint64]bool{}, positions: map[string]string{},
	}
	for _, st := range b.streams() {
		f.positions[st.Name] = string(st.Position)
	}
	for _, g := range b.kept {
		for _, file := range g.files {
			f.present[file.name] = file.info.Rows
		}
	}
	if err := f.replay(ctx); err != nil {
		return err
	}
	tip := b.newest()
	f.reach(tip.number + 1)
	for _, seg := range b.ledger.Dropped {
		f.takeAway(seg.Name)
	}
	b.loss = Loss{Segments: f.segments(tip), Commits: f.commits()}
	b.undone = map[uint64]bool{}
	for _, n := range f.ought {
		if n.saved > 0 {
			b.undone[n.commit] = true
		}
	}
	f.remember(&b.old.loss)
	if b.ledger.Lost != nil {
		f.remember(b.ledger.Lost)
	}
	b.rep.Loss = b.loss.open(f.positions)
	return nil
}

// replay follows all records in the order of their numbers: those of the
// archives, of the footers and the ledger, and of the old catalog.
func (f *lossFinder) replay(ctx context.Context) error {
	b := f.b
	rest := maps.Clone(b.old.commits)
	if rest == nil {
		rest = map[uint64]catalog.Commit{}
	}
	maps.Copy(rest, b.ch)
	for _, n := range slices.Collect(maps.Keys(rest)) {
		if n > b.newest().number {
			delete(rest, n)
		}
	}
	numbers := slices.Sorted(maps.Keys(rest))
	upTo := func(limit uint64) {
		for len(numbers) > 0 && numbers[0] < limit {
			k := rest[numbers[0]]
			f.follow(&k)
			numbers = numbers[1:]
		}
	}
	archives := slices.Clone(b.archives)
	slices.SortFunc(archives, func(x, y catalog.Archive) int { return cmp.Compare(x.First, y.First) })
	for i := range archives {
		err := readArchive(ctx, b.dir, &archives[i], func(k *catalog.Commit) error {
			upTo(k.Number)
			if len(numbers) > 0 && numbers[0] == k.Number {
				numbers = numbers[1:]
			}
			f.follow(k)
			return nil
		})
		if err != nil {
			return err
		}
	}
	upTo(^uint64(0))
	return ctx.Err()
}

// reach notes the commits before number that have left no record.
func (f *lossFinder) reach(number uint64) {
	if number > f.next {
		f.gaps = append(f.gaps, CommitRange{First: f.next, Last: number - 1})
	}
	f.next = max(f.next, number)
}

func (f *lossFinder) follow(k *catalog.Commit) {
	if k.Number < f.next {
		return
	}
	f.reach(k.Number)
	f.next = k.Number + 1
	if k.Kind == kindUnknown {
		return
	}
	rec, err := readRecord(k.Record)
	if err != nil {
		return
	}
	saved := int64(0)
	for _, name := range rec.Inputs {
		saved += f.takeAway(name)
	}
	for _, seg := range rec.Dropped {
		f.takeAway(seg.Name)
	}
	for _, seg := range rec.Segments {
		n := lostNode{commit: k.Number, rows: seg.Rows, merged: rec.Kind == segment.KindMerge}
		if _, ok := f.present[seg.Name]; !ok {
			n.saved, saved = saved, 0
			for _, st := range rec.Streams {
				n.streams = append(n.streams, st.Name)
			}
		}
		f.ought[seg.Name] = n
	}
}

// takeAway notes that a segment was merged or dropped, and returns how many of
// its rows are nevertheless there and not in a merged segment.
func (f *lossFinder) takeAway(name string) int64 {
	n, known := f.ought[name]
	delete(f.ought, name)
	delete(f.old, name)
	if number, _, ok := segment.ParseFileName(path.Base(name)); ok && !known {
		f.taken[number] = true
		f.deep = max(f.deep, number)
	}
	if rows, ok := f.present[name]; ok && !f.b.dead[name] {
		return rows
	}
	return n.saved
}

// segments are those that ought to be there and are not.
func (f *lossFinder) segments(tip head) []LostSegment {
	current := f.b.old.last == tip && tip.number > 0
	if current {
		// The old catalog is of the very end, and so has the last word.
		maps.DeleteFunc(f.ought, func(name string, _ lostNode) bool { _, ok := f.b.old.live[name]; return !ok })
	}
	for name, n := range f.old {
		if _, ok := f.ought[name]; !ok {
			f.ought[name] = n
		}
	}
	var out []LostSegment
	for _, name := range slices.Sorted(maps.Keys(f.ought)) {
		n := f.ought[name]
		_, there := f.present[name]
		// A merge that nothing is left of may have used it up.
		unclear := !current && n.commit < f.deep
		if there || f.settled(name) || f.b.dead[name] || unclear || n.rows <= n.saved {
			continue
		}
		lost := LostSegment{Name: name, Commit: n.commit, Rows: n.rows - n.saved}
		for _, stream := range n.streams {
			at := LostStream{Name: stream}
			if !n.merged {
				at = f.b.between(stream, n.commit)
				at.Again = at.To == "" && f.positions[stream] == at.From
			}
			lost.Streams = append(lost.Streams, at)
		}
		out = append(out, lost)
	}
	return out
}

// settled reports whether an earlier rebuild missed a segment, and its streams
// have been read again since.
func (f *lossFinder) settled(name string) bool {
	return slices.ContainsFunc(f.b.missedBefore(), func(s LostSegment) bool { return s.Name == name && s.readAgain(f.positions) })
}

// missedBefore are the segments that earlier rebuilds did not find.
func (b *rebuilder) missedBefore() []LostSegment {
	if b.ledger.Lost == nil {
		return b.old.loss.Segments
	}
	return slices.Concat(b.old.loss.Segments, b.ledger.Lost.Segments)
}

// refuseLate refuses segments that were brought back too late: a stream has been
// read again since, and their events would be there twice.
func (b *rebuilder) refuseLate() error {
	for _, lost := range b.missedBefore() {
		at := slices.IndexFunc(b.kept, func(g *group) bool {
			return slices.ContainsFunc(g.files, func(f *found) bool { return f.name == lost.Name })
		})
		if at < 0 || !slices.ContainsFunc(lost.Streams, func(st LostStream) bool { return st.Again && b.movedOn(&st, lost.Commit) }) {
			continue
		}
		if err := b.refuse(b.kept[at], "it came back after its events had been read again"); err != nil {
			return err
		}
		b.kept = slices.Delete(b.kept, at, at+1)
	}
	return nil
}

// movedOn reports whether a commit after number moved a stream.
func (b *rebuilder) movedOn(st *LostStream, number uint64) bool {
	return slices.ContainsFunc(b.kept, func(g *group) bool {
		return g.key.number > number && slices.ContainsFunc(g.commit().Streams, func(o segment.Stream) bool {
			return o.Name == st.Name && o.Position != st.From
		})
	})
}

// between says where a stream was before a commit and after it.
func (b *rebuilder) between(stream string, number uint64) LostStream {
	out := LostStream{Name: stream}
	for _, g := range b.kept {
		for i := range g.commit().Streams {
			st := &g.commit().Streams[i]
			switch {
			case st.Name != stream:
			case g.key.number < number:
				out.From = st.Position
			case out.To == "":
				out.To = st.Position
			}
		}
	}
	return out
}

// commits are those that have left no trace, although nothing explains it. A
// commit that the old catalog does not have was judged by the rebuild that made
// the old catalog.
func (f *lossFinder) commits() []CommitRange {
	var out []CommitRange
	for _, gap := range f.gaps {
		for n := gap.First; n <= gap.Last; n++ {
			if f.taken[n] || n <= f.deep || n <= f.b.old.last.number {
				continue
			}
			out = addCommit(out, n)
		}
	}
	return out
}

// addCommit adds a number that is higher than all before.
func addCommit(ranges []CommitRange, n uint64) []CommitRange {
	if i := len(ranges) - 1; i >= 0 && ranges[i].Last+1 == n {
		ranges[i].Last = n
		return ranges
	}
	return append(ranges, CommitRange{First: n, Last: n})
}

// remember keeps what an earlier rebuild missed and is not there again.
func (f *lossFinder) remember(before *Loss) {
	loss := &f.b.loss
	for _, seg := range before.Segments {
		_, there := f.present[seg.Name]
		known := slices.ContainsFunc(loss.Segments, func(o LostSegment) bool { return o.Name == seg.Name })
		if !there && !known && !f.b.dead[seg.Name] {
			loss.Segments = append(loss.Segments, seg)
		}
	}
	missing := map[uint64]bool{}
	for _, list := range [][]CommitRange{loss.Commits, before.Commits} {
		for _, c := range list {
			for n := c.First; n <= c.Last; n++ {
				if !f.isThere(n) {
					missing[n] = true
				}
			}
		}
	}
	loss.Commits = nil
	for _, n := range slices.Sorted(maps.Keys(missing)) {
		loss.Commits = addCommit(loss.Commits, n)
	}
}

// isThere reports whether a commit has a record, or a segment, again.
func (f *lossFinder) isThere(n uint64) bool {
	return f.next <= n || !slices.ContainsFunc(f.gaps, func(c CommitRange) bool { return c.First <= n && n <= c.Last })
}
