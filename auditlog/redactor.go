package auditlog

import (
	"bytes"
	"encoding/binary"
	"errors"
	"fmt"
	"strconv"
)

// Marker is what stands in the place of a secret: a string, whatever type the
// secret had.
const Marker = "[redacted]"

// maxDepth bounds the nesting that is looked through; the decoder allows less.
// What lies deeper is replaced as a whole.
const maxDepth = 512

// A Redactor finds secrets in events and takes them out. It keeps buffers
// between calls and is not for concurrent use.
type Redactor struct {
	tables *tables

	path  []byte
	paths []string
	// found tells what becomes of the value at each of paths.
	found map[string]string
	// longest is the length of the longest of paths: longer ones need no look.
	longest int
	// coarse: there are so many secrets that they are replaced with what is
	// around them.
	coarse bool
}

// Bounds of what Find reports one by one. Arguments of commands are written by
// clients, and one could put a million passwords below a key of a megabyte.
const (
	maxPaths = 256
	maxPath  = 1 << 10 // bytes
	// coarseDepth is how deep the values lie that are replaced whole beyond
	// that: param.args.documents.
	coarseDepth = 3
)

// NewRedactor returns a Redactor with the rules of docs/redaction.md.
func NewRedactor() *Redactor {
	return &Redactor{tables: compile(), found: map[string]string{}}
}

// Find returns the places of doc that hold secrets, in document order, as
// dotted paths with array positions as numbers: "param.args.pwd". The strings
// are the caller's; the slice belongs to the Redactor until the next call. It
// is empty for nearly every event, and then nothing was allocated.
//
// What was redacted before is not found again. doc must be one valid BSON
// document, as extjson makes it or as was validated.
func (r *Redactor) Find(doc []byte) []string {
	r.paths = r.paths[:0]
	if !r.tables.suspect(doc) {
		return nil
	}
	if r.coarse = false; !r.search(doc) {
		r.coarse = true
		r.search(doc)
	}
	return r.paths
}

// search fills paths and found. It says no when there is more to report than
// the bounds allow.
func (r *Redactor) search(doc []byte) bool {
	clear(r.found)
	r.path, r.paths, r.longest = r.path[:0], r.paths[:0], 0
	r.walk(doc, 0, 0, false)
	return r.coarse || len(r.paths) <= maxPaths && r.longest <= maxPath
}

// walk looks for secrets in one document or array, below the path in r.path.
func (r *Redactor) walk(doc []byte, ctx context, depth int, array bool) {
	if !array {
		ctx |= contextOf(doc)
	}
	base := len(r.path)
	for e := range elements(doc) {
		if !r.coarse && len(r.paths) > maxPaths {
			break
		}
		r.path = appendSegment(r.path[:base], e.key)
		what := keep
		if !array && r.tables.telling(tailOf(e.key), e.key) {
			what = r.tables.rule(e.key)
		}
		switch {
		case hides(what, ctx, e):
			r.add(Marker)
		case r.coarse && (depth == coarseDepth-1 || len(r.path) > maxPath):
			if r.tables.suspectValue(e) {
				r.add(Marker)
			}
		case e.typ == typeDocument || e.typ == typeArray:
			if depth == maxDepth {
				r.add(Marker)
				break
			}
			r.walk(e.value, ctx, depth+1, e.typ == typeArray)
		case e.typ == typeCodeWithScope:
			r.walkScope(e, ctx, depth)
		case bytes.Contains(e.value, schemeMark):
			r.walkString(e)
		}
	}
	r.path = r.path[:base]
}

// walkScope looks into code with a scope, which extended JSON writes as a
// document with the members $code and $scope.
func (r *Redactor) walkScope(e element, ctx context, depth int) {
	code, scope, ok := codeWithScope(e.value)
	if !ok || r.coarse || depth == maxDepth || hasUserinfo(code) {
		r.add(Marker)
		return
	}
	r.path = appendSegment(r.path, []byte("$scope"))
	r.walk(scope, ctx, depth+1, false)
}

