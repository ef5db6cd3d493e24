package main

import (
	"bytes"
	"context"
	"io"
	"os"
	"slices"
	"testing"
	"time"

	"github.com/margay-audit/margay/store/query"
)

// dataDirEnv names a data folder to ask instead of loading a corpus first: one
// that was filled with `margay load` or by a simulated day.
const dataDirEnv = "MARGAY_DATA"

// loaded returns a data folder with the benchmark's corpus.
func loaded(b *testing.B) string {
	b.Helper()
	if dir := os.Getenv(dataDirEnv); dir != "" {
		return dir
	}
	corpus, _ := benchCorpus(b)
	dir := b.TempDir() + "/data"
	process(b, 2, "load", "-q", "--data-dir", dir, corpus)
	return dir
}

// askEngine asks a question five times in one worker, as a user's process would
// ask it once, and returns the first time, and the median and the least of the
// others; the least is what a machine that is busy otherwise distorts least.
func askEngine(ctx context.Context, dir, sql string) (cold, warm, least time.Duration, r query.Result, err error) {
	req := query.Request{SQL: sql, Output: query.OutputNDJSON, Repeat: 6}
	r, err = ask(ctx, dir, req, io.Discard, io.Discard)
	if err != nil {
		return 0, 0, 0, r, err
	}
	cold, warms := r.Engine[0], r.Engine[1:]
	slices.Sort(warms)
	return cold, warms[len(warms)/2], warms[0], r, nil
}

// BenchmarkQueryEngine is the time that the questions of the standard job J3
// take within the worker: warm is the median of five runs after the first.
func BenchmarkQueryEngine(b *testing.B) {
	dir := loaded(b)
	for _, q := range questions {
		b.Run(q.name, func(b *testing.B) { benchEngine(b, dir, q.sql) })
	}
}

func benchEngine(b *testing.B, dir, sql string) {
	b.Helper()
	for range b.N {
		cold, warm, least, r, err := askEngine(b.Context(), dir, sql)
		if err != nil {
			b.Fatal(err)
		}
		b.ReportMetric(float64(warm.Microseconds())/1e3, "warm-ms")
		b.ReportMetric(float64(least.Microseconds())/1e3, "least-ms")
		b.ReportMetric(float64(cold.Microseconds())/1e3, "cold-ms")
		b.ReportMetric(float64(r.Rows), "rows")
		b.ReportMetric(float64(r.Files-r.Pruned), "files")
	}
}

// BenchmarkQueryStart is what a call of margay sql takes whose statement needs
// nothing of the store.
func BenchmarkQueryStart(b *testing.B) {
	dir := loaded(b)
	for b.Loop() {
		_, _, out := process(b, 2, "sql", "--data-dir", dir, "-o", "csv", "SELECT 1 AS one")
		if !bytes.Equal(out, []byte("one\n1\n")) {
			b.Fatalf("%q", out)
		}
	}
}
