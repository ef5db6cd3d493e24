package catalog

// version is kept in SQLite's user_version. A catalog of another version is
// refused: there is no migration yet, and a rebuild always works.
const version = 2

// tables is the whole schema. Times are microseconds since the Unix epoch,
// unsigned 64-bit numbers are kept as the int64 with the same bits.
const tables = `
CREATE TABLE meta (
	key   TEXT PRIMARY KEY,
	value TEXT NOT NULL
) STRICT, WITHOUT ROWID;

CREATE TABLE commits (
	number INTEGER PRIMARY KEY,
	time   INTEGER NOT NULL,
	kind   TEXT NOT NULL,
	record TEXT NOT NULL,
	prev   TEXT NOT NULL,
	hash   TEXT NOT NULL
) STRICT;

CREATE TABLE archives (
	first   INTEGER PRIMARY KEY,
	last    INTEGER NOT NULL,
	commits INTEGER NOT NULL,
	hash    TEXT NOT NULL,
	sha256  TEXT NOT NULL,
	bytes   INTEGER NOT NULL
) STRICT;

CREATE TABLE segments (
	name           TEXT PRIMARY KEY,
	log_type       TEXT NOT NULL,
	schema_version INTEGER NOT NULL,
	layout         TEXT NOT NULL,
	tier           INTEGER NOT NULL,
	first_commit   INTEGER NOT NULL,
	commit_number  INTEGER NOT NULL,
	part           INTEGER NOT NULL,
	row_count      INTEGER NOT NULL,
	bytes          INTEGER NOT NULL,
	raw_bytes      INTEGER NOT NULL,
	event_min      INTEGER NOT NULL,
	event_max      INTEGER NOT NULL,
	stored_min     INTEGER NOT NULL,
	stored_max     INTEGER NOT NULL,
	sha256         TEXT NOT NULL,
	digests        TEXT NOT NULL,
	bloom          BLOB,
	dead_at        INTEGER NOT NULL DEFAULT 0
) STRICT, WITHOUT ROWID;
CREATE INDEX segments_order ON segments (log_type, layout, first_commit, part) WHERE dead_at = 0;
CREATE INDEX segments_dead ON segments (dead_at) WHERE dead_at > 0;

CREATE TABLE layouts (
	hash   TEXT PRIMARY KEY,
	layout TEXT NOT NULL
) STRICT, WITHOUT ROWID;

CREATE TABLE streams (
	id        INTEGER PRIMARY KEY,
	name      TEXT NOT NULL UNIQUE,
	source_id TEXT NOT NULL,
	position  BLOB
) STRICT;

CREATE TABLE marks (
	stream INTEGER NOT NULL,
	offset INTEGER NOT NULL,
	sum    INTEGER NOT NULL,
	PRIMARY KEY (stream, offset)
) STRICT, WITHOUT ROWID;

CREATE TABLE sources (
	id          TEXT PRIMARY KEY,
	label       TEXT NOT NULL,
	kind        TEXT NOT NULL,
	stored      INTEGER NOT NULL,
	quarantined INTEGER NOT NULL,
	last_event  INTEGER NOT NULL,
	last_stored INTEGER NOT NULL
) STRICT, WITHOUT ROWID;

CREATE TABLE resolved (
	hi            INTEGER NOT NULL,
	lo            INTEGER NOT NULL,
	raw_bytes     INTEGER NOT NULL,
	commit_number INTEGER NOT NULL,
	PRIMARY KEY (hi, lo)
) STRICT, WITHOUT ROWID;

CREATE TABLE source_state (
	source_id TEXT PRIMARY KEY,
	health    TEXT NOT NULL,
	reason    TEXT NOT NULL,
	position  TEXT NOT NULL,
	lag_bytes INTEGER NOT NULL,
	last_read INTEGER NOT NULL,
	updated   INTEGER NOT NULL
) STRICT, WITHOUT ROWID;

CREATE TABLE orphans (
	name   TEXT PRIMARY KEY,
	found  INTEGER NOT NULL,
	reason TEXT NOT NULL
) STRICT, WITHOUT ROWID;

CREATE TABLE control_log (
	time    INTEGER NOT NULL,
	uid     INTEGER NOT NULL,
	pid     INTEGER NOT NULL,
	command TEXT NOT NULL
) STRICT;
`
