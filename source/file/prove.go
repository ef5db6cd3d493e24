package file

import (
	"bytes"
	"context"
	"crypto/sha256"
	"encoding/binary"
	"encoding/hex"
	"errors"
	"fmt"
	"hash"
	"io"
	"slices"
	"strings"

	"github.com/margay-audit/margay/event"
)

// proof is how far the bytes of a file have been hashed.
type proof struct {
	off  uint64
	hash hash.Hash
	tail []byte // up to tailSize bytes right before off
}

func newProof() *proof { return &proof{hash: sha256.New()} }

// add hashes the bytes that follow.
func (p *proof) add(b []byte) {
	p.hash.Write(b)
	p.off += uint64(len(b))
	p.tail = appendTail(p.tail, b)
}

// appendTail returns the last tailSize bytes of tail followed by b, in tail's
// memory where it is large enough.
func appendTail(tail, b []byte) []byte {
	if len(b) >= tailSize {
		return append(tail[:0], b[len(b)-tailSize:]...)
	}
	if over := len(tail) + len(b) - tailSize; over > 0 {
		tail = tail[:copy(tail, tail[over:])]
	}
	return append(tail, b...)
}

// verdict is what a comparison of a file with a stream came to.
type verdict uint8

const (
	// diverged: the file holds something else.
	diverged verdict = iota
	// matched: the file reproduces the stream up to its position.
	matched
	// shorter: the file ended before the position, and all marks up to there
	// agreed.
	shorter
)

// shortCopy is a file that ended before its stream's position.
type shortCopy struct {
	stream *stream
	proof  *proof // at the file's end
	// mark is the offset of the last mark that the file passed, markState the
	// running SHA-256 there.
	mark      uint64
	markState []byte
}

// compare hashes c from where sc.proof stands to the position of sc.stream, and
// compares the two at each mark on the way. It stops at the first difference.
// sc receives the last mark passed, and its proof the place reached.
func (t *task) compare(ctx context.Context, c *content, sc *shortCopy) (verdict, error) {
	p, s := sc.proof, sc.stream
	if err := t.r.learn(ctx, s); err != nil {
		return diverged, err
	}
	marks, err := t.r.cfg.Ledger.Marks(ctx, s.id)
	if err != nil {
		return diverged, fmt.Errorf("read marks of stream %s: %w", s.name, err)
	}
	for _, m := range marks {
		if m.Offset <= p.off || m.Offset > s.offset() {
			continue
		}
		if ok, err := t.advance(ctx, c, p, m.Offset); err != nil || !ok {
			return shorter, err
		}
		if markSum(p.hash) != m.Sum {
			return diverged, nil
		}
		sc.mark = m.Offset
		if sc.markState, err = saveHash(p.hash); err != nil {
			return diverged, err
		}
	}
	if ok, err := t.advance(ctx, c, p, s.offset()); err != nil || !ok {
		return shorter, err
	}
	if s.pos.Sum != sumOf(p.hash) {
		return diverged, nil
	}
	return matched, nil
}

// advance hashes c up to the offset to. It returns false when c ended before.
func (t *task) advance(ctx context.Context, c *content, p *proof, to uint64) (bool, error) {
	buf := t.scratch()
	for p.off < to {
		if err := ctx.Err(); err != nil {
			return false, err
		}
		n, err := c.Read(buf[:min(uint64(len(buf)), to-p.off)])
		p.add(buf[:n])
		if errors.Is(err, io.EOF) {
			return p.off == to, nil
		}
		if err != nil {
			return false, err
		}
	}
	return true, nil
}

