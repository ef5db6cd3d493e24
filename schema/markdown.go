package schema

import (
	"fmt"
	"strings"
)

// Markdown returns the reference page of the schema: every field with its type,
// what it is, and which of the standard columns it fills.
func (s *Schema) Markdown() string {
	var b strings.Builder
	fmt.Fprintf(&b, "# %s\n\n%s\n\n", s.logType, s.description)
	if s.referenceURL != "" {
		fmt.Fprintf(&b, "The events as their maker documents them: <%s>\n\n", s.referenceURL)
	}
	fmt.Fprintf(&b, "SQL table: `%s`. Schema version: %d.\n\n", s.logType.Table(), s.version)
	if len(s.preferredWith) > 0 {
		fmt.Fprintf(&b, "Preferred among schemas that fit equally well when the event has `%s`.\n\n", strings.Join(s.preferredWith, "`, `"))
	}
	b.WriteString("| Column | Type | Description |\n|---|---|---|\n")
	s.rows(&b, "", s.decl.fields)
	var lists []string
	for list, name := range listNames {
		if s.lists[list] >= 0 {
			lists = append(lists, "`"+name+"`")
		}
	}
	if lists != nil {
		fmt.Fprintf(&b, "\nIndicators are collected in %s.\n", strings.Join(lists, ", "))
	}
	if s.cut >= 0 {
		fmt.Fprintf(&b, "\n`%s` is the text of the line as it was received.\n", s.leaves[s.cut].Path[0])
	}
	b.WriteString("\nTop-level fields that are not declared here are kept in `p_extra`, as JSON.\n")
	return b.String()
}

// rows writes a row of the table for each field and everything inside it.
func (s *Schema) rows(b *strings.Builder, prefix string, fields []fieldDecl) {
	for i := range fields {
		f := &fields[i]
		v, typ, suffix := s.resolve(&f.value)
		path := prefix + f.name
		fmt.Fprintf(b, "| `%s` | %s | %s |\n", path, typ, cell(f, v))
		s.rows(b, path+suffix+".", v.fields)
	}
}

// resolve follows references and arrays down to what has fields. It returns that
// value with the name of the whole type and what arrays add to the path.
func (s *Schema) resolve(v *valueDecl) (at *valueDecl, typ, suffix string) {
	for {
		switch v.typ {
		case "ref":
			v = s.decl.definitions[v.target]
		case "array":
			typ, suffix = typ+"array of ", suffix+"[]"
			element := *v.element
			element.indicators = append(append([]string(nil), v.element.indicators...), v.indicators...)
			v = &element
		default:
			return v, typ + v.typ, suffix
		}
	}
}

// cell writes what there is to say about a field.
func cell(f *fieldDecl, v *valueDecl) string {
	var notes []string
	if f.required {
		notes = append(notes, "**Required.**")
	}
	if f.description != "" {
		notes = append(notes, strings.Join(strings.Fields(f.description), " "))
	}
	if v.eventTime {
		notes = append(notes, "Becomes `p_event_time`.")
	}
	if len(v.timeFormats) > 0 {
		notes = append(notes, "Written as "+words(v.timeFormats)+".")
	}
	if len(f.rename) > 0 {
		notes = append(notes, "Read from `"+strings.Join(f.rename, "` or else `")+"`.")
	}
	if len(f.copy) > 0 {
		notes = append(notes, "Copied from `"+strings.Join(f.copy, "`, or else `")+"`.")
	}
	if len(v.indicators) > 0 {
		notes = append(notes, "Indicator: "+words(v.indicators)+".")
	}
	return strings.ReplaceAll(strings.Join(notes, " "), "|", "\\|")
}
