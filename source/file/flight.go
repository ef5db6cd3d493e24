package file

import (
	"context"
	"errors"
	"fmt"
	"sync"

	"github.com/margay-audit/margay/event"
)

// errStopped ends a task because another one failed. It is never returned by
// Run.
var errStopped = errors.New("the source is stopping")

// flight is the batches of one stream that are on their way into the store.
type flight struct {
	r  *run
	wg sync.WaitGroup

	mu     sync.Mutex
	sent   int   // batches so far
	failed int   // number of the first batch that failed
	err    error // its error
}

// send emits b, whose memory is blk, in a goroutine of its own, and returns
// once that goroutine runs. It waits while as many batches are under way as may
// be. It fails when an earlier batch, of any file, has failed.
func (fl *flight) send(ctx context.Context, b event.Batch, blk *block) error {
	select {
	case fl.r.slots <- struct{}{}:
	case <-ctx.Done():
		return ctx.Err()
	}
	if fl.r.stopping.Load() {
		<-fl.r.slots
		return errStopped
	}
	fl.sent++
	number := fl.sent
	// The store may meet the batches of a stream in any order, but answers
	// sooner when it meets them in theirs.
	begun := make(chan struct{})
	fl.wg.Go(func() {
		defer func() { <-fl.r.slots }()
		close(begun)
		if err := fl.r.emit(ctx, b); err != nil {
			fl.fail(number, fmt.Errorf("emit %s: %w", b.File, err))
			return
		}
		fl.r.recycle(blk)
	})
	<-begun
	return nil
}

func (fl *flight) fail(number int, err error) {
	fl.r.stopping.Store(true)
	fl.mu.Lock()
	defer fl.mu.Unlock()
	if fl.err == nil || number < fl.failed {
		fl.failed, fl.err = number, err
	}
}

// wait returns when nothing is under way any more, with the error of the first
// batch that failed: those behind it fail as a consequence.
func (fl *flight) wait() error {
	fl.wg.Wait()
	fl.mu.Lock()
	defer fl.mu.Unlock()
	return fl.err
}
