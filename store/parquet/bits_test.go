package parquet

import (
	"math"
	"testing"

	"pgregory.net/rapid"
)

func TestHybridRoundTrip(t *testing.T) {
	rapid.Check(t, func(rt *rapid.T) {
		w := uint(rapid.IntRange(1, 32).Draw(rt, "width"))
		var values []uint32
		for range rapid.IntRange(0, 12).Draw(rt, "pieces") {
			v := rapid.Uint32Max(uint32(1<<w - 1))
			if rapid.Bool().Draw(rt, "run") {
				x := v.Draw(rt, "value")
				for range rapid.SampledFrom([]int{1, 5, 7, 8, 9, 15, 16, 17, 200}).Draw(rt, "length") {
					values = append(values, x)
				}
			} else {
				n := rapid.SampledFrom([]int{1, 7, 8, 9, 16, 31, 70}).Draw(rt, "length")
				values = append(values, rapid.SliceOfN(v, n, n).Draw(rt, "values")...)
			}
		}
		h := newHybrid(appendHybrid(nil, values, w), w)
		for i, want := range values {
			if got, err := h.next(); err != nil || got != want {
				rt.Fatalf("value %d of %d bits is %d, %v, want %d", i, w, got, err, want)
			}
		}
	})
}

func TestDeltaRoundTrip(t *testing.T) {
	rapid.Check(t, func(rt *rapid.T) {
		narrow := rapid.Bool().Draw(rt, "narrow")
		least, most := int64(math.MinInt64), int64(math.MaxInt64)
		if narrow {
			least, most = math.MinInt32, math.MaxInt32
		}
		n := rapid.SampledFrom([]int{0, 1, 2, 32, 33, 34, 128, 129, 130, 257, 600}).Draw(rt, "length")
		value := rapid.OneOf(rapid.Int64Range(least, most), rapid.Int64Range(-5, 5), rapid.SampledFrom([]int64{least, most}))
		values := rapid.SliceOfN(value, n, n).Draw(rt, "values")
		d, err := newDelta(appendDelta(nil, values, narrow), narrow)
		if err != nil {
			rt.Fatal(err)
		}
		for i, want := range values {
			if got, err := d.next(); err != nil || got != want {
				rt.Fatalf("value %d is %d, %v, want %d", i, got, err, want)
			}
		}
		if _, err := d.next(); err == nil || len(d.src) != 0 {
			rt.Fatalf("%d bytes after the last value, %v", len(d.src), err)
		}
	})
}

func FuzzHybrid(f *testing.F) {
	f.Add([]byte{1, 2, 3, 4, 4, 4, 4, 4, 4, 4, 4, 4, 9}, uint8(4))
	f.Add([]byte{0xff, 0xff}, uint8(8))
	f.Fuzz(func(t *testing.T, src []byte, width uint8) {
		w := uint(width%8) + 1
		values := make([]uint8, len(src))
		for i, v := range src {
			values[i] = v & (1<<w - 1)
		}
		h := newHybrid(appendHybrid(nil, values, w), w)
		for i, want := range values {
			if got, err := h.next(); err != nil || got != uint32(want) {
				t.Fatalf("value %d is %d, %v, want %d", i, got, err, want)
			}
		}
		// The same bytes read as an encoding end, within what they can hold.
		h = newHybrid(src, w)
		for range 1000 {
			if v, err := h.next(); err != nil {
				break
			} else if v>>w != 0 {
				t.Fatalf("%d has more than %d bits", v, w)
			}
		}
	})
}
