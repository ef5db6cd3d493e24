package store

import (
	"errors"
	"fmt"
	"os"
	"path/filepath"
	"slices"
	"strings"
	"sync"
	"syscall"
	"testing"
	"time"
)

// errCrashed is what every step after a crash returns; in the world there
// would be nobody left to see it.
var errCrashed = errors.New("the process is dead")

// faultyDisk carries out the steps up to one of them, and then does harm.
type faultyDisk struct {
	mu   sync.Mutex
	at   int // the step that is harmed
	harm harm
	n    int // steps asked for so far
	dead bool
	hit  bool // the harm was done
	well bool // no more harm is done: the process was started anew
	log  []string
}

type harm struct {
	name string
	// done says that the harmed step takes effect all the same.
	done bool
	// torn says that only half of what it wrote is there.
	torn bool
	// err is the step's error; when nil, the process dies.
	err error
	// steps is how many steps fail from there on.
	steps int
}

var harms = []harm{
	{name: "dies before"},
	{name: "dies after", done: true},
	{name: "dies in the middle of", done: true, torn: true},
	{name: "disk full at", err: syscall.ENOSPC, steps: 1},
	{name: "disk full from three steps on at", err: syscall.ENOSPC, steps: 3},
	{name: "disk full for long at", err: syscall.ENOSPC, steps: 25},
	{name: "I/O error after", done: true, err: syscall.EIO, steps: 1},
	{name: "read-only for long at", err: syscall.EROFS, steps: 25},
}

func (d *faultyDisk) Do(what, path string, do func() error) error {
	d.mu.Lock()
	defer d.mu.Unlock()
	i := d.n
	d.n++
	d.log = append(d.log, what+" "+filepath.Base(path))
	if d.dead {
		return errCrashed
	}
	if d.well || i < d.at || i >= d.at+max(d.harm.steps, 1) {
		return do()
	}
	d.hit = true
	if d.harm.done {
		if err := do(); err != nil {
			return err
		}
	}
	if d.harm.torn && (strings.Contains(what, "segment") || what == "write archive") {
		if st, err := os.Stat(path); err == nil {
			if err := os.Truncate(path, st.Size()/2); err != nil {
				return err
			}
		}
	}
	if d.harm.err != nil {
		return &os.PathError{Op: what, Path: path, Err: d.harm.err}
	}
	d.dead = true
	return errCrashed
}

// story is a short life of a store. Every step can be told again: it goes on
// from what is durable.
type story struct {
	*fixture
	now time.Time
}

func (y *story) steps() []func() error {
	return []func() error{
		func() error { return y.reach("a", 12) },
		func() error { return y.reachBoth("a", 25, "b", 11) },
		func() error { return y.reach("empty", 0) },
		func() error { return y.reach("a", 30) },
		func() error { return y.s.Maintain(y.t.Context()) },
		func() error { return y.reachBoth("b", 22, "a", 33) },
		func() error { return y.s.Maintain(y.t.Context()) },
		func() error { y.now = y.now.Add(time.Hour); return y.s.Maintain(y.t.Context()) },
		func() error { return y.reach("b", 33) },
	}
}

// reach stores a stream up to record n, from wherever it is.
func (y *story) reach(stream string, n int) error {
	from, err := y.durable(stream)
	if err != nil || n > 0 && from >= n {
		return err
	}
	b := batch(stream, from, n)
	if n == 0 {
		b.To = pos(1)
	}
	return y.emit(y.t.Context(), b)
}

func (y *story) durable(stream string) (int, error) {
	streams, err := y.s.Streams(y.t.Context(), stream)
	if err != nil || len(streams) == 0 {
		return 0, err
	}
	return y.positions()[stream], nil
}

// reachBoth stores two streams in one commit.
func (y *story) reachBoth(one string, n int, other string, m int) error {
	from, err := y.durable(one)
	if err != nil {
		return err
	}
	a, err := y.s.Begin(batch(one, from, max(n, from)))
	if err != nil {
		return err
	}
	addAll(y.t, a, batch(one, from, max(n, from)))
	done := make(chan error, 1)
	go func() { done <- a.Commit(y.t.Context()) }()
	return errors.Join(y.reach(other, m), <-done)
}

