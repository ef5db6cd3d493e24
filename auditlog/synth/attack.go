package synth

// attack is a crime under way: a session that is not like the others, and the
// steps that are left of it.
type attack struct {
	// pace is how many of ten events are the attack's while it lasts.
	pace int
	s    *session
	step func(g *Generator, dst []byte, a *attack) []byte
	left int
	// victim is the account that the attacker wants, or begins with.
	victim int
	// found: the attacker knows a password in the end.
	found bool
}

// outside are addresses of the Internet, from the ranges for documentation.
var outside = []string{"203.0.113.", "198.51.100.", "192.0.2."}

func (g *Generator) outsider() string {
	return pick(g.chance, outside) + string(number(nil, g.between(2, 250)))
}

// plots are the kinds of attack that happen at any hour. They take turns, so
// that a log of some length has all of them.
var plots = []func(g *Generator) *attack{
	(*Generator).bruteForce, (*Generator).escalation, (*Generator).spraying, (*Generator).destruction,
}

// beginAttack lets the next plot begin. The thief comes once in a night; where
// all hours are the same, after every fourth other attack.
func (g *Generator) beginAttack() {
	g.calm = g.between(8000, 20_000)
	thief := g.clock.night() && g.clock.now-g.lastTheft > 12*hour
	if g.clock.even {
		thief = g.crimes%(len(plots)+1) == len(plots)
	}
	if thief {
		g.lastTheft = g.clock.now
		g.attack = g.exfiltration()
	} else {
		g.attack = plots[g.crimes%(len(plots)+1)%len(plots)](g)
	}
	g.crimes++
}

// attackStep appends an event of the attack, and forgets it after its last one.
func (g *Generator) attackStep(dst []byte) []byte {
	a := g.attack
	dst = a.step(g, dst, a)
	if a.s.stage == gone {
		g.free = append(g.free, a.s)
		g.attack = nil
	}
	return dst
}

// bruteForce: one address tries passwords of one account, and once in a while
// finds it and looks around.
func (g *Generator) bruteForce() *attack {
	victim := pick(g.chance, g.world.byJob[service])
	for g.world.users[victim].mechanism == "MONGODB-X509" {
		victim = pick(g.chance, g.world.byJob[service])
	}
	return &attack{
		pace: 6, left: g.between(60, 240), victim: victim, found: g.one(2),
		s: g.connect(&g.world.users[victim], g.outsider()), step: bruteForceStep,
	}
}

func bruteForceStep(g *Generator, dst []byte, a *attack) []byte {
	a.left--
	switch {
	case a.left > 0 && a.s.stage == connected:
		a.s.stage = authenticating
		return g.clientMetadata(dst, a.s)
	case a.left > 0:
		return g.authenticate(dst, a.s, a.s.user, wrongPassword)
	case !a.found:
		a.s.stage = gone
		return g.authenticate(dst, a.s, a.s.user, wrongPassword)
	}
	a.s.stage, a.left, a.step = working, g.between(10, 40), lootStep
	return g.authenticate(dst, a.s, a.s.user, 0)
}

// lootStep: finds without a filter through all collections.
func lootStep(g *Generator, dst []byte, a *attack) []byte {
	if a.left--; a.left <= 0 {
		return g.logout(dst, a.s)
	}
	a.s.coll = collections[a.left%len(collections)]
	if !g.one(4) {
		return g.getMore(dst, a.s)
	}
	dst = g.openCheck(dst, a.s, "find")
	dst = quoted(dst, a.s.coll)
	dst = append(dst, `, "filter" : {}, "batchSize" : 10000, "noCursorTimeout" : true`...)
	return g.closeCheck(dst, a.s, a.s.db, 0)
}

// spraying: one address tries a few passwords with every account it knows of.
func (g *Generator) spraying() *attack {
	victim := g.n(len(g.world.users))
	return &attack{
		pace: 4, left: g.between(80, 260), victim: victim,
		s: g.connect(&g.world.users[victim], g.outsider()), step: sprayingStep,
	}
}

func sprayingStep(g *Generator, dst []byte, a *attack) []byte {
	if a.left--; a.left <= 0 {
		a.s.stage = gone
	} else {
		a.s.stage = authenticating
	}
	victim := &g.world.users[(a.victim+a.left/2)%len(g.world.users)]
	result := wrongPassword
	if g.one(9) {
		result = unknownUserCode
	}
	if a.s.stage == gone {
		a.s.stage = authenticating
		dst = g.authenticate(dst, a.s, victim, result)
		a.s.stage = gone
		return dst
	}
	return g.authenticate(dst, a.s, victim, result)
}

// escalation: a developer is refused again and again, then an administrator's
// session gives the developer's account the role root, and a new account too.
func (g *Generator) escalation() *attack {
	victim := pick(g.chance, g.world.byJob[developer])
	u := &g.world.users[victim]
	return &attack{
		pace: 3, left: g.between(6, 15), victim: victim,
		s: g.connect(u, g.world.hosts[pick(g.chance, u.hosts)]), step: refusedStep,
	}
}

