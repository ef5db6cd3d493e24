package file

import (
	"bytes"
	"context"
	"errors"
	"fmt"
	"path/filepath"
	"sync/atomic"
	"testing"
	"testing/synctest"
	"time"

	"pgregory.net/rapid"

	"github.com/margay-audit/margay/event"
	"github.com/margay-audit/margay/source"
	"github.com/margay-audit/margay/source/sourcetest"
)

// chaos is a world in which a log is written, rotated, copied and compressed
// while the source is restarted and the store fails now and then.
type chaos struct {
	*world
	rotated []string
	partial []byte // the rest of a line of which a part is written
	names   int
	fail    atomic.Int64 // emits to fail
}

// op is one step: what to do and a number that varies it.
type op struct{ what, n int }

func (o op) String() string { return fmt.Sprintf("%s(%d)", opNames[o.what], o.n) }

var opNames = []string{"write", "part", "rotate", "copytruncate", "gzip", "zstd", "copy", "remove", "restart", "fail", "load", "pass"}

func (c *chaos) name() string {
	c.names++
	return fmt.Sprintf("audit.json.%d", c.names)
}

func (c *chaos) finishLine() {
	if c.partial != nil {
		c.append("audit.json", c.partial)
		c.partial = nil
	}
}

func (c *chaos) do(o op) error {
	switch opNames[o.what] {
	case "write":
		c.finishLine()
		c.write("audit.json", o.n)
	case "part":
		c.finishLine()
		l := append(bytes.Clone(c.line()), '\n')
		cut := o.n % len(l)
		c.append("audit.json", l[:cut])
		c.partial = l[cut:]
	case "rotate":
		c.finishLine()
		c.write("audit.json", 1)
		to := c.name()
		c.rename("audit.json", to)
		c.rotated = append(c.rotated, to)
	case "copytruncate":
		c.finishLine()
		c.write("audit.json", 1)
		to := c.name()
		c.copy("audit.json", to)
		c.truncate("audit.json")
		c.rotated = append(c.rotated, to)
	case "gzip", "zstd", "copy", "remove":
		return c.change(o)
	case "restart":
		c.stop()
		c.begin()
	case "fail":
		c.fail.Store(int64(1 + o.n%3))
	case "load":
		c.fail.Store(0)
		if names, err := filepath.Glob(c.path("*")); err != nil || len(names) == 0 {
			return err
		}
		if err := c.load(c.path("*")); err != nil && !errors.Is(err, event.ErrPositionMoved) {
			return err
		}
	case "pass":
		c.pass(time.Duration(o.n*o.n) * time.Millisecond)
	}
	return nil
}

// change does something to a rotated file.
func (c *chaos) change(o op) error {
	if len(c.rotated) == 0 {
		return nil
	}
	i := o.n % len(c.rotated)
	name := c.rotated[i]
	switch opNames[o.what] {
	case "gzip":
		c.gzip(name)
		c.rotated = append(c.rotated[:i], c.rotated[i+1:]...)
	case "zstd":
		c.zstd(name)
	case "copy":
		to := c.name()
		c.copy(name, to)
		c.rotated = append(c.rotated, to)
	case "remove":
		c.pass(10 * time.Second) // a file that nobody ever saw is lost, so let it be seen
		c.remove(name)
		c.rotated = append(c.rotated[:i], c.rotated[i+1:]...)
	}
	return nil
}

// begin starts the source under a supervisor.
func (c *chaos) begin() {
	src, err := New(c.cfg)
	if err != nil {
		c.t.Fatal(err)
	}
	src.lim = limits{records: 7, block: 2 << 10, read: 512}
	ctx, cancel := context.WithCancel(c.t.Context())
	result := make(chan error, 1)
	go func() { result <- source.Supervise(ctx, src, c.store.Emit, source.Options{}) }()
	c.end = func() error {
		cancel()
		return <-result
	}
}

func runChaos(t *testing.T, ops []op) (diff string) {
	synctest.Test(t, func(t *testing.T) {
		c := &chaos{world: newWorld(t)}
		broken := errors.New("broken on purpose")
		c.store.Before = func(context.Context, *event.Batch) error {
			if c.fail.Add(-1) >= 0 {
				return broken
			}
			return nil
		}
		c.begin()
		for _, o := range ops {
			if err := c.do(o); err != nil {
				diff = fmt.Sprintf("%v: %v", o, err)
			}
		}
		c.finishLine()
		c.pass(time.Minute)
		c.stop()
		if err := c.store.Err(); err != nil {
			diff = err.Error()
		}
		if d := sourcetest.Difference(c.store.Rows(), c.want); d != "" {
			diff = d
		}
	})
	return diff
}

// TestNothingLostNothingTwice is the promise of the package: whatever happens
// to a log, each line of it is stored exactly once.
func TestNothingLostNothingTwice(t *testing.T) {
	rapid.Check(t, func(rt *rapid.T) {
		ops := rapid.SliceOfN(rapid.Custom(func(rt *rapid.T) op {
			return op{rapid.IntRange(0, len(opNames)-1).Draw(rt, "what"), rapid.IntRange(1, 60).Draw(rt, "n")}
		}), 1, 40).Draw(rt, "ops")
		if diff := runChaos(t, ops); diff != "" {
			rt.Fatalf("%v\n%s", ops, diff)
		}
	})
}
