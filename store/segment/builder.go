package segment

import (
	"bytes"
	"crypto/sha256"
	"encoding/binary"
	"hash"
	"math"
	"unicode/utf8"

	"github.com/cespare/xxhash/v2"

	"github.com/margay-audit/margay/event"
	"github.com/margay-audit/margay/schema"
	"github.com/margay-audit/margay/store/parquet"
)

// RowMeta is what a segment keeps of an event beside the columns of its schema.
type RowMeta struct {
	ID event.RowID
	// ParseTime is p_parse_time in microseconds since the Unix epoch.
	ParseTime int64
	Origin    *event.Origin
	// File is p_source_file, or "" for null.
	File string
	// Raw are the bytes to keep: those received, or those with the secrets
	// replaced. A cut in the row refers to them.
	Raw  []byte
	Form event.Form
	// Redactions are the paths of values that were replaced.
	Redactions []string
}

// Builder collects the rows of one row group of one log type in memory.
// Its methods copy what they are given, and allocate only while its buffers
// grow. It is not safe for concurrent use.
type Builder struct {
	layout *Layout
	group  *parquet.Group
	data   []*parquet.Column // by schema leaf
	cut    int               // Layout.Cut
	// std are the standard columns, by the constants leaf…
	std [standardLeaves]*parquet.Column

	rowCounts
	values hashSet   // hashes of the indicators
	digest hash.Hash // over the received bytes
	prefix [8]byte   // scratch for digest; a field so that it is on the heap once
	last   provenance
	text   []byte // scratch: a rest or a repaired text
}

// provenance is where an event came from. It hardly ever differs from that of
// the row before.
type provenance struct{ id, label, file string }

// rowCounts is what is known of a run of rows.
type rowCounts struct {
	rows, raw            int64
	eventMin, eventMax   int64
	storedMin, storedMax int64
}

func emptyCounts() rowCounts {
	return rowCounts{
		eventMin: math.MaxInt64, eventMax: math.MinInt64,
		storedMin: math.MaxInt64, storedMax: math.MinInt64,
	}
}

func (c *rowCounts) add(o *rowCounts) {
	c.rows += o.rows
	c.raw += o.raw
	c.eventMin, c.eventMax = min(c.eventMin, o.eventMin), max(c.eventMax, o.eventMax)
	c.storedMin, c.storedMax = min(c.storedMin, o.storedMin), max(c.storedMax, o.storedMax)
}

// NewBuilder returns an empty builder for rows that s has coerced. It panics
// when the columns of s cannot be stored, which is a fault of the schema
// compiler.
func NewBuilder(s *schema.Schema) *Builder {
	b, err := newBuilder(LayoutOf(s))
	if err != nil {
		panic("BUG: " + err.Error())
	}
	return b
}

func newBuilder(l *Layout) (*Builder, error) {
	ps, err := parquetSchema(l)
	if err != nil {
		return nil, err
	}
	b := &Builder{layout: l, group: parquet.NewGroup(ps), cut: l.Cut, digest: sha256.New(), rowCounts: emptyCounts()}
	leaves := 0
	for i := range l.Columns {
		leaves += countLeaves(&l.Columns[i])
	}
	for i := range leaves {
		b.data = append(b.data, b.group.Column(i))
	}
	for i := range b.std {
		b.std[i] = b.group.Column(leaves + i)
	}
	return b, nil
}

// LogType returns the log type of the rows.
func (b *Builder) LogType() event.LogType { return b.layout.LogType }

// Rows returns how many rows were appended.
func (b *Builder) Rows() int { return int(b.rows) }

// RawBytes returns the sum of the lengths of the events' bytes.
func (b *Builder) RawBytes() int64 { return b.raw }

// Bytes returns about how much memory the rows take.
func (b *Builder) Bytes() int { return b.group.Size() }

// Full reports whether the builder has reached the size of a row group. It can
// take more, but should be written.
func (b *Builder) Full() bool { return b.rows >= MaxGroupRows || b.raw >= MaxGroupRaw }

// Reset forgets the rows and keeps the memory.
func (b *Builder) Reset() {
	b.group.Reset()
	b.rowCounts = emptyCounts()
	b.values.reset()
	b.digest.Reset()
	b.last = provenance{}
}

// Append adds a row. When it was coerced from a text, m.Raw must be that text.
func (b *Builder) Append(row *schema.Row, m *RowMeta) {
	form := rawForm(row, m)
	cut := b.appendCells(row, repeatable(row, m.Raw, form))
	b.appendStandard(row, m, form)
	if cut {
		b.text = append(append(b.text[:0], m.Raw[:row.CutStart]...), m.Raw[row.CutEnd:]...)
		b.std[leafRawRest].Bytes(b.text, 0, 0)
		b.std[leafRawCut].Int(int64(row.CutStart), 0, 1)
	} else {
		b.std[leafRawRest].Bytes(m.Raw, 0, 0)
	}
	b.group.EndRow()

	b.hashRaw(m.Raw)
	for _, v := range row.Indicators {
		b.values.add(xxhash.Sum64(v))
	}
}

