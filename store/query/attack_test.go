package query

import (
	"errors"
	"os"
	"path/filepath"
	"strconv"
	"strings"
	"testing"
)

// grounds is the folder that attacks are tried on.
func grounds(t testing.TB) string {
	t.Helper()
	dir := t.TempDir()
	if err := layGrounds(dir); err != nil {
		t.Fatal(err)
	}
	return dir
}

func groundsRequest(dir, sql string) Request {
	return Request{
		SQL: sql, Output: OutputNDJSON,
		Tables: []Table{{Name: "mongodb_audit", SQL: "SELECT * FROM read_csv({files}, hive_partitioning = false)", Files: []File{{Path: dir + "/segment.csv"}}}},
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

// TestKernelAlone tries the attacks on files with Landlock as the only layer.
func TestKernelAlone(t *testing.T) {
	t.Parallel()
	if landlockVersion() == 0 {
		t.Log("this kernel has no Landlock")
		return
	}
	dir, pid := grounds(t), strconv.Itoa(os.Getpid())
	for _, sql := range []string{
		"SELECT * FROM read_text('/etc/passwd')",
		"SELECT * FROM read_text('{other}')",
		"SELECT * FROM read_text('{link}')",
		"SELECT * FROM read_blob(['/proc/%d/environ', '/proc/%d/environ', '/proc/%d/cmdline', '/proc/%d/maps'])",
		"SELECT content FROM read_text('/proc/%d/status')",
		"COPY (SELECT 1) TO '{new}'",
		"COPY (SELECT 2 AS a) TO '{segment}' (FORMAT csv, USE_TMP_FILE false)",
		"COPY (SELECT 2 AS a) TO '{segment}' (FORMAT csv)",
		"COPY (SELECT 2 AS a) TO '{other}' (FORMAT csv, USE_TMP_FILE false)",
		"EXPORT DATABASE '{new}'",
		"ATTACH '{new}' AS d",
	} {
		sql = attack{sql: strings.ReplaceAll(sql, "%d", pid)}.at(dir)
		out, _, err := new(fixture).ask(t.Context(), naked, groundsRequest(dir, sql))
		if err == nil {
			t.Errorf("%s went through: %.100s", sql, out)
		}
		checkGrounds(t, attack{name: sql}, dir)
	}
	// The layer does let pass what a query needs.
	out, _, err := new(fixture).ask(t.Context(), naked, groundsRequest(dir, "SELECT * FROM mongodb_audit"))
	if err != nil || out != "{\"a\":1}\n" {
		t.Errorf("a query for the segment: %q, %v", out, err)
	}
}

// TestCheckSandbox holds that the check passes here, finds Landlock where it is,
// and does not overlook a hole.
func TestCheckSandbox(t *testing.T) {
	t.Parallel()
	r, err := CheckSandbox(t.Context())
	if err != nil {
		t.Fatal(err)
	}
	var text strings.Builder
	if err := r.Print(&text); err != nil {
		t.Fatal(err)
	}
	if !r.OK() || len(r.Checks) < len(attacks) {
		t.Errorf("%d checks:\n%s", len(r.Checks), text.String())
	}
	for i := range r.Checks {
		if r.Checks[i].Needed {
			r.Checks[i].Holds = false
			break
		}
	}
	if r.OK() {
		t.Error("a check that fails goes unnoticed")
	}
	if (Report{}).OK() {
		t.Error("a report without checks is taken for good")
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
