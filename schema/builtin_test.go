package schema

import (
	"bytes"
	"flag"
	"fmt"
	"os"
	"path/filepath"
	"strings"
	"testing"
	"time"

	"github.com/google/go-cmp/cmp"
	"github.com/margay-audit/margay/event"
)

var update = flag.Bool("update", false, "write golden files and reference pages anew")

// golden compares got with a file, or writes the file under -update.
func golden(t *testing.T, path, got string) {
	t.Helper()
	if *update {
		if err := os.MkdirAll(filepath.Dir(path), 0o755); err != nil {
			t.Fatal(err)
		}
		if err := os.WriteFile(path, []byte(got), 0o644); err != nil {
			t.Fatal(err)
		}
	}
	want, err := os.ReadFile(path)
	if err != nil {
		t.Fatal(err)
	}
	if diff := cmp.Diff(string(want), got); diff != "" {
		t.Errorf("%s is out of date; go test ./schema -update writes it anew (-file +now):\n%s", path, diff)
	}
}

func withQuarantine() []*Schema { return append(Builtin().All(), QuarantineSchema()) }

func TestBuiltinSet(t *testing.T) {
	want := []event.LogType{
		event.MongoDBAudit, event.MongoDBAuditOCSF, event.MongoDBOrganizationEvent,
		event.MongoDBProjectEvent, event.Rapid7AuditLog, event.Quarantine,
	}
	var got []event.LogType
	for _, s := range withQuarantine() {
		got = append(got, s.LogType())
	}
	if diff := cmp.Diff(want, got); diff != "" {
		t.Errorf("log types (-want +got):\n%s", diff)
	}
	if Builtin().Lookup(event.Quarantine) != nil {
		t.Error("an event could be classified as quarantine")
	}
}

// TestStoredShape holds the columns of each schema. Data is stored in this shape:
// whoever changes it must raise the schema's version as well.
func TestStoredShape(t *testing.T) {
	names := map[Type]string{
		TypeString: "string", TypeBoolean: "boolean", TypeInt16: "int16", TypeInt32: "int32",
		TypeInt64: "int64", TypeFloat64: "float64", TypeTimestamp: "timestamp", TypeJSON: "json",
	}
	var b strings.Builder
	for _, s := range withQuarantine() {
		fmt.Fprintf(&b, "%s version %d\n", s.LogType(), s.Version())
		for i, l := range s.Leaves() {
			fmt.Fprintf(&b, "  %s %s %d %d", strings.Join(l.Path, "."), names[l.Type], l.MaxRep, l.MaxDef)
			if i == s.CutLeaf() {
				b.WriteString(" cut")
			}
			b.WriteString("\n")
		}
	}
	golden(t, "testdata/columns.golden", b.String())
}

// TestSamples coerces one event of each kind, by the schema that the classifier
// finds.
func TestSamples(t *testing.T) {
	c := Builtin().Classifier(nil)
	for _, name := range []string{"audit", "ocsf", "atlas", "rapid7"} {
		var b strings.Builder
		for _, line := range lines(t, name+".jsonl") {
			d := decode(t, line)
			var row Row
			s, err := c.Classify(&row, d)
			if err != nil {
				t.Errorf("%s: %v", line, err)
				continue
			}
			at := "none"
			if row.HasEventTime {
				at = time.UnixMicro(row.EventTime).UTC().Format(time.RFC3339Nano)
			}
			fmt.Fprintf(&b, "%s at %s\n", s.LogType(), at)
			fmt.Fprintf(&b, "  row: %s\n", mustAssemble(t, s, &row))
			fmt.Fprintf(&b, "  extra: %s\n  cut: %s\n", row.Extra, line[row.CutStart:row.CutEnd])
			fmt.Fprintf(&b, "  indicators: %s\n", bytes.Join(row.Indicators, []byte(" ")))
		}
		golden(t, "testdata/"+name+".golden", b.String())
	}
}

// TestReferencePages keeps docs/reference/schemas in step with the schemas.
func TestReferencePages(t *testing.T) {
	dir := filepath.Join("..", "docs", "reference", "schemas")
	var index strings.Builder
	index.WriteString("# Schemas\n\nThe log types that Margay knows, each with a table in SQL of its own.\n" +
		"`make generate` writes these pages from the schemas.\n\n| Log type | What it is |\n|---|---|\n")
	for _, s := range withQuarantine() {
		name := s.LogType().Table() + ".md"
		golden(t, filepath.Join(dir, name), s.Markdown())
		fmt.Fprintf(&index, "| [%s](%s) | %s |\n", s.LogType(), name, strings.Join(strings.Fields(s.Description()), " "))
	}
	golden(t, filepath.Join(dir, "README.md"), index.String())
}

// TestDescribed: a column that nobody explains is of little use.
func TestDescribed(t *testing.T) {
	var walk func(s *Schema, path string, fields []fieldDecl)
	walk = func(s *Schema, path string, fields []fieldDecl) {
		for i := range fields {
			if fields[i].description == "" {
				t.Errorf("%s: %s%s has no description", s.LogType(), path, fields[i].name)
			}
			v, _, suffix := s.resolve(&fields[i].value)
			walk(s, path+fields[i].name+suffix+".", v.fields)
		}
	}
	for _, s := range withQuarantine() {
		walk(s, "", s.decl.fields)
	}
}

// TestNoAllocation: coercing happens for every event.
func TestNoAllocation(t *testing.T) {
	for _, name := range []string{"audit", "ocsf", "atlas", "rapid7"} {
		for i, line := range lines(t, name+".jsonl") {
			c := Builtin().Classifier(nil)
			d := decode(t, line)
			var row Row
			allocs := testing.AllocsPerRun(20, func() {
				if _, err := c.Classify(&row, d); err != nil {
					t.Fatal(err)
				}
			})
			if allocs > 0 {
				t.Errorf("%s line %d: %v allocations", name, i+1, allocs)
			}
			d.Text = nil
			if allocs := testing.AllocsPerRun(20, func() { _, _ = c.Classify(&row, d) }); allocs > 0 {
				t.Errorf("%s line %d as BSON: %v allocations", name, i+1, allocs)
			}
		}
	}
}
