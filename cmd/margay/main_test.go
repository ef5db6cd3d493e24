package main

import (
	"context"
	"io"
	"os"
	"os/signal"
	"path/filepath"
	"strings"
	"syscall"
	"testing"
	"time"

	"github.com/rogpeppe/go-internal/testscript"

	"github.com/margay-audit/margay/store"
	"github.com/margay-audit/margay/store/query"
)

// hurry makes a margay of the tests merge, drop and delete within a test's
// lifetime. It is read from the environment of the processes under test only.
const hurry = "MARGAY_TEST_HURRY"

// shortRetention sets a retention that no config may ask for.
const shortRetention = "MARGAY_TEST_RETENTION"

// TestMain makes the test binary a margay when it is called as one: by the
// stories, by the tests that kill processes, and by itself as the SQL worker.
func TestMain(m *testing.M) {
	if len(os.Args) == 2 && os.Args[1] == query.WorkerCommand {
		os.Exit(query.Worker())
	}
	if os.Getenv(asMargay) != "" {
		os.Exit(testMargay())
	}
	testscript.Main(m, map[string]func(){
		"margay": func() { os.Exit(testMargay()) },
	})
}

// asMargay in the environment turns the test binary into margay.
const asMargay = "MARGAY_TEST_MAIN"

func testMargay() int {
	ctx, stop := signal.NotifyContext(context.Background(), os.Interrupt, syscall.SIGTERM)
	defer stop()
	p := &program{stdin: os.Stdin, stdout: os.Stdout, stderr: os.Stderr, lookupEnv: os.LookupEnv, self: "margay"}
	if os.Getenv(hurry) != "" {
		p.tune = func(o *store.Options) {
			o.Grace, o.MergeFanIn, o.MaintainEvery = 300*time.Millisecond, 4, 20*time.Millisecond
			if d, err := time.ParseDuration(os.Getenv(shortRetention)); err == nil {
				o.Retention = d
			}
		}
	}
	if path := os.Getenv(diskEnv); path != "" {
		tune := p.tune
		p.tune = func(o *store.Options) {
			if tune != nil {
				tune(o)
			}
			o.Disk = switchedDisk(path)
		}
	}
	return p.main(ctx, os.Args[1:])
}

// TestStories runs the manual: every file in testdata/*.txtar is a story with
// its commands and what they print.
func TestStories(t *testing.T) {
	t.Parallel()
	testscript.Run(t, testscript.Params{
		Dir:                 "testdata",
		RequireExplicitExec: true,
		Setup: func(e *testscript.Env) error {
			e.Setenv("HOME", e.WorkDir)
			return nil
		},
		Cmds: map[string]func(ts *testscript.TestScript, neg bool, args []string){
			"waitfor": waitFor,
			"append":  appendFile,
		},
	})
}

// waitFor is the story command "waitfor PATTERN margay ARGS…": it runs the
// command until its standard output contains the pattern.
func waitFor(ts *testscript.TestScript, _ bool, args []string) {
	deadline := time.Now().Add(30 * time.Second)
	for {
		err := ts.Exec(args[1], args[2:]...)
		if out := ts.ReadFile("stdout"); err == nil && strings.Contains(out, args[0]) {
			return
		}
		if time.Now().After(deadline) {
			ts.Fatalf("%v never printed %q", args[1:], args[0])
		}
		<-time.After(50 * time.Millisecond)
	}
}

// appendFile is the story command "append FILE FROM": it appends a file to
// another, as a mongod would.
func appendFile(ts *testscript.TestScript, _ bool, args []string) {
	f, err := os.OpenFile(ts.MkAbs(args[0]), os.O_WRONLY|os.O_APPEND|os.O_CREATE, 0o600)
	ts.Check(err)
	_, err = f.WriteString(ts.ReadFile(args[1]))
	ts.Check(err)
	ts.Check(f.Close())
}

// TestStoriesAreListed keeps the manual complete: a story that nobody can find
// is not a manual.
func TestStoriesAreListed(t *testing.T) {
	t.Parallel()
	stories, err := filepath.Glob("testdata/*.txtar")
	if err != nil || len(stories) == 0 {
		t.Fatalf("stories: %v %v", stories, err)
	}
	for _, name := range stories {
		f, err := os.Open(name)
		if err != nil {
			t.Fatal(err)
		}
		text, err := io.ReadAll(f)
		f.Close()
		if err != nil || !strings.HasPrefix(string(text), "# ") {
			t.Errorf("%s does not begin by saying what it tells", name)
		}
	}
}
