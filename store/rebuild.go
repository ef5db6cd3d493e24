package store

import (
	"context"
	"errors"
	"fmt"
	"log/slog"
	"maps"
	"os"
	"path/filepath"
	"slices"
	"strings"
	"time"

	"github.com/google/uuid"

	"github.com/margay-audit/margay/store/catalog"
	"github.com/margay-audit/margay/store/segment"
)

// RebuildReport says what a rebuild made.
type RebuildReport struct {
	StoreID  string
	Segments int
	Rows     int64
	Streams  int
	// Archives are the archives of commits that the catalog has taken up.
	Archives int
	// Last is the number of the newest commit.
	Last uint64
	// Adopted are segments taken back from the orphans, SetAside those moved
	// there, and archives, with the reasons.
	Adopted  []string
	SetAside []catalog.Orphan
	// Damaged are segments that could not be read to their end.
	Damaged []string
	// Loss is what was stored once and is not there any more, but for what has
	// been read again since. It stays in the
	// catalog: [Verify] and [Reader.Status] tell of it until it is brought back.
	Loss Loss
	// OldCatalog is where the old catalog is kept, or "" when there was none.
	OldCatalog string
}

// Rebuild makes the catalog anew from the footers of the segments and the
// ledger. The old catalog is kept under another name, and no file is deleted.
// It takes the lock, so nothing may be writing the store.
func Rebuild(ctx context.Context, dir string, o Options) (_ *RebuildReport, err error) {
	o = o.withDefaults()
	if _, err := os.Stat(dir); err != nil {
		return nil, fmt.Errorf("rebuild store: %w", err)
	}
	lock, err := takeLock(dir)
	if err != nil {
		return nil, err
	}
	defer func() { err = errors.Join(err, lock.Close()) }()
	if err := makeFolders(dir); err != nil {
		return nil, fmt.Errorf("rebuild store: %w", err)
	}
	b := &rebuilder{dir: dir, disk: o.Disk, log: o.Log, now: o.Now(), groups: map[groupKey]*group{}}
	if err := b.run(ctx); err != nil {
		return nil, fmt.Errorf("rebuild store %s: %w", dir, diskError(err))
	}
	return &b.rep, nil
}

// found is a segment file with what its footer says.
type found struct {
	name   string // as the catalog would name it
	path   string
	orphan bool
	commit segment.Commit
	info   segment.Info
}

// groupKey tells the files of one attempt at a commit from those of another:
// a number may have been tried twice.
type groupKey struct {
	number uint64
	prev   string
	time   int64
	orphan bool
}

// group are the files of one commit.
type group struct {
	key   groupKey
	files []*found
}

func (g *group) commit() *segment.Commit { return &g.files[0].commit }

// missing is how many parts are not there.
func (g *group) missing() int { return g.commit().Parts - len(g.files) }

// complete reports whether all parts are there.
func (g *group) complete() bool { return g.missing() == 0 }

type rebuilder struct {
	dir    string
	disk   Disk
	log    *slog.Logger
	now    time.Time
	rep    RebuildReport
	ledger *ledger
	head   head
	groups map[groupKey]*group
	// kept are the groups that are part of the store, by number.
	kept []*group
	dead map[string]bool
	// old is what the catalog to be replaced tells.
	old oldCatalogue
	// loss is what the catalog remembers, with what was read again since.
	loss Loss
	// undone are lost merges whose inputs were found again.
	undone map[uint64]bool
	ch     map[uint64]catalog.Commit // records by number
	// archives are those that the new catalog takes up.
	archives []catalog.Archive
}

func (b *rebuilder) run(ctx context.Context) error {
	var err error
	if b.ledger, err = readLedger(b.dir); err != nil {
		return err
	}
	if b.head, err = readHead(b.dir); err != nil {
		return err
	}
	if err := b.collect(ctx); err != nil {
		return err
	}
	b.rep.StoreID = b.storeID()
	if err := b.readOld(ctx); err != nil {
		return err
	}
	if err := b.choose(ctx); err != nil {
		return err
	}
	if err := b.takeArchives(ctx); err != nil {
		return err
	}
	if err := b.findLoss(ctx); err != nil {
		return err
	}
	b.restoreLinks()
	return b.write(ctx)
}

// collect reads the footers of all files, set aside or not.
func (b *rebuilder) collect(ctx context.Context) error {
	names, temporary, err := listSegments(b.dir)
	if err != nil {
		return err
	}
	for _, path := range temporary {
		if err := b.disk.Do("remove", path, func() error { return os.Remove(path) }); err != nil {
			return err
		}
	}
	for _, name := range names {
		if err := b.read(ctx, name, segmentPath(b.dir, name), false); err != nil {
			return err
		}
	}
	orphans, err := os.ReadDir(filepath.Join(b.dir, orphansName))
	if err != nil {
		return err
	}
	for _, o := range orphans {
		if name := orphanName(o.Name()); name != "" {
			if err := b.read(ctx, name, filepath.Join(b.dir, orphansName, o.Name()), true); err != nil {
				return err
			}
		}
	}
	return nil
}

