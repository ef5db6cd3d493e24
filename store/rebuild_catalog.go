package store

import (
	"cmp"
	"context"
	"fmt"
	"maps"
	"path"
	"slices"

	"github.com/margay-audit/margay/event"
	"github.com/margay-audit/margay/store/catalog"
	"github.com/margay-audit/margay/store/segment"
)

// kindUnknown is the kind of a commit of which only number and hash are left.
const kindUnknown = "unknown"

// changes are the commits as they are written into the new catalog, oldest
// first; the last one, without a commit, holds the state that they led to.
func (b *rebuilder) changes(ctx context.Context) ([]*catalog.Change, error) {
	layouts := map[string]string{}
	byNumber := map[uint64]*catalog.Change{}
	for number, k := range b.ch {
		byNumber[number] = &catalog.Change{Commit: k}
	}
	tip := b.newest()
	b.rep.Last = tip.number
	if tip.number != 0 && byNumber[tip.number] == nil {
		byNumber[tip.number] = &catalog.Change{Commit: catalog.Commit{Number: tip.number, Time: b.now.UnixMicro(), Kind: kindUnknown, Hash: tip.hash}}
	}
	places := b.places()
	for _, g := range b.kept {
		for _, f := range g.files {
			e, err := entry(&f.commit, &f.info, places[f.name])
			if err != nil {
				return nil, err
			}
			if err := layoutOf(&f.info, layouts); err != nil {
				return nil, err
			}
			if b.dead[f.name] {
				e.DeadAt = b.now.UnixMicro()
			} else {
				b.rep.Segments++
				b.rep.Rows += e.Rows
			}
			byNumber[g.key.number].Add = append(byNumber[g.key.number].Add, e)
		}
	}
	var out []*catalog.Change
	for _, number := range slices.Sorted(maps.Keys(byNumber)) {
		out = append(out, byNumber[number])
	}
	state, err := b.state(ctx)
	state.Layouts = layouts
	return append(out, state), err
}

// places tells tier and age of merged segments. Where the inputs are gone the
// tier is guessed too low, which costs another merge.
func (b *rebuilder) places() map[string]*pendingFile {
	out := map[string]*pendingFile{}
	for _, g := range b.kept {
		c := g.commit()
		p := &pendingFile{first: c.Number}
		for _, name := range c.Inputs {
			if in := out[name]; in != nil {
				p.tier, p.first = max(p.tier, in.tier+1), min(p.first, in.first)
				continue
			}
			p.tier = max(p.tier, 1)
			if number, _, ok := segment.ParseFileName(path.Base(name)); ok {
				p.first = min(p.first, number)
			}
		}
		for _, f := range g.files {
			out[f.name] = p
		}
	}
	return out
}

// state is where the streams stand, what was stored of each source, and what
// was replayed.
func (b *rebuilder) state(ctx context.Context) (*catalog.Change, error) {
	ch := &catalog.Change{}
	streams := b.streams()
	for _, id := range slices.Sorted(maps.Keys(streams)) {
		ch.Streams = append(ch.Streams, *streams[id])
	}
	b.rep.Streams = len(streams)
	resolved := map[event.RowID]catalog.Resolution{}
	for _, r := range b.ledger.Resolved {
		resolved[r.ID] = r
	}
	for _, g := range b.kept {
		for _, text := range g.commit().Resolved {
			id, err := parseRowID(text)
			if err != nil {
				return ch, err
			}
			if _, ok := resolved[id]; !ok {
				resolved[id] = catalog.Resolution{ID: id, Commit: g.key.number}
			}
		}
	}
	sources, present, err := b.recount(ctx)
	if err != nil {
		return ch, err
	}
	for _, r := range slices.SortedFunc(maps.Values(resolved), compareResolutions) {
		// The resolution of a row that retention has dropped is of no use.
		if size, ok := present[r.ID]; ok {
			r.RawBytes = size
			ch.Resolved = append(ch.Resolved, r)
		}
	}
	for _, id := range slices.Sorted(maps.Keys(sources)) {
		ch.Sources = append(ch.Sources, *sources[id])
	}
	return ch, nil
}

// streams takes the position of each stream from the newest footer that names
// it, or from the ledger when that is newer, and all marks from everywhere.
func (b *rebuilder) streams() map[uint64]*catalog.StreamChange {
	type source struct {
		number  uint64
		streams []segment.Stream
	}
	all := []source{{b.ledger.Number, b.ledger.Streams}}
	for _, g := range b.kept {
		all = append(all, source{g.key.number, g.commit().Streams})
	}
	slices.SortStableFunc(all, func(x, y source) int { return cmp.Compare(x.number, y.number) })
	out := map[uint64]*catalog.StreamChange{}
	for _, src := range all {
		for i := range src.streams {
			st := &src.streams[i]
			have := out[st.ID]
			if have == nil {
				have = &catalog.StreamChange{Stream: event.Stream{ID: st.ID, Name: st.Name, SourceID: st.SourceID}}
				out[st.ID] = have
			}
			have.Position = event.Position(st.Position)
			have.Marks = append(have.Marks, st.Marks...)
		}
	}
	return out
}

// recount reads all rows: what is there of each source, and how large each row
// in quarantine is. What retention has dropped is not counted any more.
func (b *rebuilder) recount(ctx context.Context) (map[string]*catalog.Source, map[event.RowID]int64, error) {
	sources := map[string]*catalog.Source{}
	quarantined := map[event.RowID]int64{}
	for _, src := range b.ledger.Sources {
		sources[src.ID] = &catalog.Source{ID: src.ID, Label: src.Label, Kind: src.Kind, LastEvent: src.LastEvent, LastStored: src.LastStored}
	}
	for _, g := range b.kept {
		for _, o := range g.commit().Origins {
			if sources[o.ID] == nil {
				sources[o.ID] = &catalog.Source{ID: o.ID}
			}
			sources[o.ID].Label, sources[o.ID].Kind = o.Label, o.Kind
		}
		for _, f := range g.files {
			if b.dead[f.name] {
				continue
			}
			if err := ctx.Err(); err != nil {
				return nil, nil, err
			}
			err := eachRow(f.path, nil, func(row *segment.Row) error {
				src := sources[row.SourceID]
				if src == nil {
					src = &catalog.Source{ID: row.SourceID, Label: row.SourceLabel}
					sources[row.SourceID] = src
				}
				src.LastStored = max(src.LastStored, row.ParseTime)
				if f.info.LogType == event.Quarantine {
					src.Quarantined++
					quarantined[row.ID] = int64(len(row.Raw))
					return nil
				}
				src.Stored++
				if row.EventTime != row.ParseTime {
					src.LastEvent = max(src.LastEvent, row.EventTime)
				}
				return nil
			})
			if err != nil {
				// The segment stays: most of it may be readable.
				b.log.Error("cannot read all of a segment; `margay store verify` says more", "segment", f.name, "error", err)
				b.rep.Damaged = append(b.rep.Damaged, f.name)
			}
		}
	}
	return sources, quarantined, nil
}

func parseRowID(text string) (event.RowID, error) {
	var id event.RowID
	if n, err := fmt.Sscanf(text, "%16x%16x", &id.Hi, &id.Lo); n != 2 || err != nil || id.String() != text {
		return id, fmt.Errorf("%q is no row id", text)
	}
	return id, nil
}
