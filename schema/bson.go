package schema

import (
	"bytes"
	"encoding/binary"
	"errors"

	"go.mongodb.org/mongo-driver/v2/x/bsonx/bsoncore"
)

// errDamaged is the error for BSON that does not hold together. Decoded text
// never is; documents received as BSON may be.
var errDamaged = errors.New("the BSON document is damaged")

// body returns the elements of a document, without its length and its end.
func body(doc []byte) ([]byte, bool) {
	n := len(doc)
	if n < bsoncore.EmptyDocumentLength || uint64(binary.LittleEndian.Uint32(doc)) != uint64(n) || doc[n-1] != 0 {
		return nil, false
	}
	return doc[4 : n-1], true
}

// next takes the first element off b.
func next(b []byte) (t bsoncore.Type, key, val, rest []byte, ok bool) {
	t = bsoncore.Type(b[0])
	b = b[1:]
	i := bytes.IndexByte(b, 0)
	if i < 0 {
		return 0, nil, nil, nil, false
	}
	key, b = b[:i], b[i+1:]
	n, ok := size(t, b)
	if !ok || n > len(b) {
		return 0, nil, nil, nil, false
	}
	return t, key, b[:n], b[n:], true
}

// size returns the length of a value of type t at the head of b, and false when
// b is too short to tell or the type is none.
func size(t bsoncore.Type, b []byte) (int, bool) {
	switch t {
	case bsoncore.TypeString, bsoncore.TypeSymbol, bsoncore.TypeJavaScript:
		n, ok := length(b, 1)
		return 4 + n, ok && 4+n <= len(b) && b[3+n] == 0
	case bsoncore.TypeEmbeddedDocument, bsoncore.TypeArray, bsoncore.TypeCodeWithScope:
		return length(b, bsoncore.EmptyDocumentLength)
	case bsoncore.TypeInt32:
		return 4, true
	case bsoncore.TypeDouble, bsoncore.TypeDateTime, bsoncore.TypeInt64, bsoncore.TypeTimestamp:
		return 8, true
	case bsoncore.TypeBoolean:
		return 1, true
	case bsoncore.TypeBinary:
		n, ok := length(b, 0)
		return 5 + n, ok
	case bsoncore.TypeObjectID:
		return 12, true
	case bsoncore.TypeNull, bsoncore.TypeUndefined, bsoncore.TypeMinKey, bsoncore.TypeMaxKey:
		return 0, true
	case bsoncore.TypeDecimal128:
		return 16, true
	case bsoncore.TypeRegex:
		i := bytes.IndexByte(b, 0)
		j := bytes.IndexByte(b[i+1:], 0)
		return i + j + 2, i >= 0 && j >= 0
	case bsoncore.TypeDBPointer:
		n, ok := length(b, 1)
		return 16 + n, ok
	default:
		return 0, false
	}
}

// length reads a length prefix that is at least low and that b could hold.
func length(b []byte, low int) (int, bool) {
	if len(b) < 4 {
		return 0, false
	}
	n := int(int32(binary.LittleEndian.Uint32(b)))
	return n, n >= low && n <= len(b)
}

// isNull reports whether a value of type t stands for an absent one.
func isNull(t bsoncore.Type) bool {
	return t == bsoncore.TypeNull || t == bsoncore.TypeUndefined
}

// kindsOfBSON names BSON types for messages.
var kindsOfBSON = map[bsoncore.Type]string{
	bsoncore.TypeDouble: "a double", bsoncore.TypeString: "a string", bsoncore.TypeEmbeddedDocument: "an object",
	bsoncore.TypeArray: "an array", bsoncore.TypeBinary: "binary data", bsoncore.TypeUndefined: "undefined",
	bsoncore.TypeObjectID: "an ObjectId", bsoncore.TypeBoolean: "a boolean", bsoncore.TypeDateTime: "a date",
	bsoncore.TypeNull: "null", bsoncore.TypeRegex: "a regular expression", bsoncore.TypeDBPointer: "a DBPointer",
	bsoncore.TypeJavaScript: "JavaScript code", bsoncore.TypeSymbol: "a symbol",
	bsoncore.TypeCodeWithScope: "JavaScript code with scope", bsoncore.TypeInt32: "an int32",
	bsoncore.TypeTimestamp: "a timestamp", bsoncore.TypeInt64: "an int64", bsoncore.TypeDecimal128: "a decimal",
	bsoncore.TypeMinKey: "MinKey", bsoncore.TypeMaxKey: "MaxKey",
}
