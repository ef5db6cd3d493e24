package synth

import (
	"fmt"
	"strings"
)

// job is what a user does all day.
type job uint8

const (
	service job = iota
	analyst
	developer
	admin
	monitor
	backup
	jobs
)

// user is an account of the database.
type user struct {
	name, db  string
	job       job
	mechanism string
	home      int    // the database it works with
	hosts     []int  // the clients it comes from
	app       int    // index of apps
	login     string // "user" : "anna", "db" : "admin"
	users     string // the array users of an event
	roles     string // the array roles of an event
}

// world is the company whose audit log it is.
type world struct {
	users   []user
	byJob   [jobs][]int
	hosts   []string // addresses of clients
	servers []string // addresses of this cluster's members
}

var (
	databases = []string{
		"orders", "billing", "inventory", "crm", "analytics", "catalog", "fleet", "payments", "people", "support",
		"search", "loyalty",
	}
	collections = []string{
		"customers", "invoices", "items", "sessions", "events", "transfers", "accounts", "tickets", "shipments",
		"prices", "stock", "contracts", "vehicles", "messages",
	}
	fields    = []string{"status", "region", "sku", "customerId", "createdAt", "email", "total", "country", "tags", "owner"}
	states    = []string{"new", "open", "paid", "sent", "closed", "failed"}
	givenName = []string{
		"amara", "bogdan", "chiara", "daniel", "emre", "freya", "gustavo", "hana", "ivan", "julia", "kwame", "leila",
		"mateo", "nadia", "oscar", "priya", "ruben", "sofia", "tomas", "yuki",
	}
	familyName = []string{
		"abebe", "berg", "costa", "dvorak", "eriksen", "fischer", "gupta", "haddad", "ishida", "jovanovic", "kowalski",
		"lindqvist", "moreau", "nguyen", "okafor",
	}
	duties = []string{"api", "worker", "sync", "export", "importer", "cache", "mailer", "reports", "gateway", "scorer"}
	apps   = []struct{ app, driver, version, platform string }{
		service:   {"", "mongo-go-driver", "2.3.0", "go1.24.6"},
		analyst:   {"MongoDB Compass", "nodejs", "6.16.0", "Node.js v20.18.1, LE"},
		developer: {"mongosh 2.5.2", "nodejs|mongosh", "6.16.0|2.5.2", "Node.js v20.19.2, LE"},
		admin:     {"mongosh 2.5.2", "nodejs|mongosh", "6.16.0|2.5.2", "Node.js v20.19.2, LE"},
		monitor:   {"mongodb_exporter", "mongo-go-driver", "1.17.1", "go1.23.4"},
		backup:    {"pbm-agent", "mongo-go-driver", "1.17.3", "go1.23.8"},
		jobs:      {"", "PyMongo", "4.10.1", "CPython 3.12.3.final.0"},
		jobs + 1:  {"", "mongo-java-driver|sync", "5.2.1", "Java/Eclipse Adoptium/21.0.5+11-LTS"},
	}
)

// head count per job.
var headCount = [jobs]int{service: 120, analyst: 190, developer: 80, admin: 9, monitor: 2, backup: 2}

func newWorld(c chance) *world {
	w := &world{}
	for i := range 3 {
		w.servers = append(w.servers, fmt.Sprintf("10.20.0.%d", 11+i))
	}
	for range 640 {
		w.hosts = append(w.hosts, fmt.Sprintf("10.%d.%d.%d", c.between(30, 44), c.n(256), c.between(1, 254)))
	}
	for j := range jobs {
		for i := range headCount[j] {
			w.byJob[j] = append(w.byJob[j], len(w.users))
			w.users = append(w.users, newUser(c, w, j, i))
		}
	}
	return w
}

func newUser(c chance, w *world, j job, i int) user {
	u := user{job: j, db: "admin", home: c.n(len(databases)), app: int(j), mechanism: "SCRAM-SHA-256"}
	k := i
	if j == developer {
		k += headCount[analyst]
	}
	// 22 and 15 have no common divisor: all 300 pairs of names are different.
	person := givenName[k%len(givenName)] + "." + familyName[(k/len(givenName)*2+k)%len(familyName)]
	machines := 1
	switch j {
	case service:
		u.home = i % len(databases)
		u.name = databases[u.home] + "-" + duties[i/len(databases)%len(duties)]
		u.db = databases[u.home]
		u.app = []int{int(service), int(service), int(jobs), int(jobs) + 1}[i%4]
		machines = c.between(2, 6)
		if i%9 == 4 {
			u.name, u.db, u.mechanism = "CN="+u.name+",OU=services,O=Example", "$external", "MONGODB-X509"
		} else if i%11 == 5 {
			u.mechanism = "SCRAM-SHA-1"
		}
	case analyst, developer:
		u.name = person
		if i%5 == 3 {
			u.db, u.mechanism = "$external", "PLAIN"
		}
		machines = c.between(1, 2)
	case admin:
		u.name = "dba." + strings.SplitN(person, ".", 2)[0]
	case monitor, backup:
		u.name = []string{"exporter", "healthcheck", "pbm", "snapshots"}[int(j-monitor)*2+i]
		machines = 3
	}
	for range machines {
		u.hosts = append(u.hosts, c.n(len(w.hosts)))
	}
	u.login = `"user" : "` + u.name + `", "db" : "` + u.db + `"`
	u.users = `[ { ` + u.login + ` } ]`
	u.roles = rolesText(rolesOf(c, &u))
	return u
}

type role struct{ name, db string }

func rolesOf(c chance, u *user) []role {
	home := databases[u.home]
	switch u.job {
	case service:
		roles := []role{{"readWrite", home}}
		if c.one(3) {
			roles = append(roles, role{"read", pick(c, databases)})
		}
		return roles
	case analyst:
		return []role{{"read", home}, {"read", "analytics"}, {"analyst", "admin"}}
	case developer:
		return []role{{"readWrite", "staging_" + home}, {"read", home}, {"dbAdmin", "staging_" + home}}
	case admin:
		return []role{
			{"userAdminAnyDatabase", "admin"},
			{"dbAdminAnyDatabase", "admin"},
			{"readWriteAnyDatabase", "admin"},
			{"clusterAdmin", "admin"},
		}
	case monitor:
		return []role{{"clusterMonitor", "admin"}, {"read", "local"}}
	}
	return []role{{"backup", "admin"}, {"restore", "admin"}, {"clusterMonitor", "admin"}}
}

func rolesText(roles []role) string {
	var b strings.Builder
	for i, r := range roles {
		if i > 0 {
			b.WriteString(", ")
		}
		fmt.Fprintf(&b, `{ "role" : "%s", "db" : "%s" }`, r.name, r.db)
	}
	return "[ " + b.String() + " ]"
}
