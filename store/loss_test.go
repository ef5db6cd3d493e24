package store

import (
	"os"
	"path/filepath"
	"slices"
	"strings"
	"testing"
	"time"

	"github.com/margay-audit/margay/event"
	"github.com/margay-audit/margay/store/catalog"
)

// sixCommits makes a store with six segments of five rows each, and returns the
// path of number n, counted from 1.
func sixCommits(t *testing.T) (*fixture, func(f *fixture, n uint64) string) {
	f := newFixture(t, Options{}).open()
	for i := range 6 {
		f.mustEmit("a", i*10, i*10+5)
		if i < 5 {
			b := batch("a", i*10+5, i*10+5)
			b.To = pos(i*10 + 10)
			if err := f.emit(t.Context(), b); err != nil {
				t.Fatal(err)
			}
		}
	}
	f.close()
	return f, func(f *fixture, n uint64) string {
		return segmentPath(f.dir, segmentName(event.MongoDBAudit, n, 1))
	}
}

func mustRebuild(t *testing.T, f *fixture) *RebuildReport {
	t.Helper()
	rep, err := Rebuild(t.Context(), f.dir, f.opt)
	if err != nil {
		t.Fatal(err)
	}
	return rep
}

func findings(t *testing.T, f *fixture) ([]string, []string) {
	t.Helper()
	rep, err := Verify(t.Context(), f.dir)
	if err != nil {
		t.Fatal(err)
	}
	var out []string
	for _, one := range rep.Findings {
		out = append(out, one.String())
	}
	return out, rep.Notes
}

func TestARebuildNamesALostSegment(t *testing.T) {
	f, path := sixCommits(t)
	victim := path(f, 3)
	name := segmentName(event.MongoDBAudit, 3, 1)
	data := read(t, victim)
	remove(t, victim)
	want := LostSegment{Name: name, Commit: 3, Rows: 5, Streams: []LostStream{{Name: "a", From: string(pos(5)), To: string(pos(25))}}}
	rep := mustRebuild(t, f)
	if len(rep.Loss.Segments) != 1 || len(rep.Loss.Commits) != 0 || rep.Loss.Rows() != 5 || rep.Loss.Segments[0].String() != want.String() {
		t.Fatalf("lost is %+v, want %+v", rep.Loss, want)
	}
	wantLost := func() {
		t.Helper()
		got, notes := findings(t, f)
		if len(got) != 1 || !strings.Contains(got[0], name) || !strings.Contains(got[0], "5 events") || len(notes) != 0 {
			t.Fatalf("findings are %q, notes %q; want one finding of %s", got, notes, name)
		}
		r, err := OpenReader(f.dir)
		if err != nil {
			t.Fatal(err)
		}
		defer r.Close()
		st, err := r.Status(t.Context())
		if err != nil || !slices.Equal(st.Loss.Names(), []string{name}) {
			t.Fatalf("status says that %v are lost (%v)", st.Loss.Names(), err)
		}
	}
	wantLost()
	f.open()
	f.mustEmit("a", 55, 57)
	f.close()
	wantLost()

	// Another rebuild does not forget it, with the catalog or without.
	if rep := mustRebuild(t, f); !slices.Equal(rep.Loss.Names(), []string{name}) {
		t.Fatalf("lost is %+v", rep.Loss)
	}
	wantLost()
	c := copyStore(t, f)
	removeCatalog(t, c)
	if rep := mustRebuild(t, c); !slices.Equal(rep.Loss.Names(), []string{name}) {
		t.Fatalf("without the catalog, lost is %+v", rep.Loss)
	}

	// Until it is brought back.
	write(t, victim, data)
	if rep := mustRebuild(t, f); !rep.Loss.Empty() || rep.Rows != 32 {
		t.Fatalf("the report is %+v", rep)
	}
	f.wantVerified()
	removeCatalog(t, f)
	if rep := mustRebuild(t, f); slices.Contains(rep.Loss.Names(), name) {
		t.Fatalf("the ledger still says that %v are lost", rep.Loss.Names())
	}
}

