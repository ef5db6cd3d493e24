package config

// File is what a source of type file has besides the common keys.
type File struct {
	// Paths are globs; what was relative is joined with the config's folder.
	Paths []string
	// Start is "beginning" or "end".
	Start string
	// MaxLine is the longest line that is kept whole, in bytes.
	MaxLine int
}

func fileFields(s *Source) []field {
	f := &File{Start: "beginning", MaxLine: 16 << 20}
	s.File = f
	return []field{
		{
			name: "paths", form: "list of globs",
			doc: "The files, as patterns with `*`, `?` and `[a-z]`. Take in the rotated names too (`auditLog.json*`), so that nothing is missed when a file is renamed.",
			read: func(d *decoder, v value) {
				d.list(v, "globs", func(_ int, v value) {
					if g, ok := d.glob(v); ok {
						f.Paths = append(f.Paths, g)
					}
				})
			},
		},
		{
			name: "start", form: "`beginning` or `end`", def: "`beginning`",
			doc:  "Where to begin in files that are there when the source is first run. Files that appear later are read whole.",
			read: func(d *decoder, v value) { d.word(v, &f.Start, "beginning", "end") },
		},
		{
			name: "max_line", form: "size", def: "`16MiB`",
			doc: "The longest line that is kept whole; of a longer one the head and a checksum go to quarantine. From 1KiB to 64MiB.",
			read: func(d *decoder, v value) {
				n := int64(f.MaxLine)
				d.size(v, &n, 1<<10, 64<<20)
				f.MaxLine = int(n)
			},
		},
	}
}
