package config

import (
	"fmt"
	"path/filepath"
	"strings"
	"testing"

	"pgregory.net/rapid"
)

func TestOverlaps(t *testing.T) {
	c, err := Load(write(t, t.TempDir(), `sources:
  - name: a
    type: file
    paths: [/var/log/a.json*, /var/log/a.json]
  - name: b
    type: file
    paths: [/var/log/b.json, "/var/log/*.json"]
`), environment)
	if err != nil {
		t.Fatal(err)
	}
	got := c.Warnings.Error()
	for _, want := range []string{
		":4:31: sources[0].paths[1]: a file can match this and also sources[0].paths[0]\n    one of the two may be superfluous",
		":7:30: sources[1].paths[1]: a file can match this and also sources[0].paths[0]\n    events of such a file get the label of whichever source reads it first, this one or \"a\"",
	} {
		if !strings.Contains(got, want) {
			t.Errorf("%s\nis not in\n%s", want, got)
		}
	}
	if len(c.Warnings) != 2 {
		t.Error(c.Warnings)
	}
}

func TestGlobsMeet(t *testing.T) {
	for _, c := range []struct {
		a, b string
		want bool
	}{
		{"/a/b", "/a/b", true},
		{"/a/b", "/a/c", false},
		{"/a/*", "/a/c", true},
		{"/a/*", "/a/c/d", false},
		{"/a/*", "/b/*", false},
		{"/*/b", "/a/*", true},
		{"/a/x*", "/a/*y", true},
		{"/a/x*", "/a/y*", false},
		{"/a/?", "/a/bc", false},
		{"/a/[b-d]?", "/a/c*", true},
		{`/a/\*`, "/a/*", true},
		{`/a/\*`, "/a/b", false},
		{"/a/**", "/a/b", true},
		{"", "*", true},
	} {
		if got := globsMeet(c.a, c.b); got != c.want {
			t.Errorf("globsMeet(%q, %q) = %v", c.a, c.b, got)
		}
		if got := globsMeet(c.b, c.a); got != c.want {
			t.Errorf("globsMeet(%q, %q) = %v", c.b, c.a, got)
		}
	}
}

// TestGlobsMeetLaw asserts that two patterns that match one name always meet.
func TestGlobsMeetLaw(t *testing.T) {
	piece := rapid.SampledFrom([]string{"a", "b", "/", "*", "?", "[ab]", `\*`, "[^a]"})
	rapid.Check(t, func(t *rapid.T) {
		a := strings.Join(rapid.SliceOfN(piece, 0, 6).Draw(t, "a"), "")
		b := strings.Join(rapid.SliceOfN(piece, 0, 6).Draw(t, "b"), "")
		name := rapid.StringMatching(`[ab/*]{0,5}`).Draw(t, "name")
		inA, errA := filepath.Match(a, name)
		inB, errB := filepath.Match(b, name)
		// Folders are looked through one by one, so that no class stands for the
		// slash between them; filepath.Match alone would let it.
		deep := strings.Count(name, "/")
		inA, inB = inA && strings.Count(a, "/") == deep, inB && strings.Count(b, "/") == deep
		if errA == nil && errB == nil && inA && inB && !globsMeet(a, b) {
			t.Fatalf("%q matches both", name)
		}
	})
}

func TestHastyRetention(t *testing.T) {
	t.Parallel()
	const text = "sources: [{name: a, type: file, paths: [/a]}]\nstore: {retention: %s}\n"
	for retention, want := range map[string]string{
		"2s": "2:20: store.retention: events are dropped for ever 2s after", "59m": "for ever 59m0s after", "1h": "", "400d": "",
	} {
		c, err := Load(write(t, t.TempDir(), fmt.Sprintf(text, retention)), environment)
		if err != nil {
			t.Fatal(err)
		}
		if got := c.Warnings.Error(); !strings.Contains(got, want) || want == "" && len(c.Warnings) > 0 {
			t.Errorf("retention %s: the warnings are %q, want %q", retention, got, want)
		}
	}
}
