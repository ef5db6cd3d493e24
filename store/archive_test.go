package store

import (
	"bytes"
	"context"
	"fmt"
	"os"
	"path/filepath"
	"slices"
	"strings"
	"testing"
	"time"

	"github.com/margay-audit/margay/store/catalog"
)

// chain returns all commits as a reader sees them.
func (f *fixture) chain(first uint64) []catalog.Commit {
	f.t.Helper()
	r, err := OpenReader(f.dir)
	if err != nil {
		f.t.Fatal(err)
	}
	defer r.Close()
	var out []catalog.Commit
	err = r.Commits(f.t.Context(), first, func(k catalog.Commit) error {
		out = append(out, k)
		return nil
	})
	if err != nil {
		f.t.Fatal(err)
	}
	return out
}

// archives returns what the catalog knows of archives, and how many commits it
// has itself.
func (f *fixture) archives() (archives []catalog.Archive, left int) {
	f.t.Helper()
	r, err := OpenReader(f.dir)
	if err != nil {
		f.t.Fatal(err)
	}
	defer r.Close()
	err = r.cat.View(f.t.Context(), func(tx *catalog.Tx) (err error) {
		if archives, err = tx.Archives(f.t.Context(), 0); err != nil {
			return err
		}
		return tx.Commits(f.t.Context(), 0, func(catalog.Commit) error { left++; return nil })
	})
	if err != nil {
		f.t.Fatal(err)
	}
	return archives, left
}

// wantWholeChain checks that each commit from the first to the newest is there
// once and follows from the one before it, wherever it is kept. It returns the
// number of archives.
func (f *fixture) wantWholeChain() int {
	f.t.Helper()
	prev := ""
	for i, k := range f.chain(0) {
		if k.Number != uint64(i+1) || k.Prev != prev || linkHash(k.Prev, []byte(k.Record)) != k.Hash {
			f.t.Fatalf("commit %d in place %d does not follow from the one before it", k.Number, i+1)
		}
		prev = k.Hash
	}
	archives, _ := f.archives()
	return len(archives)
}

// aged makes a store with archives, the first of them of commits of which no
// segment tells any more.
func aged(t *testing.T) *clocked {
	t.Helper()
	c := newClocked(t, Options{MergeFanIn: 3, Grace: time.Minute, KeepCommits: 5, ArchiveCommits: 6})
	c.open()
	for i := range 24 {
		c.mustEmit("a", i*5, i*5+5)
		c.maintain()
		c.pass(time.Hour)
	}
	c.maintain()
	return c
}

func TestOldCommitsAreArchived(t *testing.T) {
	c := newClocked(t, Options{KeepCommits: 3, ArchiveCommits: 4})
	c.open()
	for i := range 6 {
		c.mustEmit("a", i, i+1)
	}
	b := batch("empty", 0, 0)
	b.To = pos(3)
	if err := c.emit(t.Context(), b); err != nil { // it writes the ledger
		t.Fatal(err)
	}
	ledger, err := os.ReadFile(filepath.Join(c.dir, ledgerName))
	if err != nil {
		t.Fatal(err)
	}
	before, head := c.chain(0), c.s.last
	c.maintain()
	archives, left := c.archives()
	if len(archives) != 1 || archives[0].First != 1 || archives[0].Last != 4 || archives[0].Commits != 4 || archives[0].Hash != before[3].Hash || left != 3 {
		t.Fatalf("the archives are %+v, %d commits are left", archives, left)
	}
	st, err := os.Stat(filepath.Join(c.dir, "commits", "000000000001-000000000004.jsonl.zst"))
	if err != nil || st.Size() != archives[0].Bytes || st.Mode().Perm()&^0o640 != 0 {
		t.Fatalf("the file is %v (%v)", st, err)
	}
	for first := range uint64(9) {
		if got, want := c.chain(first), before[min(max(int(first)-1, 0), len(before)):]; !slices.Equal(got, want) {
			t.Errorf("from commit %d on there are %d commits, want %d", first, len(got), len(want))
		}
	}
	if got, err := os.ReadFile(filepath.Join(c.dir, ledgerName)); err != nil || !bytes.Equal(got, ledger) {
		t.Errorf("the ledger has changed (%v)", err)
	}
	if c.s.last != head {
		t.Errorf("the newest commit is %v, want %v", c.s.last, head)
	}
	// One commit less than needed for the next archive.
	for i := range 3 {
		c.mustEmit("a", 6+i, 7+i)
	}
	c.maintain()
	if archives, left := c.archives(); len(archives) != 1 || left != 6 {
		t.Fatalf("%d archives, %d commits are left, want 1 and 6", len(archives), left)
	}
	c.close()
	c.open()
	c.mustEmit("a", 9, 10)
	c.maintain()
	if n := c.wantWholeChain(); n != 2 {
		t.Fatalf("%d archives, want 2", n)
	}
	c.close()
	c.wantVerified()
}

