package synth

import (
	"bufio"
	"context"
	"errors"
	"fmt"
	"io/fs"
	"os"
	"path/filepath"
	"slices"
	"time"
)

// Log is an audit log that is written while one looks: whole lines, at a steady
// rate, with the present time in them, into a file that is renamed when it is
// large or old enough, as mongod does on logRotate.
type Log struct {
	// Config is that of the events; its Start and Rate do not matter.
	Config Config
	// Path is the file that is written; what it holds already stays in it.
	Path string
	// Rate is how many events are written in a second. Defaults to 20.
	Rate float64
	// RotateBytes and RotateEvery say when the file is renamed. Default to
	// never.
	RotateBytes int64
	RotateEvery time.Duration
	// Keep is how many renamed files stay; the oldest are removed. Defaults to
	// all of them.
	Keep int
}

// logTick is how often lines are written: often enough to look alive.
const logTick = 50 * time.Millisecond

// Run writes until ctx ends, which is its only good end and returns nil.
func (l Log) Run(ctx context.Context) error {
	if l.Rate <= 0 {
		l.Rate = defaultRate
	}
	w := &logWriter{Log: l, gen: New(l.Config)}
	if err := w.open(); err != nil {
		return fmt.Errorf("write audit log %s: %w", l.Path, err)
	}
	ticker := time.NewTicker(logTick)
	defer ticker.Stop()
	last, owed := time.Now(), 0.0
	for {
		select {
		case <-ctx.Done():
			return w.close()
		case <-ticker.C:
			now := time.Now()
			// After a long pause of the machine the log does not catch up.
			owed += l.Rate * min(now.Sub(last), time.Second).Seconds()
			n := int(owed)
			if err := w.write(n, last, now); err != nil {
				return errors.Join(fmt.Errorf("write audit log %s: %w", l.Path, err), w.close())
			}
			last, owed = now, owed-float64(n)
		}
	}
}

type logWriter struct {
	Log
	gen    *Generator
	file   *os.File
	buf    *bufio.Writer
	line   []byte
	size   int64
	opened time.Time
}

func (w *logWriter) open() error {
	f, err := os.OpenFile(w.Path, os.O_WRONLY|os.O_APPEND|os.O_CREATE, 0o640)
	if err != nil {
		return err
	}
	info, err := f.Stat()
	if err != nil {
		return errors.Join(err, f.Close())
	}
	w.file, w.buf, w.size, w.opened = f, bufio.NewWriterSize(f, 1<<18), info.Size(), time.Now()
	return nil
}

func (w *logWriter) close() error { return errors.Join(w.buf.Flush(), w.file.Close()) }

// write writes n events of the time between from and to, and rotates when it
// is due.
func (w *logWriter) write(n int, from, to time.Time) error {
	for i := range n {
		at := from.Add(to.Sub(from) * time.Duration(i) / time.Duration(n))
		w.line = w.gen.NextAt(w.line[:0], at)
		if _, err := w.buf.Write(w.line); err != nil {
			return err
		}
		w.size += int64(len(w.line))
	}
	if err := w.buf.Flush(); err != nil {
		return err
	}
	if w.RotateBytes > 0 && w.size >= w.RotateBytes || w.RotateEvery > 0 && to.Sub(w.opened) >= w.RotateEvery {
		return w.rotate(to)
	}
	return nil
}

// rotate renames the file and opens a new one. A name that is taken already
// puts it off, as it does with mongod.
func (w *logWriter) rotate(now time.Time) error {
	name := string(appendSuffix(append([]byte(w.Path), '.'), now.UnixMicro()))
	if _, err := os.Lstat(name); !errors.Is(err, fs.ErrNotExist) {
		return err
	}
	if err := w.close(); err != nil {
		return err
	}
	if err := os.Rename(w.Path, name); err != nil {
		return err
	}
	if err := w.open(); err != nil {
		return err
	}
	return w.prune()
}

// prune removes the oldest renamed files.
func (w *logWriter) prune() error {
	if w.Keep <= 0 {
		return nil
	}
	dir, base := filepath.Split(w.Path)
	entries, err := os.ReadDir(filepath.Clean(dir))
	if err != nil {
		return err
	}
	var old []string
	for _, e := range entries {
		if ok, _ := filepath.Match("*.????-??-??T??-??-??", e.Name()); ok && len(e.Name()) == len(base)+len(suffixForm)+1 && e.Name()[:len(base)] == base {
			old = append(old, e.Name())
		}
	}
	slices.Sort(old)
	for len(old) > w.Keep {
		if err := os.Remove(filepath.Join(dir, old[0])); err != nil {
			return err
		}
		old = old[1:]
	}
	return nil
}

// suffixForm is what mongod puts behind the name of a rotated file, in UTC.
const suffixForm = "2006-01-02T15-04-05"

func appendSuffix(dst []byte, us int64) []byte {
	return time.UnixMicro(us).UTC().AppendFormat(dst, suffixForm)
}
