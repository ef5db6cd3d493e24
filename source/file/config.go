package file

import (
	"errors"
	"fmt"
	"log/slog"
	"path/filepath"
	"runtime"
	"time"

	"github.com/margay-audit/margay/event"
)

// Start says where a source begins with the files that are there when it runs
// for the very first time.
type Start string

// Where to begin.
const (
	// FromBeginning reads them whole.
	FromBeginning Start = "beginning"
	// FromEnd reads only what is written to them from then on. Files that
	// appear later are read whole in either case.
	FromEnd Start = "end"
)

// Defaults and bounds of a [Config].
const (
	DefaultMaxLine       = 16 << 20               // bytes
	DefaultFlushInterval = time.Second            // first waiting line to emit
	DefaultPoll          = 200 * time.Millisecond // between two looks
)

// Config of a source of files.
type Config struct {
	// Origin is put into every batch.
	Origin event.Origin
	// Paths are globs as [filepath.Match] reads them. Files matched by several
	// are read once. Required.
	Paths []string
	// Start defaults to FromBeginning.
	Start Start
	// MaxLine is the length in bytes up to which a line, or a document over
	// several lines, is kept whole. A longer line goes to quarantine as its
	// first 64 KiB, its length and its SHA-256. Defaults to DefaultMaxLine.
	MaxLine int
	// FlushInterval is how long lines may wait for others to share a batch
	// with. Defaults to DefaultFlushInterval.
	FlushInterval time.Duration
	// Poll is the time between two looks at the folders when nothing hints at
	// a change. Defaults to DefaultPoll.
	Poll time.Duration
	// Once reads every file to its end, without waiting for more, and returns.
	Once bool
	// Workers is how many batches may be on their way into the store at the
	// same time. Defaults to GOMAXPROCS.
	Workers int
	// Ledger is the store's. Required.
	Ledger event.Ledger
	// Log defaults to discarding.
	Log *slog.Logger
	// Waker hints at changes. Defaults to inotify, and to none with Once.
	Waker Waker
	// Progress is called, from the goroutine of Run, when more has been read.
	// Defaults to nothing.
	Progress func(Progress)
}

// Progress tells how far a source is, in bytes of the files as they lie on
// disk, compressed ones compressed.
type Progress struct {
	Done, Total int64
	// Files is how many files there are, Read how many were read to their end.
	Files, Read int
	// LeftOut counts the bytes at the ends of files that a single run has not
	// taken, because they look like an event that is still being written.
	LeftOut int64
}

// Waker makes the source look at its folders before the poll interval is over.
// It is only a hint: nothing is lost when it stays silent.
type Waker interface {
	// Watch names the folders to watch; it is called again when they change.
	Watch(dirs []string)
	// Wake returns the channel that receives when something may have changed.
	Wake() <-chan struct{}
}

func (c Config) withDefaults() Config {
	if c.Start == "" {
		c.Start = FromBeginning
	}
	if c.MaxLine == 0 {
		c.MaxLine = DefaultMaxLine
	}
	if c.FlushInterval == 0 {
		c.FlushInterval = DefaultFlushInterval
	}
	if c.Poll == 0 {
		c.Poll = DefaultPoll
	}
	if c.Workers == 0 {
		c.Workers = runtime.GOMAXPROCS(0)
	}
	if c.Log == nil {
		c.Log = slog.New(slog.DiscardHandler)
	}
	return c
}

func (c Config) validate() error {
	var errs []error
	if c.Ledger == nil {
		errs = append(errs, errors.New("no ledger"))
	}
	if len(c.Paths) == 0 {
		errs = append(errs, errors.New("no paths"))
	}
	for _, p := range c.Paths {
		if _, err := filepath.Match(p, ""); err != nil {
			errs = append(errs, fmt.Errorf("path %q: %w", p, err))
		}
	}
	if c.Start != FromBeginning && c.Start != FromEnd {
		errs = append(errs, fmt.Errorf("start is %q, must be %q or %q", c.Start, FromBeginning, FromEnd))
	}
	if c.MaxLine < minMaxLine {
		errs = append(errs, fmt.Errorf("a line limit of %d bytes is under the least of %d", c.MaxLine, minMaxLine))
	}
	if c.FlushInterval < 0 || c.Poll < 0 || c.Workers < 0 {
		errs = append(errs, errors.New("intervals and workers must not be negative"))
	}
	return errors.Join(errs...)
}

// minMaxLine keeps the limit above the head that is kept of a longer line.
const minMaxLine = 128
