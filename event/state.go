package event

import "time"

// Health is the state of a source as status shows it.
type Health string

// The states of a source.
const (
	// Healthy: everything that is there has been read.
	Healthy Health = "healthy"
	// Behind: reading, with events known to be waiting.
	Behind Health = "behind"
	// Blocked: reading is impossible until somebody acts; the reason says what
	// to do.
	Blocked Health = "blocked"
	// Silent: nothing has arrived for longer than the source's alarm period.
	Silent Health = "silent"
	// Stopped: no process collects at present.
	Stopped Health = "stopped"
)

// State is what a source says of itself while it runs.
type State struct {
	Health Health
	// Reason explains every state but Healthy in a sentence.
	Reason string
	// Position is for people: a path and an offset, for example.
	Position string
	// LagBytes is how much is known to be waiting, in bytes of the stream.
	LagBytes int64
	// LastRead is when the source last read something new; zero when never.
	LastRead time.Time
}
