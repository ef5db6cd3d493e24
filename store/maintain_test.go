package store

import (
	"context"
	"fmt"
	"os"
	"path/filepath"
	"slices"
	"strings"
	"testing"
	"testing/synctest"
	"time"

	"github.com/margay-audit/margay/event"
	"github.com/margay-audit/margay/store/catalog"
)

// clocked is a fixture whose clocks the test sets.
type clocked struct {
	*fixture
	now time.Time
	up  time.Duration
}

func newClocked(t *testing.T, o Options) *clocked {
	c := &clocked{now: epoch}
	o.Now, o.Uptime = func() time.Time { return c.now }, func() time.Duration { return c.up }
	c.fixture = newFixture(t, o)
	return c
}

// pass lets time pass, as clocks do that nobody sets.
func (c *clocked) pass(d time.Duration) {
	c.now, c.up = c.now.Add(d), c.up+d
}

func (c *clocked) maintain() {
	c.t.Helper()
	if err := c.s.Maintain(c.t.Context()); err != nil {
		c.t.Fatal(err)
	}
}

func (c *clocked) live(t event.LogType) []catalog.Segment {
	c.t.Helper()
	var out []catalog.Segment
	err := c.s.cat.View(c.t.Context(), func(tx *catalog.Tx) (err error) {
		out, err = tx.Segments(c.t.Context(), catalog.Which{LogType: t})
		return err
	})
	if err != nil {
		c.t.Fatal(err)
	}
	return out
}

func TestSegmentsAreMergedInTiers(t *testing.T) {
	c := newClocked(t, Options{MergeFanIn: 4})
	c.open()
	defer c.close()
	var tiers []string
	for i := range 21 {
		c.mustEmit("a", i, i+1) // row 9 and row 19 go to quarantine
		c.maintain()
		text := ""
		for _, seg := range c.live(event.MongoDBAudit) {
			text += fmt.Sprint(seg.Tier)
		}
		tiers = append(tiers, text)
	}
	// Rows 9 and 19 add nothing to the table, so the line repeats there.
	want := []string{
		"0", "00", "000", "1", "10", "100", "1000", "11", "110", "110", "1100", "11000", "111",
		"1110", "11100", "111000", "2", "20", "200", "200", "2000",
	}
	if !slices.Equal(tiers, want) {
		t.Fatalf("the tiers were\n%v, want\n%v", tiers, want)
	}
	c.wantStored(map[string]int{"a": 21})
	c.wantVerified()
}

func TestOldestRun(t *testing.T) {
	seg := func(tier int, bytes int64) catalog.Segment {
		return catalog.Segment{LogType: "T", Tier: tier, Bytes: bytes}
	}
	list := func(s ...catalog.Segment) []catalog.Segment {
		for i := range s {
			s[i].Name = fmt.Sprint(i)
		}
		return s
	}
	for name, c := range map[string]struct {
		in   []catalog.Segment
		skip string
		want string
	}{
		"nothing":                {nil, "", ""},
		"too few":                {list(seg(0, 1), seg(0, 1)), "", ""},
		"the oldest three":       {list(seg(0, 1), seg(0, 1), seg(0, 1), seg(0, 1)), "", "012"},
		"behind a higher tier":   {list(seg(1, 1), seg(0, 1), seg(0, 1), seg(0, 1)), "", "123"},
		"not across a tier":      {list(seg(0, 1), seg(0, 1), seg(1, 1), seg(0, 1)), "", ""},
		"not across log types":   {list(seg(0, 1), seg(0, 1), catalog.Segment{LogType: "U", Bytes: 1}, catalog.Segment{LogType: "U", Bytes: 1}), "", ""},
		"not across layouts":     {list(seg(0, 1), seg(0, 1), catalog.Segment{LogType: "T", Layout: "x", Bytes: 1}), "", ""},
		"no more than the limit": {list(seg(0, 60), seg(0, 40), seg(0, 1)), "", "01"},
		"a large one by itself":  {list(seg(0, 100), seg(0, 1), seg(0, 1)), "", "0"},
		"not a damaged one":      {list(seg(0, 1), seg(0, 1), seg(0, 1), seg(0, 1), seg(0, 1)), "1", "234"},
	} {
		t.Run(name, func(t *testing.T) {
			got := ""
			for _, s := range oldestRun(c.in, 3, 100, map[string]bool{c.skip: true}) {
				got += s.Name
			}
			if got != c.want {
				t.Fatalf("got %q, want %q", got, c.want)
			}
		})
	}
}

