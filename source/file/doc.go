// Package file is the source of audit events kept in log files.
//
// One configured source is a list of globs, and what it reads from them are
// streams. A stream is the decompressed bytes of one log file, whatever becomes
// of the file: it may be renamed by log rotation, copied and truncated,
// compressed with gzip or zstd, removed before its end was read, or loaded a
// second time from a backup. The stream stays the same, and its events are
// stored once.
//
// What makes that work is that a file proves which stream it holds by content.
// A stream is named after its first line, and its position carries the SHA-256
// of everything before it. A file that reproduces that sum holds the stream,
// and is read on from there; a file that is shorter than the stream is compared
// with the marks that the stream left on its way. docs/design/2026-11-22-file-streams.md tells why each rule
// is as it is.
//
// # How it is built
//
// One goroutine, the coordinator (run.go), looks at the folders every poll
// interval or when inotify hints at a change, and keeps a [os.File] open for
// every file of interest, so that a rename or removal takes nothing away. For a
// file with something to read it starts a task (task.go): first the task
// identifies the stream (prove.go), then it reads (read.go), cutting the bytes
// into records (cut.go, bson.go, document.go) and emitting them in batches,
// several at a time. While the task runs the file belongs to it alone, and no
// other file that begins with the same line is touched, so a stream is never
// extended by two files at once.
package file
