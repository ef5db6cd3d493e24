package file

import (
	"bufio"
	"bytes"
	"encoding/binary"
	"errors"
	"fmt"
	"io"
	"os"
	"sync/atomic"

	"github.com/klauspost/compress/gzip"
	"github.com/klauspost/compress/zstd"
)

// packing is how a file is compressed.
type packing uint8

const (
	plain packing = iota
	gzipped
	zstandard
)

// packingOf tells it by the first four bytes, because names lie. No log begins
// with these: as a BSON length, gzip's would be over half a million and zstd's
// negative.
func packingOf(magic []byte) packing {
	switch {
	case bytes.HasPrefix(magic, []byte{0x1f, 0x8b, 0x08}):
		return gzipped
	case len(magic) < 4:
		return plain
	case bytes.Equal(magic[:4], []byte{0x28, 0xb5, 0x2f, 0xfd}),
		binary.LittleEndian.Uint32(magic)&^0xf == 0x184d2a50: // a skippable frame
		return zstandard
	}
	return plain
}

// content reads the decompressed bytes of a file in order.
type content struct {
	fd      *os.File
	packing packing
	off     uint64 // decompressed bytes handed out
	raw     *rawReader
	r       io.Reader
	close   func()
	broken  error // why the compressed data ends early
}

// errBroken is in the error of compressed data that ends early or is damaged.
var errBroken = errors.New("compressed data is cut off or damaged")

// fileError is an error of reading a file. It concerns that file only.
type fileError struct{ err error }

func (e *fileError) Error() string { return "read file: " + e.err.Error() }
func (e *fileError) Unwrap() error { return e.err }

// openContent returns the content of fd from its beginning. It never moves the
// file's own offset. done, unless nil, receives how far the file was read on disk;
// one goroutine at a time writes it.
func openContent(fd *os.File, done *atomic.Int64) (*content, error) {
	var magic [4]byte
	n, err := fd.ReadAt(magic[:], 0)
	if err != nil && !errors.Is(err, io.EOF) {
		return nil, fmt.Errorf("read file: %w", err)
	}
	c := &content{fd: fd, packing: packingOf(magic[:n]), raw: &rawReader{fd: fd, done: done}}
	return c, c.rewind()
}

func (c *content) rewind() error {
	c.release()
	c.off, c.raw.off, c.broken = 0, 0, nil
	switch c.packing {
	case gzipped:
		z, err := gzip.NewReader(bufio.NewReaderSize(c.raw, 256<<10))
		if err != nil {
			c.broken = err
			c.r = bytes.NewReader(nil)
			return nil
		}
		c.r, c.close = z, func() { _ = z.Close() }
	case zstandard:
		z, err := zstd.NewReader(c.raw, zstd.WithDecoderConcurrency(1), zstd.WithDecoderMaxMemory(1<<30))
		if err != nil {
			return fmt.Errorf("open zstd: %w", err)
		}
		c.r, c.close = z, z.Close
	default:
		c.r = c.raw
	}
	return nil
}

// release frees the decompressor.
func (c *content) release() {
	if c.close != nil {
		c.close()
		c.close = nil
	}
}

// Read returns io.EOF at the end of what is there, also where compressed data
// is broken: Broken tells.
func (c *content) Read(p []byte) (int, error) {
	if c.broken != nil {
		return 0, io.EOF
	}
	n, err := c.r.Read(p)
	c.off += uint64(n)
	if err != nil && !errors.Is(err, io.EOF) || errors.Is(err, io.ErrUnexpectedEOF) {
		if c.packing == plain || c.raw.err != nil {
			return n, &fileError{err}
		}
		c.broken = err
		err = io.EOF
	}
	return n, err
}

// Broken returns why compressed data ended early, or nil.
func (c *content) Broken() error {
	if c.broken == nil {
		return nil
	}
	return fmt.Errorf("%w: %w", errBroken, c.broken)
}

// seek moves to a decompressed offset. A compressed file is read up to it.
func (c *content) seek(off uint64) error {
	if c.packing == plain {
		c.off, c.raw.off = off, int64(off)
		return nil
	}
	if off < c.off {
		if err := c.rewind(); err != nil {
			return err
		}
	}
	_, err := io.CopyN(io.Discard, c, int64(off-c.off))
	return err
}

// head reads the bytes that name the stream and goes back to the beginning.
func (c *content) head() (head, error) {
	b := make([]byte, headSize)
	n, err := io.ReadFull(c, b)
	if err != nil && !errors.Is(err, io.EOF) && !errors.Is(err, io.ErrUnexpectedEOF) {
		return head{}, err
	}
	return newHead(b[:n]), c.seek(0)
}

// beginsWith reports whether a file that is not compressed still begins with b.
// A compressed one is not rewritten in place without its reader noticing.
func (c *content) beginsWith(b []byte) bool {
	if c.packing != plain {
		return true
	}
	var now [headSize]byte
	n, _ := c.fd.ReadAt(now[:len(b)], 0)
	return bytes.Equal(now[:n], b)
}

// rawReader reads a file from an offset of its own.
type rawReader struct {
	fd   *os.File
	off  int64
	done *atomic.Int64 // how far the file was ever read; or nil
	err  error
}

func (r *rawReader) Read(p []byte) (int, error) {
	n, err := r.fd.ReadAt(p, r.off)
	r.off += int64(n)
	if r.done != nil && r.off > r.done.Load() {
		r.done.Store(r.off)
	}
	if n > 0 {
		return n, nil
	}
	if err != nil && !errors.Is(err, io.EOF) {
		r.err = err
	}
	return n, err
}
