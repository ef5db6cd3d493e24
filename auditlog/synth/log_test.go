package synth

import (
	"bytes"
	"context"
	"os"
	"path/filepath"
	"strings"
	"testing"
	"testing/synctest"
	"time"
)

// run writes a log for a while, by the clock of the bubble.
func run(t *testing.T, l Log, d time.Duration) {
	t.Helper()
	ctx, cancel := context.WithTimeout(t.Context(), d)
	defer cancel()
	if err := l.Run(ctx); err != nil {
		t.Fatal(err)
	}
}

// files returns the contents of the files in a folder by name.
func files(t *testing.T, dir string) map[string][]byte {
	t.Helper()
	entries, err := os.ReadDir(dir)
	if err != nil {
		t.Fatal(err)
	}
	all := map[string][]byte{}
	for _, e := range entries {
		if all[e.Name()], err = os.ReadFile(filepath.Join(dir, e.Name())); err != nil {
			t.Fatal(err)
		}
	}
	return all
}

func TestLogRotates(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		dir := t.TempDir()
		l := Log{Path: filepath.Join(dir, "auditLog.json"), Rate: 1000, RotateBytes: 200 << 10}
		run(t, l, 2*time.Second+logTick/2)
		first := files(t, dir)
		if len(first) < 4 {
			t.Fatalf("%d files", len(first))
		}
		lines := 0
		for name, text := range first {
			if len(text) > 0 && text[len(text)-1] != '\n' {
				t.Errorf("%s ends within a line", name)
			}
			lines += bytes.Count(text, []byte("\n"))
			if name != "auditLog.json" {
				if _, err := time.Parse("auditLog.json."+suffixForm, name); err != nil {
					t.Error(err)
				}
			}
		}
		if lines < 1990 || lines > 2010 {
			t.Errorf("%d lines in 2 s at 1000/s", lines)
		}
		// A second run goes on where the first one ended.
		run(t, l, time.Second)
		for name, text := range first {
			if name == "auditLog.json" {
				continue
			}
			if again := files(t, dir)[name]; !bytes.Equal(text, again) {
				t.Errorf("%s was changed", name)
			}
		}
		whole := bytes.Join([][]byte{first["auditLog.json"]}, nil)
		kept := false
		for _, text := range files(t, dir) {
			kept = kept || bytes.HasPrefix(text, whole)
		}
		if !kept {
			t.Error("what the file held did not stay")
		}
	})
}

func TestLogKeeps(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		dir := t.TempDir()
		other := filepath.Join(dir, "auditLog.json.gz")
		if err := os.WriteFile(other, []byte("not ours"), 0o600); err != nil {
			t.Fatal(err)
		}
		run(t, Log{Path: filepath.Join(dir, "auditLog.json"), Rate: 100, RotateEvery: 5 * time.Second, Keep: 2}, time.Minute)
		rotated := 0
		for name := range files(t, dir) {
			if strings.HasPrefix(name, "auditLog.json.20") {
				rotated++
			}
		}
		if rotated != 2 {
			t.Errorf("%d renamed files remain", rotated)
		}
		if _, err := os.Stat(other); err != nil {
			t.Error(err)
		}
	})
}

func TestLogNoFolder(t *testing.T) {
	if err := (Log{Path: filepath.Join(t.TempDir(), "none", "auditLog.json")}).Run(t.Context()); err == nil {
		t.Error("no error")
	}
}
