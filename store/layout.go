package store

import (
	"os"
	"path/filepath"
	"strings"

	"github.com/margay-audit/margay/event"
	"github.com/margay-audit/margay/store/segment"
)

// Names in the data folder. docs/design/2026-11-22-commit-protocol.md explains
// each.
const (
	catalogName  = "catalog.sqlite"
	lockName     = "lock"
	headName     = "HEAD"
	ledgerName   = "ledger.json"
	segmentsName = "segments"
	orphansName  = "orphans"
	commitsName  = "commits"
)

// segmentName is the name of a segment in the catalog and in commit records:
// its path below the folder of segments, always with a slash.
func segmentName(t event.LogType, number uint64, part int) string {
	return t.Table() + "/" + segment.FileName(number, part)
}

// segmentPath returns where the segment with this name lies.
func segmentPath(dir, name string) string {
	return filepath.Join(dir, segmentsName, filepath.FromSlash(name))
}

// orphanPath returns where a file of this name is set aside.
func orphanPath(dir, name string) string {
	return filepath.Join(dir, orphansName, strings.ReplaceAll(name, "/", "__"))
}

// orphanName takes what [orphanPath] made apart; it returns "" for a file that
// was not set aside by us.
func orphanName(file string) string {
	table, base, ok := strings.Cut(file, "__")
	if !ok {
		return ""
	}
	// A second file of one name was set aside with a number at its end.
	if i := strings.Index(base, segment.Suffix); i >= 0 {
		base = base[:i+len(segment.Suffix)]
	}
	return table + "/" + base
}

// listSegments returns the names of all finished segments below dir, and the
// paths of all temporary files.
func listSegments(dir string) (names, temporary []string, err error) {
	root := filepath.Join(dir, segmentsName)
	tables, err := os.ReadDir(root)
	if err != nil {
		return nil, nil, err
	}
	for _, t := range tables {
		if !t.IsDir() {
			continue
		}
		files, err := os.ReadDir(filepath.Join(root, t.Name()))
		if err != nil {
			return nil, nil, err
		}
		for _, f := range files {
			switch {
			case strings.HasSuffix(f.Name(), segment.TempSuffix):
				temporary = append(temporary, filepath.Join(root, t.Name(), f.Name()))
			case strings.HasSuffix(f.Name(), segment.Suffix):
				names = append(names, t.Name()+"/"+f.Name())
			}
		}
	}
	return names, temporary, nil
}

func exists(path string) bool {
	_, err := os.Lstat(path)
	return err == nil
}
