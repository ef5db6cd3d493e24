package main

import (
	"bufio"
	"bytes"
	"fmt"
	"io"
	"os"
	"os/exec"
	"path/filepath"
	"strconv"
	"syscall"
	"testing"
	"time"

	"github.com/margay-audit/margay/auditlog/synth"
	"github.com/margay-audit/margay/store"
)

// The benchmarks here run whole processes. Each reports CPU time (user and
// system) an event, which counts on a machine that others use too; ns/op is
// wall-clock time and does not.

// benchCorpus returns an audit log and its number of lines: the file that
// MARGAY_CORPUS names, else 200,000 generated events.
func benchCorpus(b *testing.B) (path string, lines int64) {
	b.Helper()
	if path = os.Getenv("MARGAY_CORPUS"); path != "" {
		f, err := os.Open(path)
		if err != nil {
			b.Fatal(err)
		}
		defer f.Close()
		buf := make([]byte, 1<<20)
		for {
			n, err := f.Read(buf)
			lines += int64(bytes.Count(buf[:n], []byte("\n")))
			if err != nil {
				return path, lines
			}
		}
	}
	path, lines = filepath.Join(b.TempDir(), "auditLog.json"), 200_000
	f, err := os.Create(path)
	if err != nil {
		b.Fatal(err)
	}
	defer f.Close()
	w := bufio.NewWriter(f)
	defer w.Flush()
	gen := synth.New(synth.Config{Seed: 1})
	var line []byte
	for range lines {
		line = gen.Next(line[:0])
		w.Write(line)
	}
	return path, lines
}

// process runs margay to its end and returns what it took.
func process(b *testing.B, cores int, args ...string) (cpu time.Duration, rss int64, stdout []byte) {
	b.Helper()
	cmd := exec.Command(os.Args[0], args...)
	cmd.Env = append(os.Environ(), asMargay+"=1", "GOMAXPROCS="+strconv.Itoa(cores))
	var out, messages bytes.Buffer
	cmd.Stdout, cmd.Stderr = &out, &messages
	if err := cmd.Run(); err != nil {
		b.Fatalf("margay %v: %v\n%s", args, err, &messages)
	}
	usage := cmd.ProcessState.SysUsage().(*syscall.Rusage)
	return cmd.ProcessState.UserTime() + cmd.ProcessState.SystemTime(), usage.Maxrss << 10, out.Bytes()
}

// BenchmarkJ3Load is the load of an audit log, from the file to committed
// segments with schema, indicators and received bytes.
func BenchmarkJ3Load(b *testing.B) {
	corpus, lines := benchCorpus(b)
	info, err := os.Stat(corpus)
	if err != nil {
		b.Fatal(err)
	}
	for _, cores := range []int{1, 2} {
		b.Run(fmt.Sprintf("cores=%d", cores), func(b *testing.B) {
			for range b.N {
				dir := filepath.Join(b.TempDir(), "data")
				cpu, rss, _ := process(b, cores, "load", "-q", "--data-dir", dir, corpus)
				b.ReportMetric(float64(cpu.Nanoseconds())/1e3/float64(lines), "cpu-µs/event")
				b.ReportMetric(float64(rss)/(1<<20), "rss-MB")
				b.ReportMetric(float64(segmentBytes(b, dir))/float64(info.Size()), "stored/input")
			}
		})
	}
}

// BenchmarkLoadHere is the same load inside this process, for profiles.
func BenchmarkLoadHere(b *testing.B) {
	corpus, lines := benchCorpus(b)
	for range b.N {
		p := &program{stdout: io.Discard, stderr: io.Discard, lookupEnv: os.LookupEnv, self: "margay"}
		if code := p.main(b.Context(), []string{"load", "-q", "--data-dir", filepath.Join(b.TempDir(), "data"), corpus}); code != exitOK {
			b.Fatalf("exit code %d", code)
		}
	}
	b.ReportMetric(float64(b.Elapsed().Nanoseconds())/float64(b.N)/float64(lines), "ns/event")
}

// segmentBytes is the size of the live segments.
func segmentBytes(b *testing.B, dir string) int64 {
	b.Helper()
	r, err := store.OpenReader(dir)
	if err != nil {
		b.Fatal(err)
	}
	defer r.Close()
	status, err := r.Status(b.Context())
	if err != nil {
		b.Fatal(err)
	}
	return status.Bytes
}

// questions are the three of the standard job J3.
var questions = []struct{ name, sql string }{
	{"by-atype", `SELECT atype, count(*) AS n FROM mongodb_audit GROUP BY 1 ORDER BY 2 DESC`},
	{"failed-logins", `SELECT user_name, count(*) AS n FROM mongodb_audit WHERE atype = 'authenticate' AND result <> 0 GROUP BY 1 ORDER BY 2 DESC, 1 LIMIT 10`},
	{"user-in-hour", `SELECT p_raw FROM mongodb_audit WHERE user_name = 'anna.ito' AND len(users) > 0 AND p_event_time >= '2025-10-10 10:00:00' AND p_event_time < '2025-10-10 11:00:00'`},
}

// BenchmarkJ3Query asks them, each in a process of its own as a user does.
func BenchmarkJ3Query(b *testing.B) {
	corpus, _ := benchCorpus(b)
	dir := filepath.Join(b.TempDir(), "data")
	process(b, 2, "load", "-q", "--data-dir", dir, corpus)
	for _, q := range questions {
		b.Run(q.name, func(b *testing.B) {
			for range b.N {
				cpu, _, out := process(b, 2, "sql", "--data-dir", dir, "-o", "ndjson", q.sql)
				b.ReportMetric(float64(cpu.Microseconds())/1e3, "cpu-ms")
				b.ReportMetric(float64(bytes.Count(out, []byte("\n"))), "rows")
			}
		})
	}
	b.Run("start-only", func(b *testing.B) {
		for range b.N {
			cpu, _, _ := process(b, 2, "sql", "--data-dir", dir, "SELECT 1")
			b.ReportMetric(float64(cpu.Microseconds())/1e3, "cpu-ms")
		}
	})
}
