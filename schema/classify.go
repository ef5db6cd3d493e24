package schema

import (
	"cmp"
	"errors"
	"fmt"
	"slices"
	"strings"

	"github.com/margay-audit/margay/event"
	"go.mongodb.org/mongo-driver/v2/x/bsonx/bsoncore"
)

// Set is an immutable collection of schemas, safe for concurrent use.
type Set struct {
	schemas []*Schema
	byType  map[event.LogType]*Schema
}

// newSet makes a set; of two schemas of one log type the later counts.
func newSet(schemas ...*Schema) *Set {
	set := &Set{byType: make(map[event.LogType]*Schema, len(schemas))}
	for _, s := range schemas {
		set.byType[s.logType] = s
	}
	for _, s := range set.byType {
		set.schemas = append(set.schemas, s)
	}
	slices.SortFunc(set.schemas, func(a, b *Schema) int { return cmp.Compare(a.logType, b.logType) })
	return set
}

// Lookup returns the schema of a log type, or nil.
func (s *Set) Lookup(t event.LogType) *Schema { return s.byType[t] }

// All returns every schema, sorted by log type. The caller must not change the
// slice.
func (s *Set) All() []*Schema { return s.schemas }

// Classifier finds the schema of an event. It is not safe for concurrent use:
// each worker has its own.
//
// The candidates are tried in a fixed order and the first one that fits wins:
// the one with more required fields first, then by name; among candidates with
// equally many, one whose preferredWith fields are all present comes before the
// others. Nothing else counts, least of all the events before.
type Classifier struct {
	candidates []candidate
	// initials has a bit for the first byte, modulo 64, of each candidate's lacked.
	initials uint64
	// unknown are log types that were asked for and are not in the set.
	unknown []event.LogType
}

// candidate is a schema that an event may have.
type candidate struct {
	schema *Schema
	// lacked is a required top-level field that the last event tried did not have,
	// or "". An event that lacks it too need not be tried: the outcome is certain.
	// This makes a run of similar events cheap and changes no answer.
	lacked string
	// skip is set when the event at hand lacks it.
	skip bool
}

// Classifier returns a classifier for a source whose events have one of the given
// log types; none given means every schema of the set.
func (s *Set) Classifier(types []event.LogType) *Classifier {
	c := &Classifier{}
	schemas := s.schemas
	if len(types) > 0 {
		schemas = nil
	}
	for _, t := range types {
		if found := s.byType[t]; found == nil {
			c.unknown = append(c.unknown, t)
		} else if !slices.Contains(schemas, found) {
			schemas = append(schemas, found)
		}
	}
	for _, found := range schemas {
		c.candidates = append(c.candidates, candidate{schema: found})
	}
	slices.SortFunc(c.candidates, func(a, b candidate) int {
		return cmp.Or(cmp.Compare(b.schema.demands, a.schema.demands), cmp.Compare(a.schema.logType, b.schema.logType))
	})
	return c
}

// Classify finds the schema of the event and coerces the event to row by it. The
// error names each candidate with the reason why the event does not fit; the row
// then means nothing.
func (c *Classifier) Classify(row *Row, d *Document) (*Schema, error) {
	if len(c.candidates) == 1 {
		only := c.candidates[0].schema
		if err := only.Coerce(row, d); err != nil {
			return nil, c.failed(row, d)
		}
		return only, nil
	}
	elements, ok := body(d.BSON)
	if !ok {
		return nil, errDamaged
	}
	c.probe(d, elements)
	for first := 0; first < len(c.candidates); {
		end := first + 1
		for end < len(c.candidates) && c.candidates[end].schema.demands == c.candidates[first].schema.demands {
			end++
		}
		if s := fit(c.candidates[first:end], row, d, elements); s != nil {
			return s, nil
		}
		first = end
	}
	return nil, c.failed(row, d)
}

