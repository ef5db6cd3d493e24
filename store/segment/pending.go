package segment

import (
	"bufio"
	"crypto/sha256"
	"encoding/hex"
	"errors"
	"fmt"
	"hash"
	"io"
	"os"
	"strconv"

	"github.com/cespare/xxhash/v2"

	"github.com/margay-audit/margay/event"
	"github.com/margay-audit/margay/store/parquet"
)

// File is where a segment is written to; *os.File is one.
type File interface {
	io.WriteCloser
	Sync() error
}

// Pending is a segment whose rows are durable and whose footer is still to
// come. It is not safe for concurrent use. Either Finish or Abort must be
// called.
type Pending struct {
	name   string // for errors; the path if this package made the file
	owned  bool   // this package made the file, and removes it
	file   File
	out    *output
	writer *parquet.Writer
	layout *Layout
	counts rowCounts
	groups []GroupDigest
	bloom  *Bloom
	done   bool // finished or given up
}

// Create makes a new file at path, which must not exist, writes the rows of b
// into it and syncs it. Nothing is left of it when Create fails. Afterwards b
// may be reset.
//
// The file can be read by its owner and group; the quarantine, which holds what
// could not be searched for secrets, by its owner only.
func Create(path string, b *Builder) (*Pending, error) {
	f, err := createFile(path, b.LogType())
	if err != nil {
		return nil, err
	}
	p, err := Write(f, path, b)
	if err != nil {
		return nil, errors.Join(err, os.Remove(path))
	}
	p.owned = true
	return p, nil
}

func createFile(path string, t event.LogType) (*os.File, error) {
	perm := os.FileMode(0o640)
	if t == event.Quarantine {
		perm = 0o600
	}
	f, err := os.OpenFile(path, os.O_WRONLY|os.O_CREATE|os.O_EXCL, perm)
	if err != nil {
		return nil, fmt.Errorf("create segment: %w", err)
	}
	return f, nil
}

// Write is [Create] for a file that the caller has opened. It owns f from now
// on and closes it, also when it fails; removing it is left to the caller. The
// name is for errors.
func Write(f File, name string, b *Builder) (*Pending, error) {
	p := newPending(f, name, b.layout, b.group.Schema())
	if err := p.writeBuilder(b); err != nil {
		return nil, errors.Join(fmt.Errorf("write segment %s: %w", name, err), f.Close())
	}
	return p, nil
}

func newPending(f File, name string, l *Layout, s *parquet.Schema) *Pending {
	out := newOutput(f)
	return &Pending{
		name: name, file: f, out: out, writer: parquet.NewWriter(out.buffer, s),
		layout: l, counts: emptyCounts(), bloom: &Bloom{},
	}
}

func (p *Pending) writeBuilder(b *Builder) error {
	if b.rows == 0 {
		return errors.New("no rows")
	}
	if err := p.writeGroup(b.group, &b.rowCounts, b.digest); err != nil {
		return err
	}
	p.bloom = b.values.bloom()
	return p.sync()
}

// writeGroup appends a row group that was built in memory.
func (p *Pending) writeGroup(g *parquet.Group, c *rowCounts, digest hash.Hash) error {
	if err := p.beginGroup(); err != nil {
		return err
	}
	if err := p.writer.WriteGroup(g); err != nil {
		return err
	}
	return p.endGroup(GroupDigest{
		Rows: c.rows, RawBytes: c.raw, SHA256: hex.EncodeToString(digest.Sum(nil)),
	}, c)
}

// beginGroup lets the checksum of a row group begin.
func (p *Pending) beginGroup() error {
	if err := p.out.buffer.Flush(); err != nil {
		return err
	}
	p.out.sum.Reset()
	return nil
}

