package event

import (
	"context"
	"errors"
)

// Position is how far a source has read a stream, in the source's own words.
// The store keeps it and compares it byte for byte; only the source reads it.
// It must be valid JSON, so that people and the rebuild of a catalog can show
// it, and should stay under 4 KiB. Nil is the position of a stream that the
// store does not know yet.
type Position []byte

// Mark is a fact about a stream that, unlike a position, is never replaced:
// file sources leave a running checksum at certain offsets, so that a shorter
// copy of a known file is recognised.
type Mark struct {
	Offset uint64
	Sum    uint64
}

// Batch is a run of records of one stream, in stream order.
type Batch struct {
	Origin Origin
	// Stream names the stream; the name is unique in the store for ever. A file
	// stream derives it from the file's first bytes, a feed from the source's
	// id and the feed's name.
	Stream string
	// File is the path the records were read from, or "". It becomes
	// p_source_file.
	File string
	// From is the position before the first record, exactly as it was handed
	// out or sent as To of the batch before. To is the position after the last.
	From, To Position
	// Marks are kept with the stream.
	Marks   []Mark
	Records []Record
}

// Emit makes a batch durable. It returns nil once the records (stored or
// quarantined) and the position To are durable, which happened in one step.
//
// Emit is safe for concurrent calls. Calls for consecutive batches of one
// stream may be under way at the same time, and become durable in stream
// order. The caller must not touch the batch until Emit returns; afterwards
// its memory is the caller's again.
//
// An error means that nothing of the batch is durable. Emit does not retry and
// must not be retried in place: the source ends its Run with the error, and
// its supervisor starts it again from the durable positions.
type Emit func(ctx context.Context, b Batch) error

// Errors of Emit that a supervisor tells apart.
var (
	// ErrPositionMoved: From is not the durable position of the stream. Somebody
	// else read on; list the positions anew.
	ErrPositionMoved = errors.New("the stream's position was moved by somebody else")
	// ErrBlocked: the store takes nothing from this source at present, for
	// example because the quarantine is full. The error says why; the source is
	// shown as blocked and tried again.
	ErrBlocked = errors.New("blocked")
	// ErrClosed: the store is being closed.
	ErrClosed = errors.New("the store is closed")
)

// Stream is what the store knows of a stream.
type Stream struct {
	// ID is the stream's number, the high half of its events' RowIDs.
	ID uint64
	// Name is the stream's name, SourceID the source that began it.
	Name     string
	SourceID string
	// Position is the durable position.
	Position Position
}

// Ledger answers what is durable. Both methods reflect every commit whose Emit
// has returned.
type Ledger interface {
	// Streams returns every stream of the store whose name begins with prefix,
	// whichever source began it.
	Streams(ctx context.Context, prefix string) ([]Stream, error)
	// Marks returns the marks of one stream in rising order of offset.
	Marks(ctx context.Context, stream uint64) ([]Mark, error)
}

// Source reads events until its context ends.
type Source interface {
	// Run reads from the durable positions in the ledger, calls emit, and
	// returns only when everything that it started has ended. It returns nil
	// when it has nothing more to read for ever, the context's error when that
	// ended, and any other error when a pass failed; it does not back off or
	// start again, its supervisor does.
	Run(ctx context.Context, emit Emit) error
}
