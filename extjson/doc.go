// Package extjson turns JSON texts into BSON and back.
//
// An audit event is BSON when mongod makes it and JSON when it reaches a log,
// and what a field was (a date, an ObjectId, a 64-bit integer) survives in
// between as Extended JSON: small objects such as {"$oid": "…"} that stand for
// a value. Three dialects are in use, and one [Decoder] reads all of them as
// well as plain JSON, without being told which it is given: LegacyStrict, which
// mongod and Percona Server write to audit logs, and the relaxed and the
// canonical form of the Extended JSON specification, version 2. [Append] writes
// each of them, and plain JSON for other readers. [Splitter] cuts up texts whose
// documents are not one to a line, and [Rewrite] replaces values in a text
// without touching the rest.
//
// # What the decoder reads
//
// The grammar is RFC 8259's, checked completely, with strings checked to be
// UTF-8, and one addition: the bare words NaN, Infinity and -Infinity, which
// LegacyStrict has for doubles. The top is one object.
//
// An integer becomes an int32 if it fits, otherwise an int64 if it fits,
// otherwise a double; -0 and numbers with a fraction or an exponent become
// doubles. A number beyond the range of a double is an error. Members keep
// their order, and a key that occurs twice stays twice, as it does in MongoDB.
// An escaped half of a surrogate pair becomes U+FFFD. A NUL in a key is an
// error, since BSON cannot hold it.
//
// An object whose first key is a type wrapper's becomes the value that it
// stands for if it is well formed to the last member; otherwise it is a
// document like any other. Audit logs are full of $set, $match and $in, and a
// query on {"$date": "tomorrow"} is an odd event but not a defect. The top
// object is never a wrapper, and neither is {"$regex": …} without $options,
// which is a query operator; with $options a LegacyStrict text does not tell
// which of the two it was, and the regular expression is taken. {"$ref": …,
// "$id": …} stays a document: a DBRef is one in BSON.
//
// # What survives
//
//   - Canonical: BSON to text to BSON gives the same bytes, for every type. The
//     exceptions lie in the formats: documents that look like a wrapper, NaNs
//     with a payload, decimals that are not in canonical form, and strings that
//     are not UTF-8.
//   - Relaxed: the same, but an int64 that fits becomes an int32.
//   - LegacyStrict: text to BSON to text gives the same text for what a server
//     writes in UTC, with one exception: a bare integer beyond 32 bits, which
//     can only have been a double, becomes an int64 of the same value, as it
//     does in every MongoDB tool, and is then written with $numberLong.
package extjson

import "fmt"

// Bounds that hold unless a Decoder is told otherwise.
const (
	// DefaultMaxDepth is how deep documents and arrays may nest, the outermost
	// counted. MongoDB stores at most 180 levels, and its tools read 200.
	DefaultMaxDepth = 200
	// DefaultMaxSize is the longest text in bytes. BSON documents end at 16 MiB
	// too, and an audit line is longer than its document.
	DefaultMaxSize = 16 << 20
)

// SyntaxError says why a text is not one document.
type SyntaxError struct {
	// Offset is where in the text the trouble begins, in bytes. It is the
	// length of the text when the text ends too early.
	Offset int
	// Msg says what is wrong there.
	Msg string
}

// Error returns the message with the offset.
func (e *SyntaxError) Error() string {
	return fmt.Sprintf("%s at byte %d", e.Msg, e.Offset)
}

// Field tells where a top-level member of a decoded document stands.
type Field struct {
	// Element is where the member's BSON element begins, counted from the
	// first byte of the appended document.
	Element int
	// Start and End bound the value's text: text[Start:End], white space
	// around it not included.
	Start, End int
	// Bare is true if the value is or contains a bare NaN, Infinity or
	// -Infinity, so that its text is not JSON by itself.
	Bare bool
}
