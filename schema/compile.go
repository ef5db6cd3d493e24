package schema

import (
	"errors"
	"fmt"
	"regexp"
	"slices"
	"strings"

	"github.com/margay-audit/margay/event"
)

// Bounds of a schema. They keep levels within a byte and the work for one event
// proportional to the event.
const (
	maxNesting = 64
	maxFields  = 256 // of one object: bits of seen
	maxLeaves  = 4096
	// maxValues bounds the compiled tree, which references can make much larger
	// than the text.
	maxValues = 32768
	maxLevel  = 255
)

// kind is the declared type of a value.
type kind uint8

const (
	kindString kind = iota
	kindBoolean
	kindSmallint
	kindInt
	kindBigint
	kindFloat
	kindTimestamp
	kindObject
	kindArray
	kindJSON
)

// kinds are the types of the language, by name; ref is resolved before.
var kinds = map[string]kind{
	"string": kindString, "boolean": kindBoolean, "smallint": kindSmallint,
	"int": kindInt, "bigint": kindBigint, "float": kindFloat, "timestamp": kindTimestamp,
	"object": kindObject, "array": kindArray, "json": kindJSON,
}

// storedTypes is how the kinds that are leaves are stored.
var storedTypes = [...]Type{
	kindString: TypeString, kindBoolean: TypeBoolean, kindSmallint: TypeInt16,
	kindInt: TypeInt32, kindBigint: TypeInt64, kindFloat: TypeFloat64,
	kindTimestamp: TypeTimestamp, kindJSON: TypeJSON,
}

// logTypeName is Panther's pattern of schema names; later versions of it allow
// more than one dot.
var logTypeName = regexp.MustCompile(`^[A-Z][A-Za-z0-9]+(\.[A-Z][A-Za-z0-9]+)*$`)

// Compile reads the YAML text of a schema. The error lists every problem found,
// each with its line.
func Compile(text []byte) (*Schema, error) {
	d, err := declare(text)
	if err != nil {
		return nil, fmt.Errorf("compile schema: %w", err)
	}
	s, err := compile(d)
	if err != nil {
		return nil, fmt.Errorf("compile schema %s: %w", d.name, err)
	}
	return s, nil
}

// compiler holds what is collected over the whole tree.
type compiler struct {
	schema   *Schema
	decl     *declaration
	problems []error
	values   int
	ranks    int
	lists    listSet
}

func compile(d *declaration) (*Schema, error) {
	s := &Schema{
		logType: event.LogType(d.name), version: d.version, description: strings.TrimSpace(d.description),
		referenceURL: d.referenceURL, preferredWith: d.preferredWith, decl: d, cut: -1,
	}
	c := &compiler{schema: s, decl: d}
	if len(d.name) < 3 || !logTypeName.MatchString(d.name) {
		c.problem(d.line, "schema must be a log type such as Vendor.Kind, not %q", d.name)
	}
	if len(d.fields) == 0 {
		c.problem(d.line, "fields must list at least one field")
	}
	at := place{}
	s.root, s.columns = c.object(d.fields, at, nil)
	c.copies(d.fields)
	c.indicatorLists()
	if len(s.leaves) > maxLeaves {
		c.problem(d.line, "the schema has %d columns, more than %d", len(s.leaves), maxLeaves)
	}
	return s, errors.Join(c.problems...)
}

func (c *compiler) problem(line int, format string, args ...any) {
	c.problems = append(c.problems, atLine(line, format, args...))
}

// place is where in the tree the compiler stands.
type place struct {
	path     string
	columns  []string
	def, rep int
	depth    int
}

// below returns the place of a member called name.
func (p place) below(name string) place {
	p.columns = append(slices.Clip(p.columns), name)
	if p.path != "" {
		p.path += "."
	}
	p.path += name
	return p
}

// element returns the place of the elements of an array.
func (p place) element() place {
	p.columns = append(slices.Clip(p.columns), elementName)
	p.path += "[]"
	return p
}

// elementName is what Parquet calls the element of a list.
const elementName = "element"

