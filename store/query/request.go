package query

import (
	"encoding/json"
	"errors"
	"fmt"
	"path/filepath"
	"regexp"
	"strings"
	"time"
	"unicode/utf8"
)

// WorkerCommand is the hidden argument with which a program must call [Worker].
const WorkerCommand = "sql-worker"

// FilesMark stands in a Table's SQL for the list of its files: it becomes an
// SQL list of path literals.
const FilesMark = "{files}"

// HiddenSchema is where hidden tables are: the SQL of a table that uses one
// names it with this schema before its name.
const HiddenSchema = "hidden"

const (
	maxSQL     = 1 << 20   // bytes of a user's statement
	maxRequest = 256 << 20 // bytes of a request with its memory tables
)

// Output is the form in which rows are written.
type Output string

// The forms.
const (
	// OutputTable is for people: aligned columns under a header, NULL shown,
	// control characters escaped. The widths are those of the first rows; a
	// longer cell further down sticks out. So does one of more than 120 columns
	// where there is no terminal. The times of a column have the same number of
	// digits after the second.
	OutputTable Output = "table"
	// OutputJSON is one array of objects.
	OutputJSON Output = "json"
	// OutputNDJSON is one object a line.
	OutputNDJSON Output = "ndjson"
	// OutputCSV is RFC 4180 with a header line and LF line ends. NULL is an
	// empty field, the empty string a pair of quotes.
	OutputCSV Output = "csv"
)

// File is a segment file that a table is made of.
type File struct {
	// Path is absolute.
	Path string
	// Name is what messages call it; the last part of Path by default.
	Name string `json:",omitempty"`
	// Bytes is the size and SHA256 the hash in hexadecimal with which the file
	// was stored; zero when unknown. A file of another size is not opened; hashes
	// are compared only when a statement has failed on a file.
	Bytes  int64  `json:",omitempty"`
	SHA256 string `json:",omitempty"`
	// Min and Max are the smallest and the largest p_event_time of the file's
	// rows in microseconds since 1970; both zero when unknown. A file that
	// surely has no row which the statement asks for is not opened.
	Min, Max int64
	// Lacks are values that surely are in no list of indicators (p_any_…) of the
	// file's rows. Of all values only those of [Literals] can matter.
	Lacks []string `json:",omitempty"`
}

// Table is a view over segment files or over other tables.
type Table struct {
	// Name is what the user calls it, in lower case.
	Name string
	// Hidden makes it in HiddenSchema, where other tables can use it and the user
	// neither names nor sees it.
	Hidden bool `json:",omitempty"`
	// SQL is the query behind the view, our own text and never the user's.
	// FilesMark in it stands for the list of paths, as in
	// "SELECT … FROM read_parquet({files}, hive_partitioning = false)". Without
	// that option a folder named like a=1 adds a column.
	SQL string
	// Empty is used instead of SQL when no file is left: a query with the same
	// columns and no rows. It may be empty if SQL has no FilesMark.
	Empty string
	// Files are the files of this table.
	Files []File
	// Uses names the tables that SQL reads besides Files. They must stand before
	// this one in Request.Tables, or in Request.Memory.
	Uses []string
}

// Column is a column of a MemoryTable.
type Column struct {
	Name string
	// Type is a type of DuckDB, such as BIGINT, VARCHAR, TIMESTAMP, VARCHAR[].
	Type string
}

// MemoryTable is a small table that the child makes of rows sent along.
type MemoryTable struct {
	Name string
	// Hidden is that of Table.
	Hidden  bool
	Columns []Column
	// Rows hold values that encoding/json can write: numbers, strings, booleans,
	// nil, slices for list types, time.Time for TIMESTAMP, []byte for BLOB,
	// json.RawMessage for JSON.
	Rows [][]any
}

