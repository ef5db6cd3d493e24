package pipeline

import (
	"context"
	"encoding/json"
	"fmt"
	"os"
	"path/filepath"
	"strings"
	"testing"

	"go.mongodb.org/mongo-driver/v2/bson"

	"github.com/margay-audit/margay/event"
	"github.com/margay-audit/margay/schema"
	"github.com/margay-audit/margay/store"
)

const (
	logout   = `{ "atype" : "logout", "ts" : { "$date" : "2026-03-01T08:00:00.100+00:00" }, "local" : {}, "remote" : {}, "users" : [], "roles" : [], "param" : {}, "result" : 0 }`
	secret   = "correct horse battery staple"
	withPwd  = `{ "atype" : "authCheck", "ts" : { "$date" : "2026-03-01T08:00:00.100+00:00" }, "local" : {}, "remote" : {}, "users" : [], "roles" : [], "param" : { "command" : "createUser", "ns" : "admin", "args" : { "createUser" : "u", "p\u0077d" : "` + secret + `" } }, "result" : 0 }`
	alienPwd = `{ "colour" : "blue", "pwd" : "` + secret + `" }`
)

// opened is a store with a pipeline into it, running until the test ends.
func opened(t testing.TB) (*Pipeline, string) {
	t.Helper()
	dir := filepath.Join(t.TempDir(), "data")
	ctx, cancel := context.WithCancel(context.Background())
	s, err := store.Open(ctx, dir, store.Options{})
	if err != nil {
		t.Fatal(err)
	}
	ended := make(chan error, 1)
	go func() { ended <- s.Run(ctx) }()
	t.Cleanup(func() {
		cancel()
		if err := <-ended; err != nil {
			t.Error(err)
		}
		if err := s.Close(); err != nil {
			t.Error(err)
		}
	})
	return New(s, schema.Builtin()), dir
}

func batch(from int, records ...event.Record) event.Batch {
	b := event.Batch{
		Origin: event.Origin{ID: "8f5c1f0e-0000-5000-8000-000000000001", Label: "test", Kind: "file"},
		Stream: "file:test", File: "auditLog.json", Records: records,
	}
	if from > 0 {
		b.From = event.Position(fmt.Sprintf(`{"offset":%d}`, from))
	}
	for i := range records {
		records[i].Offset = uint64(from + i)
	}
	b.To = event.Position(fmt.Sprintf(`{"offset":%d}`, from+len(records)))
	return b
}

func bsonOf(t testing.TB, text string) []byte {
	t.Helper()
	var d bson.D
	if err := bson.UnmarshalExtJSON([]byte(text), false, &d); err != nil {
		t.Fatal(err)
	}
	raw, err := bson.Marshal(d)
	if err != nil {
		t.Fatal(err)
	}
	return raw
}

