package segment

import (
	"crypto/sha256"
	"encoding/hex"
	"encoding/json"
	"fmt"
	"slices"

	"github.com/margay-audit/margay/event"
	"github.com/margay-audit/margay/schema"
)

// Layout is what decides the columns of a segment: a version of a schema. It
// is in every footer, so that segments of a version that this program does not
// know can still be read.
//
// A Layout must not be changed after it was made; it is then safe for
// concurrent use.
type Layout struct {
	LogType event.LogType
	Version int
	// Columns are the schema's columns: data fields, then lists of indicators.
	Columns []schema.Node
	// Cut is the leaf (counted depth first over Columns) that may repeat a piece
	// of the line, or -1. It is a JSON leaf that is a column by itself.
	Cut int
}

// LayoutOf returns the layout of a schema.
func LayoutOf(s *schema.Schema) *Layout {
	return &Layout{LogType: s.LogType(), Version: s.Version(), Columns: s.Columns(), Cut: s.CutLeaf()}
}

// Equal reports whether segments of both layouts have the same columns with
// the same meaning: only those may be merged.
func (l *Layout) Equal(o *Layout) bool {
	return l.LogType == o.LogType && l.Version == o.Version && l.Cut == o.Cut &&
		slices.EqualFunc(l.Columns, o.Columns, equalNode)
}

func equalNode(a, b schema.Node) bool {
	return a.Name == b.Name && a.Shape == b.Shape && (a.Shape != schema.Leaf || a.Type == b.Type) &&
		slices.EqualFunc(a.Children, b.Children, equalNode)
}

// Hash returns a short fingerprint of the layout in hexadecimal. Equal layouts
// have equal hashes.
func (l *Layout) Hash() string {
	text, err := json.Marshal(l)
	if err != nil {
		panic("BUG: a layout that cannot be written as JSON: " + err.Error())
	}
	sum := sha256.Sum256(text)
	return hex.EncodeToString(sum[:8])
}

// cutColumn returns the name of the column of leaf l.Cut, or "".
func (l *Layout) cutColumn() string {
	leaf := 0
	for i := range l.Columns {
		n := &l.Columns[i]
		if leaf == l.Cut && n.Shape == schema.Leaf {
			return n.Name
		}
		leaf += countLeaves(n)
	}
	return ""
}

func countLeaves(n *schema.Node) int {
	if n.Shape == schema.Leaf {
		return 1
	}
	sum := 0
	for i := range n.Children {
		sum += countLeaves(&n.Children[i])
	}
	return sum
}

// check refuses layouts that would make files nobody can read: names that
// meet, lists without an element, trees deeper than levels can count. Layouts
// of schemas pass; those of damaged footers may not.
func (l *Layout) check() error {
	if err := checkNodes(l.Columns, 0, true); err != nil {
		return fmt.Errorf("layout of %s version %d: %w", l.LogType, l.Version, err)
	}
	if l.Cut >= 0 && l.cutColumn() == "" {
		return fmt.Errorf("layout of %s version %d: leaf %d is not a column that repeats the line", l.LogType, l.Version, l.Cut)
	}
	return nil
}

// maxDepth is how deep columns may nest. Levels are counted in a byte, and a
// list takes two; readers of Parquet give up much earlier.
const maxDepth = 32

func checkNodes(nodes []schema.Node, depth int, top bool) error {
	if depth > maxDepth {
		return fmt.Errorf("columns nest deeper than %d", maxDepth)
	}
	seen := make(map[string]bool, len(nodes))
	for i := range nodes {
		n := &nodes[i]
		if n.Name == "" || seen[n.Name] {
			return fmt.Errorf("column name %q is empty or stands twice", n.Name)
		}
		seen[n.Name] = true
		if top && hasReservedName(n) {
			return fmt.Errorf("column name %q is reserved", n.Name)
		}
		if err := checkShape(n); err != nil {
			return err
		}
		if err := checkNodes(n.Children, depth+1, false); err != nil {
			return err
		}
	}
	return nil
}

