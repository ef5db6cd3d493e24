package main

import (
	"context"
	"encoding/hex"
	"errors"
	"fmt"
	"io"
	"slices"
	"strings"
	"time"
	"unicode/utf8"

	"github.com/margay-audit/margay/event"
	"github.com/margay-audit/margay/store"
	"github.com/margay-audit/margay/store/query"
)

const replayCommand = "quarantine replay"

type quarantineCmd struct {
	List   quarantineListCmd   `cmd:"" help:"List what is in quarantine, with the reason."`
	Show   quarantineShowCmd   `cmd:"" help:"Show records in quarantine whole."`
	Replay quarantineReplayCmd `cmd:"" help:"Try again to store them, after a fix."`
}

type quarantineListCmd struct {
	location
	Output string `short:"o" enum:"table,json,ndjson,csv" default:"table" help:"table, json, ndjson or csv."`
	Limit  int    `default:"1000" help:"List this many at the most, newest first."`
}

func (c quarantineListCmd) Run(ctx context.Context, p *program) error {
	dir, err := c.existing(p)
	if err != nil {
		return err
	}
	req := query.Request{
		SQL: fmt.Sprintf(`SELECT p_row_id, p_parse_time AS stored, p_source_label AS source, p_source_file AS file,
	CAST('0x' || right(p_row_id, 16) AS UBIGINT) AS "offset", coalesce(original_size, octet_length(p_raw_bytes)) AS bytes, reason
FROM margay_quarantine ORDER BY p_parse_time DESC, p_row_id DESC LIMIT %d`, max(c.Limit, 0)),
		Output: query.Output(c.Output),
	}
	if width, ok := isTerminal(p.stdout); ok {
		req.Width = width
	}
	_, err = ask(ctx, dir, req, p.stdout, p.stderr)
	return err
}

// selection says which records a command is about.
type selection struct {
	All  bool     `help:"Everything in quarantine."`
	Rows []string `arg:"" optional:"" name:"row-id" help:"Records by their p_row_id, or the beginning of it."`
}

func (s selection) check() error {
	if s.All == (len(s.Rows) > 0) {
		return withCode(exitUsage, errors.New("name records by their p_row_id, or take --all; margay quarantine list shows them"))
	}
	return nil
}

func (s selection) has(id event.RowID) bool {
	text := id.String()
	return s.All || slices.ContainsFunc(s.Rows, func(row string) bool { return strings.HasPrefix(text, strings.ToLower(row)) })
}

type quarantineShowCmd struct {
	location
	selection
	Raw bool `help:"Print the received bytes and nothing else, a line each."`
}

func (c quarantineShowCmd) Run(ctx context.Context, p *program) error {
	if err := c.check(); err != nil {
		return err
	}
	dir, err := c.existing(p)
	if err != nil {
		return err
	}
	r, err := store.OpenReader(dir)
	if err != nil {
		return err
	}
	defer r.Close()
	shown := 0
	err = r.Quarantine(ctx, func(q *store.Quarantined) error {
		if q.Resolved || !c.has(q.ID) {
			return nil
		}
		shown++
		if c.Raw {
			_, err := fmt.Fprintf(p.stdout, "%s\n", q.Raw)
			return err
		}
		return showQuarantined(p.stdout, q)
	})
	if err == nil && shown == 0 && !c.All {
		err = errors.New("no record in quarantine has such a p_row_id: margay quarantine list shows them")
	}
	return err
}

func showQuarantined(w io.Writer, q *store.Quarantined) error {
	fmt.Fprintf(w, "p_row_id  %s\nsource    %s\n", q.ID, q.SourceLabel)
	if q.File != "" {
		fmt.Fprintf(w, "file      %s, offset %d\n", q.File, q.ID.Lo)
	}
	fmt.Fprintf(w, "stored    %s\nreason    %s\n", q.Stored.Format(time.RFC3339), q.Reason)
	if q.OriginalSize > 0 {
		fmt.Fprintf(w, "original  %s bytes, SHA-256 %s; only its beginning was kept\n", countText(q.OriginalSize), q.OriginalSHA256)
	}
	fmt.Fprintf(w, "received  %s, %s bytes\n", q.Form, countText(int64(len(q.Raw))))
	text := string(q.Raw)
	if q.Form == event.BSON || !utf8.ValidString(text) || strings.ContainsFunc(text, func(r rune) bool { return r < ' ' && r != '\t' && r != '\n' }) {
		text = strings.TrimSuffix(hex.Dump(q.Raw), "\n")
	}
	_, err := fmt.Fprintf(w, "%s\n\n", text)
	return err
}

type quarantineReplayCmd struct {
	location
	selection
}

// Help says what a replay does.
func (quarantineReplayCmd) Help() string {
	return `Decodes and classifies the records again, with the schemas of now. What fits is
stored under the identity it would have had, exactly once, and leaves the
quarantine in the same step; the rest stays.`
}

// replayOrder is what replay hands over to a running process.
type replayOrder struct {
	All  bool     `json:"all,omitempty"`
	Rows []string `json:"rows,omitempty"`
}

// replayResult is what replay reports.
type replayResult struct {
	Tried  int64 `json:"tried"`
	Stored int64 `json:"stored"`
	// Reason is why the first of those that stay stays.
	Reason string `json:"reason,omitempty"`
}

func (c quarantineReplayCmd) Run(ctx context.Context, p *program) error {
	if err := c.check(); err != nil {
		return err
	}
	order := replayOrder{All: c.All, Rows: c.Rows}
	result, err := handOver(ctx, p, c.location, replayCommand, order, func(int64, int64) {}, func(ctx context.Context, d *daemon) (replayResult, error) {
		return d.replay(ctx, order)
	})
	fmt.Fprintf(p.stderr, "%s of %s stored\n", countText(result.Stored), countText(result.Tried))
	if result.Reason != "" {
		fmt.Fprintf(p.stderr, "the first that stays: %s\n", result.Reason)
	}
	return err
}

func (d *daemon) replay(ctx context.Context, order replayOrder) (replayResult, error) {
	chosen := selection(order)
	result, err := d.pipe.Replay(ctx, chosen.has)
	return replayResult{Tried: result.Tried, Stored: result.Stored, Reason: result.Reason}, err
}
