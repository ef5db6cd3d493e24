package event

import (
	"encoding/binary"
	"encoding/hex"
)

// Origin says which configured source an event came from. The same Origin is
// in every batch of a source.
type Origin struct {
	// ID is p_source_id: a UUID in lower-case text form, from the key id of the
	// source or else derived from its name. It never changes while the source
	// means the same thing.
	ID string
	// Label is p_source_label: the name of the source when the event was read.
	Label string
	// Kind is the type key of the source in the config, for example "file".
	Kind string
	// LogTypes are the schemas that events of this source may have. Empty
	// means every known log type, told apart by content.
	LogTypes []LogType
	// KeepSecrets switches redaction off for this source (redact: off).
	KeepSecrets bool
}

// Form says how the received bytes of a record are to be read.
type Form uint8

// The forms.
const (
	// JSON is one document of extended JSON: LegacyStrict, relaxed, canonical
	// or plain.
	JSON Form = iota
	// BSON is one BSON document.
	BSON
)

// String returns the name of the form as the quarantine prints it.
func (f Form) String() string {
	if f == BSON {
		return "bson"
	}
	return "json"
}

// Record is one received event, not yet decoded.
type Record struct {
	// Raw holds the received bytes: a line without its line end, or a BSON
	// document. They belong to the batch.
	Raw []byte
	// Offset is where Raw begins in its stream, in bytes for files. It rises
	// strictly within a stream, and is the low half of the event's RowID.
	Offset uint64
	// Form says how Raw is to be read.
	Form Form
	// Defect is empty, or the reason why the source itself could not cut the
	// record out whole (longer than the limit, torn by a crash): the record
	// then goes to quarantine undecoded.
	Defect string
	// Size is the length of the original in bytes when Raw was cut to a head
	// because of a Defect, otherwise 0.
	Size uint64
	// Sum is the SHA-256 of the original when Raw was cut to a head, otherwise
	// nil.
	Sum []byte
}

// RowID is the identity of an event: 128 bits that a replay yields again and
// that two events never share, even when their bytes are equal. For a stream
// Hi is the stream's number and Lo the record's offset.
type RowID struct{ Hi, Lo uint64 }

// String returns p_row_id: 32 lower-case hexadecimal digits.
func (id RowID) String() string {
	var b [16]byte
	binary.BigEndian.PutUint64(b[:8], id.Hi)
	binary.BigEndian.PutUint64(b[8:], id.Lo)
	return hex.EncodeToString(b[:])
}