func TestARebuildWithoutTheOldCatalogNamesMissingCommits(t *testing.T) {
	f := newFixture(t, Options{}).open()
	for i := range 6 {
		f.mustEmit("a", i*5, i*5+5)
	}
	f.close()
	victims, _ := filepath.Glob(filepath.Join(f.dir, segmentsName, "*", "000000000003-*"))
	for _, path := range victims {
		remove(t, path)
	}
	removeCatalog(t, f)
	rep := mustRebuild(t, f)
	if want := []CommitRange{{3, 3}}; len(victims) == 0 || !slices.Equal(rep.Loss.Commits, want) || len(rep.Loss.Segments) != 0 {
		t.Fatalf("lost is %+v, want %v", rep.Loss, want)
	}
	got, notes := findings(t, f)
	if len(got) != 1 || !strings.HasPrefix(got[0], "commit 3: ") || len(notes) != 0 {
		t.Fatalf("findings are %q, notes %q", got, notes)
	}
	// The same once more, now with a catalog that never knew it.
	if rep := mustRebuild(t, f); !slices.Equal(rep.Loss.Commits, []CommitRange{{3, 3}}) {
		t.Fatalf("lost is %+v", rep.Loss)
	}
}

func TestTheNewestCommitIsMissedBecauseOfHead(t *testing.T) {
	f := newFixture(t, Options{}).open()
	f.mustEmit("a", 0, 5)
	f.mustEmit("a", 5, 8)
	f.close()
	remove(t, segmentPath(f.dir, segmentName(event.MongoDBAudit, 2, 1)))
	removeCatalog(t, f)
	if rep := mustRebuild(t, f); !slices.Equal(rep.Loss.Commits, []CommitRange{{2, 2}}) {
		t.Fatalf("lost is %+v", rep.Loss)
	}
}

func TestWhatIsReadAgainIsNotMissedAnyMore(t *testing.T) {
	f := newFixture(t, Options{}).open()
	f.mustEmit("a", 0, 5)
	f.mustEmit("b", 0, 5)
	f.mustEmit("a", 5, 8)
	f.close()
	name := segmentName(event.MongoDBAudit, 3, 1)
	data := read(t, segmentPath(f.dir, name))
	remove(t, segmentPath(f.dir, name))
	rep := mustRebuild(t, f)
	if len(rep.Loss.Segments) != 1 || !rep.Loss.Segments[0].Streams[0].Again {
		t.Fatalf("lost is %+v, want that stream a is read again", rep.Loss)
	}
	if got, _ := findings(t, f); len(got) != 1 {
		t.Fatalf("findings are %q, want the lost segment", got)
	}
	f.open()
	f.wantPositions(map[string]int{"a": 5, "b": 5})
	f.mustEmit("a", 5, 8)
	f.wantStored(map[string]int{"a": 8, "b": 5})
	f.close()
	f.wantVerified()
	if rep := mustRebuild(t, f); !rep.Loss.Empty() {
		t.Fatalf("lost is %+v, although it was read again", rep.Loss)
	}
	f.wantVerified()
	// Brought back now it would double its events.
	write(t, segmentPath(f.dir, name), data)
	if rep := mustRebuild(t, f); len(rep.SetAside) != 1 || rep.Rows != 13 {
		t.Fatalf("the report is %+v", rep)
	}
	f.open()
	f.wantStored(map[string]int{"a": 8, "b": 5})
	f.close()
	f.wantVerified()
}

// merged makes a store of three commits, the second with quarantine, whose audit
// segments were merged. With swept their files are deleted.
func merged(t *testing.T, swept bool) *fixture {
	now := epoch
	f := newFixture(t, Options{MergeFanIn: 3, Grace: time.Hour, Now: func() time.Time { return now }, Uptime: func() time.Duration { return now.Sub(epoch) }}).open()
	for i := range 3 {
		f.mustEmit("a", i*5, i*5+5)
	}
	if err := f.s.Maintain(t.Context()); err != nil {
		t.Fatal(err)
	}
	if swept {
		now = now.Add(2 * time.Hour)
	}
	if err := f.s.Maintain(t.Context()); err != nil {
		t.Fatal(err)
	}
	f.close()
	return f
}

