package catalog

import (
	"context"
	"fmt"
	"strings"
	"testing"

	"github.com/google/go-cmp/cmp"
)

// link is commit number n and nothing else.
func link(n uint64) *Change {
	return &Change{Commit: Commit{Number: n, Time: int64(n), Kind: "append", Record: fmt.Sprintf(`{"number":%d}`, n), Prev: fmt.Sprint("h", n-1), Hash: fmt.Sprint("h", n)}}
}

func TestOldCommits(t *testing.T) {
	for name, q := range map[string]struct {
		numbers     []uint64
		n           int
		keep        uint64
		first, last uint64
	}{
		"none":                 {nil, 2, 1, 0, 0},
		"too few":              {[]uint64{1, 2, 3, 4}, 3, 2, 0, 0},
		"just enough":          {[]uint64{1, 2, 3, 4, 5}, 3, 2, 1, 3},
		"more":                 {[]uint64{11, 12, 13, 14, 15, 16, 17}, 3, 2, 11, 13},
		"with a gap":           {[]uint64{1, 50, 60, 99, 100}, 3, 2, 1, 60},
		"a gap and too few":    {[]uint64{1, 50, 99, 100}, 3, 2, 0, 0},
		"one at a time":        {[]uint64{1, 2}, 1, 1, 1, 1},
		"nothing is asked for": {[]uint64{1, 2}, 0, 1, 0, 0},
	} {
		t.Run(name, func(t *testing.T) {
			c, _ := create(t, "catalog")
			for _, n := range q.numbers {
				if err := c.Apply(t.Context(), link(n)); err != nil {
					t.Fatal(err)
				}
			}
			view(t, c, func(ctx context.Context, tx *Tx) error {
				first, last, err := tx.OldCommits(ctx, q.n, q.keep)
				if first != q.first || last != q.last {
					t.Errorf("got %d to %d, want %d to %d", first, last, q.first, q.last)
				}
				return err
			})
		})
	}
}

func TestArchiveForgetsWhatTheFileHolds(t *testing.T) {
	c, _ := create(t, "catalog")
	for n := range uint64(6) {
		if err := c.Apply(t.Context(), link(n+1)); err != nil {
			t.Fatal(err)
		}
	}
	numbers := func() (out []uint64) {
		view(t, c, func(ctx context.Context, tx *Tx) error {
			some, err := tx.CommitsFrom(ctx, 0, 100)
			for i := range some {
				out = append(out, some[i].Number)
			}
			return err
		})
		return out
	}
	for name, q := range map[string]struct {
		a    Archive
		want string
	}{
		"the newest too":         {Archive{First: 1, Last: 6, Commits: 6}, "no newer commit would be left"},
		"more than the file has": {Archive{First: 1, Last: 4, Commits: 3}, "the catalog has 4"},
	} {
		if err := c.Archive(t.Context(), &q.a); err == nil || !strings.Contains(err.Error(), q.want) {
			t.Errorf("%s: %v, want %q", name, err, q.want)
		}
		if got := len(numbers()); got != 6 {
			t.Fatalf("%s: %d commits are left, want all 6", name, got)
		}
	}
	want := []Archive{
		{First: 1, Last: 2, Commits: 2, Hash: "h2", SHA256: "x", Bytes: 7},
		// As a rebuild takes it up, which knows only some of its commits.
		{First: 3, Last: 4, Commits: 200, Hash: "h4", SHA256: "y", Bytes: 8},
	}
	for i := range want {
		if err := c.Archive(t.Context(), &want[i]); err != nil {
			t.Fatal(err)
		}
	}
	if diff := cmp.Diff([]uint64{5, 6}, numbers()); diff != "" {
		t.Errorf("the commits that are left differ: %s", diff)
	}
	for first, n := range map[uint64]int{0: 2, 2: 2, 3: 1, 4: 1, 5: 0} {
		view(t, c, func(ctx context.Context, tx *Tx) error {
			got, err := tx.Archives(ctx, first)
			if diff := cmp.Diff(want[2-n:], got); diff != "" && (n > 0 || len(got) > 0) {
				t.Errorf("from commit %d on the archives differ: %s", first, diff)
			}
			return err
		})
	}
	if err := c.Archive(t.Context(), &want[0]); err == nil {
		t.Error("one archive was recorded twice")
	}
}

// TestTheFileStopsGrowing counts pages, of which those that are freed must be
// used again.
func TestTheFileStopsGrowing(t *testing.T) {
	c, _ := create(t, "catalog")
	if _, err := c.db.Exec("PRAGMA synchronous = OFF"); err != nil {
		t.Fatal(err)
	}
	pages := func() (n int) {
		if err := c.db.QueryRow("PRAGMA page_count").Scan(&n); err != nil {
			t.Fatal(err)
		}
		return n
	}
	var after []int
	for round := range uint64(6) {
		for n := round * 200; n < round*200+200; n++ {
			k := link(n + 1)
			k.Commit.Record = strings.Repeat("x", 600)
			if err := c.Apply(t.Context(), k); err != nil {
				t.Fatal(err)
			}
		}
		after = append(after, pages())
		if round == 0 {
			continue
		}
		if err := c.Archive(t.Context(), &Archive{First: round*200 - 199, Last: round * 200, Commits: 200}); err != nil {
			t.Fatal(err)
		}
	}
	if grown := after[5] - after[1]; after[1] <= after[0] || grown > 2 {
		t.Errorf("pages after each round: %v; the file goes on growing", after)
	}
}
