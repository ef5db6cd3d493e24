package store

import (
	"encoding/json"
	"errors"
	"fmt"
	"os"
	"path/filepath"

	"github.com/margay-audit/margay/event"
	"github.com/margay-audit/margay/store/catalog"
	"github.com/margay-audit/margay/store/segment"
)

// ledgerFormat is the version of the ledger file.
const ledgerFormat = 1

// ledger is what a rebuild cannot read from footers: what retention took away
// with them, and positions that moved without any row. It is written as a whole
// before the commit that would lose something; so it may be a little ahead of
// the catalog, which does no harm: no row is involved.
type ledger struct {
	Format  int    `json:"format"`
	StoreID string `json:"store_id"`
	// Number and Hash are the newest commit when the ledger was written.
	Number uint64 `json:"number"`
	Hash   string `json:"hash"`
	// Streams are all streams with all their marks, Sources all totals.
	Streams []segment.Stream `json:"streams"`
	Sources []catalog.Source `json:"sources"`
	// Dropped names every segment that retention ever dropped; Commits are the
	// records that no footer holds.
	Dropped []recordSegment  `json:"dropped"`
	Commits []catalog.Commit `json:"commits"`
	// Resolved are all resolutions.
	Resolved []catalog.Resolution `json:"resolved"`
	// Lost is what the last rebuild did not find any more, or nil.
	Lost *Loss `json:"lost,omitempty"`
}

// readLedger returns an empty ledger when there is no file.
func readLedger(dir string) (*ledger, error) {
	text, err := os.ReadFile(filepath.Join(dir, ledgerName))
	if errors.Is(err, os.ErrNotExist) {
		return &ledger{Format: ledgerFormat}, nil
	}
	if err != nil {
		return nil, fmt.Errorf("read ledger: %w", err)
	}
	l := new(ledger)
	if err := json.Unmarshal(text, l); err != nil {
		return nil, fmt.Errorf("read ledger %s: %w", filepath.Join(dir, ledgerName), err)
	}
	if l.Format != ledgerFormat {
		return nil, fmt.Errorf("read ledger %s: its format is %d, known is %d", filepath.Join(dir, ledgerName), l.Format, ledgerFormat)
	}
	return l, nil
}

func (l *ledger) write(disk Disk, dir string) error {
	text, err := json.Marshal(l)
	if err != nil {
		return fmt.Errorf("write ledger: %w", err)
	}
	if err := writeFile(disk, filepath.Join(dir, ledgerName), text); err != nil {
		return fmt.Errorf("write ledger: %w", err)
	}
	return nil
}

// footerStreams turns streams into what footers and the ledger keep.
func footerStreams(streams []event.Stream) []segment.Stream {
	out := make([]segment.Stream, 0, len(streams))
	for _, st := range streams {
		out = append(out, segment.Stream{ID: st.ID, Name: st.Name, SourceID: st.SourceID, Position: string(st.Position)})
	}
	return out
}
