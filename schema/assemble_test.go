package schema

import (
	"encoding/json"
	"fmt"
	"math"
	"strconv"
	"testing"
	"time"
)

// assembler puts the cells of a row together again, as a reader of Parquet does:
// by nothing but the column tree and the levels.
type assembler struct {
	leaves []LeafInfo
	cells  [][]Cell
	out    []byte
}

// assemble returns the row as JSON: fields in the order of the columns, absent
// ones left out. The error says which levels make no sense.
func assemble(s *Schema, row *Row) (text string, err error) {
	defer func() {
		if r := recover(); r != nil {
			err = fmt.Errorf("%v", r)
		}
	}()
	a := &assembler{leaves: s.Leaves(), cells: make([][]Cell, len(s.Leaves()))}
	for _, c := range row.Cells {
		a.cells[c.Leaf] = append(a.cells[c.Leaf], c)
	}
	a.fields(s.Columns(), 0, 0, 0)
	for i, rest := range a.cells {
		if len(rest) > 0 {
			panic(fmt.Sprintf("leaf %v has %d cells too many", a.leaves[i].Path, len(rest)))
		}
	}
	return string(a.out), nil
}

func size1(n Node) int {
	if n.Shape == Leaf {
		return 1
	}
	sum := 0
	for _, c := range n.Children {
		sum += size1(c)
	}
	return sum
}

// fields writes the members of an object whose leaves begin at first and whose
// own definition level is def.
func (a *assembler) fields(nodes []Node, first int, rep, def uint8) {
	a.out = append(a.out, '{')
	comma := false
	for _, n := range nodes {
		mark := len(a.out)
		if comma {
			a.out = append(a.out, ',')
		}
		a.out = strconv.AppendQuote(a.out, n.Name)
		a.out = append(a.out, ':')
		if a.node(n, first, rep, def) {
			comma = true
		} else {
			a.out = a.out[:mark]
		}
		first += size1(n)
	}
	a.out = append(a.out, '}')
}

// node writes one value and reports whether there is one. def is the level of
// what surrounds it, rep the number of lists around it.
func (a *assembler) node(n Node, first int, rep, def uint8) bool {
	if len(a.cells[first]) == 0 && def == 0 && rep == 0 {
		a.none(n, first, 0, false)
		return false
	}
	head := a.cells[first][0]
	if head.Def <= def {
		if head.Def != def {
			panic(fmt.Sprintf("leaf %v has level %d within a present %d", a.leaves[first].Path, head.Def, def))
		}
		a.none(n, first, def, true)
		return false
	}
	switch n.Shape {
	case Leaf:
		a.leaf(first, def+1)
	case Struct:
		a.fields(n.Children, first, rep, def+1)
	case List:
		a.list(n, first, rep+1, def+1)
	}
	return true
}

// none takes one cell without a value off each leaf of n.
func (a *assembler) none(n Node, first int, def uint8, present bool) {
	for leaf := first; leaf < first+size1(n); leaf++ {
		if !present {
			if len(a.cells[leaf]) != 0 {
				panic(fmt.Sprintf("leaf %v has cells, its neighbours have none", a.leaves[leaf].Path))
			}
			continue
		}
		c := a.take(leaf)
		if c.Kind != Null || c.Def != def {
			panic(fmt.Sprintf("leaf %v has kind %d at level %d, want nothing at %d", a.leaves[leaf].Path, c.Kind, c.Def, def))
		}
	}
}

func (a *assembler) take(leaf int) Cell {
	c := a.cells[leaf][0]
	a.cells[leaf] = a.cells[leaf][1:]
	return c
}

func (a *assembler) list(n Node, first int, rep, def uint8) {
	if a.cells[first][0].Def == def {
		a.none(n, first, def, true)
		a.out = append(a.out, "[]"...)
		return
	}
	a.out = append(a.out, '[')
	for i := 0; i == 0 || len(a.cells[first]) > 0 && a.cells[first][0].Rep == rep; i++ {
		if i > 0 {
			a.out = append(a.out, ',')
		}
		if !a.node(n.Children[0], first, rep, def+1) {
			a.out = append(a.out, "null"...)
		}
	}
	a.out = append(a.out, ']')
}

func (a *assembler) leaf(leaf int, def uint8) {
	c := a.take(leaf)
	info := a.leaves[leaf]
	if c.Kind == Null || c.Def != def || c.Def != info.MaxDef || c.Rep > info.MaxRep {
		panic(fmt.Sprintf("leaf %v: kind %d at levels %d, %d", info.Path, c.Kind, c.Rep, c.Def))
	}
	switch info.Type {
	case TypeString:
		text, err := json.Marshal(string(c.Bytes))
		if err != nil {
			panic(err)
		}
		a.out = append(a.out, text...)
	case TypeJSON:
		a.out = append(a.out, c.Bytes...)
	case TypeBoolean:
		a.out = strconv.AppendBool(a.out, c.Int != 0)
	case TypeFloat64:
		a.out = append(a.out, fmt.Sprint(math.Float64frombits(uint64(c.Int)))...)
	case TypeTimestamp:
		a.out = strconv.AppendQuote(a.out, time.UnixMicro(c.Int).UTC().Format(time.RFC3339Nano))
	default:
		a.out = strconv.AppendInt(a.out, c.Int, 10)
	}
}

// mustAssemble is assemble for tests that are not about levels.
func mustAssemble(tb testing.TB, s *Schema, row *Row) string {
	tb.Helper()
	text, err := assemble(s, row)
	if err != nil {
		tb.Fatalf("assemble: %v", err)
	}
	return text
}
