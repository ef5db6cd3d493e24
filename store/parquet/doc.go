// Package parquet writes Parquet files, and reads the files it writes.
//
// Margay stores every event in a Parquet file as soon as it arrives, so the
// cost of writing one row is the cost of the collector. The general libraries
// pay for what they can do; this package can do less, and costs a fraction. It
// knows nothing of audit events: a caller hands it a tree of columns and values
// with their levels.
//
// # What is written
//
// One file is the magic bytes, row groups, and a footer that only [Writer.Close]
// writes, so that a caller can sync the data before it decides what the footer
// says. Of the format this is used:
//
//   - Physical types BOOLEAN, INT32, INT64, DOUBLE, BYTE_ARRAY and
//     FIXED_LEN_BYTE_ARRAY; logical types STRING, JSON, TIMESTAMP in
//     microseconds UTC, and signed INTEGER of 8 and 16 bits, each with the older
//     converted type beside it for readers that know only that.
//   - Groups and lists in the standard three-level form, at any depth; optional
//     and required nodes.
//   - Data pages of version 1 with levels in the RLE and bit-packed hybrid; at
//     most one dictionary page for each column of a row group; encodings PLAIN,
//     RLE_DICTIONARY and DELTA_BINARY_PACKED. Every page carries its CRC-32.
//   - Zstandard at level 1 for every page. A page that cannot be made smaller
//     grows by a dozen bytes; leaving single column chunks uncompressed would
//     save those, but parquet-go takes the codec of a column from the first row
//     group for all of them.
//   - Statistics min_value, max_value and null_count with the type-defined
//     order. Long strings are cut, and the statistics say so.
//   - Split-block Bloom filters, behind the columns of their row group, sized
//     by the number of different values.
//
// Not written: page indexes, data pages of version 2, encryption, sorting
// columns, and every deprecated form.
//
// # Dictionaries
//
// A column with the hint [Dict] looks every value up in a dictionary while it is
// appended. When the values turn out to be mostly different, the row group goes
// on without: what was appended is turned into plain values, and the next row
// group starts afresh.
//
// # Reading
//
// [Open] accepts the subset above and nothing else. It serves to merge segments
// and to check them, and is no general reader; DuckDB, arrow-go and parquet-go
// read the same files in the tests of this package. Input is never trusted:
// lengths are bounded before memory is allocated for them, and damage is an
// error.
package parquet
