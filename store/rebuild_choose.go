package store

import (
	"cmp"
	"context"
	"fmt"
	"maps"
	"os"
	"path/filepath"
	"slices"

	"github.com/margay-audit/margay/store/catalog"
	"github.com/margay-audit/margay/store/segment"
)

// choose decides which groups are part of the store.
func (b *rebuilder) choose(ctx context.Context) error {
	byNumber := map[uint64][]*group{}
	var orphans []*group
	for _, g := range b.groups {
		slices.SortFunc(g.files, func(x, y *found) int { return cmp.Compare(x.commit.Part, y.commit.Part) })
		switch {
		case g.commit().StoreID != b.rep.StoreID:
			if err := b.refuse(g, "it belongs to the store "+g.commit().StoreID); err != nil {
				return err
			}
		case !g.complete() && !b.finished(g):
			if err := b.refuse(g, fmt.Sprintf("its commit has %d parts, and %d are there: it was not finished", g.commit().Parts, len(g.files))); err != nil {
				return err
			}
		case g.key.orphan:
			orphans = append(orphans, g)
		default:
			byNumber[g.key.number] = append(byNumber[g.key.number], g)
		}
	}
	for _, number := range slices.Sorted(maps.Keys(byNumber)) {
		g, err := b.pickOne(ctx, byNumber[number], byNumber[number+1])
		if err != nil {
			return err
		}
		b.kept = append(b.kept, g)
	}
	if err := b.refuseLate(); err != nil {
		return err
	}
	if err := b.links(ctx); err != nil {
		return err
	}
	if err := b.adopt(ctx, orphans); err != nil {
		return err
	}
	b.bury()
	return nil
}

// pickOne decides between attempts at one commit: the one that the next commit
// names as the one before it, else the later.
func (b *rebuilder) pickOne(ctx context.Context, attempts, next []*group) (*group, error) {
	// One that lacks parts cannot be held against the chain.
	slices.SortFunc(attempts, func(x, y *group) int { return cmp.Compare(y.key.time, x.key.time) })
	slices.SortStableFunc(attempts, func(x, y *group) int { return cmp.Compare(x.missing(), y.missing()) })
	best := attempts[0]
	if len(attempts) > 1 {
		for _, g := range attempts {
			if !g.complete() {
				continue
			}
			link, err := b.link(ctx, g)
			if err != nil {
				return nil, err
			}
			if slices.ContainsFunc(next, func(n *group) bool { return n.key.prev == link.Hash }) {
				best = g
			}
		}
	}
	for _, g := range attempts {
		if g != best {
			if err := b.refuse(g, fmt.Sprintf("commit %d was made without it", g.key.number)); err != nil {
				return nil, err
			}
		}
	}
	return best, nil
}

// link makes the record of a group's commit as it was made then.
func (b *rebuilder) link(ctx context.Context, g *group) (catalog.Commit, error) {
	if err := ctx.Err(); err != nil {
		return catalog.Commit{}, err
	}
	if err := g.hash(); err != nil {
		return catalog.Commit{}, err
	}
	var segments []catalog.Segment
	for _, f := range g.files {
		e, err := entry(&f.commit, &f.info, &pendingFile{})
		if err != nil {
			return catalog.Commit{}, err
		}
		segments = append(segments, e)
	}
	return newRecord(g.commit(), segments).seal(g.key.prev)
}

// hash fills in the hashes of the files.
func (g *group) hash() error {
	for _, f := range g.files {
		if f.info.SHA256 != "" {
			continue
		}
		hash, err := segment.Hash(f.path)
		if err != nil {
			return err
		}
		f.info.SHA256 = hash
	}
	return nil
}

// links makes the records of all commits that left footers, and takes those of
// the ledger where no footer can say anything.
func (b *rebuilder) links(ctx context.Context) error {
	b.ch = map[uint64]catalog.Commit{}
	for _, k := range b.ledger.Commits {
		b.ch[k.Number] = k
	}
	for _, g := range b.kept {
		if !g.complete() {
			if err := g.hash(); err != nil {
				return err
			}
			b.ch[g.key.number] = b.partialLink(g)
			continue
		}
		k, err := b.link(ctx, g)
		if err != nil {
			return err
		}
		b.ch[k.Number] = k
	}
	return nil
}

// partialLink is what can be said of a commit that lacks parts: the old
// catalog has its record, or those who name it know its hash at least.
func (b *rebuilder) partialLink(g *group) catalog.Commit {
	if k, ok := b.partial(g); ok {
		return k
	}
	k := catalog.Commit{Number: g.key.number, Time: g.key.time, Kind: kindUnknown, Prev: g.key.prev}
	if b.head.number == k.Number {
		k.Hash = b.head.hash
	}
	for _, o := range b.kept {
		if o.key.number == k.Number+1 {
			k.Hash = o.key.prev
		}
	}
	return k
}

// newest is the last commit that anything speaks of.
func (b *rebuilder) newest() head {
	h := b.head
	if b.ledger.Number > h.number {
		h = head{number: b.ledger.Number, hash: b.ledger.Hash}
	}
	for _, k := range b.ch {
		if k.Number > h.number {
			h = head{number: k.Number, hash: k.Hash}
		}
	}
	for _, g := range b.kept {
		// A footer is better evidence than HEAD.
		if k := b.ch[g.key.number]; k.Number == h.number && k.Hash != "" {
			h.hash = k.Hash
		}
	}
	return h
}

// adopt takes orphans back that continue the chain: a crash had kept them from
// being recorded, and nothing came after.
func (b *rebuilder) adopt(ctx context.Context, orphans []*group) error {
	slices.SortFunc(orphans, func(x, y *group) int { return cmp.Compare(x.key.number, y.key.number) })
	for _, g := range orphans {
		k, err := b.link(ctx, g)
		if err != nil {
			return err
		}
		tip := b.newest()
		named := slices.ContainsFunc(b.kept, func(o *group) bool { return o.key.number == k.Number+1 && o.key.prev == k.Hash })
		if _, taken := b.ch[k.Number]; taken || !named && (k.Number != tip.number+1 || k.Prev != tip.hash) {
			continue
		}
		for _, f := range g.files {
			to := segmentPath(b.dir, f.name)
			folder := filepath.Dir(to)
			if err := makeFolder(filepath.Dir(folder), folder); err != nil {
				return err
			}
			if exists(to) {
				return fmt.Errorf("take %s back: there is another file of that name", f.path)
			}
			if err := b.disk.Do("rename", to, func() error { return os.Rename(f.path, to) }); err != nil {
				return err
			}
			f.path = to
			b.rep.Adopted = append(b.rep.Adopted, f.name)
		}
		b.ch[k.Number] = k
		b.kept = append(b.kept, g)
	}
	slices.SortFunc(b.kept, func(x, y *group) int { return cmp.Compare(x.key.number, y.key.number) })
	return nil
}

// bury finds out which segments were used up by merges or dropped.
func (b *rebuilder) bury() {
	b.dead = map[string]bool{}
	for _, g := range b.kept {
		for _, name := range g.commit().Inputs {
			b.dead[name] = true
		}
	}
	for _, seg := range b.ledger.Dropped {
		b.dead[seg.Name] = true
	}
}