func hasReservedName(n *schema.Node) bool {
	if isIndicator(n) {
		return false
	}
	return len(n.Name) >= 2 && n.Name[:2] == "p_"
}

// isIndicator reports whether a top-level column is a list of indicators.
func isIndicator(n *schema.Node) bool {
	return len(n.Name) > len(indicatorPrefix) && n.Name[:len(indicatorPrefix)] == indicatorPrefix &&
		n.Shape == schema.List && len(n.Children) == 1 &&
		n.Children[0].Shape == schema.Leaf && n.Children[0].Type == schema.TypeString
}

func checkShape(n *schema.Node) error {
	switch {
	case n.Shape == schema.Leaf && len(n.Children) == 0 && int(n.Type) < len(typeNames):
	case n.Shape == schema.Struct && len(n.Children) > 0:
	case n.Shape == schema.List && len(n.Children) == 1:
	default:
		return fmt.Errorf("column %q has a shape that does not go with its %d children", n.Name, len(n.Children))
	}
	return nil
}

// typeNames are the names of leaf types in footers, by schema.Type.
var typeNames = [...]string{
	schema.TypeString:    "string",
	schema.TypeBoolean:   "boolean",
	schema.TypeInt16:     "int16",
	schema.TypeInt32:     "int32",
	schema.TypeInt64:     "int64",
	schema.TypeFloat64:   "float64",
	schema.TypeTimestamp: "timestamp",
	schema.TypeJSON:      "json",
}

const (
	structName = "struct"
	listName   = "list"
)

// layoutJSON and nodeJSON are the shape of a layout in a footer.
type layoutJSON struct {
	LogType event.LogType `json:"log_type"`
	Version int           `json:"schema_version"`
	Columns []nodeJSON    `json:"columns"`
	Cut     int           `json:"cut_leaf"`
}

type nodeJSON struct {
	Name     string     `json:"name"`
	Type     string     `json:"type"`
	Children []nodeJSON `json:"children,omitempty"`
}

// MarshalJSON writes the layout as it stands in footers.
func (l *Layout) MarshalJSON() ([]byte, error) {
	return encodeJSON(layoutJSON{l.LogType, l.Version, nodesToJSON(l.Columns), l.Cut})
}

// UnmarshalJSON reads what MarshalJSON wrote.
func (l *Layout) UnmarshalJSON(text []byte) error {
	var in layoutJSON
	if err := json.Unmarshal(text, &in); err != nil {
		return err
	}
	columns, err := nodesFromJSON(in.Columns, 0)
	if err != nil {
		return err
	}
	*l = Layout{LogType: in.LogType, Version: in.Version, Columns: columns, Cut: in.Cut}
	return l.check()
}

func nodesToJSON(nodes []schema.Node) []nodeJSON {
	var out []nodeJSON
	for i := range nodes {
		n := &nodes[i]
		o := nodeJSON{Name: n.Name, Children: nodesToJSON(n.Children)}
		switch n.Shape {
		case schema.Struct:
			o.Type = structName
		case schema.List:
			o.Type = listName
		default:
			o.Type = typeNames[n.Type]
		}
		out = append(out, o)
	}
	return out
}

func nodesFromJSON(in []nodeJSON, depth int) ([]schema.Node, error) {
	if depth > maxDepth {
		return nil, fmt.Errorf("columns nest deeper than %d", maxDepth)
	}
	var out []schema.Node
	for i := range in {
		n := schema.Node{Name: in[i].Name}
		switch in[i].Type {
		case structName:
			n.Shape = schema.Struct
		case listName:
			n.Shape = schema.List
		default:
			t := slices.Index(typeNames[:], in[i].Type)
			if t < 0 {
				return nil, fmt.Errorf("column %q has the unknown type %q", n.Name, in[i].Type)
			}
			n.Shape, n.Type = schema.Leaf, schema.Type(t)
		}
		children, err := nodesFromJSON(in[i].Children, depth+1)
		if err != nil {
			return nil, err
		}
		n.Children = children
		out = append(out, n)
	}
	return out, nil
}
