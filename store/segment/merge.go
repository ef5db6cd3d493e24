package segment

import (
	"crypto/sha256"
	"errors"
	"fmt"
	"io"
	"os"

	"github.com/cespare/xxhash/v2"

	"github.com/margay-audit/margay/store/parquet"
)

// ErrLayout is wrapped by the error of [Merge] when the inputs do not have the
// same columns: another log type, or another version of the schema.
var ErrLayout = errors.New("the segments have different columns")

// Merge makes one segment of several: a new file at path, which must not exist,
// with all rows of the inputs in the order given. As with [Create] the rows are
// durable when it returns, and the footer is to come.
//
// Row groups of a good size are copied as they are. Runs of smaller ones are
// packed anew into larger ones, since each costs every later query a little.
//
// A merge never carries damage on: the bytes of every row group are held
// against their checksum, and where groups are packed anew the received bytes
// against their digest.
func Merge(path string, inputs []string) (*Pending, error) {
	readers, err := openAll(inputs)
	if err != nil {
		return nil, fmt.Errorf("merge into %s: %w", path, err)
	}
	p, err := mergeReaders(path, readers)
	if err := errors.Join(err, closeAll(readers)); err != nil {
		if p != nil {
			err = errors.Join(err, p.Abort())
		}
		return nil, fmt.Errorf("merge into %s: %w", path, err)
	}
	return p, nil
}

func mergeReaders(path string, inputs []*Reader) (*Pending, error) {
	f, err := createFile(path, inputs[0].info.LogType)
	if err != nil {
		return nil, err
	}
	p, err := WriteMerged(f, path, inputs)
	if err != nil {
		return nil, errors.Join(err, os.Remove(path))
	}
	p.owned = true
	return p, nil
}

// WriteMerged is [Merge] for a file and inputs that the caller has opened. It
// owns f from now on and closes it, also when it fails; removing it, and
// closing the inputs, is left to the caller.
func WriteMerged(f File, name string, inputs []*Reader) (*Pending, error) {
	p, err := writeMerged(f, name, inputs, groupLimits{smallGroup, MaxGroupRows, MaxGroupRaw})
	if err != nil {
		return nil, errors.Join(fmt.Errorf("write segment %s: %w", name, err), f.Close())
	}
	return p, nil
}

// groupLimits decide what a merge does with row groups.
type groupLimits struct {
	// small is the mean number of rows below which groups are packed anew, into
	// groups of at most rows and raw received bytes.
	small, rows, raw int64
}

func writeMerged(f File, name string, inputs []*Reader, limits groupLimits) (*Pending, error) {
	if len(inputs) == 0 {
		return nil, errors.New("nothing to merge")
	}
	layout := inputs[0].layout
	for _, r := range inputs[1:] {
		if !r.layout.Equal(layout) {
			return nil, fmt.Errorf("%s (%s version %d) and %s (%s version %d): %w",
				inputs[0].name, layout.LogType, layout.Version, r.name, r.layout.LogType, r.layout.Version, ErrLayout)
		}
	}
	s, err := parquetSchema(layout)
	if err != nil {
		return nil, err
	}
	m := merger{p: newPending(f, name, layout, s), schema: s, limits: limits}
	for _, r := range inputs {
		if err := m.addSegment(r); err != nil {
			return nil, fmt.Errorf("input %s: %w", r.name, err)
		}
	}
	if err := m.flush(); err != nil {
		return nil, err
	}
	m.p.bloom = m.values.bloom()
	return m.p, m.p.sync()
}

// merger collects the row groups of the inputs and decides what becomes of
// them.
type merger struct {
	p      *Pending
	schema *parquet.Schema
	limits groupLimits
	group  *parquet.Group // for packing anew; made when first needed
	// run are small neighbouring groups that wait to be packed together, with
	// the sums of what they hold.
	run    []groupRef
	counts rowCounts
	values hashSet
}

type groupRef struct {
	r     *Reader
	group int
}

func (g groupRef) digest() *GroupDigest { return &g.r.info.Groups[g.group] }

func (m *merger) addSegment(r *Reader) error {
	// Bounds of times are known for whole inputs only.
	m.p.counts.add(&rowCounts{
		eventMin: r.info.EventMin, eventMax: r.info.EventMax,
		storedMin: r.info.StoredMin, storedMax: r.info.StoredMax,
	})
	if err := m.addIndicators(r); err != nil {
		return err
	}
	if r.info.Rows >= m.limits.small*int64(len(r.info.Groups)) {
		if err := m.flush(); err != nil {
			return err
		}
		return m.copySegment(r)
	}
	for g := range r.info.Groups {
		if err := m.addGroup(groupRef{r, g}); err != nil {
			return err
		}
	}
	return nil
}