func TestDeadFilesGoAfterTheGracePeriod(t *testing.T) {
	c := newClocked(t, Options{MergeFanIn: 2, Grace: 10 * time.Minute})
	c.open()
	c.mustEmit("a", 0, 5)
	c.mustEmit("a", 5, 9)
	c.maintain()
	count := func() int { names, _ := c.files(); return len(names) }
	if n := count(); n != 3 {
		t.Fatalf("%d files are there, want two dead ones and their merge", n)
	}
	c.pass(10*time.Minute - time.Second)
	c.maintain()
	if n := count(); n != 3 {
		t.Fatalf("%d files are there before the grace period ended", n)
	}
	c.close()
	c.open()
	defer c.close()
	c.pass(time.Second)
	c.maintain()
	if n := count(); n != 1 {
		t.Fatalf("%d files are there after the grace period, want 1", n)
	}
	c.wantStored(map[string]int{"a": 9})
}

func TestRetentionDropsWholeSegmentsByTheTimeOfStoring(t *testing.T) {
	c := newClocked(t, Options{Retention: 3 * time.Hour, Grace: time.Minute})
	c.open()
	defer c.close()
	c.mustEmit("a", 0, 20)
	c.pass(2 * time.Hour)
	c.mustEmit("a", 20, 25)
	c.pass(time.Hour)
	c.maintain()
	if n := len(c.stored()); n != 25 {
		t.Fatalf("%d lines are stored, want all 25 while the time is not over", n)
	}
	c.pass(time.Second)
	c.maintain()
	if got, want := c.stored(), lines(map[string]int{"a": 25}); len(got) != 5 || !slices.Contains(want, got[0]) {
		t.Fatalf("%d lines are stored, want the newest 5", len(got))
	}
	if c.s.waiting != 0 {
		t.Fatalf("%d bytes wait in quarantine though it was dropped", c.s.waiting)
	}
	c.wantPositions(map[string]int{"a": 25})
	l, err := readLedger(c.dir)
	if err != nil || len(l.Dropped) != 2 || len(l.Commits) != 1 || len(l.Streams) != 1 || l.Streams[0].Position != string(pos(25)) {
		t.Fatalf("the ledger is %+v (%v)", l, err)
	}
	c.wantVerified()
}

func TestAJumpOfTheClockSuspendsRetention(t *testing.T) {
	c := newClocked(t, Options{Retention: 30 * 24 * time.Hour})
	c.open()
	c.mustEmit("a", 0, 20)
	c.maintain()
	suspended := func(want bool) {
		t.Helper()
		c.maintain()
		if got := c.s.Suspended(); (got != "") != want {
			t.Fatalf("suspended: %q, want %v", got, want)
		}
		if n := len(c.stored()); n != 20 {
			t.Fatalf("%d lines are stored, want 20", n)
		}
	}
	c.pass(time.Hour)
	suspended(false)
	c.now = c.now.AddDate(10, 0, 0)
	suspended(true)
	c.pass(48 * time.Hour)
	suspended(true)
	r, err := OpenReader(c.dir)
	if err != nil {
		t.Fatal(err)
	}
	st, err := r.Status(t.Context())
	if err != nil || !strings.Contains(st.RetentionSuspended, "jumped by 87672h") {
		t.Fatalf("status says %q (%v)", st.RetentionSuspended, err)
	}
	if err := r.Close(); err != nil {
		t.Fatal(err)
	}
	// A restart does not help, a clock that is right does.
	c.close()
	c.open()
	suspended(true)
	if err := c.s.ResumeRetention(t.Context()); err != nil {
		t.Fatal(err)
	}
	c.maintain()
	if n := len(c.stored()); n != 0 {
		t.Fatalf("%d lines are stored, want none after somebody vouched for the clock", n)
	}
	c.close()
}

func TestAClockThatComesBackResumesRetention(t *testing.T) {
	c := newClocked(t, Options{Retention: 30 * 24 * time.Hour})
	c.open()
	defer c.close()
	c.mustEmit("a", 0, 5)
	for _, years := range []int{5, -5} {
		c.now = c.now.AddDate(years, 0, 0)
		c.maintain()
		if c.s.Suspended() == "" {
			t.Fatalf("a jump of %d years went unnoticed", years)
		}
		c.now = c.now.AddDate(-years, 0, 0)
		c.maintain()
		if s := c.s.Suspended(); s != "" {
			t.Fatalf("still suspended: %s", s)
		}
	}
	c.wantStored(map[string]int{"a": 5})
}

