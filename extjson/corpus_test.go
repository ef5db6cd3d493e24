package extjson

import (
	"bytes"
	"encoding/base64"
	"encoding/hex"
	"fmt"
	"math/rand/v2"
	"os"
	"strings"
	"testing"
	"time"
)

// corpus returns audit lines for benchmarks and laws: the lines of the file
// that MARGAY_CORPUS names, or else 200 that resemble what servers write.
func corpus(tb testing.TB) [][]byte {
	name := os.Getenv("MARGAY_CORPUS")
	if name == "" {
		return auditLines(200)
	}
	data, err := os.ReadFile(name)
	if err != nil {
		tb.Fatal(err)
	}
	return bytes.Split(bytes.TrimSpace(data), []byte("\n"))
}

// auditLines makes n lines of an audit log, the same ones every time: mostly
// authorization checks with the command, some logins, clients and changes of
// the schema.
func auditLines(n int) [][]byte {
	g := lineMaker{rand.New(rand.NewPCG(1, 2)), time.Date(2026, 3, 1, 6, 0, 0, 0, time.UTC)}
	lines := make([][]byte, n)
	for i := range lines {
		lines[i] = []byte(g.line())
	}
	return lines
}

// lineMaker makes lines of one log, whose time moves on.
type lineMaker struct {
	*rand.Rand
	now time.Time
}

func (g *lineMaker) pick(of ...string) string { return of[g.IntN(len(of))] }

// bytes returns n random bytes.
func (g *lineMaker) bytes(n int) []byte {
	b := make([]byte, n)
	for i := range b {
		b[i] = byte(g.Uint32())
	}
	return b
}

func (g *lineMaker) binary(n int, subtype string) string {
	return fmt.Sprintf(`{"$binary": "%s", "$type": "%s"}`, base64.StdEncoding.EncodeToString(g.bytes(n)), subtype)
}

func (g *lineMaker) oid() string { return `{"$oid": "` + hex.EncodeToString(g.bytes(12)) + `"}` }

func (g *lineMaker) line() string {
	g.now = g.now.Add(time.Duration(g.IntN(400)) * time.Millisecond)
	user, db := g.pick("kaori", "svc-ledger-07", "m.oduya", "backup", "lena.brandt", "etl"), g.pick("admin", "ledger", "shop")
	users := fmt.Sprintf(`[{"user": "%s", "db": "%s"}]`, user, db)
	var roles []string
	for range 1 + g.IntN(4) {
		roles = append(roles, fmt.Sprintf(`{"role": "%s", "db": "%s"}`, g.pick("readWrite", "read", "dbOwner", "clusterMonitor", "readWriteAnyDatabase"), g.pick("admin", "ledger", "shop", "reporting")))
	}
	atype, param := "authCheck", g.command()
	switch k := g.IntN(10); {
	case k < 6:
	case k < 8:
		atype, param = "authenticate", fmt.Sprintf(`{"user": "%s", "db": "%s", "mechanism": "SCRAM-SHA-256"}`, user, db)
	case k < 9:
		atype, param = "clientMetadata", fmt.Sprintf(`{"localEndpoint": {"ip": "10.3.0.8", "port": 27017}, "clientMetadata": {"application": {"name": "%s"}, "driver": {"name": "PyMongo", "version": "4.%d.1"}, "os": {"type": "Linux", "name": "linux", "architecture": "x86_64", "version": "6.8.0-%d"}, "platform": "CPython 3.12.%d.final.0"}}`, g.pick("shop-api", "ledger", "mongosh 2.5.0"), g.IntN(14), g.IntN(90), g.IntN(9))
	default:
		atype, param = g.pick("createCollection", "dropCollection", "createIndex"), fmt.Sprintf(`{"ns": "shop.tmp_%d"}`, g.IntN(1000))
	}
	return fmt.Sprintf(`{"atype": "%s", "ts": {"$date": "%s"}, "uuid": %s, "local": {"ip": "10.3.0.8", "port": 27017}, "remote": {"ip": "10.%d.%d.%d", "port": %d}, "users": %s, "roles": [%s], "param": %s, "result": %d}`,
		atype, g.now.Format("2006-01-02T15:04:05.000+00:00"), g.binary(16, "04"), g.IntN(40), g.IntN(256), g.IntN(256), 30000+g.IntN(30000), users, strings.Join(roles, ", "), param, g.IntN(20)/19*13)
}

// command makes the parameters of an authorization check.
func (g *lineMaker) command() string {
	name, coll := g.pick("find", "insert", "update", "aggregate", "getMore"), g.pick("orders", "customers", "entries", "carts")
	first := fmt.Sprintf(`"%s": "%s", `, name, coll)
	rest := ""
	switch name {
	case "find":
		rest = fmt.Sprintf(`"filter": {"customer": %s, "state": {"$in": ["open", "held"]}, "total": {"$gte": %d.%02d}}, "sort": {"_id": -1}, "limit": %d, `, g.oid(), g.IntN(900), g.IntN(100), g.IntN(200))
	case "insert":
		rest = fmt.Sprintf(`"ordered": true, "documents": [{"_id": %s, "name": "%s", "note": "said \"yes\" #%d", "price": %d.%02d}], `, g.oid(), g.pick("Ana Søren", "José", "小林", "Smith", "Kowalski"), g.IntN(1e6), g.IntN(9000), g.IntN(100))
	case "update":
		rest = fmt.Sprintf(`"ordered": true, "updates": [{"q": {"_id": %s}, "u": {"$set": {"state": "shipped", "at": {"$date": "%s"}}}, "multi": false, "upsert": false}], `, g.oid(), g.now.Format("2006-01-02T15:04:05.000+00:00"))
	case "aggregate":
		rest = fmt.Sprintf(`"pipeline": [{"$match": {"area": "north-%d"}}, {"$group": {"_id": "$item", "n": {"$sum": 1}}}, {"$sort": {"n": -1}}], "cursor": {}, `, g.IntN(9))
	case "getMore":
		first = fmt.Sprintf(`"getMore": {"$numberLong": "%d"}, "collection": "%s", `, g.Int64(), coll)
	}
	return fmt.Sprintf(`{"command": "%s", "ns": "shop.%s", "args": {%s%s"lsid": {"id": %s}, "$clusterTime": {"clusterTime": {"$timestamp": {"t": %d, "i": %d}}, "signature": {"hash": %s, "keyId": %s}}, "$db": "shop"}}`,
		name, coll, first, rest, g.binary(16, "04"), g.now.Unix(), 1+g.IntN(40), g.binary(20, "00"), fmt.Sprintf(`{"$numberLong": "%d"}`, 7338211231232+g.Int64N(1e9)))
}
