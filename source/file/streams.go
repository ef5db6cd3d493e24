package file

import (
	"bytes"
	"context"
	"fmt"
	"strconv"

	"github.com/margay-audit/margay/event"
)

// know returns the stream of a ledger entry whose position can be parsed. Files
// that hold the same stream share it.
func (r *run) know(k event.Stream) *stream {
	r.mu.Lock()
	defer r.mu.Unlock()
	s := r.streams[k.Name]
	if s == nil {
		s = &stream{name: k.Name}
		r.streams[k.Name] = s
	}
	s.id, s.stored, s.owner = k.ID, true, k.SourceID
	if s.pos == nil || !bytes.Equal(s.at, k.Position) {
		if pos, err := parsePosition(k.Position); err == nil {
			s.at, s.pos = k.Position, pos
		}
	}
	return s
}

// learn asks the store for the number of a stream that this run has begun.
func (r *run) learn(ctx context.Context, s *stream) error {
	if s.stored {
		return nil
	}
	known, err := r.cfg.Ledger.Streams(ctx, s.name)
	if err != nil {
		return fmt.Errorf("look up stream %s: %w", s.name, err)
	}
	for _, k := range known {
		if k.Name == s.name {
			s.id, s.stored, s.owner = k.ID, true, k.SourceID
			return nil
		}
	}
	return fmt.Errorf("look up stream %s: the store does not know it", s.name)
}

// newStream begins a stream with the name that its head gives, numbered where
// that is taken.
func (r *run) newStream(base string, taken map[string]bool) *stream {
	r.mu.Lock()
	defer r.mu.Unlock()
	for n := 1; ; n++ {
		name := base
		if n > 1 {
			name += "." + strconv.Itoa(n)
		}
		s := r.streams[name]
		switch {
		case taken[name] || s != nil && s.pos != nil:
			continue
		case s == nil:
			s = &stream{name: name}
			r.streams[name] = s
		}
		return s
	}
}

// warnRenamed says once that files were begun by a source with another id. Who
// reads files once, by hand, has renamed nothing.
func (r *run) warnRenamed(s *stream) {
	if s.owner == "" || s.owner == r.cfg.Origin.ID || r.cfg.Once {
		return
	}
	r.warned.Do(func() {
		r.log.Warn("files were begun by a source with another id and are read on from there; give a renamed source its old id to keep its events together",
			"source_id", r.cfg.Origin.ID, "begun_by", s.owner)
	})
}

// block returns an empty block whose buffer has at least size bytes.
func (r *run) block(size int) *block {
	if size <= r.lim.block {
		select {
		case b := <-r.free:
			b.recs, b.marks = b.recs[:0], b.marks[:0]
			return b
		default:
		}
	}
	return &block{buf: make([]byte, max(size, r.lim.block))}
}

// recycle takes back a block that nobody reads any more. Those that grew for a
// long record are left to the garbage collector.
func (r *run) recycle(b *block) {
	if len(b.buf) != r.lim.block {
		return
	}
	select {
	case r.free <- b:
	default:
	}
}
