package segment

import (
	"fmt"
	"strings"
)

// Names on disk.
const (
	// Suffix ends the name of every segment.
	Suffix = ".parquet"
	// TempSuffix is added while a segment is being written. A file with this
	// suffix is worthless after a crash.
	TempSuffix = ".tmp"
)

// FileName returns the name of part number part (counted from 1) of a commit.
// Names sort as the commits do.
func FileName(commit uint64, part int) string {
	return fmt.Sprintf("%012d-%03d%s", commit, part, Suffix)
}

// ParseFileName takes a name made by [FileName] apart. It is strict, so that
// every name that it accepts is the only one for its commit and part.
func ParseFileName(name string) (commit uint64, part int, ok bool) {
	body, found := strings.CutSuffix(name, Suffix)
	if !found {
		return 0, 0, false
	}
	if n, err := fmt.Sscanf(body, "%d-%d", &commit, &part); n != 2 || err != nil {
		return 0, 0, false
	}
	if part < 1 || FileName(commit, part) != name {
		return 0, 0, false
	}
	return commit, part, true
}
