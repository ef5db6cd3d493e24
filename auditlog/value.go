package auditlog

import (
	"bytes"
	"encoding/binary"
	"iter"
	"math"
)

// element is one member of a document; its slices point into the document.
type element struct {
	typ   byte
	key   []byte
	value []byte
	whole []byte // type, key, NUL and value
}

// elements yields the members of a document, and ends early where the document
// is broken.
func elements(doc []byte) iter.Seq[element] {
	return func(yield func(element) bool) {
		for p := 4; p < len(doc) && doc[p] != 0; {
			n := keyLen(doc, p+1)
			if n < 0 {
				return
			}
			v := p + 1 + n + 1
			size := valueSize(doc[p], doc[v:])
			if size < 0 || v+size > len(doc) {
				return
			}
			e := element{typ: doc[p], key: doc[p+1 : v-1], value: doc[v : v+size], whole: doc[p : v+size]}
			if !yield(e) {
				return
			}
			p = v + size
		}
	}
}

// valueSize returns the size of the value at the head of rest, or -1.
func valueSize(typ byte, rest []byte) int {
	if size := int(fixed[typ]); size != 0 {
		return size - 1
	}
	if typ == typeRegex {
		return skip(rest, 0, typ)
	}
	if len(rest) < 4 {
		return -1
	}
	n := int(int32(binary.LittleEndian.Uint32(rest)))
	switch typ {
	case typeDocument, typeArray:
		if n < 5 {
			return -1
		}
		return n
	case typeCodeWithScope:
		if n < 14 {
			return -1
		}
		return n
	}
	return skip(rest, 0, typ)
}

// codeWithScope takes apart a value of that type: length, code, scope.
func codeWithScope(value []byte) (code, scope []byte, ok bool) {
	code, ok = stringValue(value[4:])
	if !ok {
		return nil, nil, false
	}
	scope = value[4+4+len(code)+1:]
	return code, scope, len(scope) >= 5
}

// stringValue returns the text of a value of type string, code or symbol.
func stringValue(value []byte) (text []byte, ok bool) {
	if len(value) < 5 {
		return nil, false
	}
	n := int(int32(binary.LittleEndian.Uint32(value)))
	if n < 1 || 4+n > len(value) {
		return nil, false
	}
	return value[4 : 4+n-1], true
}

// contextOf returns the commands that the document is.
func contextOf(doc []byte) context {
	var ctx context
	for e := range elements(doc) {
		name := e.key
		if len(name) == len("command") && e.typ == typeString && bytes.EqualFold(name, commandKey) {
			name, _ = stringValue(e.value)
		}
		ctx |= commandContext(name)
	}
	return ctx
}

var commandKey = []byte("command")

// commandContext returns the context that a command opens.
func commandContext(name []byte) context {
	if len(name) < len("copydb") || len(name) > len("speculativeauthenticate") {
		return 0
	}
	switch name[0] | 0x20 {
	case 'a', 'c', 's':
	default:
		return 0
	}
	var buf [maxFolded]byte
	return commands[string(fold(buf[:0], name))]
}

// hides says whether the rule, in this context, replaces the value.
func hides(what rule, ctx context, e element) bool {
	switch what {
	case secret:
	case conversation:
		if ctx&inSASL == 0 {
			return false
		}
	case proof:
		if ctx&inProof == 0 {
			return false
		}
	case keyFile:
		if text, ok := stringValue(e.value); e.typ == typeString && ok && looksLikePath(text) {
			return false
		}
		fallthrough
	case material:
		if e.typ == typeDocument || e.typ == typeArray {
			return false
		}
	default:
		return false
	}
	return !harmless(e)
}

// harmless says whether a value cannot be a secret, wherever it stands: flags
// (mongod writes "password": true when one was set), what projections, sort
// orders, index keys and $exists hold, and what was replaced before.
func harmless(e element) bool {
	switch e.typ {
	case typeNull, typeUndefined, typeBoolean, 0x7f, 0xff:
		return true
	case typeDouble:
		return isFlag(math.Float64frombits(binary.LittleEndian.Uint64(e.value)))
	case typeInt32:
		return isFlag(float64(int32(binary.LittleEndian.Uint32(e.value))))
	case typeInt64:
		return isFlag(float64(int64(binary.LittleEndian.Uint64(e.value))))
	case typeString:
		text, ok := stringValue(e.value)
		return ok && (len(text) == 0 || string(text) == Marker)
	case typeBinary:
		return binary.LittleEndian.Uint32(e.value) == 0
	case typeDocument, typeArray:
		for m := range elements(e.value) {
			known := len(m.key) > 0 && m.key[0] == '$' || string(m.key) == "external" || isIndex(m.key)
			if !known || !harmless(m) {
				return false
			}
		}
		return true
	}
	return false
}

// looksLikePath tells the path of a key file from the contents of one: 6 to
// 1024 characters of base64, which may begin with a slash too.
func looksLikePath(text []byte) bool {
	rooted := len(text) > 0 && (text[0] == '/' || text[0] == '.') || len(text) > 2 && text[1] == ':' && text[2] == '\\'
	return rooted && len(text) <= 512 && bytes.IndexByte(text, '\n') < 0 && !longBase64(text)
}

// longBase64 says whether a piece of the text between path separators and
// dots is too long for the name of a file and has only characters of base64.
func longBase64(text []byte) bool {
	run := 0
	for _, c := range text {
		switch {
		case 'a' <= c && c <= 'z' || 'A' <= c && c <= 'Z' || '0' <= c && c <= '9' || c == '+' || c == '=':
			run++
		default:
			run = 0
		}
		if run >= 48 {
			return true
		}
	}
	return false
}
