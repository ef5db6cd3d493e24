package synth

// This file holds the params and arguments of deeds. Each function appends the
// inside of a document, or, for arguments, the command's value and what follows.

// grants are the role lists that are given and taken.
var grants = []string{
	`[ { "role" : "read", "db" : "analytics" } ]`,
	`[ { "role" : "readWrite", "db" : "support" } ]`,
	`[ { "role" : "read", "db" : "orders" }, { "role" : "read", "db" : "billing" } ]`,
	`[ { "role" : "dbAdmin", "db" : "catalog" } ]`,
	`[ { "role" : "clusterMonitor", "db" : "admin" } ]`,
	`[ { "role" : "analyst", "db" : "admin" } ]`,
}

func grant(s *session) string { return grants[s.suffix%len(grants)] }

// newcomer appends the name of an account that is created.
func newcomer(dst []byte, s *session) []byte {
	dst = append(dst, givenName[s.suffix%len(givenName)]...)
	dst = append(dst, '.')
	dst = append(dst, familyName[s.suffix%len(familyName)]...)
	return number(append(dst, '.'), s.suffix)
}

func createUserArgs(g *Generator, dst []byte, s *session) []byte {
	dst = newcomer(append(dst, '"'), s)
	dst = append(dst, `", "pwd" : "`...)
	dst = g.hex(dst, 14)
	dst = append(dst, `", "roles" : `...)
	dst = append(dst, grant(s)...)
	return append(dst, `, "writeConcern" : { "w" : "majority", "wtimeout" : 600000 }`...)
}

func createUser(g *Generator, dst []byte, s *session) []byte {
	dst = g.openEvent(dst, "createUser", s)
	dst = newcomer(append(dst, `{ "user" : "`...), s)
	dst = quoted(append(dst, `", "db" : `...), s.db)
	dst = append(dst, `, "password" : true, "customData" : {}, "roles" : `...)
	dst = append(dst, grant(s)...)
	return closeEvent(append(dst, ` }`...), 0)
}

func updateUserArgs(g *Generator, dst []byte, s *session) []byte {
	dst = quoted(dst, s.target.name)
	dst = append(dst, `, "pwd" : "`...)
	dst = g.hex(dst, 14)
	return append(dst, `"`...)
}

func updateUser(g *Generator, dst []byte, s *session) []byte {
	dst = g.openEvent(dst, "updateUser", s)
	dst = append(dst, `{ `...)
	dst = append(dst, s.target.login...)
	return closeEvent(append(dst, `, "password" : true, "customData" : {} }`...), 0)
}

func targetArgs(_ *Generator, dst []byte, s *session) []byte { return quoted(dst, s.target.name) }

func login(_ *Generator, dst []byte, s *session) []byte { return append(dst, s.target.login...) }

func rolesArgs(_ *Generator, dst []byte, s *session) []byte {
	dst = quoted(dst, s.target.name)
	return append(member(dst, "roles"), grant(s)...)
}

func loginRoles(_ *Generator, dst []byte, s *session) []byte {
	dst = append(dst, s.target.login...)
	return append(member(dst, "roles"), grant(s)...)
}

// role appends the name of a role of the company's own.
func ownRole(dst []byte, s *session) []byte {
	dst = append(dst, '"')
	dst = append(dst, s.coll...)
	return append(dst, `Reader"`...)
}

func privileges(dst []byte, s *session) []byte {
	dst = append(dst, `[ { "resource" : { "db" : "`...)
	dst = append(dst, s.db...)
	dst = append(dst, `", "collection" : "`...)
	dst = append(dst, s.coll...)
	return append(dst, `" }, "actions" : [ "find", "listIndexes" ] } ]`...)
}

func roleNameArgs(_ *Generator, dst []byte, s *session) []byte { return ownRole(dst, s) }

func roleArgs(_ *Generator, dst []byte, s *session) []byte {
	dst = privileges(member(ownRole(dst, s), "privileges"), s)
	return append(dst, `, "roles" : []`...)
}

func roleRolesArgs(_ *Generator, dst []byte, s *session) []byte {
	return append(member(ownRole(dst, s), "roles"), grant(s)...)
}

func roleName(_ *Generator, dst []byte, s *session) []byte {
	dst = ownRole(append(dst, `"role" : `...), s)
	return quoted(member(dst, "db"), s.db)
}

func roleRoles(g *Generator, dst []byte, s *session) []byte {
	return append(member(roleName(g, dst, s), "roles"), grant(s)...)
}

