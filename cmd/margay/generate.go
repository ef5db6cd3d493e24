package main

import (
	"bufio"
	"context"
	"errors"
	"fmt"
	"os"
	"time"

	"github.com/margay-audit/margay/auditlog/synth"
)

type generateCmd struct {
	Events int64   `default:"10000" help:"How many events to write; 0 writes until stopped."`
	Seed   uint64  `default:"1" help:"The same seed gives the same bytes, on every machine."`
	Rate   float64 `placeholder:"N" help:"Events a second; 0 is as fast as possible. With a rate the events carry the present time."`
	Out    string  `short:"o" type:"path" placeholder:"FILE" help:"Where to write; the default is standard output."`
}

// Help says what the events are like.
func (generateCmd) Help() string {
	return `Writes the audit log of a mongod that never was, as Percona Server and MongoDB
Enterprise write theirs: several hundred users and services whose sessions hang
together (connect, authenticate, work, log out), failures as they happen, and now
and then an attack.`
}

func (g generateCmd) Run(ctx context.Context, p *program) (err error) {
	if g.Events < 0 || g.Rate < 0 {
		return withCode(exitUsage, errors.New("--events and --rate must not be negative"))
	}
	out := p.stdout
	if g.Out != "" {
		f, err := os.OpenFile(g.Out, os.O_WRONLY|os.O_CREATE|os.O_TRUNC, 0o640)
		if err != nil {
			return err
		}
		defer func() { err = errors.Join(err, f.Close()) }()
		out = f
	}
	w := bufio.NewWriterSize(out, 1<<20)
	if err := g.write(ctx, synth.New(synth.Config{Seed: g.Seed}), w); err != nil {
		return err
	}
	return w.Flush()
}

// write writes the events, paced if there is a rate.
func (g generateCmd) write(ctx context.Context, gen *synth.Generator, w *bufio.Writer) error {
	var line []byte
	began := time.Now()
	for n := int64(0); g.Events == 0 || n < g.Events; n++ {
		if g.Rate > 0 {
			if due := began.Add(time.Duration(float64(n) / g.Rate * float64(time.Second))); time.Until(due) > 0 {
				if err := w.Flush(); err != nil {
					return err
				}
				if err := waitUntil(ctx, due); err != nil {
					return err
				}
			}
		}
		if n%4096 == 0 && ctx.Err() != nil {
			return ctx.Err()
		}
		if g.Rate > 0 {
			line = gen.NextAt(line[:0], time.Now())
		} else {
			line = gen.Next(line[:0])
		}
		if _, err := w.Write(line); err != nil {
			return fmt.Errorf("write events: %w", err)
		}
	}
	return nil
}

func waitUntil(ctx context.Context, t time.Time) error {
	timer := time.NewTimer(time.Until(t))
	defer timer.Stop()
	select {
	case <-ctx.Done():
		return ctx.Err()
	case <-timer.C:
		return nil
	}
}
