package main

import (
	"fmt"
	"os"
	"path/filepath"
	"strings"
	"testing"

	"github.com/alecthomas/kong"
)

//go:generate env MARGAY_UPDATE=1 go test -run TestReferenceIsCurrent .

// TestReferenceIsCurrent holds docs/reference/cli.md against the command line
// itself; with MARGAY_UPDATE set it writes the page.
func TestReferenceIsCurrent(t *testing.T) {
	t.Parallel()
	var c cli
	parser, err := kong.New(&c, kong.Name("margay"), kong.Description(description), kong.Vars{"version": version})
	if err != nil {
		t.Fatal(err)
	}
	var b strings.Builder
	b.WriteString("# The command line\n\nWritten by `go generate ./cmd/margay`; the same text is in `margay COMMAND --help`.\n\n")
	fmt.Fprintf(&b, "%s\n\n", indent(description))
	b.WriteString("Every command takes these:\n\n")
	writeFlags(&b, parser.Model.Flags)
	writeCommands(&b, parser.Model.Node, "margay")
	path := filepath.Join("..", "..", "docs", "reference", "cli.md")
	if os.Getenv("MARGAY_UPDATE") != "" {
		if err := os.WriteFile(path, []byte(b.String()), 0o644); err != nil {
			t.Fatal(err)
		}
		return
	}
	have, err := os.ReadFile(path)
	if err != nil {
		t.Fatal(err)
	}
	if string(have) != b.String() {
		t.Errorf("%s is not what the command line says now: run make generate", path)
	}
}

func indent(text string) string {
	return "    " + strings.ReplaceAll(text, "\n", "\n    ")
}

func writeCommands(b *strings.Builder, n *kong.Node, name string) {
	for _, child := range n.Children {
		if child.Hidden {
			continue
		}
		full := name + " " + child.Name
		if len(child.Children) > 0 {
			writeCommands(b, child, full)
			continue
		}
		fmt.Fprintf(b, "## %s\n\n", full)
		fmt.Fprintf(b, "%s\n\n", child.Help)
		fmt.Fprintf(b, "    %s\n\n", full+strings.TrimPrefix(child.Summary(), child.Path()))
		if child.Detail != "" {
			fmt.Fprintf(b, "%s\n\n", indent(child.Detail))
		}
		for _, p := range child.Positional {
			fmt.Fprintf(b, "- `%s`: %s\n", p.Summary(), p.Help)
		}
		if len(child.Positional) > 0 {
			b.WriteString("\n")
		}
		writeFlags(b, child.Flags)
	}
}

func writeFlags(b *strings.Builder, flags []*kong.Flag) {
	n := 0
	for _, f := range flags {
		if f.Hidden || f.Name == "help" {
			continue
		}
		n++
		names := "--" + f.Name
		if f.Tag.Negatable != "" {
			names = "--[no-]" + f.Name
		}
		if f.Short != 0 {
			names = fmt.Sprintf("-%c, %s", f.Short, names)
		}
		if !f.IsBool() {
			names += "=" + f.FormatPlaceHolder()
		}
		help := f.Help
		if len(f.Envs) > 0 {
			help += fmt.Sprintf(" Also `$%s`.", strings.Join(f.Envs, "`, `$"))
		}
		fmt.Fprintf(b, "- `%s`: %s\n", names, help)
	}
	if n > 0 {
		b.WriteString("\n")
	}
}
