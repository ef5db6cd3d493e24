package file

import (
	"errors"
	"fmt"
	"io/fs"
	"maps"
	"os"
	"path/filepath"
	"slices"
	"strings"
	"sync/atomic"
	"syscall"
	"time"
)

// file is a log file that the source knows by device and inode.
type file struct {
	key  fileKey
	path string // where the last look found it
	fd   *os.File

	// The coordinator's.
	present  bool      // the last look found it
	moved    bool      // it was at another path before, or is gone
	size     int64     // at the last look
	modified time.Time // at the last look
	changed  time.Time // when a look last found it changed
	pending  time.Time // since when something waits to be read; zero if nothing
	busy     bool      // a task has it
	quiet    bool      // start: end, until its first task has ended
	readSize int64     // size and modified up to which it was read
	readMod  time.Time
	settled  bool  // and was read as a file that will not grow
	everRead bool  // a task has ended
	reason   error // why it cannot be read

	// The task's while busy.
	stream  *stream
	proof   *proof
	short   *shortCopy
	head    []byte
	cut     cutter
	packing packing
	seen    int64 // decompressed bytes looked at
	waiting bool  // its end waits for more bytes or for the file to settle

	done    atomic.Int64 // bytes on disk that were read
	leftOut atomic.Int64 // bytes at its end that look unfinished
}

// forget drops what is known about the file's content.
func (f *file) forget() {
	f.stream, f.proof, f.short = nil, nil, nil
	f.cut.reset()
}

// sighting is one file of a look at the folders.
type sighting struct {
	path string
	info os.FileInfo
	key  fileKey
}

// keyOf returns the identity of a file on this system.
func keyOf(fi os.FileInfo) fileKey {
	if st, ok := fi.Sys().(*syscall.Stat_t); ok {
		return fileKey{dev: uint64(st.Dev), ino: st.Ino} //nolint:unconvert // Dev is an int32 on some systems
	}
	return fileKey{}
}

// look finds the files that the globs match, each once, in order of their
// paths with links resolved. problems tells of folders and files that cannot be
// looked at.
func look(globs []string) (seen []sighting, problems []error) {
	found := make(map[string]os.FileInfo)
	dirs := make(map[string]string)
	for _, g := range globs {
		matches, err := filepath.Glob(g)
		if err != nil {
			problems = append(problems, fmt.Errorf("match %s: %w", g, err))
			continue
		}
		if len(matches) == 0 {
			problems = append(problems, whyNone(g))
		}
		for _, m := range matches {
			path, fi, err := resolve(m, dirs)
			switch {
			case errors.Is(err, fs.ErrNotExist): // renamed or removed just now
			case err != nil:
				problems = append(problems, fmt.Errorf("resolve %s: %w", m, err))
			case fi.Mode().IsRegular():
				found[path] = fi
			}
		}
	}
	keys := make(map[fileKey]bool)
	for _, p := range slices.Sorted(maps.Keys(found)) {
		key := keyOf(found[p])
		if !keys[key] {
			keys[key] = true
			seen = append(seen, sighting{p, found[p], key})
		}
	}
	return seen, problems
}

// resolve follows the links in a path. dirs remembers the folders of one look,
// so that a file which is no link costs one system call.
func resolve(path string, dirs map[string]string) (string, os.FileInfo, error) {
	fi, err := os.Lstat(path)
	if err != nil {
		return "", nil, err
	}
	if fi.Mode()&fs.ModeSymlink != 0 {
		if path, err = filepath.EvalSymlinks(path); err == nil {
			fi, err = os.Stat(path)
		}
		return path, fi, err
	}
	dir := filepath.Dir(path)
	if dirs[dir] == "" {
		if dirs[dir], err = filepath.EvalSymlinks(dir); err != nil {
			return "", nil, err
		}
	}
	return filepath.Join(dirs[dir], filepath.Base(path)), fi, nil
}

// whyNone explains why a glob matches nothing. [filepath.Glob] keeps silent
// about folders that may not be read.
func whyNone(glob string) error {
	dir := globDir(glob)
	if _, err := os.ReadDir(dir); err != nil {
		return fmt.Errorf("no file matches %s: %w", glob, err)
	}
	return fmt.Errorf("no file matches %s", glob)
}

// globDir returns the longest folder of a glob that is without a wildcard.
func globDir(glob string) string {
	dir := filepath.Dir(glob)
	for strings.ContainsAny(dir, `*?[\`) {
		dir = filepath.Dir(dir)
	}
	return dir
}

// original opens the file that a stream was last read from, under the name that
// it has now, or returns nil.
func original(pos *position) *os.File {
	if pos.Inode == 0 {
		return nil
	}
	want := fileKey{pos.Device, pos.Inode}
	dir := filepath.Dir(pos.Path)
	entries, err := os.ReadDir(dir)
	if err != nil {
		return nil
	}
	for _, e := range entries {
		fi, err := e.Info()
		if err != nil || keyOf(fi) != want {
			continue
		}
		fd, err := os.Open(filepath.Join(dir, e.Name()))
		if err != nil {
			return nil
		}
		return fd
	}
	return nil
}