// check holds what is stored against the positions, and the positions against
// what was acknowledged.
func (y *story) check(when string, acknowledged map[string]int) map[string]int {
	y.t.Helper()
	got := y.positions()
	for stream, n := range acknowledged {
		if got[stream] < n {
			y.t.Fatalf("%s: stream %s is at %d though %d was acknowledged", when, stream, got[stream], n)
		}
	}
	rows := map[string]int{}
	for stream, n := range got {
		if stream != "empty" {
			rows[stream] = n
		}
	}
	if have, want := y.stored(), lines(rows); !slices.Equal(have, want) {
		y.t.Fatalf("%s: %d lines are stored where the positions say %d", when, len(have), len(want))
	}
	return got
}

// TestEveryStepMayFail tells the story once for each step that it takes on the
// disk and each kind of harm. In short mode only some of the steps are harmed,
// other ones by each kind of harm.
func TestEveryStepMayFail(t *testing.T) {
	for i, h := range harms {
		stride := 1
		switch {
		case testing.Short():
			stride = 7
		case h.err != nil:
			// The same code cleans up after an error wherever it strikes; a fifth
			// of the steps, other ones for each harm, are enough for every day.
			stride = 5
		}
		t.Run(strings.ReplaceAll(h.name, " ", "_"), func(t *testing.T) {
			t.Parallel()
			for at := i % stride; ; at += stride {
				if !tellStory(t, &faultyDisk{at: at, harm: h}) {
					if at < 40 {
						t.Fatalf("the story took only %d steps", at)
					}
					return
				}
			}
		})
	}
}

// tellStory reports whether the harm was reached.
func tellStory(t *testing.T, disk *faultyDisk) bool {
	y := &story{now: epoch}
	y.fixture = newFixture(t, Options{
		Disk: disk, MergeFanIn: 2, Grace: time.Minute, HoldLimit: time.Millisecond, KeepCommits: 2, ArchiveCommits: 2,
		Now: func() time.Time { return y.now }, Uptime: func() time.Duration { return y.now.Sub(epoch) },
	})
	y.dir = filepath.Join(memoryDir(t), "data")
	acknowledged := map[string]int{}
	var failures []string
	for next := 0; next < 9; {
		err := y.ensureOpen()
		if err == nil {
			err = y.steps()[next]()
		}
		if err == nil {
			acknowledged = y.positions()
			next++
			continue
		}
		failures = append(failures, err.Error())
		if len(failures) > 60 {
			t.Fatalf("step %d of the disk %s: the store does not recover: %s", disk.at, disk.harm.name, failures[len(failures)-1])
		}
		if y.s == nil {
			// The store did not open. After a crash a new process tries.
			if disk.dead {
				y.revive(disk)
			}
			continue
		}
		when := fmt.Sprintf("%s step %d (%s), in step %d of the story", disk.harm.name, disk.at, disk.log[min(disk.at, len(disk.log)-1)], next)
		if disk.dead {
			y.revive(disk)
			if err := y.ensureOpen(); err != nil {
				t.Fatalf("%s: the store does not open again: %v", when, err)
			}
		}
		if y.s.known() {
			acknowledged = y.check(when, acknowledged)
		}
	}
	disk.mu.Lock()
	disk.dead, disk.well = false, true
	disk.mu.Unlock()
	when := fmt.Sprintf("at the end, %s step %d", disk.harm.name, disk.at)
	y.check(when, map[string]int{"a": 33, "b": 33, "empty": 1})
	y.close()
	y.open()
	y.check(when+", opened again", map[string]int{"a": 33, "b": 33, "empty": 1})
	if _, tmp := y.files(); len(tmp) > 0 {
		t.Fatalf("%s: temporary files are left: %v", when, tmp)
	}
	y.close()
	y.wantVerified()
	if n := y.wantWholeChain(); n < 3 {
		t.Fatalf("%s: the story made only %d archives", when, n)
	}
	return disk.hit
}

func (y *story) ensureOpen() error {
	if y.s != nil {
		return nil
	}
	return y.tryOpen()
}

// revive ends what is left of a dead process and lets the disk work again.
func (y *story) revive(disk *faultyDisk) {
	y.close()
	disk.mu.Lock()
	disk.dead, disk.well = false, true
	disk.mu.Unlock()
}

// known reports whether the store knows what it has.
func (s *Store) known() bool {
	s.mu.Lock()
	defer s.mu.Unlock()
	return s.broken == nil
}