// identify finds out which stream the file holds, and leaves c and f.proof at
// the place from which to read. It returns nil when there is nothing to read
// before the file grows or settles.
func (t *task) identify(ctx context.Context, c *content) (*stream, error) {
	if s, done, err := t.goOn(ctx, c); done || err != nil {
		return s, err
	}
	cands, names, err := t.candidates(ctx)
	if err != nil {
		return nil, err
	}
	if s := t.sameInode(c, cands); s != nil {
		return t.attach(c, s, t.f.proof)
	}
	var best *stream
	var bestProof *proof
	var short *shortCopy
	for _, s := range cands {
		if err := c.seek(0); err != nil {
			return nil, err
		}
		sc := &shortCopy{stream: s, proof: newProof()}
		v, err := t.compare(ctx, c, sc)
		if err != nil {
			return nil, err
		}
		switch {
		case v == matched && (best == nil || s.offset() >= best.offset()):
			best, bestProof = s, sc.proof
		case v == shorter && (short == nil || sc.mark > short.mark):
			short = sc
		}
	}
	switch {
	case best != nil:
		return t.attach(c, best, bestProof)
	case short != nil:
		return t.judge(c, short, names)
	}
	return t.attach(c, t.r.newStream(t.head.stream(), names), newProof())
}

// goOn takes up a file where this process left it, if it has not been replaced
// by something else since. Unless it is done, the file must be identified anew.
func (t *task) goOn(ctx context.Context, c *content) (s *stream, done bool, err error) {
	f := t.f
	s, p, sc, cut := f.stream, f.proof, f.short, f.cut
	f.forget()
	switch {
	case c.packing != plain:
		return nil, false, nil
	case sc != nil && holds(c, sc.proof):
	case s == nil || p == nil || !holds(c, p):
		return nil, false, nil
	case s.offset() == p.off, s.offset() < p.off && cut.gap != noGap:
		f.stream, f.proof, f.cut = s, p, cut
		return s, true, c.seek(p.off)
	case s.offset() < p.off:
		return nil, false, nil
	default:
		// Another file took the stream further. This one must show the same.
		sc = &shortCopy{stream: s, proof: p}
	}
	if err := c.seek(sc.proof.off); err != nil {
		return nil, false, err
	}
	known := sc.mark
	v, err := t.compare(ctx, c, sc)
	switch {
	case err != nil:
		return nil, false, err
	case v == matched:
		s, err = t.attach(c, sc.stream, sc.proof)
		return s, true, err
	case v == shorter && known > 0:
		_, names, err := t.candidates(ctx)
		if err != nil {
			return nil, false, err
		}
		s, err = t.judge(c, sc, names)
		return s, true, err
	}
	return nil, false, c.seek(0)
}

// holds reports whether a file still has the bytes right before a proof's end.
func holds(c *content, p *proof) bool {
	b := make([]byte, len(p.tail))
	n, _ := c.fd.ReadAt(b, int64(p.off)-int64(len(p.tail)))
	return n == len(b) && bytes.Equal(b, p.tail)
}

// attach ties the file to the stream.
func (t *task) attach(c *content, s *stream, p *proof) (*stream, error) {
	t.f.stream, t.f.proof, t.f.short = s, p, nil
	t.f.cut.reset()
	return s, c.seek(p.off)
}

// candidates returns the streams of the store that begin as the file does, and
// the names that are taken. The ledger is complete here, because no other task
// works on a file with this head.
func (t *task) candidates(ctx context.Context) (cands []*stream, names map[string]bool, err error) {
	names = make(map[string]bool)
	base := t.head.stream()
	for _, prefix := range []string{base, partialPrefix} {
		known, err := t.r.cfg.Ledger.Streams(ctx, prefix)
		if err != nil {
			return nil, nil, fmt.Errorf("list streams %s: %w", prefix, err)
		}
		for _, k := range known {
			if names[k.Name] {
				continue
			}
			same, err := t.sameHead(k)
			if err != nil {
				t.r.log.Warn("ignoring a stream whose position cannot be read", "stream", k.Name, "error", err)
			}
			names[k.Name] = true
			if same {
				cands = append(cands, t.r.know(k))
			}
		}
	}
	slices.SortStableFunc(cands, func(a, b *stream) int { return strings.Compare(a.name, b.name) })
	return cands, names, nil
}

// sameHead reports whether the file begins with the head of a known stream.
func (t *task) sameHead(k event.Stream) (bool, error) {
	pos, err := parsePosition(k.Position)
	if err != nil || pos.HeadLen > len(t.head.bytes) {
		return false, err
	}
	sum := sha256.Sum256(t.head.bytes[:pos.HeadLen])
	return pos.Head == hex.EncodeToString(sum[:]), nil
}

