package query

import (
	"bytes"
	"context"
	"encoding/json"
	"errors"
	"fmt"
	"io"
	"os"
	"os/exec"
	"strings"
	"sync"
	"syscall"
	"time"
)

// Run answers r.SQL: the rows go to stdout, for table output the number of rows
// to stderr. It returns when the child has ended, and an *Error when the
// statement has no answer; when ctx ends first, the child is killed and the
// error is that of ctx. On an error, part of the rows may have been written:
// Error.Started says so.
func Run(ctx context.Context, r Request, stdout, stderr io.Writer) (Result, error) {
	return run(ctx, WorkerCommand, r, stdout, stderr)
}

func run(ctx context.Context, command string, r Request, stdout, stderr io.Writer) (Result, error) {
	start := time.Now()
	if r.Output == "" {
		r.Output = OutputTable
	}
	r.Limits = r.Limits.withDefaults()
	if err := r.check(); err != nil {
		return Result{}, err
	}
	m, err := r.message()
	if err != nil {
		return Result{}, err
	}
	rep, err := spawn(ctx, command, r.TempDir, m, stdout)
	res := Result{Rows: rep.Rows, Files: rep.Files, Pruned: rep.Pruned, Elapsed: time.Since(start), Engine: rep.Engine}
	if err != nil {
		return res, err
	}
	if r.Output == OutputTable {
		unit := "rows"
		if rep.Rows == 1 {
			unit = "row"
		}
		if _, err := fmt.Fprintf(stderr, "%d %s\n", rep.Rows, unit); err != nil {
			return res, fmt.Errorf("write the number of rows: %w", err)
		}
	}
	return res, nil
}

func (r *Request) message() (*message, error) {
	m := &message{SQL: r.SQL, Output: r.Output, Width: r.Width, Tables: r.Tables, Limits: r.Limits, Repeat: r.Repeat, Bare: r.bare}
	for _, t := range r.Memory {
		rows := t.Rows
		if rows == nil {
			rows = [][]any{}
		}
		text, err := json.Marshal(rows)
		if err != nil {
			return nil, fmt.Errorf("encode table %s: %w", t.Name, err)
		}
		m.Memory = append(m.Memory, memoryTable{Name: t.Name, Hidden: t.Hidden, Columns: t.Columns, Rows: text})
	}
	return m, nil
}

// spawn runs one child over one message.
func spawn(ctx context.Context, command, tempDir string, m *message, stdout io.Writer) (report, error) {
	temp, err := os.MkdirTemp(tempDir, "margay-sql-")
	if err != nil {
		return report{}, fmt.Errorf("make the query's temporary folder: %w", err)
	}
	defer func() {
		// What a killed child spilled goes with the folder; there is nobody to
		// tell if that fails, and nothing to do about it.
		_ = os.RemoveAll(temp)
	}()
	m.TempDir = temp
	text, err := json.Marshal(m)
	if err != nil {
		return report{}, fmt.Errorf("encode the request: %w", err)
	}
	timed, cancel := context.WithTimeout(ctx, m.Limits.Timeout)
	defer cancel()
	c, err := newChild(timed, command, m, text, stdout)
	if err != nil {
		return report{}, err
	}
	err = c.run()
	return c.verdict(ctx, timed, err)
}

// child is the worker process and what its parent holds of it.
type child struct {
	cmd     *exec.Cmd
	m       *message
	out     rowsTo
	errs    head
	reports *os.File // read end
	theirs  *os.File // write end
}

func newChild(ctx context.Context, command string, m *message, text []byte, stdout io.Writer) (*child, error) {
	exe, err := os.Executable()
	if err != nil {
		return nil, fmt.Errorf("find the program's own file: %w", err)
	}
	ours, theirs, err := os.Pipe()
	if err != nil {
		return nil, fmt.Errorf("make a pipe: %w", err)
	}
	c := &child{m: m, out: rowsTo{w: stdout}, reports: ours, theirs: theirs}
	c.cmd = exec.CommandContext(ctx, exe)
	c.cmd.Args = []string{os.Args[0], command}
	c.cmd.Env = []string{} // nil would mean ours
	c.cmd.Dir = "/"
	c.cmd.Stdin = bytes.NewReader(text)
	// Never the file itself, even if it is one: a child that holds a terminal can
	// do more with it than write.
	c.cmd.Stdout = &c.out
	c.cmd.Stderr = &c.errs
	c.cmd.ExtraFiles = []*os.File{theirs}
	c.cmd.WaitDelay = 5 * time.Second
	return c, nil
}

