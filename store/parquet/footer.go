package parquet

// The numbers of the format that files hold.
const (
	magic     = "PAR1"
	createdBy = "margay version 1.0.0"

	codecZstd = 6

	encPlain      = 0
	encRLE        = 3
	encDelta      = 5
	encDictionary = 8

	pageData       = 0
	pageDictionary = 2

	repRequired = 0
	repOptional = 1
	repRepeated = 2

	convertedUTF8      = 0
	convertedList      = 3
	convertedTimestamp = 10
	convertedInt8      = 15
	convertedInt16     = 16
	convertedJSON      = 19

	logicalString    = 1
	logicalList      = 3
	logicalTimestamp = 8
	logicalInteger   = 10
	logicalJSON      = 12
)

// physical are the format's numbers of the physical types, by Type.
var physical = [...]int64{Boolean: 0, Int32: 1, Int64: 2, Double: 5, ByteArray: 6, FixedLenByteArray: 7}

// KeyValue is an entry of the footer's metadata.
type KeyValue struct{ Key, Value string }

// GroupInfo is what a footer says of one row group.
type GroupInfo struct {
	Rows int64
	// Start and End bound the row group in the file: its column chunks and
	// their Bloom filters.
	Start, End int64
	// Columns are in the order of [Schema.Leaves].
	Columns []ColumnInfo
}

// ColumnInfo is what a footer says of one column in one row group. Offsets
// count from the beginning of the file.
type ColumnInfo struct {
	// Values counts entries, nulls included.
	Values int64
	// Size is the length of the chunk's pages with their headers, RawSize what
	// it would be without compression.
	Size, RawSize int64
	// DataPage is where the first data page begins, DictionaryPage where the
	// dictionary page does, or 0 when there is none.
	DataPage, DictionaryPage int64
	// Bloom is where the Bloom filter begins, or 0, and BloomSize its length
	// with its header.
	Bloom, BloomSize int64
	Stats            Stats

	encoding int64
}

// start returns where the chunk's pages begin.
func (c *ColumnInfo) start() int64 {
	if c.DictionaryPage != 0 {
		return c.DictionaryPage
	}
	return c.DataPage
}

// appendFooter appends the metadata of a file, without its length and the
// magic.
func appendFooter(dst []byte, s *Schema, groups []GroupInfo, kv []KeyValue) []byte {
	t := compact{b: dst}
	var rows int64
	for i := range groups {
		rows += groups[i].Rows
	}
	t.begin()
	t.i32(1, 2)
	t.list(2, thriftStruct, elements(s.root)+1)
	t.begin()
	t.string(4, "schema")
	t.i32(5, int64(len(s.root)))
	t.end()
	for i := range s.root {
		t.element(&s.root[i], s.root[i].Name)
	}
	t.i64(3, rows)
	t.list(4, thriftStruct, len(groups))
	for i := range groups {
		t.group(s, &groups[i], i)
	}
	if len(kv) != 0 {
		t.list(5, thriftStruct, len(kv))
		for _, e := range kv {
			t.begin()
			t.string(1, e.Key)
			t.string(2, e.Value)
			t.end()
		}
	}
	t.string(6, createdBy)
	t.list(7, thriftStruct, len(s.leaves))
	for range s.leaves {
		t.begin()
		t.open(1) // the type-defined order
		t.end()
		t.end()
	}
	t.end()
	return t.b
}

// elements counts the entries of the flattened schema.
func elements(nodes []Node) int {
	n := 0
	for i := range nodes {
		n += 1 + elements(nodes[i].Children)
		if nodes[i].Kind == List {
			n++
		}
	}
	return n
}

