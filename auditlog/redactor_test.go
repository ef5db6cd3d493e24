package auditlog

import (
	"os"
	"path/filepath"
	"slices"
	"strings"
	"testing"

	"go.mongodb.org/mongo-driver/v2/bson"
)

// parse reads extended JSON with the driver, so that these tests do not lean
// on our own decoder.
func parse(t testing.TB, text string) []byte {
	t.Helper()
	var d bson.D
	if err := bson.UnmarshalExtJSON([]byte(text), false, &d); err != nil {
		t.Fatalf("parse %s: %v", text, err)
	}
	doc, err := bson.Marshal(d)
	if err != nil {
		t.Fatal(err)
	}
	return doc
}

func show(t testing.TB, doc []byte) string {
	t.Helper()
	text, err := bson.MarshalExtJSON(bson.Raw(doc), false, false)
	if err != nil {
		t.Fatalf("show: %v", err)
	}
	return string(text)
}

// cases is read from testdata/cases.txt: events, each with the paths that are
// replaced and what remains. Other tests use the same table.
type testCase struct {
	name, in, want string
	paths          []string
}

func cases(t testing.TB) []testCase {
	t.Helper()
	data, err := os.ReadFile(filepath.Join("testdata", "cases.txt"))
	if err != nil {
		t.Fatal(err)
	}
	var all []testCase
	for block := range strings.SplitSeq(strings.TrimSpace(string(data)), "\n\n") {
		lines := strings.Split(block, "\n")
		if len(lines) < 2 || !strings.HasPrefix(lines[0], "# ") {
			t.Fatalf("testdata/cases.txt: malformed case %q", block)
		}
		c := testCase{name: lines[0][2:], in: lines[1], want: lines[1]}
		if len(lines) == 4 {
			c.paths, c.want = strings.Fields(lines[2]), lines[3]
		}
		all = append(all, c)
	}
	return all
}

func TestBSON(t *testing.T) {
	r := NewRedactor()
	for _, c := range cases(t) {
		t.Run(c.name, func(t *testing.T) {
			doc := parse(t, c.in)
			paths := slices.Clone(r.Find(doc))
			if !slices.Equal(paths, c.paths) {
				t.Fatalf("Find = %q, want %q", paths, c.paths)
			}
			got, err := r.BSON([]byte("head"), doc, paths)
			if err != nil {
				t.Fatal(err)
			}
			if want := show(t, parse(t, c.want)); show(t, got[4:]) != want {
				t.Fatalf("got  %s\nwant %s", show(t, got[4:]), want)
			}
			if again := r.Find(got[4:]); len(again) > 0 {
				t.Errorf("found again after redaction: %q", again)
			}
		})
	}
}

// TestFindQuick holds the fast scan to the closer look: what the closer look
// finds is always suspect.
func TestFindQuick(t *testing.T) {
	r := NewRedactor()
	for _, c := range cases(t) {
		if len(c.paths) > 0 && !r.tables.suspect(parse(t, c.in)) {
			t.Errorf("%s: the scan passes by", c.name)
		}
	}
	for words := range named {
		for _, joint := range []string{"", "_", "-"} {
			key := strings.ReplaceAll(words, " ", joint)
			for _, key := range []string{key, strings.ToUpper(key), "long.prefix." + key, key + ".long.suffix"} {
				doc, err := bson.Marshal(bson.D{{Key: "a", Value: bson.D{{Key: key, Value: "x"}}}})
				if err != nil {
					t.Fatal(err)
				}
				if !r.tables.suspect(doc) {
					t.Errorf("the scan passes by the key %q", key)
				}
			}
		}
	}
	for _, words := range endings {
		for _, joint := range []string{"", "_", "-"} {
			key := "some" + joint + strings.ReplaceAll(words, " ", joint)
			doc, err := bson.Marshal(bson.D{{Key: key, Value: "x"}})
			if err != nil {
				t.Fatal(err)
			}
			if paths := r.Find(doc); len(paths) != 1 {
				t.Errorf("key %q: Find = %q", key, paths)
			}
		}
	}
}

