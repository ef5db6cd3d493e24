package config

import (
	"fmt"
	"strings"
)

// Reference returns the reference of all keys as Markdown, as it stands in
// docs/reference/config.md.
func Reference() string {
	var b strings.Builder
	b.WriteString(referenceHead)
	var d decoder
	table(&b, "", d.topFields(&Config{}))
	for _, f := range d.topFields(&Config{}) {
		if f.fields == nil {
			continue
		}
		fmt.Fprintf(&b, "\n## %s\n\n", f.name)
		if f.name != "sources" {
			table(&b, f.name+".", f.fields)
			continue
		}
		b.WriteString("Every source has these keys, and those of its type.\n\n")
		table(&b, "", commonFields(&Source{}))
		for _, k := range kinds() {
			fmt.Fprintf(&b, "\n### type: %s\n\n%s\n\n", k.name, k.doc)
			table(&b, "", k.fields(&Source{}))
		}
		fmt.Fprintf(&b, "\nLog types: `%s`.\n", strings.Join(logTypeNames(), "`, `"))
	}
	return b.String()
}

const referenceHead = "# Keys of the config file\n\n" +
	"This page is made from the code by `go generate ./config`. `margay config example`\n" +
	"prints a commented file, `margay config check` checks one.\n\n" +
	"The file is YAML and read strictly: unknown keys and keys that occur twice are errors.\n" +
	"In values `${NAME}` is replaced by an environment variable, which must be set, and\n" +
	"`${file:path}` by the contents of a file, without its last line end; `$${` stands for `${`.\n" +
	"Relative paths are against the folder of the config file. Durations are whole numbers\n" +
	"with a unit: `ms`, `s`, `m`, `h`, `d` (24 hours), `w`; the largest comes first: `1d12h`.\n" +
	"Sizes are bytes, or have a unit: `kB`, `MB`, `GB` in steps of 1000, `KiB`, `MiB`, `GiB` in steps of 1024.\n\n"

func table(b *strings.Builder, prefix string, fields []field) {
	b.WriteString("| key | value | |\n|---|---|---|\n")
	for _, f := range fields {
		def := "Must be there."
		if f.def != "" {
			def = "Defaults to " + f.def + "."
		}
		fmt.Fprintf(b, "| `%s%s` | %s | %s %s |\n", prefix, f.name, f.form, f.doc, def)
	}
}
