package segment

import (
	"crypto/sha256"
	"encoding/binary"
	"encoding/hex"
	"errors"
	"fmt"
	"io"
	"math"

	"github.com/cespare/xxhash/v2"

	"github.com/margay-audit/margay/store/parquet"
)

// Verify reads all row groups and proves that the events are those that were
// stored: the bytes of each group have the recorded checksum, the received
// bytes, put together again, have the recorded SHA-256, every column can be
// read, and the times have the recorded bounds. The error joins what was found
// wrong in any row group.
//
// The footer is taken at its word. That it is the one that was written is
// proven by the SHA-256 of the file (see [Hash]), which the catalog keeps.
func (r *Reader) Verify() error {
	var found []error
	bounds := emptyCounts()
	for g := range r.info.Groups {
		c, err := r.verifyGroup(g)
		if err != nil {
			found = append(found, fmt.Errorf("segment %s: row group %d: %w", r.name, g, err))
			continue
		}
		bounds.add(c)
	}
	if len(found) == 0 {
		i := &r.info
		if bounds.eventMin != i.EventMin || bounds.eventMax != i.EventMax ||
			bounds.storedMin != i.StoredMin || bounds.storedMax != i.StoredMax {
			found = append(found, fmt.Errorf("segment %s: the bounds of its times are not those recorded", r.name))
		}
	}
	return errors.Join(found...)
}

func (r *Reader) verifyGroup(group int) (*rowCounts, error) {
	if err := r.checkStored(group); err != nil {
		return nil, err
	}
	if err := r.checkRaw(group, io.Discard); err != nil {
		return nil, err
	}
	if err := r.readAll(group); err != nil {
		return nil, err
	}
	return r.countRows(group)
}

// readAll makes sure that every column can be read: the bytes may be right and
// what the footer says of them wrong.
func (r *Reader) readAll(group int) error {
	for leaf := range r.file.Schema().Leaves() {
		if err := r.file.ReadColumn(group, leaf, func(*parquet.Value) error { return nil }); err != nil {
			return err
		}
	}
	return nil
}

// errStoredBytes says that a row group changed on disk.
var errStoredBytes = errors.New("its bytes are not those that were written")

// checkStored compares the bytes of a row group with their checksum.
func (r *Reader) checkStored(group int) error {
	d := &r.info.Groups[group]
	sum := xxhash.New()
	in := io.NewSectionReader(r.data, d.Offset, d.Length)
	n, err := io.CopyBuffer(sum, struct{ io.Reader }{in}, make([]byte, outputBuffer))
	if err != nil {
		return err
	}
	if n != d.Length || formatSum(sum.Sum64()) != d.Sum {
		return errStoredBytes
	}
	return nil
}

// checkRaw compares the received bytes of a row group with their digest. The
// same bytes in the same form go to also.
func (r *Reader) checkRaw(group int, also io.Writer) error {
	raw, err := r.rawReader(group)
	if err != nil {
		return err
	}
	digest := sha256.New()
	to := io.MultiWriter(digest, also)
	var prefix [8]byte
	total := int64(0)
	err = raw.visit(func(_ int, b []byte) error {
		binary.LittleEndian.PutUint64(prefix[:], uint64(len(b)))
		total += int64(len(b))
		if _, err := to.Write(prefix[:]); err != nil {
			return err
		}
		_, err := to.Write(b)
		return err
	})
	if err != nil {
		return err
	}
	d := &r.info.Groups[group]
	if got := hex.EncodeToString(digest.Sum(nil)); got != d.SHA256 || total != d.RawBytes {
		return fmt.Errorf("the received bytes have the SHA-256 %s, not %s as recorded", got, d.SHA256)
	}
	return nil
}

// countRows takes the bounds of a row group's times from its columns.
func (r *Reader) countRows(group int) (*rowCounts, error) {
	d := &r.info.Groups[group]
	c := emptyCounts()
	c.rows, c.raw = d.Rows, d.RawBytes
	var err error
	if c.eventMin, c.eventMax, err = r.timeBounds(group, leafEventTime); err != nil {
		return nil, err
	}
	c.storedMin, c.storedMax, err = r.timeBounds(group, leafParseTime)
	return &c, err
}

func (r *Reader) timeBounds(group, leaf int) (lo, hi int64, err error) {
	lo, hi = math.MaxInt64, math.MinInt64
	err = r.file.ReadColumn(group, r.std(leaf), func(v *parquet.Value) error {
		lo, hi = min(lo, v.Int), max(hi, v.Int)
		return nil
	})
	return lo, hi, err
}
