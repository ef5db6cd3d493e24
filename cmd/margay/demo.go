package main

import (
	"bytes"
	"context"
	"errors"
	"fmt"
	"log/slog"
	"os"
	"path/filepath"
	"strings"
	"time"

	"github.com/margay-audit/margay/auditlog/synth"
	"github.com/margay-audit/margay/config"
	"github.com/margay-audit/margay/store"
	"github.com/margay-audit/margay/store/query"
)

type demoCmd struct {
	Dir  string        `type:"path" default:"margay-demo" help:"The folder for the demo's audit log and its data folder."`
	For  time.Duration `placeholder:"DURATION" help:"End after this long, for example 10s; 0, the default, is at Ctrl-C."`
	Rate float64       `placeholder:"N" default:"2000" help:"Events a second that the synthetic mongod writes; the default is 2000."`
	Seed uint64        `default:"0" help:"Seed of the synthetic mongod; 0 takes one from the clock."`
}

// Help says what is real in the demo.
func (demoCmd) Help() string {
	return `Only the mongod is made up: its audit log is a file that grows and rotates, and
Margay collects it as it would collect yours. A second run goes on where the first
ended. The folder can be removed afterwards.`
}

// demoQuestions are asked when there is something to answer.
var demoQuestions = []struct{ title, sql string }{
	{
		"Who failed to log in most, and from where?",
		`SELECT param_user AS "user", remote.ip AS "from", count(*) AS failures,
       strftime(min(p_event_time), '%H:%M:%S') AS "first", strftime(max(p_event_time), '%H:%M:%S') AS "last"
FROM mongodb_audit WHERE atype = 'authenticate' AND result <> 0
GROUP BY ALL ORDER BY failures DESC, "user" LIMIT 5`,
	},
	{
		"Who was refused what?",
		`SELECT user_name AS "user", count(*) AS refused, list_sort(list(DISTINCT param_command)) AS commands
FROM mongodb_audit WHERE atype = 'authCheck' AND result = 13
GROUP BY ALL ORDER BY refused DESC, "user" LIMIT 5`,
	},
	{
		"What changed users, roles or collections last?",
		`SELECT strftime(p_event_time, '%H:%M:%S') AS "when", user_name AS "who", atype AS action,
       coalesce(param_ns, param_user, param->>'$.role', param->>'$.old') AS what
FROM mongodb_audit
WHERE regexp_matches(atype, '^(create|drop|rename|grant|revoke|update).*(User|Users|Role|Roles|Collection|Database)$')
ORDER BY p_event_time DESC, p_row_id DESC LIMIT 5`,
	},
}

// demoFlush lets a line be in SQL sooner than a production config needs.
const demoFlush = 200 * time.Millisecond

// demoWarmUp is how long the demo collects before it asks.
const demoWarmUp = 4 * time.Second

func (c demoCmd) Run(ctx context.Context, p *program) error {
	if c.For < 0 || c.Rate <= 0 {
		return withCode(exitUsage, errors.New("--for must not be negative, and --rate must be above 0"))
	}
	logDir, dataDir := filepath.Join(c.Dir, "log"), filepath.Join(c.Dir, "data")
	if err := os.MkdirAll(logDir, 0o750); err != nil {
		return err
	}
	if c.Seed == 0 {
		c.Seed = uint64(time.Now().UnixNano())
	}
	// The line that moves and the answers are what there is to see.
	p.log = newLogger(p.stderr, slog.LevelWarn, "text")
	d, err := openDaemon(ctx, dataDir, nil, p)
	if err != nil {
		return err
	}
	fmt.Fprintf(p.stdout, "A synthetic mongod writes %s;\nMargay collects it into %s.%s\n\n",
		filepath.Join(logDir, "auditLog.json"), dataDir, map[bool]string{true: " Ctrl-C ends it."}[c.For == 0])
	sources := []config.Source{{
		Name: "demo mongod", ID: config.SourceID("demo mongod"), Type: "file", Redact: true,
		File: &config.File{Paths: []string{filepath.Join(logDir, "auditLog.json*")}, Start: "beginning"},
	}}
	mongod := synth.Log{
		Path: filepath.Join(logDir, "auditLog.json"), Rate: c.Rate, RotateBytes: 16 << 20, Keep: 4,
		Config: synth.Config{Seed: c.Seed},
	}
	err = d.run(ctx, func(ctx context.Context) error {
		if c.For > 0 {
			var cancel context.CancelFunc
			ctx, cancel = context.WithTimeoutCause(ctx, c.For, errDemoOver)
			defer cancel()
		}
		err := all(ctx,
			mongod.Run,
			func(ctx context.Context) error { return d.collect(ctx, sources, demoFlush) },
			func(ctx context.Context) error { return d.show(ctx, p, dataDir) },
		)
		// Which of the three saw the end first, and how it says so, is chance.
		if errors.Is(err, errDemoOver) || ctx.Err() != nil && errors.Is(err, ctx.Err()) {
			return nil
		}
		return err
	})
	if err != nil {
		return err
	}
	return c.farewell(context.WithoutCancel(ctx), p, dataDir)
}

