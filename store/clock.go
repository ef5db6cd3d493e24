package store

import (
	"context"
	"encoding/json"
	"fmt"
	"time"

	"github.com/margay-audit/margay/store/catalog"
)

// A clock that is a day wrong deletes a day of the audit trail. So retention
// stops when the clock has moved by more than maxJump beside the time that has
// really passed; and after a start when nobody can tell, because the store was
// last used longer ago than that, until the clock has run evenly for steadyFor.
const (
	maxJump   = 24 * time.Hour
	steadyFor = 24 * time.Hour
	// seenEvery is how often the time is written down for the next start.
	seenEvery = time.Hour
)

// suspension says why retention does not work at present.
type suspension struct {
	Reason string `json:"reason"`
	// Since is the time of the suspended clock, in microseconds.
	Since int64 `json:"since"`
	// Gap is set when the clock may well be right: the suspension ends by
	// itself after a while. Otherwise the clock has to go back, or somebody has
	// to say that it is right.
	Gap bool `json:"gap,omitempty"`
	// Before is the time that the clock has to reach again, in microseconds,
	// when it was found to have gone back; 0 otherwise.
	Before int64 `json:"before,omitempty"`
	// here is set when this process saw it happen.
	here bool
}

// clockWatch compares the clock with the time that passes.
type clockWatch struct {
	wall      time.Time // of the clock, when up had passed
	up        time.Duration
	seen      time.Time
	suspended *suspension
}

// startClock compares the clock with the newest time in the store.
func (s *Store) startClock(ctx context.Context) error {
	now := s.opt.Now().Round(0)
	s.clock = clockWatch{wall: now, up: s.opt.Uptime()}
	var kept, seen string
	err := s.cat.View(ctx, func(tx *catalog.Tx) (err error) {
		if kept, err = tx.Meta(ctx, metaSuspended); err != nil {
			return err
		}
		seen, err = tx.Meta(ctx, metaSeen)
		return err
	})
	if err != nil {
		return err
	}
	if kept != "" {
		s.clock.suspended = new(suspension)
		if err := json.Unmarshal([]byte(kept), s.clock.suspended); err != nil {
			return fmt.Errorf("read why retention is suspended: %w", err)
		}
		return nil
	}
	newest := s.lastTime
	var us int64
	if n, _ := fmt.Sscan(seen, &us); n == 1 {
		newest = max(newest, us)
	}
	if newest == 0 || s.opt.Retention <= 0 {
		return nil
	}
	last := time.UnixMicro(newest)
	switch gap := now.Sub(last); {
	case gap > maxJump:
		return s.suspend(ctx, &suspension{Gap: true, Since: now.UnixMicro(), Reason: fmt.Sprintf(
			"the store was last used at %s, and the clock says that it is %s: retention waits until the clock has run evenly for %s", last.UTC().Format(time.RFC3339), now.UTC().Format(time.RFC3339), steadyFor)})
	case gap < -maxJump:
		return s.suspend(ctx, &suspension{Before: newest, Since: now.UnixMicro(), Reason: fmt.Sprintf(
			"the clock has gone back: the store was last used at %s, and it is said to be %s", last.UTC().Format(time.RFC3339), now.UTC().Format(time.RFC3339))})
	}
	return nil
}

// watchClock is called from time to time.
func (s *Store) watchClock(ctx context.Context) error {
	s.serial.Lock()
	defer s.serial.Unlock()
	now, up := s.opt.Now().Round(0), s.opt.Uptime()
	w := &s.clock
	jump := now.Sub(w.wall) - (up - w.up)
	if jump > maxJump || jump < -maxJump {
		if w.suspended == nil {
			return s.suspend(ctx, &suspension{here: true, Since: now.UnixMicro(), Reason: fmt.Sprintf(
				"the clock jumped by %s to %s; set it right, or say `margay store resume-retention` when it is right now", jump.Round(time.Second), now.UTC().Format(time.RFC3339))})
		}
		return nil
	}
	if k := w.suspended; k != nil && (k.here || k.Gap && up-w.up >= steadyFor || k.Before != 0 && now.UnixMicro() >= k.Before-maxJump.Microseconds()) {
		s.log.Info("the clock is right again: retention goes on")
		if err := s.resume(ctx); err != nil {
			return err
		}
	}
	if now.Sub(w.seen).Abs() >= seenEvery && w.suspended == nil {
		w.seen = now
		return s.disk.Do("transaction", s.dir, func() error { return s.cat.SetMeta(ctx, metaSeen, fmt.Sprint(now.UnixMicro())) })
	}
	return nil
}

// suspend stops retention, now and after every start, until it is resumed.
func (s *Store) suspend(ctx context.Context, k *suspension) error {
	s.log.Error("retention is suspended", "reason", k.Reason)
	s.clock.suspended = k
	text, err := json.Marshal(k)
	if err != nil {
		return err
	}
	return s.disk.Do("transaction", s.dir, func() error { return s.cat.SetMeta(ctx, metaSuspended, string(text)) })
}

func (s *Store) resume(ctx context.Context) error {
	if err := s.disk.Do("transaction", s.dir, func() error { return s.cat.SetMeta(ctx, metaSuspended, "") }); err != nil {
		return err
	}
	s.clock.suspended = nil
	return nil
}

// Suspended says why retention is suspended, or "" when it is not.
func (s *Store) Suspended() string {
	s.serial.Lock()
	defer s.serial.Unlock()
	if s.clock.suspended == nil {
		return ""
	}
	return s.clock.suspended.Reason
}

// ResumeRetention ends a suspension: somebody vouches for the clock as it is.
func (s *Store) ResumeRetention(ctx context.Context) error {
	s.serial.Lock()
	defer s.serial.Unlock()
	s.clock.wall, s.clock.up = s.opt.Now().Round(0), s.opt.Uptime()
	return s.resume(ctx)
}
