package schema

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
}
