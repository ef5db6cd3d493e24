package query

import "strings"

// outcome is what becomes of an attack behind the gate.
type outcome uint8

const (
	// denied: DuckDB refuses it under the settings of a worker.
	denied outcome = iota
	// ownProcess: it succeeds, and touches nothing but the worker's own memory or
	// what the user may see anyway.
	ownProcess
	// kernelOnly: DuckDB does it. Only Landlock or the rights of the file stop it.
	kernelOnly
)

// attack is a statement that must not do what it says. In its text {segment} is
// a file the request may read, {other} one it may not, {new} one that does not
// exist, and {dir} the folder of all three.
type attack struct {
	name   string
	sql    string
	behind outcome
}

// at fills in the paths.
func (a attack) at(dir string) string {
	return strings.NewReplacer("{segment}", dir+"/segment.csv", "{other}", dir+"/other.csv", "{new}", dir+"/new.csv",
		"{link}", dir+"/link.csv", "{dir}", dir).Replace(a.sql)
}

// attacks are those that DuckDB 1.5 was found to allow or refuse in one
// configuration or another.
var attacks = []attack{
	{"read a file by name", "SELECT * FROM '/etc/passwd'", denied},
	{"read a file by a common table expression's name", `WITH "/etc/passwd" AS (SELECT 1) SELECT * FROM "/etc/passwd"`, ownProcess},
	{"read a table's file directly", "SELECT * FROM '{segment}'", ownProcess},
	{"read text", "SELECT * FROM read_text('/etc/passwd')", denied},
	{"read bytes", "SELECT * FROM read_blob('/proc/self/environ')", denied},
	{"read CSV", "SELECT * FROM read_csv('{other}')", denied},
	{"read JSON", "SELECT * FROM read_json('{other}')", denied},
	{"read Parquet", "SELECT * FROM read_parquet('{other}')", denied},
	{"read in a subquery", "SELECT (SELECT count(*) FROM read_text('{other}'))", denied},
	{"read in a common table expression", "WITH a AS (SELECT * FROM read_text('{other}')) SELECT * FROM a", denied},
	{"read behind a set operation", "SELECT 'x' UNION ALL SELECT content FROM read_text('{other}')", denied},
	{"read in ORDER BY", "SELECT 1 ORDER BY (SELECT count(*) FROM read_text('{other}'))", denied},
	{"read in a window", "SELECT sum(1) OVER (ORDER BY (SELECT count(*) FROM read_text('{other}')))", denied},
	{"read in a lambda", "SELECT list_transform([1], lambda x: (SELECT count(*) FROM read_text('{other}')))", denied},
	{"read in LIMIT", "SELECT 1 LIMIT (SELECT count(*) FROM read_text('{other}'))", denied},
	{"read in a pivot", "SELECT * FROM (SELECT * FROM read_text('{other}')) PIVOT (count(*) FOR filename IN ('a'))", denied},
	{"read in DESCRIBE", "DESCRIBE SELECT * FROM read_text('{other}')", denied},
	{"read in SUMMARIZE", "SUMMARIZE SELECT * FROM read_text('{other}')", denied},
	{"read in JOIN", "SELECT 1 FROM mongodb_audit JOIN read_text('{other}') ON true", denied},
	{"read in a recursion", "WITH RECURSIVE r AS (SELECT 1 AS n UNION ALL SELECT n + 1 FROM r, read_text('{other}') WHERE n < 2) SELECT * FROM r", denied},
	{"read through a symbolic link", "SELECT * FROM read_text('{link}')", denied},
	{"read by a detour", "SELECT * FROM read_text('{dir}/../../../../../../../../etc/passwd')", denied},
	{"read an address", "SELECT * FROM 'https://127.0.0.1:1/x.csv'", denied},
	{"read a named pipe", "SELECT * FROM read_text('/dev/stdin')", denied},
	{"list files", "SELECT * FROM glob('/etc/*')", denied},
	{"guess a CSV's dialect", "SELECT * FROM sniff_csv('{other}')", denied},
	{"read Parquet metadata", "SELECT * FROM parquet_metadata('{other}')", denied},
	{"read Parquet schema", "SELECT * FROM parquet_schema('{other}')", denied},
	{"query by text", "SELECT * FROM query('SELECT * FROM read_text(''{other}'')')", denied},
	{"table by text", "SELECT * FROM query_table('/etc/passwd')", denied},
	{"run a serialized query", "SELECT * FROM json_execute_serialized_sql(json_serialize_sql('SELECT 1'))", ownProcess},
	{"write a new file", "COPY (SELECT 1) TO '{new}'", denied},
	{"overwrite a segment", "COPY (SELECT 2 AS a) TO '{segment}' (FORMAT csv, USE_TMP_FILE false)", kernelOnly},
	{"overwrite another file", "COPY (SELECT 2 AS a) TO '{other}' (FORMAT csv, USE_TMP_FILE false)", denied},
	{"export", "EXPORT DATABASE '{new}'", denied},
	{"import", "IMPORT DATABASE '{dir}'", denied},
	{"attach a file", "ATTACH '{new}' AS d", denied},
	{"attach memory", "ATTACH ':memory:' AS m", ownProcess},
	{"create a table", "CREATE TABLE t AS SELECT 1", ownProcess},
	{"create a view", "CREATE VIEW v AS SELECT * FROM read_text('{other}')", denied},
	{"create a macro", "CREATE MACRO f(x) AS x", ownProcess},
	{"replace a table", "CREATE OR REPLACE VIEW mongodb_audit AS SELECT 1", ownProcess},
	{"drop a table", "DROP VIEW mongodb_audit", ownProcess},
	{"insert", "INSERT INTO memory_table VALUES (1)", ownProcess},
	{"delete", "DELETE FROM memory_table", ownProcess},
	{"update", "UPDATE memory_table SET a = 1", ownProcess},
	{"change a setting", "SET enable_external_access = true", denied},
	{"unlock the configuration", "SET lock_configuration = false", denied},
	{"reset a setting", "RESET memory_limit", denied},
	{"raise the memory limit", "SET memory_limit = '100GB'", denied},
	{"set a variable", "SET VARIABLE x = 1", ownProcess},
	{"profile to a file", "PRAGMA profile_output = '{new}'", denied},
	{"log queries to a file", "SET log_query_path = '{new}'", denied},
	// This one writes nothing, and leaves an instance that answers no query any
	// more: a reason for one process a statement.
	{"log to a file", "CALL enable_logging(storage = 'file', storage_config = {'path': '{dir}'})", ownProcess},
	{"write to the log", "SELECT write_log('x')", ownProcess},
	{"install an extension", "INSTALL httpfs", denied},
	{"load an extension", "LOAD '{other}'", denied},
	{"store a secret", "CREATE PERSISTENT SECRET s (TYPE s3)", denied},
	{"add a key", "PRAGMA add_parquet_key('k', '0123456789112345')", ownProcess},
	{"checkpoint", "CHECKPOINT", ownProcess},
	{"vacuum", "VACUUM", ownProcess},
	{"read settings", "SELECT * FROM duckdb_settings()", ownProcess},
	{"read one setting", "SELECT current_setting('allowed_paths')", ownProcess},
	{"read definitions of views", "SELECT sql FROM duckdb_views()", ownProcess},
	{"read databases", "SELECT * FROM duckdb_databases()", ownProcess},
	{"read the catalog", "SELECT * FROM information_schema.tables", ownProcess},
	{"read the master table", "SELECT * FROM sqlite_master", ownProcess},
	{"read a variable", "SELECT getvariable('x')", ownProcess},
	{"read the environment", "SELECT getenv('HOME')", denied},
	{"run two statements", "SELECT 1; SELECT 2", denied},
	{"hide a second statement", "SELECT 1; COPY (SELECT 1) TO '{new}'", denied},
	{"prepare", "PREPARE p AS SELECT * FROM read_text('{other}')", denied},
	{"explain and run", "EXPLAIN ANALYZE SELECT * FROM read_text('{other}')", denied},
	{"begin a transaction", "BEGIN TRANSACTION", ownProcess},
	{"use a pragma as a table", "SELECT * FROM pragma_database_size()", ownProcess},
	{"list databases", "SHOW DATABASES", ownProcess},
	{"list all columns", "SHOW ALL TABLES", ownProcess},
	{"use a pragma", "PRAGMA database_list", ownProcess},
	{"sleep", "SELECT sleep_ms(1)", ownProcess},
	{"use a parameter", "SELECT ?", denied},
	{"travel in time", "SELECT * FROM mongodb_audit AT (VERSION => 1)", denied},
}
