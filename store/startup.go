package store

import (
	"context"
	"errors"
	"fmt"
	"os"
	"path/filepath"
	"time"

	"github.com/google/uuid"

	"github.com/margay-audit/margay/store/catalog"
	"github.com/margay-audit/margay/store/segment"
)

// RebuildError says that the catalog does not match the segments, so that
// opening the store could lose events or store some twice. Nothing was changed.
type RebuildError struct {
	Dir    string
	Reason string
	// Err is what was found, or nil.
	Err error
}

func (e *RebuildError) Error() string {
	msg := e.Reason
	if e.Err != nil {
		msg += ": " + e.Err.Error()
	}
	return fmt.Sprintf("%s; `margay store rebuild --data-dir %s` makes the catalog anew from the segments, and keeps the old one aside", msg, e.Dir)
}

func (e *RebuildError) Unwrap() error { return e.Err }

// Keys of the catalog's meta table.
const (
	metaStoreID = "store_id"
	// metaRebuilt holds the number of the newest commit at the last rebuild:
	// records up to it may be missing.
	metaRebuilt = "rebuilt"
	// metaSuspended holds the JSON of why retention is suspended.
	metaSuspended = "retention_suspended"
	// metaSeen holds the last time at which a running process looked at the
	// clock, in microseconds.
	metaSeen = "last_seen"
)

func makeFolders(dir string) error {
	if err := os.MkdirAll(dir, 0o700); err != nil {
		return err
	}
	for _, name := range []string{segmentsName, orphansName, commitsName} {
		if err := makeFolder(dir, filepath.Join(dir, name)); err != nil {
			return err
		}
	}
	return nil
}

// makeFolder makes a folder in a parent, durably.
func makeFolder(parent, path string) error {
	err := os.Mkdir(path, 0o700)
	if errors.Is(err, os.ErrExist) {
		return nil
	}
	if err != nil {
		return err
	}
	return syncDir(parent)
}

// start opens the catalog and compares it with what lies in the folder.
func (s *Store) start(ctx context.Context) error {
	h, err := readHead(s.dir)
	if err != nil {
		return err
	}
	names, temporary, err := listSegments(s.dir)
	if err != nil {
		return fmt.Errorf("list segments: %w", err)
	}
	if err := s.openCatalog(ctx, h, names); err != nil {
		return err
	}
	if err := s.load(ctx); err != nil {
		return unreadable(s.dir, err)
	}
	strays, err := s.compare(ctx, h, names)
	if err != nil {
		return unreadable(s.dir, err)
	}
	// Only now that the catalog is trusted is anything touched.
	for _, path := range temporary {
		if err := s.disk.Do("remove", path, func() error { return os.Remove(path) }); err != nil {
			return fmt.Errorf("remove temporary segment: %w", diskError(err))
		}
	}
	if err := s.removeTornArchives(); err != nil {
		return diskError(err)
	}
	for _, stray := range strays {
		if err := s.setAside(stray.name, stray.reason); err != nil {
			return diskError(err)
		}
	}
	if h.number != s.last.number && s.last.number != 0 {
		if err := s.disk.Do("write", filepath.Join(s.dir, headName), func() error { return writeHead(s.dir, s.last) }); err != nil {
			return diskError(err)
		}
	}
	return s.startClock(ctx)
}

// openCatalog opens the catalog, or makes one when nothing was ever stored.
func (s *Store) openCatalog(ctx context.Context, h head, names []string) error {
	path := filepath.Join(s.dir, catalogName)
	if exists(path) {
		cat, err := catalog.Open(ctx, path)
		if err == nil {
			s.cat = cat
			return nil
		}
		if errors.Is(err, catalog.ErrDamaged) {
			if h.number == 0 && len(names) == 0 && !exists(filepath.Join(s.dir, ledgerName)) {
				// A crash, or a full disk, in the very first moment.
				return s.createCatalog(ctx, path)
			}
			return unreadable(s.dir, err)
		}
		return diskError(err)
	}
	if h.number != 0 || len(names) > 0 || exists(filepath.Join(s.dir, ledgerName)) {
		return &RebuildError{Dir: s.dir, Reason: "the catalog is missing, but the folder was used before"}
	}
	return s.createCatalog(ctx, path)
}

// unreadable makes a RebuildError of an error if it is of a damaged catalog:
// some damage shows only when the page that has it is read.
func unreadable(dir string, err error) error {
	if errors.Is(err, catalog.ErrDamaged) {
		return &RebuildError{Dir: dir, Reason: "the catalog cannot be read", Err: err}
	}
	return err
}

