package segment

import (
	"fmt"

	"github.com/margay-audit/margay/schema"
	"github.com/margay-audit/margay/store/parquet"
)

// Places of the standard leaves, counted from the first after the schema's.
const (
	leafEventTime = iota
	leafParseTime
	leafSourceID
	leafSourceLabel
	leafSourceFile
	leafSchemaVersion
	leafRowHi
	leafRowLo
	leafRawRest
	leafRawCut
	leafRawForm
	leafRedactions
	leafExtra

	standardLeaves
)

// standardNodes are the Parquet columns behind the leaves above.
var standardNodes = []parquet.Node{
	leafEventTime:     {Name: colEventTime, Type: parquet.Int64, Logical: parquet.Timestamp, Required: true, Encoding: parquet.Delta},
	leafParseTime:     {Name: colParseTime, Type: parquet.Int64, Logical: parquet.Timestamp, Required: true, Encoding: parquet.Delta},
	leafSourceID:      {Name: colSourceID, Type: parquet.ByteArray, Logical: parquet.String, Required: true, Encoding: parquet.Dict},
	leafSourceLabel:   {Name: colSourceLabel, Type: parquet.ByteArray, Logical: parquet.String, Required: true, Encoding: parquet.Dict},
	leafSourceFile:    {Name: colSourceFile, Type: parquet.ByteArray, Logical: parquet.String, Encoding: parquet.Dict},
	leafSchemaVersion: {Name: colSchemaVersion, Type: parquet.Int32, Required: true, Encoding: parquet.Dict},
	leafRowHi:         {Name: colRowHi, Type: parquet.Int64, Required: true, Encoding: parquet.Delta},
	leafRowLo:         {Name: colRowLo, Type: parquet.Int64, Required: true, Encoding: parquet.Delta},
	leafRawRest:       {Name: colRawRest, Type: parquet.ByteArray, Required: true, Encoding: parquet.Plain, NoStats: true},
	leafRawCut:        {Name: colRawCut, Type: parquet.Int32, Encoding: parquet.Delta, NoStats: true},
	leafRawForm:       {Name: colRawForm, Type: parquet.Int32, Required: true, Encoding: parquet.Dict},
	leafRedactions: {Name: colRedactions, Kind: parquet.List, Children: []parquet.Node{
		{Name: "element", Type: parquet.ByteArray, Logical: parquet.String, Encoding: parquet.Dict},
	}},
	leafExtra: {Name: colExtra, Type: parquet.ByteArray, Logical: parquet.String, Encoding: parquet.Plain, NoStats: true},
}

// parquetSchema returns the Parquet schema of a layout.
func parquetSchema(l *Layout) (*parquet.Schema, error) {
	if err := l.check(); err != nil {
		return nil, err
	}
	root := make([]parquet.Node, 0, len(l.Columns)+len(standardNodes))
	for i := range l.Columns {
		n := parquetNode(&l.Columns[i])
		// DuckDB skips row groups by the Bloom filters of plain text columns
		// only; of lists and structs it cannot.
		n.Bloom = l.Columns[i].Shape == schema.Leaf && l.Columns[i].Type == schema.TypeString
		root = append(root, n)
	}
	root = append(root, standardNodes...)
	s, err := parquet.NewSchema(root)
	if err != nil {
		return nil, fmt.Errorf("columns of %s version %d: %w", l.LogType, l.Version, err)
	}
	return s, nil
}

func parquetNode(n *schema.Node) parquet.Node {
	out := parquet.Node{Name: n.Name}
	switch n.Shape {
	case schema.Struct:
		out.Kind = parquet.Struct
		for i := range n.Children {
			out.Children = append(out.Children, parquetNode(&n.Children[i]))
		}
	case schema.List:
		out.Kind = parquet.List
		element := parquetNode(&n.Children[0])
		element.Name = "element"
		out.Children = []parquet.Node{element}
	default:
		setLeafType(&out, n.Type)
	}
	return out
}

// setLeafType chooses how a type is stored. Numbers go through a dictionary
// too: ports and result codes of audit events are few.
//
// JSON is stored as a text, without Parquet's own JSON type. DuckDB parses every
// cell of that type as it reads it, also to put the received bytes together,
// and gives the whole query up for a cell that it does not like.
func setLeafType(n *parquet.Node, t schema.Type) {
	n.Encoding = parquet.Dict
	switch t {
	case schema.TypeBoolean:
		n.Type, n.Encoding = parquet.Boolean, parquet.Plain
	case schema.TypeInt16:
		n.Type, n.Logical = parquet.Int32, parquet.Int16
	case schema.TypeInt32:
		n.Type = parquet.Int32
	case schema.TypeInt64:
		n.Type = parquet.Int64
	case schema.TypeFloat64:
		n.Type, n.Encoding = parquet.Double, parquet.Plain
	case schema.TypeTimestamp:
		n.Type, n.Logical, n.Encoding = parquet.Int64, parquet.Timestamp, parquet.Delta
	case schema.TypeJSON:
		n.Type, n.Logical, n.Encoding, n.NoStats = parquet.ByteArray, parquet.String, parquet.Plain, true
	default:
		n.Type, n.Logical = parquet.ByteArray, parquet.String
	}
}