func rolePrivileges(g *Generator, dst []byte, s *session) []byte {
	return privileges(member(roleName(g, dst, s), "privileges"), s)
}

func roleBoth(g *Generator, dst []byte, s *session) []byte {
	return privileges(member(roleRoles(g, dst, s), "privileges"), s)
}

func oneArgs(_ *Generator, dst []byte, _ *session) []byte { return append(dst, '1') }

func dbArgs(_ *Generator, dst []byte, s *session) []byte { return quoted(dst, s.db) }

func dbParam(_ *Generator, dst []byte, s *session) []byte {
	return quoted(append(dst, `"db" : `...), s.db)
}

func dbNSParam(_ *Generator, dst []byte, s *session) []byte {
	dst = append(dst, `"ns" : "tmp_`...)
	return append(number(dst, s.suffix), '"')
}

// tmpColl appends the name of a collection that comes and goes.
func tmpColl(dst []byte, s *session) []byte {
	dst = append(dst, s.coll...)
	return number(append(dst, '_'), s.suffix)
}

func collArgs(_ *Generator, dst []byte, s *session) []byte {
	return append(tmpColl(append(dst, '"'), s), '"')
}

func tmpNS(dst []byte, s *session) []byte {
	dst = append(dst, '"')
	dst = append(dst, s.db...)
	return append(tmpColl(append(dst, '.'), s), '"')
}

func collNS(dst []byte, s *session) []byte { return ns(dst, s.db, s.coll) }

func usersNS(dst []byte, _ *session) []byte { return append(dst, `"admin.system.users"`...) }

func nsParam(_ *Generator, dst []byte, s *session) []byte { return tmpNS(append(dst, `"ns" : `...), s) }

func viewArgs(g *Generator, dst []byte, s *session) []byte {
	dst = quoted(member(collArgs(g, dst, s), "viewOn"), s.coll)
	return append(dst, `, "pipeline" : [ { "$match" : { "status" : "open" } } ]`...)
}

func viewParam(g *Generator, dst []byte, s *session) []byte {
	dst = ns(member(nsParam(g, dst, s), "viewOn"), s.db, s.coll)
	return append(dst, `, "pipeline" : [ { "$match" : { "status" : "open" } } ]`...)
}

func renameArgs(_ *Generator, dst []byte, s *session) []byte {
	return ns(member(tmpNS(dst, s), "to"), s.db, s.coll)
}

func renameParam(_ *Generator, dst []byte, s *session) []byte {
	return ns(member(tmpNS(append(dst, `"old" : `...), s), "new"), s.db, s.coll)
}

func indexArgs(_ *Generator, dst []byte, s *session) []byte {
	field := fields[s.suffix%len(fields)]
	dst = quoted(dst, s.coll)
	dst = append(dst, `, "indexes" : [ { "key" : { "`...)
	dst = append(dst, field...)
	dst = append(dst, `" : 1 }, "name" : "`...)
	dst = append(dst, field...)
	return append(dst, `_1" } ]`...)
}

func dropIndexArgs(_ *Generator, dst []byte, s *session) []byte {
	dst = append(member(quoted(dst, s.coll), "index"), '"')
	dst = append(dst, fields[s.suffix%len(fields)]...)
	return append(dst, `_1"`...)
}

func indexParam(_ *Generator, dst []byte, s *session) []byte {
	dst = ns(append(dst, `"ns" : `...), s.db, s.coll)
	dst = append(member(dst, "indexName"), '"')
	dst = append(dst, fields[s.suffix%len(fields)]...)
	return append(dst, `_1"`...)
}

func shardArgs(_ *Generator, dst []byte, s *session) []byte {
	return append(member(ns(dst, s.db, s.coll), "key"), `{ "customerId" : "hashed" }`...)
}

func shardParam(g *Generator, dst []byte, s *session) []byte {
	return append(refineParam(g, dst, s), `, "options" : { "unique" : false }`...)
}

func refineParam(_ *Generator, dst []byte, s *session) []byte {
	dst = ns(append(dst, `"ns" : `...), s.db, s.coll)
	return append(member(dst, "key"), `{ "customerId" : "hashed" }`...)
}

// shard appends the connection string of a shard.
func shard(dst []byte, s *session) []byte {
	n := s.suffix % 9
	dst = number(append(dst, `"shard`...), n)
	dst = number(append(dst, `/shard`...), n)
	dst = number(append(dst, `a.example.net:27018,shard`...), n)
	return append(dst, `b.example.net:27018"`...)
}

