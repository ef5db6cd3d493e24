package segment

import (
	"bytes"
	"errors"
	"math/rand/v2"
	"os"
	"path/filepath"
	"slices"
	"strings"
	"testing"

	"github.com/google/go-cmp/cmp"
)

// plainRows are quick to make and to compare, for segments of many rows.
func plainRows(r *rand.Rand, n, width int) []testRow {
	noise := make([]byte, 2*width)
	for i := range noise {
		noise[i] = byte(' ' + r.IntN(90))
	}
	rows := make([]testRow, n)
	for i := range rows {
		raw := noise[r.IntN(width):][:r.IntN(width)]
		name := string(rune('a' + r.IntN(26)))
		rows[i] = testRow{
			fields: map[string]any{"action": name, indicators[1]: []any{name}},
			time:   int64(1_760_000_000_000_000 + r.IntN(1_000_000)),
			meta:   RowMeta{ParseTime: int64(r.IntN(1_000_000)), Origin: &testOrigin, Raw: raw},
		}
		rows[i].meta.ID.Lo = r.Uint64()
	}
	return rows
}

// testLimits are small enough for quick tests.
var testLimits = groupLimits{small: 80, rows: 1_000, raw: 64 << 10}

// mergeFiles is Merge with testLimits.
func mergeFiles(t *testing.T, path string, inputs []string) Info {
	t.Helper()
	readers, err := openAll(inputs)
	if err != nil {
		t.Fatal(err)
	}
	defer closeAll(readers)
	f, err := createFile(path, readers[0].info.LogType)
	if err != nil {
		t.Fatal(err)
	}
	p, err := writeMerged(f, path, readers, testLimits)
	if err != nil {
		t.Fatal(err)
	}
	info, err := p.Finish(&Commit{Number: 99, Kind: KindMerge, Part: 1, Parts: 1, Inputs: inputs})
	if err != nil {
		t.Fatal(err)
	}
	return info
}

// group is a row group of a plan for a merge: how many rows, and how large.
type group struct{ rows, width int }

func TestMerge(t *testing.T) {
	t.Parallel()
	for name, c := range map[string]struct {
		inputs [][]group // the row groups of each input
		want   []int64   // rows of the groups
	}{
		"one":                {[][]group{{{10, 50}}}, []int64{10}},
		"small ones":         {[][]group{{{10, 50}}, {{20, 50}}, {{1, 50}}}, []int64{31}},
		"large ones":         {[][]group{{{80, 9}}, {{81, 9}}}, []int64{80, 81}},
		"large among small":  {[][]group{{{5, 50}}, {{6, 50}}, {{80, 9}}, {{7, 50}}, {{8, 50}}}, []int64{11, 80, 15}},
		"one small in large": {[][]group{{{80, 9}}, {{5, 50}}, {{80, 9}}}, []int64{80, 5, 80}},
		"long lines":         {[][]group{{{60, 1_500}}, {{60, 1_500}}}, []int64{60, 60}},
		"too many rows":      {slices.Repeat([][]group{{{70, 9}}}, 20), []int64{980, 420}},
		"small in one":       {[][]group{slices.Repeat([]group{{70, 9}}, 20)}, []int64{980, 420}},
		"large in the mean":  {[][]group{{{300, 9}, {2, 9}}, {{3, 9}}, {{4, 9}}}, []int64{300, 2, 7}},
		"small in the mean":  {[][]group{{{120, 9}, {2, 9}}, {{3, 9}}}, []int64{125}},
	} {
		t.Run(name, func(t *testing.T) {
			t.Parallel()
			dir := t.TempDir()
			r := rand.New(rand.NewPCG(31, 31))
			var all []testRow
			var inputs []string
			for i, groups := range c.inputs {
				path := filepath.Join(dir, FileName(uint64(i+1), 1))
				all = append(all, storeGroups(t, path, r, groups)...)
				inputs = append(inputs, path)
			}
			path := filepath.Join(dir, FileName(99, 1))
			checkMerged(t, path, mergeFiles(t, path, inputs), all, c.want)
		})
	}
}

