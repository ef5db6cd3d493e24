package parquet

import (
	"bytes"
	"encoding/binary"
	"errors"
	"hash/crc32"
	"io"
	"runtime"
	"strings"
	"testing"
)

// small is a file of two row groups with every encoding in it.
func small(t testing.TB) ([]byte, *shredder) {
	t.Helper()
	s, rows := sample(t, 30)
	g := newShredder(s)
	for _, row := range rows {
		g.row(row)
	}
	return writeFile(t, s, []KeyValue{{"k", "v"}}, g.group, g.group), g
}

// readAll reads everything there is in a file, as a merge would.
func readAll(b []byte) error {
	f, err := Open(bytes.NewReader(b), int64(len(b)))
	if err != nil {
		return err
	}
	g := NewGroup(f.Schema())
	for i := range f.Groups() {
		if err := f.ReadGroup(i, g); err != nil {
			return err
		}
		for leaf := range f.Schema().Leaves() {
			if _, _, err := f.Bloom(i, leaf); err != nil {
				return err
			}
		}
	}
	return nil
}

// Every byte of a page is covered: changing any is an error, or changes nothing
// that is read.
func TestEveryByteDamaged(t *testing.T) {
	b, g := small(t)
	f := openBytes(t, b)
	for leaf, want := range g.entries {
		info := f.Groups()[0].Columns[leaf]
		for at := info.start(); at < info.start()+info.Size; at++ {
			for _, flip := range []byte{1, 0x80} {
				c := bytes.Clone(b)
				c[at] ^= flip
				var got []entry
				err := openBytes(t, c).ReadColumn(0, leaf, func(v *Value) error {
					got = append(got, entry{v.Rep, v.Def, v.Int, string(v.Bytes)})
					return nil
				})
				if err == nil {
					sameEntries(t, "damaged", [][]entry{want}, [][]entry{got})
				}
			}
		}
	}
}

func TestTruncated(t *testing.T) {
	b, _ := small(t)
	if err := readAll(b); err != nil {
		t.Fatal(err)
	}
	for n := range b {
		if readAll(b[:n]) == nil {
			t.Fatalf("%d of %d bytes were read as a file", n, len(b))
		}
	}
}

func TestOpenErrors(t *testing.T) {
	b, _ := small(t)
	tail := func(change func(b []byte)) []byte {
		c := bytes.Clone(b)
		change(c)
		return c
	}
	for name, tc := range map[string]struct {
		b    []byte
		want string
	}{
		"empty":           {nil, "not a complete Parquet file"},
		"no magic":        {tail(func(b []byte) { b[0] = 'X' }), "not a complete Parquet file"},
		"encrypted":       {tail(func(b []byte) { b[len(b)-1] = 'E' }), "not a complete Parquet file"},
		"a huge footer":   {tail(func(b []byte) { binary.LittleEndian.PutUint32(b[len(b)-8:], 1<<31) }), "a footer of 2147483648 bytes"},
		"an empty footer": {tail(func(b []byte) { binary.LittleEndian.PutUint32(b[len(b)-8:], 0) }), "damaged metadata"},
	} {
		if err := readAll(tc.b); err == nil || !strings.Contains(err.Error(), tc.want) {
			t.Errorf("%s: %v, want %q", name, err, tc.want)
		}
	}
}

// FuzzOpen changes files. What is still read must be whole: written again, it
// reads the same.
func FuzzOpen(f *testing.F) {
	b, _ := small(f)
	f.Add(b)
	s, err := NewSchema([]Node{{Name: "n", Type: Int32, Encoding: Dict, Bloom: true}, {Name: "b", Type: ByteArray}})
	if err != nil {
		f.Fatal(err)
	}
	f.Add(writeFile(f, s, nil))
	g := newShredder(s)
	g.row(map[string]any{"n": int64(1)})
	f.Add(writeFile(f, s, nil, g.group))
	f.Fuzz(func(t *testing.T, b []byte) {
		file, err := Open(bytes.NewReader(b), int64(len(b)))
		if err != nil || file.NumRows() > 1e5 {
			return
		}
		group := NewGroup(file.Schema())
		for i, info := range file.Groups() {
			for _, c := range info.Columns {
				if c.Values > 1e5 {
					return
				}
			}
			if err := file.ReadGroup(i, group); err != nil {
				return
			}
		}
		if int64(group.Rows()) != file.NumRows() {
			t.Fatalf("%d rows read of %d", group.Rows(), file.NumRows())
		}
		var out bytes.Buffer
		w := NewWriter(&out, file.Schema())
		if err := w.WriteGroup(group); err != nil {
			// A number beyond its logical type is found only when written.
			if strings.Contains(err.Error(), "does not fit its type") {
				return
			}
			t.Fatal(err)
		}
		if err := w.Close(file.KeyValues()); err != nil {
			t.Fatal(err)
		}
		sameEntries(t, "rewritten", readEntries(t, file), readEntries(t, openBytes(t, out.Bytes())))
	})
}