func addShardArgs(_ *Generator, dst []byte, s *session) []byte { return shard(dst, s) }

func addShardParam(_ *Generator, dst []byte, s *session) []byte {
	dst = number(append(dst, `"shard" : "shard`...), s.suffix%9)
	return shard(append(dst, `", "connectionString" : `...), s)
}

func removeShardArgs(_ *Generator, dst []byte, s *session) []byte {
	return append(number(append(dst, `"shard`...), s.suffix%9), '"')
}

func removeShardParam(g *Generator, dst []byte, s *session) []byte {
	return removeShardArgs(g, append(dst, `"shard" : `...), s)
}

func reconfigParam(_ *Generator, dst []byte, s *session) []byte {
	for i, key := range []string{`"old" : `, `, "new" : `} {
		dst = append(dst, key...)
		dst = number(append(dst, `{ "_id" : "rs0", "version" : `...), s.suffix+i)
		dst = append(dst, `, "term" : 7, "members" : [ { "_id" : 0, "host" : "db1.example.net:27017", "priority" : `...)
		dst = number(dst, 1+i)
		dst = append(dst, ` }, { "_id" : 1, "host" : "db2.example.net:27017", "priority" : 1 }, { "_id" : 2, "host" : "db3.example.net:27017", "priority" : 1 } ], "settings" : { "chainingAllowed" : true } }`...)
	}
	return dst
}

func clusterArgs(_ *Generator, dst []byte, s *session) []byte {
	dst = append(dst, `{ "changeStreamOptions" : { "preAndPostImages" : { "expireAfterSeconds" : `...)
	return append(number(dst, 60*(1+s.suffix)), ` } } }`...)
}

func clusterParam(_ *Generator, dst []byte, s *session) []byte {
	dst = append(dst, `"originalClusterServerParameter" : { "_id" : "changeStreamOptions", "preAndPostImages" : { "expireAfterSeconds" : "off" } }, "updatedClusterServerParameter" : { "_id" : "changeStreamOptions", "clusterParameterTime" : { "$timestamp" : { "t" : `...)
	dst = number(dst, 1_759_000_000+s.suffix)
	dst = append(dst, `, "i" : 1 } }, "preAndPostImages" : { "expireAfterSeconds" : `...)
	return append(number(dst, 60*(1+s.suffix)), ` } }`...)
}

func messageArgs(_ *Generator, dst []byte, s *session) []byte {
	return append(number(append(dst, `"change `...), 4000+s.suffix), ` begins"`...)
}

func messageParam(g *Generator, dst []byte, s *session) []byte {
	return messageArgs(g, append(dst, `"msg" : `...), s)
}

func rotateParam(g *Generator, dst []byte, _ *session) []byte {
	dst = append(dst, `"logRotationStatus" : { "status" : "OK" }, "rotatedLogPath" : "/var/log/mongodb/auditLog.json.`...)
	return append(appendSuffix(dst, g.clock.now), '"')
}

func auditParam(_ *Generator, dst []byte, s *session) []byte {
	dst = append(dst, `"previous" : { "auditAuthorizationSuccess" : false, "filter" : {} }, "config" : { "auditAuthorizationSuccess" : true, "filter" : { "param.ns" : { "$regex" : "^`...)
	dst = append(dst, s.db...)
	return append(dst, `[.]", "$options" : "" } } }`...)
}

func mutationArgs(_ *Generator, dst []byte, _ *session) []byte {
	return append(dst, `"system.users", "ordered" : true`...)
}

func mutationParam(g *Generator, dst []byte, s *session) []byte {
	dst = append(dst, `"ns" : "admin.system.users", "document" : { "_id" : "`...)
	dst = append(dst, s.db...)
	dst = newcomer(append(dst, '.'), s)
	dst = newcomer(append(dst, `", "user" : "`...), s)
	dst = quoted(append(dst, `", "db" : `...), s.db)
	dst = append(dst, `, "credentials" : { "SCRAM-SHA-256" : { "iterationCount" : 15000, "salt" : "`...)
	dst = g.base64(dst, 28)
	dst = append(dst, `", "storedKey" : "`...)
	dst = g.base64(dst, 32)
	dst = append(dst, `", "serverKey" : "`...)
	dst = g.base64(dst, 32)
	dst = append(dst, `" } }, "roles" : `...)
	dst = append(dst, grant(s)...)
	return append(dst, ` }, "operation" : "insert"`...)
}
