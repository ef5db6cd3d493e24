package main

import (
	"context"
	"errors"
	"fmt"
	"io"

	"github.com/margay-audit/margay/store"
	"github.com/margay-audit/margay/store/query"
)

type storeCmd struct {
	Ls      storeLsCmd      `cmd:"" help:"List the segments."`
	Inspect storeInspectCmd `cmd:"" help:"Show what a segment file says of itself."`
	Verify  storeVerifyCmd  `cmd:"" help:"Check the chain of commits, the files and the digests of what was received."`
	Rebuild storeRebuildCmd `cmd:"" help:"Make the catalog anew from the segments."`
	Resume  storeResumeCmd  `cmd:"" name:"resume-retention" help:"Let retention go on after the clock jumped."`
}

type storeLsCmd struct {
	location
	Output string `short:"o" enum:"table,json,ndjson,csv" default:"table" help:"table, json, ndjson or csv."`
}

func (c storeLsCmd) Run(ctx context.Context, p *program) error {
	dir, err := c.existing(p)
	if err != nil {
		return err
	}
	req := query.Request{
		SQL: `SELECT name, tier, row_count AS "rows", bytes, raw_bytes, event_min, event_max, commit_number AS "commit"
FROM margay_segments ORDER BY log_type, commit_number, name`,
		Output: query.Output(c.Output),
	}
	if width, ok := isTerminal(p.stdout); ok {
		req.Width = width
	}
	_, err = ask(ctx, dir, req, p.stdout, p.stderr)
	return err
}

type storeVerifyCmd struct {
	location
}

func (c storeVerifyCmd) Run(ctx context.Context, p *program) error {
	dir, err := c.existing(p)
	if err != nil {
		return err
	}
	report, err := store.Verify(ctx, dir)
	if err != nil {
		return err
	}
	for _, f := range report.Findings {
		fmt.Fprintln(p.stdout, f)
	}
	for _, n := range report.Notes {
		fmt.Fprintln(p.stdout, "note:", n)
	}
	fmt.Fprintf(p.stdout, "checked %s commits and %s segments: %s events, %s\n",
		countText(int64(report.Commits)), countText(int64(report.Segments)), countText(report.Rows), bytesText(report.Bytes))
	fmt.Fprintf(p.stdout, "head: commit %d, %s\n\n%s\n\n", report.Number, report.Head, store.Limits)
	if n := len(report.Findings); n > 0 {
		fmt.Fprintf(p.stdout, "%d problem%s found\n", n, plural(int64(n)))
		return withCode(exitFailed, errors.New("the store is not as it was written"))
	}
	fmt.Fprintln(p.stdout, "ok")
	return nil
}

type storeRebuildCmd struct {
	location
}

// Help says what a rebuild needs and leaves.
func (storeRebuildCmd) Help() string {
	return `Reads the footers of all segments and makes the catalog from them: which segments
are live, and how far each stream was read. The old catalog is kept beside the new
one; nothing is deleted. No margay may be writing to the folder.

What was stored once and is not there any more is named, and the exit status is 1;
the catalog is made all the same.`
}

func (c storeRebuildCmd) Run(ctx context.Context, p *program) error {
	dir, err := c.existing(p)
	if err != nil {
		return err
	}
	report, err := store.Rebuild(ctx, dir, store.Options{Log: p.log})
	var locked *store.LockedError
	if errors.As(err, &locked) {
		return withCode(exitUsage, err)
	}
	if err != nil {
		return err
	}
	printRebuild(p.stdout, report)
	if !report.Loss.Empty() {
		return withCode(exitFailed, errors.New("the catalog is made anew and can be used, but events are lost"))
	}
	return nil
}

func printRebuild(w io.Writer, r *store.RebuildReport) {
	fmt.Fprintf(w, "the catalog was made anew from %s segment%s: %s row%s, %s stream%s, up to commit %d\n",
		countText(int64(r.Segments)), plural(int64(r.Segments)), countText(r.Rows), plural(r.Rows), countText(int64(r.Streams)), plural(int64(r.Streams)), r.Last)
	if r.OldCatalog != "" {
		fmt.Fprintf(w, "the old catalog is kept as %s\n", r.OldCatalog)
	}
	for _, name := range r.Adopted {
		fmt.Fprintf(w, "taken back from orphans/: %s\n", name)
	}
	for _, o := range r.SetAside {
		fmt.Fprintf(w, "set aside in orphans/: %s: %s\n", o.Name, o.Reason)
	}
	for _, name := range r.Damaged {
		fmt.Fprintf(w, "DAMAGED, its events cannot all be read: %s\n", name)
	}
	printLoss(w, &r.Loss)
}

// printLoss says what is lost and what can be done: most often loading the log
// again does not help, because its streams count as read.
func printLoss(w io.Writer, l *store.Loss) {
	if l.Empty() {
		return
	}
	fmt.Fprintln(w)
	for i := range l.Segments {
		fmt.Fprintf(w, "LOST: %s\n", &l.Segments[i])
	}
	for _, c := range l.Commits {
		fmt.Fprintf(w, "LOST: %s: %s\n", c, c.Problem())
	}
	if n := l.Rows(); n > 0 {
		fmt.Fprintf(w, "in all %s event%s\n", countText(n), plural(n))
	}
	fmt.Fprint(w, `
Bring the files back from a backup and rebuild again; "margay store verify" and
"margay status" tell of them until then. A stream "which is read again" brings its
events back as soon as its source is read as usual. The other streams stay where
they are: reading their log again stores nothing, but while it is still there,
"margay load" can put it into a data folder of its own.
`)
}

const resumeCommand = "store resume-retention"

type storeResumeCmd struct {
	location
}

// Help says when this is needed.
func (storeResumeCmd) Help() string {
	return `Retention goes by the clock, and a clock that jumps by more than a day could make
it drop everything. It is suspended then, status says so, and it goes on when the
clock has come back, or when you say here that the clock is right as it is now.`
}

func (c storeResumeCmd) Run(ctx context.Context, p *program) error {
	was, err := handOver(ctx, p, c.location, resumeCommand, nil, func(int64, int64) {}, func(ctx context.Context, d *daemon) (bool, error) {
		return d.resumeRetention(ctx)
	})
	switch {
	case err != nil:
		return err
	case was:
		fmt.Fprintln(p.stdout, "retention goes on, with the clock as it is now")
	default:
		fmt.Fprintln(p.stdout, "retention was not suspended; nothing has changed")
	}
	return nil
}

// resumeRetention tells whether retention was suspended.
func (d *daemon) resumeRetention(ctx context.Context) (was bool, err error) {
	if d.store.Suspended() == "" {
		return false, nil
	}
	return true, d.store.ResumeRetention(ctx)
}
