package schema

import "github.com/margay-audit/margay/event"

// Schema is a compiled schema. It is immutable and safe for concurrent use.
type Schema struct {
	logType       event.LogType
	version       int
	description   string
	referenceURL  string
	preferredWith []string

	decl    *declaration
	columns []Node
	leaves  []LeafInfo
	// cut is the leaf of the first top-level json field, or -1.
	cut int
	// demands counts the required fields, at every level.
	demands int

	root *object
	// copies are the top-level fields that repeat values from elsewhere.
	copies []*field
	slots  int
	// lists holds, for each p_any_* list, its leaf, or -1.
	lists [listCount]int
}

// LogType returns the log type that the schema describes.
func (s *Schema) LogType() event.LogType { return s.logType }

// Version returns the version of the stored shape: it rises when columns are
// added or change.
func (s *Schema) Version() int { return s.version }

// Description returns what the schema says of itself, and ReferenceURL where the
// vendor documents the events; either may be empty.
func (s *Schema) Description() string { return s.description }

// ReferenceURL returns where the events are documented by whoever makes them.
func (s *Schema) ReferenceURL() string { return s.referenceURL }

// Columns returns the column trees: the declared fields in their order, then the
// p_any_* lists that the schema can fill, sorted by name. The caller must not
// change them.
func (s *Schema) Columns() []Node { return s.columns }

// Leaves returns the leaf columns, depth first over [Schema.Columns]. The
// caller must not change them.
func (s *Schema) Leaves() []LeafInfo { return s.leaves }

// CutLeaf returns the leaf whose cell may repeat a piece of the received line
// byte for byte (see [Row.CutStart]): the first top-level field of type json. It
// is -1 when there is none.
func (s *Schema) CutLeaf() int { return s.cut }
