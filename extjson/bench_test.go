package extjson

import "testing"

// The benchmarks go over the corpus again and again, one document after the
// other; an operation is one pass.

func BenchmarkDecode(b *testing.B) {
	lines := corpus(b)
	size := 0
	for _, line := range lines {
		size += len(line)
	}
	var d Decoder
	var dst []byte
	b.SetBytes(int64(size))
	b.ReportAllocs()
	for b.Loop() {
		for _, line := range lines {
			var err error
			if dst, err = d.Decode(dst[:0], line); err != nil {
				b.Fatal(err)
			}
		}
	}
	b.ReportMetric(float64(b.Elapsed().Nanoseconds())/float64(b.N*len(lines)), "ns/event")
}

func BenchmarkAppend(b *testing.B) {
	var d Decoder
	var docs [][]byte
	for _, line := range corpus(b) {
		doc, err := d.Decode(nil, line)
		if err != nil {
			b.Fatal(err)
		}
		docs = append(docs, doc)
	}
	for name, style := range styles {
		b.Run(name, func(b *testing.B) {
			var dst []byte
			size := 0
			b.ReportAllocs()
			for b.Loop() {
				size = 0
				for _, doc := range docs {
					var err error
					if dst, err = Append(dst[:0], doc, style); err != nil {
						b.Fatal(err)
					}
					size += len(dst)
				}
			}
			b.SetBytes(int64(size))
			b.ReportMetric(float64(b.Elapsed().Nanoseconds())/float64(b.N*len(docs)), "ns/event")
		})
	}
}

// BenchmarkDecodeValues decodes the values of the table, each kind by itself.
func BenchmarkDecodeValues(b *testing.B) {
	for _, e := range entries() {
		b.Run(e.name, func(b *testing.B) {
			text := []byte(e.text(LegacyStrict))
			var d Decoder
			var dst []byte
			b.SetBytes(int64(len(text)))
			b.ReportAllocs()
			for b.Loop() {
				var err error
				if dst, err = d.Decode(dst[:0], text); err != nil {
					b.Fatal(err)
				}
			}
		})
	}
}