// walkString looks for a password in a connection string.
func (r *Redactor) walkString(e element) {
	if e.typ != typeString {
		if hasUserinfo(e.value) {
			r.add(Marker)
		}
		return
	}
	text, _ := stringValue(e.value)
	if clean := cleanURLs(nil, text); !bytes.Equal(clean, text) {
		r.add(string(clean))
	}
}

// add notes that the value at r.path becomes text. A key may occur twice in a
// document: the same path then means both values, and both are replaced whole.
func (r *Redactor) add(text string) {
	if _, twice := r.found[string(r.path)]; twice {
		r.found[string(r.path)] = Marker
		return
	}
	r.longest = max(r.longest, len(r.path))
	if !r.coarse && r.longest > maxPath {
		return
	}
	path := string(r.path)
	r.paths = append(r.paths, path)
	r.found[path] = text
}

// beyond says that no value below a path of so many bytes was reported. It is
// asked before such a path is put together, and spares the work.
func (r *Redactor) beyond(parent int) bool { return parent > maxPath }

// replacement returns what the value at r.path becomes.
func (r *Redactor) replacement() (string, bool) {
	if len(r.path) > r.longest {
		return "", false
	}
	text, ok := r.found[string(r.path)]
	return text, ok
}

// errBSON is returned for a document that is not valid BSON.
var errBSON = errors.New("not a valid BSON document")

// BSON appends the document with the values at paths replaced by strings. The
// paths are those that Find returned last, all of them, for the same document.
func (r *Redactor) BSON(dst, doc []byte, paths []string) ([]byte, error) {
	if len(paths) == 0 {
		return append(dst, doc...), nil
	}
	start := len(dst)
	r.path = r.path[:0]
	dst, ok := r.rebuild(dst, doc)
	if !ok {
		return dst[:start], fmt.Errorf("redact event: %w", errBSON)
	}
	return dst, nil
}

func (r *Redactor) rebuild(dst, doc []byte) ([]byte, bool) {
	if r.beyond(len(r.path)) {
		return append(dst, doc...), true
	}
	start, base, read := len(dst), len(r.path), 4
	dst = append(dst, 0, 0, 0, 0)
	for e := range elements(doc) {
		read += len(e.whole)
		r.path = appendSegment(r.path[:base], e.key)
		head := e.whole[:len(e.whole)-len(e.value)]
		ok := true
		if text, replace := r.replacement(); replace {
			dst = append(dst, typeString)
			dst = append(dst, head[1:]...)
			dst = appendString(dst, text)
		} else if e.typ == typeDocument || e.typ == typeArray {
			dst, ok = r.rebuild(append(dst, head...), e.value)
		} else if e.typ == typeCodeWithScope {
			dst, ok = r.rebuildScope(append(dst, head...), e.value)
		} else {
			dst = append(dst, e.whole...)
		}
		if !ok {
			return dst, false
		}
	}
	r.path = r.path[:base]
	dst = append(dst, 0)
	binary.LittleEndian.PutUint32(dst[start:], uint32(len(dst)-start))
	return dst, read+1 == len(doc) && doc[read] == 0
}

func (r *Redactor) rebuildScope(dst, value []byte) ([]byte, bool) {
	_, scope, ok := codeWithScope(value)
	if !ok {
		return dst, false
	}
	start := len(dst)
	dst = append(dst, value[:len(value)-len(scope)]...)
	r.path = appendSegment(r.path, []byte("$scope"))
	if dst, ok = r.rebuild(dst, scope); !ok {
		return dst, false
	}
	binary.LittleEndian.PutUint32(dst[start:], uint32(len(dst)-start))
	return dst, true
}

func appendSegment(path, key []byte) []byte {
	if len(path) > 0 {
		path = append(path, '.')
	}
	return append(path, key...)
}

func appendString(dst []byte, s string) []byte {
	dst = binary.LittleEndian.AppendUint32(dst, uint32(len(s)+1))
	dst = append(dst, s...)
	return append(dst, 0)
}

// isFlag says whether a number is one that stands in projections, sort orders
// and index keys rather than for itself.
func isFlag(n float64) bool { return n == 0 || n == 1 || n == -1 }

// isIndex says whether a key is an array position.
func isIndex(key []byte) bool {
	_, err := strconv.ParseUint(string(key), 10, 32)
	return err == nil
}
