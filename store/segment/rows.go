package segment

import (
	"fmt"

	"github.com/margay-audit/margay/event"
	"github.com/margay-audit/margay/schema"
)

// Row is an event as a segment holds it.
type Row struct {
	ID event.RowID
	// EventTime and ParseTime are in microseconds since the Unix epoch.
	EventTime, ParseTime int64
	// SourceID, SourceLabel and File say where the event came from.
	SourceID, SourceLabel, File string
	// Raw are the received bytes. They are valid until the next row.
	Raw  []byte
	Form event.Form
	// Redactions are the paths of values that were replaced.
	Redactions []string
	// Values are those of the columns asked for, in that order; null is "".
	Values []string
}

// Rows calls visit with every row, in the order in which they were stored. It
// stops at an error and returns it. The names are of columns of the schema that
// are leaves by themselves; numbers come as decimals, timestamps in
// microseconds.
//
// The Row is reused: visit must copy what it keeps, but for strings. It must
// not use the Reader.
func (r *Reader) Rows(names []string, visit func(*Row) error) error {
	for g := range r.info.Groups {
		if err := r.groupRows(g, names, visit); err != nil {
			return fmt.Errorf("read segment %s: row group %d: %w", r.name, g, err)
		}
	}
	return nil
}

// groupColumns are the columns of one row group that Rows shows.
type groupColumns struct {
	eventTime, parseTime, hi, lo, form []int64
	sourceID, sourceLabel, file        *texts
	redactions                         [][]string
	values                             [][]string
}

func (r *Reader) groupRows(group int, names []string, visit func(*Row) error) error {
	g, err := r.loadGroup(group, names)
	if err != nil {
		return err
	}
	raw, err := r.rawReader(group)
	if err != nil {
		return err
	}
	row := Row{Values: make([]string, len(names))}
	return raw.visit(func(i int, bytes []byte) error {
		row.ID = event.RowID{Hi: uint64(g.hi[i]), Lo: uint64(g.lo[i])}
		row.EventTime, row.ParseTime = g.eventTime[i], g.parseTime[i]
		row.SourceID, row.SourceLabel, row.File = g.sourceID.str(i), g.sourceLabel.str(i), g.file.str(i)
		row.Raw, row.Form, row.Redactions = bytes, event.JSON, g.redactions[i]
		if g.form[i] == formBSON {
			row.Form = event.BSON
		}
		for k := range g.values {
			row.Values[k] = g.values[k][i]
		}
		return visit(&row)
	})
}

func (r *Reader) loadGroup(group int, names []string) (*groupColumns, error) {
	c := r.columns(group)
	var g groupColumns
	for _, want := range []struct {
		leaf int
		into *[]int64
	}{
		{leafEventTime, &g.eventTime},
		{leafParseTime, &g.parseTime},
		{leafRowHi, &g.hi},
		{leafRowLo, &g.lo},
		{leafRawForm, &g.form},
	} {
		v, err := c.ints(r.std(want.leaf), 0)
		if err != nil {
			return nil, err
		}
		*want.into = v
	}
	for _, want := range []struct {
		leaf int
		into **texts
	}{{leafSourceID, &g.sourceID}, {leafSourceLabel, &g.sourceLabel}, {leafSourceFile, &g.file}} {
		v, err := c.texts(r.std(want.leaf))
		if err != nil {
			return nil, err
		}
		*want.into = v
	}
	redactions, err := c.lists(r.std(leafRedactions))
	if err != nil {
		return nil, err
	}
	g.redactions = redactions
	for _, name := range names {
		leaf, typ, ok := r.layout.flatLeaf(name)
		if !ok {
			return nil, fmt.Errorf("%s has no column %q of a simple type", r.layout.LogType, name)
		}
		v, err := c.display(leaf, typ)
		if err != nil {
			return nil, err
		}
		g.values = append(g.values, v)
	}
	return &g, nil
}

// flatLeaf finds a column that is a leaf by itself and can be shown as text.
func (l *Layout) flatLeaf(name string) (leaf int, t schema.Type, ok bool) {
	for i := range l.Columns {
		n := &l.Columns[i]
		if n.Name == name && n.Shape == schema.Leaf && n.Type != schema.TypeFloat64 {
			return leaf, n.Type, true
		}
		leaf += countLeaves(n)
	}
	return 0, 0, false
}
