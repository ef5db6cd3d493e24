package segment

import (
	"bytes"
	"crypto/sha256"
	"encoding/binary"
	"encoding/hex"
	"errors"
	"fmt"
	"slices"
	"strings"
	"testing"
)

// digestOf is the digest of a row group, from the received bytes.
func digestOf(rows []testRow) string {
	h := sha256.New()
	for i := range rows {
		raw := rows[i].meta.Raw
		h.Write(binary.LittleEndian.AppendUint64(nil, uint64(len(raw))))
		h.Write(raw)
	}
	return hex.EncodeToString(h.Sum(nil))
}

func TestVerify(t *testing.T) {
	t.Parallel()
	rows := randomRows(20, 400)
	data, info := inMemory(t, buildRows(t, testLayout(), rows), testCommit(1))
	if err := openBytes(t, data).Verify(); err != nil {
		t.Error(err)
	}
	if len(info.Groups) != 1 || info.Groups[0].SHA256 != digestOf(rows) {
		t.Errorf("digests are %+v, not %s", info.Groups, digestOf(rows))
	}
}

// TestAnyDamageIsFound turns every byte of a segment, one at a time. In a row
// group Verify finds it; in the footer the hash of the file does, and what the
// reader makes of the footer is an error or harmless.
func TestAnyDamageIsFound(t *testing.T) {
	t.Parallel()
	rows := randomRows(21, 3)
	for i := range rows {
		rows[i].fields["action"] = "find"
	}
	data, info := inMemory(t, buildRows(t, testLayout(), rows), testCommit(1))
	g := info.Groups[0]
	for at := range data {
		bad := slices.Clone(data)
		bad[at] ^= 1 << (at % 8)
		sum := sha256.Sum256(bad)
		if hex.EncodeToString(sum[:]) == info.SHA256 {
			t.Fatalf("byte %d turned: the hash is the same", at)
		}
		inGroup := int64(at) >= g.Offset && int64(at) < g.Offset+g.Length
		r, err := NewReader(bytes.NewReader(bad), int64(len(bad)), "memory")
		if err == nil && inGroup {
			err = r.Verify()
		}
		if inGroup && err == nil {
			t.Errorf("byte %d of the row group turned: not found", at)
		}
	}
}

// TestForgedDigest: received bytes that are whole in themselves, but not those
// that the digest was made of.
func TestForgedDigest(t *testing.T) {
	t.Parallel()
	b := buildRows(t, testLayout(), randomRows(22, 20))
	b.hashRaw([]byte("one more"))
	b.raw -= int64(len("one more"))
	data, _ := inMemory(t, b, testCommit(1))
	if err := openBytes(t, data).Verify(); err == nil || !strings.Contains(err.Error(), "SHA-256") {
		t.Errorf("a digest of other bytes: %v", err)
	}
}

func TestForgedBounds(t *testing.T) {
	t.Parallel()
	b := buildRows(t, testLayout(), randomRows(22, 20))
	b.eventMax++
	data, _ := inMemory(t, b, testCommit(1))
	if err := openBytes(t, data).Verify(); err == nil || !strings.Contains(err.Error(), "bounds") {
		t.Errorf("bounds that are not those of the rows: %v", err)
	}
}

