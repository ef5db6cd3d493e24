package main

import (
	"bytes"
	"math/rand/v2"
	"testing"
	"time"

	"github.com/margay-audit/margay/store"
)

// TestKillNineWithRetention kills the process while retention drops what it
// has just stored. Every line was stored exactly once, as the source's count
// says; nothing that was dropped is read again; what is left is whole.
func TestKillNineWithRetention(t *testing.T) {
	t.Parallel()
	config, dataDir, logPath := killConfig(t, "")
	m := newMongod(logPath, 46)
	r := rand.New(rand.NewPCG(11, 11))
	var output bytes.Buffer
	for range kills(t) / 2 {
		output.Reset()
		cmd := margayProcessIn(t, &output, []string{shortRetention + "=1s"}, "run", "-c", config)
		began := time.Now()
		life := time.Duration(50+r.IntN(200)) * time.Millisecond
		for time.Since(began) < life {
			m.write(t, 1+r.IntN(80))
			<-time.After(time.Duration(r.IntN(10)) * time.Millisecond)
		}
		killNine(t, cmd, &output)
	}
	output.Reset()
	cmd := margayProcessIn(t, &output, []string{shortRetention + "=1s"}, "run", "-c", config)
	awaitStored(t, dataDir, m.lines)
	// Nothing new comes now: a second longer, and everything is dropped.
	awaitStatus(t, dataDir, func(st *store.Status) bool { return st.Rows == 0 })
	stop(t, cmd, &output)
	awaitStored(t, dataDir, m.lines) // and not one more
	if _, rows := storedLines(t, dataDir); rows != 0 {
		t.Errorf("%d rows are left after their retention", rows)
	}
	output.Reset()
	if err := margayProcess(t, &output, "store", "verify", "--data-dir", dataDir).Wait(); err != nil {
		t.Errorf("store verify: %v\n%s", err, &output)
	}
	noLeftovers(t, dataDir)
}

// awaitStored waits until the sources have stored n events since ever, and
// fails when there are more.
func awaitStored(t *testing.T, dataDir string, n int64) {
	t.Helper()
	awaitStatus(t, dataDir, func(st *store.Status) bool {
		var stored int64
		for _, s := range st.Sources {
			stored += s.Stored
		}
		if stored > n {
			t.Fatalf("%d events were stored, %d lines were written", stored, n)
		}
		return stored == n
	})
}

func awaitStatus(t *testing.T, dataDir string, good func(*store.Status) bool) {
	t.Helper()
	deadline := time.Now().Add(2 * time.Minute)
	var last *store.Status
	var err error
	for time.Now().Before(deadline) {
		var r *store.Reader
		if r, err = store.OpenReader(dataDir); err == nil {
			last, err = r.Status(t.Context())
			r.Close()
		}
		if err == nil && good(last) {
			return
		}
		<-time.After(20 * time.Millisecond)
	}
	t.Fatalf("the store never got there: %+v, %v", last, err)
}
