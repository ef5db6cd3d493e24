package synth

import (
	"bytes"
	"crypto/sha256"
	"encoding/hex"
	"strings"
	"testing"
	"time"

	"github.com/margay-audit/margay/extjson"
	"go.mongodb.org/mongo-driver/v2/bson"
)

// message is as much of an event as the tests look at.
type message struct {
	atype, uuid, ip, user string
	ts                    time.Time
	// login and command are param.user and param.command.
	login, command string
	result         int32
}

// read decodes n events. Some of the lines are held to the law of LegacyStrict:
// what the decoder makes of them is written back as the same bytes.
func read(t *testing.T, g *Generator, n int) []message {
	t.Helper()
	var (
		d               extjson.Decoder
		line, back, doc []byte
		all             []message
		err             error
	)
	for i := range n {
		line = g.Next(line[:0])
		text, ended := bytes.CutSuffix(line, []byte("\n"))
		if !ended || bytes.IndexByte(text, '\n') >= 0 {
			t.Fatalf("not one line: %q", line)
		}
		if doc, err = d.Decode(doc[:0], text); err != nil {
			t.Fatalf("%v: %s", err, line)
		}
		if i < 10_000 || i%10 == 0 {
			if back, err = extjson.Append(back[:0], doc, extjson.LegacyStrict); err != nil {
				t.Fatal(err)
			}
			if !bytes.Equal(back, text) {
				t.Fatalf("not as mongod writes it\ngot  %s\nwant %s", text, back)
			}
		}
		raw := bson.Raw(doc)
		m := message{atype: raw.Lookup("atype").StringValue(), ts: raw.Lookup("ts").Time(), result: raw.Lookup("result").Int32()}
		m.ip, _ = raw.Lookup("remote", "ip").StringValueOK()
		m.user, _ = raw.Lookup("users", "0", "user").StringValueOK()
		m.login, _ = raw.Lookup("param", "user").StringValueOK()
		m.command, _ = raw.Lookup("param", "command").StringValueOK()
		_, id := raw.Lookup("uuid").Binary()
		m.uuid = string(id)
		all = append(all, m)
	}
	return all
}

// TestSameBytes pins the bytes of a seed: a log that was generated once can be
// generated again by every later version.
func TestSameBytes(t *testing.T) {
	for seed, want := range map[uint64]string{
		0: "dc0117967d6e093d3727b748c22bec50f445390b26d90258519646e3f73dd3e9",
		7: "26833fab2150de884267aa9844de0abb3c73d131609ecae2aefcdca29543bbfb",
	} {
		g, h := New(Config{Seed: seed}), sha256.New()
		var line []byte
		for range 20_000 {
			line = g.Next(line[:0])
			h.Write(line)
		}
		if got := hex.EncodeToString(h.Sum(nil)); got != want {
			t.Errorf("seed %d: sha256 is %s, was %s", seed, got, want)
		}
	}
}

func TestNamesAreDistinct(t *testing.T) {
	seen := map[string]bool{}
	for _, u := range New(Config{}).world.users {
		if seen[u.name] {
			t.Errorf("two users are called %s", u.name)
		}
		seen[u.name] = true
	}
}

func TestNextAppends(t *testing.T) {
	a, b := New(Config{Seed: 3}), New(Config{Seed: 3})
	var one, all []byte
	for range 500 {
		one = append(one, a.Next(nil)...)
		all = b.Next(all)
	}
	if !bytes.Equal(one, all) {
		t.Error("appending to a buffer changes the events")
	}
}

// TestSessions asserts that sessions hang together: connect, authenticate, work
// as that user, log out, and nothing after that.
func TestSessions(t *testing.T) {
	type session struct {
		stage string
		user  string
	}
	open := map[string]*session{}
	complete := 0
	for i, m := range read(t, New(Config{Seed: 1}), 40_000) {
		if m.atype == "startup" {
			clear(open)
			continue
		}
		id := m.uuid
		s := open[id]
		if s == nil {
			s = &session{}
			open[id] = s
			if m.atype != "clientMetadata" && m.atype != "authenticate" {
				t.Fatalf("event %d: a session begins with %s", i, m.atype)
			}
		}
		switch {
		case s.stage == "ended":
			t.Fatalf("event %d: %s after the end", i, m.atype)
		case m.atype == "authenticate" && m.result == 0:
			s.stage, s.user = "authenticated", m.login
		case m.atype == "logout":
			s.stage = "ended"
			complete++
		case m.atype == "authenticate" || m.atype == "clientMetadata":
			if s.stage != "" {
				t.Fatalf("event %d: %s when %s", i, m.atype, s.stage)
			}
		case s.stage != "authenticated":
			t.Fatalf("event %d: %s before a login", i, m.atype)
		case m.user != s.user:
			t.Fatalf("event %d: %s as %v, logged in as %s", i, m.atype, m.user, s.user)
		}
	}
	if complete < 300 {
		t.Errorf("only %d complete sessions", complete)
	}
}

