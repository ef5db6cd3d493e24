package store

import (
	"bytes"
	"context"
	"encoding/hex"
	"errors"
	"fmt"
	"os"
	"path/filepath"
	"slices"
	"time"

	"github.com/margay-audit/margay/event"
	"github.com/margay-audit/margay/schema"
	"github.com/margay-audit/margay/store/catalog"
	"github.com/margay-audit/margay/store/segment"
)

// Append is a batch on its way into the store. It belongs to one goroutine.
// Either Commit or Abort must be called, once.
type Append struct {
	s      *Store
	kind   segment.Kind
	stream *stream // nil for a replay
	origin event.Origin
	// from and to are copies: they outlive the batch.
	from, to event.Position
	marks    []event.Mark
	time     int64 // p_parse_time of all rows

	builders []*building
	rows     int
	raw      int64
	// quarantined and quarantinedRaw count what goes into quarantine.
	quarantined    int64
	quarantinedRaw int64
	totals         map[string]*catalog.Source // by source id: what this append adds
	total          *catalog.Source            // the entry of meta.Origin
	resolved       []catalog.Resolution
	meta           segment.RowMeta // of the row being added; here so that it is allocated once

	files  []*pendingFile
	queued time.Time
	done   chan error
}

// building are the rows of one schema.
type building struct {
	schema *schema.Schema
	b      *segment.Builder
}

// pendingFile is a segment whose rows are on disk under a temporary name.
type pendingFile struct {
	logType event.LogType
	path    string // where the bytes are: the temporary name, later the final one
	pending *segment.Pending
	// tier and first become those of the catalog's entry; first 0 stands for
	// the commit's own number.
	tier  int
	first uint64
	final bool // it has its final name
}

// Begin starts an append for a batch. The stream gets its number here, when it
// has none; only a commit makes the number last.
func (s *Store) Begin(b *event.Batch) (*Append, error) {
	if len(b.To) == 0 {
		return nil, fmt.Errorf("begin append: batch of stream %q has no position", b.Stream)
	}
	a := &Append{
		s: s, kind: segment.KindAppend, origin: b.Origin,
		from: slices.Clone(b.From), to: slices.Clone(b.To), marks: slices.Clone(b.Marks),
		time: s.opt.Now().UnixMicro(), totals: map[string]*catalog.Source{}, done: make(chan error, 1),
	}
	a.comesFrom(&a.origin, b.File)
	s.mu.Lock()
	defer s.mu.Unlock()
	if err := s.refusal(); err != nil {
		return nil, err
	}
	st := s.streams[b.Stream]
	if st == nil {
		st = &stream{Stream: event.Stream{ID: s.nextID, Name: b.Stream, SourceID: b.Origin.ID}}
		s.nextID++
		s.streams[b.Stream], s.byID[st.ID] = st, st
	}
	a.stream = st
	st.running++
	s.running++
	return a, nil
}

// refusal says why nothing can be appended at present. s.mu is held.
func (s *Store) refusal() error {
	if s.closed {
		return event.ErrClosed
	}
	return nil
}

// StreamID returns the number of the batch's stream, the high half of its row
// ids.
func (a *Append) StreamID() uint64 { return a.stream.ID }

// Row adds an event that fits a schema. The bytes of raw, row and redactions
// are copied.
func (a *Append) Row(sch *schema.Schema, row *schema.Row, rec *event.Record, raw []byte, redactions []string) error {
	a.meta.ID = event.RowID{Hi: a.stream.ID, Lo: rec.Offset}
	a.meta.Raw, a.meta.Form, a.meta.Redactions = raw, rec.Form, redactions
	a.add(sch, row)
	return nil
}

// Quarantine adds an event that fits no schema, with the reason, as it was
// received.
func (a *Append) Quarantine(rec *event.Record, reason string) error {
	row := a.s.quarantine.row(rec, reason)
	a.meta.ID = event.RowID{Hi: a.stream.ID, Lo: rec.Offset}
	a.meta.Raw, a.meta.Form, a.meta.Redactions = rec.Raw, rec.Form, nil
	a.add(a.s.quarantine.schema, row)
	a.quarantined++
	a.quarantinedRaw += int64(len(rec.Raw))
	return nil
}

