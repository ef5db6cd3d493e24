package store

import (
	"bytes"
	"context"
	"fmt"
	"log/slog"
	"path/filepath"
	"testing"

	"github.com/margay-audit/margay/event"
	"github.com/margay-audit/margay/schema"
)

// BenchmarkAppend stores lines of 755 bytes in batches of a file source's
// usual sizes, from Begin to durable. The row is the schema's smallest, so that
// it measures the store and not the columns.
func BenchmarkAppend(b *testing.B) {
	for _, rows := range []int{1, 100, 10_000} {
		b.Run(fmt.Sprint(rows), func(b *testing.B) {
			s, err := Open(b.Context(), filepath.Join(b.TempDir(), "data"), Options{Log: slog.New(slog.DiscardHandler)})
			if err != nil {
				b.Fatal(err)
			}
			ctx, cancel := context.WithCancel(context.Background())
			done := make(chan error, 1)
			go func() { done <- s.Run(ctx) }()
			raw := bytes.Repeat([]byte("audit line "), 69)[:755]
			row := &schema.Row{EventTime: epoch.UnixMicro(), HasEventTime: true}
			sch := auditSchema()
			b.SetBytes(int64(rows * len(raw)))
			b.ReportAllocs()
			n := 0
			for b.Loop() {
				batch := event.Batch{Origin: origin, Stream: "s", From: pos(n), To: pos(n + rows)}
				a, err := s.Begin(&batch)
				if err != nil {
					b.Fatal(err)
				}
				for i := range rows {
					rec := event.Record{Raw: raw, Offset: uint64(n+i) * 756}
					if err := a.Row(sch, row, &rec, raw, nil); err != nil {
						b.Fatal(err)
					}
				}
				if err := a.Commit(b.Context()); err != nil {
					b.Fatal(err)
				}
				n += rows
			}
			b.ReportMetric(float64(b.Elapsed().Nanoseconds())/float64(n), "ns/event")
			cancel()
			if err := <-done; err != nil {
				b.Fatal(err)
			}
			if err := s.Close(); err != nil {
				b.Fatal(err)
			}
		})
	}
}
