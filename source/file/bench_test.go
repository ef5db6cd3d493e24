package file

import (
	"bytes"
	"context"
	"fmt"
	"os"
	"path/filepath"
	"syscall"
	"testing"
	"time"

	"github.com/margay-audit/margay/event"
	"github.com/margay-audit/margay/source/sourcetest"
)

// benchLog writes a log of n lines of 755 bytes, the mean of a mongod's, to a
// file and returns its path and size.
func benchLog(b *testing.B, n int) (string, int64) {
	b.Helper()
	var log bytes.Buffer
	for i := range n {
		line := fmt.Sprintf(`{"atype":"authCheck","n":%d,"param":{"command":"find","ns":"shop.orders"},"pad":"`, i)
		log.WriteString(line)
		log.Write(bytes.Repeat([]byte("x"), 752-len(line)))
		log.WriteString("\"}\n")
	}
	path := filepath.Join(b.TempDir(), "audit.json")
	if err := os.WriteFile(path, log.Bytes(), 0o600); err != nil {
		b.Fatal(err)
	}
	return path, int64(log.Len())
}

// BenchmarkRead reads a log into a store that takes everything at once: what is
// measured is finding lines, SHA-256 and positions.
func BenchmarkRead(b *testing.B) {
	const lines = 100_000
	path, size := benchLog(b, lines)
	emit := func(context.Context, event.Batch) error { return nil }
	b.ReportAllocs()
	b.SetBytes(size)
	began := cpu(b)
	for b.Loop() {
		src, err := New(Config{Paths: []string{path}, Once: true, Ledger: new(sourcetest.Store)})
		if err != nil {
			b.Fatal(err)
		}
		if err := src.Run(b.Context(), emit); err != nil {
			b.Fatal(err)
		}
	}
	b.ReportMetric(float64((cpu(b)-began).Nanoseconds())/float64(b.N*lines), "cpu-ns/line")
}

// cpu returns the processor time of this process, which the load of the machine
// changes less than the time on the wall.
func cpu(b *testing.B) time.Duration {
	b.Helper()
	var u syscall.Rusage
	if err := syscall.Getrusage(syscall.RUSAGE_SELF, &u); err != nil {
		b.Fatal(err)
	}
	return time.Duration(u.Utime.Nano() + u.Stime.Nano())
}

// BenchmarkCut cuts lines that are in memory already.
func BenchmarkCut(b *testing.B) {
	path, size := benchLog(b, 10_000)
	text, err := os.ReadFile(path)
	if err != nil {
		b.Fatal(err)
	}
	c := cutter{maxLine: DefaultMaxLine}
	b.ReportAllocs()
	b.SetBytes(size)
	for b.Loop() {
		for pos := 0; pos < len(text); {
			_, n, st := c.next(text[pos:], uint64(pos), true)
			if st != cutRecord {
				b.Fatal("no record")
			}
			pos += n
		}
	}
}
