package main

import (
	"bytes"
	"io"
	"strings"
	"testing"

	"github.com/margay-audit/margay/event"
	"github.com/margay-audit/margay/schema"
	"github.com/margay-audit/margay/store"
	"github.com/margay-audit/margay/store/catalog"
	"github.com/margay-audit/margay/store/query"
	"github.com/margay-audit/margay/store/segment"
)

// TestSeveralLayouts reads segments as if they were of two layouts: the tables
// for each are behind the one that users see.
func TestSeveralLayouts(t *testing.T) {
	t.Parallel()
	config, dataDir, logPath := killConfig(t, "")
	m := newMongod(logPath, 59)
	for range 2 {
		m.write(t, 50)
		collected(t, config, dataDir, m)
	}
	r, err := store.OpenReader(dataDir)
	if err != nil {
		t.Fatal(err)
	}
	defer r.Close()
	snapshot, err := r.Snapshot(t.Context(), catalog.Which{LogType: event.MongoDBAudit})
	if err != nil || len(snapshot.Segments) < 2 {
		t.Fatalf("%d segments: %v", len(snapshot.Segments), err)
	}
	s := schema.Builtin().Lookup(event.MongoDBAudit)
	snapshot.Layouts = map[string]*segment.Layout{"a": segment.LayoutOf(s), "b": segment.LayoutOf(s)}
	files := map[string][]query.File{}
	for i := range snapshot.Segments {
		hash := []string{"a", "b"}[i%2]
		files[hash] = append(files[hash], query.File{Path: r.Path(&snapshot.Segments[i])})
	}
	for sql, want := range map[string]string{
		"SELECT count(*) AS n, count(DISTINCT p_row_id) AS d FROM mongodb_audit": "n,d\n100,100\n",
		"SHOW TABLES": "name\nmongodb_audit\n",
	} {
		var out bytes.Buffer
		req := query.Request{SQL: sql, Output: query.OutputCSV, Tables: logTypeTables(s, "mongodb_audit", snapshot, files)}
		if _, err := query.Run(t.Context(), req, &out, io.Discard); err != nil || out.String() != want {
			t.Errorf("%s: %q, %v", sql, out.String(), err)
		}
	}
}

// TestTableNames holds that every table a user sees is one of the manual.
func TestTableNames(t *testing.T) {
	t.Parallel()
	config, dataDir, logPath := killConfig(t, "")
	m := newMongod(logPath, 60)
	m.write(t, 10)
	collected(t, config, dataDir, m)
	want := strings.Fields(`name events margay_commands margay_commits margay_orphans margay_quarantine margay_segments margay_sources
		margay_streams mongodb_audit mongodb_auditocsf mongodb_organizationevent mongodb_projectevent rapid7_auditlog`)
	if out := succeeds(t, "sql", "--data-dir", dataDir, "-o", "csv", "SHOW TABLES"); out != strings.Join(want, "\n")+"\n" {
		t.Errorf("tables %q, want %q", strings.Fields(out), want)
	}
	refused(t, exitUsage, []string{"there is no table"}, "sql", "--data-dir", dataDir, "SELECT * FROM margay_resolved")
}
