package parquet

// The limits of this package. Writing and reading hold to the same numbers, so
// that everything written can be read.
const (
	// MaxValue is the longest value of a byte array in bytes. A document of
	// 16 MiB as JSON text is larger than in BSON, but hardly four times.
	MaxValue = 64 << 20
	// MaxGroupValues is how many values, nulls included, one column of one row
	// group may have. Levels and dictionary codes repeat cheaply in a file and
	// not in memory, so the number itself has to be bounded.
	MaxGroupValues = 1 << 22
	// maxGroupSize bounds what a Group holds in bytes, see [Group.Size], when
	// row groups of a file are read into it.
	maxGroupSize = 1 << 30
	// maxLeaves is the number of leaf columns of a schema.
	maxLeaves = 4096
	// maxDepth is how deep the column tree of a schema may be.
	maxDepth = 32

	// pageSize is where a data page of plain values is cut. Larger pages
	// compress no better with zstd at level 1 and cost every reader memory.
	pageSize = 1 << 20
	// pageEntries is where a data page of codes or numbers is cut: 1 MiB when
	// plain and 8 bytes wide.
	pageEntries = 1 << 17
	// maxPage bounds a page before decompression: a page is cut between rows,
	// so that one row may exceed pageSize by all its values.
	maxPage = 256 << 20
	// maxFooter bounds the footer.
	maxFooter = 128 << 20
	// maxExpansion is more than what zstd can make of one byte: a block of
	// 128 KiB of one repeated byte takes 4 bytes.
	maxExpansion = 48 << 10

	// statSize is the length at which minima and maxima of strings are cut.
	statSize = 64

	// A dictionary is given up when it has more entries than this,
	dictEntries = 1 << 16
	// or more than dictProbe entries with three of four values being new ones,
	dictProbe = 1024
	// or is larger than this in bytes with every second value being a new one,
	dictSoftSize = 1 << 20
	// or is larger than this in bytes.
	dictHardSize = 8 << 20

	// keepBuffer is the capacity in bytes that a column buffer keeps over a
	// Reset although the last row group needed less than a quarter of it.
	keepBuffer = 1 << 20
)
