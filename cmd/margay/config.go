package main

import (
	"errors"
	"fmt"
	"io/fs"

	"github.com/margay-audit/margay/config"
)

type configCmd struct {
	Check   configCheckCmd   `cmd:"" help:"Check a config and name every problem with its line."`
	Example configExampleCmd `cmd:"" help:"Print an example config with every key explained."`
}

type configCheckCmd struct {
	Config string `short:"c" type:"path" placeholder:"FILE" default:"margay.yaml" help:"The config."`
}

func (c configCheckCmd) Run(p *program) error {
	cfg, err := config.Load(c.Config, p.lookupEnv)
	var problems config.Problems
	switch {
	case errors.As(err, &problems):
		for _, problem := range problems {
			fmt.Fprintln(p.stderr, problem)
		}
		return withCode(exitUsage, errSilent)
	case errors.Is(err, fs.ErrNotExist):
		return withCode(exitUsage, fmt.Errorf("there is no config %s: margay config example prints one to start from", c.Config))
	case err != nil:
		return withCode(exitUsage, err)
	}
	for _, w := range cfg.Warnings {
		fmt.Fprintln(p.stderr, "warning:", w)
	}
	fmt.Fprintf(p.stdout, "%s: ok, %d source%s, data folder %s\n", c.Config, len(cfg.Sources), plural(int64(len(cfg.Sources))), cfg.DataDir)
	return nil
}

type configExampleCmd struct{}

func (configExampleCmd) Run(p *program) error {
	fmt.Fprint(p.stdout, config.Example())
	return nil
}