// storeGroups writes a segment of several row groups, as a merge leaves it.
func storeGroups(t *testing.T, path string, r *rand.Rand, groups []group) []testRow {
	t.Helper()
	l := testLayout()
	s, err := parquetSchema(l)
	if err != nil {
		t.Fatal(err)
	}
	f, err := createFile(path, l.LogType)
	if err != nil {
		t.Fatal(err)
	}
	p := newPending(f, path, l, s)
	var all []testRow
	for _, g := range groups {
		rows := plainRows(r, g.rows, g.width)
		b := buildRows(t, l, rows)
		if err := p.writeGroup(b.group, &b.rowCounts, b.digest); err != nil {
			t.Fatal(err)
		}
		all = append(all, rows...)
	}
	if _, err := p.Finish(testCommit(1)); err != nil {
		t.Fatal(err)
	}
	return all
}

// TestMergeOfStandardSize goes through the exported way.
func TestMergeOfStandardSize(t *testing.T) {
	t.Parallel()
	l, dir := testLayout(), t.TempDir()
	r := rand.New(rand.NewPCG(33, 33))
	var all []testRow
	var inputs []string
	for i, n := range []int{100, 200, smallGroup, 50} {
		rows := plainRows(r, n, 9)
		path, _ := store(t, dir, uint64(i+1), buildRows(t, l, rows))
		all, inputs = append(all, rows...), append(inputs, path)
	}
	path := filepath.Join(dir, FileName(99, 1))
	p, err := Merge(path, inputs)
	if err != nil {
		t.Fatal(err)
	}
	info, err := p.Finish(testCommit(99))
	if err != nil {
		t.Fatal(err)
	}
	checkMerged(t, path, info, all, []int64{300, smallGroup, 50})
}

func checkMerged(t *testing.T, path string, info Info, all []testRow, groups []int64) {
	t.Helper()
	var got []int64
	rest := all
	for _, g := range info.Groups {
		got = append(got, g.Rows)
		if g.SHA256 != digestOf(rest[:g.Rows]) {
			t.Errorf("row group %d has the wrong digest", len(got)-1)
		}
		rest = rest[g.Rows:]
	}
	if !slices.Equal(got, groups) || len(rest) != 0 {
		t.Errorf("row groups of %v rows, not %v", got, groups)
	}
	r, err := Open(path)
	if err != nil {
		t.Fatal(err)
	}
	defer r.Close()
	if err := r.Verify(); err != nil {
		t.Error(err)
	}
	i := 0
	err = r.Rows([]string{"action"}, func(row *Row) error {
		w := &all[i]
		if !bytes.Equal(row.Raw, w.meta.Raw) || row.ID != w.meta.ID || row.EventTime != w.time || row.Values[0] != w.fields["action"] {
			t.Fatalf("row %d is %+v", i, row)
		}
		i++
		return nil
	})
	if err != nil || i != len(all) {
		t.Errorf("%d rows of %d, %v", i, len(all), err)
	}
	sum, err := Hash(path)
	if err != nil || sum != info.SHA256 {
		t.Errorf("hash %s, %v, not %s", sum, err, info.SHA256)
	}
	info.SHA256 = ""
	if diff := cmp.Diff(info, r.Info()); diff != "" {
		t.Error(diff)
	}
	checkBloom(t, info.Bloom, all)
}

// TestMergesOfMerges: tiers keep every row, all columns, and the view.
func TestMergesOfMerges(t *testing.T) {
	t.Parallel()
	l, dir := testLayout(), t.TempDir()
	var all []testRow
	var tier []string
	number := uint64(0)
	for k := range 9 {
		rows := randomRows(uint64(40+k), 30*(k+1))
		number++
		path, _ := store(t, dir, number, buildRows(t, l, rows))
		tier, all = append(tier, path), append(all, rows...)
	}
	for len(tier) > 1 {
		var next []string
		for part := range slices.Chunk(tier, 3) {
			number++
			path := filepath.Join(dir, FileName(number, 1))
			p, err := Merge(path, part)
			if err != nil {
				t.Fatal(err)
			}
			if _, err := p.Finish(testCommit(number)); err != nil {
				t.Fatal(err)
			}
			next = append(next, path)
		}
		tier = next
	}
	compareRows(t, l, all, readView(t, openDuckDB(t), l, l.ViewSQL([]Part{{l, tier}})))
}

