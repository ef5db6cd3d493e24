package parquet

import (
	"bytes"
	"fmt"
	"io"
	"math/rand/v2"
	"testing"
)

// auditRow is an audit event as the store keeps it: the columns of MongoDB's
// audit messages with the line itself.
type auditRow struct {
	offset, time                     int64
	atype, user, db, ns, uuid, param []byte
	localIP, remoteIP                []byte
	localPort, remotePort, result    int64
	roles                            [][2][]byte
	raw                              []byte
}

// auditNodes has 28 leaves.
func auditNodes() []Node {
	text := func(name string, bloom bool) Node {
		return Node{Name: name, Type: ByteArray, Logical: String, Encoding: Dict, Bloom: bloom}
	}
	list := func(name string, bloom bool, element Node) Node {
		element.Name = "element"
		element.Bloom = bloom
		return Node{Name: name, Kind: List, Children: []Node{element}}
	}
	pair := func(name, a, b string) Node {
		return list(name, false, Node{Kind: Struct, Children: []Node{text(a, false), text(b, false)}})
	}
	delta := func(name string, l Logical) Node {
		return Node{Name: name, Type: Int64, Logical: l, Encoding: Delta}
	}
	address := func(name string) Node {
		return Node{Name: name, Kind: Struct, Children: []Node{text("ip", name == "remote"), {Name: "port", Type: Int32, Encoding: Dict}}}
	}
	return []Node{
		text("p_log_type", false), delta("p_event_time", Timestamp), delta("p_parse_time", Timestamp),
		text("p_source_id", false), text("p_source_label", false), text("p_source_file", false),
		delta("stream", None), delta("offset", None),
		text("atype", false), delta("ts", Timestamp), text("uuid", false),
		address("local"), address("remote"),
		pair("users", "user", "db"), pair("roles", "role", "db"),
		{Name: "param", Type: ByteArray, Logical: JSON, NoStats: true},
		{Name: "result", Type: Int32, Encoding: Dict},
		text("param_user", true), text("param_db", false), text("param_ns", false), text("param_mechanism", false),
		list("p_any_ips", true, text("", false)), list("p_any_usernames", true, text("", false)),
		{Name: "raw", Type: ByteArray, NoStats: true},
	}
}

// auditRows makes events with the spread of values that a busy server has.
func auditRows(n int) []auditRow {
	r := rand.New(rand.NewPCG(1, 2))
	kinds := [...]string{"authenticate", "authCheck", "createUser", "dropCollection", "createIndex", "logout", "clientMetadata", "grantRolesToUser"}
	roles := [...]string{"readWrite", "read", "dbAdmin", "clusterMonitor", "userAdminAnyDatabase", "root"}
	rows := make([]auditRow, n)
	at := int64(0)
	for i := range rows {
		user := fmt.Sprintf("user%03d", min(r.IntN(400), r.IntN(400)))
		db := [...]string{"admin", "shop", "crm", "billing", "logs"}[r.IntN(5)]
		kind := kinds[min(r.IntN(8), r.IntN(8))]
		uuid := fmt.Sprintf("%08x-%04x-4%03x-%04x-%012x", r.Uint32(), r.Uint32()&0xffff, r.Uint32()&0xfff, r.Uint32()&0xffff, r.Uint64()&0xffffffffffff)
		ip := fmt.Sprintf("10.%d.%d.%d", r.IntN(2), r.IntN(4), r.IntN(250))
		coll := fmt.Sprintf("%s.collection%d", db, r.IntN(60))
		param := fmt.Sprintf(`{"command":"find","ns":"%s","args":{"find":"%s","filter":{"customer":%d,"state":{"$in":["open","late"]}},"limit":%d,"lsid":{"id":{"$uuid":"%s"}},"$db":"%s"}}`,
			coll, coll, r.IntN(1e6), r.IntN(100), uuid, db)
		e := auditRow{
			offset: at, time: 1_760_000_000_000_000 + int64(i)*1_000_000/2000*1000/1000,
			atype: []byte(kind), user: []byte(user), db: []byte(db), ns: []byte(coll), uuid: []byte(uuid), param: []byte(param),
			localIP: []byte("10.0.0.1"), remoteIP: []byte(ip), localPort: 27017, remotePort: int64(30000 + r.IntN(20000)),
			result: int64(min(r.IntN(3), r.IntN(3)) * 18),
		}
		roleText := ""
		for k := range r.IntN(4) {
			role := roles[r.IntN(len(roles))]
			e.roles = append(e.roles, [2][]byte{[]byte(role), []byte(db)})
			if k > 0 {
				roleText += ","
			}
			roleText += fmt.Sprintf(`{"role":"%s","db":"%s"}`, role, db)
		}
		e.raw = fmt.Appendf(nil, `{"atype":"%s","ts":{"$date":"2025-10-09T08:53:%02d.%03d+00:00"},"uuid":{"$binary":"%s","$type":"04"},"local":{"ip":"10.0.0.1","port":27017},"remote":{"ip":"%s","port":%d},"users":[{"user":"%s","db":"%s"}],"roles":[%s],"param":%s,"result":%d}`,
			kind, i%60, i%1000, uuid, ip, e.remotePort, user, db, roleText, param, e.result)
		at += int64(len(e.raw)) + 1
		rows[i] = e
	}
	return rows
}

