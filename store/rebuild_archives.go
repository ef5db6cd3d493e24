package store

import (
	"context"
	"encoding/json"
	"fmt"
	"maps"
	"os"
	"path/filepath"
	"slices"

	"github.com/margay-audit/margay/store/catalog"
	"github.com/margay-audit/margay/store/segment"
)

// takeArchives finds the archives that are of this store and fit its commits.
// A rebuild does without them; but they close the gaps that merges left in the
// chain. The others are set aside, like segments.
func (b *rebuilder) takeArchives(ctx context.Context) error {
	list, temporary, err := listArchives(b.dir)
	if err != nil {
		return err
	}
	for _, path := range temporary {
		if err := b.disk.Do("remove", path, func() error { return os.Remove(path) }); err != nil {
			return err
		}
	}
	// The newest first: what follows from an archive is witness to it, and the
	// newest of all has segments for that.
	next := catalog.Commit{Number: b.newest().number}
	for _, a := range slices.Backward(list) {
		first, misfit := b.fit(ctx, &a, &next)
		if err := ctx.Err(); err != nil {
			return err
		}
		if misfit == nil {
			b.archives = append(b.archives, a)
			b.rep.Archives++
			next = first
			continue
		}
		if err := b.setArchiveAside(&a, misfit.Error()); err != nil {
			return err
		}
	}
	slices.Reverse(b.archives)
	return b.fillGaps()
}

// fillGaps makes archives of the commits that lie between or before those taken
// up: all that is archived must be older than what the catalog has.
func (b *rebuilder) fillGaps() error {
	numbers := slices.Sorted(maps.Keys(b.ch))
	var made []catalog.Archive
	from := uint64(0)
	for i := range b.archives {
		var gap []uint64
		for _, n := range numbers {
			if from <= n && n < b.archives[i].First {
				gap = append(gap, n)
			}
		}
		from = b.archives[i].Last + 1
		if len(gap) == 0 {
			continue
		}
		a := catalog.Archive{First: gap[0], Last: gap[len(gap)-1]}
		err := saveArchive(b.disk, b.dir, &a, func(w *archiveWriter) error {
			for _, n := range gap {
				k := b.ch[n]
				if err := w.add(&k); err != nil {
					return err
				}
			}
			return nil
		}, func(string, *catalog.Archive) error { return nil })
		if err != nil {
			return fmt.Errorf("archive commits %d to %d: %w", a.First, a.Last, err)
		}
		made = append(made, a)
	}
	b.archives = append(b.archives, made...)
	return nil
}

func (b *rebuilder) setArchiveAside(a *catalog.Archive, reason string) error {
	name := archiveName(a.First, a.Last)
	to, err := moveToOrphans(b.disk, b.dir, commitsName+"/"+name, archivePath(b.dir, a.First, a.Last))
	if err != nil {
		return err
	}
	b.log.Warn("set an archive of commits aside", "archive", name, "reason", reason)
	b.rep.SetAside = append(b.rep.SetAside, catalog.Orphan{Name: filepath.Base(to), Found: b.now.UnixMicro(), Reason: reason})
	return nil
}

// fit completes the entry of an archive and returns the first commit in it, or
// says why the archive cannot be used: it must be whole, next must follow from
// it, and it must agree with each commit of which a footer or the ledger tells.
func (b *rebuilder) fit(ctx context.Context, a *catalog.Archive, next *catalog.Commit) (first catalog.Commit, err error) {
	if a.Last >= next.Number {
		return first, fmt.Errorf("it goes to commit %d, and there is another commit %d", a.Last, next.Number)
	}
	var last catalog.Commit
	err = readArchive(ctx, b.dir, a, func(k *catalog.Commit) error {
		if a.Commits == 0 {
			first = *k
		} else if !follows(k, &last) {
			return fmt.Errorf("commit %d does not follow from the one before it", k.Number)
		}
		a.Commits++
		last = *k
		return b.agree(k)
	})
	if err != nil {
		return first, fmt.Errorf("it cannot be used: %w", err)
	}
	if len(b.archives) > 0 && !follows(next, &last) {
		return first, fmt.Errorf("commit %d does not follow from it", next.Number)
	}
	path := archivePath(b.dir, a.First, a.Last)
	st, err := os.Stat(path)
	if err != nil {
		return first, err
	}
	a.Hash, a.Bytes = last.Hash, st.Size()
	a.SHA256, err = segment.Hash(path)
	return first, err
}

// follows reports whether nothing speaks against k coming after another commit:
// the hash does when k is the very next, unless only its hash is known.
func follows(k, before *catalog.Commit) bool {
	return k.Number != before.Number+1 || k.Kind == kindUnknown || before.Hash == "" || k.Prev == before.Hash
}

// agree holds an archived commit against itself and against its neighbours.
func (b *rebuilder) agree(k *catalog.Commit) error {
	if k.Kind != kindUnknown {
		var rec struct {
			Store  string `json:"store"`
			Number uint64 `json:"number"`
		}
		if linkHash(k.Prev, []byte(k.Record)) != k.Hash {
			return fmt.Errorf("the record of commit %d does not have its hash", k.Number)
		}
		if err := json.Unmarshal([]byte(k.Record), &rec); err != nil {
			return fmt.Errorf("the record of commit %d: %w", k.Number, err)
		}
		if rec.Number != k.Number {
			return fmt.Errorf("the record of commit %d is that of commit %d", k.Number, rec.Number)
		}
		if rec.Store != b.rep.StoreID {
			return fmt.Errorf("it belongs to the store %s", rec.Store)
		}
	}
	before, hasBefore := b.ch[k.Number-1]
	same, hasSame := b.ch[k.Number]
	after, hasAfter := b.ch[k.Number+1]
	if hasBefore && !follows(k, &before) || hasSame && same.Hash != "" && same.Hash != k.Hash || hasAfter && !follows(&after, k) {
		return fmt.Errorf("commit %d is another one than the segments tell of", k.Number)
	}
	return nil
}
