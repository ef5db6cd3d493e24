package main

import (
	"fmt"
	"os"
	"os/exec"
	"path/filepath"
	"slices"
	"syscall"
	"testing"
	"time"

	"github.com/margay-audit/margay/auditlog/synth"
)

// freshLines is how many lines a second BenchmarkFreshness writes, in
// freshBursts bursts, for freshSeconds.
const (
	freshLines   = 10_000
	freshBursts  = 20
	freshSeconds = 10
)

// burst is a piece of the log: how many lines were written up to its end, and
// when.
type burst struct {
	lines int64
	at    time.Time
}

// BenchmarkFreshness measures how long a line takes from being written to being
// visible to a reader, with a collecting process as users run it and a log that
// grows by 10,000 lines a second.
func BenchmarkFreshness(b *testing.B) {
	for range b.N {
		dir := b.TempDir()
		config := filepath.Join(dir, "margay.yaml")
		text := "data_dir: ./data\nsources:\n  - { name: prod mongod, type: file, paths: [\"auditLog.json\"] }\n"
		if err := os.WriteFile(config, []byte(text), 0o600); err != nil {
			b.Fatal(err)
		}
		log, err := os.Create(filepath.Join(dir, "auditLog.json"))
		if err != nil {
			b.Fatal(err)
		}
		cmd := exec.Command(os.Args[0], "run", "-c", config)
		cmd.Env = append(os.Environ(), asMargay+"=1")
		if err := cmd.Start(); err != nil {
			b.Fatal(err)
		}
		written := make(chan burst, freshBursts*freshSeconds)
		go writeBursts(b, log, written)
		lags := watchRows(b, filepath.Join(dir, "data"), written)
		if err := cmd.Process.Signal(syscall.SIGTERM); err != nil {
			b.Fatal(err)
		}
		if err := cmd.Wait(); err != nil {
			b.Fatal(err)
		}
		usage := cmd.ProcessState.UserTime() + cmd.ProcessState.SystemTime()
		slices.Sort(lags)
		for _, p := range []int{50, 99, 100} {
			b.ReportMetric(lags[(len(lags)-1)*p/100].Seconds(), fmt.Sprintf("p%d-s", p))
		}
		b.ReportMetric(usage.Seconds()/freshSeconds, "cores")
	}
}

// writeBursts appends to the log at an even pace.
func writeBursts(b *testing.B, log *os.File, written chan<- burst) {
	defer close(written)
	defer log.Close()
	gen := synth.New(synth.Config{Seed: 1})
	tick := time.NewTicker(time.Second / freshBursts)
	defer tick.Stop()
	var lines int64
	var text []byte
	for range freshBursts * freshSeconds {
		text = text[:0]
		for range freshLines / freshBursts {
			text = gen.Next(text)
			lines++
		}
		<-tick.C
		if _, err := log.Write(text); err != nil {
			b.Error(err)
			return
		}
		written <- burst{lines, time.Now()}
	}
}

// watchRows asks a store again and again how many rows it has, and returns for
// each burst how long it took until it was there whole.
func watchRows(b *testing.B, dir string, written <-chan burst) []time.Duration {
	b.Helper()
	var lags []time.Duration
	var waiting []burst
	deadline := time.Now().Add(time.Minute)
	for open := true; open || len(waiting) > 0; {
		select {
		case w, ok := <-written:
			if open = ok; ok {
				waiting = append(waiting, w)
			} else {
				written = nil
			}
		case <-time.After(10 * time.Millisecond):
			rows, err := storedRows(b.Context(), dir)
			now := time.Now()
			for err == nil && len(waiting) > 0 && waiting[0].lines <= rows {
				lags = append(lags, now.Sub(waiting[0].at))
				waiting = waiting[1:]
			}
			if now.After(deadline) {
				b.Fatalf("%d rows are visible, and no more come: %v", rows, err)
			}
		}
	}
	return lags
}