// endGroup notes where the row group just written stands.
func (p *Pending) endGroup(d GroupDigest, c *rowCounts) error {
	if err := p.out.buffer.Flush(); err != nil {
		return err
	}
	written := p.writer.Groups()
	if len(written) != len(p.groups)+1 {
		return fmt.Errorf("%d row groups after %d were written", len(written), len(p.groups)+1)
	}
	g := &written[len(written)-1]
	d.Offset, d.Length, d.Sum = g.Start, g.End-g.Start, formatSum(p.out.sum.Sum64())
	p.groups = append(p.groups, d)
	p.counts.add(c)
	return nil
}

func formatSum(sum uint64) string {
	s := strconv.FormatUint(sum, 16)
	return "0000000000000000"[len(s):] + s
}

// sync makes what was written so far durable.
func (p *Pending) sync() error {
	if err := p.out.buffer.Flush(); err != nil {
		return err
	}
	return p.file.Sync()
}

// Finish writes the footer with what c says, syncs and closes the file. The
// name of the file is still the one it was created with, and the folder is not
// synced; both are the caller's. After an error the file is closed and of no
// use, and removed if this package made it.
func (p *Pending) Finish(c *Commit) (Info, error) {
	if p.done {
		return Info{}, fmt.Errorf("finish segment %s: it was finished or given up before", p.name)
	}
	info, err := p.finish(c)
	if err != nil {
		return Info{}, errors.Join(fmt.Errorf("finish segment %s: %w", p.name, err), p.Abort())
	}
	p.done = true
	return info, nil
}

func (p *Pending) finish(c *Commit) (Info, error) {
	f := footerInfo{
		Layout: p.layout, Rows: p.counts.rows, RawBytes: p.counts.raw,
		EventMin: p.counts.eventMin, EventMax: p.counts.eventMax,
		StoredMin: p.counts.storedMin, StoredMax: p.counts.storedMax,
		Groups: p.groups, Bloom: p.bloom.Encode(),
	}
	about, err := encodeJSON(&f)
	if err != nil {
		return Info{}, err
	}
	commit, err := c.encode()
	if err != nil {
		return Info{}, err
	}
	if err := p.writer.Close([]parquet.KeyValue{
		{Key: keyFormat, Value: strconv.Itoa(FormatVersion)},
		{Key: keyInfo, Value: string(about)},
		{Key: keyCommit, Value: string(commit)},
	}); err != nil {
		return Info{}, err
	}
	if err := p.sync(); err != nil {
		return Info{}, err
	}
	if err := p.close(); err != nil {
		return Info{}, err
	}
	info := f.info(p.out.n)
	info.SHA256 = hex.EncodeToString(p.out.sha.Sum(nil))
	return info, nil
}

// Abort gives the segment up: it closes the file, and removes it if this
// package made it. After Finish has succeeded it does nothing.
func (p *Pending) Abort() error {
	if p.done {
		return nil
	}
	p.done = true
	err := p.close()
	if p.owned {
		err = errors.Join(err, os.Remove(p.name))
	}
	return err
}

func (p *Pending) close() error {
	if p.file == nil {
		return nil
	}
	err := p.file.Close()
	p.file = nil
	return err
}

// output counts and hashes what goes into a file, so that a finished segment
// need not be read again.
type output struct {
	file   io.Writer
	buffer *bufio.Writer // in front of the output
	n      int64
	sha    hash.Hash
	sum    *xxhash.Digest // since the last Reset
}

func newOutput(f io.Writer) *output {
	o := &output{file: f, sha: sha256.New(), sum: xxhash.New()}
	o.buffer = bufio.NewWriterSize(o, outputBuffer)
	return o
}

// Write implements io.Writer for the buffer.
func (o *output) Write(p []byte) (int, error) {
	n, err := o.file.Write(p)
	o.sha.Write(p[:n])
	// The magic number comes with the first row group and is not part of it.
	_, _ = o.sum.Write(p[min(max(magicLength-o.n, 0), int64(n)):n]) // never fails
	o.n += int64(n)
	return n, err
}