// TestVariety asserts that a log of some length has everything in it.
func TestVariety(t *testing.T) {
	const n = 120_000
	var (
		atypes, commands = map[string]int{}, map[string]int{}
		users, hosts     = map[string]bool{}, map[string]bool{}
		failures         = map[int32]int{}
		fails            = map[string]int{} // wrong passwords by outside address
		outsideEvents    = map[string]int{}
		last             time.Time
	)
	for i, m := range read(t, New(Config{Seed: 2, Rate: 5}), n) {
		if m.ts.Before(last) {
			t.Fatalf("event %d: time goes back from %s to %s", i, last, m.ts)
		}
		last = m.ts
		atypes[m.atype]++
		commands[m.command]++
		hosts[m.ip] = true
		failures[m.result]++
		users[m.user] = true
		if strings.HasPrefix(m.ip, "10.") || m.ip == "" {
			continue
		}
		outsideEvents[m.ip]++
		if m.result == wrongPassword {
			fails[m.ip]++
		}
	}
	wanted := []string{
		"authenticate", "authCheck", "clientMetadata", "logout", "createCollection", "dropCollection", "createDatabase",
		"dropDatabase", "createIndex", "dropIndex", "createView", "dropView", "renameCollection", "importCollection",
		"createUser", "updateUser", "dropUser", "dropAllUsersFromDatabase", "grantRolesToUser", "revokeRolesFromUser",
		"createRole", "updateRole", "dropRole", "dropAllRolesFromDatabase", "grantRolesToRole", "revokeRolesFromRole",
		"grantPrivilegesToRole", "revokePrivilegesFromRole", "replSetReconfig", "enableSharding", "shardCollection",
		"refineCollectionShardKey", "addShard", "removeShard", "applicationMessage", "directAuthMutation",
		"getClusterParameter", "setClusterParameter", "updateCachedClusterServerParameter", "rotateLog",
		"auditConfigure", "shutdown", "startup",
	}
	for _, atype := range wanted {
		if atypes[atype] == 0 {
			t.Errorf("there is no %s", atype)
		}
	}
	for atype := range atypes {
		if !strings.Contains(" "+strings.Join(wanted, " ")+" ", " "+atype+" ") {
			t.Errorf("%s is not in the list of this test", atype)
		}
	}
	for _, code := range []int32{unauthorized, wrongPassword, noNamespace, indexAborted, unknownUserCode} {
		if failures[code] == 0 {
			t.Errorf("nothing fails with %d", code)
		}
	}
	if share := atypes["authCheck"] * 100 / n; share < 55 || share > 90 {
		t.Errorf("%d%% of the events are authCheck", share)
	}
	if len(users) < 350 || len(hosts) < 300 || len(commands) < 30 {
		t.Errorf("%d users, %d hosts, %d commands", len(users), len(hosts), len(commands))
	}
	guessed := 0
	for _, n := range fails {
		if n >= 50 {
			guessed++
		}
	}
	if guessed < 2 || len(outsideEvents) < 3 {
		t.Errorf("%d addresses guess passwords, %d come from outside", guessed, len(outsideEvents))
	}
}

// TestDay asserts that noon is busier than night, and a working day than a
// Sunday.
func TestDay(t *testing.T) {
	g := New(Config{Seed: 4})
	g.clock.mean = second // one event a second is enough to see it
	perHour, perDay := map[int]int{}, map[time.Weekday]int{}
	for end := g.clock.now + 7*24*hour; g.clock.now < end; g.clock.tick(g.chance) {
		at := time.UnixMicro(g.clock.now).UTC()
		perDay[at.Weekday()]++
		if at.Weekday() == time.Wednesday {
			perHour[at.Hour()]++
		}
	}
	if perHour[10] < 4*perHour[3] || perDay[time.Wednesday] < 3*perDay[time.Sunday]/2 {
		t.Errorf("by hour %v, by day %v", perHour, perDay)
	}
	if mean := perDay[time.Wednesday]; mean < 80_000 || mean > 93_000 {
		t.Errorf("a working day has %d events, should have about 86,400", mean)
	}
}

// TestRate asserts that a given rate is held at every hour.
func TestRate(t *testing.T) {
	start := time.Date(2026, 1, 4, 3, 0, 0, 0, time.UTC)
	g := New(Config{Rate: 100, Start: start})
	var line []byte
	for range 100_000 {
		line = g.Next(line[:0])
	}
	if took := time.UnixMicro(g.clock.now).Sub(start); took < 980*time.Second || took > 1020*time.Second {
		t.Errorf("100,000 events at 100/s took %s", took)
	}
}

func BenchmarkNext(b *testing.B) {
	g := New(Config{})
	var line []byte
	for range 10_000 {
		line = g.Next(line[:0])
	}
	var size int64
	b.ReportAllocs()
	for b.Loop() {
		line = g.Next(line[:0])
		size += int64(len(line))
	}
	b.SetBytes(size / int64(b.N))
}
