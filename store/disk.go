package store

import (
	"errors"
	"fmt"
	"os"
	"path/filepath"
	"syscall"
)

// Disk carries out the steps by which the store changes what is on disk. Do
// calls do once and returns its error. Tests make steps fail, or stop the world
// between two of them; that is what the interface is for.
type Disk interface {
	// Do is told what the step does, for example "rename", and to which file.
	Do(what, path string, do func() error) error
}

// realDisk simply does it.
type realDisk struct{}

func (realDisk) Do(_, _ string, do func() error) error { return do() }

// diskError adds what a person can do about an error of the file system. The
// store stays as it was, and the next attempt may succeed.
func diskError(err error) error {
	switch {
	case err == nil:
		return nil
	case errors.Is(err, syscall.ENOSPC), errors.Is(err, syscall.EDQUOT):
		return fmt.Errorf("the disk of the data folder is full; nothing is lost, storing goes on when there is space again: %w", err)
	case errors.Is(err, syscall.EROFS), errors.Is(err, syscall.EACCES), errors.Is(err, syscall.EPERM):
		return fmt.Errorf("the data folder cannot be written; nothing is lost, storing goes on when it can: %w", err)
	case errors.Is(err, syscall.EIO):
		return fmt.Errorf("the disk of the data folder reports an error; look at the kernel's log: %w", err)
	default:
		return err
	}
}

// syncDir makes the names in a folder durable.
func syncDir(path string) error {
	d, err := os.Open(path)
	if err != nil {
		return err
	}
	return errors.Join(d.Sync(), d.Close())
}

// writeFile replaces a file as a whole: whoever reads it, also after a crash,
// finds the old or the new content.
func writeFile(disk Disk, path string, data []byte) error {
	tmp := path + ".tmp"
	if err := disk.Do("write", tmp, func() error { return writeSynced(tmp, data) }); err != nil {
		return err
	}
	if err := disk.Do("rename", path, func() error { return os.Rename(tmp, path) }); err != nil {
		return err
	}
	dir := filepath.Dir(path)
	return disk.Do("sync folder", dir, func() error { return syncDir(dir) })
}

func writeSynced(path string, data []byte) error {
	f, err := os.OpenFile(path, os.O_WRONLY|os.O_CREATE|os.O_TRUNC, 0o600)
	if err != nil {
		return err
	}
	_, err = f.Write(data)
	if err == nil {
		err = f.Sync()
	}
	return errors.Join(err, f.Close())
}