// add stores the row that a.meta describes.
func (a *Append) add(sch *schema.Schema, row *schema.Row) {
	a.builderFor(sch).Append(row, &a.meta)
	a.rows++
	a.raw += int64(len(a.meta.Raw))
	t := a.total
	t.LastStored = a.meta.ParseTime
	if sch == a.s.quarantine.schema {
		t.Quarantined++
		return
	}
	t.Stored++
	if row.HasEventTime {
		t.LastEvent = max(t.LastEvent, row.EventTime)
	}
}

// comesFrom says where the rows to come are from.
func (a *Append) comesFrom(o *event.Origin, file string) {
	a.meta.Origin, a.meta.File, a.meta.ParseTime = o, file, a.time
	a.total = a.totals[o.ID]
	if a.total == nil {
		a.total = &catalog.Source{ID: o.ID, Label: o.Label, Kind: o.Kind}
		a.totals[o.ID] = a.total
	}
}

func (a *Append) builderFor(sch *schema.Schema) *segment.Builder {
	for i := range a.builders {
		// A full one is a row group of its own; the rest goes into another file.
		if a.builders[i].schema == sch && !a.builders[i].b.Full() {
			return a.builders[i].b
		}
	}
	b := a.s.builder(sch)
	a.builders = append(a.builders, &building{schema: sch, b: b})
	return b
}

// Abort gives the append up. Nothing of it is kept.
func (a *Append) Abort() {
	a.s.leave(a)
	a.release()
}

// release gives the memory of the rows back.
func (a *Append) release() {
	for _, b := range a.builders {
		a.s.giveBack(b.schema, b.b)
	}
	a.builders = nil
}

// Commit makes the batch durable and returns nil when it is. After an error
// nothing of it is. When ctx ends before the committer took the append, it is
// given up; later it is waited for, which takes no longer than a commit does.
func (a *Append) Commit(ctx context.Context) error {
	defer a.release()
	s := a.s
	if err := s.reserve(a); err != nil {
		s.leave(a)
		return err
	}
	defer s.unreserve(a)
	if err := a.write(); err != nil {
		s.leave(a)
		a.discard()
		return fmt.Errorf("store batch of %s: %w", a.name(), diskError(err))
	}
	if err := s.enqueue(a); err != nil {
		a.discard()
		return err
	}
	select {
	case err := <-a.done:
		return err
	case <-ctx.Done():
		if s.dequeue(a) {
			a.discard()
			return fmt.Errorf("store batch of %s: %w", a.name(), ctx.Err())
		}
		return <-a.done
	}
}

func (a *Append) name() string {
	if a.stream == nil {
		return "quarantine replay"
	}
	return "stream " + a.stream.Name
}

// write puts the rows on disk, without footers.
func (a *Append) write() error {
	for _, b := range a.builders {
		path, err := a.s.temporaryPath(b.b.LogType())
		if err != nil {
			return err
		}
		f := &pendingFile{logType: b.b.LogType(), path: path}
		err = a.s.disk.Do("create segment", path, func() error {
			f.pending, err = segment.Create(path, b.b)
			return err
		})
		if f.pending != nil {
			a.files = append(a.files, f)
		}
		if err != nil {
			return err
		}
	}
	return nil
}

// temporaryPath returns a new name in the folder of a table, which is made when
// it is not there.
func (s *Store) temporaryPath(t event.LogType) (string, error) {
	root := filepath.Join(s.dir, segmentsName)
	folder := filepath.Join(root, t.Table())
	if !exists(folder) {
		if err := s.disk.Do("make folder", folder, func() error { return makeFolder(root, folder) }); err != nil {
			return "", err
		}
	}
	return filepath.Join(folder, fmt.Sprintf("new-%d%s%s", s.temporary.Add(1), segment.Suffix, segment.TempSuffix)), nil
}

// discard removes the temporary files.
func (a *Append) discard() {
	for _, f := range a.files {
		a.s.drop(f)
	}
	a.files = nil
}