func rawForm(row *schema.Row, m *RowMeta) int64 {
	switch {
	case m.Form == event.BSON:
		return formBSON
	case row.FromText() || utf8.Valid(m.Raw):
		return formText
	default:
		return formOctets
	}
}

// repeatable returns the piece of the line that the row says is repeated, or
// nil. It can be left out only of text in valid UTF-8, and only whole
// characters: the column that has it is a text.
func repeatable(row *schema.Row, raw []byte, form int64) []byte {
	from, to := row.CutStart, row.CutEnd
	if form != formText || from >= to || to > len(raw) || !utf8.RuneStart(raw[from]) {
		return nil
	}
	if to < len(raw) && !utf8.RuneStart(raw[to]) {
		return nil
	}
	return raw[from:to]
}

// appendCells appends the cells, and reports whether that of the cut leaf is
// exactly the given piece of the line. The comparison is cheap, and a mistake
// here would lose bytes.
func (b *Builder) appendCells(row *schema.Row, piece []byte) (repeated bool) {
	valid := row.FromText()
	for i := range row.Cells {
		c := &row.Cells[i]
		col := b.data[c.Leaf]
		switch c.Kind {
		case schema.Bytes:
			if piece != nil && int(c.Leaf) == b.cut && bytes.Equal(c.Bytes, piece) {
				repeated = true
				col.Bytes(piece, c.Rep, c.Def)
				continue
			}
			text := c.Bytes
			if !valid {
				text = b.validText(text)
			}
			col.Bytes(text, c.Rep, c.Def)
		case schema.Int:
			col.Int(c.Int, c.Rep, c.Def)
		case schema.Float:
			col.Float(math.Float64frombits(uint64(c.Int)), c.Rep, c.Def)
		default:
			col.Null(c.Rep, c.Def)
		}
	}
	return repeated
}

// validText returns the text itself when it is valid UTF-8, which every schema
// sees to. Unless a decoder has checked the whole event it is looked at all the
// same: one bad text in a column would make readers refuse the whole file.
func (b *Builder) validText(text []byte) []byte {
	if utf8.Valid(text) {
		return text
	}
	b.text = append(b.text[:0], bytes.ToValidUTF8(text, []byte("\uFFFD"))...)
	return b.text
}

func (b *Builder) appendStandard(row *schema.Row, m *RowMeta, form int64) {
	eventTime := m.ParseTime
	if row.HasEventTime {
		eventTime = row.EventTime
	}
	b.rows++
	b.eventMin, b.eventMax = min(b.eventMin, eventTime), max(b.eventMax, eventTime)
	b.storedMin, b.storedMax = min(b.storedMin, m.ParseTime), max(b.storedMax, m.ParseTime)

	b.std[leafEventTime].Int(eventTime, 0, 0)
	b.std[leafParseTime].Int(m.ParseTime, 0, 0)
	from := provenance{m.Origin.ID, m.Origin.Label, m.File}
	same := b.rows > 1 && from == b.last
	b.last = from
	b.appendSource(leafSourceID, from.id, 0, same)
	b.appendSource(leafSourceLabel, from.label, 0, same)
	if from.file != "" {
		b.appendSource(leafSourceFile, from.file, 1, same)
	}
	b.std[leafSchemaVersion].Int(int64(b.layout.Version), 0, 0)
	b.std[leafRowHi].Int(int64(m.ID.Hi), 0, 0)
	b.std[leafRowLo].Int(int64(m.ID.Lo), 0, 0)
	b.std[leafRawForm].Int(form, 0, 0)
	for i, path := range m.Redactions {
		b.std[leafRedactions].Bytes(b.textOf(path), uint8(min(i, 1)), 3)
	}
	if row.Extra != nil {
		b.std[leafExtra].Bytes(b.validText(row.Extra), 0, 1)
	}
}

// appendSource appends a part of the provenance; same is set when the row before
// has it too.
func (b *Builder) appendSource(leaf int, text string, def uint8, same bool) {
	if !same || !b.std[leaf].Again(0, def) {
		b.std[leaf].Bytes(b.textOf(text), 0, def)
	}
}

// textOf returns the bytes of a string without allocating. They are valid until
// the scratch memory is used again.
func (b *Builder) textOf(s string) []byte {
	b.text = append(b.text[:0], s...)
	return b.validText(b.text)
}

func (b *Builder) hashRaw(raw []byte) {
	b.raw += int64(len(raw))
	binary.LittleEndian.PutUint64(b.prefix[:], uint64(len(raw)))
	b.digest.Write(b.prefix[:])
	b.digest.Write(raw)
}
