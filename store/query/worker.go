package query

import (
	"bufio"
	"encoding/json"
	"errors"
	"fmt"
	"io"
	"maps"
	"os"
	"runtime"
	"strings"
	"time"
)

// reportFile is the number of the pipe on which the child leaves its report.
const reportFile = 3

// maxMessage is the longest message in bytes: the report must fit into the
// pipe, which nobody reads before the child has ended.
const maxMessage = 4 << 10

// Worker is the main function of the child: a program that is called with
// WorkerCommand must do nothing before it and exit with its result. It reads a
// request from standard input and writes rows to standard output.
func Worker() int {
	return worker{gate: inspect, settings: true, selectOnly: true}.work(os.Stdin, os.Stdout, os.NewFile(reportFile, "report"))
}

// worker has the inner layers as parts, so that tests can try what holds
// without them.
type worker struct {
	gate     func(sql string, serialize serializer, tables []string) (*plan, error)
	settings bool
	// selectOnly refuses, once more, what the prepared statement says not to be
	// a SELECT.
	selectOnly bool
}

func (w worker) work(in io.Reader, out io.Writer, reports io.WriteCloser) int {
	runtime.LockOSThread() // the thread that is restricted, and that starts DuckDB's
	var r report
	err := w.answer(in, out, &r)
	if err != nil {
		r.fail(err)
		r.Message = r.Message[:min(len(r.Message), maxMessage)]
	}
	if err := json.NewEncoder(reports).Encode(&r); err != nil {
		return 1
	}
	if err := reports.Close(); err != nil || r.Kind != "" {
		return 1
	}
	return 0
}

func (w worker) answer(in io.Reader, out io.Writer, r *report) error {
	var m message
	if err := json.NewDecoder(io.LimitReader(in, maxRequest)).Decode(&m); err != nil {
		return fmt.Errorf("read the request: %w", err)
	}
	if err := confine(m.Limits); err != nil {
		return err
	}
	if m.Check != nil {
		checks, err := runChecks(&m)
		r.Checks = checks
		return err
	}
	e, err := startEngine(&m)
	if err != nil {
		return err
	}
	// The process ends with the statement: the instance is not torn down.
	p, err := w.gate(m.SQL, e.serialize, m.names())
	if err != nil {
		return explain(err, &m)
	}
	paths, err := e.fill(&m, p, r)
	if err != nil {
		return explain(err, &m)
	}
	if err := e.confine(paths); err != nil {
		return err
	}
	if err := e.views(&m); err != nil {
		return explain(err, &m)
	}
	if w.settings {
		if err := e.lock(); err != nil {
			return err
		}
	}
	for n := max(1, m.Repeat); n > 0; n-- {
		to := io.Discard
		if n == 1 {
			to = out
		}
		start := time.Now()
		if err := e.stream(&m, to, r, w.selectOnly); err != nil {
			return explain(err, &m)
		}
		r.Engine = append(r.Engine, time.Since(start))
	}
	return nil
}

// names are the tables that a statement may name.
func (m *message) names() []string {
	names := make([]string, 0, len(m.Tables)+len(m.Memory))
	for _, t := range m.Tables {
		if !t.Hidden {
			names = append(names, t.Name)
		}
	}
	for _, t := range m.Memory {
		if !t.Hidden {
			names = append(names, t.Name)
		}
	}
	return names
}

// fill makes the memory tables that the plan needs, leaves out the files that
// it does not need, and returns the paths that remain.
func (e *engine) fill(m *message, p *plan, r *report) ([]string, error) {
	need, listed := m.closure(p)
	span, wants := p.span(), p.wants()
	var paths []string
	seen := map[string]bool{}
	kept := m.Tables[:0]
	for _, t := range m.Tables {
		if !need[t.Name] {
			continue
		}
		if listed[t.Name] && t.Empty != "" {
			t.Files = nil
		}
		var files []File
		for _, f := range t.Files {
			if seen[f.Path] {
				files = append(files, f)
				continue
			}
			r.Files++
			if (span.misses(f) || f.lacksAny(wants)) && t.Empty != "" {
				r.Pruned++
				continue
			}
			seen[f.Path] = true
			files = append(files, f)
			paths = append(paths, f.Path)
		}
		if err := look(files); err != nil {
			return nil, err
		}
		t.Files = files
		kept = append(kept, t)
	}
	m.Tables = kept
	for _, t := range m.Memory {
		if !need[t.Name] {
			continue
		}
		if err := e.memory(t); err != nil {
			return nil, fmt.Errorf("make table %s: %w", t.Name, err)
		}
	}
	return paths, nil
}

