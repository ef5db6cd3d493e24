package query

import (
	"errors"
	"fmt"
	"io"
	"strings"

	duckdb "github.com/duckdb/duckdb-go-bindings"
)

// engine is one in-memory instance of DuckDB with one connection. It speaks to
// the C interface directly and not through database/sql: rows are streamed, a
// statement is prepared alone, and numbers keep their digits.
type engine struct {
	db   duckdb.Database
	conn duckdb.Connection
}

// openEngine starts an instance that can neither load extensions nor use more
// than the limits. It can still open files, until lock.
func openEngine(l Limits, temp string) (*engine, error) {
	var config duckdb.Config
	if duckdb.CreateConfig(&config) == duckdb.StateError {
		return nil, errors.New("start duckdb: no configuration")
	}
	defer duckdb.DestroyConfig(&config)
	for _, s := range [][2]string{
		{"threads", "1"}, // more only when the thread is restricted for good
		{"memory_limit", fmt.Sprintf("%dB", l.Memory)},
		{"temp_directory", temp},
		{"max_temp_directory_size", fmt.Sprintf("%dB", l.Temp)},
		{"autoinstall_known_extensions", "false"},
		{"autoload_known_extensions", "false"},
		{"allow_community_extensions", "false"},
		{"allow_persistent_secrets", "false"},
	} {
		if duckdb.SetConfig(config, s[0], s[1]) == duckdb.StateError {
			return nil, fmt.Errorf("start duckdb: setting %s is not known", s[0])
		}
	}
	e := &engine{}
	var msg string
	if duckdb.OpenExt("", &e.db, config, &msg) == duckdb.StateError {
		return nil, fmt.Errorf("start duckdb: %s", msg)
	}
	if duckdb.Connect(e.db, &e.conn) == duckdb.StateError {
		duckdb.Close(&e.db)
		return nil, errors.New("connect to duckdb")
	}
	return e, nil
}

// startEngine opens an instance on the calling thread, which the goroutine must
// own, and restricts that thread before DuckDB starts others on it.
func startEngine(m *message) (*engine, error) {
	e, err := openEngine(m.Limits, m.TempDir)
	if err != nil {
		return nil, err
	}
	if err := narrow(m); err != nil {
		e.close()
		return nil, err
	}
	if err := e.exec(fmt.Sprintf("SET threads = %d", m.Limits.Threads)); err != nil {
		e.close()
		return nil, fmt.Errorf("start duckdb's threads: %w", err)
	}
	return e, nil
}

func (e *engine) close() {
	duckdb.Disconnect(&e.conn)
	duckdb.Close(&e.db)
}

// exec runs a statement of our own.
func (e *engine) exec(sql string) error {
	var res duckdb.Result
	defer duckdb.DestroyResult(&res)
	if duckdb.Query(e.conn, sql, &res) == duckdb.StateError {
		return errors.New(duckdb.ResultError(&res))
	}
	return nil
}

// lock takes away every file but paths, and every setting.
func (e *engine) lock() error {
	for _, sql := range []string{"SET enable_external_access = false", "SET lock_configuration = true"} {
		if err := e.exec(sql); err != nil {
			return fmt.Errorf("%s: %w", strings.ToLower(sql), err)
		}
	}
	return nil
}

// prepare prepares exactly one statement and runs nothing.
func (e *engine) prepare(sql string) (*statement, error) {
	var stmts duckdb.ExtractedStatements
	n := duckdb.ExtractStatements(e.conn, sql, &stmts)
	defer duckdb.DestroyExtracted(&stmts)
	if n == 0 {
		if msg := duckdb.ExtractStatementsError(stmts); msg != "" {
			return nil, errors.New(msg)
		}
		return nil, errors.New("there is no statement")
	}
	if n != 1 {
		return nil, &Error{Kind: ErrRefused, Message: "it is more than one statement"}
	}
	s := &statement{}
	if duckdb.PrepareExtractedStatement(e.conn, stmts, 0, &s.stmt) == duckdb.StateError {
		msg := duckdb.PrepareError(s.stmt)
		duckdb.DestroyPrepare(&s.stmt)
		return nil, errors.New(msg)
	}
	return s, nil
}

