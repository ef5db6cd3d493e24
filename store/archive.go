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
	path := archivePath(s.dir, first, last)
	tmp := path + segment.TempSuffix
	a := catalog.Archive{First: first, Last: last}
	err := s.disk.Do("write archive", tmp, func() error { return s.writeArchive(ctx, tmp, &a) })
	if err != nil {
		// It is in nobody's way; the next attempt or start would remove it too.
		return errors.Join(err, s.removeArchive(tmp))
	}
	if err := s.makeWay(path, &a); err != nil {
		return errors.Join(err, s.removeArchive(tmp))
	}
	if err := s.disk.Do("rename", path, func() error { return os.Rename(tmp, path) }); err != nil {
		return errors.Join(err, s.removeArchive(tmp))
	}
	folder := filepath.Dir(path)
	if err := s.disk.Do("sync folder", folder, func() error { return syncDir(folder) }); err != nil {
		return err
	}
	return s.recordArchive(ctx, &a)
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

// writeArchive writes the commits from a.First to a.Last to a file, syncs it,
// and completes a.
func (s *Store) writeArchive(ctx context.Context, path string, a *catalog.Archive) error {
	w, err := createArchive(path)
	if err != nil {
		return err
	}
	for next := a.First; next <= a.Last && err == nil; {
		var some []catalog.Commit
		err = s.cat.View(ctx, func(tx *catalog.Tx) (err error) {
			some, err = tx.CommitsFrom(ctx, next, readAtOnce)
			return err
		})
		if err == nil && len(some) == 0 {
			err = fmt.Errorf("commit %d is not in the catalog any more", next)
		}
		for i := 0; i < len(some) && some[i].Number <= a.Last && err == nil; i++ {
			err = w.add(&some[i])
			a.Commits++
			a.Hash = some[i].Hash
		}
		if err == nil {
			next = some[len(some)-1].Number + 1
		}
	}
	if err != nil {
		return errors.Join(err, w.abort())
	}
	a.SHA256, a.Bytes, err = w.finish()
	return err
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

func (s *Store) removeArchive(path string) error {
	err := s.disk.Do("remove", path, func() error { return os.Remove(path) })
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
		if err := s.removeArchive(path); err != nil {
			return fmt.Errorf("remove temporary archive: %w", err)
		}
	}
	return nil
}
