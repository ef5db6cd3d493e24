package query

import (
	"context"
	"errors"
	"fmt"
	"io"
	"os"
	"path/filepath"
	"runtime"
	"text/tabwriter"
	"time"
)

// Layer names what stops an attack.
type Layer string

// The layers, from the inside out.
const (
	// LayerGate is the list of what a statement may consist of.
	LayerGate Layer = "gate"
	// LayerSettings are the settings that DuckDB is locked into.
	LayerSettings Layer = "duckdb"
	// LayerProcess are limits of the worker process.
	LayerProcess Layer = "process"
	// LayerKernel is Landlock.
	LayerKernel Layer = "landlock"
)

// Check is one thing that must not happen, and what happened when it was tried.
type Check struct {
	// Attack says what was tried, Layer which layer was to stop it.
	Attack string `json:"attack"`
	Layer  Layer  `json:"layer"`
	// Holds tells whether it was stopped.
	Holds bool `json:"holds"`
	// Needed is unset where a layer within stops the attack already, or where
	// this machine has no such layer: then a false Holds is no hole.
	Needed bool `json:"needed"`
}

// Report is the outcome of CheckSandbox.
type Report struct {
	// Landlock is the version of the kernel's Landlock, 0 where it has none.
	Landlock int     `json:"landlock"`
	Checks   []Check `json:"checks"`
}

// OK tells whether everything holds that has to.
func (r Report) OK() bool {
	for _, c := range r.Checks {
		if c.Needed && !c.Holds {
			return false
		}
	}
	return len(r.Checks) > 0
}

// Print writes the report for people: a line for each layer, and one for each
// attack that it did not stop.
func (r Report) Print(w io.Writer) error {
	tw := tabwriter.NewWriter(w, 0, 0, 2, ' ', 0)
	for _, layer := range []Layer{LayerGate, LayerSettings, LayerProcess, LayerKernel} {
		tried, held := 0, 0
		for _, c := range r.Checks {
			if c.Layer == layer {
				tried++
				if c.Holds {
					held++
				}
			}
		}
		note := fmt.Sprintf("stops %d of %d attacks", held, tried)
		if layer == LayerKernel && r.Landlock == 0 {
			note = "this kernel has none, or it is switched off"
		}
		if _, err := fmt.Fprintf(tw, "%s\t%s\n", layer, note); err != nil {
			return err
		}
	}
	for _, c := range r.Checks {
		if c.Holds {
			continue
		}
		note := "an inner layer stops it"
		if c.Needed {
			note = "NOT STOPPED"
		}
		if _, err := fmt.Fprintf(tw, "  %s\t%s: %s\n", c.Layer, c.Attack, note); err != nil {
			return err
		}
	}
	return tw.Flush()
}

// checkOrder asks the child for the attacks on the files in a folder.
type checkOrder struct {
	Dir string `json:"dir"`
}

// CheckSandbox tries the attacks for real, on files made for that in a
// temporary folder, and returns which layer stopped which. An error means that
// they could not be tried.
func CheckSandbox(ctx context.Context) (Report, error) {
	dir, err := os.MkdirTemp("", "margay-check-")
	if err != nil {
		return Report{}, fmt.Errorf("make a folder for the check: %w", err)
	}
	defer func() { _ = os.RemoveAll(dir) }() // only files of the check
	if err := layGrounds(dir); err != nil {
		return Report{}, fmt.Errorf("make files for the check: %w", err)
	}
	m := &message{
		Limits: Limits{}.withDefaults(), Check: &checkOrder{Dir: dir},
		Tables: []Table{{Name: "mongodb_audit", SQL: "SELECT * FROM read_csv({files})", Files: []File{{Path: segmentIn(dir)}}}},
	}
	rep, err := spawn(ctx, WorkerCommand, "", m, io.Discard)
	if err != nil {
		return Report{}, err
	}
	out := Report{Landlock: landlockVersion(), Checks: rep.Checks}
	out.Checks = append(out.Checks, Check{
		Attack: "leave no file behind and change none but a segment", Layer: LayerSettings, Holds: untouched(dir), Needed: true,
	})
	eaters, err := checkEaters(ctx)
	out.Checks = append(out.Checks, eaters...)
	return out, err
}

const groundsText = "a\n1\n"