// probe finds out, in one pass over the top level, which candidates the event
// cannot be.
func (c *Classifier) probe(d *Document, elements []byte) {
	c.initials = 0
	for i := range c.candidates {
		k := &c.candidates[i]
		if k.skip = k.lacked != ""; k.skip {
			c.initials |= 1 << (k.lacked[0] & 63)
		}
	}
	if d.Text != nil && len(d.Fields) > 0 { // the decoder has said where the members are
		for i := range d.Fields {
			if at := d.Fields[i].Element; at >= 0 && at < len(d.BSON)-1 {
				c.found(d.BSON[at:])
			}
		}
		return
	}
	for len(elements) > 0 {
		_, _, _, rest, ok := next(elements)
		if !ok {
			return
		}
		c.found(elements)
		elements = rest
	}
}

// found takes back what was said of the candidates that lack the name of an
// element.
func (c *Classifier) found(element []byte) {
	t, name := bsoncore.Type(element[0]), element[1:]
	if c.initials>>(name[0]&63)&1 == 0 || isNull(t) {
		return
	}
	for i := range c.candidates {
		k := &c.candidates[i]
		if n := len(k.lacked); k.skip && n < len(name) && name[n] == 0 && string(name[:n]) == k.lacked {
			k.skip = false
		}
	}
}

// fit tries candidates that are equals: first those whose preferredWith fields
// are all there. It returns nil when none fits.
func fit(equals []candidate, row *Row, d *Document, elements []byte) *Schema {
	for i := range equals {
		if p := equals[i].schema.preferredWith; len(p) > 0 && !equals[i].skip && has(elements, p) && equals[i].try(row, d, elements) {
			return equals[i].schema
		}
	}
	for i := range equals {
		if !equals[i].skip && equals[i].try(row, d, elements) {
			return equals[i].schema
		}
	}
	return nil
}

func (c *candidate) try(row *Row, d *Document, elements []byte) bool {
	if c.schema.Coerce(row, d) == nil {
		return true
	}
	c.lacked = ""
	root := c.schema.root
	for _, k := range root.keys {
		// A field that can be read under several names is not told by one of them.
		if k.field >= 0 && root.fields[k.field].required && root.names(k.field) == 1 && !has(elements, []string{k.name}) {
			c.lacked = k.name
			break
		}
	}
	return false
}

// names returns under how many names a field is read.
func (o *object) names(field int) int {
	n := 0
	for _, k := range o.keys {
		if k.field == field {
			n++
		}
	}
	return n
}

// has reports whether there is a value for each of the names.
func has(elements []byte, names []string) bool {
	for _, want := range names {
		found := false
		for rest := elements; len(rest) > 0 && !found; {
			t, name, _, after, ok := next(rest)
			if !ok {
				return false
			}
			rest = after
			found = string(name) == want && !isNull(t)
		}
		if !found {
			return false
		}
	}
	return true
}

// reasonAbsent is why an event that is of another kind altogether does not fit.
const reasonAbsent = "required, but absent or null"

// failed asks each candidate again, for its reason. First come those whose
// fields are all there: one of them is probably what the event was meant to be.
func (c *Classifier) failed(row *Row, d *Document) error {
	e := &ClassifyError{}
	for i := range c.candidates {
		if err := c.candidates[i].schema.Coerce(row, d); err != nil {
			e.Reasons = append(e.Reasons, err)
		}
	}
	slices.SortStableFunc(e.Reasons, func(a, b error) int { return cmp.Compare(absence(a), absence(b)) })
	for _, t := range c.unknown {
		e.Reasons = append(e.Reasons, fmt.Errorf("%s: there is no such schema", t))
	}
	return e
}

// absence is 1 for an event that lacks a required field, else 0.
func absence(err error) int {
	var fe *FieldError
	if errors.As(err, &fe) && fe.Reason == reasonAbsent {
		return 1
	}
	return 0
}

// ClassifyError says that an event fits none of the candidates.
type ClassifyError struct {
	// Reasons has an error for each candidate in the order in which they are
	// tried, those that lack a required field last.
	Reasons []error
}

// Error returns the reasons in one line.
func (e *ClassifyError) Error() string {
	if len(e.Reasons) == 0 {
		return "there is no schema to try"
	}
	var b strings.Builder
	b.WriteString("no schema fits: ")
	for i, r := range e.Reasons {
		if i > 0 {
			b.WriteString("; ")
		}
		b.WriteString(r.Error())
	}
	return b.String()
}

// Unwrap returns the reasons.
func (e *ClassifyError) Unwrap() []error { return e.Reasons }
