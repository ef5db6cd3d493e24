// Command margay is the audit trail of a MongoDB estate: it collects audit
// events, keeps them exactly once, and answers in SQL.
//
// This package is the rim of the program: the command line, the wiring of the
// packages, signals, and exit codes. What a command does is in the file of its
// name.
package main

import (
	"context"
	"errors"
	"fmt"
	"io"
	"log/slog"
	"os"
	"os/signal"
	"syscall"

	"github.com/alecthomas/kong"

	"github.com/margay-audit/margay/store"
	"github.com/margay-audit/margay/store/query"
)

// version is set by the linker.
var version = "dev"

// The exit codes of every command.
const (
	exitOK          = 0
	exitFailed      = 1   // the command ran and failed, or what it looked for is not so
	exitUsage       = 2   // the command line, the config, the SQL text or the data folder is not acceptable; nothing was done
	exitWrite       = 70  // events could not be written
	exitInterrupted = 130 // Ctrl-C
)

// codedError carries an exit code with an error.
type codedError struct {
	error
	code int
}

func (e codedError) Unwrap() error { return e.error }

func withCode(code int, err error) error {
	if err == nil {
		return nil
	}
	return codedError{err, code}
}

// program is what a command may touch of the process: nothing else reads
// standard input, writes to the terminal, or looks at the environment.
type program struct {
	stdin          io.Reader
	stdout, stderr io.Writer
	lookupEnv      func(string) (string, bool)
	log            *slog.Logger
	// self is how the user called the program, for commands to copy.
	self string
	// tune changes the store's options after the config; tests set it.
	tune func(*store.Options)
}

// cli is the command line.
type cli struct {
	VersionFlag kong.VersionFlag `name:"version" help:"Print the version."`

	LogLevel  slog.Level `help:"Log what is at least this important: debug, info, warn, error." default:"info" placeholder:"LEVEL"`
	LogFormat string     `help:"Log as text or as json." enum:"text,json" default:"text" placeholder:"FORMAT"`

	Demo       demoCmd       `cmd:"" help:"Show everything at once: a synthetic mongod that writes, Margay that collects and answers."`
	Run        runCmd        `cmd:"" help:"Collect from the sources of the config until stopped."`
	Load       loadCmd       `cmd:"" help:"Load existing audit logs once; what is known already is not stored again."`
	SQL        sqlCmd        `cmd:"" name:"sql" help:"Ask the stored events a question in SQL."`
	Status     statusCmd     `cmd:"" help:"Say how each source and the store are."`
	Quarantine quarantineCmd `cmd:"" help:"List, show and replay what could not be decoded or fitted no schema."`
	Store      storeCmd      `cmd:"" help:"Look into the store, verify it, rebuild its catalog."`
	Config     configCmd     `cmd:"" help:"Check a config, or print an example."`
	Generate   generateCmd   `cmd:"" help:"Write a realistic, reproducible mongod audit log."`
	Version    versionCmd    `cmd:"" help:"Print the version."`
	SQLWorker  workerCmd     `cmd:"" name:"sql-worker" hidden:""`
}

const description = `Margay is the audit trail of a MongoDB estate: it collects audit events, keeps
them exactly once in open files, and answers in SQL.

Start with "margay demo", or load a log and ask:

  margay load /var/log/mongodb/auditLog.json
  margay sql 'SELECT atype, count(*) FROM mongodb_audit GROUP BY 1'

Without -c or --data-dir the config is ./margay.yaml where there is one, and
the data folder ./data.

Exit status: 0 done; 1 failed; 2 refused, and nothing was done: the command line,
the config, the SQL text or the data folder is not acceptable; 70 events could not
be written; 130 interrupted.`

func main() {
	if len(os.Args) == 2 && os.Args[1] == query.WorkerCommand {
		// The child that answers SQL: it gets nothing that it does not need.
		os.Exit(query.Worker())
	}
	ctx, stop := signal.NotifyContext(context.Background(), os.Interrupt, syscall.SIGTERM)
	defer stop()
	p := &program{stdin: os.Stdin, stdout: os.Stdout, stderr: os.Stderr, lookupEnv: os.LookupEnv, self: os.Args[0]}
	os.Exit(p.main(ctx, os.Args[1:]))
}

// main runs one command line and returns the exit code.
func (p *program) main(ctx context.Context, args []string) int {
	var c cli
	exit := -1
	parser, err := kong.New(&c,
		kong.Name("margay"),
		kong.Description(description),
		kong.Writers(p.stdout, p.stderr),
		kong.Exit(func(code int) { exit = code }),
		kong.ConfigureHelp(kong.HelpOptions{NoExpandSubcommands: true, WrapUpperBound: 100}),
		kong.BindTo(ctx, (*context.Context)(nil)),
		kong.Bind(p),
		kong.Vars{"version": "margay " + version},
	)
	if err != nil {
		panic("BUG: the command line's own definition: " + err.Error())
	}
	if len(args) == 0 {
		args = []string{"--help"}
	}
	command, err := parser.Parse(args)
	if exit >= 0 { // --help has printed and is done
		return exit
	}
	if err != nil {
		fmt.Fprintf(p.stderr, "margay: %v\n", err)
		var parse *kong.ParseError
		if errors.As(err, &parse) && parse.Context != nil && parse.Context.Command() != "" {
			fmt.Fprintf(p.stderr, "Try: margay %s --help\n", parse.Context.Command())
		} else {
			fmt.Fprintln(p.stderr, "Try: margay --help")
		}
		return exitUsage
	}
	p.log = newLogger(p.stderr, c.LogLevel, c.LogFormat)
	return p.report(ctx, command.Run())
}

func newLogger(w io.Writer, level slog.Level, format string) *slog.Logger {
	options := &slog.HandlerOptions{Level: level}
	if format == "json" {
		return slog.New(slog.NewJSONHandler(w, options))
	}
	return slog.New(slog.NewTextHandler(w, options))
}

// report prints what went wrong and returns the exit code for it. Only the end
// of ctx is an interruption: inside, things are canceled for other reasons too.
func (p *program) report(ctx context.Context, err error) int {
	if err == nil {
		return exitOK
	}
	var coded codedError
	isCoded := errors.As(err, &coded)
	switch {
	case ctx.Err() != nil && errors.Is(err, context.Canceled):
		fmt.Fprintln(p.stderr, "margay: interrupted")
		return exitInterrupted
	case errors.Is(err, errSilent):
		return coded.code
	case errors.Is(err, store.ErrNoStore):
		err, coded.code, isCoded = fmt.Errorf("%w: margay load FILE and margay run make one", err), exitUsage, true
	}
	fmt.Fprintf(p.stderr, "margay: %v\n", err)
	if isCoded {
		return coded.code
	}
	return exitCodeOf(err)
}

// exitCodeOf returns the code of an error that says for itself what it is.
func exitCodeOf(err error) int {
	var rebuild *store.RebuildError
	if errors.As(err, &rebuild) {
		return exitUsage
	}
	for _, fault := range []error{syscall.ENOSPC, syscall.EDQUOT, syscall.EROFS, syscall.EIO} {
		if errors.Is(err, fault) {
			return exitWrite
		}
	}
	return exitFailed
}

// errSilent ends a command with a code when everything has been said.
var errSilent = errors.New("")

type versionCmd struct{}

func (versionCmd) Run(p *program) error {
	fmt.Fprintf(p.stdout, "margay %s\n", version)
	return nil
}