func TestAStartAfterALongTimeWaitsADayWithRetention(t *testing.T) {
	c := newClocked(t, Options{Retention: 30 * 24 * time.Hour})
	c.open()
	c.mustEmit("a", 0, 20)
	c.close()
	c.now = c.now.AddDate(1, 0, 0)
	c.open()
	defer c.close()
	for range 23 {
		c.maintain()
		c.pass(time.Hour)
	}
	if n := len(c.stored()); n != 20 || c.s.Suspended() == "" {
		t.Fatalf("%d lines are stored, want 20 (suspended: %q)", n, c.s.Suspended())
	}
	c.pass(time.Hour)
	c.maintain()
	if n := len(c.stored()); n != 0 || c.s.Suspended() != "" {
		t.Fatalf("%d lines are stored, want none (suspended: %q)", n, c.s.Suspended())
	}
}

func TestAStartWithAClockThatWentBack(t *testing.T) {
	c := newClocked(t, Options{Retention: time.Hour})
	c.open()
	c.mustEmit("a", 0, 5)
	c.close()
	c.now = c.now.AddDate(-1, 0, 0)
	c.open()
	defer c.close()
	c.maintain()
	if c.s.Suspended() == "" {
		t.Fatal("a clock a year back went unnoticed")
	}
	c.mustEmit("a", 5, 6)
	c.pass(364 * 24 * time.Hour)
	c.maintain()
	if s := c.s.Suspended(); s != "" {
		t.Fatalf("still suspended when the clock had caught up: %s", s)
	}
}

func TestTwoThousandTinyCommits(t *testing.T) {
	c := newClocked(t, Options{Grace: time.Minute, KeepCommits: 200, ArchiveCommits: 100})
	c.dir = filepath.Join(memoryDir(t), "data")
	c.open()
	const n = 2000
	for i := range n {
		c.mustEmit("a", i, i+1)
		c.pass(time.Second)
		if i%100 == 99 {
			c.maintain()
		}
	}
	c.pass(time.Minute)
	c.maintain()
	c.wantStored(map[string]int{"a": n})
	c.close()
	// 1800 rows in the table: 7 of 256, no full run of 16 below that.
	names, _ := c.files()
	if len(names) > 45 {
		t.Fatalf("%d files are left of %d commits", len(names), n)
	}
	c.open()
	c.wantPositions(map[string]int{"a": n})
	c.close()
	c.wantVerified()
	if got := c.wantWholeChain(); got < n/100-2 {
		t.Fatalf("%d archives were made", got)
	}
	if err := os.Remove(filepath.Join(c.dir, catalogName)); err != nil {
		t.Fatal(err)
	}
	rep, err := Rebuild(t.Context(), c.dir, c.opt)
	if err != nil || rep.Archives < n/100-2 || len(rep.SetAside) > 0 {
		t.Fatalf("the report is %+v (%v)", rep, err)
	}
	c.open()
	c.wantStored(map[string]int{"a": n})
	c.wantPositions(map[string]int{"a": n})
	if marks, err := c.s.Marks(t.Context(), 1); err != nil || len(marks) != n {
		t.Fatalf("%d marks are left, want %d (%v)", len(marks), n, err)
	}
	c.close()
	c.wantVerified()
}

func TestRunMaintainsAndEnds(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		f := newFixture(t, Options{MergeFanIn: 2, Grace: time.Minute})
		s, err := Open(t.Context(), f.dir, f.opt)
		if err != nil {
			t.Fatal(err)
		}
		f.s = s
		done := make(chan error, 1)
		ctx, cancel := context.WithCancel(t.Context())
		go func() { done <- s.Run(ctx) }()
		f.mustEmit("a", 0, 5)
		f.mustEmit("a", 5, 9)
		<-time.After(2 * time.Minute) // of the bubble's clock
		synctest.Wait()
		if names, _ := f.files(); len(names) != 1 {
			t.Fatalf("%d files are left, want 1", len(names))
		}
		cancel()
		if err := <-done; err != nil {
			t.Fatal(err)
		}
		if err := s.Close(); err != nil {
			t.Fatal(err)
		}
		f.wantStored(map[string]int{"a": 9})
	})
}
