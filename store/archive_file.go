package store

import (
	"bufio"
	"bytes"
	"context"
	"crypto/sha256"
	"encoding/hex"
	"encoding/json"
	"errors"
	"fmt"
	"hash"
	"os"
	"path/filepath"
	"slices"
	"strings"

	"github.com/klauspost/compress/zstd"

	"github.com/margay-audit/margay/store/catalog"
	"github.com/margay-audit/margay/store/segment"
)

// archiveSuffix ends the name of an archive of commits: lines of JSON, one
// commit each, compressed with Zstandard.
const archiveSuffix = ".jsonl.zst"

// Bounds for what is read of an archive. A record of one commit grows by 250
// bytes for each segment that retention drops at once; the window is what the
// writer below uses at most.
const (
	maxArchiveLine   = 256 << 20
	maxArchiveWindow = 8 << 20
)

// archiveLine is a commit in an archive. The record is a string, and not the
// object that it is itself, so that each byte that its hash covers stays.
type archiveLine struct {
	Number uint64 `json:"number"`
	Time   int64  `json:"time"`
	Kind   string `json:"kind"`
	Record string `json:"record"`
	Prev   string `json:"prev"`
	Hash   string `json:"hash"`
}

func archiveName(first, last uint64) string {
	return fmt.Sprintf("%012d-%012d%s", first, last, archiveSuffix)
}

func archivePath(dir string, first, last uint64) string {
	return filepath.Join(dir, commitsName, archiveName(first, last))
}

// listArchives returns the finished archives by their first numbers, as their
// names say, and the paths of temporary ones. The folder may be missing.
func listArchives(dir string) (archives []catalog.Archive, temporary []string, err error) {
	folder := filepath.Join(dir, commitsName)
	files, err := os.ReadDir(folder)
	if errors.Is(err, os.ErrNotExist) {
		return nil, nil, nil
	}
	if err != nil {
		return nil, nil, fmt.Errorf("list archives: %w", err)
	}
	for _, f := range files {
		var a catalog.Archive
		switch {
		case strings.HasSuffix(f.Name(), archiveSuffix+segment.TempSuffix):
			temporary = append(temporary, filepath.Join(folder, f.Name()))
		case strings.HasSuffix(f.Name(), archiveSuffix):
			n, err := fmt.Sscanf(f.Name(), "%d-%d", &a.First, &a.Last)
			if n == 2 && err == nil && archiveName(a.First, a.Last) == f.Name() {
				archives = append(archives, a)
			}
		}
	}
	slices.SortFunc(archives, func(a, b catalog.Archive) int {
		return slices.Compare([]uint64{a.First, a.Last}, []uint64{b.First, b.Last})
	})
	return archives, temporary, nil
}

// archiveWriter writes an archive and hashes it as it goes.
type archiveWriter struct {
	f       *os.File
	sum     hash.Hash
	size    int64
	zip     *zstd.Encoder
	line    bytes.Buffer
	json    *json.Encoder
	commits int
	last    string // hash of the last commit
}

// createArchive begins a file, in the place of one that was not finished.
func createArchive(path string) (*archiveWriter, error) {
	f, err := os.OpenFile(path, os.O_WRONLY|os.O_CREATE|os.O_TRUNC, 0o640)
	if err != nil {
		return nil, err
	}
	w := &archiveWriter{f: f, sum: sha256.New()}
	// With one goroutine the same commits always give the same bytes.
	if w.zip, err = zstd.NewWriter(w, zstd.WithEncoderConcurrency(1), zstd.WithWindowSize(maxArchiveWindow)); err != nil {
		return nil, errors.Join(err, f.Close())
	}
	w.json = json.NewEncoder(&w.line)
	w.json.SetEscapeHTML(false)
	return w, nil
}

// Write takes compressed bytes.
func (w *archiveWriter) Write(p []byte) (int, error) {
	n, err := w.f.Write(p)
	w.sum.Write(p[:n])
	w.size += int64(n)
	return n, err
}

func (w *archiveWriter) add(k *catalog.Commit) error {
	w.line.Reset()
	if err := w.json.Encode(archiveLine(*k)); err != nil {
		return fmt.Errorf("encode commit %d: %w", k.Number, err)
	}
	if w.line.Len() > maxArchiveLine {
		return fmt.Errorf("the record of commit %d has %d bytes, too many to be archived", k.Number, len(k.Record))
	}
	w.commits++
	w.last = k.Hash
	_, err := w.zip.Write(w.line.Bytes())
	return err
}

// finish makes the file durable and completes its entry.
func (w *archiveWriter) finish(a *catalog.Archive) error {
	err := w.zip.Close()
	if err == nil {
		err = w.f.Sync()
	}
	a.Commits, a.Hash = w.commits, w.last
	a.SHA256, a.Bytes = hex.EncodeToString(w.sum.Sum(nil)), w.size
	return errors.Join(err, w.f.Close())
}

// abort closes the file as it is.
func (w *archiveWriter) abort() error { return w.f.Close() }

// readArchive calls visit with the commits in an archive, and holds against its
// name that they begin and end as it says and rise. It looks into no record. An
// error of visit ends it and is returned as it is.
func readArchive(ctx context.Context, dir string, a *catalog.Archive, visit func(*catalog.Commit) error) (err error) {
	f, err := os.Open(archivePath(dir, a.First, a.Last))
	if err != nil {
		return err
	}
	defer func() { err = errors.Join(err, f.Close()) }()
	zip, err := zstd.NewReader(f, zstd.WithDecoderConcurrency(1), zstd.WithDecoderMaxWindow(maxArchiveWindow))
	if err != nil {
		return err
	}
	defer zip.Close()
	lines := bufio.NewScanner(zip)
	lines.Buffer(make([]byte, 0, 64<<10), maxArchiveLine)
	var k catalog.Commit
	for n := 1; lines.Scan(); n++ {
		last := k.Number
		var line archiveLine
		if err := json.Unmarshal(lines.Bytes(), &line); err != nil {
			return fmt.Errorf("line %d: %w", n, err)
		}
		k = catalog.Commit(line)
		if k.Number <= last || n == 1 && k.Number != a.First || k.Number > a.Last {
			return fmt.Errorf("line %d: commit %d has no place there", n, k.Number)
		}
		if err := visit(&k); err != nil {
			return err
		}
		if err := ctx.Err(); err != nil {
			return err
		}
	}
	if err := lines.Err(); err != nil {
		return err
	}
	if k.Number != a.Last {
		return fmt.Errorf("it ends with commit %d", k.Number)
	}
	return nil
}