// TestEmit: each record is stored or set aside with a reason, never neither.
func TestEmit(t *testing.T) {
	t.Parallel()
	plain := strings.ReplaceAll(logout, "2026-03-01T08:00:00.100+00:00", "2026-03-01T08:00:00.100Z")
	tests := []struct {
		name   string
		record event.Record
		reason string // of the quarantine, or "" for stored
	}{
		{"line", event.Record{Raw: []byte(logout)}, ""},
		{"BSON", event.Record{Raw: bsonOf(t, plain), Form: event.BSON}, ""},
		{"secret", event.Record{Raw: []byte(withPwd)}, ""},
		{"torn line", event.Record{Raw: []byte(logout[5:])}, "not a JSON document"},
		{"torn BSON", event.Record{Raw: bsonOf(t, plain)[:40], Form: event.BSON}, "not a BSON document"},
		{"alien", event.Record{Raw: []byte(`{"colour":"blue"}`)}, "MongoDB.Audit"},
		{"alien with secret", event.Record{Raw: []byte(alienPwd)}, "secrets were replaced at pwd"},
		{"cut out by the source", event.Record{Raw: []byte("{"), Defect: "longer than 16 MiB", Size: 1 << 25, Sum: make([]byte, 32)}, "longer than 16 MiB"},
		{"invalid UTF-8", event.Record{Raw: []byte(strings.Replace(logout, "logout", "log\xffout", 1))}, "UTF-8"},
		{"empty", event.Record{Raw: nil}, "not a JSON document"},
	}
	p, dir := opened(t)
	var counts Counts
	emit := p.Counting(&counts)
	stored := int64(0)
	for i, tt := range tests {
		if err := emit(t.Context(), batch(i, tt.record)); err != nil {
			t.Fatalf("%s: %v", tt.name, err)
		}
		if tt.reason == "" {
			stored++
		}
	}
	if counts.Stored.Load() != stored || counts.Quarantined.Load() != int64(len(tests))-stored {
		t.Errorf("stored %d, quarantined %d", counts.Stored.Load(), counts.Quarantined.Load())
	}
	reasons := map[uint64]string{}
	r, err := store.OpenReader(dir)
	if err != nil {
		t.Fatal(err)
	}
	defer r.Close()
	err = r.Quarantine(t.Context(), func(q *store.Quarantined) error {
		reasons[q.ID.Lo] = q.Reason
		if strings.Contains(string(q.Raw), secret) {
			t.Errorf("a secret is in quarantine: %s", q.Raw)
		}
		return nil
	})
	if err != nil {
		t.Fatal(err)
	}
	for i, tt := range tests {
		if got := reasons[uint64(i)]; !strings.Contains(got, tt.reason) || (got == "") != (tt.reason == "") {
			t.Errorf("%s: quarantined because %q, want %q", tt.name, got, tt.reason)
		}
	}
	noSecretOnDisk(t, dir)
}

// noSecretOnDisk reads every byte that Margay wrote. Segments are compressed,
// but a literal of this length in a block of its own would still show.
func noSecretOnDisk(t *testing.T, dir string) {
	t.Helper()
	err := filepath.WalkDir(dir, func(path string, d os.DirEntry, err error) error {
		if err != nil || !d.Type().IsRegular() {
			return err
		}
		text, err := os.ReadFile(path)
		if strings.Contains(string(text), secret) {
			t.Errorf("%s holds a secret", path)
		}
		return err
	})
	if err != nil {
		t.Fatal(err)
	}
}

// TestReplay: what fits after a fix leaves the quarantine once, however often
// it is replayed.
func TestReplay(t *testing.T) {
	t.Parallel()
	p, dir := opened(t)
	narrow := batch(0, event.Record{Raw: []byte(logout)}, event.Record{Raw: []byte(`{"colour":"blue"}`)}, event.Record{Raw: []byte(logout)})
	narrow.Origin.LogTypes = []event.LogType{event.Rapid7AuditLog} // the mistake
	if err := p.Emit(t.Context(), narrow); err != nil {
		t.Fatal(err)
	}
	everything := func(event.RowID) bool { return true }
	nothing := func(event.RowID) bool { return false }
	for _, step := range []struct {
		chosen        func(event.RowID) bool
		tried, stored int64
	}{{nothing, 0, 0}, {everything, 3, 2}, {everything, 1, 0}} {
		got, err := p.Replay(t.Context(), step.chosen)
		if err != nil || got.Tried != step.tried || got.Stored != step.stored {
			t.Errorf("replay: %+v, %v; want %d of %d", got, err, step.stored, step.tried)
		}
		if (got.Reason == "") == (got.Tried > got.Stored) {
			t.Errorf("replay: reason %q with %+v", got.Reason, got)
		}
	}
	r, err := store.OpenReader(dir)
	if err != nil {
		t.Fatal(err)
	}
	defer r.Close()
	st, err := r.Status(t.Context())
	if err != nil {
		t.Fatal(err)
	}
	if st.QuarantineRows != 1 {
		t.Errorf("%d rows wait in quarantine, want 1", st.QuarantineRows)
	}
}