// TestFindBroken asserts that documents cut at every byte, and documents with
// any byte changed, are survived, and that a rebuild never hides damage.
func TestFindBroken(t *testing.T) {
	r := NewRedactor()
	for _, c := range cases(t) {
		doc := parse(t, c.in)
		for i := range doc {
			r.Find(doc[:i])
			if got, err := r.BSON(nil, doc[:i], []string{"none"}); err == nil {
				t.Fatalf("%s: cut at %d of %d: rebuilt as %x", c.name, i, len(doc), got)
			}
			changed := slices.Clone(doc)
			for _, b := range []byte{0, 1, 0x0f, 0x80, 0xff} {
				changed[i] = b
				paths := r.Find(changed)
				got, err := r.BSON(nil, changed, paths)
				if err == nil && bson.Raw(changed).Validate() == nil && bson.Raw(got).Validate() != nil {
					t.Fatalf("%s: byte %d = %#x: a valid document became invalid", c.name, i, b)
				}
			}
		}
	}
}

func TestFindDoesNotAllocate(t *testing.T) {
	r := NewRedactor()
	for _, text := range []string{normal, indexed} {
		doc := parse(t, text)
		if n := testing.AllocsPerRun(100, func() { r.Find(doc) }); n != 0 {
			t.Errorf("%v allocations for %s", n, text)
		}
	}
}

const (
	normal  = `{"atype": "authCheck", "ts": {"$date": "2025-10-09T08:53:20.123+00:00"}, "uuid": {"$binary": "cEnV2aXkTxaGJzQ0y1BXpQ==", "$type": "04"}, "local": {"ip": "10.0.1.12", "port": 27017}, "remote": {"ip": "10.7.80.201", "port": 51811}, "users": [{"user": "anna.ito", "db": "admin"}], "roles": [{"role": "readWrite", "db": "orders"}, {"role": "clusterMonitor", "db": "admin"}, {"role": "backup", "db": "admin"}], "param": {"command": "find", "ns": "orders.customers", "args": {"find": "customers", "filter": {"customerId": {"$oid": "65f1b8d84f1c2a3b4c5d6e7f"}, "status": {"$in": ["open", "pending"]}, "total": {"$gte": 1200}}, "sort": {"_id": -1}, "limit": 100, "lsid": {"id": {"$binary": "nfnnHQo0RDOtI6722FlP5w==", "$type": "04"}}, "$clusterTime": {"clusterTime": {"$timestamp": {"t": 1760000000, "i": 3}}, "signature": {"hash": {"$binary": "AAECAwQFBgcICQoLDA0ODxAREhM=", "$type": "00"}, "keyId": 7338211231232}}, "$db": "orders"}}, "result": 0}`
	indexed = `{"atype": "createIndex", "ts": {"$date": "2025-10-09T08:53:20.123+00:00"}, "local": {"ip": "10.0.1.12", "port": 27017}, "remote": {"ip": "10.7.80.201", "port": 51811}, "users": [{"user": "anna.ito", "db": "admin"}], "roles": [], "param": {"ns": "orders.customers", "indexName": "f_1", "indexSpec": {"v": 2, "key": {"f": 1}, "name": "f_1"}, "indexBuildState": "IndexBuildSucceeded"}, "result": 0}`
	stained = `{"atype": "authCheck", "ts": {"$date": "2025-10-09T08:53:20.123+00:00"}, "local": {"ip": "10.0.1.12", "port": 27017}, "remote": {"ip": "10.7.80.201", "port": 51811}, "users": [{"user": "anna.ito", "db": "admin"}], "roles": [], "param": {"command": "createUser", "ns": "orders", "args": {"createUser": "ben", "pwd": "hunter2", "roles": [{"role": "read", "db": "orders"}], "$db": "orders"}}, "result": 0}`
)

func BenchmarkFind(b *testing.B) {
	r := NewRedactor()
	for _, c := range []struct{ name, text string }{{"normal", normal}, {"index", indexed}, {"secret", stained}} {
		b.Run(c.name, func(b *testing.B) {
			doc := parse(b, c.text)
			b.SetBytes(int64(len(doc)))
			b.ReportAllocs()
			for b.Loop() {
				r.Find(doc)
			}
		})
	}
}