func (c *compiler) object(decls []fieldDecl, at place, refs []string) (*object, []Node) {
	o := &object{byName: map[string]int{}}
	var nodes []Node
	names := map[string]bool{}
	if len(decls) > maxFields {
		c.problem(decls[maxFields].line, "an object has at most %d fields", maxFields)
		decls = decls[:maxFields]
	}
	for i := range decls {
		d := &decls[i]
		c.checkName(d, at.depth == 0, names)
		f := &field{name: d.name, required: d.required, index: i}
		if d.required {
			o.required[i/64] |= 1 << (i % 64)
			c.schema.demands++
		}
		var node Node
		f.value, node = c.value(&d.value, at.below(d.name), refs)
		node.Name = d.name
		o.fields, nodes = append(o.fields, f), append(nodes, node)
		c.inputs(o, d, i, at)
		if at.depth == 0 && f.value.kind == kindJSON && c.schema.cut < 0 && d.copy == nil {
			c.schema.cut = f.value.first
		}
	}
	return o, nodes
}

// checkName refuses names that SQL could not tell apart or that are Margay's.
func (c *compiler) checkName(d *fieldDecl, top bool, names map[string]bool) {
	lower := strings.ToLower(d.name)
	switch {
	case d.name == "":
		c.problem(d.line, "a field needs a name")
	case strings.ContainsRune(d.name, 0):
		c.problem(d.line, "the name %q holds a NUL", d.name)
	case top && strings.HasPrefix(lower, "p_"):
		c.problem(d.line, "the name %q is not free: names that begin with p_ belong to Margay", d.name)
	case names[lower]:
		c.problem(d.line, "the name %q stands twice (SQL does not tell upper from lower case)", d.name)
	}
	names[lower] = true
}

// inputs enters the names under which the input of field number i is found.
func (c *compiler) inputs(o *object, d *fieldDecl, i int, at place) {
	if d.copy != nil {
		if at.depth > 0 || d.rename != nil {
			c.problem(d.line, "copy stands on fields at the top level only, and not together with rename")
		}
		return
	}
	from := d.rename
	if from == nil {
		from = []string{d.name}
	}
	for rank, name := range from {
		if strings.ContainsRune(name, 0) {
			c.problem(d.line, "the name %q holds a NUL", name)
		}
		if _, taken := o.byName[name]; taken {
			c.problem(d.line, "two fields take their input from %q", name)
			continue
		}
		o.byName[name] = len(o.keys)
		o.keys = append(o.keys, key{name: name, field: i, rank: rank})
	}
}

func (c *compiler) value(d *valueDecl, at place, refs []string) (*value, Node) {
	if c.values++; c.values > maxValues {
		if c.values == maxValues+1 {
			c.problem(d.line, "%s: references make the schema larger than %d values", at.path, maxValues)
		}
		return &value{path: at.path}, Node{}
	}
	if d.typ == "ref" {
		target := c.decl.definitions[d.target]
		switch {
		case target == nil:
			c.problem(d.line, "there is no definition %q", d.target)
		case slices.Contains(refs, d.target):
			c.problem(d.line, "the definition %q contains itself", d.target)
		default:
			return c.value(target, at, append(slices.Clip(refs), d.target))
		}
		return &value{path: at.path}, Node{}
	}
	k, known := kinds[d.typ]
	if !known {
		c.problem(d.line, "%s: the type %q is not known", at.path, d.typ)
	}
	at.def++
	at.depth++
	if at.depth > maxNesting || at.def > maxLevel-3 {
		c.problem(d.line, "%s: nested deeper than %d levels", at.path, maxNesting)
		return &value{path: at.path}, Node{}
	}
	v := &value{kind: k, path: at.path, def: uint8(at.def), first: len(c.schema.leaves), timeRank: noRank}
	c.suits(d, k, at)
	node := Node{}
	switch k {
	case kindObject:
		node.Shape = Struct
		v.object, node.Children = c.object(d.fields, at, refs)
	case kindArray:
		node.Shape = List
		node.Children = c.array(v, d, at, refs)
	default:
		c.leaf(v, d, at)
		node.Type = storedTypes[k]
	}
	v.leaves = len(c.schema.leaves) - v.first
	return v, node
}

