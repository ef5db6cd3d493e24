package segment

import (
	"encoding/hex"
	"fmt"
	"slices"

	"github.com/margay-audit/margay/event"
)

// Info says what a segment contains. All times are in microseconds since the
// Unix epoch.
type Info struct {
	LogType       event.LogType
	SchemaVersion int
	// Layout is not to be changed.
	Layout *Layout
	Rows   int64
	// Bytes is the size of the file, RawBytes the sum of the lengths of the
	// events' bytes.
	Bytes, RawBytes int64
	// EventMin and EventMax bound p_event_time, StoredMin and StoredMax
	// p_parse_time. Both ends are included.
	EventMin, EventMax   int64
	StoredMin, StoredMax int64
	// SHA256 of the whole file in hexadecimal. It is known to who wrote the
	// file; a Reader leaves it empty, see [Hash].
	SHA256 string
	// Groups are the row groups in file order.
	Groups []GroupDigest
	// Bloom is the filter of all indicators, see [DecodeBloom].
	Bloom []byte
}

// GroupDigest says what is in a row group, so that its events can be proven
// unchanged when groups move from file to file.
type GroupDigest struct {
	Rows     int64 `json:"rows"`
	RawBytes int64 `json:"raw_bytes"`
	// SHA256 in hexadecimal, of the received bytes of every event in row order,
	// each preceded by its length as eight bytes, little-endian.
	SHA256 string `json:"sha256"`
	// Offset and Length bound the bytes of the row group in the file, Bloom
	// filters included, and Sum is their 64-bit xxHash in hexadecimal. A merge
	// checks it while it copies, at the speed of memory; against intent only
	// the SHA-256 helps.
	Offset int64  `json:"offset"`
	Length int64  `json:"length"`
	Sum    string `json:"xxh64"`
}

// footerInfo is the shape of an Info in the footer.
type footerInfo struct {
	Layout    *Layout       `json:"layout"`
	Rows      int64         `json:"rows"`
	RawBytes  int64         `json:"raw_bytes"`
	EventMin  int64         `json:"event_min"`
	EventMax  int64         `json:"event_max"`
	StoredMin int64         `json:"stored_min"`
	StoredMax int64         `json:"stored_max"`
	Groups    []GroupDigest `json:"groups"`
	Bloom     []byte        `json:"bloom,omitempty"`
}

func (f *footerInfo) info(size int64) Info {
	return Info{
		LogType: f.Layout.LogType, SchemaVersion: f.Layout.Version, Layout: f.Layout,
		Rows: f.Rows, Bytes: size, RawBytes: f.RawBytes,
		EventMin: f.EventMin, EventMax: f.EventMax, StoredMin: f.StoredMin, StoredMax: f.StoredMax,
		Groups: slices.Clone(f.Groups), Bloom: f.Bloom,
	}
}

// check finds contradictions in a footer that was read from a file of a size.
func (f *footerInfo) check(size int64) error {
	if f.Layout == nil {
		return fmt.Errorf("no layout")
	}
	var rows, raw, end int64
	for i := range f.Groups {
		g := &f.Groups[i]
		if g.Rows <= 0 || g.RawBytes < 0 || g.Offset < end || g.Length <= 0 || g.Length > size-g.Offset {
			return fmt.Errorf("row group %d: impossible size or place", i)
		}
		if sum, err := hex.DecodeString(g.SHA256); err != nil || len(sum) != 32 {
			return fmt.Errorf("row group %d: not a SHA-256", i)
		}
		rows, raw, end = rows+g.Rows, raw+g.RawBytes, g.Offset+g.Length
	}
	if rows != f.Rows || raw != f.RawBytes || rows < 0 || raw < 0 {
		return fmt.Errorf("%d rows with %d bytes, but %d with %d in the row groups", f.Rows, f.RawBytes, rows, raw)
	}
	if f.EventMin > f.EventMax || f.StoredMin > f.StoredMax {
		return fmt.Errorf("times end before they begin")
	}
	if len(f.Bloom) > 0 {
		if _, err := DecodeBloom(f.Bloom); err != nil {
			return err
		}
	}
	return nil
}
