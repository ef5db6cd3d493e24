package main

import (
	"context"
	"errors"
	"fmt"
	"io/fs"
	"os"
	"path/filepath"
	"runtime/debug"
	"strings"
	"time"

	"github.com/margay-audit/margay/config"
	"github.com/margay-audit/margay/event"
	"github.com/margay-audit/margay/pipeline"
	"github.com/margay-audit/margay/source/file"
)

const loadCommand = "load"

type loadCmd struct {
	location
	Source  string   `default:"load" placeholder:"NAME" help:"The source that the events are stored under (p_source_label)."`
	LogType []string `placeholder:"TYPE" help:"Take only these log types; the default is to tell every event's by its content."`
	Redact  bool     `negatable:"" default:"true" help:"Replace passwords and other secrets before anything is stored."`
	Quiet   bool     `short:"q" help:"Say nothing unless something is wrong."`
	Files   []string `arg:"" name:"file" help:"Audit logs: JSON or BSON, plain, .gz or .zst."`
}

// Help says what load promises.
func (loadCmd) Help() string {
	return `Stores the events of existing files and ends when all of them are durable. A file
that is known already, whatever it is called now, copied, compressed or grown,
adds only what is new in it. What cannot be decoded, or fits no log type, goes to
quarantine; see "margay quarantine list".

While margay run holds the data folder, it does the work and load shows how far
it is.`
}

// loadOrder is what load hands over to a running process.
type loadOrder struct {
	Source   string          `json:"source"`
	LogTypes []event.LogType `json:"log_types,omitempty"`
	// KeepSecrets switches redaction off.
	KeepSecrets bool     `json:"keep_secrets,omitempty"`
	Files       []string `json:"files"`
}

// loadResult is what load reports.
type loadResult struct {
	Stored      int64 `json:"stored"`
	Quarantined int64 `json:"quarantined"`
	Bytes       int64 `json:"bytes"`
	// LeftOut counts the bytes of unfinished events at the ends of files.
	LeftOut int64 `json:"left_out,omitempty"`
}

// loadGCPercent is GOGC while a load runs. It keeps a few large buffers and makes
// next to no garbage, so that collecting more often costs nothing that can be
// measured, and saves a sixth of the memory.
const loadGCPercent = 50

func (l loadCmd) Run(ctx context.Context, p *program) error {
	defer debug.SetGCPercent(debug.SetGCPercent(loadGCPercent))
	order, err := l.order()
	if err != nil {
		return withCode(exitUsage, err)
	}
	line := newLiveLine(p.stderr, 5*time.Second)
	began := time.Now()
	progress := func(done, total int64) {
		if !l.Quiet {
			line.Show(time.Now(), loadLine(done, total, time.Since(began)))
		}
	}
	result, err := handOver(ctx, p, l.location, loadCommand, order, progress, func(ctx context.Context, d *daemon) (loadResult, error) {
		return d.load(ctx, order, progress)
	})
	line.Clear()
	if (err == nil || result.any()) && (!l.Quiet || result.Quarantined > 0) {
		fmt.Fprintln(p.stderr, result.text(len(order.Files), time.Since(began), err == nil))
	}
	return err
}

// order checks the command line before anything is stored.
func (l loadCmd) order() (loadOrder, error) {
	order := loadOrder{Source: l.Source, KeepSecrets: !l.Redact}
	var problems []error
	if strings.TrimSpace(l.Source) == "" {
		problems = append(problems, errors.New("--source needs a name: it becomes the p_source_label of the events"))
	}
	for _, name := range l.LogType {
		t, err := config.ParseLogType(name)
		if err != nil {
			problems = append(problems, fmt.Errorf("--log-type: %w", err))
		}
		order.LogTypes = append(order.LogTypes, t)
	}
	files, err := regularFiles(l.Files)
	order.Files = files
	return order, errors.Join(errors.Join(problems...), err)
}

func loadLine(done, total int64, elapsed time.Duration) string {
	line := fmt.Sprintf("%s  %s of %s", bar(done, total), bytesText(done), bytesText(total))
	if seconds := elapsed.Seconds(); done > 0 && seconds > 0.5 {
		rate := float64(done) / seconds
		line += fmt.Sprintf("  %s/s  %s left", bytesText(int64(rate)), time.Duration(float64(total-done)/rate*float64(time.Second)).Round(time.Second))
	}
	return line
}

