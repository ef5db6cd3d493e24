package synth

// quarters are the fractions that %.16g, which the server writes doubles with,
// never writes with a tail of noise.
var quarters = []string{"", ".25", ".5", ".75"}

// work appends an event of a session's ordinary day.
func (g *Generator) work(dst []byte, s *session) []byte {
	switch s.user.job {
	case admin:
		return g.administer(dst, s)
	case monitor:
		return g.observe(dst, s)
	case backup:
		return g.backUp(dst, s)
	}
	if g.one(5) {
		s.coll = collections[g.few(len(collections))]
	}
	// Curiosity: a database that is none of one's business.
	if s.user.job != service && g.one(30) || g.one(400) {
		home := s.db
		s.db = pick(g.chance, databases)
		result := unauthorized
		if s.db == home {
			result = 0
		}
		dst = g.find(dst, s, result)
		s.db = home
		return dst
	}
	if s.user.job == service {
		return g.serve(dst, s)
	}
	switch x := g.n(20); {
	case x < 9:
		return g.find(dst, s, 0)
	case x < 14:
		return g.aggregate(dst, s)
	case x < 16:
		return g.count(dst, s)
	case x < 17:
		return g.distinct(dst, s)
	case x < 18:
		return g.simple(dst, s, "listCollections", s.db, `1, "filter" : {}, "cursor" : {}, "nameOnly" : true`, 0)
	case x < 19 && s.user.job == developer:
		return g.develop(dst, s)
	}
	return g.getMore(dst, s)
}

// serve appends a command of a service.
func (g *Generator) serve(dst []byte, s *session) []byte {
	switch x := g.n(100); {
	case x < 38:
		return g.find(dst, s, 0)
	case x < 56:
		return g.insert(dst, s)
	case x < 71:
		return g.write(dst, s, "update")
	case x < 80:
		return g.aggregate(dst, s)
	case x < 87:
		return g.getMore(dst, s)
	case x < 91:
		return g.write(dst, s, "delete")
	case x < 94:
		return g.count(dst, s)
	case x < 96:
		return g.findAndModify(dst, s)
	case x < 97:
		return g.killCursors(dst, s)
	case x < 98:
		return g.distinct(dst, s)
	case x < 99 || !g.one(4):
		return g.simple(dst, s, "endSessions", "admin", `[ `+string(s.lsid)+` ]`, 0)
	}
	s.suffix = g.n(100)
	return g.createIndex(dst, s)
}

// openCheck appends an authCheck up to the value of the command itself.
func (g *Generator) openCheck(dst []byte, s *session, command string) []byte {
	dst = g.openEvent(dst, "authCheck", s)
	dst = append(dst, `{ "command" : "`...)
	dst = append(dst, command...)
	dst = append(dst, `", "ns" : `...)
	dst = ns(dst, s.db, s.coll)
	dst = append(dst, `, "args" : { "`...)
	dst = append(dst, command...)
	return append(dst, `" : `...)
}

// closeCheck appends what drivers add to every command, and the end.
func (g *Generator) closeCheck(dst []byte, s *session, db string, result int) []byte {
	dst = append(dst, `, "lsid" : `...)
	dst = append(dst, s.lsid...)
	if s.user.app != int(developer) {
		dst = append(dst, `, "$clusterTime" : { "clusterTime" : { "$timestamp" : { "t" : `...)
		dst = number(dst, int(g.clock.now/second))
		dst = append(dst, `, "i" : `...)
		dst = number(dst, g.between(1, 40))
		dst = append(dst, ` } }, "signature" : { "hash" : { "$binary" : "`...)
		dst = g.base64(dst, 20)
		dst = append(dst, `", "$type" : "00" }, "keyId" : { "$numberLong" : "7473658215342751748" } } }`...)
	}
	dst = append(dst, `, "$db" : "`...)
	dst = append(dst, db...)
	return closeEvent(append(dst, `" } }`...), result)
}