func TestMergeRefuses(t *testing.T) {
	t.Parallel()
	dir := t.TempDir()
	l := testLayout()
	a, info := store(t, dir, 1, buildRows(t, l, randomRows(50, 50)))
	other := testLayout()
	other.Version++
	b, _ := store(t, dir, 2, buildRows(t, other, randomRows(51, 50)))
	other = testLayout()
	other.LogType = "Test.Others"
	c, _ := store(t, dir, 3, buildRows(t, other, randomRows(52, 50)))

	damaged := filepath.Join(dir, "damaged")
	data, err := os.ReadFile(a)
	if err != nil {
		t.Fatal(err)
	}
	g := info.Groups[0]
	data[g.Offset+g.Length/2] ^= 1
	if err := os.WriteFile(damaged, data, 0o600); err != nil {
		t.Fatal(err)
	}
	for name, in := range map[string]struct {
		inputs []string
		is     error
		says   string
	}{
		"nothing":           {nil, nil, "nothing"},
		"another version":   {[]string{a, b}, ErrLayout, "version 4"},
		"another log type":  {[]string{a, c}, ErrLayout, "Test.Others"},
		"a missing file":    {[]string{a, filepath.Join(dir, "none")}, os.ErrNotExist, "none"},
		"damage, to pack":   {[]string{a, damaged}, errStoredBytes, "damaged"},
		"damage, to copy":   {[]string{damaged}, errStoredBytes, "damaged"},
		"not a segment":     {[]string{a, os.Args[0]}, nil, "read segment"},
		"the first missing": {[]string{filepath.Join(dir, "none"), a}, os.ErrNotExist, "none"},
	} {
		out := filepath.Join(t.TempDir(), "out")
		p, err := Merge(out, in.inputs)
		if err == nil {
			t.Errorf("%s: merged", name)
			p.Abort()
			continue
		}
		if in.is != nil && !errors.Is(err, in.is) || !strings.Contains(err.Error(), in.says) {
			t.Errorf("%s: %v", name, err)
		}
		if _, err := os.Stat(out); !errors.Is(err, os.ErrNotExist) {
			t.Errorf("%s: something is left behind", name)
		}
	}
}

// TestMergeOnFailingDisk: no call may fail unnoticed.
func TestMergeOnFailingDisk(t *testing.T) {
	t.Parallel()
	l := testLayout()
	var inputs []*Reader
	for k := range 3 {
		data, _ := inMemory(t, buildRows(t, l, randomRows(uint64(60+k), 100)), testCommit(1))
		inputs = append(inputs, openBytes(t, data))
	}
	for failAt := 1; ; failAt++ {
		m := memory{failAt: failAt}
		p, err := WriteMerged(&m, "memory", inputs)
		if err == nil {
			_, err = p.Finish(testCommit(2))
		}
		if m.calls < failAt {
			if err != nil {
				t.Fatal(err)
			}
			return
		}
		if !errors.Is(err, errDisk) || m.closed != 1 {
			t.Errorf("call %d fails: %v, closed %d times", failAt, err, m.closed)
		}
	}
}

// TestCopiedGroupsAreTheSame: copying a segment keeps every byte of its groups.
func TestCopiedGroupsAreTheSame(t *testing.T) {
	t.Parallel()
	data, info := inMemory(t, buildRows(t, testLayout(), randomRows(70, 40)), testCommit(1))
	var m memory
	p, err := WriteMerged(&m, "memory", []*Reader{openBytes(t, data)})
	if err != nil {
		t.Fatal(err)
	}
	if _, err := p.Finish(testCommit(1)); err != nil {
		t.Fatal(err)
	}
	g := info.Groups[0]
	if !bytes.Equal(data[:g.Offset+g.Length], m.Bytes()[:g.Offset+g.Length]) {
		t.Error("the bytes differ")
	}
}
