package query

import (
	"bytes"
	"context"
	"syscall"
	"testing"
	"time"
)

// BenchmarkStart measures the shortest statement: the start of the child to its
// end. The CPU time is the child's.
func BenchmarkStart(b *testing.B) {
	benchmark(b, Request{SQL: "SELECT 1 AS a"})
}

// BenchmarkTwoTables adds two segments and a memory table.
func BenchmarkTwoTables(b *testing.B) {
	f := newFixture(b)
	benchmark(b, f.request("SELECT count(*) AS n FROM events, margay_sources"))
}

// BenchmarkRows measures 200,000 rows of five columns in each form.
func BenchmarkRows(b *testing.B) {
	for _, o := range []Output{OutputTable, OutputCSV, OutputNDJSON} {
		b.Run(string(o), func(b *testing.B) {
			benchmark(b, Request{
				SQL:    "SELECT i, 'user' || i AS u, make_timestamp(i * 1000000) AS t, [i, i + 1] AS l, repeat('x', 100) AS s FROM range(200000) r(i)",
				Output: o,
			})
		})
	}
}

func benchmark(b *testing.B, r Request) {
	b.Helper()
	b.ReportAllocs()
	before := childTime(b)
	for b.Loop() {
		var out, errs bytes.Buffer
		if _, err := Run(context.Background(), r, &out, &errs); err != nil {
			b.Fatal(err)
		}
		b.SetBytes(int64(out.Len()))
	}
	b.ReportMetric(float64(childTime(b)-before)/float64(time.Millisecond)/float64(b.N), "child-cpu-ms/op")
}

// childTime is the CPU time of all children that have ended.
func childTime(b *testing.B) time.Duration {
	b.Helper()
	var u syscall.Rusage
	if err := syscall.Getrusage(syscall.RUSAGE_CHILDREN, &u); err != nil {
		b.Fatal(err)
	}
	return time.Duration(u.Utime.Nano() + u.Stime.Nano())
}
