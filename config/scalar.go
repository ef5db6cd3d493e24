package config

import (
	"fmt"
	"math"
	"path/filepath"
	"regexp"
	"strconv"
	"strings"
	"time"
	"unicode/utf8"

	"go.yaml.in/yaml/v4"
)

// text reads a single value with its ${…} expanded. plain says that there were
// none, so that the value stands in the file and may be shown.
func (d *decoder) text(v value, want string) (s string, plain, ok bool) {
	if v.node.Kind != yaml.ScalarNode || v.node.ShortTag() == "!!null" {
		d.wrong(v, want)
		return "", false, false
	}
	s, err := d.expand(v.node.Value)
	if err != nil {
		d.add(v.path, err.message, err.hint)
		return "", false, false
	}
	if !utf8.ValidString(s) || strings.ContainsRune(s, 0) {
		d.add(v.path, "is not valid UTF-8 text", "")
		return "", false, false
	}
	return s, s == v.node.Value, true
}

// refuse reports a value that does not fit. It shows short values that stand in
// the file as they are, because they are words, times and sizes; never what a
// variable or a file held.
func (d *decoder) refuse(v value, s string, plain bool, want, hint string) {
	if plain && len(s) <= 64 {
		d.add(v.path, fmt.Sprintf("must be %s, found %q", want, s), hint)
		return
	}
	d.add(v.path, fmt.Sprintf("must be %s, and what was found is not", want), hint)
}

// str reads text of 1 to limit characters.
func (d *decoder) str(v value, limit int) (string, bool) {
	s, _, ok := d.text(v, "text")
	if !ok {
		return "", false
	}
	if n := utf8.RuneCountInString(s); strings.TrimSpace(s) == "" || n > limit {
		d.add(v.path, fmt.Sprintf("must have 1 to %d characters, found %d", limit, n), "")
		return "", false
	}
	return s, true
}

// word reads one of a few words.
func (d *decoder) word(v value, into *string, words ...string) bool {
	want := "one of " + strings.Join(words, ", ")
	s, plain, ok := d.text(v, want)
	if !ok {
		return false
	}
	for _, w := range words {
		if s == w {
			*into = s
			return true
		}
	}
	hint := ""
	if w := nearest(s, words); w != "" && plain {
		hint = "did you mean " + w + "?"
	}
	d.refuse(v, s, plain, want, hint)
	return false
}

// toggle reads on or off.
func (d *decoder) toggle(v value, into *bool) {
	s, plain, ok := d.text(v, "on or off")
	if !ok {
		return
	}
	switch strings.ToLower(s) {
	case "on", "true", "yes":
		*into = true
	case "off", "false", "no":
		*into = false
	default:
		d.refuse(v, s, plain, "on or off", "")
	}
}

// duration reads a time between least and most.
func (d *decoder) duration(v value, into *time.Duration, least, most time.Duration) {
	s, plain, ok := d.text(v, "a duration")
	if !ok {
		return
	}
	n, valid := parseDuration(s)
	switch {
	case !valid:
		d.refuse(v, s, plain, "a duration", "write it like 500ms, 90s, 1h30m, 400d or 1d12h")
	case n < least || n > most:
		d.refuse(v, s, plain, fmt.Sprintf("between %s and %s", formatDuration(least), formatDuration(most)), "")
	default:
		*into = n
	}
}

// durationUnits are the units of a duration; a day has 24 hours.
var durationUnits = map[string]time.Duration{
	"ms": time.Millisecond, "s": time.Second, "m": time.Minute, "h": time.Hour,
	"d": 24 * time.Hour, "w": 7 * 24 * time.Hour,
}

var durationPart = regexp.MustCompile(`^([0-9]{1,9})(ms|s|m|h|d|w)`)

// parseDuration reads whole numbers with a unit each, the largest unit first.
func parseDuration(s string) (time.Duration, bool) {
	var total time.Duration
	last := time.Duration(math.MaxInt64)
	for s != "" {
		m := durationPart.FindStringSubmatch(s)
		if m == nil {
			return 0, false
		}
		n, err := strconv.ParseInt(m[1], 10, 64)
		unit := durationUnits[m[2]]
		if err != nil || unit >= last || n > (math.MaxInt64-int64(total))/int64(unit) {
			return 0, false
		}
		total += time.Duration(n) * unit
		last, s = unit, s[len(m[0]):]
	}
	return total, last != math.MaxInt64
}

