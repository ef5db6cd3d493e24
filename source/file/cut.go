package file

import (
	"bytes"
	"crypto/sha256"
	"fmt"
	"hash"

	"github.com/margay-audit/margay/event"
)

// keptHead is how much of a record that is not kept whole goes to quarantine,
// keptNULs how much of a run of NULs, in bytes.
const (
	keptHead = 64 << 10
	keptNULs = 64
)

// zeros is what a quarantined run of NULs shows of itself.
var zeros = make([]byte, keptNULs)

// byteOrderMark is the UTF-8 byte order mark.
var byteOrderMark = []byte("\xef\xbb\xbf")

// step is what the cutter made of the bytes that it was shown.
type step uint8

const (
	// cutMore: nothing can be said before more bytes are there.
	cutMore step = iota
	// cutRecord: a record ends here.
	cutRecord
	// cutBlank: bytes that are no event, such as an empty line. The position
	// may move past them.
	cutBlank
	// cutInside: bytes were passed that belong to a record which is too long to
	// be kept. The position must not move before that record ends.
	cutInside
)

// gap is what a skipped record consists of.
type gap uint8

const (
	noGap gap = iota
	nulGap
	lineGap
	bsonGap
)

// cutter cuts the bytes of one stream into records. It keeps state only while
// it is inside a record that is not kept whole.
type cutter struct {
	maxLine int
	form    event.Form
	formSet bool

	gap     gap
	start   uint64 // where the skipped record begins
	size    uint64 // its bytes so far
	sum     hash.Hash
	kept    []byte // its head
	heldCR  bool   // lineGap: a carriage return that may belong to the line end
	nonZero bool   // bsonGap: it is not only NULs
}

// reset forgets everything but the limit, for a jump to another position.
func (c *cutter) reset() { *c = cutter{maxLine: c.maxLine} }

// next looks at win, which begins at off in the stream, and says what its
// first n bytes are. With final, no more bytes will follow win. rec is valid
// with cutRecord only; its Raw may alias win.
func (c *cutter) next(win []byte, off uint64, final bool) (rec event.Record, n int, st step) {
	if len(win) == 0 && (!final || c.gap == noGap) {
		return rec, 0, cutMore
	}
	if c.gap != noGap {
		return c.skip(win, off, final)
	}
	if !c.formSet {
		form, sure := detect(win)
		if !sure && !final {
			return rec, 0, cutMore
		}
		c.form, c.formSet = form, true
	}
	if c.form == event.BSON {
		return c.nextBSON(win, off, final)
	}
	return c.nextLine(win, off, final)
}

func (c *cutter) nextLine(win []byte, off uint64, final bool) (rec event.Record, n int, st step) {
	if win[0] == 0 {
		c.begin(nulGap, off)
		return c.skip(win, off, final)
	}
	if off == 0 && win[0] == byteOrderMark[0] {
		if bytes.HasPrefix(win, byteOrderMark) {
			return rec, len(byteOrderMark), cutBlank
		}
		if !final && bytes.HasPrefix(byteOrderMark, win) {
			return rec, 0, cutMore
		}
	}
	i := bytes.IndexByte(win, '\n')
	line := win
	if i >= 0 {
		line, n = win[:i], i+1
	}
	// No text holds a NUL. Where one stands a crash tore the line, and what
	// comes behind the NULs was written after it.
	nul := bytes.IndexByte(line, 0)
	switch {
	case nul > 0:
		line, n = line[:nul], nul
	case i >= 0:
	case len(win) > c.maxLine+1: // one more for a carriage return
		c.begin(lineGap, off)
		return c.skip(win, off, final)
	case !final:
		return rec, 0, cutMore
	default:
		n = len(win)
	}
	if k := len(line); k > 0 && line[k-1] == '\r' {
		line = line[:k-1]
	}
	if len(line) > c.maxLine {
		return c.tooLong(line, off), n, cutRecord
	}
	if blank(line) {
		return rec, n, cutBlank
	}
	rec = event.Record{Raw: line, Offset: off}
	if line[0] != '{' || closes(line) {
		return rec, n, cutRecord
	}
	// The line opens a document and does not end like one: either the document
	// goes on over the next lines, or the line was torn.
	end, ok := document(win)
	switch {
	case ok && (end <= len(line) || end > c.maxLine):
		return rec, n, cutRecord
	case ok:
		rec.Raw = win[:end]
		n = end + lineEnd(win[end:])
		if n == len(win) && n < end+64 && win[n-1] != '\n' && !final {
			return rec, 0, cutMore // its line end is still to come
		}
		return rec, n, cutRecord
	case end == len(win) && !final && len(win) <= c.maxLine:
		return rec, 0, cutMore
	}
	return rec, n, cutRecord
}