// archiveFiles returns the paths of all archives.
func (f *fixture) archiveFiles() []string {
	f.t.Helper()
	paths, err := filepath.Glob(filepath.Join(f.dir, commitsName, "*"))
	if err != nil {
		f.t.Fatal(err)
	}
	return paths
}

func TestVerifyReadsArchives(t *testing.T) {
	c := aged(t)
	c.close()
	c.wantVerified()
	archives, left := c.archives()
	rep, err := Verify(t.Context(), c.dir)
	if err != nil || len(archives) < 3 || rep.Commits != left+6*len(archives) || rep.Number != uint64(rep.Commits) || len(rep.Notes) > 0 {
		t.Fatalf("%d archives; the report is %+v (%v)", len(archives), rep, err)
	}
	second := archiveName(archives[1].First, archives[1].Last)
	rewrite := func(t *testing.T, f *fixture, change func([]catalog.Commit) []catalog.Commit) {
		t.Helper()
		tamperArchive(t, f, &archives[1], change)
	}
	for name, q := range map[string]struct {
		harm func(t *testing.T, f *fixture, path string)
		want string
		in   string
	}{
		"missing": {func(t *testing.T, _ *fixture, path string) { remove(t, path) }, "it is missing", second},
		"cut short": {func(t *testing.T, _ *fixture, path string) {
			if err := os.Truncate(path, archives[1].Bytes/2); err != nil {
				t.Fatal(err)
			}
		}, "bytes instead of", second},
		"a bit": {func(t *testing.T, _ *fixture, path string) {
			data := read(t, path)
			data[len(data)/2] ^= 1
			write(t, path, data)
		}, "SHA-256", second},
		"another record, file and catalog made to agree": {func(t *testing.T, f *fixture, _ string) {
			rewrite(t, f, func(all []catalog.Commit) []catalog.Commit {
				all[2].Record = strings.Replace(all[2].Record, `"rows":`, `"rows":1`, 1)
				return all
			})
		}, "does not have the hash", fmt.Sprintf("commit %d", archives[1].First+2)},
		"a commit left out, file and catalog made to agree": {func(t *testing.T, f *fixture, _ string) {
			rewrite(t, f, func(all []catalog.Commit) []catalog.Commit { return slices.Delete(all, 2, 3) })
		}, "commits are missing", fmt.Sprintf("commit %d", archives[1].First+3)},
		"another end, sealed anew": {func(t *testing.T, f *fixture, _ string) {
			rewrite(t, f, func(all []catalog.Commit) []catalog.Commit {
				k := &all[len(all)-1]
				k.Record = strings.Replace(k.Record, `"rows":`, `"rows":1`, 1)
				k.Hash = linkHash(k.Prev, []byte(k.Record))
				return all
			})
		}, "does not follow from commit", fmt.Sprintf("commit %d", archives[2].First)},
		"forgotten by the catalog": {func(t *testing.T, f *fixture, _ string) {
			tamper(t, f, fmt.Sprintf("DELETE FROM archives WHERE first = %d", archives[1].First))
		}, "commits are missing", fmt.Sprintf("commit %d", archives[2].First)},
	} {
		t.Run(name, func(t *testing.T) {
			f := copyStore(t, c.fixture)
			q.harm(t, f, filepath.Join(f.dir, commitsName, second))
			rep, err := Verify(t.Context(), f.dir)
			if err != nil || !slices.ContainsFunc(rep.Findings, func(g Finding) bool {
				return strings.HasSuffix(g.Object, q.in) && strings.Contains(g.Problem, q.want)
			}) {
				t.Fatalf("findings are %v, want one about %s: %s (%v)", rep.Findings, q.in, q.want, err)
			}
			if q.in == second && len(rep.Findings) != 1 {
				t.Errorf("findings are %v, want one", rep.Findings)
			}
		})
	}
}

// tamperArchive writes an archive anew, with other commits, and lets the catalog
// agree with it.
func tamperArchive(t *testing.T, f *fixture, a *catalog.Archive, change func([]catalog.Commit) []catalog.Commit) {
	t.Helper()
	var all []catalog.Commit
	err := readArchive(t.Context(), f.dir, a, func(k *catalog.Commit) error {
		all = append(all, *k)
		return nil
	})
	if err != nil {
		t.Fatal(err)
	}
	w, err := createArchive(archivePath(f.dir, a.First, a.Last))
	if err != nil {
		t.Fatal(err)
	}
	all = change(all)
	for i := range all {
		if err := w.add(&all[i]); err != nil {
			t.Fatal(err)
		}
	}
	var b catalog.Archive
	if err := w.finish(&b); err != nil {
		t.Fatal(err)
	}
	tamper(t, f, fmt.Sprintf("UPDATE archives SET sha256 = '%s', bytes = %d, commits = %d, hash = '%s' WHERE first = %d",
		b.SHA256, b.Bytes, b.Commits, b.Hash, a.First))
}

