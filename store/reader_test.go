package store

import (
	"errors"
	"os"
	"path/filepath"
	"sync"
	"testing"
	"time"

	"github.com/margay-audit/margay/event"
	"github.com/margay-audit/margay/store/catalog"
	"github.com/margay-audit/margay/store/segment"
)

func TestReadersSeeWholeCommitsWhileTheStoreIsWritten(t *testing.T) {
	f := newFixture(t, Options{MergeFanIn: 4, Grace: time.Hour}).open()
	defer f.close()
	f.mustEmit("a", 0, 10)
	stop := make(chan struct{})
	var wg sync.WaitGroup
	wg.Go(func() {
		r, err := OpenReader(f.dir)
		if err != nil {
			t.Error(err)
			return
		}
		defer r.Close()
		last := int64(0)
		for {
			snap, err := r.Snapshot(t.Context(), catalog.Which{})
			if err != nil {
				t.Error(err)
				return
			}
			rows := int64(0)
			for i := range snap.Segments {
				rows += snap.Segments[i].Rows
				if _, err := os.Stat(r.Path(&snap.Segments[i])); err != nil {
					t.Error(err)
				}
			}
			if rows%10 != 0 || rows < last {
				t.Errorf("%d rows are seen after %d", rows, last)
			}
			last = rows
			select {
			case <-stop:
				return
			default:
			}
		}
	})
	for i := 1; i < 20; i++ {
		f.mustEmit("a", i*10, i*10+10)
		if i%8 == 0 {
			if err := f.s.Maintain(t.Context()); err != nil {
				t.Fatal(err)
			}
		}
	}
	close(stop)
	wg.Wait()
	f.wantStored(map[string]int{"a": 200})
}

func TestStatusAndSystemTables(t *testing.T) {
	now := epoch
	f := newFixture(t, Options{Now: func() time.Time { return now }}).open()
	f.mustEmit("a", 0, 20)
	f.mustEmit("b", 0, 5)
	err := f.s.SaveStates(t.Context(), map[string]event.State{
		origin.ID: {Health: event.Behind, Reason: "reading", Position: "/var/log/a:2000", LagBytes: 17, LastRead: now},
		"other":   {Health: event.Silent},
	})
	if err != nil {
		t.Fatal(err)
	}
	for _, o := range []event.Origin{{ID: "other", Label: "a new one", Kind: "file", KeepSecrets: true}, {ID: "gone", Label: "gone"}, origin} {
		if err := f.s.Register(t.Context(), o); err != nil {
			t.Fatal(err)
		}
	}
	if err := f.s.LogControl(t.Context(), 1000, 42, "load x"); err != nil {
		t.Fatal(err)
	}
	r, err := OpenReader(f.dir)
	if err != nil {
		t.Fatal(err)
	}
	defer r.Close()
	st, err := r.Status(t.Context())
	if err != nil {
		t.Fatal(err)
	}
	if st.PID != os.Getpid() || st.Commit != 2 || st.Rows != 23 || st.Segments != 3 || st.QuarantineRows != 2 ||
		!st.Oldest.Equal(epoch) || !st.Committed.Equal(epoch) || st.StoreID != f.s.ID() || len(st.Sources) != 2 {
		t.Errorf("status is %+v", st)
	}
	if other := st.Sources[0]; other.ID != "other" || other.Label != "a new one" || other.Kind != "file" || !other.KeepSecrets || other.State.Health != event.Silent {
		t.Errorf("the source that has stored nothing is %+v", other)
	}
	src := st.Sources[1]
	if src.Stored != 23 || src.Quarantined != 2 || src.Streams != 2 || src.State.Health != event.Behind || src.State.LagBytes != 17 ||
		!src.State.LastRead.Equal(now) || src.LastEvent != epoch.UnixMicro()+1800 || src.Label != "prod" {
		t.Errorf("the source is %+v", src)
	}
	tables, err := r.SystemTables(t.Context(), func(string) bool { return true })
	if err != nil {
		t.Fatal(err)
	}
	rows := map[string]int{}
	for _, table := range tables {
		rows[table.Name] = len(table.Rows)
		for _, row := range table.Rows {
			if len(row) != len(table.Columns) {
				t.Errorf("%s: a row has %d values for %d columns", table.Name, len(row), len(table.Columns))
			}
		}
	}
	for name, want := range map[string]int{"margay_sources": 1, "margay_streams": 2, "margay_segments": 3, "margay_commits": 2, "margay_orphans": 0, "margay_resolved": 0} {
		if got, ok := rows[name]; !ok || got != want {
			t.Errorf("%s has %d rows, want %d", name, got, want)
		}
	}
	log, err := r.Controls(t.Context(), 10)
	if err != nil || len(log) != 1 || log[0] != (catalog.Control{Time: epoch.UnixMicro(), UID: 1000, PID: 42, Command: "load x"}) {
		t.Errorf("the control log is %v (%v)", log, err)
	}
	f.close()
}

func TestSegmentsArePickedByTimeAndBloomFilter(t *testing.T) {
	f := newFixture(t, Options{}).open()
	defer f.close()
	f.mustEmit("a", 0, 5)
	f.mustEmit("a", 5, 9)
	r, err := OpenReader(f.dir)
	if err != nil {
		t.Fatal(err)
	}
	defer r.Close()
	from := epoch.UnixMicro() + 450
	snap, err := r.Snapshot(t.Context(), catalog.Which{LogType: event.MongoDBAudit, From: from, To: from + 100, Bloom: true})
	if err != nil || len(snap.Segments) != 1 || snap.Segments[0].Commit != 2 {
		t.Fatalf("picked %+v (%v)", snap.Segments, err)
	}
	bloom, err := segment.DecodeBloom(snap.Segments[0].Bloom)
	if err != nil || !bloom.MayContain([]byte("u500")) || bloom.MayContain([]byte("somebody else")) {
		t.Fatalf("the filter is wrong (%v)", err)
	}
	parts := snap.Parts(r, event.MongoDBAudit)
	if len(parts) != 1 || len(parts[0].Files) != 1 || parts[0].Layout.LogType != event.MongoDBAudit {
		t.Fatalf("the parts are %+v", parts)
	}
}

func TestReadingWhereThereIsNoStore(t *testing.T) {
	if _, err := OpenReader(t.TempDir()); !errors.Is(err, ErrNoStore) {
		t.Errorf("an empty folder: %v, want ErrNoStore", err)
	}
	f, _ := used(t)
	f.close()
	removeCatalog(t, f)
	var re *RebuildError
	if _, err := OpenReader(f.dir); !errors.As(err, &re) {
		t.Errorf("a folder without catalog: %v, want a RebuildError", err)
	}
	write(t, filepath.Join(f.dir, catalogName), []byte("nonsense"))
	if _, err := OpenReader(f.dir); !errors.As(err, &re) {
		t.Errorf("a folder with nonsense: %v, want a RebuildError", err)
	}
}