// createCatalog makes an empty catalog under another name first, so that a
// crash leaves none or a whole one.
func (s *Store) createCatalog(ctx context.Context, path string) error {
	cat, err := newCatalog(ctx, s.disk, path, uuid.NewString(), s.opt.Now(), nil)
	if err != nil {
		return diskError(err)
	}
	s.cat = cat
	return nil
}

// newCatalog makes a catalog for a store, puts into it what fill does, and opens
// it in the place of any earlier one.
func newCatalog(ctx context.Context, disk Disk, path, id string, now time.Time, fill func(*catalog.Catalog) error) (*catalog.Catalog, error) {
	fresh := path + ".new"
	for _, suffix := range []string{"", "-wal", "-shm"} {
		if err := os.Remove(fresh + suffix); err != nil && !errors.Is(err, os.ErrNotExist) {
			return nil, fmt.Errorf("create catalog: %w", err)
		}
	}
	err := disk.Do("create catalog", fresh, func() error {
		cat, err := catalog.Create(ctx, fresh)
		if err != nil {
			return err
		}
		err = cat.SetMeta(ctx, metaStoreID, id)
		if err == nil && fill != nil {
			err = fill(cat)
		}
		// Closing folds the log into the file, which is whole from then on.
		return errors.Join(err, cat.Close())
	})
	if err != nil {
		return nil, err
	}
	// The log of an earlier catalog would be taken for that of the new one.
	if err := keepAside(disk, path, now); err != nil {
		return nil, err
	}
	if err := disk.Do("rename", path, func() error { return os.Rename(fresh, path) }); err != nil {
		return nil, fmt.Errorf("create catalog: %w", err)
	}
	dir := filepath.Dir(path)
	if err := disk.Do("sync folder", dir, func() error { return syncDir(dir) }); err != nil {
		return nil, fmt.Errorf("create catalog: %w", err)
	}
	return catalog.Open(ctx, path)
}

// keepAside gives a catalog and its log another name. What SQLite leaves beside
// them and makes anew at will, an index of the log and an empty log, goes.
func keepAside(disk Disk, path string, now time.Time) error {
	stamp := now.UTC().Format("20060102T150405.000000")
	for _, suffix := range []string{"-shm", "-wal", ""} {
		from := path + suffix
		st, err := os.Lstat(from)
		if err != nil {
			continue
		}
		if suffix == "-shm" || suffix == "-wal" && st.Size() == 0 {
			if err := disk.Do("remove", from, func() error { return os.Remove(from) }); err != nil {
				return fmt.Errorf("remove what the old catalog leaves: %w", err)
			}
			continue
		}
		to := path + ".old-" + stamp + suffix
		if err := disk.Do("rename", to, func() error { return os.Rename(from, to) }); err != nil {
			return fmt.Errorf("keep the old catalog aside: %w", err)
		}
	}
	return nil
}

// load reads what the store keeps in memory.
func (s *Store) load(ctx context.Context) error {
	return s.cat.View(ctx, func(tx *catalog.Tx) error {
		last, err := tx.Last(ctx)
		if err != nil {
			return err
		}
		s.last, s.lastTime = head{number: last.Number, hash: last.Hash}, last.Time
		if s.id, err = tx.Meta(ctx, metaStoreID); err != nil {
			return err
		}
		streams, err := tx.Streams(ctx)
		if err != nil {
			return err
		}
		for _, st := range streams {
			k := &stream{Stream: st, known: true}
			s.streams[st.Name], s.byID[st.ID] = k, k
			s.nextID = max(s.nextID, st.ID+1)
		}
		sources, err := tx.Sources(ctx)
		if err != nil {
			return err
		}
		for _, src := range sources {
			s.sources[src.ID] = src
		}
		_, s.waiting, err = tx.Waiting(ctx)
		return err
	})
}

// stray is a file in the folder of segments that the catalog does not know.
type stray struct{ name, reason string }

