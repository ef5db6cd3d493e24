package segment

import (
	"fmt"
	"testing"

	"github.com/cespare/xxhash/v2"
)

func TestBloomFindsWhatWasAdded(t *testing.T) {
	t.Parallel()
	for _, n := range []int{0, 1, 2, 100, 5_000, 100_000} {
		b := NewBloom(n)
		for i := range n {
			b.Add(fmt.Appendf(nil, "user-%d", i))
		}
		again, err := DecodeBloom(b.Encode())
		if err != nil {
			t.Fatal(err)
		}
		for i := range n {
			if v := fmt.Appendf(nil, "user-%d", i); !b.MayContain(v) || !again.MayContain(v) {
				t.Fatalf("filter of %d values does not know %s", n, v)
			}
		}
		passed := 0
		for i := range 10_000 {
			if again.MayContain(fmt.Appendf(nil, "stranger-%d", i)) {
				passed++
			}
		}
		// 12 bits a value let about 0.5 % pass. A filter of one value has
		// a whole block and lets nearly nothing pass.
		if passed > 150 {
			t.Errorf("filter of %d values lets %d of 10000 strangers pass", n, passed)
		}
		if len(b.Encode()) > 1+blockBytes+n*bloomBits/8 {
			t.Errorf("filter of %d values takes %d bytes", n, len(b.Encode()))
		}
	}
}

func TestBloomIsBounded(t *testing.T) {
	t.Parallel()
	if got := len(NewBloom(1 << 40).Encode()); got != 1+maxBloomBlocks*blockBytes {
		t.Errorf("a filter of very many values takes %d bytes", got)
	}
}

func TestDecodeBloomRefuses(t *testing.T) {
	t.Parallel()
	for name, data := range map[string][]byte{
		"nothing":         {},
		"another version": {2},
		"part of a block": make([]byte, 1+blockBytes-1),
		"too large":       append([]byte{bloomVersion}, make([]byte, (maxBloomBlocks+1)*blockBytes)...),
	} {
		if len(data) > 1 {
			data[0] = bloomVersion
		}
		if _, err := DecodeBloom(data); err == nil {
			t.Errorf("%s: accepted", name)
		}
	}
}

// TestBloomFormat pins the bits: filters outlive the program that wrote them.
func TestBloomFormat(t *testing.T) {
	t.Parallel()
	b := NewBloom(1)
	b.Add([]byte("anna.ito"))
	const want = "010000000100000004000000080000001020000000080000000080000000100000"
	if got := fmt.Sprintf("%x", b.Encode()); got != want {
		t.Errorf("filter of one value is %s", got)
	}
}

func TestHashSet(t *testing.T) {
	t.Parallel()
	var s hashSet
	for round := range 2 {
		for i := range 10_000 {
			s.add(xxhash.Sum64String(fmt.Sprint(i % 3_000)))
		}
		s.add(0)
		s.add(0)
		if s.n != 3_000 || !s.zero {
			t.Fatalf("round %d: %d distinct hashes, zero %v", round, s.n, s.zero)
		}
		b := s.bloom()
		for i := range 3_000 {
			if !b.MayContain(fmt.Append(nil, i)) {
				t.Fatalf("round %d: the filter does not know %d", round, i)
			}
		}
		s.reset()
		if got := s.bloom().Encode(); len(got) != 1 {
			t.Fatalf("round %d: an empty set makes a filter of %d bytes", round, len(got))
		}
	}
}

func FuzzDecodeBloom(f *testing.F) {
	b := NewBloom(3)
	b.Add([]byte("a"))
	f.Add(b.Encode(), []byte("a"))
	f.Fuzz(func(t *testing.T, data, value []byte) {
		b, err := DecodeBloom(data)
		if err != nil {
			return
		}
		if string(b.Encode()) != string(data) {
			t.Fatal("decoding and encoding changed the filter")
		}
		if len(b.words) > 0 {
			b.Add(value)
			if !b.MayContain(value) {
				t.Fatal("a value that was added is not found")
			}
		}
	})
}
