package config

import (
	"fmt"
	"slices"
	"strings"
	"time"

	"github.com/margay-audit/margay/event"
)

// topFields are the keys of the file.
func (d *decoder) topFields(c *Config) []field {
	return []field{
		{
			name: "data_dir", form: "path", def: "`data`",
			doc:  "The folder that holds everything Margay keeps: events, the catalog, what is in quarantine. It is made if there is none.",
			read: func(d *decoder, v value) { d.path(v, &c.DataDir) },
		},
		{
			name: "sources", form: "list of mappings", fields: sourceFields(&Source{}),
			doc: "Where events come from; at least one.",
			read: func(d *decoder, v value) {
				d.list(v, "sources", func(_ int, v value) { c.Sources = append(c.Sources, d.source(v)) })
			},
		},
		{
			name: "store", form: "mapping", def: "the defaults of its keys", fields: storeFields(&Store{}),
			doc:  "How events are kept.",
			read: func(d *decoder, v value) { d.mapping(v, storeFields(&c.Store)) },
		},
		{
			name: "quarantine", form: "mapping", def: "the defaults of its keys", fields: quarantineFields(&Quarantine{}),
			doc:  "What fitted no schema, or could not be decoded, is kept in quarantine.",
			read: func(d *decoder, v value) { d.mapping(v, quarantineFields(&c.Quarantine)) },
		},
	}
}

func storeFields(s *Store) []field {
	return []field{
		{
			name: "flush_interval", form: "duration", def: "`1s`",
			doc:  "How long an event may wait, together with others, before it is durable and seen by queries. From 10ms to 1m.",
			read: func(d *decoder, v value) { d.duration(v, &s.FlushInterval, 10*time.Millisecond, time.Minute) },
		},
		{
			name: "retention", form: "duration", def: "keeping everything",
			doc:  "How long events are kept, counted from when they were stored. At least 1s.",
			read: func(d *decoder, v value) { d.duration(v, &s.Retention, time.Second, 36500*24*time.Hour) },
		},
	}
}

func quarantineFields(q *Quarantine) []field {
	return []field{{
		name: "max_bytes", form: "size", def: "`1GiB`",
		doc:  "How much may be in quarantine. When it is full, sources that can be read again later wait, and say so in their status. At least 1MiB.",
		read: func(d *decoder, v value) { d.size(v, &q.MaxBytes, 1<<20, 1<<50) },
	}}
}

// commonFields are the keys that sources of every kind have.
func commonFields(s *Source) []field {
	return []field{
		{
			name: "name", form: "text",
			doc: "What events of the source are labelled with (`p_source_label`). Unique, at most 200 characters.",
			read: func(d *decoder, v value) {
				s.Name, _ = d.str(v, 200)
			},
		},
		{
			name: "type", form: "word",
			doc:  "The kind of source; it decides on the further keys.",
			read: func(d *decoder, v value) { d.word(v, &s.Type, kindNames()...) },
		},
		{
			name: "id", form: "UUID", def: "a UUID made from the name",
			doc:  "What the source is known by for ever (`p_source_id`). Set it before a source is renamed, or the renamed source is a new one.",
			read: func(d *decoder, v value) { d.uuid(v, &s.ID) },
		},
		{
			name: "redact", form: "`on` or `off`", def: "`on`",
			doc:  "Whether passwords, keys and other secrets in events are replaced before anything is stored. `off` keeps them, and shows in the status.",
			read: func(d *decoder, v value) { d.toggle(v, &s.Redact) },
		},
		{
			name: "log_types", form: "list of log types", def: "every known log type, told apart by content",
			doc: "The log types that events of the source may have. Others go to quarantine.",
			read: func(d *decoder, v value) {
				d.list(v, "log types", func(_ int, v value) {
					var t string
					if d.word(v, &t, logTypeNames()...) {
						s.LogTypes = append(s.LogTypes, event.LogType(t))
					}
				})
			},
		},
	}
}

// ParseLogType returns the log type of that name, which a source can have. The
// error names the nearest one, or all.
func ParseLogType(name string) (event.LogType, error) {
	names := logTypeNames()
	if slices.Contains(names, name) {
		return event.LogType(name), nil
	}
	if t := nearest(name, names); t != "" {
		return "", fmt.Errorf("there is no log type %q: did you mean %s?", name, t)
	}
	return "", fmt.Errorf("there is no log type %q: known are %s", name, strings.Join(names, ", "))
}

// logTypeNames are the log types that a source can have.
func logTypeNames() []string {
	types := []event.LogType{
		event.MongoDBAudit, event.MongoDBAuditOCSF, event.MongoDBOrganizationEvent,
		event.MongoDBProjectEvent, event.Rapid7AuditLog,
	}
	names := make([]string, len(types))
	for i, t := range types {
		names[i] = string(t)
	}
	return names
}
