package store

import (
	"context"
	"fmt"
	"path/filepath"
	"slices"

	"github.com/margay-audit/margay/store/catalog"
)

// oldCatalogue is what the catalog that a rebuild replaces still tells. It is no
// evidence of what is there, but of what was.
type oldCatalogue struct {
	last    head
	commits map[uint64]catalog.Commit
	live    map[string]lostNode
	loss    Loss
}

// readOld reads the catalog that is to be replaced, if it can be read and is of
// this store. A rebuild works without it; so its errors only make it empty.
func (b *rebuilder) readOld(ctx context.Context) error {
	b.old = oldCatalogue{}
	path := filepath.Join(b.dir, catalogName)
	if !exists(path) {
		return nil
	}
	old, err := b.lookAtOld(ctx, path)
	if err != nil {
		b.log.Warn("the old catalog cannot be compared with the segments", "error", err)
		return ctx.Err()
	}
	b.old = old
	// Closing the last connection folds the log into the file, so that the old
	// catalog is kept as one file. A process that only reads may hold it open;
	// then log and file are kept side by side, which is as good.
	err = b.disk.Do("fold catalog", path, func() error {
		cat, err := catalog.Open(ctx, path)
		if err != nil {
			return err
		}
		return cat.Close()
	})
	if err != nil {
		b.log.Debug("the old catalog keeps its log", "error", err)
	}
	return nil
}

func (b *rebuilder) lookAtOld(ctx context.Context, path string) (old oldCatalogue, err error) {
	cat, err := catalog.OpenReader(ctx, path)
	if err != nil {
		return old, err
	}
	err = cat.Check(ctx)
	if err == nil {
		err = cat.View(ctx, func(tx *catalog.Tx) error {
			id, err := tx.Meta(ctx, metaStoreID)
			if err == nil && id != b.rep.StoreID {
				err = fmt.Errorf("it belongs to the store %s", id)
			}
			if err != nil {
				return err
			}
			return old.read(ctx, tx)
		})
	}
	if cerr := cat.Close(); err == nil {
		err = cerr
	}
	if err != nil {
		return oldCatalogue{}, err
	}
	return old, nil
}

func (o *oldCatalogue) read(ctx context.Context, tx *catalog.Tx) error {
	last, err := tx.Last(ctx)
	if err != nil {
		return err
	}
	o.last = head{number: last.Number, hash: last.Hash}
	if o.loss, err = readLoss(ctx, tx); err != nil {
		return err
	}
	live, err := tx.Segments(ctx, catalog.Which{})
	if err != nil {
		return err
	}
	o.live = map[string]lostNode{}
	for i := range live {
		o.live[live[i].Name] = lostNode{commit: live[i].Commit, rows: live[i].Rows}
	}
	o.commits = map[uint64]catalog.Commit{}
	return tx.Commits(ctx, 0, func(k catalog.Commit) error {
		if k.Kind != kindUnknown && linkHash(k.Prev, []byte(k.Record)) == k.Hash {
			o.commits[k.Number] = k
		}
		return nil
	})
}

// finished reports whether a group that lacks parts was a commit all the same:
// merges, retention or an accident have taken the others away since. HEAD is
// written after a commit was recorded, and no commit begins before the one
// before it was; what a failed one left is moved away by the next start.
func (b *rebuilder) finished(g *group) bool {
	if g.key.orphan {
		return false
	}
	if _, ok := b.partial(g); ok || g.key.number <= max(b.head.number, b.ledger.Number) {
		return true
	}
	for _, o := range b.groups {
		if !o.key.orphan && o.key.number > g.key.number && o.complete() && o.commit().StoreID == b.rep.StoreID {
			return true
		}
	}
	return false
}

// partial returns the record of a group that lacks parts, if the old catalog
// has it.
func (b *rebuilder) partial(g *group) (catalog.Commit, bool) {
	k, ok := b.old.commits[g.key.number]
	if !ok || k.Prev != g.key.prev || k.Time != g.key.time {
		return k, false
	}
	rec, err := readRecord(k.Record)
	if err != nil {
		return k, false
	}
	for _, f := range g.files {
		known := slices.ContainsFunc(rec.Segments, func(s recordSegment) bool { return s.Name == f.name && s.Rows == f.info.Rows })
		if !known {
			return k, false
		}
	}
	return k, true
}

// restoreLinks takes those records of the old catalog back that the chain
// itself vouches for: the next commit, or HEAD, names their hash.
func (b *rebuilder) restoreLinks() {
	oldest := uint64(0)
	for i := range b.archives {
		oldest = max(oldest, b.archives[i].Last)
	}
	tip := b.newest()
	want := tip.hash
	for n := tip.number; n > oldest; n-- {
		k, have := b.ch[n]
		if old, ok := b.old.commits[n]; ok && (!have || k.Kind == kindUnknown) && old.Hash == want && !b.undone[n] {
			k, have = old, true
			b.ch[n] = k
		}
		want = ""
		if have {
			want = k.Prev
		}
	}
}
