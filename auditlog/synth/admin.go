package synth

// A deed is something that changes the deployment. It leaves two events or
// more: the authCheck of the command, and then, in the session's next turns,
// what happened.
type deed struct {
	weight  int
	command string
	// args appends the value of the command and its further arguments.
	args func(g *Generator, dst []byte, s *session) []byte
	// happens appends the event itself.
	happens func(g *Generator, dst []byte, s *session) []byte
	// ns appends the namespace of the command; nil stands for the database.
	ns func(dst []byte, s *session) []byte
}

// deeds are what administrators do.
var deeds = []deed{
	{6, "createUser", createUserArgs, createUser, nil},
	{5, "updateUser", updateUserArgs, updateUser, nil},
	{3, "dropUser", targetArgs, event("dropUser", login), nil},
	{7, "grantRolesToUser", rolesArgs, event("grantRolesToUser", loginRoles), nil},
	{4, "revokeRolesFromUser", rolesArgs, event("revokeRolesFromUser", loginRoles), nil},
	{2, "createRole", roleArgs, event("createRole", roleBoth), nil},
	{2, "updateRole", roleArgs, event("updateRole", rolePrivileges), nil},
	{1, "dropRole", roleNameArgs, event("dropRole", roleName), nil},
	{1, "grantRolesToRole", roleRolesArgs, event("grantRolesToRole", roleRoles), nil},
	{1, "revokeRolesFromRole", roleRolesArgs, event("revokeRolesFromRole", roleRoles), nil},
	{2, "grantPrivilegesToRole", roleArgs, event("grantPrivilegesToRole", rolePrivileges), nil},
	{1, "revokePrivilegesFromRole", roleArgs, event("revokePrivilegesFromRole", rolePrivileges), nil},
	{1, "dropAllUsersFromDatabase", oneArgs, event("dropAllUsersFromDatabase", dbParam), nil},
	{1, "dropAllRolesFromDatabase", oneArgs, event("dropAllRolesFromDatabase", dbParam), nil},
	{8, "createIndexes", indexArgs, indexStarted, collNS},
	{3, "dropIndexes", dropIndexArgs, event("dropIndex", indexParam), collNS},
	{6, "create", collArgs, event("createCollection", nsParam), tmpNS},
	{5, "drop", collArgs, event("dropCollection", nsParam), tmpNS},
	{2, "renameCollection", renameArgs, event("renameCollection", renameParam), tmpNS},
	{1, "create", viewArgs, event("createView", viewParam), tmpNS},
	{1, "drop", collArgs, event("dropView", viewParam), tmpNS},
	{1, "create", collArgs, event("createDatabase", dbNSParam), tmpNS},
	{1, "dropDatabase", oneArgs, event("dropDatabase", dbNSParam), nil},
	{1, "importCollection", collArgs, event("importCollection", nsParam), tmpNS},
	{1, "enableSharding", dbArgs, event("enableSharding", dbNSParam), nil},
	{2, "shardCollection", shardArgs, event("shardCollection", shardParam), nil},
	{1, "refineCollectionShardKey", shardArgs, event("refineCollectionShardKey", refineParam), nil},
	{1, "addShard", addShardArgs, event("addShard", addShardParam), nil},
	{1, "removeShard", removeShardArgs, event("removeShard", removeShardParam), nil},
	{1, "replSetReconfig", oneArgs, event("replSetReconfig", reconfigParam), nil},
	{2, "setClusterParameter", clusterArgs, clusterParameter, nil},
	{2, "logApplicationMessage", messageArgs, event("applicationMessage", messageParam), nil},
	{1, "logRotate", oneArgs, event("rotateLog", rotateParam), nil},
	{1, "setAuditConfig", oneArgs, event("auditConfigure", auditParam), nil},
	{1, "insert", mutationArgs, event("directAuthMutation", mutationParam), usersNS},
	{1, "shutdown", oneArgs, shutdown, nil},
}

// deedWeight is the sum of the weights.
var deedWeight = func() (n int) {
	for _, d := range deeds {
		n += d.weight
	}
	return n
}()

// administer appends an event of an administrator: mostly a look at something,
// sometimes the beginning of a deed.
func (g *Generator) administer(dst []byte, s *session) []byte {
	s.db, s.coll, s.suffix = pick(g.chance, databases), pick(g.chance, collections), g.n(1000)
	s.target = &g.world.users[g.n(len(g.world.users))]
	if !g.one(3) {
		switch g.n(5) {
		case 0:
			return g.simple(dst, s, "usersInfo", "admin", `1, "showPrivileges" : false`, 0)
		case 1:
			return g.simple(dst, s, "currentOp", "admin", `1, "secs_running" : { "$gt" : 3 }`, 0)
		case 2:
			return g.simple(dst, s, "collStats", s.db, `"`+s.coll+`"`, 0)
		case 3:
			return g.simple(dst, s, "listDatabases", "admin", "1", 0)
		}
		return g.find(dst, s, 0)
	}
	at := g.n(deedWeight)
	for i := range deeds {
		if at -= deeds[i].weight; at < 0 {
			return g.do(dst, s, &deeds[i])
		}
	}
	panic("BUG: the weights of the deeds do not add up")
}

