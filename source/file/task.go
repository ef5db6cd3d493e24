package file

import (
	"bytes"
	"context"
	"crypto/sha256"
	"encoding/hex"
	"errors"
	"os"
	"time"
)

// task reads one file to the end of what is there. While it runs it alone
// touches the file's fields that are said to be the task's.
type task struct {
	r    *run
	f    *file
	c    *content
	head head
	key  string // what is locked: the name that the head gives
	// size and modified describe the file when the task began.
	size     int64
	modified time.Time
	final    bool // the file will not grow
	fresh    bool // with Once: the file was written to a moment ago
	quiet    bool // start: end
	// others are open files with the same head, which can bear witness for a
	// short copy. They may be closed at any time.
	others []*os.File

	buf []byte
}

// outcome is what a task reports to the coordinator.
type outcome struct {
	t      *task
	fed    bool  // something new was read
	err    error // ends Run
	reason error // what is wrong with this file
	again  bool  // read it again even if it does not change
}

// do identifies the file's stream and reads it.
func (t *task) do(ctx context.Context) outcome {
	defer t.c.release()
	f := t.f
	f.waiting = false
	f.seen = int64(len(t.head.bytes))
	if len(t.head.bytes) == 0 || !t.head.complete && !t.final {
		f.waiting = len(t.head.bytes) > 0
		return outcome{t: t, reason: t.c.Broken()}
	}
	fed := false
	s, err := t.identify(ctx, t.c)
	if err == nil && s != nil {
		t.r.warnRenamed(s)
		from := s.offset()
		err = t.newReader(t.c, s).read(ctx)
		fed = s.offset() > from
	}
	if err == nil && s == nil {
		f.seen = int64(f.short.proof.off)
	}
	o := outcome{t: t, fed: fed, err: err, reason: t.c.Broken()}
	fe := (*fileError)(nil)
	switch {
	case errors.As(err, &fe):
		o.err, o.reason, o.again = nil, err, true
	case errors.Is(err, errRewritten):
		o.err, o.again = nil, true
		if t.r.cfg.Once {
			o.reason = err
		}
	}
	return o
}

func (t *task) scratch() []byte {
	if t.buf == nil {
		t.buf = make([]byte, readSize)
	}
	return t.buf
}

// witnessed reports whether the end of a short copy is in the file that its
// stream was read from, if that is still to be found.
func (t *task) witnessed(sc *shortCopy, rest []byte) bool {
	for _, fd := range t.others {
		if testifies(fd, sc, rest) {
			return true
		}
	}
	fd := original(sc.stream.pos)
	if fd == nil {
		return false
	}
	defer func() { _ = fd.Close() }()
	return testifies(fd, sc, rest)
}

// testifies reports whether fd holds the stream of sc, and rest behind its last
// common mark.
func testifies(fd *os.File, sc *shortCopy, rest []byte) bool {
	c, err := openContent(fd, nil)
	if err != nil {
		return false
	}
	defer c.release()
	pos := sc.stream.pos
	if c.packing != plain || proofAt(c, pos) == nil {
		return false
	}
	begin := make([]byte, pos.HeadLen)
	n, _ := fd.ReadAt(begin, 0)
	if sum := sha256.Sum256(begin[:n]); hex.EncodeToString(sum[:]) != pos.Head {
		return false
	}
	b := make([]byte, len(rest))
	n, _ = fd.ReadAt(b, int64(sc.mark))
	return bytes.Equal(b[:n], rest)
}