func refusedStep(g *Generator, dst []byte, a *attack) []byte {
	switch a.s.stage {
	case connected:
		a.s.stage = working
		return g.authenticate(dst, a.s, a.s.user, 0)
	}
	if a.left--; a.left > 0 {
		switch a.left % 3 {
		case 0:
			return g.simple(dst, a.s, "usersInfo", "admin", `{ "forAllDBs" : true }`, unauthorized)
		case 1:
			return g.simple(dst, a.s, "rolesInfo", "admin", `1, "showBuiltinRoles" : true`, unauthorized)
		}
		return g.simple(dst, a.s, "getParameter", "admin", `"*"`, unauthorized)
	}
	boss := &g.world.users[pick(g.chance, g.world.byJob[admin])]
	host := g.world.hosts[pick(g.chance, a.s.user.hosts)]
	g.free = append(g.free, a.s)
	a.s = g.connect(boss, host)
	a.s.db, a.s.suffix, a.s.target = "admin", g.n(1000), &g.world.users[a.victim]
	a.s.stage, a.left, a.step = authenticating, 5, crownStep
	dst = g.authenticate(dst, a.s, boss, 0)
	a.s.stage = working
	return dst
}

const crown = `[ { "role" : "root", "db" : "admin" } ]`

func crownStep(g *Generator, dst []byte, a *attack) []byte {
	a.left--
	switch a.left {
	case 4:
		return g.simple(dst, a.s, "grantRolesToUser", "admin", `"`+a.s.target.name+`", "roles" : `+crown, 0)
	case 3:
		dst = g.openEvent(dst, "grantRolesToUser", a.s)
		dst = append(append(dst, `{ `...), a.s.target.login...)
		return closeEvent(append(append(member(dst, "roles"), crown...), ` }`...), 0)
	case 2:
		dst = g.openEvent(dst, "authCheck", a.s)
		dst = append(dst, `{ "command" : "createUser", "ns" : "admin", "args" : { "createUser" : "support_backup", "pwd" : "`...)
		dst = g.hex(dst, 10)
		return g.closeCheck(append(dst, `", "roles" : `+crown...), a.s, "admin", 0)
	case 1:
		dst = g.openEvent(dst, "createUser", a.s)
		dst = append(dst, `{ "user" : "support_backup", "db" : "admin", "password" : true, "customData" : {}, "roles" : `+crown...)
		return closeEvent(append(dst, ` }`...), 0)
	}
	return g.logout(dst, a.s)
}

// destruction: an account drops one collection after the other, and then the
// database, and leaves a note.
func (g *Generator) destruction() *attack {
	victim := pick(g.chance, g.world.byJob[admin])
	a := &attack{
		pace: 7, left: g.between(20, 60), victim: victim,
		s: g.connect(&g.world.users[victim], g.outsider()), step: destructionStep,
	}
	a.s.db = pick(g.chance, databases)
	return a
}

func destructionStep(g *Generator, dst []byte, a *attack) []byte {
	s := a.s
	if s.stage == connected {
		dst = g.authenticate(dst, s, s.user, 0)
		s.stage = working
		return dst
	}
	if next := s.next; next != nil {
		s.next = nil
		return next(g, dst, s)
	}
	if a.left -= 2; a.left <= 0 {
		return g.logout(dst, s)
	}
	s.coll, s.suffix = collections[a.left/2%len(collections)], a.left
	if a.left <= 2 {
		return g.do(dst, s, &deed{command: "dropDatabase", args: oneArgs, happens: ruin})
	}
	return g.do(dst, s, &deed{command: "drop", args: collArgs, happens: event("dropCollection", nsParam), ns: tmpNS})
}

func ruin(g *Generator, dst []byte, s *session) []byte {
	dst = g.openEvent(dst, "dropDatabase", s)
	dst = quoted(append(dst, `{ "ns" : `...), s.db)
	return closeEvent(append(dst, ` }`...), 0)
}

// exfiltration: at night an analyst's account reads whole collections from an
// address that it never used.
func (g *Generator) exfiltration() *attack {
	victim := pick(g.chance, g.world.byJob[analyst])
	return &attack{
		pace: 5, left: g.between(150, 500), victim: victim,
		s: g.connect(&g.world.users[victim], g.outsider()), step: thiefStep,
	}
}

func thiefStep(g *Generator, dst []byte, a *attack) []byte {
	switch a.s.stage {
	case connected:
		a.s.stage = authenticating
		return g.clientMetadata(dst, a.s)
	case authenticating:
		dst = g.authenticate(dst, a.s, a.s.user, 0)
		a.s.stage = working
		return dst
	}
	return lootStep(g, dst, a)
}
