package query

import (
	"errors"
	"os"
	"path/filepath"
	"strings"
	"testing"
)

// grounds is the folder that attacks are tried on.
func grounds(t testing.TB) string {
	t.Helper()
	dir := t.TempDir()
	for _, name := range []string{"segment.csv", "other.csv"} {
		if err := os.WriteFile(filepath.Join(dir, name), []byte("a\n1\n"), 0o600); err != nil {
			t.Fatal(err)
		}
	}
	if err := os.Symlink("/etc/passwd", filepath.Join(dir, "link.csv")); err != nil {
		t.Fatal(err)
	}
	return dir
}

func groundsRequest(dir, sql string) Request {
	return Request{
		SQL: sql, Output: OutputNDJSON,
		Tables: []Table{{Name: "mongodb_audit", SQL: "SELECT * FROM read_csv({files})", Files: []File{{Path: dir + "/segment.csv"}}}},
		Memory: []MemoryTable{{Name: "memory_table", Columns: []Column{{"a", "BIGINT"}}, Rows: [][]any{{1}}}},
	}
}

// TestGateRefuses holds the barrier: no attack gets as far as being prepared.
func TestGateRefuses(t *testing.T) {
	t.Parallel()
	e, err := openEngine(Limits{}.withDefaults(), t.TempDir())
	if err != nil {
		t.Fatal(err)
	}
	defer e.close()
	dir := grounds(t)
	for _, a := range attacks {
		_, err := inspect(a.at(dir), e.serialize, []string{"mongodb_audit", "memory_table"})
		if err == nil {
			t.Errorf("%s: the gate let pass %s", a.name, a.at(dir))
			continue
		}
		if !errors.Is(err, ErrRefused) && !errors.Is(err, ErrInvalid) || strings.Contains(err.Error(), "\n") {
			t.Errorf("%s: %v", a.name, err)
		}
	}
}

// TestBehindTheGate tries every attack on a worker without a gate, once with all
// other layers and once with DuckDB's settings alone.
func TestBehindTheGate(t *testing.T) {
	t.Parallel()
	for name, bare := range map[string]bool{"all layers": false, "settings alone": true} {
		t.Run(name, func(t *testing.T) {
			t.Parallel()
			kernel := landlockVersion() > 0 && !bare
			for _, a := range attacks {
				dir := grounds(t)
				r := groundsRequest(dir, a.at(dir))
				r.bare = bare
				out, _, err := new(fixture).ask(t.Context(), ungated, r)
				if a.behind == denied && err == nil || a.behind == kernelOnly && kernel && err == nil {
					t.Errorf("%s: went through: %s", a.name, out)
				}
				if a.behind == kernelOnly && !kernel && err != nil {
					t.Errorf("%s: DuckDB stops it by now, say so in the table: %v", a.name, err)
				}
				if a.behind != kernelOnly || kernel {
					checkGrounds(t, a, dir)
				}
			}
		})
	}
}

// checkGrounds looks for traces that an attack left.
func checkGrounds(t *testing.T, a attack, dir string) {
	t.Helper()
	entries, err := os.ReadDir(dir)
	if err != nil {
		t.Fatal(err)
	}
	if len(entries) != 3 {
		t.Errorf("%s: left %d files", a.name, len(entries))
	}
	for _, name := range []string{"segment.csv", "other.csv"} {
		if b, err := os.ReadFile(filepath.Join(dir, name)); err != nil || string(b) != "a\n1\n" {
			t.Errorf("%s: %s is now %q, %v", a.name, name, b, err)
		}
	}
}
