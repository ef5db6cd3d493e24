package parquet

import "fmt"

// element is an entry of a footer's flattened schema.
type element struct {
	name               string
	typ, rep, length   int64
	children           int64
	logical, bitWidth  int64
	signed, utc, micro bool
}

// maxElements bounds a flattened schema: each leaf has a bounded path.
const maxElements = 4 * maxLeaves

// schema reads the flattened schema and makes a tree of it.
func (t *thriftReader) schema(typ byte) (*Schema, error) {
	_, n := t.list(typ)
	if n > maxElements {
		return nil, fmt.Errorf("a schema of %d elements", n)
	}
	var all []element
	for i := 0; i < n && t.err == nil; i++ {
		all = append(all, t.element())
	}
	if t.err != nil || len(all) == 0 {
		return nil, errThrift
	}
	p := elementParser{rest: all[1:]}
	root, err := p.nodes(all[0].children, 1)
	if err != nil {
		return nil, err
	}
	if len(p.rest) != 0 {
		return nil, errThrift
	}
	return NewSchema(root)
}

func (t *thriftReader) element() element {
	e := element{typ: -1, rep: -1}
	t.structure(func(id int16, typ byte) {
		switch id {
		case 1:
			e.typ = t.int(typ)
		case 2:
			e.length = t.int(typ)
		case 3:
			e.rep = t.int(typ)
		case 4:
			e.name = string(t.bytes(typ))
		case 5:
			e.children = t.int(typ)
		case 10:
			t.structure(func(id int16, typ byte) {
				e.logical = int64(id)
				t.structure(func(id int16, typ byte) { t.logicalField(&e, id, typ) })
			})
		default:
			t.skip(typ)
		}
	})
	return e
}

// logicalField reads a field of the structure in a logical type.
func (t *thriftReader) logicalField(e *element, id int16, typ byte) {
	switch {
	case e.logical == logicalTimestamp && id == 1:
		e.utc = t.bool(typ)
	case e.logical == logicalTimestamp && id == 2 && typ == thriftStruct:
		t.structure(func(id int16, typ byte) {
			e.micro = id == 2
			t.skip(typ)
		})
	case e.logical == logicalInteger && id == 1:
		e.bitWidth = t.int(typ)
	case e.logical == logicalInteger && id == 2:
		e.signed = t.bool(typ)
	default:
		t.skip(typ)
	}
}

// elementParser makes nodes of the elements that are left.
type elementParser struct{ rest []element }

func (p *elementParser) nodes(n int64, depth int) ([]Node, error) {
	if n < 1 || n > int64(len(p.rest)) || depth > 2*maxDepth {
		return nil, errThrift
	}
	nodes := make([]Node, 0, n)
	for range n {
		node, err := p.node(depth)
		if err != nil {
			return nil, err
		}
		nodes = append(nodes, node)
	}
	return nodes, nil
}

func (p *elementParser) node(depth int) (n Node, err error) {
	if len(p.rest) == 0 {
		return n, errThrift
	}
	e := p.rest[0]
	p.rest = p.rest[1:]
	if e.rep != repRequired && e.rep != repOptional {
		return n, fmt.Errorf("column %q repeats without being a list", e.name)
	}
	n.Name, n.Required = e.name, e.rep == repRequired
	switch {
	case e.typ >= 0:
		return n, e.leaf(&n)
	case e.logical == logicalList:
		n.Kind = List
		if len(p.rest) == 0 || p.rest[0].rep != repRepeated || p.rest[0].children != 1 || p.rest[0].name != "list" {
			return n, fmt.Errorf("column %q is a list of an unknown form", e.name)
		}
		p.rest = p.rest[1:]
		n.Children, err = p.nodes(1, depth+1)
	default:
		n.Kind = Struct
		n.Children, err = p.nodes(e.children, depth+1)
	}
	return n, err
}

// leaf fills in the types of a leaf.
func (e *element) leaf(n *Node) error {
	if e.children != 0 {
		return errThrift
	}
	found := false
	for typ, number := range physical {
		if number == e.typ {
			n.Type, found = Type(typ), true
		}
	}
	switch {
	case e.logical == logicalString:
		n.Logical = String
	case e.logical == logicalJSON:
		n.Logical = JSON
	case e.logical == logicalTimestamp && e.utc && e.micro:
		n.Logical = Timestamp
	case e.logical == logicalInteger && e.signed && e.bitWidth == 8:
		n.Logical = Int8
	case e.logical == logicalInteger && e.signed && e.bitWidth == 16:
		n.Logical = Int16
	case e.logical != 0:
		found = false
	}
	if !found {
		return fmt.Errorf("column %q: a type that is not read", e.name)
	}
	if n.Type == FixedLenByteArray {
		n.Length = int(e.length)
	}
	return nil
}
