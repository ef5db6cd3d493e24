// Package catalog is the list of what a store holds: one SQLite database that
// says which segments are live, how far every stream has been read, and which
// commit made it so.
//
// A [Change] is one commit. [Catalog.Apply] writes it in one transaction, so
// that the rows of a batch and the position after it appear together or not at
// all; that transaction is the instant at which events become durable.
//
// The catalog keeps no events. Everything in it can be written anew from the
// footers of the segments and the ledger file, which is what the rebuild of
// package store does.
//
// One process writes (package store holds the lock), any number may read, also
// while nobody writes: see [OpenReader].
package catalog
