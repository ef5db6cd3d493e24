package config

import (
	"fmt"
	"path/filepath"
	"regexp"
	"strings"
)

// expandError says why a ${…} could not be replaced. It names the variable or
// the file, never a content.
type expandError struct{ message, hint string }

var variableName = regexp.MustCompile(`^[A-Za-z_][A-Za-z0-9_]*$`)

// expand replaces ${NAME} by the environment variable and ${file:path} by the
// contents of the file without its last line end. $${ stands for ${ itself, and
// any other $ for itself. What was put in is not looked at again.
func (d *decoder) expand(s string) (string, *expandError) {
	var b strings.Builder
	for {
		i := strings.Index(s, "${")
		if i < 0 {
			b.WriteString(s)
			return b.String(), nil
		}
		if i > 0 && s[i-1] == '$' {
			b.WriteString(s[:i-1] + "${")
			s = s[i+2:]
			continue
		}
		b.WriteString(s[:i])
		name, rest, closed := strings.Cut(s[i+2:], "}")
		if !closed {
			return "", &expandError{"a ${ has no }", "write $${ to mean the characters ${ themselves"}
		}
		got, err := d.variable(name)
		if err != nil {
			return "", err
		}
		b.WriteString(got)
		s = rest
	}
}

// variable returns what stands for the text between the braces.
func (d *decoder) variable(name string) (string, *expandError) {
	if path, ok := strings.CutPrefix(name, "file:"); ok {
		if !filepath.IsAbs(path) {
			path = filepath.Join(d.dir, path)
		}
		text, err := readFile(path)
		if err != nil {
			return "", &expandError{fmt.Sprintf("cannot read the file of ${%s}: %v", name, err), "a relative path is against the folder of this file"}
		}
		s := strings.TrimSuffix(string(text), "\n")
		return strings.TrimSuffix(s, "\r"), nil
	}
	if !variableName.MatchString(name) {
		return "", &expandError{"a ${…} holds neither the name of a variable nor file: and a path", "write $${ to mean the characters ${ themselves"}
	}
	got, ok := d.lookup(name)
	if !ok {
		return "", &expandError{fmt.Sprintf("the environment variable %s is not set", name), "set it (it may be empty), or write $${ to mean the characters ${ themselves"}
	}
	return got, nil
}
