package main

import (
	"context"
	"errors"
	"io"
	"strings"
	"time"

	"github.com/margay-audit/margay/store"
	"github.com/margay-audit/margay/store/query"
)

type sqlCmd struct {
	location
	Output       string        `short:"o" enum:"auto,table,json,ndjson,csv" default:"auto" help:"table, json, ndjson or csv; the default is a table."`
	Timeout      time.Duration `default:"60s" help:"Give up after this long."`
	Memory       int64         `default:"1024" placeholder:"MB" help:"How much memory the query may use, in MB."`
	CheckSandbox bool          `help:"Try to break out in every known way, and say what holds."`
	Query        string        `arg:"" optional:"" name:"select" help:"One SELECT in DuckDB's SQL; - reads it from standard input."`
}

// Help lists what can be asked.
func (sqlCmd) Help() string {
	return `There is a table for each log type, named in lower case with _ for the dot
(mongodb_audit, mongodb_organizationevent, mongodb_projectevent, mongodb_auditocsf,
rapid7_auditlog), the view "events" over all of them with what they have in
common, and margay_quarantine. About the store itself: margay_sources,
margay_streams, margay_segments, margay_commits, margay_commands.

Every table has p_event_time, p_log_type, p_row_id, p_source_label, the lists of
indicators p_any_ip_addresses, p_any_usernames and so on, and the received event:
p_raw as text, p_raw_bytes byte for byte. Times are UTC.

  margay sql "SELECT atype, count(*) FROM mongodb_audit GROUP BY ALL ORDER BY 2 DESC"
  margay sql "SELECT p_event_time, p_raw FROM events
              WHERE list_contains(p_any_usernames, 'anna.ito') LIMIT 20"
  margay sql "SHOW TABLES"
  margay sql "DESCRIBE mongodb_audit"

The query runs in a process of its own that can read the segments and nothing
else, and write nothing. It works whether margay run is running or not.`
}

func (c sqlCmd) Run(ctx context.Context, p *program) error {
	if c.CheckSandbox {
		return checkSandbox(ctx, p)
	}
	text := c.Query
	if text == "-" {
		all, err := io.ReadAll(io.LimitReader(p.stdin, 2<<20))
		if err != nil {
			return err
		}
		text = string(all)
	}
	if strings.TrimSpace(text) == "" {
		return withCode(exitUsage, errors.New(`no query: try margay sql 'SELECT atype, count(*) FROM mongodb_audit GROUP BY 1'`))
	}
	dir, err := c.existing(p)
	if err != nil {
		return err
	}
	req := query.Request{
		SQL: text, Output: query.Output(c.Output),
		Limits: query.Limits{Timeout: c.Timeout, Memory: c.Memory << 20},
	}
	if c.Output == "auto" {
		req.Output = query.OutputTable
	}
	if width, ok := isTerminal(p.stdout); ok {
		req.Width = width
	}
	_, err = ask(ctx, dir, req, p.stdout, p.stderr)
	return withCode(sqlExitCode(err), err)
}

func sqlExitCode(err error) int {
	if errors.Is(err, query.ErrInvalid) || errors.Is(err, query.ErrRefused) {
		return exitUsage
	}
	return exitCodeOf(err)
}

// ask answers one query over what is stored in dir now. A merge may take a file
// away between listing and reading; then the list is made anew, once.
func ask(ctx context.Context, dir string, req query.Request, stdout, stderr io.Writer) (query.Result, error) {
	for again := false; ; again = true {
		if err := addTables(ctx, dir, &req); err != nil {
			return query.Result{}, err
		}
		result, err := query.Run(ctx, req, stdout, stderr)
		var failed *query.Error
		if !errors.Is(err, query.ErrSegmentGone) || !errors.As(err, &failed) || failed.Started {
			return result, err
		}
		if again { // no merge: what the catalog names now is not there
			return result, &query.Error{
				Kind: query.ErrDamaged, Segment: failed.Segment,
				Message: failed.Message + "; see margay store verify, and restore it from a backup",
			}
		}
	}
}

// addTables puts the tables as they are now into a request.
func addTables(ctx context.Context, dir string, req *query.Request) error {
	r, err := store.OpenReader(dir)
	if err != nil {
		return err
	}
	defer r.Close()
	if req.Tables, err = eventTables(ctx, r, req.SQL); err != nil {
		return err
	}
	req.Memory, err = systemTables(ctx, r, req.SQL)
	return err
}

func checkSandbox(ctx context.Context, p *program) error {
	report, err := query.CheckSandbox(ctx)
	if err != nil {
		return err
	}
	if err := report.Print(p.stdout); err != nil {
		return err
	}
	if !report.OK() {
		return withCode(exitFailed, errors.New("the sandbox does not hold"))
	}
	return nil
}

type workerCmd struct{}

// Run exists for the table of commands; main starts the worker before.
func (workerCmd) Run() error {
	return withCode(query.Worker(), errSilent)
}