// TestPositionMoved: the same batch again is refused, not stored twice.
func TestPositionMoved(t *testing.T) {
	t.Parallel()
	p, _ := opened(t)
	if err := p.Emit(t.Context(), batch(0, event.Record{Raw: []byte(logout)})); err != nil {
		t.Fatal(err)
	}
	if err := p.Emit(t.Context(), batch(0, event.Record{Raw: []byte(logout)})); err == nil {
		t.Error("a batch from an old position was taken")
	}
}

// discard is a store that keeps nothing, for what comes before it.
type discard struct{ stored, quarantined int }

func (d *discard) Row(*schema.Schema, *schema.Row, *event.Record, []byte, []string) error {
	d.stored++
	return nil
}

func (d *discard) Quarantine(*event.Record, string) error {
	d.quarantined++
	return nil
}

func corpus(tb testing.TB) [][]byte {
	tb.Helper()
	if path := os.Getenv("MARGAY_CORPUS"); path != "" {
		text, err := os.ReadFile(path)
		if err != nil {
			tb.Fatal(err)
		}
		lines := strings.SplitN(string(text), "\n", 20_001)
		out := make([][]byte, 0, 20_000)
		for _, line := range lines[:len(lines)-1] {
			out = append(out, []byte(line))
		}
		return out
	}
	var out [][]byte
	for i := range 2000 {
		args, err := json.Marshal(map[string]any{"find": "orders", "filter": map[string]any{"customer": i, "status": []string{"open", "pending"}}, "lsid": fmt.Sprint(i * 7919)})
		if err != nil {
			tb.Fatal(err)
		}
		out = append(out, fmt.Appendf(nil, `{ "atype" : "authCheck", "ts" : { "$date" : "2026-03-01T08:%02d:%02d.100+00:00" }, "uuid" : { "$binary" : "nfnnHQo0RDOtI6722FlP5w==", "$type" : "04" }, "local" : { "ip" : "10.0.0.5", "port" : 27017 }, "remote" : { "ip" : "10.1.2.%d", "port" : %d }, "users" : [ { "user" : "user-%d", "db" : "admin" } ], "roles" : [ { "role" : "readWrite", "db" : "shop" }, { "role" : "read", "db" : "crm" } ], "param" : { "command" : "find", "ns" : "shop.orders", "args" : %s }, "result" : 0 }`,
			i/60%60, i%60, i%250, 40000+i, i%300, args))
	}
	return out
}

// BenchmarkRecord is decode, redact and classify, without the store.
func BenchmarkRecord(b *testing.B) {
	lines := corpus(b)
	p := Pipeline{schemas: schema.Builtin()}
	w := p.pool(nil).Get().(*worker)
	var to discard
	bytes := 0
	for _, l := range lines {
		bytes += len(l)
	}
	b.SetBytes(int64(bytes / len(lines)))
	b.ReportAllocs()
	n := 0
	for b.Loop() {
		rec := event.Record{Raw: lines[n%len(lines)]}
		n++
		if ok, err := w.record(&to, &rec, false); !ok || err != nil {
			b.Fatal(ok, err)
		}
	}
}

// BenchmarkEmit is the way of a batch of 10,000 events until it is durable.
func BenchmarkEmit(b *testing.B) {
	lines := corpus(b)
	p, _ := opened(b)
	records := make([]event.Record, 10_000)
	for i := range records {
		records[i].Raw = lines[i%len(lines)]
	}
	b.ReportAllocs()
	at := 0
	for b.Loop() {
		next := batch(at, records...)
		at += len(records)
		if err := p.Emit(b.Context(), next); err != nil {
			b.Fatal(err)
		}
	}
	b.ReportMetric(float64(b.Elapsed().Nanoseconds())/float64(b.N)/float64(len(records)), "ns/event")
}