func TestTheRestOfACommitStaysWhenAMergeTookItsOtherPart(t *testing.T) {
	for name, harm := range map[string]func(*fixture){
		"with the old catalog": func(*fixture) {},
		"without":              func(f *fixture) { removeCatalog(t, f) },
		"without HEAD too": func(f *fixture) {
			removeCatalog(t, f)
			remove(t, filepath.Join(f.dir, headName))
		},
	} {
		t.Run(name, func(t *testing.T) {
			f := merged(t, true)
			harm(f)
			rep := mustRebuild(t, f)
			if len(rep.SetAside) != 0 || rep.Rows != 15 || !rep.Loss.Empty() {
				t.Fatalf("the report is %+v", rep)
			}
			f.wantVerified()
			f.open()
			f.wantStored(map[string]int{"a": 15})
			f.wantPositions(map[string]int{"a": 15})
			f.mustEmit("a", 15, 20)
			f.close()
			f.wantVerified()
			if rep := mustRebuild(t, f); len(rep.SetAside) != 0 || rep.Rows != 20 || !rep.Loss.Empty() {
				t.Fatalf("the second report is %+v", rep)
			}
			f.wantVerified()
		})
	}
}

func TestALostMergeIsUndoneWhileItsInputsAreThere(t *testing.T) {
	f := merged(t, false)
	remove(t, segmentPath(f.dir, segmentName(event.MongoDBAudit, 4, 1)))
	if rep := mustRebuild(t, f); !rep.Loss.Empty() || rep.Rows != 15 {
		t.Fatalf("the report is %+v", rep)
	}
	f.wantVerified()
	f.open()
	f.wantStored(map[string]int{"a": 15})
	f.close()

	f = merged(t, false)
	remove(t, segmentPath(f.dir, segmentName(event.MongoDBAudit, 4, 1)))
	remove(t, segmentPath(f.dir, segmentName(event.MongoDBAudit, 1, 1)))
	if rep := mustRebuild(t, f); rep.Loss.Rows() != 5 || rep.Rows != 10 {
		t.Fatalf("the report is %+v", rep)
	}

	f = merged(t, true)
	remove(t, segmentPath(f.dir, segmentName(event.MongoDBAudit, 4, 1)))
	rep := mustRebuild(t, f)
	if rep.Loss.Rows() != 14 || rep.Rows != 1 {
		t.Fatalf("the report is %+v", rep)
	}
	if got, _ := findings(t, f); len(got) != 1 {
		t.Fatalf("findings are %q", got)
	}
}

func TestRetentionIsNoLoss(t *testing.T) {
	now := epoch
	f := newFixture(t, Options{Retention: time.Hour, Grace: time.Hour, Now: func() time.Time { return now }, Uptime: func() time.Duration { return now.Sub(epoch) }}).open()
	for i := range 3 {
		f.mustEmit("a", i*5, i*5+5)
	}
	now = now.Add(2 * time.Hour)
	f.mustEmit("a", 15, 19)
	for range 2 {
		if err := f.s.Maintain(t.Context()); err != nil {
			t.Fatal(err)
		}
		now = now.Add(90 * time.Minute)
	}
	f.close()
	for range 2 {
		if rep := mustRebuild(t, f); !rep.Loss.Empty() {
			t.Fatalf("lost is %+v", rep.Loss)
		}
		f.wantVerified()
		removeCatalog(t, f)
	}
}

func TestTheOldCatalogIsKeptAsOneFile(t *testing.T) {
	f := newFixture(t, Options{}).open()
	f.mustEmit("a", 0, 5)
	crashed := copyStore(t, f) // with the log that a process left that was killed
	f.close()
	if !exists(filepath.Join(crashed.dir, catalogName+"-wal")) {
		t.Fatal("there is no log to fold")
	}
	rep := mustRebuild(t, crashed)
	files, err := filepath.Glob(filepath.Join(crashed.dir, catalogName+".old-*"))
	if err != nil || len(files) != 1 || files[0] != rep.OldCatalog {
		t.Fatalf("kept are %v, want only %s (%v)", files, rep.OldCatalog, err)
	}
	old, err := catalog.OpenReader(t.Context(), rep.OldCatalog)
	if err != nil {
		t.Fatal(err)
	}
	defer old.Close()
	err = old.View(t.Context(), func(tx *catalog.Tx) error {
		last, err := tx.Last(t.Context())
		if err == nil && last.Number != 1 {
			t.Errorf("it ends with commit %d, want 1", last.Number)
		}
		return err
	})
	if err != nil {
		t.Fatal(err)
	}
	if _, err := os.Stat(rep.OldCatalog); err != nil {
		t.Fatal(err)
	}
}