// simple appends an authCheck of a command whose argument is given as text.
func (g *Generator) simple(dst []byte, s *session, command, db, args string, result int) []byte {
	dst = g.openEvent(dst, "authCheck", s)
	dst = append(dst, `{ "command" : "`...)
	dst = append(dst, command...)
	dst = append(dst, `", "ns" : "`...)
	dst = append(dst, db...)
	dst = append(dst, `", "args" : { "`...)
	dst = append(dst, command...)
	dst = append(dst, `" : `...)
	dst = append(dst, args...)
	return g.closeCheck(dst, s, db, result)
}

// filter appends a query.
func (g *Generator) filter(dst []byte) []byte {
	switch g.n(5) {
	case 0:
		dst = append(dst, `{ "_id" : `...)
		dst = g.oid(dst)
	case 1:
		dst = append(dst, `{ "customerId" : `...)
		dst = g.oid(dst)
		dst = append(dst, `, "status" : { "$in" : [ "`...)
		dst = append(dst, pick(g.chance, states)...)
		dst = append(dst, `", "`...)
		dst = append(dst, pick(g.chance, states)...)
		dst = append(dst, `" ] }`...)
	case 2:
		dst = append(dst, `{ "createdAt" : { "$gte" : `...)
		dst = g.ts.append(dst, g.clock.now-g.clock.now%hour)
		dst = append(dst, ` }, "total" : { "$gt" : `...)
		dst = number(dst, g.n(5000))
		dst = append(dst, ` }`...)
	case 3:
		dst = append(dst, `{ "email" : "`...)
		dst = append(dst, pick(g.chance, givenName)...)
		dst = append(dst, '.')
		dst = append(dst, pick(g.chance, familyName)...)
		dst = append(dst, `@example.com"`...)
	default:
		dst = append(dst, `{ "sku" : "SKU-`...)
		dst = digits(dst, g.n(1_000_000), 6)
		dst = append(dst, `", "region" : "eu-`...)
		dst = number(dst, g.n(4))
		dst = append(dst, `"`...)
	}
	return append(dst, ` }`...)
}

func (g *Generator) find(dst []byte, s *session, result int) []byte {
	dst = g.openCheck(dst, s, "find")
	dst = quoted(dst, s.coll)
	dst = g.filter(member(dst, "filter"))
	if g.one(3) {
		dst = append(dst, `, "sort" : { "_id" : -1 }`...)
	}
	dst = number(member(dst, "limit"), 1+g.few(200))
	if s.user.job == service && g.one(4) {
		dst = append(dst, `, "projection" : { "_id" : 1, "status" : 1 }`...)
	}
	return g.closeCheck(dst, s, s.db, result)
}

func (g *Generator) aggregate(dst []byte, s *session) []byte {
	dst = g.openCheck(dst, s, "aggregate")
	dst = quoted(dst, s.coll)
	dst = append(dst, `, "pipeline" : [ { "$match" : `...)
	dst = g.filter(dst)
	dst = append(dst, ` }, { "$group" : { "_id" : "$`...)
	dst = append(dst, pick(g.chance, fields)...)
	dst = append(dst, `", "n" : { "$sum" : 1 } } } ], "cursor" : {}`...)
	return g.closeCheck(dst, s, s.db, 0)
}

// insert shows its documents only with drivers that send them in the body of
// the message, as the server does.
func (g *Generator) insert(dst []byte, s *session) []byte {
	dst = g.openCheck(dst, s, "insert")
	dst = quoted(dst, s.coll)
	dst = append(dst, `, "ordered" : true`...)
	if s.user.app >= int(jobs) && g.one(2) {
		dst = append(dst, `, "documents" : [ { "_id" : `...)
		dst = g.oid(dst)
		dst = append(dst, `, "name" : "`...)
		dst = append(dst, pick(g.chance, givenName)...)
		dst = append(dst, ` \"`...)
		dst = append(dst, pick(g.chance, familyName)...)
		dst = append(dst, `\"", "note" : "Größe `...)
		dst = number(dst, g.n(60))
		dst = append(dst, `", "amount" : `...)
		dst = number(dst, g.n(10_000))
		dst = append(dst, pick(g.chance, quarters)...)
		dst = append(dst, `, "at" : `...)
		dst = g.ts.append(dst, g.clock.now)
		dst = append(dst, ` } ]`...)
	}
	return g.closeCheck(dst, s, s.db, 0)
}

