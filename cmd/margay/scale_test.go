package main

import (
	"bufio"
	"context"
	"errors"
	"fmt"
	"os"
	"path/filepath"
	"strconv"
	"testing"
	"time"

	"github.com/margay-audit/margay/event"
	"github.com/margay-audit/margay/pipeline"
	"github.com/margay-audit/margay/schema"
	"github.com/margay-audit/margay/store"
)

// commitsEnv and rowsEnv are how many one-second flushes of how many events
// BenchmarkDay simulates; scaleDirEnv is the folder that it fills and leaves
// behind, on a memory disk for example, where syncing costs nothing. A whole
// day is 86400; the default is for a look.
const (
	commitsEnv  = "MARGAY_DAY_COMMITS"
	rowsEnv     = "MARGAY_DAY_ROWS"
	scaleDirEnv = "MARGAY_DAY_DIR"
)

func envNumber(b *testing.B, name string, def int) int {
	b.Helper()
	text := os.Getenv(name)
	if text == "" {
		return def
	}
	n, err := strconv.Atoi(text)
	if err != nil {
		b.Fatalf("%s: %v", name, err)
	}
	return n
}

// BenchmarkDay stores a day in which events trickle in: a small commit each
// second, one after the other as fast as they go, while segments are merged as
// in production. Then it asks the questions of the standard job J3.
func BenchmarkDay(b *testing.B) {
	corpus, _ := benchCorpus(b)
	commits, rows := envNumber(b, commitsEnv, 300), envNumber(b, rowsEnv, 12)
	dir := os.Getenv(scaleDirEnv)
	if dir == "" {
		dir = filepath.Join(b.TempDir(), "data")
	}
	began := time.Now()
	if err := trickle(b.Context(), dir, corpus, commits, rows); err != nil {
		b.Fatal(err)
	}
	b.ReportMetric(float64(time.Since(began).Microseconds())/float64(commits), "µs/commit")
	b.ResetTimer()
	for _, q := range questions {
		b.Run(q.name, func(b *testing.B) { benchEngine(b, dir, q.sql) })
	}
}

// trickle stores the first lines of a log in commits of so many rows.
func trickle(ctx context.Context, dir, corpus string, commits, rows int) error {
	s, err := store.Open(ctx, dir, store.Options{Grace: time.Millisecond})
	if err != nil {
		return err
	}
	running, stop := context.WithCancel(ctx)
	done := make(chan error, 1)
	go func() { done <- s.Run(running) }()
	err = emitLines(ctx, pipeline.New(s, schema.Builtin()), dir, corpus, commits, rows)
	stop()
	err = errors.Join(err, <-done)
	if err == nil {
		err = s.Maintain(ctx)
	}
	return errors.Join(err, s.Close())
}

func emitLines(ctx context.Context, p *pipeline.Pipeline, dir, corpus string, commits, rows int) error {
	f, err := os.Open(corpus)
	if err != nil {
		return err
	}
	defer f.Close()
	lines := bufio.NewScanner(f)
	lines.Buffer(nil, 16<<20)
	b := event.Batch{
		Origin: event.Origin{ID: "4f2d8f1e-0000-5000-8000-000000000001", Label: "day", Kind: "file"},
		Stream: "day", File: corpus,
	}
	var offset uint64
	for n := range commits {
		if n%100 == 99 {
			if err := awaitMerged(ctx, dir); err != nil {
				return err
			}
		}
		b.Records = b.Records[:0]
		for len(b.Records) < rows && lines.Scan() {
			b.Records = append(b.Records, event.Record{Raw: append([]byte(nil), lines.Bytes()...), Offset: offset})
			offset += uint64(len(lines.Bytes()) + 1)
		}
		if len(b.Records) == 0 {
			return lines.Err()
		}
		b.To = event.Position(fmt.Sprintf(`{"offset":%d}`, offset))
		if err := p.Emit(ctx, b); err != nil {
			return err
		}
		b.From = b.To
	}
	return nil
}

// awaitMerged waits until merging has caught up: with a second between two
// commits it always has.
func awaitMerged(ctx context.Context, dir string) error {
	r, err := store.OpenReader(dir)
	if err != nil {
		return err
	}
	defer r.Close()
	for {
		status, err := r.Status(ctx)
		if err != nil || status.Segments < 150 {
			return err
		}
		select {
		case <-ctx.Done():
			return ctx.Err()
		case <-time.After(10 * time.Millisecond):
		}
	}
}
