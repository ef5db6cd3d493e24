package main

import (
	"context"
	"errors"
	"fmt"
	"log/slog"
	"time"

	"golang.org/x/sync/errgroup"

	"github.com/margay-audit/margay/config"
	"github.com/margay-audit/margay/event"
	"github.com/margay-audit/margay/pipeline"
	"github.com/margay-audit/margay/schema"
	"github.com/margay-audit/margay/store"
)

// drainGrace is how long emits that are under way at a stop may still take to
// become durable.
const drainGrace = 4 * time.Second

// daemon is a data folder held open for writing, with the flow into it.
type daemon struct {
	store *store.Store
	pipe  *pipeline.Pipeline
	log   *slog.Logger
	// counts is what collect has brought in since it began, states how its
	// sources are.
	counts pipeline.Counts
	states states
}

// openDaemon takes the folder's lock. cfg may be nil.
func openDaemon(ctx context.Context, dir string, cfg *config.Config, p *program) (*daemon, error) {
	o := store.Options{Log: p.log}
	if cfg != nil {
		o.FlushInterval = cfg.Store.FlushInterval
		o.Retention = cfg.Store.Retention
		o.QuarantineMaxBytes = cfg.Quarantine.MaxBytes
	}
	if p.tune != nil {
		p.tune(&o)
	}
	s, err := store.Open(ctx, dir, o)
	if err != nil {
		return nil, withCode(exitUsage, err)
	}
	return &daemon{store: s, pipe: pipeline.New(s, schema.Builtin()), log: p.log}, nil
}

// run keeps the store going while work runs, and ends both in the order in
// which nothing is lost: first whoever emits, then the store.
func (d *daemon) run(ctx context.Context, work func(ctx context.Context) error) error {
	storeCtx, stopStore := context.WithCancel(context.WithoutCancel(ctx))
	defer stopStore()
	ended := make(chan error, 1)
	workCtx, stopWork := context.WithCancelCause(ctx)
	defer stopWork(nil)
	go func() {
		err := d.store.Run(storeCtx)
		if err != nil {
			err = fmt.Errorf("the store has stopped: %w", err)
			stopWork(err)
		}
		ended <- err
	}()
	err := work(workCtx)
	if ctx.Err() == nil && workCtx.Err() != nil {
		// The store ended the work; why, it says itself.
		err = nil
	}
	stopStore()
	return errors.Join(err, <-ended, d.store.Close())
}

// draining returns emit with a context of its own: when ctx ends the source
// stops reading, but what it has handed over may still become durable.
func draining(emit event.Emit) event.Emit {
	return func(ctx context.Context, b event.Batch) error {
		grace, cancel := context.WithCancel(context.WithoutCancel(ctx))
		defer cancel()
		stop := context.AfterFunc(ctx, func() {
			timer := time.AfterFunc(drainGrace, cancel)
			context.AfterFunc(grace, func() { timer.Stop() })
		})
		defer stop()
		return emit(grace, b)
	}
}

// all runs every function until the first fails or ctx ends, and waits for all.
func all(ctx context.Context, fns ...func(ctx context.Context) error) error {
	g, ctx := errgroup.WithContext(ctx)
	for _, fn := range fns {
		g.Go(func() error { return fn(ctx) })
	}
	return g.Wait()
}
