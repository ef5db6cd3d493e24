// Package event is the domain of Margay: what an audit event is, how it is
// identified, and the two contracts that carry it from where it happened to
// where it is kept.
//
// # The story
//
// A source (package source and its children) reads audit events: lines of a
// mongod or Percona audit log, pages of a vendor's API, messages of a syslog
// daemon. It hands them on, in the order in which it read them, as a [Batch]:
// the received bytes of every event, untouched, and the [Position] that the
// source will have reached once they are kept. It does so by calling an [Emit].
//
//	source ──▶ decode ──▶ redact ──▶ classify ──▶ store ──▶ SQL, search
//	   ▲                                            │
//	   └──────── nil = durable: move on ◀── emit ───┘
//
// Behind Emit stands package pipeline: it decodes the bytes to BSON (package
// extjson), replaces secrets (package auditlog), finds the schema that fits and
// the event's time and indicators (package schema), and gives the rows to the
// store (package store). The store writes segments, which are Parquet files,
// and then records them, together with the position, in one transaction of its
// catalog. Only then does Emit return nil.
//
// So there is one rule from which the promises follow: nil from Emit means
// that the events and the position are durable, and both became so at once.
// After a crash a source is handed the last durable position of each of its
// streams and reads on from there: nothing is lost, nothing is kept twice.
//
// An event that cannot be decoded, or fits no schema, is not an error of Emit.
// It is kept too, in quarantine, with the reason, and is never dropped.
//
// # Streams
//
// Positions belong to streams. A stream is a sequence that only grows: the
// decompressed bytes of one log file through all its renames, copies and
// compressions, or one feed of an API. The store gives each stream a number in
// the commit of its first event, and the pair (stream number, offset in the
// stream) is the identity of an event: see [RowID].
//
// A batch says from where to where it takes its stream. The store accepts it
// only if From is the stream's durable position at that moment: a commit is a
// compare-and-swap. Two readers of one stream can therefore not both store an
// event; the slower one gets [ErrPositionMoved].
//
// This package imports the standard library only, and everybody imports it.
package event
