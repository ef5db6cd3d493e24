// Package segment reads and writes segments, the files in which Margay keeps
// events.
//
// A segment is one Parquet file with the events of one log type and one
// version of its schema. Its columns are those of the schema, the lists of
// indicators, and a few of Margay's own (see format.go); its footer holds, as
// key-values, what the commit recorded that brought it into the store. So a
// folder of segments explains itself: the catalog can be rebuilt from the
// footers, and any reader of Parquet can read the events.
//
// # The life of a segment
//
// A [Builder] takes events row by row and keeps them as columns in memory.
// [Create] writes them into a new file and syncs it, still without a footer:
// nothing can mistake that file for a segment. When the committer has decided
// on the commit, [Pending.Finish] adds the footer, syncs and closes; the caller
// then gives the file its final name. [Merge] makes one segment of many in the
// same two steps. A finished segment is never changed.
//
// # The received bytes
//
// Every event is kept byte for byte. Most of a line is usually one JSON value
// (the param of MongoDB's audit messages) that has a column of its own, and the
// column repeats it exactly; then the line is stored without that piece, and
// with the place where it belongs. Views, [Reader.Rows] and [Reader.Verify] put
// it together again. A digest of the received bytes of each row group is in the
// footer, made before they were taken apart.
//
// # Reading with SQL
//
// [ViewSQL] writes the SELECT that shows segments of one log type as the table
// that users know; [EventsSQL] the view over all of them. The SQL is for DuckDB,
// which does the reading.
package segment