var errDemoOver = errors.New("the demo is over")

// show draws the live line, and asks the questions once there is something to
// answer, or at the end when that comes first.
func (d *daemon) show(ctx context.Context, p *program, dataDir string) error {
	line := newLiveLine(p.stdout, time.Second)
	ticker := time.NewTicker(200 * time.Millisecond)
	defer ticker.Stop()
	began, asked := time.Now(), false
	before, err := storedRows(ctx, dataDir)
	if err != nil {
		return err
	}
	var meter rateMeter
	for {
		select {
		case <-ctx.Done():
			line.Clear()
			if !asked {
				return answerDemo(context.WithoutCancel(ctx), p, dataDir)
			}
			return ctx.Err()
		case now := <-ticker.C:
			stored, lag := before+d.counts.Stored.Load(), d.states.lag()
			line.Show(now, fmt.Sprintf("%7s events/s   %s stored   lag %s", countText(meter.rate(now, stored)), countText(stored), bytesText(lag)))
			if !asked && now.Sub(began) >= demoWarmUp && stored > 0 {
				asked = true
				line.Clear()
				if err := answerDemo(ctx, p, dataDir); err != nil && ctx.Err() == nil {
					return err
				}
			}
		}
	}
}

// answerDemo asks the worked questions and prints them with their answers.
func answerDemo(ctx context.Context, p *program, dataDir string) error {
	for i, q := range demoQuestions {
		var answer bytes.Buffer
		width, _ := isTerminal(p.stdout)
		if _, err := ask(ctx, dataDir, query.Request{SQL: q.sql, Output: query.OutputTable, Width: width}, &answer, &answer); err != nil {
			return fmt.Errorf("question %d: %w", i+1, err)
		}
		fmt.Fprintf(p.stdout, "\n%d. %s\n\n   %s\n\n%s", i+1, q.title, strings.ReplaceAll(q.sql, "\n", "\n   "), answer.String())
	}
	fmt.Fprintln(p.stdout)
	return nil
}

// farewell says what there is now and how to go on.
func (c demoCmd) farewell(ctx context.Context, p *program, dataDir string) error {
	r, err := store.OpenReader(dataDir)
	if err != nil {
		return err
	}
	defer r.Close()
	status, err := r.Status(ctx)
	if err != nil {
		return err
	}
	shown := dataDir
	if cwd, err := os.Getwd(); err == nil {
		if rel, err := filepath.Rel(cwd, dataDir); err == nil && !strings.HasPrefix(rel, "..") {
			shown = rel
		}
	}
	fmt.Fprintf(p.stdout, "%s events stored in %s. Ask your own:\n  %[3]s sql --data-dir %[4]s 'SELECT atype, count(*) FROM mongodb_audit GROUP BY 1 ORDER BY 2 DESC'\nOr load your own log:\n  %[3]s load /var/log/mongodb/auditLog.json\n",
		countText(status.Rows), bytesText(status.Bytes), p.self, shown)
	return nil
}

func storedRows(ctx context.Context, dataDir string) (int64, error) {
	r, err := store.OpenReader(dataDir)
	if err != nil {
		return 0, err
	}
	defer r.Close()
	status, err := r.Status(ctx)
	if err != nil {
		return 0, err
	}
	return status.Rows, nil
}

// rateMeter turns a rising count into a rate over the last seconds.
type rateMeter struct {
	times  []time.Time
	counts []int64
}

func (m *rateMeter) rate(now time.Time, count int64) int64 {
	m.times, m.counts = append(m.times, now), append(m.counts, count)
	for len(m.times) > 2 && now.Sub(m.times[0]) > 3*time.Second {
		m.times, m.counts = m.times[1:], m.counts[1:]
	}
	span := now.Sub(m.times[0]).Seconds()
	if span <= 0 {
		return 0
	}
	return int64(float64(count-m.counts[0]) / span)
}
