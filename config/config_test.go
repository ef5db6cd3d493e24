package config

import (
	"errors"
	"flag"
	"os"
	"path/filepath"
	"slices"
	"strings"
	"testing"
	"testing/quick"
	"time"

	"github.com/google/go-cmp/cmp"
	"github.com/margay-audit/margay/event"
)

var update = flag.Bool("update", false, "write docs/reference/config.md")

// environment is what the configs of testdata see.
func environment(name string) (string, bool) {
	v, ok := map[string]string{"MARGAY_SECRET": "hunter2", "MARGAY_DIR": "/srv/margay", "MARGAY_EMPTY": "", "MARGAY_DOLLAR": "${HOME}"}[name]
	return v, ok
}

// TestBad loads every testdata/*.bad.yml. The comments at the end of a file,
// "# => line:column: path: message | hint", are all the problems it has.
func TestBad(t *testing.T) {
	files, err := filepath.Glob("testdata/*.bad.yml")
	if err != nil || len(files) < 15 {
		t.Fatalf("%d files, %v", len(files), err)
	}
	for _, file := range files {
		t.Run(strings.TrimSuffix(filepath.Base(file), ".bad.yml"), func(t *testing.T) {
			text, err := os.ReadFile(file)
			if err != nil {
				t.Fatal(err)
			}
			var want []string
			for line := range strings.Lines(string(text)) {
				if s, ok := strings.CutPrefix(line, "# => "); ok {
					want = append(want, strings.TrimSpace(s))
				}
			}
			c, err := Load(file, environment)
			var problems Problems
			if !errors.As(err, &problems) || c != nil {
				t.Fatalf("Load = %v, %v", c, err)
			}
			var got []string
			for _, p := range problems {
				s := strings.TrimPrefix(strings.TrimPrefix(p.String(), file+": "), file+":")
				got = append(got, strings.ReplaceAll(s, "\n    ", " | "))
				if p.File != file {
					t.Errorf("file %q", p.File)
				}
			}
			if diff := cmp.Diff(want, got); diff != "" {
				t.Errorf("problems (-want +got):\n%s", diff)
			}
			if strings.Contains(err.Error(), "hunter2") {
				t.Errorf("the message shows a secret: %v", err)
			}
		})
	}
}

func write(t *testing.T, dir, text string) string {
	t.Helper()
	path := filepath.Join(dir, "margay.yaml")
	if err := os.WriteFile(path, []byte(text), 0o600); err != nil {
		t.Fatal(err)
	}
	return path
}

func TestLoad(t *testing.T) {
	dir := t.TempDir()
	if err := os.WriteFile(filepath.Join(dir, "name.txt"), []byte("from a file\r\n"), 0o600); err != nil {
		t.Fatal(err)
	}
	c, err := Load(write(t, dir, `
data_dir: ${MARGAY_DIR}/data
sources:
  - name: prod mongod
    type: file
    paths: [logs/auditLog.json*, "/var/log/$${x}.json", "/a/${MARGAY_EMPTY}b/${MARGAY_DOLLAR}$"]
  - name: ${file:name.txt}
    type: ${MARGAY_EMPTY}file
    paths: &paths [other.log]
    start: end
    redact: off
    max_line: 512kB
    log_types: [Rapid7.AuditLog, MongoDB.Audit]
    id: 377DCA34-695B-592F-A995-923C465DCC35
store: { flush_interval: 1s500ms, retention: 1d12h }
quarantine: { max_bytes: 512MB }
`), environment)
	if err != nil {
		t.Fatal(err)
	}
	want := &Config{
		DataDir: "/srv/margay/data",
		Sources: []Source{
			{
				Name: "prod mongod", ID: "377dca34-695b-592f-a995-923c465dcc34", Type: "file", Line: 4, Redact: true,
				File: &File{
					Paths:   []string{filepath.Join(dir, "logs/auditLog.json*"), "/var/log/${x}.json", "/a/b/${HOME}$"},
					Start:   "beginning",
					MaxLine: 16 << 20,
				},
			},
			{
				Name: "from a file", ID: "377dca34-695b-592f-a995-923c465dcc35", HasID: true, Type: "file", Line: 7,
				LogTypes: []event.LogType{event.Rapid7AuditLog, event.MongoDBAudit},
				File:     &File{Paths: []string{filepath.Join(dir, "other.log")}, Start: "end", MaxLine: 512_000},
			},
		},
		Store:      Store{FlushInterval: 1500 * time.Millisecond, Retention: 36 * time.Hour},
		Quarantine: Quarantine{MaxBytes: 512_000_000},
	}
	if diff := cmp.Diff(want, c); diff != "" {
		t.Errorf("(-want +got):\n%s", diff)
	}
}

func TestLoadDefaults(t *testing.T) {
	dir := t.TempDir()
	c, err := Load(write(t, dir, "sources: [{name: a, type: file, paths: [a]}]"), environment)
	if err != nil {
		t.Fatal(err)
	}
	if c.DataDir != filepath.Join(dir, "data") || c.Store != (Store{FlushInterval: time.Second}) || c.Quarantine.MaxBytes != 1<<30 {
		t.Errorf("got %+v", c)
	}
}