// array compiles the element. Indicators may stand on the array itself; they are
// then those of its elements.
func (c *compiler) array(v *value, d *valueDecl, at place, refs []string) []Node {
	if d.element == nil {
		c.problem(d.line, "%s: an array needs element", at.path)
		return nil
	}
	element := *d.element
	element.indicators = slices.Concat(element.indicators, d.indicators)
	at.def++
	at.rep++
	v.rep = uint8(at.rep)
	var node Node
	v.element, node = c.value(&element, at.element(), refs)
	node.Name = elementName
	return []Node{node}
}

func (c *compiler) leaf(v *value, d *valueDecl, at place) {
	if d.eventTime {
		v.timeRank = c.ranks
		c.ranks++
	}
	v.formats = c.timeFormats(d, at)
	for _, name := range d.indicators {
		i, known := indicatorNames[name]
		if !known {
			c.problem(d.line, "%s: the indicator %q is not known", at.path, name)
			continue
		}
		v.indicators = append(v.indicators, i)
		c.lists |= indicatorLists[i]
	}
	c.schema.leaves = append(c.schema.leaves, LeafInfo{
		Path: at.columns, Type: storedTypes[v.kind], MaxRep: uint8(at.rep), MaxDef: uint8(at.def),
	})
}

// timeFormats compiles the formats of a timestamp, rfc3339 when none is given.
func (c *compiler) timeFormats(d *valueDecl, at place) []timeFormat {
	if d.typ != "timestamp" {
		return nil
	}
	if len(d.timeFormats) == 0 {
		return []timeFormat{formatRFC3339}
	}
	var formats []timeFormat
	for _, name := range d.timeFormats {
		f, known := timeFormats[name]
		if !known {
			c.problem(d.line, "%s: the time format %q is not known", at.path, name)
		}
		formats = append(formats, f)
	}
	return formats
}

// suits reports keys that say nothing on a value of this type.
func (c *compiler) suits(d *valueDecl, k kind, at place) {
	if (len(d.fields) > 0) != (k == kindObject) {
		c.problem(d.line, "%s: fields belong to an object, and an object needs them", at.path)
	}
	if d.element != nil && k != kindArray {
		c.problem(d.line, "%s: element belongs to an array", at.path)
	}
	if (len(d.timeFormats) > 0 || d.eventTime) && k != kindTimestamp {
		c.problem(d.line, "%s: timeFormat and isEventTime belong to a timestamp", at.path)
	}
	if len(d.indicators) > 0 && k != kindString && k != kindArray {
		c.problem(d.line, "%s: indicators belong to a string or an array of strings", at.path)
	}
	if d.target != "" {
		c.problem(d.line, "%s: target belongs to a ref", at.path)
	}
}

// copies compiles the paths of the copied fields into taps on the keys of the
// root, so that one walk over the event finds them all.
func (c *compiler) copies(decls []fieldDecl) {
	s := c.schema
	slots := map[string]int{}
	for i, f := range s.root.fields {
		for _, path := range decls[i].copy {
			if strings.ContainsRune(path, 0) {
				c.problem(decls[i].line, "the path %q holds a NUL", path)
			}
			slot, known := slots[path]
			if !known {
				slot = len(slots)
				slots[path] = slot
				if !s.root.tap(strings.Split(path, "."), slot) {
					c.problem(decls[i].line, "copies read more than 64 names at one level")
				}
			}
			f.sources = append(f.sources, slot)
		}
		if f.sources != nil {
			s.copies = append(s.copies, f)
		}
	}
	s.slots = len(slots)
}

// indicatorLists adds the columns of the p_any_* lists.
func (c *compiler) indicatorLists() {
	s := c.schema
	for list, name := range listNames {
		s.lists[list] = -1
		if c.lists&(1<<list) == 0 {
			continue
		}
		s.lists[list] = len(s.leaves)
		s.columns = append(s.columns, Node{Name: name, Shape: List, Children: []Node{{Name: elementName, Type: TypeString}}})
		s.leaves = append(s.leaves, LeafInfo{
			Path: []string{name, elementName}, Type: TypeString, MaxRep: 1, MaxDef: listDef, Indicator: true,
		})
	}
}
