package schema

import (
	"errors"
	"strings"
	"testing"

	"github.com/margay-audit/margay/event"
	"pgregory.net/rapid"
)

func TestClassify(t *testing.T) {
	org, project := event.MongoDBOrganizationEvent, event.MongoDBProjectEvent
	for _, c := range []struct {
		types []event.LogType
		in    string
		want  event.LogType
	}{
		{nil, string(lines(t, "audit.jsonl")[1]), event.MongoDBAudit},
		{nil, string(lines(t, "ocsf.jsonl")[1]), event.MongoDBAuditOCSF},
		{nil, string(lines(t, "rapid7.jsonl")[1]), event.Rapid7AuditLog},
		{nil, string(lines(t, "atlas.jsonl")[0]), org},
		{nil, string(lines(t, "atlas.jsonl")[1]), project},
		{[]event.LogType{org}, string(lines(t, "atlas.jsonl")[1]), org},
		{[]event.LogType{project}, string(lines(t, "atlas.jsonl")[0]), project},
		{[]event.LogType{project, org, project}, string(lines(t, "atlas.jsonl")[0]), org},
		{nil, `{"created":"2026-01-01T00:00:00Z","eventTypeName":"X","id":"1","groupId":null}`, org},
		{nil, `{"created":"2026-01-01T00:00:00Z","eventTypeName":"X","id":"1","groupId":{}}`, ""},
		{nil, `{"atype":"x"}`, ""},
		{nil, `{}`, ""},
		{[]event.LogType{"Custom.Thing"}, `{}`, ""},
	} {
		var row Row
		s, err := Builtin().Classifier(c.types).Classify(&row, decode(t, []byte(c.in)))
		if c.want == "" {
			var ce *ClassifyError
			if !errors.As(err, &ce) || s != nil || len(c.types) == 0 && len(ce.Reasons) != len(Builtin().All()) {
				t.Errorf("%s: %v, %v", c.in, s, err)
			}
			continue
		}
		if err != nil || s.LogType() != c.want {
			t.Errorf("%s for %v: %v, want %s", c.in, c.types, err, c.want)
		}
	}
}

func TestClassifyErrorSaysWhy(t *testing.T) {
	var row Row
	_, err := Builtin().Classifier([]event.LogType{event.MongoDBAudit, event.Rapid7AuditLog, "Custom.Thing"}).
		Classify(&row, decode(t, []byte(`{"atype":"authCheck","ts":"yesterday","time":1}`)))
	want := "no schema fits: " +
		"Rapid7.AuditLog: field time: need a time of the years 1 to 9999 in the declared format, found an int32 of 4 bytes; " +
		"MongoDB.Audit: field ts: need a time of the years 1 to 9999 in the declared format, found a string of 14 bytes; " +
		"Custom.Thing: there is no such schema"
	if err == nil || err.Error() != want {
		t.Errorf("got %v\nwant %s", err, want)
	}
}

// TestClassifyErrorBeginsWithTheLikeliest: people read the beginning of a reason,
// so it must not be about log types that the event cannot be.
func TestClassifyErrorBeginsWithTheLikeliest(t *testing.T) {
	for in, want := range map[string]string{
		`{"atype":"authCheck","ts":"yesterday"}`: "no schema fits: MongoDB.Audit: field ts: need a time",
		`{"created":true,"atype":null}`:          "no schema fits: MongoDB.OrganizationEvent: field created: need a time",
	} {
		var row Row
		_, err := Builtin().Classifier(nil).Classify(&row, decode(t, []byte(in)))
		if err == nil || !strings.HasPrefix(err.Error(), want) {
			t.Errorf("%s: %v, want %s …", in, err, want)
		}
	}
}

// TestClassifyForgets: what a classifier has seen changes no answer. The events
// are built so that each schema's required fields come and go.
func TestClassifyForgets(t *testing.T) {
	parts := []string{
		`"atype":"x"`, `"ts":{"$date":"2026-01-01T00:00:00Z"}`, `"ts":null`, `"created":"2026-01-01T00:00:00Z"`,
		`"created":"never"`, `"eventTypeName":"E"`, `"id":"1"`, `"groupId":"g"`, `"action":"a"`, `"audit_id":"b"`,
		`"time":"2026-01-01T00:00:00Z"`, `"result":"x"`,
	}
	set := newSet(append(Builtin().All(), compileFields(t,
		"{name: who, type: string, required: true, rename: {from: [atype, eventTypeName]}}",
		"{name: a, type: string, required: true, rename: {from: [action, audit_id]}}"))...)
	rapid.Check(t, func(t *rapid.T) {
		sticky := set.Classifier(nil)
		var row, fresh Row
		for range 12 {
			in := "{" + strings.Join(rapid.SliceOfDistinct(rapid.SampledFrom(parts), func(s string) string { return s }).Draw(t, "event"), ",") + "}"
			d := decode(t, []byte(in))
			got, err := sticky.Classify(&row, d)
			want, wantErr := set.Classifier(nil).Classify(&fresh, d)
			if got != want || (err == nil) != (wantErr == nil) || err != nil && err.Error() != wantErr.Error() {
				t.Fatalf("%s: got %v (%v), want %v (%v)", in, got, err, want, wantErr)
			}
			if err == nil && len(row.Cells) != len(fresh.Cells) {
				t.Fatalf("%s: %d cells, want %d", in, len(row.Cells), len(fresh.Cells))
			}
		}
	})
}
