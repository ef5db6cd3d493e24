package main

import (
	"bytes"
	"errors"
	"os"
	"os/exec"
	"path/filepath"
	"strings"
	"testing"

	"github.com/margay-audit/margay/store"
	"github.com/margay-audit/margay/store/catalog"
)

// TestHarmedSegment asks over a segment that is gone or not what was stored,
// the first one and the last one: the answer is status 1, never the blame of
// the statement, the segment's name below segments, what to do, and not a word
// of an event. A statement that does not need the segment is answered.
func TestHarmedSegment(t *testing.T) {
	t.Parallel()
	config, dataDir, logPath := killConfig(t, "")
	m := newMongod(logPath, 58)
	for range 3 {
		m.write(t, 100)
		collected(t, config, dataDir, m)
	}
	r, err := store.OpenReader(dataDir)
	if err != nil {
		t.Fatal(err)
	}
	snapshot, err := r.Snapshot(t.Context(), catalog.Which{})
	if err := errors.Join(err, r.Close()); err != nil || len(snapshot.Segments) < 3 {
		t.Fatalf("%d segments: %v", len(snapshot.Segments), err)
	}
	harms := []struct {
		name  string
		harm  func(path string, text []byte) error
		words string
	}{
		{"missing", func(path string, _ []byte) error { return os.Remove(path) }, " is missing; see margay store verify, and restore it from a backup"},
		{"truncated", func(path string, text []byte) error {
			return os.WriteFile(path, text[:len(text)*2/3], 0o600)
		}, " does not have the size it was stored with; see margay store verify"},
		{"flipped in the middle", func(path string, text []byte) error { return flip(path, text, len(text)/8, len(text)/2) }, " is damaged; see margay store verify"},
		{"flipped at the end", func(path string, text []byte) error { return flip(path, text, len(text)-200, len(text)) }, " is damaged; see margay store verify"},
		{"flipped in the footer", func(path string, text []byte) error {
			return flip(path, text, len(text)-1000, len(text)-8)
		}, " is damaged; see margay store verify"},
	}
	for _, s := range []catalog.Segment{snapshot.Segments[0], snapshot.Segments[len(snapshot.Segments)-1]} {
		path := filepath.Join(dataDir, "segments", filepath.FromSlash(s.Name))
		text, err := os.ReadFile(path)
		if err != nil {
			t.Fatal(err)
		}
		for _, h := range harms {
			if err := h.harm(path, bytes.Clone(text)); err != nil {
				t.Fatal(err)
			}
			want := "margay: a segment cannot be read: " + s.Name + h.words + "\n"
			for _, sql := range []string{"SELECT * FROM mongodb_audit", "SELECT p_raw FROM events ORDER BY p_row_id"} {
				cmd, out := startMargay(t, nil, "sql", "--data-dir", dataDir, "-o", "csv", sql)
				var exit *exec.ExitError
				if err := cmd.Wait(); !errors.As(err, &exit) || exit.ExitCode() != exitFailed {
					t.Errorf("%s, %s: %v, want exit code %d", h.name, sql, err, exitFailed)
				}
				if said := out.String(); !strings.HasSuffix(said, want) {
					t.Errorf("%s, %s: %q, want %q", h.name, sql, said[max(0, len(said)-500):], want)
				}
			}
			refused(t, exitFailed, []string{filepath.Base(s.Name)}, "store", "verify", "--data-dir", dataDir)
			succeeds(t, "sql", "--data-dir", dataDir, "SHOW TABLES")
			if out := succeeds(t, "sql", "--data-dir", dataDir, "-o", "csv", "SELECT count(*) AS n FROM margay_quarantine"); out != "n\n0\n" {
				t.Errorf("%s: another table says %q", h.name, out)
			}
			refused(t, exitUsage, []string{"nosuch"}, "sql", "--data-dir", dataDir, "SELECT nosuch FROM mongodb_organizationevent")
		}
		if err := os.WriteFile(path, text, 0o600); err != nil {
			t.Fatal(err)
		}
	}
	succeeds(t, "store", "verify", "--data-dir", dataDir)
	lines, rows := storedLines(t, dataDir)
	compare(t, m, lines, rows)
}

// flip turns the bytes from one place to another over.
func flip(path string, text []byte, from, to int) error {
	for i := from; i < to; i++ {
		text[i] ^= 0xa5
	}
	return os.WriteFile(path, text, 0o600)
}