// appendAudit appends one row; columns from first to last only, so that the
// shares can be told apart.
func appendAudit(g *Group, e *auditRow, columns, raw bool) {
	if raw {
		g.Column(27).Bytes(e.raw, 0, 1)
	}
	if columns {
		g.Column(0).Bytes(logType, 0, 1)
		g.Column(1).Int(e.time, 0, 1)
		g.Column(2).Int(e.time+1500, 0, 1)
		g.Column(3).Bytes(sourceID, 0, 1)
		g.Column(4).Bytes(sourceLabel, 0, 1)
		g.Column(5).Bytes(sourceFile, 0, 1)
		g.Column(6).Int(7, 0, 1)
		g.Column(7).Int(e.offset, 0, 1)
		g.Column(8).Bytes(e.atype, 0, 1)
		g.Column(9).Int(e.time, 0, 1)
		g.Column(10).Bytes(e.uuid, 0, 1)
		g.Column(11).Bytes(e.localIP, 0, 2)
		g.Column(12).Int(e.localPort, 0, 2)
		g.Column(13).Bytes(e.remoteIP, 0, 2)
		g.Column(14).Int(e.remotePort, 0, 2)
		g.Column(15).Bytes(e.user, 0, 4)
		g.Column(16).Bytes(e.db, 0, 4)
		for i, role := range e.roles {
			rep := uint8(min(i, 1))
			g.Column(17).Bytes(role[0], rep, 4)
			g.Column(18).Bytes(role[1], rep, 4)
		}
		if len(e.roles) == 0 {
			g.Column(17).Null(0, 1)
			g.Column(18).Null(0, 1)
		}
		g.Column(19).Bytes(e.param, 0, 1)
		g.Column(20).Int(e.result, 0, 1)
		g.Column(21).Bytes(e.user, 0, 1)
		g.Column(22).Bytes(e.db, 0, 1)
		g.Column(23).Bytes(e.ns, 0, 1)
		g.Column(25).Bytes(e.localIP, 0, 3)
		g.Column(25).Bytes(e.remoteIP, 1, 3)
		g.Column(26).Bytes(e.user, 0, 3)
	}
	g.EndRow()
}

var (
	logType     = []byte("MongoDB.Audit")
	sourceID    = []byte("5f0c3c1e-6a3c-4a53-9d0a-0d5b1f1f8d11")
	sourceLabel = []byte("production shard 1")
	sourceFile  = []byte("/var/log/mongodb/audit.json")
)

