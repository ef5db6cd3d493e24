package file

import (
	"context"
	"crypto/sha256"
	"encoding/hex"
	"errors"
	"io"

	"github.com/margay-audit/margay/event"
)

// Bounds of a batch, and how the file is read.
const (
	// A batch becomes a row group of its own when it is loaded: with 16,000 rows
	// a query over a million is half as slow again as with any more, with 10,000
	// twice. Larger batches cost memory, one block for each worker.
	batchRecords = 16_000
	blockSize    = 12 << 20  // bytes of a block, and so of a batch
	readSize     = 256 << 10 // bytes of one read: they stay in the cache for all passes
	// markEvery is the distance of marks in bytes. Below the first markEvery
	// bytes every record leaves one, so that short files are told apart.
	markEvery = 64 << 10
)

// errRewritten ends a task whose file was truncated and written anew while it
// was read. A file that still has its head after the reading had it during the
// reading, so looking before each batch is enough.
var errRewritten = errors.New("file was written anew while it was read")

// limits are those bounds; tests make them small.
type limits struct{ records, block, read int }

// block is the memory of one batch. The records alias buf, so it is used again
// only after the batch's Emit has returned.
type block struct {
	buf   []byte
	recs  []event.Record
	marks []event.Mark
}

// reader reads a file's stream from where it was proven, and emits batches.
//
//	        base                                       offsets in the stream
//	|  sent  |  cut into records  |  inside a gap  |  not yet cut  |
//	         0                  bound             pos             fill
type reader struct {
	t      *task
	c      *content
	s      *stream
	proof  *proof // hashed up to the last batch or mark; never past bound, except inside a gap
	cut    *cutter
	flight *flight

	blk       *block
	base      uint64 // offset of blk.buf[0] in the stream
	pos, fill int    // in blk.buf: cut up to, filled up to
	bound     uint64 // offset behind the last whole record
	sent      uint64 // bound of the last batch
	nextMark  uint64
	at        event.Position // To of the last batch
	posn      *position      // at, parsed
	quiet     bool           // leave records out, for start: end
}

// nextMark returns the offset from which on the next record's end is marked.
// It depends on the offset alone, so that a stream has the same marks however
// often the reading was interrupted.
func nextMark(off uint64) uint64 {
	if off < markEvery {
		return off + 1
	}
	return (off/markEvery + 1) * markEvery
}

func (t *task) newReader(c *content, s *stream) *reader {
	p := t.f.proof
	rd := &reader{
		t: t, c: c, s: s, proof: p, cut: &t.f.cut, flight: &flight{r: t.r},
		blk: t.r.block(t.r.lim.block), base: p.off, bound: p.off, sent: p.off,
		nextMark: nextMark(p.off), at: s.at, posn: s.pos, quiet: t.quiet && s.pos == nil,
	}
	if s.pos != nil {
		rd.bound, rd.sent = s.offset(), s.offset()
		rd.cut.form, rd.cut.formSet = formOf(s.pos.Form), true
	}
	return rd
}

func formOf(name string) event.Form {
	if name == event.BSON.String() {
		return event.BSON
	}
	return event.JSON
}

// read reads to the end of what is there and returns when every batch is
// durable. After an error the stream's position must be asked of the ledger.
func (rd *reader) read(ctx context.Context) error {
	err := rd.loop(ctx)
	if err == nil {
		err = rd.send(ctx)
	}
	if ferr := rd.flight.wait(); ferr != nil {
		return ferr
	}
	rd.s.at, rd.s.pos = rd.at, rd.posn
	f := rd.t.f
	if err != nil {
		f.forget()
		return err
	}
	rd.hashTo(max(rd.bound, rd.insideGap()))
	f.seen = int64(rd.base) + int64(rd.fill)
	f.waiting = rd.base+uint64(rd.fill) > rd.bound
	rd.t.r.recycle(rd.blk)
	return nil
}

// insideGap returns the offset up to which a gap has been passed, or 0.
func (rd *reader) insideGap() uint64 {
	if rd.cut.gap == noGap {
		return 0
	}
	return rd.base + uint64(rd.pos)
}

func (rd *reader) loop(ctx context.Context) error {
	final := false
	for {
		if err := rd.records(ctx, final); err != nil {
			return err
		}
		if final {
			return nil
		}
		if err := ctx.Err(); err != nil {
			return err
		}
		if err := rd.room(ctx); err != nil {
			return err
		}
		n, err := rd.c.Read(rd.blk.buf[rd.fill:min(len(rd.blk.buf), rd.fill+rd.t.r.lim.read)])
		rd.fill += n
		switch {
		case errors.Is(err, io.EOF):
			if err := rd.records(ctx, false); err != nil {
				return err
			}
			if !rd.t.final || rd.c.broken != nil || rd.unfinished() {
				return nil
			}
			final = true
		case err != nil:
			return err
		}
	}
}

