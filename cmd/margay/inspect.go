package main

import (
	"encoding/json"
	"fmt"
	"io"
	"time"

	"github.com/margay-audit/margay/store/segment"
)

type storeInspectCmd struct {
	Output string `short:"o" enum:"text,json" default:"text" help:"text for people; json is everything, as the file has it."`
	File   string `arg:"" type:"existingfile" help:"A segment file."`
}

func (c storeInspectCmd) Run(p *program) error {
	r, err := segment.Open(c.File)
	if err != nil {
		return err
	}
	defer r.Close()
	sum, err := segment.Hash(c.File)
	if err != nil {
		return err
	}
	if c.Output == "json" {
		e := json.NewEncoder(p.stdout)
		e.SetIndent("", "  ")
		e.SetEscapeHTML(false)
		return e.Encode(map[string]any{"sha256": sum, "info": r.Info(), "commit": r.Commit()})
	}
	return inspectText(p.stdout, r, sum)
}

func inspectText(w io.Writer, r *segment.Reader, sum string) error {
	info, commit := r.Info(), r.Commit()
	fmt.Fprintf(w, "log type   %s, schema version %d, %d columns\n", info.LogType, info.SchemaVersion, len(info.Layout.Columns))
	fmt.Fprintf(w, "events     %s, from %s to %s\n", countText(info.Rows), timeText(info.EventMin), timeText(info.EventMax))
	fmt.Fprintf(w, "stored     from %s to %s\n", timeText(info.StoredMin), timeText(info.StoredMax))
	fmt.Fprintf(w, "size       %s for %s received\n", bytesText(info.Bytes), bytesText(info.RawBytes))
	fmt.Fprintf(w, "SHA-256    %s\n", sum)
	fmt.Fprintf(w, "commit     %d (%s, part %d of %d) at %s\n", commit.Number, commit.Kind, commit.Part, commit.Parts, timeText(commit.Time))
	fmt.Fprintf(w, "after      %s\nstore      %s\n", commit.Prev, commit.StoreID)
	for _, in := range commit.Inputs {
		fmt.Fprintf(w, "merged     %s\n", in)
	}
	for _, o := range commit.Origins {
		fmt.Fprintf(w, "source     %s (%s, %s)\n", o.Label, o.Kind, o.ID)
	}
	for _, s := range commit.Streams {
		fmt.Fprintf(w, "stream     %d %s\n", s.ID, s.Name)
	}
	fmt.Fprintln(w, "\nrow group      events      received  SHA-256 of what was received")
	for i, g := range info.Groups {
		if _, err := fmt.Fprintf(w, "%9d  %10s  %12s  %s\n", i, countText(g.Rows), bytesText(g.RawBytes), g.SHA256); err != nil {
			return err
		}
	}
	return nil
}

func timeText(us int64) string {
	return time.UnixMicro(us).UTC().Format("2006-01-02 15:04:05.000")
}