// lineEnd returns the length of the white space that b begins with, up to the
// end of the line and within bounds.
func lineEnd(b []byte) int {
	for i, ch := range b[:min(len(b), 64)] {
		switch ch {
		case ' ', '\t', '\r':
		case '\n':
			return i + 1
		default:
			return i
		}
	}
	return min(len(b), 64)
}

// blank reports whether a line has nothing on it. Lines of a log begin with a
// brace, so this takes one comparison.
func blank(line []byte) bool {
	for _, ch := range line {
		if ch != ' ' && ch != '\t' && ch != '\r' {
			return false
		}
	}
	return true
}

// closes reports whether the last character of a line that is not blank is a
// closing brace.
func closes(line []byte) bool {
	i := len(line) - 1
	for line[i] == ' ' || line[i] == '\t' || line[i] == '\r' {
		i--
	}
	return line[i] == '}'
}

func (c *cutter) tooLong(line []byte, off uint64) event.Record {
	rec := event.Record{Raw: line, Offset: off, Defect: c.lineDefect()}
	if len(line) > keptHead {
		sum := sha256.Sum256(line)
		rec.Raw, rec.Size, rec.Sum = line[:keptHead], uint64(len(line)), sum[:]
	}
	return rec
}

func (c *cutter) lineDefect() string {
	return fmt.Sprintf("line is longer than the limit of %d bytes", c.maxLine)
}

// begin enters a record that will be passed over without keeping it.
func (c *cutter) begin(g gap, off uint64) {
	c.gap, c.start, c.size, c.sum, c.kept = g, off, 0, sha256.New(), nil
	c.heldCR, c.nonZero = false, false
}

// skip passes over more of the record that begin entered.
func (c *cutter) skip(win []byte, off uint64, final bool) (event.Record, int, step) {
	switch c.gap {
	case nulGap:
		return c.skipNULs(win, final)
	case lineGap:
		return c.skipLine(win, final)
	default:
		return c.skipBSON(win, off, final)
	}
}

func (c *cutter) skipNULs(win []byte, final bool) (event.Record, int, step) {
	n := 0
	for n < len(win) && win[n] == 0 {
		n++
	}
	c.take(win[:n])
	if n == len(win) && !final {
		return event.Record{}, n, cutInside
	}
	return c.endGap(fmt.Sprintf("NUL run of %d bytes, as a crash leaves it", c.size)), n, cutRecord
}

func (c *cutter) skipLine(win []byte, final bool) (event.Record, int, step) {
	piece, n := win, len(win)
	ended := false
	if i := bytes.IndexByte(piece, '\n'); i >= 0 {
		piece, n, ended = win[:i], i+1, true
	}
	if i := bytes.IndexByte(piece, 0); i >= 0 {
		piece, n, ended = win[:i], i, true
	}
	if len(piece) > 0 {
		if c.heldCR {
			c.take([]byte{'\r'})
			c.heldCR = false
		}
		if k := len(piece) - 1; piece[k] == '\r' {
			piece, c.heldCR = piece[:k], true
		}
		c.take(piece)
	}
	if !ended && !final {
		return event.Record{}, n, cutInside
	}
	return c.endGap(c.lineDefect()), n, cutRecord
}

// take adds bytes to the skipped record.
func (c *cutter) take(b []byte) {
	c.size += uint64(len(b))
	c.sum.Write(b)
	if room := keptHead - len(c.kept); room > 0 && c.gap != nulGap {
		c.kept = append(c.kept, b[:min(room, len(b))]...)
	}
}

// endGap makes the record of what was skipped.
func (c *cutter) endGap(defect string) event.Record {
	rec := event.Record{Raw: c.kept, Offset: c.start, Form: c.form, Defect: defect}
	if c.gap == nulGap || c.gap == bsonGap && !c.nonZero {
		rec.Raw = zeros[:min(c.size, keptNULs)]
	}
	if uint64(len(rec.Raw)) < c.size {
		rec.Size, rec.Sum = c.size, c.sum.Sum(nil)
	}
	c.gap, c.sum, c.kept = noGap, nil, nil
	return rec
}