func (m *merger) addGroup(g groupRef) error {
	d := g.digest()
	if m.counts.rows+d.Rows > m.limits.rows || m.counts.raw+d.RawBytes > m.limits.raw {
		if err := m.flush(); err != nil {
			return err
		}
	}
	m.run = append(m.run, g)
	m.counts.rows += d.Rows
	m.counts.raw += d.RawBytes
	return nil
}

// addIndicators puts the indicators of a segment into the new filter. Filters
// of different sizes cannot be joined, so they are read from their columns,
// which dictionaries make cheap.
func (m *merger) addIndicators(r *Reader) error {
	leaf := 0
	for i := range r.layout.Columns {
		n := &r.layout.Columns[i]
		if isIndicator(n) {
			for g := range r.info.Groups {
				err := visitTexts(r.file, g, leaf, func(v []byte) { m.values.add(xxhash.Sum64(v)) })
				if err != nil {
					return fmt.Errorf("row group %d: %w", g, err)
				}
			}
		}
		leaf += countLeaves(n)
	}
	return nil
}

// flush writes the run. A segment of one group gains nothing from being packed
// anew by itself.
func (m *merger) flush() error {
	var err error
	switch {
	case len(m.run) == 0:
		return nil
	case len(m.run) == 1 && len(m.run[0].r.info.Groups) == 1:
		err = m.copySegment(m.run[0].r)
	default:
		err = m.packRun()
	}
	m.run = m.run[:0]
	m.counts = rowCounts{}
	return err
}

// packRun writes the groups of the run as one.
func (m *merger) packRun() error {
	if m.group == nil {
		m.group = parquet.NewGroup(m.schema)
	}
	m.group.Reset()
	digest := sha256.New()
	for _, g := range m.run {
		if err := g.check(digest); err != nil {
			return err
		}
		if err := g.r.file.ReadGroup(g.group, m.group); err != nil {
			return g.fail(err)
		}
	}
	c := emptyCounts()
	c.rows, c.raw = m.counts.rows, m.counts.raw
	return m.p.writeGroup(m.group, &c, digest)
}

func (g groupRef) check(also io.Writer) error {
	if err := g.r.checkStored(g.group); err != nil {
		return g.fail(err)
	}
	if err := g.r.checkRaw(g.group, also); err != nil {
		return g.fail(err)
	}
	return nil
}

func (g groupRef) fail(err error) error {
	return fmt.Errorf("%s: row group %d: %w", g.r.name, g.group, err)
}

// copySegment copies all row groups of a segment as they are.
func (m *merger) copySegment(r *Reader) error {
	for g := range r.info.Groups {
		if err := m.copyGroup(r, g); err != nil {
			return groupRef{r, g}.fail(err)
		}
	}
	return nil
}

// copyGroup copies one row group. The checksum of what was written is held
// against the recorded one, so that the bytes are read only once: damage comes
// to light when the copy is made, and the merge is given up.
func (m *merger) copyGroup(r *Reader, group int) error {
	if err := m.p.beginGroup(); err != nil {
		return err
	}
	if err := m.p.writer.AppendGroup(r.file, group); err != nil {
		return err
	}
	d := r.info.Groups[group]
	c := emptyCounts()
	c.rows, c.raw = d.Rows, d.RawBytes
	if err := m.p.endGroup(GroupDigest{Rows: d.Rows, RawBytes: d.RawBytes, SHA256: d.SHA256}, &c); err != nil {
		return err
	}
	if copied := &m.p.groups[len(m.p.groups)-1]; copied.Length != d.Length || copied.Sum != d.Sum {
		return errStoredBytes
	}
	return nil
}

func openAll(paths []string) ([]*Reader, error) {
	if len(paths) == 0 {
		return nil, errors.New("nothing to merge")
	}
	readers := make([]*Reader, 0, len(paths))
	for _, path := range paths {
		r, err := Open(path)
		if err != nil {
			return nil, errors.Join(err, closeAll(readers))
		}
		readers = append(readers, r)
	}
	return readers, nil
}

func closeAll(readers []*Reader) error {
	var errs []error
	for _, r := range readers {
		errs = append(errs, r.Close())
	}
	return errors.Join(errs...)
}
