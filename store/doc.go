// Package store keeps events exactly once, in files, and answers what is kept.
//
// # What is on disk
//
//	catalog.sqlite   what is live, and how far every stream was read
//	segments/        one folder for each table, with Parquet files
//	commits/         old commit records, moved out of the catalog
//	orphans/         files that no commit names, set aside and never deleted
//	ledger.json      what retention took away, so that a rebuild knows it
//	HEAD             number and hash of the newest commit
//	lock             taken by the one process that writes
//
// # How a batch becomes durable
//
// [Store.Begin] starts an append, [Append.Row] and [Append.Quarantine] fill
// it, [Append.Commit] makes it durable. Every append writes its own segment
// files, in its own goroutine, and waits. The committer takes the appends that
// wait, gives their files footers and final names, and records all of them
// with the new positions in one transaction of the catalog. Until that
// transaction nobody sees the files; after it everything is there. A crash in
// between leaves files that the next start sets aside.
//
// The same transaction checks that every append begins where its stream ends,
// so an event cannot be stored twice even when two sources read one file.
//
// # What goes on behind
//
// [Store.Run] also merges small segments into larger ones, lets retention drop
// old ones, deletes the files of segments that are dead for longer than any
// query runs, and moves old commit records out of the catalog.
//
// docs/design/2026-11-22-commit-protocol.md tells which crash leaves what.
package store
