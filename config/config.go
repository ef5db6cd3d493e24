package config

import (
	"crypto/sha1"
	"encoding/hex"
	"fmt"
	"io"
	"os"
	"path/filepath"
	"time"

	"github.com/margay-audit/margay/event"
)

// Config is a config file that was read, checked and completed with defaults.
type Config struct {
	// DataDir is the folder that holds everything that Margay keeps.
	DataDir string
	// Sources are in the order of the file; there is at least one.
	Sources    []Source
	Store      Store
	Quarantine Quarantine
	// Warnings are doubts that do not keep Margay from starting.
	Warnings Problems
}

// Source is one entry of sources.
type Source struct {
	// Name is p_source_label. It is unique.
	Name string
	// ID is p_source_id: a UUID in lower case, by default [SourceID] of Name.
	ID string
	// HasID says that ID stands in the file, so that the source may be renamed.
	HasID bool
	// Type is the name of a kind; the field of that kind below is set.
	Type string
	// Line is where the entry begins in the file.
	Line int
	// Redact is whether secrets are replaced before an event is stored.
	Redact bool
	// LogTypes are the log types that events may have; empty means all.
	LogTypes []event.LogType

	File *File
}

// Store is the section store.
type Store struct {
	// FlushInterval is how long an event may wait before it is durable.
	FlushInterval time.Duration
	// Retention is how long events are kept after they were stored; 0 is for
	// ever.
	Retention time.Duration
}

// Quarantine is the section quarantine.
type Quarantine struct {
	// MaxBytes bounds the bytes in quarantine.
	MaxBytes int64
}

// maxFile bounds the config file and the files of ${file:…}, in bytes.
const maxFile = 1 << 20

// Load reads the config at path. lookup finds environment variables, as
// [os.LookupEnv] does. Relative paths in the file are against its folder, and
// come out joined with it.
//
// If there is anything wrong with the contents, the error is a [Problems].
func Load(path string, lookup func(string) (string, bool)) (*Config, error) {
	text, err := readFile(path)
	if err != nil {
		return nil, fmt.Errorf("read config %s: %w", path, err)
	}
	d := &decoder{file: path, dir: filepath.Dir(path), lookup: lookup}
	c := d.config(text)
	if len(d.problems) > 0 {
		d.problems.sort()
		return nil, d.problems
	}
	c.Warnings.sort()
	return c, nil
}

// config decodes the whole file.
func (d *decoder) config(text []byte) *Config {
	c := &Config{
		DataDir:    filepath.Join(d.dir, "data"),
		Store:      Store{FlushInterval: time.Second},
		Quarantine: Quarantine{MaxBytes: 1 << 30},
	}
	root, ok := d.parse(text)
	if !ok {
		return c
	}
	d.mapping(value{node: root}, d.topFields(c))
	d.checkNames(c.Sources)
	c.Warnings = append(d.overlaps(c.Sources), d.hasty(c.Store.Retention)...)
	return c
}

// checkNames refuses names and ids that occur twice.
func (d *decoder) checkNames(sources []Source) {
	names, ids := map[string]int{}, map[string]int{}
	for i, s := range sources {
		at := fmt.Sprintf("sources[%d]", i)
		if first, taken := names[s.Name]; taken && s.Name != "" {
			d.add(at+".name", fmt.Sprintf("the source at line %d has the same name", sources[first].Line),
				"the name is what events are labelled with; choose another")
			continue
		}
		names[s.Name] = i
		if first, taken := ids[s.ID]; taken && s.ID != "" {
			d.add(at+".id", fmt.Sprintf("the source at line %d has the same id", sources[first].Line),
				"an id belongs to one source for ever; leave it out to have one made from the name")
			continue
		}
		ids[s.ID] = i
	}
}

// SourceID returns the id of a source whose entry has none: the UUID, version
// 5, of its name in Margay's namespace.
func SourceID(name string) string {
	h := sha1.New()
	h.Write(namespace[:])
	h.Write([]byte(name))
	u := [16]byte(h.Sum(nil)[:16])
	u[6] = u[6]&0x0f | 0x50
	u[8] = u[8]&0x3f | 0x80
	t := hex.EncodeToString(u[:])
	return t[:8] + "-" + t[8:12] + "-" + t[12:16] + "-" + t[16:20] + "-" + t[20:]
}

// namespace is the UUIDv5 of "https://github.com/margay-audit/margay/source" in
// the namespace of URLs. It is part of every p_source_id that was derived, and
// never changes.
var namespace = [16]byte{
	0x82, 0xf2, 0x04, 0xe7, 0x36, 0xcd, 0x53, 0xbf, 0xb5, 0xc9, 0x8a, 0xc9, 0xed, 0xc8, 0x87, 0xbc,
}

func readFile(path string) ([]byte, error) {
	f, err := os.Open(path)
	if err != nil {
		return nil, err
	}
	defer f.Close()
	text, err := io.ReadAll(io.LimitReader(f, maxFile+1))
	if err == nil && len(text) > maxFile {
		err = fmt.Errorf("longer than %d bytes", maxFile)
	}
	return text, err
}
