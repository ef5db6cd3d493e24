package segment

import (
	"slices"
	"testing"
)

func TestFileNames(t *testing.T) {
	t.Parallel()
	var names []string
	for _, c := range []struct {
		commit uint64
		part   int
	}{{1, 1}, {1, 2}, {1, 1000}, {2, 1}, {10, 1}, {999_999_999_999, 1}, {1 << 63, 12}} {
		name := FileName(c.commit, c.part)
		commit, part, ok := ParseFileName(name)
		if !ok || commit != c.commit || part != c.part {
			t.Errorf("ParseFileName(%q) = %d, %d, %v", name, commit, part, ok)
		}
		names = append(names, name)
	}
	if most := names[:5]; !slices.IsSorted([]string{most[0], most[1], most[3], most[4]}) {
		t.Errorf("names do not sort as commits do: %q", names)
	}
}

func TestForeignFileNames(t *testing.T) {
	t.Parallel()
	for _, name := range []string{
		"", ".parquet", "1-1.parquet", "000000000001-001", "000000000001-001.parquet.tmp",
		"000000000001-000.parquet", "000000000001--01.parquet", "+00000000001-001.parquet",
		"000000000001-001x.parquet", "x000000000001-001.parquet", "000000000001-1.parquet",
		"99999999999999999999-001.parquet", "../00000001-001.parquet",
	} {
		if c, p, ok := ParseFileName(name); ok {
			t.Errorf("ParseFileName(%q) = %d, %d: it is not a name of ours", name, c, p)
		}
	}
}

func FuzzParseFileName(f *testing.F) {
	f.Add(FileName(1, 1))
	f.Add("000000000001-0001.parquet")
	f.Fuzz(func(t *testing.T, name string) {
		commit, part, ok := ParseFileName(name)
		if ok && FileName(commit, part) != name {
			t.Errorf("%q was taken for commit %d part %d, whose name is %q", name, commit, part, FileName(commit, part))
		}
	})
}
