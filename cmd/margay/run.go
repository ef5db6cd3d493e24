package main

import (
	"context"
	"encoding/json"
	"errors"
	"fmt"
	"log/slog"
	"maps"
	"strings"
	"sync"
	"time"

	"github.com/margay-audit/margay/config"
	"github.com/margay-audit/margay/control"
	"github.com/margay-audit/margay/event"
	"github.com/margay-audit/margay/source"
	"github.com/margay-audit/margay/source/file"
)

// stateInterval is how often a running process writes down how its sources are.
const stateInterval = time.Second

type runCmd struct {
	location
}

// Help says what run promises.
func (runCmd) Help() string {
	return `Collects from every source of the config until Ctrl-C or SIGTERM, then stores what
is under way and ends within five seconds. After a crash, or kill -9, the next run
goes on where the events that are stored end.

One process at a time may write to a data folder; a second one is refused with the
process id of the first. load and "quarantine replay" hand their work over to it;
sql, status and "store verify" may be used at any time.`
}

func (r runCmd) Run(ctx context.Context, p *program) error {
	dir, cfg, err := r.resolve(p)
	if err != nil {
		return err
	}
	if cfg == nil {
		return withCode(exitUsage, errors.New("run needs a config: margay config example prints one; say where it is with -c FILE"))
	}
	for _, w := range cfg.Warnings {
		p.log.Warn(strings.ReplaceAll(w.String(), "\n    ", "; "))
	}
	d, err := openDaemon(ctx, dir, cfg, p)
	if err != nil {
		return err
	}
	err = d.run(ctx, func(ctx context.Context) error {
		return d.collect(ctx, cfg.Sources, cfg.Store.FlushInterval)
	})
	if ctx.Err() != nil && errors.Is(err, context.Canceled) {
		p.log.Info("stopped in good order")
		return nil
	}
	return err
}

// collect runs the sources and answers commands until ctx ends; that is its
// only good end.
func (d *daemon) collect(ctx context.Context, sources []config.Source, flush time.Duration) error {
	work := []func(context.Context) error{
		func(ctx context.Context) error { return d.serveControl(ctx) },
		func(ctx context.Context) error { return d.saveStates(ctx) },
	}
	var origins []event.Origin
	for i := range sources {
		c := &sources[i]
		log := d.log.With("source", c.Name)
		src, origin, err := newSource(c, flush, d.store, log)
		if err != nil {
			return withCode(exitUsage, fmt.Errorf("source %q: %w", c.Name, err))
		}
		sup := source.New(src, draining(d.pipe.Counting(&d.counts)), source.Options{Name: c.Name, Log: d.log})
		d.states.add(origin, sup.State)
		origins = append(origins, origin)
		log.Info("collecting", "type", c.Type, "source_id", origin.ID)
		if origin.KeepSecrets {
			log.Warn("redaction is off for this source: secrets in its events are stored as they come")
		}
		work = append(work, func(ctx context.Context) error {
			err := sup.Run(ctx)
			if err == nil {
				log.Info("source has ended")
			}
			return err
		})
	}
	err := d.store.Register(ctx, origins...)
	if err == nil {
		err = all(ctx, work...)
	}
	if ctx.Err() != nil && (err == nil || errors.Is(err, ctx.Err())) {
		return context.Cause(ctx)
	}
	return err
}

// newSource makes the source that a config entry describes.
func newSource(c *config.Source, flush time.Duration, ledger event.Ledger, log *slog.Logger) (event.Source, event.Origin, error) {
	origin := event.Origin{ID: c.ID, Label: c.Name, Kind: c.Type, LogTypes: c.LogTypes, KeepSecrets: !c.Redact}
	switch {
	case c.File != nil:
		src, err := file.New(file.Config{
			Origin: origin, Paths: c.File.Paths, Start: file.Start(c.File.Start), MaxLine: c.File.MaxLine,
			FlushInterval: flush, Ledger: ledger, Log: log,
		})
		return src, origin, err
	default:
		return nil, origin, fmt.Errorf("type %q has no reader", c.Type)
	}
}

// states are the questions to ask for the sources' states, by source id.
type states struct {
	mu     sync.Mutex
	of     map[string]func() event.State
	labels map[string]string
	began  map[string]time.Time
}

func (s *states) add(o event.Origin, ask func() event.State) {
	s.mu.Lock()
	defer s.mu.Unlock()
	if s.of == nil {
		s.of, s.labels, s.began = map[string]func() event.State{}, map[string]string{}, map[string]time.Time{}
	}
	s.of[o.ID], s.labels[o.ID], s.began[o.ID] = ask, o.Label, time.Now()
}

func (s *states) label(id string) string {
	s.mu.Lock()
	defer s.mu.Unlock()
	return s.labels[id]
}

// lag is how many bytes wait, over all sources.
func (s *states) lag() (bytes int64) {
	for _, st := range s.now() {
		bytes += st.LagBytes
	}
	return bytes
}

func (s *states) now() map[string]event.State {
	s.mu.Lock()
	defer s.mu.Unlock()
	m := make(map[string]event.State, len(s.of))
	for id, ask := range s.of {
		m[id] = silence(ask(), s.began[id], time.Now())
	}
	return m
}

// silentAfter is how long a source may have nothing new before it counts as
// silent: a day, as the vendors' consoles of audit sources have it.
const silentAfter = 24 * time.Hour

