package segment

import (
	"encoding/base64"
	"fmt"
	"math/rand/v2"
	"path/filepath"
	"testing"

	"github.com/margay-audit/margay/event"
	"github.com/margay-audit/margay/extjson"
	"github.com/margay-audit/margay/schema"
)

// auditLines makes audit messages as Percona Server writes them, of about 750
// bytes: mostly commands that were checked, some log-ins, a few of them failed.
func auditLines(n int) [][]byte {
	r := rand.New(rand.NewPCG(11, 13))
	commands := []string{"find", "insert", "update", "aggregate", "delete", "count"}
	databases := []string{"orders", "billing", "inventory", "crm", "payments", "hr"}
	lines := make([][]byte, n)
	at := 0
	for i := range lines {
		at += r.IntN(400)
		user, db := fmt.Sprintf("svc-%02d.%d", r.IntN(90), r.IntN(5)), databases[r.IntN(len(databases))]
		head := fmt.Appendf(nil, `"ts": {"$date": "2025-10-09T%02d:%02d:%02d.%03d+00:00"}, "uuid": {"$binary": "%s", "$type": "04"}, `+
			`"local": {"ip": "10.0.1.%d", "port": 27017}, "remote": {"ip": "10.4.%d.%d", "port": %d}, `+
			`"users": [{"user": "%s", "db": "admin"}], "roles": [{"role": "readWrite", "db": "%s"}, {"role": "clusterMonitor", "db": "admin"}], `,
			at/3_600_000%24, at/60_000%60, at/1_000%60, at%1_000, base64Of(r, 16),
			r.IntN(30), r.IntN(8), r.IntN(255), 32_768+r.IntN(28_000), user, db)
		if r.IntN(4) == 0 {
			lines[i] = fmt.Appendf(nil, `{"atype": "authenticate", %s"param": {"user": "%s", "db": "admin", "mechanism": "SCRAM-SHA-256"}, "result": %d}`,
				head, user, 18*(r.IntN(10)/9))
			continue
		}
		c := commands[r.IntN(len(commands))]
		lines[i] = fmt.Appendf(nil, `{"atype": "authCheck", %s"param": {"command": "%s", "ns": "%s.items", "args": {"%s": "items", `+
			`"filter": {"_id": {"$oid": "%024x"}, "total": {"$gte": %d}}, "sort": {"_id": -1}, "lsid": {"id": {"$binary": "%s", "$type": "04"}}, `+
			`"$clusterTime": {"clusterTime": {"$timestamp": {"t": 1760000000, "i": %d}}, "signature": {"hash": {"$binary": "%s", "$type": "00"}, "keyId": 7338211231232}}, "$db": "%s"}}, "result": 0}`,
			head, c, db, c, r.Uint64(), r.IntN(5_000), base64Of(r, 16), r.IntN(40), base64Of(r, 20), db)
	}
	return lines
}

func base64Of(r *rand.Rand, n int) string {
	b := make([]byte, n)
	for i := range b {
		b[i] = byte(r.Uint32())
	}
	return base64.StdEncoding.EncodeToString(b)
}

// auditRows are lines taken apart by the built-in schema.
func auditRows(tb testing.TB, lines [][]byte) (*schema.Schema, []schema.Row, []RowMeta) {
	tb.Helper()
	s := schema.Builtin().Lookup(event.MongoDBAudit)
	rows, metas := make([]schema.Row, len(lines)), make([]RowMeta, len(lines))
	offset := uint64(0)
	for i, line := range lines {
		var d extjson.Decoder
		doc, err := d.Decode(nil, line)
		if err != nil {
			tb.Fatal(err)
		}
		if err := s.Coerce(&rows[i], &schema.Document{BSON: doc, Text: line, Fields: d.Fields()}); err != nil {
			tb.Fatal(err)
		}
		metas[i] = RowMeta{
			ID: event.RowID{Hi: 1, Lo: offset}, ParseTime: 1_760_000_000_000_000, Origin: &testOrigin,
			File: "/var/log/mongodb/auditLog.json", Raw: line,
		}
		offset += uint64(len(line)) + 1
	}
	return s, rows, metas
}

// BenchmarkAppend is the cost of an event up to the columns in memory.
func BenchmarkAppend(b *testing.B) {
	s, rows, metas := auditRows(b, auditLines(10_000))
	builder := NewBuilder(s)
	for i := range rows {
		builder.Append(&rows[i], &metas[i])
	}
	b.SetBytes(builder.RawBytes() / int64(len(rows)))
	b.ReportAllocs()
	builder.Reset()
	for i := 0; b.Loop(); i++ {
		if i%len(rows) == 0 {
			builder.Reset()
		}
		builder.Append(&rows[i%len(rows)], &metas[i%len(rows)])
	}
}

// BenchmarkAppendAndWrite is the cost of an event up to a synced segment of
// 10,000 rows. An iteration is a whole segment; ns/event is the figure.
func BenchmarkAppendAndWrite(b *testing.B) {
	s, rows, metas := auditRows(b, auditLines(10_000))
	builder := NewBuilder(s)
	dir := b.TempDir()
	var bytes, raw, events int64
	b.ReportAllocs()
	n := uint64(0)
	for b.Loop() {
		builder.Reset()
		for i := range rows {
			builder.Append(&rows[i], &metas[i])
		}
		n++
		_, info := store(b, dir, n, builder)
		bytes, raw, events = bytes+info.Bytes, raw+info.RawBytes, events+info.Rows
	}
	b.SetBytes(raw / int64(b.N))
	b.ReportMetric(float64(b.Elapsed().Nanoseconds())/float64(events), "ns/event")
	b.ReportMetric(float64(bytes)/float64(events), "B/event")
	b.ReportMetric(float64(raw)/float64(events), "rawB/event")
}

// BenchmarkMerge copies 16 segments of good size, or packs 16 small ones anew.
func BenchmarkMerge(b *testing.B) {
	for _, size := range []int{500, 10_000} {
		b.Run(fmt.Sprintf("16x%d", size), func(b *testing.B) {
			s, rows, metas := auditRows(b, auditLines(size))
			builder := NewBuilder(s)
			dir := b.TempDir()
			var inputs []string
			for k := range 16 {
				builder.Reset()
				for i := range rows {
					builder.Append(&rows[i], &metas[i])
				}
				path, _ := store(b, dir, uint64(k+1), builder)
				inputs = append(inputs, path)
			}
			b.SetBytes(16 * builder.RawBytes())
			b.ReportAllocs()
			events, n := 0, uint64(100)
			for b.Loop() {
				n++
				p, err := Merge(filepath.Join(dir, FileName(n, 1)), inputs)
				if err != nil {
					b.Fatal(err)
				}
				if _, err := p.Finish(testCommit(n)); err != nil {
					b.Fatal(err)
				}
				events += 16 * size
			}
			b.ReportMetric(float64(b.Elapsed().Nanoseconds())/float64(events), "ns/event")
		})
	}
}