// read notes a file. One without a readable footer is set aside.
func (b *rebuilder) read(ctx context.Context, name, path string, orphan bool) error {
	if err := ctx.Err(); err != nil {
		return err
	}
	f := &found{name: name, path: path, orphan: orphan}
	r, err := segment.Open(path)
	if err == nil {
		f.commit, f.info = r.Commit(), r.Info()
		err = r.Close()
	}
	if err != nil {
		if orphan {
			return nil
		}
		return b.setAside(f, "it cannot be read: "+err.Error())
	}
	key := groupKey{number: f.commit.Number, prev: f.commit.Prev, time: f.commit.Time, orphan: orphan}
	g := b.groups[key]
	if g == nil {
		g = &group{key: key}
		b.groups[key] = g
	}
	if !slices.ContainsFunc(g.files, func(o *found) bool { return o.commit.Part == f.commit.Part }) {
		g.files = append(g.files, f)
	}
	return nil
}

// storeID is the name that most files carry, or the ledger's.
func (b *rebuilder) storeID() string {
	if b.ledger.StoreID != "" {
		return b.ledger.StoreID
	}
	count := map[string]int{}
	for _, g := range b.groups {
		if !g.key.orphan {
			count[g.commit().StoreID] += len(g.files)
		}
	}
	best := ""
	for _, id := range slices.Sorted(maps.Keys(count)) {
		if count[id] > count[best] {
			best = id
		}
	}
	if best == "" {
		best = uuid.NewString()
	}
	return best
}

func (b *rebuilder) refuse(g *group, reason string) error {
	for _, f := range g.files {
		if err := b.setAside(f, reason); err != nil {
			return err
		}
	}
	return nil
}

func (b *rebuilder) setAside(f *found, reason string) error {
	if f.orphan {
		return nil
	}
	to, err := moveToOrphans(b.disk, b.dir, f.name, f.path)
	if err != nil {
		return err
	}
	b.log.Warn("set a segment aside", "segment", f.name, "reason", reason)
	b.rep.SetAside = append(b.rep.SetAside, catalog.Orphan{Name: filepath.Base(to), Found: b.now.UnixMicro(), Reason: reason})
	return nil
}

// write makes the new catalog and puts it in the place of the old one.
func (b *rebuilder) write(ctx context.Context) error {
	changes, err := b.changes(ctx)
	if err != nil {
		return err
	}
	loss, err := b.loss.encode()
	if err != nil {
		return err
	}
	if err := b.noteLoss(); err != nil {
		return err
	}
	path := filepath.Join(b.dir, catalogName)
	had := exists(path)
	cat, err := newCatalog(ctx, b.disk, path, b.rep.StoreID, b.now, func(cat *catalog.Catalog) error {
		for _, ch := range changes {
			if err := cat.Apply(ctx, ch); err != nil {
				return err
			}
		}
		for i := range b.archives {
			if err := cat.Archive(ctx, &b.archives[i]); err != nil {
				return err
			}
		}
		for _, o := range b.rep.SetAside {
			if err := cat.AddOrphan(ctx, o); err != nil {
				return err
			}
		}
		if err := cat.SetMeta(ctx, metaLoss, loss); err != nil {
			return err
		}
		return cat.SetMeta(ctx, metaRebuilt, fmt.Sprint(b.rep.Last))
	})
	if err != nil {
		return err
	}
	if had {
		b.rep.OldCatalog = oldCatalog(b.dir)
	}
	return errors.Join(cat.Close(), writeHead(b.dir, b.newest()))
}

// noteLoss keeps the loss in the ledger too, for the case that the catalog is
// lost once more.
func (b *rebuilder) noteLoss() error {
	if b.loss.Empty() && b.ledger.Lost == nil {
		return nil
	}
	b.ledger.StoreID, b.ledger.Lost = b.rep.StoreID, nil
	if !b.loss.Empty() {
		b.ledger.Lost = &b.loss
	}
	return b.ledger.write(b.disk, b.dir)
}

// oldCatalog returns the newest catalog that was kept aside.
func oldCatalog(dir string) string {
	old, err := filepath.Glob(filepath.Join(dir, catalogName+".old-*"))
	if err != nil {
		return ""
	}
	old = slices.DeleteFunc(old, func(p string) bool { return strings.HasSuffix(p, "-wal") || strings.HasSuffix(p, "-shm") })
	if len(old) == 0 {
		return ""
	}
	return slices.Max(old)
}