// silence turns a healthy state into a silent one when nothing has come for
// too long, neither since the source was started.
func silence(st event.State, began, now time.Time) event.State {
	last := began
	if st.LastRead.After(last) {
		last = st.LastRead
	}
	if st.Health == event.Healthy && now.Sub(last) >= silentAfter {
		st.Health = event.Silent
		st.Reason = "nothing new since " + last.UTC().Format(time.RFC3339) + ": does the server still write its audit log, and to this place?"
	}
	return st
}

// stateRefresh is how often the states are written down although nothing has
// changed: status does not believe a state that is old.
const stateRefresh = 5 * time.Second

// saveStates writes down the sources' states for status until ctx ends.
func (d *daemon) saveStates(ctx context.Context) error {
	told := map[string]event.State{}
	return keepStates(ctx, d.states.now, func(now map[string]event.State) error {
		d.tell(told, now)
		err := d.store.SaveStates(context.WithoutCancel(ctx), now)
		if err != nil {
			// Status will be out of date; collecting does not depend on it.
			d.log.Warn("cannot write down the sources' states", "error", err)
		}
		return err
	})
}

// tell logs which sources have become blocked, or are not any more; told is
// what it said last. Nobody may have to ask for status to learn that.
func (d *daemon) tell(told, now map[string]event.State) {
	for id, st := range now {
		last := told[id]
		label := d.states.label(id)
		switch {
		case st.Health == event.Silent && last.Health != event.Silent:
			d.log.Warn("source is silent", "source", label, "reason", st.Reason)
		case st.Health == event.Blocked && (last.Health != event.Blocked || last.Reason != st.Reason):
			d.log.Warn("source is blocked", "source", label, "reason", st.Reason)
		case last.Health == event.Blocked && (st.Health == event.Healthy || st.Health == event.Behind):
			d.log.Info("source is no longer blocked", "source", label)
		}
		told[id] = st
	}
}

// keepStates saves what now returns when it changes, now and then when it does
// not, and a last time as stopped when ctx ends. What could not be saved is
// tried again.
func keepStates(ctx context.Context, now func() map[string]event.State, save func(map[string]event.State) error) error {
	ticker := time.NewTicker(stateInterval)
	defer ticker.Stop()
	var last map[string]event.State
	var saved time.Time
	for {
		states := now()
		if ctx.Err() != nil {
			for id, st := range states {
				why := "collection was ended"
				if st.Health == event.Blocked {
					why += "; until then it was blocked: " + st.Reason
				}
				st.Health, st.Reason = event.Stopped, why
				states[id] = st
			}
		}
		if !maps.Equal(states, last) || time.Since(saved) >= stateRefresh {
			if save(states) == nil {
				last, saved = states, time.Now()
			}
		}
		if ctx.Err() != nil {
			return nil
		}
		select {
		case <-ctx.Done():
		case <-ticker.C:
		}
	}
}

// serveControl answers other margay commands until ctx ends.
func (d *daemon) serveControl(ctx context.Context) error {
	server, err := control.Listen(ctx, d.store.Dir())
	if err != nil {
		return err
	}
	return server.Serve(ctx, func(ctx context.Context, peer control.Peer, req control.Request, send func(control.Event)) (any, error) {
		d.log.Info("command handed over", "command", req.Command, "uid", peer.UID, "pid", peer.PID)
		if err := d.store.LogControl(ctx, peer.UID, peer.PID, req.Command); err != nil {
			return nil, err
		}
		switch req.Command {
		case loadCommand:
			var order loadOrder
			if err := json.Unmarshal(req.Args, &order); err != nil {
				return nil, fmt.Errorf("arguments of load: %w", err)
			}
			return d.load(ctx, order, func(done, total int64) { send(control.Event{DoneBytes: done, TotalBytes: total}) })
		case replayCommand:
			var order replayOrder
			if err := json.Unmarshal(req.Args, &order); err != nil {
				return nil, fmt.Errorf("arguments of replay: %w", err)
			}
			return d.replay(ctx, order)
		case resumeCommand:
			return d.resumeRetention(ctx)
		default:
			return nil, fmt.Errorf("this margay does not know the command %q: is it of another version?", req.Command)
		}
	})
}

// handOver runs a writing command where it can run: in the process that holds
// the data folder, or here when none does.
func handOver[T any](ctx context.Context, p *program, l location, command string, args any, progress func(done, total int64), here func(ctx context.Context, d *daemon) (T, error)) (T, error) {
	var result T
	dir, cfg, err := l.resolve(p)
	if err != nil {
		return result, err
	}
	encoded, err := json.Marshal(args)
	if err != nil {
		return result, err
	}
	last, err := control.Call(ctx, dir, control.Request{Command: command, Args: encoded}, func(e control.Event) { progress(e.DoneBytes, e.TotalBytes) })
	if !errors.Is(err, control.ErrNotRunning) {
		if len(last.Result) > 0 {
			err = errors.Join(err, json.Unmarshal(last.Result, &result))
		}
		return result, err
	}
	d, err := openDaemon(ctx, dir, cfg, p)
	if err != nil {
		return result, err
	}
	err = d.run(ctx, func(ctx context.Context) (err error) {
		result, err = here(ctx, d)
		return err
	})
	return result, err
}
