package schema

import (
	"bytes"
	"encoding/binary"
	"errors"
	"fmt"
	"unicode/utf8"

	"github.com/margay-audit/margay/event"
	"github.com/margay-audit/margay/extjson"
	"go.mongodb.org/mongo-driver/v2/x/bsonx/bsoncore"
)

// Document is a decoded event. Its memory must stay as it is for as long as the
// row is used that was made of it.
type Document struct {
	// BSON is the event as one document.
	BSON []byte
	// Text is the line that an [extjson.Decoder] made the document of, or nil when
	// the event came as BSON. The decoder has checked that strings are UTF-8, so
	// that need not be done again. Fields are the top-level members as the decoder
	// found them in Text.
	Text   []byte
	Fields []extjson.Field
}

// FieldError says why an event does not fit a schema. It holds no value of the
// event, for that could be a secret.
type FieldError struct {
	LogType event.LogType
	// Path is the field, as users[].user.
	Path string
	// Reason says what is needed and what was found.
	Reason string
}

// Error returns the message of the error.
func (e *FieldError) Error() string {
	if e.Path == "" {
		return fmt.Sprintf("%s: %s", e.LogType, e.Reason)
	}
	return fmt.Sprintf("%s: field %s: %s", e.LogType, e.Path, e.Reason)
}

// mismatch returns the error of a value that does not suit v.
func mismatch(v *value, need string, t bsoncore.Type, val []byte) error {
	return &FieldError{Path: v.path, Reason: fmt.Sprintf("need %s, found %s of %d bytes", need, kindsOfBSON[t], len(val))}
}

// Coerce takes the event apart into row, which it resets first. The error, mostly
// a *[FieldError], says that the event does not fit this schema and why; the row
// then means nothing. Cells alias d.BSON, d.Text and the row's own memory.
//
// When a key stands twice in an object the first counts, as in MongoDB; at the
// top level the others go to [Row.Extra].
func (s *Schema) Coerce(row *Row, d *Document) error {
	row.reset(s)
	row.fromText = d.Text != nil
	elements, ok := body(d.BSON)
	if !ok {
		return fmt.Errorf("%s: %w", s.logType, errDamaged)
	}
	err := s.event(row, d, elements)
	if err == nil {
		err = row.finish(s)
	}
	if err == nil {
		return nil
	}
	if f, ok := errors.AsType[*FieldError](err); ok {
		f.LogType = s.logType
		return err
	}
	return fmt.Errorf("%s: %w", s.logType, err)
}

// event coerces the top level. Absent columns get no cells there.
func (s *Schema) event(r *Row, d *Document, elements []byte) error {
	var seen [maxFields / 64]uint64
	spans := d.Fields
	if d.Text == nil {
		spans = nil
	}
	hint := 0
	tapped := uint64(0)
	for rest := elements; len(rest) > 0; {
		at := len(d.BSON) - 1 - len(rest)
		element := rest
		k, t, val, after, ok := s.root.next(rest, hint)
		if !ok {
			return errDamaged
		}
		rest = after
		for len(spans) > 0 && spans[0].Element < at {
			spans = spans[1:]
		}
		if k < 0 {
			r.keep(element[:len(element)-len(rest)])
			continue
		}
		hint = k + 1
		key := &s.root.keys[k]
		if isNull(t) && key.field >= 0 {
			continue // as good as absent
		}
		if key.tap != nil && tapped&key.tap.bit == 0 && !isNull(t) {
			tapped |= key.tap.bit
			if !r.tap(key.tap, t, val) {
				return errDamaged
			}
		}
		if key.field < 0 || seen[key.field/64]&(1<<(key.field%64)) != 0 ||
			key.rank > 0 && s.root.better(key, elements) {
			r.keep(element[:len(element)-len(rest)])
			continue
		}
		var span *extjson.Field
		if len(spans) > 0 && spans[0].Element == at {
			span = &spans[0]
		}
		present, err := s.member(r, d, s.root.fields[key.field].value, t, val, span)
		if err != nil {
			return err
		}
		if present {
			seen[key.field/64] |= 1 << (key.field % 64)
		}
	}
	s.copy(r, &seen)
	return s.root.missing(&seen)
}

// member coerces one top-level field. Here the text of the line is at hand, so
// JSON columns repeat it and numbers that become strings keep their digits.
func (s *Schema) member(r *Row, d *Document, v *value, t bsoncore.Type, val []byte, span *extjson.Field) (bool, error) {
	if span == nil || span.Start < 0 || span.End > len(d.Text) || span.Start >= span.End {
		return r.value(v, t, val, 0)
	}
	text := d.Text[span.Start:span.End]
	switch {
	case v.kind == kindJSON && !span.Bare && !isNull(t) && !hasSurrogate(text):
		if v.first == s.cut {
			r.CutStart, r.CutEnd = span.Start, span.End
		}
		r.bytes(v, text, 0)
		return true, nil
	case v.kind == kindString && (text[0] == '-' || text[0] >= '0' && text[0] <= '9'):
		r.literal = text
		present, err := r.value(v, t, val, 0)
		r.literal = nil
		return present, err
	}
	return r.value(v, t, val, 0)
}

// hasSurrogate reports whether the JSON text may hold an escaped surrogate. Half
// a pair is grammatical, but readers of JSON, DuckDB's among them, refuse the
// whole text; the decoder has put U+FFFD in its place.
func hasSurrogate(text []byte) bool {
	for {
		i := bytes.IndexByte(text, '\\')
		if i < 0 || i+2 >= len(text) {
			return false
		}
		if text[i+1] == 'u' && text[i+2]|0x20 == 'd' {
			return true
		}
		text = text[i+2:]
	}
}

