package event

import "strings"

// LogType names the schema of an event, as Panther writes it: a vendor and a
// kind with a dot between.
type LogType string

// The built-in log types.
const (
	// MongoDBAudit is a message of mongod's, mongos' or Percona Server's audit
	// log in the "mongo" schema.
	MongoDBAudit LogType = "MongoDB.Audit"
	// MongoDBAuditOCSF is an audit message that mongod wrote in OCSF itself
	// (auditLog.schema: OCSF, MongoDB 8.0 and later).
	MongoDBAuditOCSF LogType = "MongoDB.AuditOCSF"
	// MongoDBOrganizationEvent is an event of an Atlas organization.
	MongoDBOrganizationEvent LogType = "MongoDB.OrganizationEvent"
	// MongoDBProjectEvent is an event of an Atlas project.
	MongoDBProjectEvent LogType = "MongoDB.ProjectEvent"
	// Rapid7AuditLog is an entry of a Rapid7 platform audit log.
	Rapid7AuditLog LogType = "Rapid7.AuditLog"
	// Quarantine is the log type of what fitted no schema. It is a table of
	// Margay's own and not part of the view events.
	Quarantine LogType = "Margay.Quarantine"
)

// Table returns the name of the SQL table that holds events of this type:
// lower case, with an underscore for each dot.
func (t LogType) Table() string {
	return strings.ToLower(strings.ReplaceAll(string(t), ".", "_"))
}