// sameInode returns the candidate that was read from this very file, told by
// device, inode and the bytes before the position, and sets the proof.
func (t *task) sameInode(c *content, cands []*stream) *stream {
	if c.packing != plain {
		return nil
	}
	for _, s := range cands {
		if s.pos.Inode != t.f.key.ino || s.pos.Device != t.f.key.dev || s.pos.Inode == 0 {
			continue
		}
		if p := proofAt(c, s.pos); p != nil {
			t.f.proof = p
			t.f.done.Store(int64(p.off))
			return s
		}
	}
	return nil
}

// proofAt returns the proof that a position stands for if the file has the
// position's tail, else nil.
func proofAt(c *content, pos *position) *proof {
	tail := make([]byte, pos.TailLen)
	n, _ := c.fd.ReadAt(tail, int64(pos.Offset)-int64(pos.TailLen))
	sum := sha256.Sum256(tail[:n])
	if n != pos.TailLen || hex.EncodeToString(sum[:]) != pos.Tail {
		return nil
	}
	h, err := pos.hash(tail)
	if err != nil {
		return nil
	}
	return &proof{off: pos.Offset, hash: h, tail: tail}
}

// judge decides about a file that ended before its stream's position. Up to the
// last mark it is known. What follows that mark is known too if it is shown to
// be the same as in the file that the stream was read from; if it can be no
// more than the beginning of a record, it may wait. Anything else is never
// dropped: it is read as a stream of its own, from that mark on, once the file
// does not seem to grow.
func (t *task) judge(c *content, sc *shortCopy, names map[string]bool) (*stream, error) {
	rest, whole, err := t.rest(c, sc)
	if err != nil {
		return nil, err
	}
	size := sc.proof.off
	switch {
	case len(rest) == 0, t.witnessed(sc, rest):
		t.f.proof, t.f.stream, t.f.short = nil, nil, sc
		return nil, nil
	case whole && size <= markEvery:
		// Each record in here has a mark of its own, and this one is not
		// among them.
		return t.attach(c, t.r.newStream(t.head.stream(), names), newProof())
	case !t.final:
		t.f.proof, t.f.stream, t.f.short = nil, nil, sc
		t.f.waiting = true
		return nil, nil
	}
	p := newProof()
	if sc.mark > 0 {
		if p.hash, err = restoreHash(sc.markState); err != nil {
			return nil, err
		}
		p.off = sc.mark
		p.tail = make([]byte, min(tailSize, sc.mark))
		if err := c.seek(sc.mark - uint64(len(p.tail))); err != nil {
			return nil, err
		}
		if _, err := io.ReadFull(c, p.tail); err != nil {
			return nil, fmt.Errorf("read %s: %w", t.f.path, err)
		}
	}
	t.r.log.Warn("file ends as no known copy does, reading its end as a stream of its own",
		"path", t.f.path, "offset", sc.mark, "bytes", len(rest))
	return t.attach(c, t.r.newStream(t.head.stream(), names), p)
}

// rest reads what follows the last mark that a short copy passed, and tells
// whether a whole record is in it.
func (t *task) rest(c *content, sc *shortCopy) (rest []byte, whole bool, err error) {
	n := sc.proof.off - sc.mark
	if n > uint64(markEvery+t.r.cfg.MaxLine+maxBSON) {
		return make([]byte, 1), true, nil // marks are denser than this
	}
	if err := c.seek(sc.mark); err != nil {
		return nil, false, err
	}
	rest = make([]byte, n)
	if _, err := io.ReadFull(c, rest); err != nil {
		return nil, false, fmt.Errorf("read %s: %w", t.f.path, err)
	}
	if sc.stream.pos.Form == event.BSON.String() {
		whole = len(rest) >= minBSON && uint64(binary.LittleEndian.Uint32(rest)) <= n
	} else {
		whole = bytes.IndexByte(rest, '\n') >= 0
	}
	return rest, whole, nil
}