func remove(t *testing.T, path string) {
	t.Helper()
	if err := os.Remove(path); err != nil {
		t.Fatal(err)
	}
}

func read(t *testing.T, path string) []byte {
	t.Helper()
	data, err := os.ReadFile(path)
	if err != nil {
		t.Fatal(err)
	}
	return data
}

func TestAnArchiveThatTheCatalogForgotIsWrittenAgain(t *testing.T) {
	c := newClocked(t, Options{KeepCommits: 2, ArchiveCommits: 4})
	c.open()
	for i := range 8 {
		c.mustEmit("a", i, i+1)
	}
	c.close()
	old := read(t, filepath.Join(c.dir, catalogName))
	c.open()
	c.maintain()
	c.close()
	paths := c.archiveFiles()
	if len(paths) != 1 {
		t.Fatalf("the archives are %v", paths)
	}
	first := read(t, paths[0])
	for name, q := range map[string]struct {
		found  []byte
		orphan int
	}{"the same": {first, 0}, "another past": {[]byte("another past"), 1}} {
		t.Run(name, func(t *testing.T) {
			f := copyStore(t, c.fixture)
			removeCatalog(t, f)
			write(t, filepath.Join(f.dir, catalogName), old)
			path := f.archiveFiles()[0]
			write(t, path, q.found)
			write(t, path+".tmp", []byte("torn"))
			f.wantVerified()
			f.open()
			defer f.close()
			if _, tmp := f.files(); len(tmp) > 0 {
				t.Errorf("left after the start: %v", tmp)
			}
			if err := f.s.Maintain(t.Context()); err != nil {
				t.Fatal(err)
			}
			if got := read(t, path); !bytes.Equal(got, first) {
				t.Error("the same commits gave another archive")
			}
			orphans, err := f.s.Orphans(t.Context())
			if err != nil || len(orphans) != q.orphan {
				t.Errorf("orphans are %v, want %d (%v)", orphans, q.orphan, err)
			}
			f.wantWholeChain()
			f.wantVerified()
		})
	}
}

// wantInOrder checks that the commits rise from the oldest archive to the end of
// the catalog, and none is there twice.
func wantInOrder(t *testing.T, f *fixture) {
	t.Helper()
	last := uint64(0)
	for _, k := range f.chain(0) {
		if k.Number <= last {
			t.Fatalf("commit %d comes after commit %d", k.Number, last)
		}
		last = k.Number
	}
	known, _ := f.archives()
	for i := range known {
		if i > 0 && known[i].First <= known[i-1].Last {
			t.Fatalf("the archives overlap: %+v", known)
		}
	}
}

