package schema

// Type is the stored type of a leaf column.
type Type uint8

// The stored types.
const (
	TypeString Type = iota
	TypeBoolean
	TypeInt16
	TypeInt32
	TypeInt64
	TypeFloat64
	// TypeTimestamp is microseconds since the Unix epoch, UTC.
	TypeTimestamp
	// TypeJSON is a JSON text.
	TypeJSON
)

// Shape says what a node of the column tree is.
type Shape uint8

// The shapes.
const (
	// Leaf has a Type and no children.
	Leaf Shape = iota
	// Struct has one child per field.
	Struct
	// List has exactly one child, its element.
	List
)

// Node is a column of a schema: a tree, because objects and arrays nest. Every
// node is optional, at each level, so that the definition level of a present
// value is: one for each node on its path, and one more for each List on it.
type Node struct {
	Name     string
	Shape    Shape
	Type     Type
	Children []Node
}

// LeafInfo describes one leaf column, counted depth first.
type LeafInfo struct {
	// Path are the names from the top; the element of a list is called
	// "element".
	Path []string
	Type Type
	// MaxRep and MaxDef are the highest repetition and definition level.
	MaxRep, MaxDef uint8
	// Indicator is true for the leaf of a p_any_* list.
	Indicator bool
}