// text runs a statement of our own with one text parameter and returns the
// first column of its first row if that is text. INSERT returns a number there.
func (e *engine) text(sql, param string) (string, error) {
	s, err := e.prepare(sql)
	if err != nil {
		return "", err
	}
	defer s.close()
	if duckdb.BindVarcharLength(s.stmt, 1, param, duckdb.IdxT(len(param))) == duckdb.StateError {
		return "", errors.New("bind the text")
	}
	var out string
	err = s.run(func(cols []vector, n int) error {
		if n > 0 && out == "" && cols[0].t.id == duckdb.TypeVarchar && !cols[0].null(0) {
			out = string(cols[0].bytes(0))
		}
		return nil
	})
	return out, err
}

// statement is a prepared statement.
type statement struct{ stmt duckdb.PreparedStatement }

func (s *statement) close() { duckdb.DestroyPrepare(&s.stmt) }

// isSelect tells whether DuckDB takes the statement for a query. PRAGMA and
// SHOW count as such too.
func (s *statement) isSelect() bool {
	return duckdb.PreparedStatementType(s.stmt) == duckdb.StatementTypeSelect
}

// columns returns names and types of the result, known before it runs.
func (s *statement) columns() ([]string, []*colType, error) {
	n := int(duckdb.PreparedStatementColumnCount(s.stmt))
	names, types := make([]string, n), make([]*colType, n)
	for i := range n {
		names[i] = duckdb.PreparedStatementColumnName(s.stmt, duckdb.IdxT(i))
		lt := duckdb.PreparedStatementColumnLogicalType(s.stmt, duckdb.IdxT(i))
		t, err := newColType(lt)
		duckdb.DestroyLogicalType(&lt)
		if err != nil {
			return nil, nil, &Error{Kind: ErrInvalid, Message: fmt.Sprintf("column %q %v", names[i], err)}
		}
		types[i] = t
	}
	return names, types, nil
}

// run executes the statement and hands its rows to visit chunk by chunk while
// it goes on: what is not fetched yet is not computed yet. The vectors belong
// to the engine and are valid during the call only.
func (s *statement) run(visit func(cols []vector, rows int) error) error {
	_, types, err := s.columns()
	if err != nil {
		return err
	}
	var pending duckdb.PendingResult
	// The streaming calls are marked as deprecated for want of a successor; the
	// others keep the whole result in memory.
	state := duckdb.PendingPreparedStreaming(s.stmt, &pending)
	defer duckdb.DestroyPending(&pending)
	if state == duckdb.StateError {
		return errors.New(duckdb.PendingError(pending))
	}
	var res duckdb.Result
	defer duckdb.DestroyResult(&res)
	if duckdb.ExecutePending(pending, &res) == duckdb.StateError {
		return errors.New(duckdb.ResultError(&res))
	}
	cols := make([]vector, len(types))
	for i, t := range types {
		cols[i].init(t)
	}
	for {
		err := fetch(&res, cols, visit)
		if errors.Is(err, io.EOF) {
			return nil
		}
		if err != nil {
			return err
		}
	}
}

// fetch hands one chunk to visit; io.EOF means that there is none left.
func fetch(res *duckdb.Result, cols []vector, visit func([]vector, int) error) error {
	chunk := duckdb.FetchChunk(*res)
	if chunk.Ptr == nil {
		if msg := duckdb.ResultError(res); msg != "" {
			return errors.New(msg)
		}
		return io.EOF
	}
	defer duckdb.DestroyDataChunk(&chunk)
	n := int(duckdb.DataChunkGetSize(chunk))
	if n == 0 {
		return io.EOF
	}
	for i := range cols {
		cols[i].bind(duckdb.DataChunkGetVector(chunk, duckdb.IdxT(i)))
	}
	return visit(cols, n)
}

// quote writes an SQL string literal.
func quote(s string) string { return "'" + strings.ReplaceAll(s, "'", "''") + "'" }

// ident writes an SQL identifier.
func ident(s string) string { return `"` + strings.ReplaceAll(s, `"`, `""`) + `"` }