// formatDuration is the inverse of parseDuration.
func formatDuration(d time.Duration) string {
	var b strings.Builder
	for _, name := range []string{"d", "h", "m", "s", "ms"} {
		unit := durationUnits[name]
		if d >= unit {
			fmt.Fprintf(&b, "%d%s", d/unit, name)
			d %= unit
		}
	}
	if b.Len() == 0 {
		return "0s"
	}
	return b.String()
}

// size reads a number of bytes between least and most.
func (d *decoder) size(v value, into *int64, least, most int64) {
	s, plain, ok := d.text(v, "a size")
	if !ok {
		return
	}
	n, valid := parseSize(s)
	switch {
	case !valid:
		d.refuse(v, s, plain, "a size", "write it like 4096, 64KiB, 512MB or 1GiB")
	case n < least || n > most:
		d.refuse(v, s, plain, fmt.Sprintf("between %s and %s", formatSize(least), formatSize(most)), "")
	default:
		*into = n
	}
}

var sizeUnits = map[string]int64{
	"": 1, "b": 1,
	"kb": 1e3, "mb": 1e6, "gb": 1e9, "tb": 1e12,
	"kib": 1 << 10, "mib": 1 << 20, "gib": 1 << 30, "tib": 1 << 40,
}

var sizeForm = regexp.MustCompile(`^([0-9]{1,18}) ?([a-zA-Z]*)$`)

func parseSize(s string) (int64, bool) {
	m := sizeForm.FindStringSubmatch(s)
	if m == nil {
		return 0, false
	}
	n, err := strconv.ParseInt(m[1], 10, 64)
	unit, known := sizeUnits[strings.ToLower(m[2])]
	if err != nil || !known || n > math.MaxInt64/unit {
		return 0, false
	}
	return n * unit, true
}

func formatSize(n int64) string {
	for _, unit := range []string{"TiB", "GiB", "MiB", "KiB"} {
		if u := sizeUnits[strings.ToLower(unit)]; n >= u && n%u == 0 {
			return fmt.Sprintf("%d%s", n/u, unit)
		}
	}
	return fmt.Sprintf("%d", n)
}

// path reads the path of a folder, and joins a relative one with the config's.
func (d *decoder) path(v value, into *string) {
	s, ok := d.str(v, maxPath)
	if !ok {
		return
	}
	if !filepath.IsAbs(s) {
		s = filepath.Join(d.dir, s)
	}
	*into = filepath.Clean(s)
}

// maxPath is Linux's limit of a path in bytes.
const maxPath = 4096

// glob reads a pattern of file names.
func (d *decoder) glob(v value) (string, bool) {
	s, ok := d.str(v, maxPath)
	if !ok {
		return "", false
	}
	if _, err := filepath.Match(s, ""); err != nil {
		d.add(v.path, "malformed pattern", "a [ needs its ]; to mean the character itself write \\[")
		return "", false
	}
	if strings.Contains(s, "**") {
		d.add(v.path, "** does not reach into folders of any depth", "write one * for each level of folders")
		return "", false
	}
	if !filepath.IsAbs(s) {
		s = filepath.Join(quoteGlob(d.dir), s)
	}
	return filepath.Clean(s), true
}

// quoteGlob returns the pattern that matches just the path.
func quoteGlob(path string) string {
	return strings.NewReplacer(`\`, `\\`, `*`, `\*`, `?`, `\?`, `[`, `\[`).Replace(path)
}

var uuidForm = regexp.MustCompile(`^[0-9a-f]{8}-[0-9a-f]{4}-[0-9a-f]{4}-[0-9a-f]{4}-[0-9a-f]{12}$`)

// uuid reads a UUID of any version.
func (d *decoder) uuid(v value, into *string) {
	s, plain, ok := d.text(v, "a UUID")
	if !ok {
		return
	}
	if s = strings.ToLower(s); !uuidForm.MatchString(s) {
		d.refuse(v, s, plain, "a UUID", "write it like 377dca34-695b-592f-a995-923c465dcc34, or leave it out")
		return
	}
	*into = s
}