// drop removes a file that did not become part of the store. One that cannot be
// removed is harmless: the next start removes it, or sets it aside.
func (s *Store) drop(f *pendingFile) {
	err := s.disk.Do("remove", f.path, func() error {
		if err := f.pending.Abort(); err != nil {
			return err
		}
		if err := os.Remove(f.path); err != nil && !errors.Is(err, os.ErrNotExist) {
			return err
		}
		return nil
	})
	if err != nil {
		s.log.Warn("cannot remove segment of a failed commit", "path", f.path, "error", err)
	}
}

// end tells the waiting goroutine the outcome.
func (a *Append) end(err error) {
	if err != nil {
		a.discard()
	}
	a.done <- err
}

// leave notes that an append is not under way any more.
func (s *Store) leave(a *Append) {
	s.mu.Lock()
	s.leaveLocked(a)
	s.mu.Unlock()
	s.kick(s.wake)
}

func (s *Store) leaveLocked(a *Append) {
	s.running--
	if a.stream != nil {
		a.stream.running--
	}
}

// reserve refuses an append that would overfill the quarantine.
func (s *Store) reserve(a *Append) error {
	if a.quarantinedRaw == 0 {
		return nil
	}
	s.mu.Lock()
	defer s.mu.Unlock()
	if s.waiting+s.reserved+a.quarantinedRaw > s.opt.QuarantineMaxBytes {
		err := fmt.Errorf("%w: the quarantine is full: %d bytes of at most %d are waiting; look at `margay quarantine list`, replay them after a fix, or raise quarantine.max_bytes",
			event.ErrBlocked, s.waiting, s.opt.QuarantineMaxBytes)
		a.quarantinedRaw = 0
		return err
	}
	s.reserved += a.quarantinedRaw
	return nil
}

func (s *Store) unreserve(a *Append) {
	s.mu.Lock()
	s.reserved -= a.quarantinedRaw
	s.mu.Unlock()
}

// enqueue hands the append to the committer.
func (s *Store) enqueue(a *Append) error {
	s.mu.Lock()
	s.leaveLocked(a)
	err := s.refusal()
	if err == nil {
		a.queued = time.Now()
		s.queue = append(s.queue, a)
	}
	s.mu.Unlock()
	s.kick(s.wake)
	return err
}

// dequeue takes the append back; it reports false when the committer has it.
func (s *Store) dequeue(a *Append) bool {
	s.mu.Lock()
	defer s.mu.Unlock()
	i := slices.Index(s.queue, a)
	if i < 0 {
		return false
	}
	s.queue = slices.Delete(s.queue, i, i+1)
	return true
}

// quarantineShape knows the leaves of the quarantine's schema.
type quarantineShape struct {
	schema                   *schema.Schema
	reason, form, size, hash uint16
}

func shapeOf(s *schema.Schema) quarantineShape {
	q := quarantineShape{schema: s}
	for i, l := range s.Leaves() {
		switch l.Path[0] {
		case "reason":
			q.reason = uint16(i)
		case "form":
			q.form = uint16(i)
		case "original_size":
			q.size = uint16(i)
		case "original_sha256":
			q.hash = uint16(i)
		}
	}
	return q
}

func (q *quarantineShape) row(rec *event.Record, reason string) *schema.Row {
	row := &schema.Row{Cells: []schema.Cell{
		{Leaf: q.reason, Kind: schema.Bytes, Def: 1, Bytes: bytes.ToValidUTF8([]byte(reason), []byte("\uFFFD"))},
		{Leaf: q.form, Kind: schema.Bytes, Def: 1, Bytes: []byte(rec.Form.String())},
	}}
	if rec.Size != 0 {
		row.Cells = append(row.Cells,
			schema.Cell{Leaf: q.size, Kind: schema.Int, Def: 1, Int: int64(rec.Size)},
			schema.Cell{Leaf: q.hash, Kind: schema.Bytes, Def: 1, Bytes: []byte(hex.EncodeToString(rec.Sum))})
	}
	return row
}