// do appends the authCheck of a deed.
func (g *Generator) do(dst []byte, s *session, d *deed) []byte {
	dst = g.openEvent(dst, "authCheck", s)
	dst = append(dst, `{ "command" : "`...)
	dst = append(dst, d.command...)
	dst = append(dst, `", "ns" : `...)
	if d.ns != nil {
		dst = d.ns(dst, s)
	} else {
		dst = quoted(dst, s.db)
	}
	dst = append(dst, `, "args" : { "`...)
	dst = append(dst, d.command...)
	dst = append(dst, `" : `...)
	dst = d.args(g, dst, s)
	s.next = d.happens
	return g.closeCheck(dst, s, s.db, 0)
}

// develop appends an event of a developer who works on the database's shape;
// most of that is done in staging, some where it is not allowed.
func (g *Generator) develop(dst []byte, s *session) []byte {
	s.suffix = g.n(1000)
	if g.one(4) {
		return g.simple(dst, s, "drop", s.db, `"`+s.coll+`"`, unauthorized)
	}
	return g.createIndex(dst, s)
}

// createIndex appends the authCheck that leads to the two events of an index.
func (g *Generator) createIndex(dst []byte, s *session) []byte {
	return g.do(dst, s, &deed{command: "createIndexes", args: indexArgs, happens: indexStarted, ns: collNS})
}

// event returns the deed's event with this name and this param.
func event(atype string, param func(g *Generator, dst []byte, s *session) []byte) func(*Generator, []byte, *session) []byte {
	return func(g *Generator, dst []byte, s *session) []byte {
		dst = g.openEvent(dst, atype, s)
		dst = param(g, append(dst, `{ `...), s)
		result := 0
		if atype == "dropCollection" && g.one(20) {
			result = noNamespace
		}
		return closeEvent(append(dst, ` }`...), result)
	}
}

func indexStarted(g *Generator, dst []byte, s *session) []byte {
	s.next = indexBuilt
	dst = g.openEvent(dst, "createIndex", s)
	dst = indexParamSpec(dst, s, "IndexBuildStarted")
	return closeEvent(dst, 0)
}

func indexBuilt(g *Generator, dst []byte, s *session) []byte {
	state, result := "IndexBuildSucceeded", 0
	if g.one(25) {
		state, result = "IndexBuildAborted", indexAborted
	}
	dst = g.openEvent(dst, "createIndex", s)
	return closeEvent(indexParamSpec(dst, s, state), result)
}

func indexParamSpec(dst []byte, s *session, state string) []byte {
	field := fields[s.suffix%len(fields)]
	dst = append(dst, `{ "ns" : `...)
	dst = ns(dst, s.db, s.coll)
	dst = append(dst, `, "indexName" : "`...)
	dst = append(dst, field...)
	dst = append(dst, `_1", "indexSpec" : { "v" : 2, "key" : { "`...)
	dst = append(dst, field...)
	dst = append(dst, `" : 1 }, "name" : "`...)
	dst = append(dst, field...)
	dst = append(dst, `_1" }, "indexBuildState" : "`...)
	dst = append(dst, state...)
	return append(dst, `" }`...)
}

func clusterParameter(g *Generator, dst []byte, s *session) []byte {
	s.next = event("updateCachedClusterServerParameter", clusterParam)
	return event("setClusterParameter", clusterParam)(g, dst, s)
}

// shutdown ends the server, mostly to begin again: every session is gone with
// it, without a word. Administrators do it far more rarely than anything else,
// so that mostly they think better of it.
func shutdown(g *Generator, dst []byte, s *session) []byte {
	if !g.one(5) {
		return g.simple(dst, s, "replSetGetStatus", "admin", "1", 0)
	}
	dst = g.openEvent(dst, "shutdown", s)
	for _, other := range g.open {
		if other != s {
			g.free = append(g.free, other)
		}
	}
	if g.attack != nil {
		g.free = append(g.free, g.attack.s)
		g.attack = nil
	}
	g.open, g.current = append(g.open[:0], s), 0
	s.stage = gone
	g.down = true
	return closeEvent(append(dst, `{}`...), 0)
}

func (g *Generator) startup(dst []byte) []byte {
	dst = append(dst, `{ "atype" : "startup", "ts" : `...)
	dst = g.ts.append(dst, g.clock.now)
	dst = append(dst, `, "uuid" : `...)
	dst = g.uuid(dst)
	dst = append(dst, `, "local" : { "isSystemUser" : true }, "remote" : { "isSystemUser" : true }, "users" : [], "roles" : [], "param" : `...)
	dst = append(dst, `{ "startupOptions" : { "auditLog" : { "destination" : "file", "format" : "JSON", "path" : "/var/log/mongodb/auditLog.json" }, `...)
	dst = append(dst, `"net" : { "bindIp" : "0.0.0.0", "port" : 27017, "tls" : { "mode" : "requireTLS", "certificateKeyFile" : "/etc/mongodb/db.pem" } }, `...)
	dst = append(dst, `"replication" : { "replSet" : "rs0" }, "security" : { "authorization" : "enabled", "keyFile" : "/etc/mongodb/keyfile" }, `...)
	dst = append(dst, `"setParameter" : { "auditAuthorizationSuccess" : "true" }, "storage" : { "dbPath" : "/var/lib/mongodb" } }, `...)
	dst = append(dst, `"initialClusterServerParameters" : [ { "_id" : "changeStreamOptions", "preAndPostImages" : { "expireAfterSeconds" : "off" } } ] }`...)
	return closeEvent(dst, 0)
}
