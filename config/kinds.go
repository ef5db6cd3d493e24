package config

import "go.yaml.in/yaml/v4"

// A kind is a kind of source: a value of the key type, with the keys that
// belong to it.
type kind struct {
	name, doc string
	// fields makes the kind's struct, puts it into the source, and returns the
	// keys that fill it.
	fields func(s *Source) []field
}

// kinds are all kinds of sources, in the order of the reference. A new kind
// needs an entry here, a pointer in Source, and a file like file.go.
func kinds() []kind {
	return []kind{
		{name: "file", doc: "Reads log files as they grow, through every rotation.", fields: fileFields},
	}
}

func kindNames() []string {
	var names []string
	for _, k := range kinds() {
		names = append(names, k.name)
	}
	return names
}

// sourceFields are the keys of a source; of every kind as long as the kind is
// not known.
func sourceFields(s *Source) []field {
	fields := commonFields(s)
	for _, k := range kinds() {
		if s.Type == k.name {
			return append(fields, k.fields(s)...)
		}
	}
	for _, k := range kinds() {
		var other Source
		for _, f := range k.fields(&other) {
			f.def = "unknown"
			fields = append(fields, f)
		}
	}
	return fields
}

// source reads an entry of sources. The kind decides on the keys, wherever in
// the entry it stands, so it is looked for first.
func (d *decoder) source(v value) Source {
	s := Source{Redact: true, Line: v.node.Line}
	if v.node.Kind == yaml.MappingNode {
		s.Type = d.typeOf(v.node)
	}
	d.mapping(v, sourceFields(&s))
	if s.HasID = s.ID != ""; !s.HasID && s.Name != "" {
		s.ID = SourceID(s.Name)
	}
	return s
}

// typeOf returns the value of the key type, or "". What is wrong with it is
// reported when it is read in its turn.
func (d *decoder) typeOf(mapping *yaml.Node) string {
	for i := 0; i+1 < len(mapping.Content); i += 2 {
		if mapping.Content[i].Value != "type" {
			continue
		}
		n := mapping.Content[i+1]
		if n.Kind == yaml.AliasNode {
			n = n.Alias
		}
		if s, err := d.expand(n.Value); err == nil {
			return s
		}
	}
	return ""
}