// BenchmarkWrite appends and writes row groups of 10,000 audit events.
func BenchmarkWrite(b *testing.B) {
	const n = 10_000
	rows := auditRows(n)
	s, err := NewSchema(auditNodes())
	if err != nil {
		b.Fatal(err)
	}
	if len(s.Leaves()) != 28 {
		b.Fatalf("%d leaves", len(s.Leaves()))
	}
	var rawSize int64
	for i := range rows {
		rawSize += int64(len(rows[i].raw))
	}
	for _, bc := range []struct {
		name         string
		columns, raw bool
	}{{"all", true, true}, {"columns", true, false}, {"raw", false, true}} {
		b.Run(bc.name, func(b *testing.B) {
			b.ReportAllocs()
			b.SetBytes(rawSize)
			g := NewGroup(s)
			w := NewWriter(io.Discard, s)
			for b.Loop() {
				g.Reset()
				for i := range rows {
					appendAudit(g, &rows[i], bc.columns, bc.raw)
				}
				if err := w.WriteGroup(g); err != nil {
					b.Fatal(err)
				}
			}
			total := float64(b.N) * n
			b.ReportMetric(float64(b.Elapsed().Nanoseconds())/total, "ns/row")
			b.ReportMetric(float64(w.Size())/total, "B/row")
		})
	}
}

// BenchmarkAppend is the part of BenchmarkWrite that runs for every event.
func BenchmarkAppend(b *testing.B) {
	rows := auditRows(10_000)
	s, err := NewSchema(auditNodes())
	if err != nil {
		b.Fatal(err)
	}
	g := NewGroup(s)
	b.ReportAllocs()
	for i := 0; b.Loop(); i++ {
		if i == len(rows) {
			i = 0
			g.Reset()
		}
		appendAudit(g, &rows[i], true, true)
	}
}

// auditFile is a file of row groups of so many audit events.
func auditFile(b *testing.B, groups, rows int) *File {
	b.Helper()
	s, err := NewSchema(auditNodes())
	if err != nil {
		b.Fatal(err)
	}
	g := NewGroup(s)
	var out bytes.Buffer
	w := NewWriter(&out, s)
	all := auditRows(groups * rows)
	for i := range all {
		appendAudit(g, &all[i], true, true)
		if g.Rows() == rows {
			if err := w.WriteGroup(g); err != nil {
				b.Fatal(err)
			}
			g.Reset()
		}
	}
	if err := w.Close(nil); err != nil {
		b.Fatal(err)
	}
	return openBytes(b, out.Bytes())
}

// BenchmarkReadGroup reads small row groups into one, as a merge does that
// encodes anew.
func BenchmarkReadGroup(b *testing.B) {
	f := auditFile(b, 10, 1000)
	// The schema with its hints, which the file does not know.
	s, err := NewSchema(auditNodes())
	if err != nil {
		b.Fatal(err)
	}
	g := NewGroup(s)
	b.ReportAllocs()
	b.SetBytes(f.Groups()[9].End)
	for b.Loop() {
		g.Reset()
		for i := range f.Groups() {
			if err := f.ReadGroup(i, g); err != nil {
				b.Fatal(err)
			}
		}
	}
	b.ReportMetric(float64(b.Elapsed().Nanoseconds())/float64(b.N)/10_000, "ns/row")
}

// BenchmarkAppendGroups copies row groups, as a merge does where they are large.
func BenchmarkAppendGroups(b *testing.B) {
	f := auditFile(b, 1, 10_000)
	w := NewWriter(io.Discard, f.Schema())
	b.ReportAllocs()
	b.SetBytes(f.Groups()[0].End)
	for b.Loop() {
		if err := w.AppendGroups(f); err != nil {
			b.Fatal(err)
		}
	}
	b.ReportMetric(float64(b.Elapsed().Nanoseconds())/float64(b.N)/10_000, "ns/row")
}

// Appending does not allocate once a group has been in use.
func TestAppendAllocatesNothing(t *testing.T) {
	s, err := NewSchema(auditNodes())
	if err != nil {
		t.Fatal(err)
	}
	rows := auditRows(3000)
	g := NewGroup(s)
	fill := func() {
		g.Reset()
		for i := range rows {
			appendAudit(g, &rows[i], true, true)
		}
	}
	fill()
	if n := testing.AllocsPerRun(5, fill); n != 0 {
		t.Errorf("%v allocations for %d rows", n, len(rows))
	}
}