// TestLoadFolderWithMarks asserts that the folder of the config is never taken
// for part of a pattern.
func TestLoadFolderWithMarks(t *testing.T) {
	dir := filepath.Join(t.TempDir(), "a[b]*")
	if err := os.Mkdir(dir, 0o700); err != nil {
		t.Fatal(err)
	}
	if err := os.WriteFile(filepath.Join(dir, "x.log"), nil, 0o600); err != nil {
		t.Fatal(err)
	}
	c, err := Load(write(t, dir, "sources: [{name: a, type: file, paths: ['*.log']}]"), environment)
	if err != nil {
		t.Fatal(err)
	}
	got, err := filepath.Glob(c.Sources[0].File.Paths[0])
	if err != nil || !slices.Equal(got, []string{filepath.Join(dir, "x.log")}) {
		t.Errorf("%q matches %q, %v", c.Sources[0].File.Paths[0], got, err)
	}
}

func TestLoadNoFile(t *testing.T) {
	_, err := Load(filepath.Join(t.TempDir(), "none.yaml"), environment)
	if !errors.Is(err, os.ErrNotExist) {
		t.Errorf("got %v", err)
	}
}

func TestExample(t *testing.T) {
	dir := t.TempDir()
	c, err := Load(write(t, dir, Example()), environment)
	if err != nil {
		t.Fatal(err)
	}
	if len(c.Warnings) > 0 {
		t.Error(c.Warnings)
	}
	// What the comments call defaults are the defaults.
	bare, err := Load(write(t, dir, "sources: [{name: prod mongod, type: file, paths: ['/var/log/mongodb/auditLog.json*']}]"), environment)
	if err != nil {
		t.Fatal(err)
	}
	bare.Sources[0].Line = c.Sources[0].Line
	bare.Sources[0].LogTypes = c.Sources[0].LogTypes
	bare.Store.Retention = c.Store.Retention
	if diff := cmp.Diff(bare, c); diff != "" {
		t.Errorf("defaults and example differ:\n%s", diff)
	}
	// Every key of the reference is shown.
	var d decoder
	for _, fields := range [][]field{d.topFields(&Config{}), storeFields(&Store{}), quarantineFields(&Quarantine{}), commonFields(&Source{}), fileFields(&Source{})} {
		for _, f := range fields {
			if !strings.Contains(Example(), f.name+":") {
				t.Errorf("the example does not show %s", f.name)
			}
		}
	}
}

func TestReference(t *testing.T) {
	const path = "../docs/reference/config.md"
	if *update {
		if err := os.WriteFile(path, []byte(Reference()), 0o644); err != nil {
			t.Fatal(err)
		}
	}
	got, err := os.ReadFile(path)
	if err != nil {
		t.Fatal(err)
	}
	if diff := cmp.Diff(Reference(), string(got)); diff != "" {
		t.Errorf("%s is not current; run go generate ./config:\n%s", path, diff)
	}
}

func TestSourceID(t *testing.T) {
	// uuid.uuid5(uuid.UUID("82f204e7-36cd-53bf-b5c9-8ac9edc887bc"), name) in Python.
	if got := SourceID("prod mongod"); got != "377dca34-695b-592f-a995-923c465dcc34" {
		t.Errorf("got %s", got)
	}
}

func TestDurationRoundTrip(t *testing.T) {
	law := func(ms uint32) bool {
		d := time.Duration(ms) * time.Millisecond
		got, ok := parseDuration(formatDuration(d))
		return ok && got == d
	}
	if err := quick.Check(law, nil); err != nil {
		t.Error(err)
	}
	for _, s := range []string{"", "1", "d", "1h1d", "1h1h", "-1s", "1.5h", "1y", "999999999w", "1 h", "1d "} {
		if d, ok := parseDuration(s); ok {
			t.Errorf("%q was taken for %s", s, d)
		}
	}
}

func TestSize(t *testing.T) {
	for s, want := range map[string]int64{"0": 0, "4096": 4096, "10b": 10, "64KiB": 65536, "512MB": 512e6, "1 GiB": 1 << 30, "2tib": 2 << 40, "3gb": 3e9} {
		if got, ok := parseSize(s); !ok || got != want {
			t.Errorf("%q: %d, %v", s, got, ok)
		}
	}
	for _, s := range []string{"", "GiB", "1.5GiB", "-1", "1PiB", "999999999999999999TiB", "1k"} {
		if got, ok := parseSize(s); ok {
			t.Errorf("%q was taken for %d", s, got)
		}
	}
	law := func(n uint32) bool {
		got, ok := parseSize(formatSize(int64(n) << 10))
		return ok && got == int64(n)<<10
	}
	if err := quick.Check(law, nil); err != nil {
		t.Error(err)
	}
}

// FuzzLoad asserts, for any file: it is taken or refused with problems that lie
// within it, and no message shows what a variable held.
func FuzzLoad(f *testing.F) {
	files, err := filepath.Glob("testdata/*.bad.yml")
	if err != nil {
		f.Fatal(err)
	}
	for _, file := range files {
		text, err := os.ReadFile(file)
		if err != nil {
			f.Fatal(err)
		}
		f.Add(text)
	}
	f.Add([]byte(Example()))
	f.Fuzz(func(t *testing.T, text []byte) {
		if strings.Contains(string(text), "hunter2") || strings.Contains(string(text), "file:") {
			return // the file shows it by itself; or it reads files of this machine
		}
		lines := 2 + strings.Count(string(text), "\n") + strings.Count(string(text), "\r")
		d := &decoder{file: "margay.yaml", dir: ".", lookup: environment}
		d.config(text)
		for _, p := range d.problems {
			if s := p.String(); strings.Contains(s, "hunter2") {
				t.Errorf("the message shows a secret: %s", s)
			}
			if p.Line < 0 || p.Line > lines || p.Column < 0 {
				t.Errorf("%d lines: %s", lines, p)
			}
		}
	})
}