// unfinished reports whether the file ends within a document that somebody is
// probably writing at this moment. Loading a live log must not take half an
// event for a whole one.
func (rd *reader) unfinished() bool {
	rest := rd.blk.buf[rd.pos:rd.fill]
	if !rd.t.fresh || rd.cut.gap != noGap || blank(rest) {
		return false
	}
	if end, ok := document(rest); ok && blank(rest[end:]) {
		return false
	}
	rd.t.f.leftOut.Store(int64(len(rest)))
	rd.t.r.log.Warn("the last line is still being written and was left out", "path", rd.t.f.path, "bytes", len(rest))
	return true
}

// records cuts what is in the block.
func (rd *reader) records(ctx context.Context, final bool) error {
	for {
		rec, n, st := rd.cut.next(rd.blk.buf[rd.pos:rd.fill], rd.base+uint64(rd.pos), final)
		rd.pos += n
		switch st {
		case cutMore:
			return nil
		case cutInside:
			continue
		case cutRecord:
			if !rd.quiet {
				rd.blk.recs = append(rd.blk.recs, rec)
			}
		}
		rd.bound = rd.base + uint64(rd.pos)
		if rd.bound >= rd.nextMark {
			rd.hashTo(rd.bound)
			rd.blk.marks = append(rd.blk.marks, event.Mark{Offset: rd.bound, Sum: markSum(rd.proof.hash)})
			rd.nextMark = nextMark(rd.bound)
		}
		if len(rd.blk.recs) >= rd.t.r.lim.records {
			if err := rd.send(ctx); err != nil {
				return err
			}
		}
	}
}

// hashTo hashes up to an offset within the block.
func (rd *reader) hashTo(off uint64) {
	if off > rd.proof.off {
		rd.proof.add(rd.blk.buf[rd.proof.off-rd.base : off-rd.base])
	}
}

// room makes room in the block for the next read: it sends what is cut, drops
// what was passed inside a gap, or makes the block larger for a long record.
func (rd *reader) room(ctx context.Context) error {
	if len(rd.blk.buf)-rd.fill >= rd.t.r.lim.read {
		return nil
	}
	// Inside a gap the hash goes on past bound, so that bound must be sent first.
	if rd.bound > rd.sent && (len(rd.blk.recs) > 0 || rd.cut.gap != noGap) {
		if err := rd.send(ctx); err != nil {
			return err
		}
	}
	if rd.pos > 0 && len(rd.blk.recs) == 0 {
		rd.hashTo(rd.base + uint64(rd.pos))
		copy(rd.blk.buf, rd.blk.buf[rd.pos:rd.fill])
		rd.base, rd.fill, rd.pos = rd.base+uint64(rd.pos), rd.fill-rd.pos, 0
	}
	if len(rd.blk.buf)-rd.fill < rd.t.r.lim.read {
		larger := make([]byte, 2*len(rd.blk.buf))
		copy(larger, rd.blk.buf[:rd.fill])
		rd.blk.buf = larger
	}
	return nil
}

// send emits what has been cut since the last batch, and goes on in another
// block with the rest. Without records the batch moves the position only.
func (rd *reader) send(ctx context.Context) error {
	if rd.bound <= rd.sent {
		return nil
	}
	if !rd.c.beginsWith(rd.t.head.bytes) {
		return errRewritten
	}
	if rd.bound >= rd.proof.off {
		rd.hashTo(rd.bound)
	}
	pos, err := rd.position()
	if err != nil {
		return err
	}
	to, err := pos.encode()
	if err != nil {
		return err
	}
	old := rd.blk
	b := event.Batch{
		Origin: rd.t.r.cfg.Origin, Stream: rd.s.name, File: rd.t.f.path,
		From: rd.at, To: to, Marks: old.marks, Records: old.recs,
	}
	cut := int(rd.bound - rd.base)
	rd.blk = rd.t.r.block(rd.fill - cut + rd.t.r.lim.read)
	copy(rd.blk.buf, old.buf[cut:rd.fill])
	rd.base, rd.pos, rd.fill = rd.bound, rd.pos-cut, rd.fill-cut
	rd.at, rd.posn, rd.sent = to, pos, rd.bound
	return rd.flight.send(ctx, b, old)
}

// position describes the stream at bound, up to which it has been hashed.
func (rd *reader) position() (*position, error) {
	state, err := saveHash(rd.proof.hash)
	if err != nil {
		return nil, err
	}
	if state, err = blank256(state); err != nil {
		return nil, err
	}
	t, tail := rd.t, sha256.Sum256(rd.proof.tail)
	pos := &position{
		Path: t.f.path, Size: t.size, Modified: t.modified, Offset: rd.bound, Form: rd.cut.form.String(),
		HeadLen: len(t.head.bytes), Head: t.head.sum(),
		TailLen: len(rd.proof.tail), Tail: hex.EncodeToString(tail[:]), Sum: sumOf(rd.proof.hash), State: state,
	}
	if rd.c.packing == plain {
		pos.Device, pos.Inode = t.f.key.dev, t.f.key.ino
	}
	if rd.s.pos != nil { // the name stands for the head that began the stream
		pos.HeadLen, pos.Head = rd.s.pos.HeadLen, rd.s.pos.Head
	}
	return pos, nil
}