// pageLeaves are the columns for FuzzPage.
func pageLeaves() []Node {
	return []Node{
		{Name: "bool", Type: Boolean},
		{Name: "i32", Type: Int32, Encoding: Delta},
		{Name: "i64", Type: Int64, Encoding: Delta, Required: true},
		{Name: "plain", Type: Int64},
		{Name: "dict", Type: ByteArray, Encoding: Dict},
		{Name: "fixed", Type: FixedLenByteArray, Length: 3},
		{Name: "bytes", Type: ByteArray},
		{Name: "list", Kind: List, Children: []Node{{Type: Int32, Encoding: Dict}}},
	}
}

// FuzzPage gives damaged pages a right checksum, which FuzzOpen hardly ever
// finds: the body of the data page of one column is replaced.
func FuzzPage(f *testing.F) {
	s, err := NewSchema(pageLeaves())
	if err != nil {
		f.Fatal(err)
	}
	g := newShredder(s)
	for i := range 20 {
		row := map[string]any{
			"bool": i%2 == 0, "i32": int64(i * i), "i64": int64(i) << 33, "plain": int64(-i),
			"dict": string(rune('a' + i%3)), "fixed": []byte("abc"), "bytes": "x",
			"list": []any{int64(i % 4), nil},
		}
		if i%5 == 0 {
			row = map[string]any{"i64": int64(i)}
		}
		g.row(row)
	}
	whole := writeFile(f, s, nil, g.group)
	file := openBytes(f, whole)
	for leaf := range s.Leaves() {
		info := file.Groups()[0].Columns[leaf]
		r := chunkReader{leaf: &s.leaves[leaf], info: &info}
		_, body, _, err := r.next(whole[info.DataPage : info.start()+info.Size])
		if err != nil {
			f.Fatal(err)
		}
		f.Add(uint8(leaf), bytes.Clone(body))
	}
	f.Fuzz(func(t *testing.T, which uint8, body []byte) {
		leaf := int(which) % len(s.Leaves())
		l := &s.leaves[leaf]
		info := file.Groups()[0].Columns[leaf]
		chunk, err := replacePage(whole, &info, body)
		if err != nil {
			t.Fatal(err)
		}
		lie := &File{r: bytes.NewReader(chunk), schema: s, groups: []GroupInfo{{Rows: 20, Columns: make([]ColumnInfo, len(s.leaves))}}}
		lie.groups[0].Columns[leaf] = info
		var got []entry
		err = lie.ReadColumn(0, leaf, func(v *Value) error {
			got = append(got, entry{v.Rep, v.Def, v.Int, string(v.Bytes)})
			if v.Rep > l.MaxRep || v.Def > l.MaxDef {
				t.Fatalf("levels %d, %d", v.Rep, v.Def)
			}
			if v.Def == l.MaxDef && l.Node.Type == FixedLenByteArray && len(v.Bytes) != l.Node.Length {
				t.Fatalf("%d bytes", len(v.Bytes))
			}
			return nil
		})
		if err == nil && len(got) != int(info.Values) {
			t.Fatalf("%d entries without an error, want %d", len(got), info.Values)
		}
	})
}

