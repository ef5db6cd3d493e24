package main

import (
	"bytes"
	"fmt"
	"io"
	"math/rand/v2"
	"os"
	"path/filepath"
	"slices"
	"strings"
	"testing"

	"github.com/margay-audit/margay/auditlog/synth"
	"github.com/margay-audit/margay/store"
	"github.com/margay-audit/margay/store/query"
)

// TestIndicatorsPrune holds that statements which ask for one indicator have the
// same answers whether segments are left out by their filters or not, and that
// segments are left out.
func TestIndicatorsPrune(t *testing.T) {
	t.Parallel()
	dir := t.TempDir()
	log, dataDir := filepath.Join(dir, "auditLog.json"), filepath.Join(dir, "data")
	var text []byte
	gen := synth.New(synth.Config{Seed: 5})
	for range 15 * 30 {
		text = gen.Next(text)
	}
	if err := os.WriteFile(log, text, 0o600); err != nil {
		t.Fatal(err)
	}
	if err := trickle(t.Context(), dataDir, log, 15, 30); err != nil { // one less than are merged
		t.Fatal(err)
	}
	known := indicators(t, dataDir)
	r := rand.New(rand.NewPCG(1, 2))
	pruned := 0
	for _, form := range []string{
		"SELECT p_row_id FROM mongodb_audit WHERE list_contains(p_any_usernames, %s)",
		"SELECT p_row_id, p_log_type FROM events e WHERE %s = ANY(e.p_any_ip_addresses)",
		"SELECT count(*) AS n FROM mongodb_audit WHERE %s IN p_any_usernames AND result = 0",
		"SELECT max(p_event_time) AS t FROM events WHERE p_event_time > '2000-01-01' AND array_has(p_any_ip_addresses, %s)",
		"SELECT count(*) AS n FROM mongodb_audit WHERE NOT list_contains(p_any_usernames, %s)",
		"SELECT count(*) AS n FROM mongodb_audit WHERE list_contains(p_any_usernames, %s) OR result <> 0",
		"SELECT count(*) AS n FROM events WHERE list_has(p_any_usernames, %[1]s) AND list_has(p_any_ip_addresses, %[1]s)",
	} {
		for range 4 {
			value := known[r.IntN(len(known))]
			if r.IntN(3) == 0 {
				value += "'s" // nobody
			}
			sql := fmt.Sprintf(form, "'"+strings.ReplaceAll(value, "'", "''")+"'")
			got, res := rowsOf(t, dataDir, sql, true)
			want, _ := rowsOf(t, dataDir, sql, false)
			if !slices.Equal(got, want) {
				t.Errorf("%s: %q with pruning, %q without", sql, got, want)
			}
			pruned += res.Pruned
		}
	}
	if pruned == 0 {
		t.Error("no segment was ever left out")
	}
}

// indicators returns the user names and addresses of a store.
func indicators(t *testing.T, dir string) []string {
	t.Helper()
	rows, _ := rowsOf(t, dir, "SELECT DISTINCT unnest(p_any_usernames || p_any_ip_addresses) FROM events", false)
	if len(rows) < 10 {
		t.Fatalf("%d indicators", len(rows))
	}
	return rows
}

// rowsOf returns the sorted rows of a statement as CSV.
func rowsOf(t *testing.T, dir, sql string, prune bool) ([]string, query.Result) {
	t.Helper()
	req := query.Request{SQL: sql, Output: query.OutputCSV}
	r, err := store.OpenReader(dir)
	if err != nil {
		t.Fatal(err)
	}
	defer r.Close()
	if req.Memory, err = systemTables(t.Context(), r, sql); err != nil {
		t.Fatal(err)
	}
	if req.Tables, err = eventTables(t.Context(), r, sql); err != nil {
		t.Fatal(err)
	}
	for i := range req.Tables {
		for j := range req.Tables[i].Files {
			if f := &req.Tables[i].Files[j]; !prune {
				f.Lacks, f.Min, f.Max = nil, 0, 0
			}
		}
	}
	var out bytes.Buffer
	res, err := query.Run(t.Context(), req, &out, io.Discard)
	if err != nil {
		t.Fatalf("%s: %v", sql, err)
	}
	rows := strings.Split(strings.TrimSpace(out.String()), "\n")[1:]
	slices.Sort(rows)
	return rows, res
}
