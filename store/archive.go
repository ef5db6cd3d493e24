package store

import (
	"context"
	"errors"
	"fmt"
	"os"
	"path/filepath"

	"github.com/margay-audit/margay/store/catalog"
	"github.com/margay-audit/margay/store/segment"
)

// readAtOnce bounds how many commits are read from the catalog at a time: its
// one connection must be free for commits again soon.
const readAtOnce = 500

// archiveAll moves commit records from the catalog into archives as long as
// there are enough old ones to fill one.
//
// Every second may bring a commit, for years. The catalog stays small because
// only the newest have to be in it, and SQLite uses the pages that are freed for
// the next ones; so the file stops growing, and there is no need to vacuum it.
func (s *Store) archiveAll(ctx context.Context) error {
	for ctx.Err() == nil {
		var first, last uint64
		err := s.cat.View(ctx, func(tx *catalog.Tx) (err error) {
			first, last, err = tx.OldCommits(ctx, s.opt.ArchiveCommits, uint64(s.opt.KeepCommits))
			return err
		})
		if err != nil || first == 0 {
			return err
		}
		if err := s.archive(ctx, first, last); err != nil {
			return fmt.Errorf("archive commits %d to %d: %w", first, last, err)
		}
	}
	return nil
}

// archive makes one archive. The file is durable under its name before the
// catalog forgets anything. A crash in between leaves a file that the catalog
// does not know; the next attempt writes the same once more.
func (s *Store) archive(ctx context.Context, first, last uint64) error {
	a := &catalog.Archive{First: first, Last: last}
	err := saveArchive(s.disk, s.dir, a, func(w *archiveWriter) error { return s.copyCommits(ctx, w, a) }, s.makeWay)
	if err != nil {
		return err
	}
	return s.recordArchive(ctx, a)
}

// saveArchive makes the file of a durable, with what fill adds, and completes a.
// Way is called before the file gets its name.
func saveArchive(disk Disk, dir string, a *catalog.Archive, fill func(*archiveWriter) error, way func(string, *catalog.Archive) error) error {
	path := archivePath(dir, a.First, a.Last)
	tmp := path + segment.TempSuffix
	err := disk.Do("write archive", tmp, func() error {
		w, err := createArchive(tmp)
		if err != nil {
			return err
		}
		if err := fill(w); err != nil {
			return errors.Join(err, w.abort())
		}
		return w.finish(a)
	})
	if err == nil {
		err = way(path, a)
	}
	if err == nil {
		err = disk.Do("rename", path, func() error { return os.Rename(tmp, path) })
	}
	if err != nil {
		// It is in nobody's way; the next attempt or start would remove it too.
		return errors.Join(err, removeArchive(disk, tmp))
	}
	folder := filepath.Dir(path)
	return disk.Do("sync folder", folder, func() error { return syncDir(folder) })
}

// recordArchive lets the catalog forget what the archive holds. Whether a
// transaction that failed took effect needs no settling here: either the
// archive is known and the commits are gone, or all is as before.
func (s *Store) recordArchive(ctx context.Context, a *catalog.Archive) error {
	s.serial.Lock()
	defer s.serial.Unlock()
	if _, err := s.settle(ctx); err != nil {
		return err
	}
	ctx = context.WithoutCancel(ctx)
	if err := s.disk.Do("transaction", s.dir, func() error { return s.cat.Archive(ctx, a) }); err != nil {
		return err
	}
	s.log.Debug("archived commits", "first", a.First, "last", a.Last, "bytes", a.Bytes)
	return nil
}

// copyCommits copies the commits from a.First to a.Last out of the catalog.
func (s *Store) copyCommits(ctx context.Context, w *archiveWriter, a *catalog.Archive) error {
	for next := a.First; next <= a.Last; {
		var some []catalog.Commit
		err := s.cat.View(ctx, func(tx *catalog.Tx) (err error) {
			some, err = tx.CommitsFrom(ctx, next, readAtOnce)
			return err
		})
		if err != nil {
			return err
		}
		if len(some) == 0 {
			return fmt.Errorf("commit %d is not in the catalog any more", next)
		}
		for i := range some {
			if some[i].Number > a.Last {
				return nil
			}
			if err := w.add(&some[i]); err != nil {
				return err
			}
		}
		next = some[len(some)-1].Number + 1
	}
	return nil
}

// makeWay sets a file aside that has the name of the archive to come and is
// not the same: it tells of another past, as after an old copy of the catalog
// was brought back, and must not be lost without a word.
func (s *Store) makeWay(path string, a *catalog.Archive) error {
	if !exists(path) {
		return nil
	}
	hash, err := segment.Hash(path)
	if err == nil && hash == a.SHA256 {
		return nil
	}
	if err != nil {
		return err
	}
	to, err := moveToOrphans(s.disk, s.dir, commitsName+"/"+filepath.Base(path), path)
	if err != nil {
		return err
	}
	s.log.Warn("set an archive of commits aside that the catalog does not know", "archive", filepath.Base(path), "to", to)
	return s.cat.AddOrphan(context.Background(), catalog.Orphan{
		Name: filepath.Base(to), Found: s.opt.Now().UnixMicro(), Reason: "it holds other commits than the catalog has under these numbers",
	})
}

func removeArchive(disk Disk, path string) error {
	err := disk.Do("remove", path, func() error { return os.Remove(path) })
	if errors.Is(err, os.ErrNotExist) {
		return nil
	}
	return err
}

// removeTornArchives removes what a crash left while an archive was written.
func (s *Store) removeTornArchives() error {
	_, temporary, err := listArchives(s.dir)
	if err != nil {
		return err
	}
	for _, path := range temporary {
		if err := removeArchive(s.disk, path); err != nil {
			return fmt.Errorf("remove temporary archive: %w", err)
		}
	}
	return nil
}
