package file

import (
	"bytes"
	"context"
	"errors"
	"fmt"
	"os"
	"path/filepath"
	"slices"
	"strings"
	"time"
)

// look brings the files up to date with the folders.
func (r *run) look(now time.Time) {
	r.looked = now
	var seen []sighting
	seen, r.problems = look(r.cfg.Paths)
	for _, f := range r.files {
		f.present = false
	}
	for _, s := range seen {
		f := r.files[s.key]
		if f == nil {
			f = &file{key: s.key, path: s.path, changed: now}
			f.cut.maxLine = r.cfg.MaxLine
			r.files[s.key] = f
		}
		f.present = true
		if f.path != s.path && !f.busy {
			r.log.Info("file was renamed", "from", f.path, "to", s.path)
			f.path, f.moved = s.path, true
		}
		r.update(f, s.info, now)
		if f.fd == nil && !f.everRead && r.open < maxOpen {
			_ = r.openFile(f) // tried again before it is read, and reported then
		}
	}
	for _, f := range r.files {
		if !f.busy {
			r.tend(f, now)
		}
	}
	r.watch(seen)
}

// update takes over what a look found of a file.
func (r *run) update(f *file, fi os.FileInfo, now time.Time) {
	size, mod := fi.Size(), modTime(fi)
	if size != f.size || !mod.Equal(f.modified) {
		f.size, f.modified, f.changed, f.settled = size, mod, now, false
	}
}

// tend follows files that are gone from the folders, and closes those that
// nobody needs.
func (r *run) tend(f *file, now time.Time) {
	if !f.present {
		f.moved = true
		if f.fd == nil {
			if !f.everRead {
				r.log.Warn("file was removed before it could be opened", "path", f.path)
			}
			delete(r.files, f.key)
			return
		}
		if fi, err := f.fd.Stat(); err == nil {
			r.update(f, fi, now)
		}
	}
	if f.fd == nil || f.unread() || f.waiting && !f.settled || now.Sub(f.changed) < linger {
		return
	}
	r.close(f)
	if !f.present {
		delete(r.files, f.key)
	}
}

// unread reports whether the file has changed since it was read.
func (f *file) unread() bool {
	return !f.everRead || f.size != f.readSize || !f.modified.Equal(f.readMod)
}

// watch names the folders that hints are wanted for.
func (r *run) watch(seen []sighting) {
	if r.waker == nil {
		return
	}
	dirs := make(map[string]bool)
	for _, g := range r.cfg.Paths {
		dirs[globDir(g)] = true
	}
	for _, s := range seen {
		dirs[filepath.Dir(s.path)] = true
	}
	names := make([]string, 0, len(dirs))
	for d := range dirs {
		names = append(names, d)
	}
	r.waker.Watch(names)
}

// sorted returns the files in order of their paths.
func (r *run) sorted() []*file {
	files := make([]*file, 0, len(r.files))
	for _, f := range r.files {
		files = append(files, f)
	}
	slices.SortFunc(files, func(a, b *file) int { return strings.Compare(a.path, b.path) })
	return files
}

// launch starts tasks for files that have something to read, and returns when
// to look again.
func (r *run) launch(ctx context.Context, now time.Time) time.Time {
	due := r.looked.Add(r.cfg.Poll)
	for _, f := range r.sorted() {
		ready, final, at := r.ready(f, now)
		if !at.IsZero() && at.Before(due) {
			due = at
		}
		if !ready || r.running == cap(r.results) {
			continue
		}
		if err := r.start(ctx, f, final, now); err != nil {
			f.reason, f.quiet = err, false
			f.everRead = f.everRead || r.cfg.Once
		}
	}
	if r.cfg.Once {
		due = now.Add(r.cfg.Poll)
	}
	if !due.After(now) {
		due = now.Add(r.cfg.Poll)
	}
	return due
}

// ready reports whether a file is to be read now, and if so whether for good,
// or else at what time it will be, if that is known.
func (r *run) ready(f *file, now time.Time) (ready, final bool, at time.Time) {
	switch {
	case f.busy:
		return false, false, at
	case r.cfg.Once:
		return !f.everRead, true, at
	case !f.unread():
		f.pending = time.Time{}
		settle := settleStill
		if f.moved || f.packing != plain {
			settle = settleMoved
		}
		quiet := f.waiting && !f.settled && now.Sub(f.changed) >= settle
		return quiet, quiet, at
	}
	if f.pending.IsZero() {
		f.pending = now
	}
	at = f.pending.Add(r.cfg.FlushInterval)
	ready = !now.Before(at) || f.moved || f.quiet || f.size-f.seen >= blockSize
	if ready {
		at = time.Time{}
	}
	return ready, false, at
}

// start gives a file to a task, unless another task works on a file with the
// same head or the file is still being compressed.
func (r *run) start(ctx context.Context, f *file, final bool, now time.Time) error {
	if err := r.openFile(f); err != nil {
		return err
	}
	fi, err := f.fd.Stat()
	if err != nil {
		return fmt.Errorf("look at file: %w", err)
	}
	c, err := openContent(f.fd, &f.done)
	if err != nil {
		return err
	}
	if c.packing != plain && !r.cfg.Once && now.Sub(f.changed) < max(r.cfg.FlushInterval, r.cfg.Poll) {
		f.packing = c.packing
		c.release()
		return nil
	}
	h, err := c.head()
	if err != nil {
		c.release()
		return err
	}
	if r.locked[h.stream()] {
		c.release()
		return nil
	}
	if !bytes.HasPrefix(h.bytes, f.head) {
		f.forget() // another content under the same identity
	}
	f.head = h.bytes
	t := &task{
		r: r, f: f, c: c, head: h, key: h.stream(), size: fi.Size(), modified: modTime(fi),
		final: final, fresh: r.cfg.Once && c.packing == plain && now.Sub(fi.ModTime()) < fresh, quiet: f.quiet, others: r.others(f, h),
	}
	r.locked[t.key] = true
	r.running++
	f.busy = true
	go func() { r.results <- t.do(ctx) }()
	return nil
}

// others returns the open files with the same head.
func (r *run) others(f *file, h head) []*os.File {
	var fds []*os.File
	for _, o := range r.files {
		if o != f && !o.busy && o.fd != nil && len(o.head) > 0 && bytes.Equal(o.head, h.bytes) {
			fds = append(fds, o.fd)
		}
	}
	return fds
}

// errReplaced says that a path leads to another file than a moment ago.
var errReplaced = errors.New("file was replaced while it was opened")

// openFile opens a file unless it is open.
func (r *run) openFile(f *file) error {
	if f.fd != nil {
		return nil
	}
	fd, err := r.src.open(f.path)
	if err != nil {
		return err
	}
	fi, err := fd.Stat()
	if err == nil && keyOf(fi) != f.key {
		err = errReplaced
	}
	if err != nil {
		_ = fd.Close()
		return err
	}
	f.fd = fd
	r.open++
	return nil
}

func (r *run) close(f *file) {
	if f.fd != nil {
		_ = f.fd.Close() // only read from
		f.fd = nil
		r.open--
	}
}

func (r *run) closeAll() {
	for _, f := range r.files {
		r.close(f)
	}
}
