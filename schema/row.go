package schema

import (
	"slices"

	"go.mongodb.org/mongo-driver/v2/x/bsonx/bsoncore"
)

// Kind says which member of a Cell holds its value.
type Kind uint8

// The kinds of a cell.
const (
	// Null stands for an absent value at definition level Def, or for an empty
	// list.
	Null Kind = iota
	// Int holds booleans (0 or 1), integers, and timestamps in microseconds
	// since the Unix epoch, UTC.
	Int
	// Float holds a float64 as its IEEE bits in Int.
	Float
	// Bytes holds strings and JSON texts in UTF-8.
	Bytes
)

// Cell is one value of one leaf column, in Dremel's terms: the value with its
// repetition and definition level.
type Cell struct {
	// Bytes aliases the decoded document, the received line, or the row's own
	// scratch memory; it is valid until the row is coerced anew.
	Bytes []byte
	Int   int64
	// Leaf is the number of the leaf column in [Schema.Leaves].
	Leaf     uint16
	Kind     Kind
	Rep, Def uint8
}

// Row is one event taken apart by a schema: staged, so that an event that
// fails half-way leaves nothing behind. A Row is reused from event to event.
//
// Cells of one leaf stand in document order. A leaf without any cell is null
// at definition level 0. The lists p_any_* are leaves like the others.
type Row struct {
	Cells []Cell
	// EventTime is p_event_time in microseconds since the Unix epoch. When the
	// event has no time of its own HasEventTime is false and p_parse_time
	// takes its place.
	EventTime    int64
	HasEventTime bool
	// Indicators are the distinct values of all p_any_* lists of this row, for
	// Bloom filters; they alias like Cell.Bytes.
	Indicators [][]byte
	// CutStart and CutEnd bound the piece of the received line that a cell of
	// leaf [Schema.CutLeaf] repeats byte for byte, or are both 0: the store
	// keeps the line without it.
	CutStart, CutEnd int
	// Extra is the JSON text of the top-level fields that the schema does not
	// declare, or nil. It becomes p_extra.
	Extra []byte

	scratch []byte
	// literal is the text of the top-level number that is being coerced, as it
	// stood in the line, or nil.
	literal []byte
	// fromText is true when a Decoder made the document of a text: its strings are
	// known to be UTF-8, and its doubles were written with a point or an exponent.
	fromText bool
	// timeRank is the rank of the field that EventTime came from.
	timeRank int
	// taps are the values that copies read, by slot.
	taps []tapped
	// found are the indicators, in the order of their finding.
	found []finding
	// extra is a BSON document of the fields for Extra.
	extra []byte
}

// tapped is a value on its way to a copied field.
type tapped struct {
	typ   bsoncore.Type
	set   bool
	value []byte
}

// finding is one indicator.
type finding struct {
	list list
	text []byte
}

// FromText reports whether the row was coerced from a text that a Decoder has
// taken. The text is valid UTF-8 then, and so is every cell: nobody has to look
// again.
func (r *Row) FromText() bool { return r.fromText }

// reset makes the row ready for an event of s. The memory that cells of the
// event before aliased is used again.
func (r *Row) reset(s *Schema) {
	r.Cells = r.Cells[:0]
	r.EventTime, r.HasEventTime = 0, false
	r.Indicators = r.Indicators[:0]
	r.CutStart, r.CutEnd = 0, 0
	r.Extra = nil
	r.scratch = r.scratch[:0]
	r.timeRank = noRank
	r.found = r.found[:0]
	r.extra = r.extra[:0]
	r.taps = slices.Grow(r.taps[:0], s.slots)[:s.slots]
	clear(r.taps)
}

// state is what has to be forgotten when a copied value does not suit.
type state struct {
	cells, found, scratch int
	timeRank              int
	eventTime             int64
}

func (r *Row) state() state {
	return state{len(r.Cells), len(r.found), len(r.scratch), r.timeRank, r.EventTime}
}

func (r *Row) restore(s state) {
	r.Cells, r.found, r.scratch = r.Cells[:s.cells], r.found[:s.found], r.scratch[:s.scratch]
	r.timeRank, r.EventTime = s.timeRank, s.eventTime
}

// null appends a cell that holds nothing for every leaf below v; def is the
// level of what is there of the path.
func (r *Row) null(v *value, rep, def uint8) {
	for leaf := v.first; leaf < v.first+v.leaves; leaf++ {
		r.Cells = append(r.Cells, Cell{Leaf: uint16(leaf), Kind: Null, Rep: rep, Def: def})
	}
}

// bytes appends the cell of a string or a JSON text.
func (r *Row) bytes(v *value, b []byte, rep uint8) {
	r.Cells = append(r.Cells, Cell{Bytes: b, Leaf: uint16(v.first), Kind: Bytes, Rep: rep, Def: v.def})
}

// int appends the cell of a boolean, an integer or a timestamp.
func (r *Row) int(v *value, n int64, rep uint8) {
	r.Cells = append(r.Cells, Cell{Int: n, Leaf: uint16(v.first), Kind: Int, Rep: rep, Def: v.def})
}