func TestOpenRefuses(t *testing.T) {
	t.Parallel()
	data, info := inMemory(t, buildRows(t, testLayout(), randomRows(23, 20)), testCommit(1))
	length := fmt.Sprintf(`"length":%d`, info.Groups[0].Length)
	longer := strings.Repeat("9", len(length)-len(`"length":`))
	replace := func(old, with string) []byte {
		if len(old) != len(with) || !bytes.Contains(data, []byte(old)) {
			t.Fatalf("cannot replace %q by %q", old, with)
		}
		return bytes.Replace(data, []byte(old), []byte(with), 1)
	}
	for name, c := range map[string]struct {
		data []byte
		want string
	}{
		"nothing":         {nil, ""},
		"half":            {data[:len(data)/2], ""},
		"without its end": {data[:len(data)-1], ""},
		"foreign":         {replace("margay.format", "notours.frmat"), ErrNotSegment.Error()},
		"without info":    {replace("margay.info", "margay.inf0"), "margay.info"},
		"without commit":  {replace("margay.commit", "margay.c0mmit"), "margay.commit"},
		"other rows":      {replace(`"rows":20,"raw`, `"rows":21,"raw`), "rows"},
		"other columns":   {replace(`"name":"medium"`, `"name":"mediun"`), "columns"},
		"unknown type":    {replace(`"type":"int16"`, `"type":"int17"`), "int17"},
		"other cut":       {replace(`"cut_leaf":8`, `"cut_leaf":9`), "repeats the line"},
		"times end early": {replace(`"stored_min":17`, `"stored_min":27`), "times"},
		"group elsewhere": {replace(length, `"length":`+longer), "row group 0"},
		"no digest":       {replace(`"sha256":"`, `"sha257":"`), "SHA-256"},
	} {
		_, err := NewReader(bytes.NewReader(c.data), int64(len(c.data)), "memory")
		if err == nil || !strings.Contains(err.Error(), c.want) || !strings.Contains(err.Error(), "read segment memory") {
			t.Errorf("%s: %v", name, err)
		}
	}
	if _, err := NewReader(bytes.NewReader(replace("margay.format", "notours.frmat")), int64(len(data)), "memory"); !errors.Is(err, ErrNotSegment) {
		t.Errorf("a foreign file: %v", err)
	}
}

func TestNewerFormatIsRefused(t *testing.T) {
	t.Parallel()
	for text, ok := range map[string]bool{"1": true, "2": false, "": false, "0": false, "x": false, "-1": false} {
		if err := checkFormat(text); (err == nil) != ok {
			t.Errorf("format %q: %v", text, err)
		}
	}
}

// FuzzOpen: whatever became of a segment, if it opens and passes Verify, it
// gives exactly the received bytes that its digests say.
//
// The fuzzer chooses the damage, four bytes each: a place and what is turned
// there. Handing it the whole file would have it spend its time on making that
// shorter.
func FuzzOpen(f *testing.F) {
	whole, info := inMemory(f, buildRows(f, testLayout(), randomRows(24, 8)), testCommit(1))
	footer := uint32(info.Groups[0].Offset + info.Groups[0].Length)
	f.Add([]byte{}, uint(0))
	f.Add(binary.BigEndian.AppendUint32(nil, 100<<8|1), uint(0))
	for i := range uint32(8) {
		f.Add(binary.BigEndian.AppendUint32(nil, (footer+97*i)<<8|0x20), uint(0))
	}
	f.Add([]byte{}, uint(8))
	f.Fuzz(func(t *testing.T, damage []byte, cut uint) {
		data := slices.Clone(whole)
		for ; len(damage) >= 4; damage = damage[4:] {
			d := binary.BigEndian.Uint32(damage)
			data[int(d>>8)%len(data)] ^= byte(d)
		}
		data = data[:len(data)-int(cut%uint(len(data)))]
		r, err := NewReader(bytes.NewReader(data), int64(len(data)), "memory")
		if err != nil || r.Verify() != nil {
			return
		}
		var rows []testRow
		if err := r.Rows(nil, func(row *Row) error {
			rows = append(rows, testRow{meta: RowMeta{Raw: slices.Clone(row.Raw)}})
			return nil
		}); err != nil {
			t.Fatalf("verified, but cannot be read: %v", err)
		}
		for _, g := range r.Info().Groups {
			if got := digestOf(rows[:g.Rows]); got != g.SHA256 {
				t.Fatalf("verified, but the digest is %s, not %s", got, g.SHA256)
			}
			rows = rows[g.Rows:]
		}
	})
}