// value coerces one value. It reports whether there is one: null is none, and
// neither is an empty string where a number is wanted. Cells are appended only
// when there is a value.
func (r *Row) value(v *value, t bsoncore.Type, val []byte, rep uint8) (bool, error) {
	if isNull(t) {
		return false, nil
	}
	switch v.kind {
	case kindString:
		return r.string(v, t, val, rep)
	case kindObject:
		return r.object(v, t, val, rep)
	case kindArray:
		return r.array(v, t, val, rep)
	case kindBoolean:
		return r.boolean(v, t, val, rep)
	case kindSmallint:
		return r.integer(v, t, val, rep, 16)
	case kindInt:
		return r.integer(v, t, val, rep, 32)
	case kindBigint:
		return r.integer(v, t, val, rep, 64)
	case kindFloat:
		return r.float(v, t, val, rep)
	case kindTimestamp:
		return r.timestamp(v, t, val, rep)
	default:
		return r.json(v, t, val, rep)
	}
}

// object coerces an object. Each leaf below it gets a cell, so that the levels
// show the object even where its fields are absent.
func (r *Row) object(v *value, t bsoncore.Type, val []byte, rep uint8) (bool, error) {
	if t != bsoncore.TypeEmbeddedDocument {
		return false, mismatch(v, "an object", t, val)
	}
	elements, ok := body(val)
	if !ok {
		return false, errDamaged
	}
	var seen [maxFields / 64]uint64
	o := v.object
	hint := 0
	for rest := elements; len(rest) > 0; {
		k, t, val, after, ok := o.next(rest, hint)
		if !ok {
			return false, errDamaged
		}
		rest = after
		if k < 0 {
			continue
		}
		hint = k + 1
		key := &o.keys[k]
		if seen[key.field/64]&(1<<(key.field%64)) != 0 || key.rank > 0 && o.better(key, elements) {
			continue
		}
		present, err := r.value(o.fields[key.field].value, t, val, rep)
		if err != nil {
			return false, err
		}
		if present {
			seen[key.field/64] |= 1 << (key.field % 64)
		}
	}
	for i, f := range o.fields {
		if seen[i/64]&(1<<(i%64)) == 0 {
			r.null(f.value, rep, v.def)
		}
	}
	return true, o.missing(&seen)
}

// array coerces an array. An empty object counts as an empty array: Percona
// writes users: {} for its internal threads.
func (r *Row) array(v *value, t bsoncore.Type, val []byte, rep uint8) (bool, error) {
	if t != bsoncore.TypeArray && (t != bsoncore.TypeEmbeddedDocument || len(val) > bsoncore.EmptyDocumentLength) {
		return false, mismatch(v, "an array", t, val)
	}
	rest, ok := body(val)
	if !ok {
		return false, errDamaged
	}
	if len(rest) == 0 {
		r.null(v, rep, v.def)
		return true, nil
	}
	for len(rest) > 0 {
		t, _, val, after, ok := next(rest)
		if !ok {
			return false, errDamaged
		}
		rest = after
		present, err := r.value(v.element, t, val, rep)
		if err != nil {
			return false, err
		}
		if !present {
			r.null(v.element, rep, v.def+1)
		}
		rep = v.rep
	}
	return true, nil
}

// tap leaves the values that copies read in their slots. Of a key that stands
// twice the first counts here too. It reports false when the BSON is damaged.
func (r *Row) tap(at *tap, t bsoncore.Type, val []byte) bool {
	if at.slot >= 0 {
		r.taps[at.slot] = tapped{typ: t, set: true, value: val}
	}
	if len(at.children) == 0 || t != bsoncore.TypeEmbeddedDocument && t != bsoncore.TypeArray {
		return true
	}
	rest, ok := body(val)
	done := uint64(0)
	for ok && len(rest) > 0 {
		var name []byte
		t, name, val, rest, ok = next(rest)
		if !ok || isNull(t) {
			continue
		}
		for _, child := range at.children {
			if string(name) == child.name {
				if done&child.bit == 0 {
					done |= child.bit
					ok = r.tap(child, t, val)
				}
				break
			}
		}
	}
	return ok
}

// copy fills the copied fields.
func (s *Schema) copy(r *Row, seen *[maxFields / 64]uint64) {
	for _, f := range s.copies {
		for _, slot := range f.sources {
			t := &r.taps[slot]
			if !t.set {
				continue
			}
			before := r.state()
			present, err := r.value(f.value, t.typ, t.value, 0)
			if err != nil {
				r.restore(before)
				continue
			}
			if present {
				seen[f.index/64] |= 1 << (f.index % 64)
				break
			}
		}
	}
}

// keep adds an element that no field takes to the extra ones.
func (r *Row) keep(element []byte) {
	if len(r.extra) == 0 {
		r.extra = append(r.extra, 0, 0, 0, 0)
	}
	r.extra = append(r.extra, element...)
}

// finish makes the parts of the row that need the whole event.
func (r *Row) finish(s *Schema) error {
	r.HasEventTime = r.timeRank != noRank
	r.lists(s)
	if len(r.extra) == 0 {
		return nil
	}
	r.extra = append(r.extra, 0)
	binary.LittleEndian.PutUint32(r.extra, uint32(len(r.extra)))
	start := len(r.scratch)
	var err error
	r.scratch, err = extjson.Append(r.scratch, r.extra, extjson.Relaxed)
	if err != nil {
		return fmt.Errorf("undeclared fields: %w", err)
	}
	r.Extra = r.scratch[start:]
	if !r.fromText && !utf8.Valid(r.Extra) {
		return errors.New("undeclared fields: not valid UTF-8")
	}
	return nil
}
