package segment

import (
	"fmt"
	"slices"
	"strings"

	"github.com/margay-audit/margay/event"
	"github.com/margay-audit/margay/schema"
)

// Part is a run of segments of one layout, for a view.
type Part struct {
	Layout *Layout
	// Files are the paths as DuckDB will open them. DuckDB takes *, ? and [ in
	// a path as a pattern.
	Files []string
}

// ViewSQL returns a SELECT for DuckDB over the files of one log type, all of
// the current version of its schema: the table that users see. Without files
// it is [EmptyViewSQL].
//
// The columns are those of the schema in declared order, the lists of
// indicators, and the standard columns (see standardColumns).
func ViewSQL(s *schema.Schema, files []string) string {
	l := LayoutOf(s)
	return l.ViewSQL([]Part{{l, files}})
}

// EmptyViewSQL returns a SELECT with the columns and types of [ViewSQL] and no
// rows.
func EmptyViewSQL(s *schema.Schema) string { return LayoutOf(s).emptySQL() }

// Columns returns the select list of [ViewSQL]: what turns the stored columns
// of a segment into those of the table.
func Columns(s *schema.Schema) string {
	l := LayoutOf(s)
	return l.selectList(l)
}

// ViewSQL returns a SELECT with the columns of this layout over segments that
// may have other versions of it: a column that an older version lacks is NULL,
// and one that it stores with another type is converted, or NULL where that
// cannot be done. Every file is read by the layout of its own part, so DuckDB
// need not open all of them to find out what columns there are.
func (l *Layout) ViewSQL(parts []Part) string {
	var b strings.Builder
	for _, p := range parts {
		if len(p.Files) == 0 {
			continue
		}
		if b.Len() > 0 {
			b.WriteString("\nUNION ALL\n")
		}
		b.WriteString("SELECT ")
		b.WriteString(l.selectList(p.Layout))
		b.WriteString(" FROM read_parquet([")
		for i, f := range p.Files {
			if i > 0 {
				b.WriteString(", ")
			}
			b.WriteString(quoteText(f))
		}
		b.WriteString("], hive_partitioning = false)")
	}
	if b.Len() == 0 {
		return l.emptySQL()
	}
	return b.String()
}

// standardColumn is a column of the table that every log type has.
type standardColumn struct {
	name string
	typ  string
	// expr makes it of stored columns; where empty, it is stored by its name.
	expr string
}

// standardColumns returns the columns after those of the schema, for segments
// stored with the given layout.
func standardColumns(stored *Layout) []standardColumn {
	raw := rawSQL(stored)
	return []standardColumn{
		{"p_log_type", "VARCHAR", quoteText(string(stored.LogType))},
		{"p_row_id", "VARCHAR", fmt.Sprintf("lower(lpad(hex(%s), 16, '0') || lpad(hex(%s), 16, '0'))", colRowHi, colRowLo)},
		{colEventTime, timestampType, ""},
		{colParseTime, timestampType, ""},
		{colSourceID, "VARCHAR", ""},
		{colSourceLabel, "VARCHAR", ""},
		{colSourceFile, "VARCHAR", ""},
		{colSchemaVersion, "INTEGER", ""},
		{colRedactions, "VARCHAR[]", ""},
		{colExtra, "JSON", fmt.Sprintf("TRY_CAST(%s AS JSON)", colExtra)},
		{"p_raw", "VARCHAR", fmt.Sprintf("CASE WHEN %s = %d THEN decode(%s) END", colRawForm, formText, raw)},
		{"p_raw_bytes", "BLOB", raw},
	}
}

// rawSQL returns the expression that puts the received bytes together. DuckDB
// counts bytes when it slices a BLOB, from 1. encode() gives the bytes of a
// text, where a cast to BLOB would read backslashes as escapes.
func rawSQL(stored *Layout) string {
	cut := stored.cutColumn()
	if cut == "" {
		return colRawRest
	}
	return fmt.Sprintf("CASE WHEN %[2]s IS NULL THEN %[1]s ELSE %[1]s[1:%[2]s] || encode(%[3]s) || %[1]s[%[2]s + 1:] END",
		colRawRest, colRawCut, quoteName(cut))
}

func (l *Layout) selectList(stored *Layout) string {
	var b strings.Builder
	for i := range l.Columns {
		want := &l.Columns[i]
		b.WriteString(columnSQL(want, stored))
		b.WriteString(", ")
	}
	b.WriteString(l.emptyLists())
	for i, c := range standardColumns(stored) {
		if i > 0 {
			b.WriteString(", ")
		}
		if c.expr == "" {
			b.WriteString(c.name)
			continue
		}
		b.WriteString(c.expr)
		b.WriteString(" AS ")
		b.WriteString(c.name)
	}
	return b.String()
}

// usualLists are the lists of indicators that every table of events shows, so
// that one question can be put to any of them. A log type that cannot fill one
// stores nothing for it.
var usualLists = []string{"p_any_domain_names", "p_any_emails", "p_any_ip_addresses", "p_any_usernames"}

// emptyLists selects those of the usual lists that the log type cannot fill.
func (l *Layout) emptyLists() string {
	if l.LogType == event.Quarantine {
		return ""
	}
	var b strings.Builder
	for _, name := range usualLists {
		if !slices.ContainsFunc(l.Columns, func(n schema.Node) bool { return n.Name == name }) {
			fmt.Fprintf(&b, "CAST(NULL AS VARCHAR[]) AS %s, ", name)
		}
	}
	return b.String()
}

