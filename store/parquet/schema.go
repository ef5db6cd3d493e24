package parquet

import (
	"fmt"
	"math/bits"
)

// Kind is what a node of the column tree is.
type Kind uint8

// The kinds of a node.
const (
	// Leaf has a Type and no children.
	Leaf Kind = iota
	// Struct is a Parquet group: one child for each field.
	Struct
	// List has exactly one child, its element, whose name is written as
	// "element" whatever it is.
	List
)

// Type is the physical type of a leaf.
type Type uint8

// The physical types.
const (
	Boolean Type = iota
	Int32
	Int64
	Double
	ByteArray
	// FixedLenByteArray takes its length from [Node.Length].
	FixedLenByteArray
)

// Logical is the meaning of a leaf on top of its physical type.
type Logical uint8

// The logical types.
const (
	None Logical = iota
	// String is a ByteArray in UTF-8. The writer does not check it: a caller
	// that cannot vouch for the bytes uses None, since readers refuse a file
	// for one bad string.
	String
	// JSON is a ByteArray with a JSON text in UTF-8.
	JSON
	// Timestamp is an Int64 of microseconds since the Unix epoch, UTC.
	Timestamp
	// Int8 is an Int32 that holds a signed 8-bit number.
	Int8
	// Int16 is an Int32 that holds a signed 16-bit number.
	Int16
)

// Encoding is a hint how the values of a leaf are stored.
type Encoding uint8

// The encodings.
const (
	// Plain stores values one after the other.
	Plain Encoding = iota
	// Dict stores different values once and refers to them, as long as that
	// pays. It is taken as Plain for booleans and doubles.
	Dict
	// Delta stores the differences of neighbours; for Int32 and Int64 only, and
	// taken as Plain for others.
	Delta
)

// Node is one column of a schema: a tree.
//
// The definition level of a present value is the number of nodes on its path
// that are not Required, and one more for each List on it.
type Node struct {
	Name     string
	Kind     Kind
	Required bool
	Children []Node

	// For a Leaf.
	Type    Type
	Logical Logical
	// Length is the length in bytes of a FixedLenByteArray.
	Length int

	// What follows is not part of a file, and does not make two schemas
	// different.

	Encoding Encoding
	// Bloom asks for a Bloom filter. Not for booleans and doubles.
	Bloom bool
	// NoStats leaves the minimum and maximum out.
	NoStats bool
}

// LeafInfo describes one leaf of a schema.
type LeafInfo struct {
	// Path are the names in the file from the top: the names of nodes, and
	// "list", "element" for a list.
	Path []string
	Node Node
	// MaxRep and MaxDef are the highest repetition and definition level.
	MaxRep, MaxDef uint8
}

// Schema is a checked column tree. It is immutable and safe for concurrent use.
type Schema struct {
	root   []Node
	leaves []LeafInfo
}

// NewSchema checks the columns and numbers their leaves, depth first.
func NewSchema(root []Node) (*Schema, error) {
	s := &Schema{root: root}
	if len(root) == 0 {
		return nil, fmt.Errorf("parquet schema: no columns")
	}
	if err := s.add(root, nil, 0, 0, 1); err != nil {
		return nil, fmt.Errorf("parquet schema: %w", err)
	}
	return s, nil
}

// Columns returns the top of the tree. The caller must not change it.
func (s *Schema) Columns() []Node { return s.root }

// Leaves returns the leaves, depth first. The caller must not change them.
func (s *Schema) Leaves() []LeafInfo { return s.leaves }

// Equal says whether files of both schemas have the same columns, whatever the
// hints.
func (s *Schema) Equal(t *Schema) bool { return s == t || sameNodes(s.root, t.root) }

func sameNodes(a, b []Node) bool {
	if len(a) != len(b) {
		return false
	}
	for i := range a {
		x, y := &a[i], &b[i]
		if x.Name != y.Name || x.Kind != y.Kind || x.Required != y.Required {
			return false
		}
		if x.Kind == Leaf && (x.Type != y.Type || x.Logical != y.Logical || x.Length != y.Length) {
			return false
		}
		if x.Kind == List {
			// The element's own name is not stored.
			e, f := x.Children[0], y.Children[0]
			e.Name, f.Name = "", ""
			if !sameNodes([]Node{e}, []Node{f}) {
				return false
			}
		} else if !sameNodes(x.Children, y.Children) {
			return false
		}
	}
	return true
}

func (s *Schema) add(nodes []Node, path []string, rep, def uint8, depth int) error {
	if depth > maxDepth {
		return fmt.Errorf("column %q is deeper than %d levels", path, maxDepth)
	}
	names := make(map[string]bool, len(nodes))
	for i := range nodes {
		n := &nodes[i]
		if n.Name == "" && (len(path) == 0 || path[len(path)-1] != "list") {
			return fmt.Errorf("a column in %q has no name", path)
		}
		if names[n.Name] {
			return fmt.Errorf("column %q twice in %q", n.Name, path)
		}
		names[n.Name] = true
		if err := s.addNode(n, n.Name, path, rep, def, depth); err != nil {
			return err
		}
	}
	return nil
}

func (s *Schema) addNode(n *Node, name string, path []string, rep, def uint8, depth int) error {
	path = append(path[:len(path):len(path)], name)
	if !n.Required {
		def++
	}
	switch n.Kind {
	case Struct:
		if len(n.Children) == 0 {
			return fmt.Errorf("group %q has no fields", path)
		}
		return s.add(n.Children, path, rep, def, depth+1)
	case List:
		if len(n.Children) != 1 {
			return fmt.Errorf("list %q has %d elements, not one", path, len(n.Children))
		}
		if depth >= maxDepth {
			return fmt.Errorf("column %q is deeper than %d levels", path, maxDepth)
		}
		path = append(path, "list")
		return s.addNode(&n.Children[0], "element", path, rep+1, def+1, depth+1)
	case Leaf:
		if len(s.leaves) >= maxLeaves {
			return fmt.Errorf("more than %d leaf columns", maxLeaves)
		}
		if err := checkLeaf(n); err != nil {
			return fmt.Errorf("column %q: %w", path, err)
		}
		s.leaves = append(s.leaves, LeafInfo{Path: path, Node: *n, MaxRep: rep, MaxDef: def})
		return nil
	}
	return fmt.Errorf("column %q: unknown kind %d", path, n.Kind)
}

func checkLeaf(n *Node) error {
	if len(n.Children) != 0 {
		return fmt.Errorf("a leaf with children")
	}
	if n.Type > FixedLenByteArray || n.Logical > Int16 || n.Encoding > Delta {
		return fmt.Errorf("unknown type, logical type or encoding")
	}
	if (n.Type == FixedLenByteArray) != (n.Length != 0) || n.Length < 0 || n.Length > statSize {
		return fmt.Errorf("length %d", n.Length)
	}
	want := n.Type
	switch n.Logical {
	case String, JSON:
		want = ByteArray
	case Timestamp:
		want = Int64
	case Int8, Int16:
		want = Int32
	}
	if want != n.Type {
		return fmt.Errorf("the logical type does not go with the physical type")
	}
	if n.Bloom && (n.Type == Boolean || n.Type == Double) {
		return fmt.Errorf("no Bloom filter for booleans and doubles")
	}
	return nil
}

// levelWidth is the number of bits of a level up to most.
func levelWidth(most uint8) uint { return uint(bits.Len8(most)) }