// closure returns the tables that the plan names and those behind them, and
// which of them are only listed: nobody sees their rows.
func (m *message) closure(p *plan) (need, listed map[string]bool) {
	need, listed = map[string]bool{}, map[string]bool{}
	for _, n := range p.tables {
		need[n] = true
	}
	m.addUsed(need)
	if p.all {
		for _, n := range m.names() {
			listed[n] = !need[n]
			need[n] = true
		}
		behind := maps.Clone(need)
		m.addUsed(behind)
		for n := range behind {
			listed[n] = listed[n] || !need[n]
		}
		need = behind
	}
	return need, listed
}

// addUsed adds what tables use. A table stands behind those it uses.
func (m *message) addUsed(need map[string]bool) {
	for i := len(m.Tables) - 1; i >= 0; i-- {
		if need[m.Tables[i].Name] {
			for _, u := range m.Tables[i].Uses {
				need[u] = true
			}
		}
	}
}

// memory makes a table of rows that came along as JSON.
func (e *engine) memory(t memoryTable) error {
	cols, casts := make([]string, len(t.Columns)), make([]string, len(t.Columns))
	for i, c := range t.Columns {
		cols[i] = ident(c.Name) + " " + c.Type
		casts[i] = memoryCast(i, c.Type)
	}
	name, err := e.place(t.Name, t.Hidden)
	if err != nil {
		return err
	}
	if err := e.exec(fmt.Sprintf("CREATE TABLE %s (%s)", name, strings.Join(cols, ", "))); err != nil {
		return err
	}
	_, err = e.text(fmt.Sprintf("INSERT INTO %s SELECT %s FROM (SELECT unnest(?::JSON::JSON[]) AS r)",
		name, strings.Join(casts, ", ")), string(t.Rows))
	return err
}

// place returns where a table is made, and makes the schema for it.
func (e *engine) place(name string, hidden bool) (string, error) {
	if !hidden {
		return ident(name), nil
	}
	return ident(HiddenSchema) + "." + ident(name), e.exec("CREATE SCHEMA IF NOT EXISTS " + ident(HiddenSchema))
}

func memoryCast(i int, typ string) string {
	switch strings.ToUpper(typ) {
	case "BLOB":
		return fmt.Sprintf("from_base64(r->>%d)", i)
	case "JSON":
		return fmt.Sprintf("CASE WHEN json_type(r, '$[%d]') = 'NULL' THEN NULL ELSE r->%d END", i, i)
	case "VARCHAR":
		return fmt.Sprintf("r->>%d", i)
	}
	if strings.HasSuffix(typ, "]") || strings.HasSuffix(typ, ")") {
		return fmt.Sprintf("CAST(r->%d AS %s)", i, typ)
	}
	return fmt.Sprintf("CAST(r->>%d AS %s)", i, typ)
}

// confine names the only files that can be opened. It must come before the
// views, which open them.
func (e *engine) confine(paths []string) error {
	list := make([]string, len(paths))
	for i, p := range paths {
		list[i] = quote(p)
	}
	for _, sql := range []string{
		"SET TimeZone = 'UTC'",
		"SET Calendar = 'gregorian'",
		"SET allowed_paths = [" + strings.Join(list, ", ") + "]",
	} {
		if err := e.exec(sql); err != nil {
			return fmt.Errorf("set up duckdb: %w", err)
		}
	}
	return nil
}

