package file

import (
	"log/slog"
	"time"

	"github.com/fsnotify/fsnotify"
)

// calm is the least time between two hints: a busy log changes thousands of
// times a second.
const calm = 50 * time.Millisecond

// inotify is the waker that is used unless the config brings one.
type inotify struct {
	w    *fsnotify.Watcher
	log  *slog.Logger
	c    chan struct{}
	done chan struct{}
	dirs map[string]bool
}

// newInotify returns nil when the system has no watches left; polling does
// without.
func newInotify(log *slog.Logger) *inotify {
	w, err := fsnotify.NewWatcher()
	if err != nil {
		log.Warn("no file notifications, relying on polling", "error", err)
		return nil
	}
	n := &inotify{w: w, log: log, c: make(chan struct{}, 1), done: make(chan struct{}), dirs: make(map[string]bool)}
	go n.run()
	return n
}

// Wake returns the channel of hints.
func (n *inotify) Wake() <-chan struct{} { return n.c }

// Watch adds folders. Those that do not exist yet are tried again next time.
func (n *inotify) Watch(dirs []string) {
	for _, d := range dirs {
		if n.dirs[d] {
			continue
		}
		if err := n.w.Add(d); err == nil {
			n.dirs[d] = true
		}
	}
}

// stop ends the watching and returns when nothing of it runs any more.
func (n *inotify) stop() {
	if err := n.w.Close(); err != nil {
		n.log.Warn("end file notifications", "error", err)
	}
	<-n.done
}

func (n *inotify) run() {
	defer close(n.done)
	var last time.Time
	var late <-chan time.Time // the end of the calm, when something came in it
	for {
		select {
		case _, ok := <-n.w.Events:
			if !ok {
				return
			}
			if wait := calm - time.Since(last); wait > 0 {
				if late == nil {
					late = time.After(wait)
				}
				continue
			}
		case _, ok := <-n.w.Errors:
			if !ok {
				return
			}
			// An overflow means that hints were lost, so this is one.
		case <-late:
		}
		late, last = nil, time.Now()
		select {
		case n.c <- struct{}{}:
		default:
		}
	}
}