func (g *Generator) write(dst []byte, s *session, command string) []byte {
	dst = g.openCheck(dst, s, command)
	dst = quoted(dst, s.coll)
	dst = append(dst, `, "ordered" : true`...)
	if s.user.app >= int(jobs) && g.one(2) {
		dst = member(dst, command+"s")
		dst = append(dst, `[ { "q" : `...)
		dst = g.filter(dst)
		if command == "update" {
			dst = append(dst, `, "u" : { "$set" : { "status" : "`...)
			dst = append(dst, pick(g.chance, states)...)
			dst = append(dst, `" } }, "multi" : false, "upsert" : false } ]`...)
		} else {
			dst = append(dst, `, "limit" : 1 } ]`...)
		}
	}
	return g.closeCheck(dst, s, s.db, 0)
}

func (g *Generator) getMore(dst []byte, s *session) []byte {
	dst = g.openCheck(dst, s, "getMore")
	dst = g.long(dst)
	dst = quoted(member(dst, "collection"), s.coll)
	return g.closeCheck(dst, s, s.db, 0)
}

func (g *Generator) count(dst []byte, s *session) []byte {
	dst = g.openCheck(dst, s, "count")
	dst = quoted(dst, s.coll)
	dst = g.filter(member(dst, "query"))
	return g.closeCheck(dst, s, s.db, 0)
}

func (g *Generator) distinct(dst []byte, s *session) []byte {
	dst = g.openCheck(dst, s, "distinct")
	dst = quoted(dst, s.coll)
	dst = quoted(member(dst, "key"), pick(g.chance, fields))
	dst = g.filter(member(dst, "query"))
	return g.closeCheck(dst, s, s.db, 0)
}

func (g *Generator) findAndModify(dst []byte, s *session) []byte {
	dst = g.openCheck(dst, s, "findAndModify")
	dst = quoted(dst, s.coll)
	dst = g.filter(member(dst, "query"))
	dst = append(dst, `, "update" : { "$inc" : { "n" : 1 } }, "new" : true, "upsert" : true`...)
	return g.closeCheck(dst, s, s.db, 0)
}

// killCursors has a form of its own.
func (g *Generator) killCursors(dst []byte, s *session) []byte {
	dst = g.openEvent(dst, "authCheck", s)
	dst = append(dst, `{ "command" : "killCursors", "ns" : `...)
	dst = ns(dst, s.db, s.coll)
	dst = append(dst, `, "args" : { "cursorId" : `...)
	dst = g.long(dst)
	return closeEvent(append(dst, ` } }`...), 0)
}

// observe appends a command of a monitoring tool.
func (g *Generator) observe(dst []byte, s *session) []byte {
	switch g.n(8) {
	case 0:
		return g.simple(dst, s, "replSetGetStatus", "admin", "1", 0)
	case 1:
		return g.simple(dst, s, "listDatabases", "admin", `1, "nameOnly" : true`, 0)
	case 2:
		return g.simple(dst, s, "dbStats", pick(g.chance, databases), `1, "scale" : 1048576`, 0)
	case 3:
		if g.one(6) {
			dst = g.openEvent(dst, "getClusterParameter", s)
			return closeEvent(append(dst, `{ "requestedClusterServerParameters" : [ "changeStreamOptions", "auditConfig" ] }`...), 0)
		}
		return g.simple(dst, s, "top", "admin", "1", 0)
	case 4:
		return g.simple(dst, s, "getDiagnosticData", "admin", "1", 0)
	}
	return g.simple(dst, s, "serverStatus", "admin", `1, "recordStats" : 0`, 0)
}

func (g *Generator) backUp(dst []byte, s *session) []byte {
	s.db, s.coll = "admin", "pbmLock"
	switch g.n(4) {
	case 0:
		return g.find(dst, s, 0)
	case 1:
		return g.write(dst, s, "update")
	case 2:
		return g.simple(dst, s, "replSetGetConfig", "admin", "1", 0)
	}
	return g.simple(dst, s, "hello", "admin", `1, "helloOk" : true`, 0)
}
