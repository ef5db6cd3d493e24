package file

import (
	"testing"

	"github.com/margay-audit/margay/event"
	"github.com/margay-audit/margay/source/sourcetest"
)

// fixture is a log that is rotated after every third burst of events.
type fixture struct {
	w      *world
	bursts int
}

func (fx *fixture) Source(ledger event.Ledger) event.Source {
	cfg := fx.w.cfg
	cfg.Ledger = ledger
	src, err := New(cfg)
	if err != nil {
		fx.w.t.Fatal(err)
	}
	return src
}

func (fx *fixture) Produce(n int) [][]byte {
	if fx.bursts++; fx.bursts%3 == 0 {
		fx.w.rename("audit.json", "audit.json."+string(rune('a'+fx.bursts)))
	}
	before := len(fx.w.want)
	fx.w.write("audit.json", n)
	return fx.w.want[before:]
}

func TestConformance(t *testing.T) {
	sourcetest.Run(t, func(t *testing.T) sourcetest.Fixture { return &fixture{w: newWorld(t)} })
}