// columnSQL selects one column of the schema out of segments of a layout. JSON
// is stored as text; a text that DuckDB does not take for JSON becomes NULL,
// where the received bytes still have it.
func columnSQL(want *schema.Node, stored *Layout) string {
	name := quoteName(want.Name)
	i := slices.IndexFunc(stored.Columns, func(n schema.Node) bool { return n.Name == want.Name })
	switch {
	case i < 0:
		return fmt.Sprintf("CAST(NULL AS %s) AS %s", sqlType(want), name)
	case equalNode(stored.Columns[i], *want) && !hasJSON(want):
		return name
	}
	return fmt.Sprintf("TRY_CAST(%s AS %s) AS %s", name, sqlType(want), name)
}

func hasJSON(n *schema.Node) bool {
	if n.Shape == schema.Leaf {
		return n.Type == schema.TypeJSON
	}
	for i := range n.Children {
		if hasJSON(&n.Children[i]) {
			return true
		}
	}
	return false
}

func (l *Layout) emptySQL() string {
	var b strings.Builder
	b.WriteString("SELECT ")
	for i := range l.Columns {
		n := &l.Columns[i]
		fmt.Fprintf(&b, "CAST(NULL AS %s) AS %s, ", sqlType(n), quoteName(n.Name))
	}
	b.WriteString(l.emptyLists())
	for i, c := range standardColumns(l) {
		if i > 0 {
			b.WriteString(", ")
		}
		fmt.Fprintf(&b, "CAST(NULL AS %s) AS %s", c.typ, c.name)
	}
	b.WriteString(" WHERE false")
	return b.String()
}

// eventsColumns are the columns of the view events before and after the lists
// of indicators.
var (
	eventsHead = []string{
		"p_log_type", "p_row_id", colEventTime, colParseTime, colSourceID, colSourceLabel,
		colSourceFile, colSchemaVersion, colRedactions,
	}
	eventsTail = []string{"p_raw", "p_raw_bytes"}
)

// EventsSQL returns the SELECT of the view events: what all log types have in
// common, over the tables of the given schemas, which must exist under their
// own names. A list of indicators that only some of them have is NULL for the
// others. Quarantine is not an event; do not pass it.
func EventsSQL(schemas []*schema.Schema) string {
	layouts := make([]*Layout, len(schemas))
	for i, s := range schemas {
		layouts[i] = LayoutOf(s)
	}
	return eventsSQL(layouts)
}

func eventsSQL(layouts []*Layout) string {
	lists := indicatorNames(layouts)
	selects := make([]string, len(layouts))
	for i, l := range layouts {
		columns := slices.Clone(eventsHead)
		for _, name := range lists {
			has := slices.ContainsFunc(l.Columns, func(n schema.Node) bool { return n.Name == name })
			if !has {
				name = fmt.Sprintf("CAST(NULL AS VARCHAR[]) AS %s", quoteName(name))
			}
			columns = append(columns, name)
		}
		columns = append(columns, eventsTail...)
		selects[i] = "SELECT " + strings.Join(columns, ", ") + " FROM " + quoteName(l.LogType.Table())
	}
	return strings.Join(selects, "\nUNION ALL\n")
}

// indicatorNames returns the names of all lists of indicators, sorted.
func indicatorNames(layouts []*Layout) []string {
	var names []string
	for _, l := range layouts {
		for i := range l.Columns {
			if isIndicator(&l.Columns[i]) {
				names = append(names, l.Columns[i].Name)
			}
		}
	}
	slices.Sort(names)
	return slices.Compact(names)
}

// timestampType is what DuckDB makes of Parquet's timestamps in UTC.
const timestampType = "TIMESTAMP WITH TIME ZONE"

// sqlTypes are the types of DuckDB by schema.Type.
var sqlTypes = [...]string{
	schema.TypeString:    "VARCHAR",
	schema.TypeBoolean:   "BOOLEAN",
	schema.TypeInt16:     "SMALLINT",
	schema.TypeInt32:     "INTEGER",
	schema.TypeInt64:     "BIGINT",
	schema.TypeFloat64:   "DOUBLE",
	schema.TypeTimestamp: timestampType,
	schema.TypeJSON:      "JSON",
}

// sqlType returns the type of a column in DuckDB.
func sqlType(n *schema.Node) string {
	switch n.Shape {
	case schema.List:
		return sqlType(&n.Children[0]) + "[]"
	case schema.Struct:
		var b strings.Builder
		b.WriteString("STRUCT(")
		for i := range n.Children {
			if i > 0 {
				b.WriteString(", ")
			}
			b.WriteString(quoteName(n.Children[i].Name))
			b.WriteByte(' ')
			b.WriteString(sqlType(&n.Children[i]))
		}
		b.WriteByte(')')
		return b.String()
	default:
		return sqlTypes[n.Type]
	}
}

// quoteName quotes an identifier.
func quoteName(name string) string { return `"` + strings.ReplaceAll(name, `"`, `""`) + `"` }

// quoteText quotes a text literal.
func quoteText(text string) string { return `'` + strings.ReplaceAll(text, `'`, `''`) + `'` }
