package segment

// FormatVersion is the version of everything this package decides about a
// file: the columns below, what is in the footer, and how the received bytes
// are taken apart. A reader refuses a higher one.
const FormatVersion = 1

// Keys of the footer's key-values.
const (
	// keyFormat holds FormatVersion in decimal. It stands first, so that other
	// programs can recognise a segment of Margay cheaply.
	keyFormat = "margay.format"
	// keyInfo holds the JSON of a footerInfo: what the file contains.
	keyInfo = "margay.info"
	// keyCommit holds the JSON of a Commit: how the file came into the store.
	keyCommit = "margay.commit"
)

// Columns that every segment has after those of its schema, in this order. All
// begin with "p_", a prefix that no field of a schema may have.
const (
	// colEventTime is when the event happened; colParseTime when Margay took it
	// in. Microseconds since the Unix epoch, UTC, never null. An event without a
	// time of its own has the time of parsing in both.
	colEventTime = "p_event_time"
	colParseTime = "p_parse_time"
	// colSourceID, colSourceLabel and colSourceFile say where it came from. The
	// file is null for sources without files.
	colSourceID    = "p_source_id"
	colSourceLabel = "p_source_label"
	colSourceFile  = "p_source_file"
	// colSchemaVersion is the same in all rows of a segment; it stands in a
	// column for readers that do not know our footer. Run-length encoding makes
	// it free.
	colSchemaVersion = "p_schema_version"
	// colRowHi and colRowLo are the halves of the row id as signed 64-bit
	// numbers of the same bits. Delta encoding makes them nearly free, where a
	// text of 32 digits would cost more than most columns.
	colRowHi = "p_row_hi"
	colRowLo = "p_row_lo"
	// colRawRest holds the received bytes, or what is left of them without the
	// piece that the cut leaf repeats.
	colRawRest = "p_raw_rest"
	// colRawCut is null when colRawRest is whole, otherwise the offset in bytes
	// at which the text of the cut leaf goes back in.
	colRawCut = "p_raw_cut"
	// colRawForm is one of the forms below.
	colRawForm = "p_raw_form"
	// colRedactions lists the paths of values that were replaced by a marker.
	// Null when there are none.
	colRedactions = "p_redactions"
	// colExtra is a JSON object with the top-level fields that the schema does
	// not declare. Null when there are none.
	colExtra = "p_extra"
)

// The forms of the received bytes in colRawForm.
const (
	// formText is text in valid UTF-8: it can be shown as p_raw.
	formText = 0
	// formOctets is text that is not valid UTF-8.
	formOctets = 1
	// formBSON is a BSON document.
	formBSON = 2
)

// indicatorPrefix begins the names of the lists of indicators.
const indicatorPrefix = "p_any_"

// Limits.
const (
	// MaxGroupRows is how many rows a row group may have. Readers choose whole
	// row groups and unpack their columns one at a time, so it bounds memory and
	// what an answer of few rows has to unpack: with 100,000 rows the received
	// lines of one user's hour take five times as long as with 20,000. Statements
	// over everything gain little from larger ones.
	MaxGroupRows = 20_000
	// MaxGroupRaw is how many received bytes a row group may hold, for the same
	// reason, where lines are long.
	MaxGroupRaw = 64 << 20
	// smallGroup is the mean number of rows of a segment's row groups below
	// which a merge packs them anew, together with their small neighbours. A
	// column of a group costs a query about as much as three thousand values do;
	// from 8,000 rows on packing, which costs ten times what copying does, gains
	// too little. A run of packed groups is above it, because two neighbours of
	// them together have more than MaxGroupRows.
	smallGroup = 8_000
	// maxFooterValue bounds a key-value of the footer before it is parsed.
	maxFooterValue = 64 << 20
	// magicLength is the length of the magic number that begins a Parquet file.
	magicLength = 4
	// outputBuffer collects small writes (page headers, levels). Larger ones go
	// through.
	outputBuffer = 128 << 10
)
