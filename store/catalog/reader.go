package catalog

import (
	"context"
	"errors"
	"fmt"
	"io"
	"os"
	"path/filepath"
)

// OpenReader opens a catalog for reading only, whether or not another process
// writes it.
//
// SQLite itself needs to write a little even to read, namely the shared memory
// beside the database, unless it may take the file for immutable. So three ways
// are tried: the ordinary one; the file as it stands, when there is no log that
// could hold more; and a private copy of file and log, when the folder cannot
// be written and a log is there. The last two cannot see later commits.
func OpenReader(ctx context.Context, path string) (*Catalog, error) {
	if _, err := os.Stat(path); err != nil {
		return nil, fmt.Errorf("open catalog: %w", err)
	}
	c, err := tryReader(ctx, path)
	if err == nil || errors.Is(err, context.Canceled) || errors.Is(err, context.DeadlineExceeded) {
		return c, err
	}
	if st, serr := os.Stat(path + "-wal"); serr != nil || st.Size() == 0 {
		if c, ierr := tryReader(ctx, path, "immutable=1"); ierr == nil {
			return c, nil
		}
		return nil, err
	}
	c, cerr := copied(ctx, path)
	if cerr != nil {
		return nil, errors.Join(err, cerr)
	}
	return c, nil
}

func tryReader(ctx context.Context, path string, more ...string) (*Catalog, error) {
	c, err := connect(path, "ro", []string{"busy_timeout(5000)", "query_only(1)"}, more...)
	if err != nil {
		return nil, err
	}
	if err := c.check(ctx); err != nil {
		return nil, errors.Join(fmt.Errorf("open catalog %s: %w", path, err), c.Close())
	}
	return c, nil
}

// copied reads a copy of the database and its log. The copy is unlinked while
// it is open, so that it goes with the process.
func copied(ctx context.Context, path string) (_ *Catalog, err error) {
	dir, err := os.MkdirTemp("", "margay-catalog-")
	if err != nil {
		return nil, fmt.Errorf("copy catalog: %w", err)
	}
	defer func() { err = errors.Join(err, os.RemoveAll(dir)) }()
	into := filepath.Join(dir, "catalog.sqlite")
	for _, suffix := range []string{"", "-wal"} {
		if err := copyFile(into+suffix, path+suffix); err != nil {
			return nil, err
		}
	}
	c, err := connect(into, "rw", []string{"query_only(1)"})
	if err != nil {
		return nil, err
	}
	if err := c.check(ctx); err != nil {
		return nil, errors.Join(fmt.Errorf("open copy of catalog %s: %w", path, err), c.Close())
	}
	return c, nil
}

func copyFile(to, from string) (err error) {
	src, err := os.Open(from)
	if err != nil {
		return fmt.Errorf("copy catalog: %w", err)
	}
	defer func() { err = errors.Join(err, src.Close()) }()
	dst, err := os.OpenFile(to, os.O_CREATE|os.O_EXCL|os.O_WRONLY, 0o600)
	if err != nil {
		return fmt.Errorf("copy catalog: %w", err)
	}
	if _, err := io.Copy(dst, src); err != nil {
		return errors.Join(fmt.Errorf("copy catalog: %w", err), dst.Close())
	}
	if err := dst.Close(); err != nil {
		return fmt.Errorf("copy catalog: %w", err)
	}
	return nil
}
