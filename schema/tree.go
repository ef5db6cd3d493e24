package schema

import (
	"slices"

	"go.mongodb.org/mongo-driver/v2/x/bsonx/bsoncore"
)

// value is a node of the compiled tree: what is expected at one place of the
// event, and where it goes.
type value struct {
	kind kind
	// path names the place in messages, as users[].user.
	path string
	// first and leaves are the leaf columns below this node.
	first, leaves int
	// def is the definition level when the value is present; rep, of an array, is
	// the repetition level of its second and later elements.
	def, rep uint8
	// timeRank is the position among the fields that may hold the event's time,
	// in the order of their declaration, or noRank.
	timeRank   int
	formats    []timeFormat
	indicators []indicator
	object     *object
	element    *value
}

const noRank = int(^uint(0) >> 1)

// field is a member of an object.
type field struct {
	name     string
	required bool
	index    int
	value    *value
	// sources are the slots of a copy, in order of preference.
	sources []int
}

// key is a name in the input that an object reads.
type key struct {
	name string
	// field is the number of the field that takes the value, or -1 when only a
	// copy looks here. rank is the place among the names of one renamed field.
	field, rank int
	tap         *tap
}

// object is the compiled form of a list of fields.
type object struct {
	fields []*field
	keys   []key
	byName map[string]int
	// taps counts the keys that copies read.
	taps int
	// required has a bit for each required field.
	required [maxFields / 64]uint64
}

// tap leads to a place that a copy reads: a trie over the segments of the paths.
type tap struct {
	name string
	// bit is the tap's own among its siblings, which mark that it has been read.
	bit uint64
	// slot is where the value is left, or -1 when only something below is wanted.
	slot     int
	children []*tap
}

// tap makes the keys lead to what path names, and leaves it in slot. It reports
// false when there are more siblings than bits.
func (o *object) tap(path []string, slot int) bool {
	i, known := o.byName[path[0]]
	if !known {
		i = len(o.keys)
		o.byName[path[0]] = i
		o.keys = append(o.keys, key{name: path[0], field: -1})
	}
	if o.keys[i].tap == nil {
		o.keys[i].tap = &tap{name: path[0], slot: -1, bit: 1 << o.taps}
		o.taps++
	}
	t := o.keys[i].tap
	for _, segment := range path[1:] {
		at := slices.IndexFunc(t.children, func(c *tap) bool { return c.name == segment })
		if at < 0 {
			at = len(t.children)
			t.children = append(t.children, &tap{name: segment, slot: -1, bit: 1 << at})
		}
		t = t.children[at]
		if t.bit == 0 {
			return false
		}
	}
	t.slot = slot
	return o.taps <= 64
}

// next takes the first element off b and finds its key, or -1 when the object
// has no such key. Events of one kind have their keys in one order, with some
// left out, so the keys from number hint on, the one after the last, are compared
// in place before anything is looked up.
func (o *object) next(b []byte, hint int) (k int, t bsoncore.Type, val, rest []byte, ok bool) {
	for k := hint; k < len(o.keys) && k < hint+4; k++ {
		name := o.keys[k].name
		n := len(name) + 1
		if n >= len(b) || b[n] != 0 || string(b[1:n]) != name {
			continue
		}
		t, b = bsoncore.Type(b[0]), b[n+1:]
		n, ok := size(t, b)
		if !ok || n > len(b) {
			return 0, 0, nil, nil, false
		}
		return k, t, b[:n], b[n:], true
	}
	t, name, val, rest, ok := next(b)
	return o.find(name), t, val, rest, ok
}

// find returns the number of the key called name, or -1.
func (o *object) find(name []byte) int {
	if len(o.keys) > 8 {
		if i, ok := o.byName[string(name)]; ok {
			return i
		}
		return -1
	}
	for i := range o.keys {
		if string(name) == o.keys[i].name {
			return i
		}
	}
	return -1
}

// better reports whether the object holds a value under a name that the renamed
// field prefers to k.
func (o *object) better(k *key, elements []byte) bool {
	for rest := elements; len(rest) > 0; {
		t, name, _, after, ok := next(rest)
		if !ok {
			return false
		}
		rest = after
		if isNull(t) {
			continue
		}
		if i := o.find(name); i >= 0 && o.keys[i].field == k.field && o.keys[i].rank < k.rank {
			return true
		}
	}
	return false
}

// missing returns the error of the first required field that was not seen.
func (o *object) missing(seen *[maxFields / 64]uint64) error {
	for w, required := range o.required {
		if required&^seen[w] == 0 {
			continue
		}
		for i, f := range o.fields {
			if f.required && seen[i/64]&(1<<(i%64)) == 0 {
				return &FieldError{Path: f.value.path, Reason: reasonAbsent}
			}
		}
	}
	return nil
}
