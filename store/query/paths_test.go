package query

import (
	"os"
	"path/filepath"
	"testing"
)

// TestOddPaths reads segments whose folders have names that DuckDB or SQL could
// take for something else.
func TestOddPaths(t *testing.T) {
	t.Parallel()
	for _, name := range []string{"it's", "a b", "a;b", "ünï", "star*", "ask?", "set[1]", "brace{1}", "back\\slash", "hive=1", "{files}", "percent%20"} {
		dir := filepath.Join(t.TempDir(), name)
		if err := os.Mkdir(dir, 0o700); err != nil {
			t.Fatal(err)
		}
		if err := layGrounds(dir); err != nil {
			t.Fatal(err)
		}
		out, _, err := new(fixture).ask(t.Context(), WorkerCommand, groundsRequest(dir, "SELECT * FROM mongodb_audit"))
		if err != nil || out != "{\"a\":1}\n" {
			t.Errorf("%s: %q, %v", name, out, err)
		}
	}
}
