package schema

import "testing"

func TestBuiltinCompiles(t *testing.T) {
	want := []string{"MongoDB.Audit", "MongoDB.AuditOCSF", "MongoDB.OrganizationEvent", "MongoDB.ProjectEvent", "Rapid7.AuditLog"}
	all := Builtin().All()
	if len(all) != len(want) {
		t.Fatalf("got %d schemas, want %d", len(all), len(want))
	}
	for i, s := range all {
		if string(s.LogType()) != want[i] {
			t.Errorf("schema %d is %s, want %s", i, s.LogType(), want[i])
		}
	}
	if got := QuarantineSchema().LogType(); got != "Margay.Quarantine" {
		t.Errorf("the quarantine's log type is %s", got)
	}
}
