package store

import (
	"maps"
	"slices"

	"github.com/margay-audit/margay/event"
	"github.com/margay-audit/margay/store/catalog"
	"github.com/margay-audit/margay/store/segment"
)

// draft is a commit in the making. What it has in common with all others,
// number, time and hashes, publish adds.
type draft struct {
	kind     segment.Kind
	files    []*pendingFile
	streams  []catalog.StreamChange // moved by this commit
	carried  []segment.Stream       // stand in the footers only
	origins  []segment.Origin
	sources  []catalog.Source
	inputs   []string
	dropped  []recordSegment
	resolved []catalog.Resolution
	settled  []string // resolutions of earlier commits, for the footers only
	forget   []event.RowID
}

// draftOf puts appends together. The streams' changes are in stream order
// because the batch is.
func (s *Store) draftOf(batch []*Append) *draft {
	d := &draft{kind: segment.KindReplay}
	at := map[uint64]int{}
	totals := map[string]*catalog.Source{}
	origins := map[string]segment.Origin{}
	for _, a := range batch {
		if a.kind == segment.KindAppend {
			d.kind = segment.KindAppend
		}
		d.files = append(d.files, a.files...)
		d.resolved = append(d.resolved, a.resolved...)
		for id, t := range a.totals {
			addTotals(totals, id, t)
			origins[id] = segment.Origin{ID: id, Label: t.Label, Kind: t.Kind, KeepSecrets: a.origin.KeepSecrets}
		}
		if a.stream == nil {
			continue
		}
		i, ok := at[a.stream.ID]
		if !ok {
			i = len(d.streams)
			at[a.stream.ID] = i
			d.streams = append(d.streams, catalog.StreamChange{Stream: a.stream.Stream})
		}
		d.streams[i].Position = a.to
		d.streams[i].Marks = append(d.streams[i].Marks, a.marks...)
	}
	d.sources = s.newTotals(totals)
	for _, id := range slices.Sorted(maps.Keys(origins)) {
		d.origins = append(d.origins, origins[id])
	}
	if len(d.files) > 0 {
		d.carried = s.looseStreams(at)
	}
	return d
}

// addTotals adds what an append stored of a source to what others did.
func addTotals(into map[string]*catalog.Source, id string, t *catalog.Source) {
	have := into[id]
	if have == nil {
		c := *t
		into[id] = &c
		return
	}
	have.Label, have.Kind = t.Label, t.Kind
	have.Stored += t.Stored
	have.Quarantined += t.Quarantined
	have.LastEvent, have.LastStored = max(have.LastEvent, t.LastEvent), max(have.LastStored, t.LastStored)
}

// newTotals adds what a commit stores to what was stored before.
func (s *Store) newTotals(added map[string]*catalog.Source) []catalog.Source {
	s.mu.Lock()
	defer s.mu.Unlock()
	var out []catalog.Source
	for _, id := range slices.Sorted(maps.Keys(added)) {
		have := s.sources[id]
		addTotals(added, id, &catalog.Source{
			Label: added[id].Label, Kind: added[id].Kind,
			Stored: have.Stored, Quarantined: have.Quarantined, LastEvent: have.LastEvent, LastStored: have.LastStored,
		})
		out = append(out, *added[id])
	}
	return out
}