// replacePage returns a chunk whose data page has another body, and corrects
// what info says of its place.
func replacePage(file []byte, info *ColumnInfo, body []byte) ([]byte, error) {
	var e encoder
	packed, err := e.compress(nil, body)
	if err != nil {
		return nil, err
	}
	chunk := bytes.Clone(file[info.start():info.DataPage])
	dictionary := int64(len(chunk))
	h := pageHeader{typ: pageData, raw: len(body), size: len(packed), crc: crc32.ChecksumIEEE(packed), values: int(info.Values), encoding: info.encoding}
	chunk = append(h.append(chunk), packed...)
	// Offset 0 means absent, so the chunk begins at 1.
	if info.DictionaryPage != 0 {
		info.DictionaryPage = 1
	}
	info.DataPage, info.Size = 1+dictionary, int64(len(chunk))
	return append([]byte{0}, chunk...), nil
}

// failing is a disk that is full after some bytes.
type failing struct{ left int }

var errFull = errors.New("disk full")

func (f *failing) Write(b []byte) (int, error) {
	if len(b) > f.left {
		n := f.left
		f.left = 0
		return n, errFull
	}
	f.left -= len(b)
	return len(b), nil
}

// A failed write is reported wherever it happens, and for good.
func TestWriteErrors(t *testing.T) {
	b, g := small(t)
	source := openBytes(t, b)
	for left := 0; left < len(b); left += 97 {
		w := NewWriter(&failing{left: left}, g.group.Schema())
		err := w.WriteGroup(g.group)
		if err == nil {
			err = w.AppendGroups(source)
		}
		if err == nil {
			err = w.Close(nil)
		}
		if !errors.Is(err, errFull) {
			t.Fatalf("%d bytes: %v", left, err)
		}
		if err := w.Close(nil); !errors.Is(err, errFull) {
			t.Fatalf("%d bytes, Close afterwards: %v", left, err)
		}
	}
}

// A source that ends early, or has gone bad, must not become a merged file.
func TestCopyFromTruncated(t *testing.T) {
	b, g := small(t)
	f := openBytes(t, b)
	f.r = bytes.NewReader(b[:f.Groups()[1].End-10])
	w := NewWriter(io.Discard, g.group.Schema())
	if err := w.AppendGroups(f); !errors.Is(err, io.ErrUnexpectedEOF) {
		t.Errorf("AppendGroups: %v", err)
	}
	if err := w.Close(nil); err == nil {
		t.Error("Close after a failed copy")
	}
}

// What a header only claims costs no memory.
func TestClaimsCostNothing(t *testing.T) {
	b, _ := small(t)
	f := openBytes(t, b)
	s := f.Schema()
	for name, change := range map[string]func(h *pageHeader){
		"a page of 256 MiB from few bytes": func(h *pageHeader) { h.raw = maxPage },
		"more than any page":               func(h *pageHeader) { h.raw = 1 << 30 },
		"more bytes than there are":        func(h *pageHeader) { h.size = 1 << 30 },
		"negative":                         func(h *pageHeader) { h.raw = -1 },
		"more values than the chunk":       func(h *pageHeader) { h.values = 1 << 30 },
		"another encoding":                 func(h *pageHeader) { h.encoding = encDelta },
		"another page type":                func(h *pageHeader) { h.typ = pageDictionary },
	} {
		leaf := len(s.Leaves()) - 1 // a list of plain numbers
		info := f.Groups()[0].Columns[leaf]
		var e encoder
		packed, err := e.compress(nil, []byte("hardly anything"))
		if err != nil {
			t.Fatal(err)
		}
		h := pageHeader{typ: pageData, raw: 15, size: len(packed), crc: crc32.ChecksumIEEE(packed), values: int(info.Values), encoding: encPlain}
		change(&h)
		chunk := append(h.append([]byte{0}), packed...)
		info.DataPage, info.Size = 1, int64(len(chunk)-1)
		lie := &File{r: bytes.NewReader(chunk), schema: s, groups: []GroupInfo{{Rows: 30, Columns: make([]ColumnInfo, len(s.leaves))}}}
		lie.groups[0].Columns[leaf] = info
		var before, after runtime.MemStats
		runtime.ReadMemStats(&before)
		err = lie.ReadColumn(0, leaf, func(*Value) error { return nil })
		runtime.ReadMemStats(&after)
		if err == nil {
			t.Errorf("%s: no error", name)
		}
		if grown := after.TotalAlloc - before.TotalAlloc; grown > 1<<20 {
			t.Errorf("%s: %d bytes allocated", name, grown)
		}
	}
}
