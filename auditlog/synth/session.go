package synth

// stage is how far a session is.
type stage uint8

const (
	connected stage = iota
	authenticating
	working
	gone
)

// session is one connection of one user.
type session struct {
	user  *user
	stage stage
	// left is how many events of work are still to come, tries how often the
	// password will be wrong before it is right.
	left, tries int
	// lost: the user gives up after the wrong passwords.
	lost bool
	// head is the part of every event from uuid to remote; it is the same for
	// the whole session.
	head []byte
	// endpoint is the local endpoint as a document.
	endpoint []byte
	lsid     []byte
	// next is what the session does in its next turn because of what it did in
	// the last one, with the object that it did it to.
	next   func(g *Generator, dst []byte, s *session) []byte
	db     string
	coll   string
	suffix int
	target *user
}

// begin opens a session of a user from one of its hosts.
func (g *Generator) begin(u *user) *session {
	s := g.connect(u, g.world.hosts[pick(g.chance, u.hosts)])
	switch u.job {
	case service:
		s.left = 4 + g.few(150)
	case monitor:
		s.left = g.between(5, 40)
	case backup:
		s.left = g.between(4, 20)
	default:
		s.left = 2 + g.few(45)
	}
	if u.job != service && g.one(12) || g.one(60) {
		s.tries = 1 + g.few(3)
		s.lost = g.one(4)
	}
	return s
}

// connect makes a session of a user from any address.
func (g *Generator) connect(u *user, address string) *session {
	s := &session{}
	if n := len(g.free); n > 0 {
		s, g.free = g.free[n-1], g.free[:n-1]
	}
	*s = session{user: u, head: s.head[:0], endpoint: s.endpoint[:0], lsid: s.lsid[:0], db: databases[u.home], coll: pick(g.chance, collections)}
	s.endpoint = append(s.endpoint, `{ "ip" : "`...)
	s.endpoint = append(s.endpoint, pick(g.chance, g.world.servers)...)
	s.endpoint = append(s.endpoint, `", "port" : 27017 }`...)
	s.head = append(s.head, `, "uuid" : `...)
	s.head = g.uuid(s.head)
	s.head = append(s.head, `, "local" : `...)
	s.head = append(s.head, s.endpoint...)
	s.head = append(s.head, `, "remote" : { "ip" : "`...)
	s.head = append(s.head, address...)
	s.head = append(s.head, `", "port" : `...)
	s.head = number(s.head, g.between(32768, 60999))
	s.head = append(s.head, ` }, "users" : `...)
	s.lsid = g.uuid(append(s.lsid, `{ "id" : `...))
	s.lsid = append(s.lsid, ` }`...)
	return s
}

// turn appends the session's next event.
func (g *Generator) turn(dst []byte, s *session) []byte {
	switch s.stage {
	case connected:
		s.stage = authenticating
		return g.clientMetadata(dst, s)
	case authenticating:
		if s.tries > 0 {
			if s.tries--; s.tries == 0 && s.lost {
				s.stage = gone
			}
			return g.authenticate(dst, s, s.user, wrongPassword)
		}
		s.stage = working
		return g.authenticate(dst, s, s.user, 0)
	}
	if next := s.next; next != nil {
		s.next = nil
		return next(g, dst, s)
	}
	if s.left--; s.left < 0 {
		s.stage = gone
		return g.logout(dst, s)
	}
	return g.work(dst, s)
}

// The results that appear; the numbers are MongoDB's error codes.
const (
	unauthorized    = 13
	wrongPassword   = 18
	noNamespace     = 26
	indexAborted    = 276
	unknownUserCode = 11
)

// openEvent appends an event up to its param. Before it is authenticated a
// session has no users and no roles.
func (g *Generator) openEvent(dst []byte, atype string, s *session) []byte {
	dst = append(dst, `{ "atype" : "`...)
	dst = append(dst, atype...)
	dst = append(dst, `", "ts" : `...)
	dst = g.ts.append(dst, g.clock.now)
	dst = append(dst, s.head...)
	if s.stage < working {
		return append(dst, `[], "roles" : [], "param" : `...)
	}
	dst = append(dst, s.user.users...)
	dst = append(dst, `, "roles" : `...)
	dst = append(dst, s.user.roles...)
	return append(dst, `, "param" : `...)
}

func closeEvent(dst []byte, result int) []byte {
	dst = append(dst, `, "result" : `...)
	dst = number(dst, result)
	return append(dst, " }\n"...)
}

func (g *Generator) clientMetadata(dst []byte, s *session) []byte {
	dst = g.openEvent(dst, "clientMetadata", s)
	a := apps[s.user.app]
	dst = append(dst, `{ "localEndpoint" : `...)
	dst = append(dst, s.endpoint...)
	dst = append(dst, `, "clientMetadata" : { `...)
	name := a.app
	if name == "" {
		name = s.user.name
	}
	dst = append(dst, `"application" : { "name" : "`...)
	dst = append(dst, name...)
	dst = append(dst, `" }, "driver" : { "name" : "`...)
	dst = append(dst, a.driver...)
	dst = append(dst, `", "version" : "`...)
	dst = append(dst, a.version...)
	dst = append(dst, `" }, "os" : { "type" : "linux", "name" : "linux", "architecture" : "x64", "version" : "6.8.0-`...)
	dst = number(dst, 40+s.user.home)
	dst = append(dst, `-generic" }, "platform" : "`...)
	dst = append(dst, a.platform...)
	return closeEvent(append(dst, `" } }`...), 0)
}

// authenticate appends a login, which need not be as the session's own user.
func (g *Generator) authenticate(dst []byte, s *session, as *user, result int) []byte {
	dst = g.openEvent(dst, "authenticate", s)
	dst = append(dst, `{ `...)
	dst = append(dst, as.login...)
	dst = append(dst, `, "mechanism" : "`...)
	dst = append(dst, as.mechanism...)
	return closeEvent(append(dst, `" }`...), result)
}

func (g *Generator) logout(dst []byte, s *session) []byte {
	reason := "Implicit logout due to client connection closure"
	if s.user.job != service && g.one(4) {
		reason = "Explicit logout from " + s.user.db
	}
	users := s.user.users
	s.stage = gone
	dst = g.openEvent(dst, "logout", s)
	dst = append(dst, `{ "reason" : "`...)
	dst = append(dst, reason...)
	dst = append(dst, `", "initialUsers" : `...)
	dst = append(dst, users...)
	return closeEvent(append(dst, `, "updatedUsers" : [] }`...), 0)
}