// Limits bound what a statement may use. A zero field takes its default.
type Limits struct {
	// Timeout is wall-clock time from start to end; default 60 s.
	Timeout time.Duration
	// Memory is DuckDB's memory limit in bytes, default 1 GiB. The address space
	// of the child is bounded by it plus 3 GB, which DuckDB's libraries, threads
	// and Go's runtime need without ever touching most of it.
	Memory int64
	// Temp is how much may be spilled to disk, in bytes; default 4 GiB.
	Temp int64
	// Threads is the number of DuckDB's threads; default 2.
	Threads int
}

func (l Limits) withDefaults() Limits {
	if l.Timeout <= 0 {
		l.Timeout = time.Minute
	}
	if l.Memory <= 0 {
		l.Memory = 1 << 30
	}
	if l.Temp <= 0 {
		l.Temp = 4 << 30
	}
	if l.Threads <= 0 {
		l.Threads = 2
	}
	return l
}

// Request is one statement and all it may see.
type Request struct {
	// SQL is the user's text: one SELECT.
	SQL    string
	Output Output
	// Width is the width of the terminal that table output goes to, in columns.
	// Cells are cut to fit it; 0 cuts nothing.
	Width  int
	Tables []Table
	Memory []MemoryTable
	Limits Limits
	// Repeat is how often the statement runs, for measurements: 0 and 1 are once.
	// Only the rows of the last time are written.
	Repeat int
	// TempDir is where the child's temporary folder is made and removed again;
	// default os.TempDir().
	TempDir string

	// bare leaves out Landlock, so that tests can see what DuckDB's settings hold
	// by themselves.
	bare bool
}

// Result says what was done.
type Result struct {
	// Rows is the number of rows written.
	Rows int64
	// Files is the number of segment files of the tables that the statement
	// names, Pruned how many of them were left out because their times or indicators
	// show that no row matters.
	Files, Pruned int
	// Elapsed is wall-clock time, the start of the child included.
	Elapsed time.Duration
	// Engine is the wall-clock time of each run of the statement within the
	// child, from its text to its last row.
	Engine []time.Duration
}

// Errors by kind, for errors.Is. Their text is what an [Error] shows first.
var (
	// ErrInvalid: the statement is not valid SQL, names something that does not
	// exist, or fails on a value (a cast, a division).
	ErrInvalid = errors.New("the query is not valid")
	// ErrRefused: the statement is SQL that is not allowed here.
	ErrRefused = errors.New("the query is not allowed")
	// ErrTimeout: the statement took longer than its limit.
	ErrTimeout = errors.New("the query took too long")
	// ErrMemory: the statement needed more memory or temporary space than its
	// limit.
	ErrMemory = errors.New("the query needs too much memory")
	// ErrSegmentGone: a segment file is not there, maybe because it was replaced
	// between listing and opening. List again and retry once.
	ErrSegmentGone = errors.New("a segment was removed meanwhile")
	// ErrDamaged: a segment file is not what was stored. This is no fault of the
	// statement, and only a copy of the file helps.
	ErrDamaged = errors.New("a segment cannot be read")
	// ErrWorker: the child failed for another reason; this is no fault of the
	// statement.
	ErrWorker = errors.New("the query worker failed")
)

// Error is why a statement gave no answer, in one line.
type Error struct {
	// Kind is one of the errors above.
	Kind error
	// Message is the reason without the kind's text. Of paths it has no more
	// than the names of segments.
	Message string
	// Segment is the name of the file that ErrSegmentGone and ErrDamaged are
	// about, empty when that is not known.
	Segment string
	// Started tells that output had begun, so that a retry would repeat rows.
	Started bool
}

// Error returns the kind and the reason in one line.
func (e *Error) Error() string {
	if e.Message == "" {
		return e.Kind.Error()
	}
	return e.Kind.Error() + ": " + e.Message
}

// Unwrap returns the kind.
func (e *Error) Unwrap() error { return e.Kind }

// report is the last word of the child, on its third pipe.
type report struct {
	Kind    string `json:"kind,omitempty"`
	Message string `json:"message,omitempty"`
	Segment string `json:"segment,omitempty"`
	Started bool   `json:"-"` // the parent knows
	Rows    int64  `json:"rows"`
	Files   int    `json:"files"`
	Pruned  int    `json:"pruned"`
	// Engine are nanoseconds.
	Engine []time.Duration `json:"engine,omitempty"`
	// Checks are the results of CheckSandbox.
	Checks []Check `json:"checks,omitempty"`
}