// compare finds out whether the catalog is the one that belongs to the files.
func (s *Store) compare(ctx context.Context, h head, names []string) ([]stray, error) {
	if h.number > s.last.number {
		return nil, &RebuildError{Dir: s.dir, Reason: fmt.Sprintf("the catalog is an old one: it ends with commit %d, the store with %d", s.last.number, h.number)}
	}
	known := map[string]bool{}
	var live []catalog.Segment
	err := s.cat.View(ctx, func(tx *catalog.Tx) (err error) {
		if live, err = tx.Segments(ctx, catalog.Which{}); err != nil {
			return err
		}
		dead, err := tx.Segments(ctx, catalog.Which{Dead: true})
		for i := range dead {
			known[dead[i].Name] = true
		}
		return err
	})
	if err != nil {
		return nil, err
	}
	for i := range live {
		known[live[i].Name] = true
		if err := s.present(&live[i]); err != nil {
			return nil, err
		}
	}
	var strays []stray
	for _, name := range names {
		if known[name] {
			continue
		}
		reason, err := s.judge(name)
		if err != nil {
			return nil, err
		}
		strays = append(strays, stray{name, reason})
	}
	return strays, nil
}

// present refuses to go on when a live segment is not there as it was written.
func (s *Store) present(seg *catalog.Segment) error {
	path := segmentPath(s.dir, seg.Name)
	st, err := os.Stat(path)
	switch {
	case errors.Is(err, os.ErrNotExist):
		return fmt.Errorf("segment %s with %d events is missing: bring it back from a backup; or, if it is lost, `margay store rebuild --data-dir %s` goes on without it", path, seg.Rows, s.dir)
	case err != nil:
		return fmt.Errorf("look at segment: %w", err)
	case st.Size() != seg.Bytes:
		return fmt.Errorf("segment %s is damaged: it has %d bytes instead of %d; bring it back from a backup; or, if it is lost, `margay store rebuild --data-dir %s` sets it aside and goes on without it", path, st.Size(), seg.Bytes, s.dir)
	}
	return nil
}

// judge says why the catalog does not know a file, or refuses to go on because
// the catalog ought to know it.
func (s *Store) judge(name string) (reason string, err error) {
	number, _, ok := segment.ParseFileName(filepath.Base(name))
	id := s.id
	r, oerr := segment.Open(segmentPath(s.dir, name))
	if oerr == nil {
		c := r.Commit()
		number, ok, id = c.Number, true, c.StoreID
		oerr = r.Close()
	}
	switch {
	case id != s.id:
		return "it belongs to the store " + id, nil
	case !ok:
		return "it is no segment of this store", nil
	case number > s.last.number+1:
		return "", &RebuildError{Dir: s.dir, Reason: fmt.Sprintf("the catalog is an old one: it ends with commit %d, but there is segment %s", s.last.number, name)}
	case oerr != nil:
		return "it cannot be read: " + oerr.Error(), nil
	case number == s.last.number+1:
		return "a crash came between its writing and its commit; its events were not acknowledged, and are read again", nil
	default:
		return fmt.Sprintf("commit %d, which it names, does not know it", number), nil
	}
}

// setAside moves a file out of the folder of segments and notes it.
func (s *Store) setAside(name, reason string) error {
	from := segmentPath(s.dir, name)
	to, err := moveToOrphans(s.disk, s.dir, name, from)
	if err != nil {
		return err
	}
	s.log.Warn("set a segment aside that no commit knows", "segment", name, "to", to, "reason", reason)
	return s.cat.AddOrphan(context.Background(), catalog.Orphan{Name: filepath.Base(to), Found: s.opt.Now().UnixMicro(), Reason: reason})
}

// moveToOrphans moves the file of a segment to where nothing reads it.
func moveToOrphans(disk Disk, dir, name, from string) (to string, err error) {
	to = orphanPath(dir, name)
	for i, base := 2, to; exists(to); i++ {
		to = fmt.Sprintf("%s.%d", base, i)
	}
	if err := disk.Do("rename", to, func() error { return os.Rename(from, to) }); err != nil {
		return "", fmt.Errorf("set segment %s aside: %w", name, err)
	}
	for _, folder := range []string{filepath.Dir(from), filepath.Dir(to)} {
		if err := disk.Do("sync folder", folder, func() error { return syncDir(folder) }); err != nil {
			return "", fmt.Errorf("set segment %s aside: %w", name, err)
		}
	}
	return to, nil
}

// Orphans returns the files that were set aside at any time.
func (s *Store) Orphans(ctx context.Context) (out []catalog.Orphan, err error) {
	err = s.cat.View(ctx, func(tx *catalog.Tx) error {
		out, err = tx.Orphans(ctx)
		return err
	})
	return out, err
}