// any tells whether the load has kept anything.
func (r loadResult) any() bool { return r.Stored > 0 || r.Quarantined > 0 }

// text says what a load has done; whole, that it has read everything.
func (r loadResult) text(files int, elapsed time.Duration, whole bool) string {
	var b strings.Builder
	took := elapsed.Round(10 * time.Millisecond)
	if !whole {
		fmt.Fprintf(&b, "%s new event%s stored in %s; not everything was read, and loading again goes on from there", countText(r.Stored), plural(r.Stored), took)
	} else {
		fmt.Fprintf(&b, "%s new event%s stored from %d file%s (%s) in %s", countText(r.Stored), plural(r.Stored), files, plural(int64(files)), bytesText(r.Bytes), took)
	}
	switch {
	case !whole:
	case r.any():
	case r.Bytes == 0 && r.LeftOut == 0:
		b.WriteString(": there is nothing in them")
	case r.LeftOut == 0:
		b.WriteString(": everything in them was known already")
	}
	if r.Quarantined > 0 {
		fmt.Fprintf(&b, "\n%s record%s went to quarantine: see margay quarantine list", countText(r.Quarantined), plural(r.Quarantined))
	}
	if r.LeftOut > 0 {
		fmt.Fprintf(&b, "\nthe last %s were left out: they look like the beginning of an event that is still being written; load again in a minute", bytesText(r.LeftOut))
	}
	return b.String()
}

func plural(n int64) string {
	if n == 1 {
		return ""
	}
	return "s"
}

// regularFiles checks the names before anything is stored, and makes them
// absolute, because another process may be the one that opens them.
func regularFiles(names []string) ([]string, error) {
	var problems []error
	files := make([]string, 0, len(names))
	for _, name := range names {
		path, err := filepath.Abs(name)
		if err != nil {
			return nil, err
		}
		info, err := os.Stat(path)
		switch {
		case errors.Is(err, fs.ErrNotExist) && name == "-":
			problems = append(problems, errors.New("load reads files, not standard input: an event is known again by its place in its file"))
		case errors.Is(err, fs.ErrNotExist):
			problems = append(problems, fmt.Errorf("there is no file %s", name))
		case err != nil:
			problems = append(problems, err)
		case info.IsDir():
			problems = append(problems, fmt.Errorf("%s is a folder: name the files in it, for example %s", name, filepath.Join(name, "auditLog.json*")))
		case !info.Mode().IsRegular():
			problems = append(problems, fmt.Errorf("%s is not a regular file: write what it gives into one, and load that", name))
		default:
			files = append(files, path)
		}
	}
	return files, errors.Join(problems...)
}

// maxRaces is how often a load begins anew because somebody else stored events
// of one of its files first. Each time means that they got further.
const maxRaces = 1000

// load reads the files once. What it has counted is right even with an error.
func (d *daemon) load(ctx context.Context, order loadOrder, progress func(done, total int64)) (result loadResult, err error) {
	origin := event.Origin{ID: config.SourceID(order.Source), Label: order.Source, Kind: "file", LogTypes: order.LogTypes, KeepSecrets: order.KeepSecrets}
	patterns := make([]string, len(order.Files))
	for i, name := range order.Files {
		patterns[i] = escapeGlob(name)
	}
	var counts pipeline.Counts
	src, err := file.New(file.Config{
		Origin: origin, Paths: patterns, Once: true, Ledger: d.store, Log: d.log,
		Progress: func(p file.Progress) {
			result.Bytes, result.LeftOut = p.Done, p.LeftOut
			progress(p.Done, p.Total)
		},
	})
	if err != nil {
		return result, err
	}
	if err := d.store.Register(ctx, origin); err != nil {
		return result, err
	}
	for range maxRaces {
		// Another load, or a source, may read the same file at this moment: what
		// it stored first is found to be known then.
		if err = src.Run(ctx, draining(d.pipe.Counting(&counts))); !errors.Is(err, event.ErrPositionMoved) {
			break
		}
	}
	result.Stored, result.Quarantined = counts.Stored.Load(), counts.Quarantined.Load()
	return result, err
}

// escapeGlob returns a pattern that matches exactly one name.
func escapeGlob(name string) string {
	return globEscaper.Replace(name)
}

var globEscaper = strings.NewReplacer(`\`, `\\`, `*`, `\*`, `?`, `\?`, `[`, `\[`)