// kinds names the error kinds on the pipe.
var kinds = map[string]error{
	"invalid": ErrInvalid, "refused": ErrRefused, "timeout": ErrTimeout,
	"memory": ErrMemory, "gone": ErrSegmentGone, "damaged": ErrDamaged, "worker": ErrWorker,
}

func (r *report) fail(err error) {
	var e *Error
	if !errors.As(err, &e) {
		e = &Error{Kind: ErrWorker, Message: err.Error()}
	}
	for name, kind := range kinds {
		if errors.Is(e.Kind, kind) {
			r.Kind = name
		}
	}
	r.Message, r.Segment = e.Message, e.Segment
}

func (r *report) err() error {
	if r.Kind == "" {
		return nil
	}
	kind := kinds[r.Kind]
	if kind == nil {
		kind = ErrWorker
	}
	return &Error{Kind: kind, Message: r.Message, Segment: r.Segment, Started: r.Started}
}

// message is a Request as it goes to the child.
type message struct {
	SQL     string        `json:"sql"`
	Output  Output        `json:"output"`
	Width   int           `json:"width"`
	Tables  []Table       `json:"tables"`
	Memory  []memoryTable `json:"memory"`
	Limits  Limits        `json:"limits"`
	Repeat  int           `json:"repeat,omitempty"`
	TempDir string        `json:"temp_dir"`
	// Bare leaves out Landlock, for tests.
	Bare bool `json:"bare,omitempty"`
	// Check asks for the attacks of CheckSandbox instead of SQL.
	Check *checkOrder `json:"check,omitempty"`
}

type memoryTable struct {
	Name    string          `json:"name"`
	Hidden  bool            `json:"hidden,omitempty"`
	Columns []Column        `json:"columns"`
	Rows    json.RawMessage `json:"rows"`
}

// tableName is what names of tables must look like, ours and those of common
// table expressions: nothing that could be a path or an address.
var tableName = regexp.MustCompile(`^[\p{L}_][\p{L}\p{N}_$ -]{0,127}$`)

func (r *Request) check() error {
	switch r.Output {
	case OutputTable, OutputJSON, OutputNDJSON, OutputCSV:
	default:
		return fmt.Errorf("output %q is unknown: use table, json, ndjson or csv", r.Output)
	}
	if len(r.SQL) > maxSQL {
		return &Error{Kind: ErrRefused, Message: fmt.Sprintf("its text is longer than %d bytes", maxSQL)}
	}
	if !utf8.ValidString(r.SQL) {
		return &Error{Kind: ErrInvalid, Message: "its text is not valid UTF-8"}
	}
	if strings.TrimSpace(r.SQL) == "" {
		return &Error{Kind: ErrInvalid, Message: "its text is empty"}
	}
	seen := map[string]bool{}
	for _, t := range r.Memory { // they are made first, so views may use them
		if err := checkName(seen, t.Name); err != nil {
			return err
		}
	}
	for _, t := range r.Tables {
		if err := t.check(seen); err != nil {
			return err
		}
	}
	return nil
}

func (t *Table) check(seen map[string]bool) error {
	for _, f := range t.Files {
		if !filepath.IsAbs(f.Path) {
			return fmt.Errorf("table %q has a file with a relative path: %s", t.Name, f.Path)
		}
	}
	for _, u := range t.Uses {
		if !seen[u] {
			return fmt.Errorf("table %q uses %q, which does not stand before it", t.Name, u)
		}
	}
	return checkName(seen, t.Name)
}

func checkName(seen map[string]bool, name string) error {
	if !tableName.MatchString(name) || strings.ToLower(name) != name {
		return fmt.Errorf("table name %q is not a lower-case name", name)
	}
	if seen[name] {
		return fmt.Errorf("table name %q is used twice", name)
	}
	seen[name] = true
	return nil
}