func (e *engine) views(m *message) error {
	for _, t := range m.Tables {
		sql := t.SQL
		if strings.Contains(sql, FilesMark) {
			if len(t.Files) == 0 {
				sql = t.Empty
			}
			list := make([]string, len(t.Files))
			for i, f := range t.Files {
				list[i] = quote(f.Path)
			}
			sql = strings.ReplaceAll(sql, FilesMark, "["+strings.Join(list, ", ")+"]")
		}
		name, err := e.place(t.Name, t.Hidden)
		if err == nil {
			err = e.exec(fmt.Sprintf("CREATE VIEW %s AS %s", name, sql))
		}
		if err == nil {
			continue
		}
		if err := blame(err.Error(), m, true); err != nil {
			return err
		}
		return &Error{Kind: ErrWorker, Message: fmt.Sprintf("make table %s: %s", t.Name, oneLine(err.Error()))}
	}
	return nil
}

func (e *engine) stream(m *message, out io.Writer, r *report, selectOnly bool) error {
	s, err := e.prepare(m.SQL)
	if err != nil {
		return err
	}
	defer s.close()
	if selectOnly && !s.isSelect() {
		return refuse("it is not a SELECT")
	}
	names, types, err := s.columns()
	if err != nil {
		return err
	}
	r.Rows = 0
	buf := bufio.NewWriterSize(out, 64<<10)
	w, err := newRowWriter(buf, m.Output, m.Width, names, types)
	if err != nil {
		return err
	}
	err = s.run(func(cols []vector, n int) error {
		r.Rows += int64(n)
		return w.rows(cols, n)
	})
	if err != nil {
		return err
	}
	if err := w.end(); err != nil {
		return fmt.Errorf("write rows: %w", err)
	}
	if err := buf.Flush(); err != nil {
		return fmt.Errorf("write rows: %w", err)
	}
	return nil
}

// explain turns an error of DuckDB into one of ours, in one line and without
// the paths of segments.
func explain(err error, m *message) error {
	if err == nil {
		return nil
	}
	var known *Error
	if errors.As(err, &known) {
		known.Message = hidePaths(known.Message, m)
		return known
	}
	msg := err.Error()
	if err := blame(msg, m, false); err != nil {
		return err
	}
	e := &Error{Kind: ErrInvalid, Message: hidePaths(oneLine(msg), m)}
	switch {
	case strings.Contains(msg, "Out of Memory"), strings.Contains(msg, "could not allocate"), strings.Contains(msg, "bad_alloc"),
		strings.Contains(msg, "max_temp_directory_size"), strings.Contains(msg, "Failed to allocate"), strings.Contains(msg, "File too large"):
		e.Kind = ErrMemory
		e.Message, _, _ = strings.Cut(e.Message, "Possible solutions")
		e.Message = strings.TrimSpace(e.Message)
	case strings.HasPrefix(msg, "Permission Error"):
		e.Kind = ErrRefused
	case strings.HasPrefix(msg, "IO Error"), strings.HasPrefix(msg, "INTERNAL Error"), strings.HasPrefix(msg, "FATAL Error"),
		strings.HasPrefix(msg, "write rows"):
		e.Kind = ErrWorker
	}
	return e
}

// gone tells whether DuckDB did not find a file.
func gone(msg string) bool {
	return strings.Contains(msg, "No files found that match") || outsideOf(msg) ||
		strings.Contains(msg, "Cannot open file") && strings.Contains(msg, "No such file")
}

// hidePaths replaces the folders of segments and the temporary folder.
func hidePaths(msg string, m *message) string {
	for _, t := range m.Tables {
		for _, f := range t.Files {
			if strings.Contains(msg, f.Path) {
				msg = strings.ReplaceAll(msg, f.Path, "segment "+f.label())
			}
		}
	}
	if m.TempDir != "" {
		msg = strings.ReplaceAll(msg, m.TempDir, "the temporary folder")
	}
	return msg
}

// oneLine folds a message of DuckDB: the excerpt of the statement with its
// caret goes, line breaks become spaces.
func oneLine(msg string) string {
	if i := strings.Index(msg, "\n\nLINE "); i >= 0 {
		line, _, _ := strings.Cut(msg[i+len("\n\nLINE "):], ":")
		msg = msg[:i] + " (line " + line + ")"
	}
	return strings.Join(strings.Fields(msg), " ")
}