func segmentIn(dir string) string { return filepath.Join(dir, "segment.csv") }

// layGrounds makes the files that attacks name.
func layGrounds(dir string) error {
	for _, name := range []string{"segment.csv", "other.csv"} {
		if err := os.WriteFile(filepath.Join(dir, name), []byte(groundsText), 0o600); err != nil {
			return err
		}
	}
	return os.Symlink("/etc/passwd", filepath.Join(dir, "link.csv"))
}

// untouched tells whether the files are as layGrounds made them, except for the
// segment, whose fate is a check of its own.
func untouched(dir string) bool {
	entries, err := os.ReadDir(dir)
	if err != nil || len(entries) != 3 {
		return false
	}
	text, err := os.ReadFile(filepath.Join(dir, "other.csv"))
	return err == nil && string(text) == groundsText
}

// runChecks is the child's part: each attack on an instance of its own.
func runChecks(m *message) ([]Check, error) {
	var checks []Check
	for _, a := range attacks {
		sql := a.at(m.Check.Dir)
		var refused, behind bool
		var err error
		onThread(func() { refused, behind, err = tryAttack(m, sql) })
		if err != nil {
			return nil, fmt.Errorf("try to %s: %w", a.name, err)
		}
		checks = append(checks, Check{Attack: a.name, Layer: LayerGate, Holds: refused, Needed: true})
		switch a.behind {
		case denied:
			checks = append(checks, Check{Attack: a.name, Layer: LayerSettings, Holds: behind})
		case kernelOnly:
			if landlockVersion() > 0 {
				checks = append(checks, Check{Attack: a.name, Layer: LayerKernel, Holds: behind, Needed: true})
			} else {
				checks = append(checks, Check{Attack: a.name, Layer: LayerSettings, Holds: behind})
			}
		case ownProcess: // nothing to stop
		}
	}
	checks = append(checks, probeProcess(m)...)
	if err := narrow(m); err != nil {
		return nil, err
	}
	return append(checks, probeKernel(m.Check.Dir)...), nil
}

// onThread runs f on a thread that is thrown away afterwards, since what
// restricts it cannot be undone.
func onThread(f func()) {
	done := make(chan struct{})
	go func() {
		runtime.LockOSThread()
		defer close(done)
		f()
	}()
	<-done
}

// tryAttack tells whether the gate refuses a statement, and whether it fails
// without the gate.
func tryAttack(m *message, sql string) (refused, behind bool, err error) {
	e, err := startEngine(m)
	if err != nil {
		return false, false, err
	}
	defer e.close()
	_, gateErr := inspect(sql, e.serialize, []string{"mongodb_audit", "memory_table"})
	if err := e.exec("CREATE TABLE memory_table AS SELECT 1 AS a"); err != nil {
		return false, false, err
	}
	if err := e.confine([]string{m.Tables[0].Files[0].Path}); err != nil {
		return false, false, err
	}
	if err := e.views(m); err != nil {
		return false, false, err
	}
	if err := e.lock(); err != nil {
		return false, false, err
	}
	s, err := e.prepare(sql)
	if err != nil {
		return gateErr != nil, true, nil // a refusal is what is looked for
	}
	defer s.close()
	err = s.run(func([]vector, int) error { return nil })
	return gateErr != nil, err != nil, nil
}

// checkEaters sends statements that eat memory and time to workers of their own.
func checkEaters(ctx context.Context) ([]Check, error) {
	var checks []Check
	for _, c := range []struct {
		attack, sql string
		want        []error
		timeout     time.Duration
	}{
		{"take 4 GB in one value", "SELECT length(repeat('x', 4000000000))", []error{ErrMemory, ErrInvalid}, time.Minute},
		{"run on after the time limit", "SELECT list_reduce(range(1000000000), lambda a, b: a + b)", []error{ErrTimeout, ErrMemory}, time.Second},
	} {
		_, err := Run(ctx, Request{SQL: c.sql, Limits: Limits{Timeout: c.timeout}}, io.Discard, io.Discard)
		if ctx.Err() != nil {
			return checks, ctx.Err()
		}
		holds := false
		for _, kind := range c.want {
			holds = holds || errors.Is(err, kind)
		}
		checks = append(checks, Check{Attack: c.attack, Layer: LayerProcess, Holds: holds, Needed: true})
	}
	return checks, nil
}
