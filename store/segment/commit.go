package segment

import (
	"bytes"
	"encoding/json"
	"fmt"
	"unicode/utf8"

	"github.com/margay-audit/margay/event"
)

// Kind says what sort of change a commit is.
type Kind string

// The kinds of commits that leave segments.
const (
	// KindAppend brings in new events.
	KindAppend Kind = "append"
	// KindMerge puts existing segments together.
	KindMerge Kind = "merge"
	// KindReplay brings in events from the quarantine, under their own row ids.
	KindReplay Kind = "replay"
)

// Commit is what a segment's footer says of the commit that made it: enough to
// rebuild the catalog when that is lost. All parts of a commit carry the same,
// but for Part.
type Commit struct {
	// StoreID names the store that the segment belongs to.
	StoreID string `json:"store_id"`
	// Number counts the store's commits from 1.
	Number uint64 `json:"number"`
	// Prev is the hash of the record of the commit before, in hexadecimal.
	Prev string `json:"prev,omitempty"`
	// Time is when the commit was made, in microseconds since the Unix epoch.
	Time int64 `json:"time"`
	Kind Kind  `json:"kind"`
	// Part of Parts: this segment's place in the commit, counted from 1. A
	// commit is complete only when all its parts are there.
	Part  int `json:"part"`
	Parts int `json:"parts"`
	// Streams are the streams that the commit moved, with their new positions.
	Streams []Stream `json:"streams,omitempty"`
	// Origins are the sources that events of the commit came from.
	Origins []Origin `json:"origins,omitempty"`
	// Inputs of a merge are the names of the segments that it replaces.
	Inputs []string `json:"inputs,omitempty"`
	// Resolved are the row ids of the quarantined events that a replay settled.
	Resolved []string `json:"resolved,omitempty"`
}

// Stream is the state of a stream after a commit.
type Stream struct {
	ID       uint64 `json:"id"`
	Name     string `json:"name"`
	SourceID string `json:"source_id"`
	// Position is the durable position. It is kept as a string, because
	// positions are compared byte for byte and a JSON value would be reformatted.
	Position string `json:"position"`
	// Marks are those that this commit added.
	Marks []event.Mark `json:"marks,omitempty"`
}

// Origin is a source as the footer remembers it.
type Origin struct {
	ID          string `json:"id"`
	Label       string `json:"label"`
	Kind        string `json:"kind"`
	KeepSecrets bool   `json:"keep_secrets,omitempty"`
}

// encode returns the JSON of a commit. Go would replace what is not valid UTF-8
// without a word, and a changed position is a lost one, so that is refused.
func (c *Commit) encode() ([]byte, error) {
	if c.Part < 1 || c.Part > c.Parts {
		return nil, fmt.Errorf("encode commit %d: part %d of %d", c.Number, c.Part, c.Parts)
	}
	for i := range c.Streams {
		s := &c.Streams[i]
		if !utf8.ValidString(s.Position) || !utf8.ValidString(s.Name) {
			return nil, fmt.Errorf("encode commit %d: stream %d: name or position is not valid UTF-8", c.Number, s.ID)
		}
	}
	return encodeJSON(c)
}

// encodeJSON writes v without escaping for HTML.
func encodeJSON(v any) ([]byte, error) {
	var b bytes.Buffer
	e := json.NewEncoder(&b)
	e.SetEscapeHTML(false)
	if err := e.Encode(v); err != nil {
		return nil, err
	}
	return bytes.TrimSuffix(b.Bytes(), []byte("\n")), nil
}

// decodeJSON is strict about trailing bytes, but lets unknown members pass:
// they may be additions of a later version that old readers need not know.
func decodeJSON(text []byte, into any) error {
	if len(text) > maxFooterValue {
		return fmt.Errorf("%d bytes are more than the allowed %d", len(text), maxFooterValue)
	}
	return json.Unmarshal(text, into)
}
