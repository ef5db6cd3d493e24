package extjson

import (
	"bytes"
	"os"
	"testing"
)

func lines(b *testing.B) [][]byte {
	name := os.Getenv("MARGAY_CORPUS")
	data, err := os.ReadFile(name)
	if err != nil {
		b.Fatal(err)
	}
	return bytes.Split(bytes.TrimSpace(data), []byte("\n"))
}

func BenchmarkDecode(b *testing.B) {
	ls := lines(b)
	var d Decoder
	var dst []byte
	b.ReportAllocs()
	n, i := 0, 0
	for b.Loop() {
		var err error
		l := ls[i]
		n += len(l)
		if i++; i == len(ls) {
			i = 0
		}
		if dst, err = d.Decode(dst[:0], l); err != nil {
			b.Fatal(err)
		}
	}
	b.SetBytes(int64(n / b.N))
}
