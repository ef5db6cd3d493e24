package synth

import (
	"math/rand/v2"
	"time"
)

// Config says which log is generated. The zero value is a good one.
type Config struct {
	// Seed chooses the log.
	Seed uint64
	// Start is the time of the first event, in whole milliseconds. Defaults to
	// Monday, 6 October 2025, 06:00 UTC.
	Start time.Time
	// Rate is how many events happen in a second, as a mean and at every hour
	// the same. Defaults to the curve of a working day around 20 a second, with
	// quiet nights and weekends.
	Rate float64
}

// defaultRate is the mean rate of a working day in events a second.
const defaultRate = 20

// A Generator makes events. It is not for concurrent use.
type Generator struct {
	chance
	clock   clock
	world   *world
	ts      tsCache
	open    []*session // sessions under way
	current int        // index of the session that had the last turn
	free    []*session // ended sessions, to be used again
	attack  *attack
	calm    int // events until the next attack
	crimes  int // attacks so far
	// lastTheft is when the last exfiltration began, in microseconds.
	lastTheft int64
	// down: the server has been shut down and starts with the next event.
	down bool
}

// New returns a Generator at the beginning of its log.
func New(c Config) *Generator {
	if c.Start.IsZero() {
		c.Start = time.Date(2025, 10, 6, 6, 0, 0, 0, time.UTC)
	}
	g := &Generator{chance: chance{rand.NewPCG(c.Seed, 0x6d6172676179)}}
	g.clock = clock{now: c.Start.UnixMilli() * 1000, mean: second / defaultRate}
	if c.Rate > 0 {
		g.clock.mean, g.clock.even = max(int64(float64(second)/c.Rate), 1), true
	}
	g.world = newWorld(g.chance)
	g.calm = g.between(600, 1200)
	return g
}

// Next appends the next event to dst, as one line with its line end.
func (g *Generator) Next(dst []byte) []byte {
	dst = g.event(dst)
	g.clock.tick(g.chance)
	return dst
}

// NextAt appends the next event as one that happens at t; for logs that are
// written live. The Generator's own time goes on from t.
func (g *Generator) NextAt(dst []byte, t time.Time) []byte {
	g.clock.now = t.UnixMicro()
	return g.event(dst)
}

// event appends an event of the attack that is under way, of a session under
// way, or of a new one.
func (g *Generator) event(dst []byte) []byte {
	if g.down {
		g.down = false
		return g.startup(dst)
	}
	if g.attack != nil {
		if g.n(10) < g.attack.pace {
			return g.attackStep(dst)
		}
	} else if g.calm--; g.calm <= 0 {
		g.beginAttack()
	}
	if len(g.open) < g.wanted() || g.one(40) {
		g.open = append(g.open, g.begin(g.whoNext()))
		g.current = len(g.open) - 1
	} else if g.one(3) {
		g.current = g.n(len(g.open))
	}
	s := g.open[g.current]
	dst = g.turn(dst, s)
	if s.stage == gone {
		last := len(g.open) - 1
		g.open[g.current] = g.open[last]
		g.open = g.open[:last]
		g.free = append(g.free, s)
		g.current = max(0, min(g.current, last-1))
	}
	return dst
}

// wanted is how many sessions are open at least at the present hour.
func (g *Generator) wanted() int {
	if g.clock.even {
		return 60
	}
	return int(20 + g.clock.busy()/250)
}

// whoNext chooses who connects: at night services, tools and hardly anybody
// else.
func (g *Generator) whoNext() *user {
	j := service
	switch x := g.n(100); {
	case x < 6:
		j = monitor
	case x < 9:
		j = backup
	case x < 15:
		j = admin
	case x < 32:
		j = analyst
	case x < 42:
		j = developer
	}
	if (j == analyst || j == developer || j == admin) && !g.clock.even && g.clock.night() && !g.one(12) {
		j = service
	}
	of := g.world.byJob[j]
	at := g.n(len(of))
	if g.one(2) {
		at = g.few(len(of)) // some are far busier than others
	}
	return &g.world.users[of[at]]
}