func TestARebuildTakesArchivesThatFit(t *testing.T) {
	c := aged(t)
	c.close()
	archives, _ := c.archives()
	for name, q := range map[string]struct {
		harm  func(t *testing.T, f *fixture)
		taken int
		aside string
	}{
		"all": {func(*testing.T, *fixture) {}, len(archives), ""},
		"none": {func(t *testing.T, f *fixture) {
			if err := os.RemoveAll(filepath.Join(f.dir, commitsName)); err != nil {
				t.Fatal(err)
			}
		}, 0, ""},
		"one missing": {func(t *testing.T, f *fixture) { remove(t, f.archiveFiles()[1]) }, len(archives) - 1, ""},
		"only the newest left": {func(t *testing.T, f *fixture) {
			for _, path := range f.archiveFiles()[:len(archives)-1] {
				remove(t, path)
			}
		}, 1, ""},
		"one damaged": {func(t *testing.T, f *fixture) {
			path := f.archiveFiles()[0]
			write(t, path, read(t, path)[:50])
		}, len(archives) - 1, "cannot be used"},
		"one of another store": {func(t *testing.T, f *fixture) {
			o := aged(t)
			o.close()
			write(t, f.archiveFiles()[0], read(t, o.archiveFiles()[0]))
		}, len(archives) - 1, "belongs to the store"},
		"one whose end was changed": {func(t *testing.T, f *fixture) {
			tamperArchive(t, f, &archives[0], func(all []catalog.Commit) []catalog.Commit {
				k := &all[len(all)-1]
				k.Record = strings.Replace(k.Record, `"rows":`, `"rows":1`, 1)
				k.Hash = linkHash(k.Prev, []byte(k.Record))
				return all
			})
		}, len(archives) - 1, "does not follow"},
		"one that segments contradict": {func(t *testing.T, f *fixture) {
			a := &archives[len(archives)-1]
			tamperArchive(t, f, a, func(all []catalog.Commit) []catalog.Commit {
				prev := all[0].Prev
				for i := range all {
					k := &all[i]
					k.Record = strings.Replace(k.Record, `"rows":`, `"rows":1`, 1)
					k.Prev, k.Hash = prev, linkHash(prev, []byte(k.Record))
					prev = k.Hash
				}
				return all
			})
		}, len(archives) - 1, "another one than the segments tell of"},
		"one from a later time": {func(t *testing.T, f *fixture) {
			write(t, filepath.Join(f.dir, commitsName, archiveName(9001, 9006)), read(t, f.archiveFiles()[0]))
		}, len(archives), "goes to commit 9006"},
		"one of another name": {func(t *testing.T, f *fixture) {
			write(t, filepath.Join(f.dir, commitsName, archiveName(1, 7)), read(t, f.archiveFiles()[0]))
		}, len(archives), "there is another commit"},
		"one that overlaps": {func(t *testing.T, f *fixture) {
			write(t, archivePath(f.dir, 1, 3), read(t, f.archiveFiles()[0]))
		}, len(archives), "there is another commit 1"},
		"one half written": {func(t *testing.T, f *fixture) { write(t, f.archiveFiles()[0]+".tmp", nil) }, len(archives), ""},
	} {
		t.Run(name, func(t *testing.T) {
			f := copyStore(t, c.fixture)
			q.harm(t, f)
			removeCatalog(t, f)
			rep, err := Rebuild(t.Context(), f.dir, f.opt)
			if err != nil || rep.Archives != q.taken {
				t.Fatalf("the report is %+v, want %d archives taken up (%v)", rep, q.taken, err)
			}
			aside := ""
			for _, o := range rep.SetAside {
				aside += o.Reason
			}
			if (len(rep.SetAside) > 0) != (q.aside != "") || !strings.Contains(aside, q.aside) {
				t.Fatalf("set aside: %v, want %q", rep.SetAside, q.aside)
			}
			f.wantVerified()
			if q.taken == len(archives) {
				if got, want := f.chain(0)[:archives[q.taken-1].Last], c.chain(0)[:archives[q.taken-1].Last]; !slices.Equal(got, want) {
					t.Error("the archived part of the chain is another one")
				}
			}
			wantInOrder(t, f)
			// Life goes on, and archiving with it.
			f.open()
			f.wantStored(map[string]int{"a": 120})
			for i := range 12 {
				f.mustEmit("b", i, i+1)
			}
			if err := f.s.Maintain(t.Context()); err != nil {
				t.Fatal(err)
			}
			if got, _ := f.archives(); len(got) <= q.taken {
				t.Errorf("%d archives, want more than %d", len(got), q.taken)
			}
			wantInOrder(t, f)
			f.close()
			f.wantVerified()
		})
	}
}

func TestArchivingWaitsWhileACommitIsInDoubt(t *testing.T) {
	c := newClocked(t, Options{KeepCommits: 2, ArchiveCommits: 2, Disk: &silentCatalog{}})
	disk := c.opt.Disk.(*silentCatalog)
	c.open()
	defer c.close()
	for i := range 4 {
		c.mustEmit("a", i, i+1)
	}
	disk.silent = true
	if err := c.emit(t.Context(), batch("a", 4, 5)); err == nil {
		t.Fatal("a commit succeeded without the catalog")
	}
	if err := c.s.archiveAll(t.Context()); err == nil {
		t.Fatal("archiving succeeded without the catalog")
	}
	if archives, left := c.archives(); len(archives) != 0 || left != 4 {
		t.Fatalf("%d archives, %d commits are left, want none and 4", len(archives), left)
	}
	disk.silent = false
	c.maintain()
	if n := c.wantWholeChain(); n != 1 {
		t.Fatalf("%d archives, want 1", n)
	}
}

// silentCatalog lets the catalog answer nobody when it is silent.
type silentCatalog struct{ silent bool }

func (d *silentCatalog) Do(what, _ string, do func() error) error {
	if d.silent && (what == "transaction" || what == "settle") {
		return os.ErrDeadlineExceeded
	}
	return do()
}

func TestArchivingEndsWithTheContext(t *testing.T) {
	c := newClocked(t, Options{KeepCommits: 1, ArchiveCommits: 2})
	c.open()
	defer c.close()
	for i := range 5 {
		c.mustEmit("a", i, i+1)
	}
	ctx, cancel := context.WithCancel(t.Context())
	cancel()
	if err := c.s.archiveAll(ctx); err != nil {
		t.Fatal(err)
	}
	if len(c.archiveFiles()) > 0 {
		t.Fatal("it went on")
	}
}
