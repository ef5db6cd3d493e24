package store

import (
	"bytes"
	"crypto/sha256"
	"encoding/hex"
	"encoding/json"
	"fmt"

	"github.com/margay-audit/margay/event"
	"github.com/margay-audit/margay/store/catalog"
	"github.com/margay-audit/margay/store/segment"
)

// KindRetention is the kind of commits that drop segments; the other kinds are
// those of package segment.
const KindRetention segment.Kind = "retention"

// record is what a commit did, as the chain of hashes covers it. It is made of
// nothing but what the footers say and the files hash to, so that a rebuild
// arrives at the same hash. Its JSON has the members in this order, no white
// space, and no escapes beyond those that JSON demands.
type record struct {
	Store    string          `json:"store"`
	Number   uint64          `json:"number"`
	Time     int64           `json:"time"`
	Kind     segment.Kind    `json:"kind"`
	Segments []recordSegment `json:"segments,omitempty"`
	Streams  []recordStream  `json:"streams,omitempty"`
	Inputs   []string        `json:"inputs,omitempty"`
	Resolved []string        `json:"resolved,omitempty"`
	Dropped  []recordSegment `json:"dropped,omitempty"`
}

type recordSegment struct {
	Name     string        `json:"name"`
	LogType  event.LogType `json:"log_type"`
	Rows     int64         `json:"rows"`
	RawBytes int64         `json:"raw_bytes"`
	SHA256   string        `json:"sha256"`
}

// recordStream names a position by its hash: positions are long, and stand in
// full in the footers and in the catalog.
type recordStream struct {
	ID       uint64 `json:"id"`
	Name     string `json:"name"`
	Position string `json:"position_sha256"`
}

func recordOf(s *catalog.Segment) recordSegment {
	return recordSegment{Name: s.Name, LogType: s.LogType, Rows: s.Rows, RawBytes: s.RawBytes, SHA256: s.SHA256}
}

func newRecord(c *segment.Commit, segments []catalog.Segment) *record {
	r := &record{Store: c.StoreID, Number: c.Number, Time: c.Time, Kind: c.Kind, Inputs: c.Inputs, Resolved: c.Resolved}
	for i := range segments {
		r.Segments = append(r.Segments, recordOf(&segments[i]))
	}
	for i := range c.Streams {
		st := &c.Streams[i]
		sum := sha256.Sum256([]byte(st.Position))
		r.Streams = append(r.Streams, recordStream{ID: st.ID, Name: st.Name, Position: hex.EncodeToString(sum[:])})
	}
	return r
}

// seal turns a record into the link after prev.
func (r *record) seal(prev string) (catalog.Commit, error) {
	var b bytes.Buffer
	e := json.NewEncoder(&b)
	e.SetEscapeHTML(false)
	if err := e.Encode(r); err != nil {
		return catalog.Commit{}, fmt.Errorf("encode record of commit %d: %w", r.Number, err)
	}
	text := bytes.TrimSuffix(b.Bytes(), []byte("\n"))
	return catalog.Commit{
		Number: r.Number, Time: r.Time, Kind: string(r.Kind), Record: string(text), Prev: prev, Hash: linkHash(prev, text),
	}, nil
}

// linkHash is SHA-256 over the hash before, in hexadecimal, and the record.
func linkHash(prev string, record []byte) string {
	h := sha256.New()
	h.Write([]byte(prev))
	h.Write(record)
	return hex.EncodeToString(h.Sum(nil))
}

func readRecord(text string) (*record, error) {
	r := new(record)
	if err := json.Unmarshal([]byte(text), r); err != nil {
		return nil, fmt.Errorf("read commit record: %w", err)
	}
	return r, nil
}