// run starts the child on a thread of its own and waits for it there. The
// thread gives up what the child must not have, and ends with the child.
func (c *child) run() error {
	var err error
	onThread(func() { err = c.start() })
	return err
}

func (c *child) start() error {
	restrict, err := prepareThread(c.cmd, c.m)
	if err == nil {
		err = restrict()
	}
	if err == nil {
		err = c.cmd.Start()
	}
	if cerr := c.theirs.Close(); err == nil && cerr != nil {
		err = cerr
	}
	if err != nil {
		return fmt.Errorf("start the query worker: %w", err)
	}
	return c.cmd.Wait()
}

// verdict reads the child's report and decides what happened.
func (c *child) verdict(parent, timed context.Context, ran error) (report, error) {
	var rep report
	text, err := io.ReadAll(io.LimitReader(c.reports, 1<<20))
	if cerr := c.reports.Close(); err == nil {
		err = cerr
	}
	reported := err == nil && json.Unmarshal(text, &rep) == nil
	rep.Started = c.out.began
	switch {
	case reported && rep.Kind == "" && ran == nil:
		return rep, nil // also when ctx ended a moment later
	case parent.Err() != nil:
		return rep, parent.Err()
	case c.out.err != nil:
		return rep, fmt.Errorf("write rows: %w", c.out.err)
	case timed.Err() != nil:
		return rep, &Error{Kind: ErrTimeout, Message: fmt.Sprintf("it was stopped after %v", c.m.Limits.Timeout), Started: rep.Started}
	case reported && rep.Kind != "":
		return rep, rep.err()
	}
	return rep, c.crash(ran)
}

// crash explains a child that ended without a report.
func (c *child) crash(ran error) error {
	var exit *exec.ExitError
	if ran != nil && !errors.As(ran, &exit) { // it was never started
		return ran
	}
	var signal syscall.Signal
	if exit != nil {
		if ws, ok := exit.Sys().(syscall.WaitStatus); ok && ws.Signaled() {
			signal = ws.Signal()
		}
	}
	words := c.errs.String()
	has := func(s string) bool { return strings.Contains(words, s) }
	e := &Error{Kind: ErrWorker, Started: c.out.began}
	switch {
	case signal == syscall.SIGXCPU || has("SIGXCPU"):
		e.Kind, e.Message = ErrTimeout, "it used up its CPU time"
	case signal == syscall.SIGXFSZ || has("SIGXFSZ"):
		e.Kind, e.Message = ErrMemory, "it wrote too much to its temporary folder"
	case has("out of memory"), has("cannot allocate memory"), has("bad_alloc"), has("pthread_create failed"):
		e.Kind, e.Message = ErrMemory, "its process ran out of memory"
	case ran != nil:
		e.Message = ran.Error()
		if line, _, _ := strings.Cut(strings.TrimSpace(words), "\n"); line != "" {
			e.Message += ": " + line
		}
	default:
		e.Message = "it left no report"
	}
	return e
}

// rowsTo passes rows on, and keeps the error of that: the child dies of it, and
// its death is all that exec tells. It is read after Wait only.
type rowsTo struct {
	w     io.Writer
	began bool
	err   error
}

func (r *rowsTo) Write(b []byte) (int, error) {
	r.began = true
	n, err := r.w.Write(b)
	if err != nil {
		r.err = err
	}
	return n, err
}

// head keeps the first few kilobytes that a crashing child says.
type head struct {
	mu  sync.Mutex
	buf []byte
}

func (h *head) Write(b []byte) (int, error) {
	h.mu.Lock()
	defer h.mu.Unlock()
	room := max(0, 8<<10-len(h.buf))
	h.buf = append(h.buf, b[:min(room, len(b))]...)
	return len(b), nil
}

func (h *head) String() string {
	h.mu.Lock()
	defer h.mu.Unlock()
	return string(h.buf)
}