// element writes a node and all below it.
func (t *compact) element(n *Node, name string) {
	t.begin()
	if n.Kind == Leaf {
		t.i32(1, physical[n.Type])
		if n.Type == FixedLenByteArray {
			t.i32(2, int64(n.Length))
		}
	}
	if n.Required {
		t.i32(3, repRequired)
	} else {
		t.i32(3, repOptional)
	}
	t.string(4, name)
	switch n.Kind {
	case Struct:
		t.i32(5, int64(len(n.Children)))
	case List:
		t.i32(5, 1)
		t.i32(6, convertedList)
		t.union(10, logicalList)
	case Leaf:
		t.logical(n.Logical)
	}
	t.end()
	if n.Kind == List {
		t.begin()
		t.i32(3, repRepeated)
		t.string(4, "list")
		t.i32(5, 1)
		t.end()
		t.element(&n.Children[0], "element")
		return
	}
	for i := range n.Children {
		t.element(&n.Children[i], n.Children[i].Name)
	}
}

// logical writes the converted and the logical type of a leaf.
func (t *compact) logical(l Logical) {
	switch l {
	case String:
		t.i32(6, convertedUTF8)
		t.union(10, logicalString)
	case JSON:
		t.i32(6, convertedJSON)
		t.union(10, logicalJSON)
	case Timestamp:
		t.i32(6, convertedTimestamp)
		t.open(10)
		t.open(logicalTimestamp)
		t.bool(1, true) // adjusted to UTC
		t.union(2, 2)   // microseconds
		t.end()
		t.end()
	case Int8, Int16:
		width, converted := int8(8), int64(convertedInt8)
		if l == Int16 {
			width, converted = 16, convertedInt16
		}
		t.i32(6, converted)
		t.open(10)
		t.open(logicalInteger)
		t.i8(1, width)
		t.bool(2, true) // signed
		t.end()
		t.end()
	}
}

func (t *compact) group(s *Schema, g *GroupInfo, ordinal int) {
	var size, raw int64
	t.begin()
	t.list(1, thriftStruct, len(g.Columns))
	for i := range g.Columns {
		t.chunk(&s.leaves[i], &g.Columns[i])
		size += g.Columns[i].Size
		raw += g.Columns[i].RawSize
	}
	t.i64(2, raw)
	t.i64(3, g.Rows)
	t.i64(5, g.Start)
	t.i64(6, size)
	if ordinal <= 1<<15-1 {
		t.i16(7, int64(ordinal))
	}
	t.end()
}

func (t *compact) chunk(l *LeafInfo, c *ColumnInfo) {
	t.begin()
	t.i64(2, c.start())
	t.open(3)
	t.i32(1, physical[l.Node.Type])
	t.encodings(c)
	t.list(3, thriftBinary, len(l.Path))
	for _, name := range l.Path {
		t.item(name)
	}
	t.i32(4, codecZstd)
	t.i64(5, c.Values)
	t.i64(6, c.RawSize)
	t.i64(7, c.Size)
	t.i64(9, c.DataPage)
	if c.DictionaryPage != 0 {
		t.i64(11, c.DictionaryPage)
	}
	t.open(12)
	t.i64(3, c.Stats.Nulls)
	if c.Stats.Max != nil {
		t.bytes(5, c.Stats.Max)
	}
	if c.Stats.Min != nil {
		t.bytes(6, c.Stats.Min)
	}
	if c.Stats.Max != nil {
		t.bool(7, c.Stats.MaxExact)
	}
	if c.Stats.Min != nil {
		t.bool(8, c.Stats.MinExact)
	}
	t.end()
	if c.Bloom != 0 {
		t.i64(14, c.Bloom)
		t.i32(15, c.BloomSize)
	}
	t.end()
	t.end()
}

// encodings lists the encodings in a chunk: of its levels, its values, and its
// dictionary, which is plain.
func (t *compact) encodings(c *ColumnInfo) {
	list := []int64{encRLE, c.encoding, encPlain}
	if c.encoding != encDictionary {
		list = list[:2]
	}
	t.list(2, thriftI32, len(list))
	for _, v := range list {
		t.b = append(t.b, byte(v<<1)) // zigzag; all are below 64
	}
}
