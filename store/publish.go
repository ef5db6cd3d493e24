package store

import (
	"context"
	"encoding/json"
	"errors"
	"fmt"
	"maps"
	"os"
	"path/filepath"
	"slices"

	"github.com/margay-audit/margay/event"
	"github.com/margay-audit/margay/store/catalog"
	"github.com/margay-audit/margay/store/segment"
)

// publish makes the draft the next commit: footers, final names, transaction.
// After an error nothing has changed, the files are gone, and the number is
// still free. s.serial is held.
func (s *Store) publish(ctx context.Context, d *draft) error {
	// From here on an end of the context must not leave half a commit.
	ctx = context.WithoutCancel(ctx)
	s.mu.Lock()
	last := s.last
	s.mu.Unlock()
	c := segment.Commit{
		StoreID: s.id, Number: last.number + 1, Prev: last.hash, Time: s.opt.Now().UnixMicro(), Kind: d.kind,
		Parts: len(d.files), Origins: d.origins, Inputs: d.inputs,
	}
	for i := range d.streams {
		c.Streams = append(c.Streams, footerStream(&d.streams[i]))
	}
	c.Streams = append(c.Streams, d.carried...)
	for _, r := range d.resolved {
		c.Resolved = append(c.Resolved, r.ID.String())
	}
	c.Resolved = append(c.Resolved, d.settled...)
	added, layouts, err := s.finish(&c, d.files)
	if err != nil {
		s.undo(d.files)
		return err
	}
	rec := newRecord(&c, added)
	rec.Dropped = d.dropped
	link, err := rec.seal(last.hash)
	if err != nil {
		s.undo(d.files)
		return err
	}
	ch := d.change(&c, link, added, layouts)
	if err := s.foresee(ctx, ch, d); err != nil {
		s.undo(d.files)
		return err
	}
	return s.transact(ctx, ch, d.files)
}

func footerStream(st *catalog.StreamChange) segment.Stream {
	return segment.Stream{ID: st.ID, Name: st.Name, SourceID: st.SourceID, Position: string(st.Position), Marks: st.Marks}
}

// change is what the catalog is told.
func (d *draft) change(c *segment.Commit, link catalog.Commit, added []catalog.Segment, layouts map[string]string) *catalog.Change {
	ch := &catalog.Change{
		Commit: link, Add: added, DeadAt: c.Time, Layouts: layouts,
		Streams: d.streams, Sources: d.sources, Resolved: d.resolved, Forget: d.forget,
	}
	ch.Dead = append(ch.Dead, d.inputs...)
	for _, r := range d.dropped {
		ch.Dead = append(ch.Dead, r.Name)
	}
	for i := range ch.Resolved {
		ch.Resolved[i].Commit = c.Number
	}
	return ch
}

// finish gives every file its footer, then its name, and then makes the names
// durable.
func (s *Store) finish(c *segment.Commit, files []*pendingFile) ([]catalog.Segment, map[string]string, error) {
	added := make([]catalog.Segment, 0, len(files))
	layouts := map[string]string{}
	for i, f := range files {
		part := *c
		part.Part = i + 1
		var info segment.Info
		err := s.disk.Do("finish segment", f.path, func() (err error) {
			info, err = f.pending.Finish(&part)
			return err
		})
		if err != nil {
			return nil, nil, err
		}
		seg, err := entry(&part, &info, f)
		if err != nil {
			return nil, nil, err
		}
		if err := layoutOf(&info, layouts); err != nil {
			return nil, nil, err
		}
		added = append(added, seg)
	}
	folders := map[string]bool{}
	for i, f := range files {
		path := segmentPath(s.dir, added[i].Name)
		if err := s.clearWay(added[i].Name); err != nil {
			return nil, nil, err
		}
		if err := s.disk.Do("rename", path, func() error { return os.Rename(f.path, path) }); err != nil {
			return nil, nil, err
		}
		f.path, f.final = path, true
		folders[filepath.Dir(path)] = true
	}
	for _, folder := range slices.Sorted(maps.Keys(folders)) {
		if err := s.disk.Do("sync folder", folder, func() error { return syncDir(folder) }); err != nil {
			return nil, nil, err
		}
	}
	return added, layouts, nil
}

// clearWay sets aside a file that has the name of a segment to come: the rest
// of a commit of this number that failed and could not be removed.
func (s *Store) clearWay(name string) error {
	if !exists(segmentPath(s.dir, name)) {
		return nil
	}
	return s.setAside(name, "left by a commit that failed")
}

// undo removes the files of a commit that was not recorded.
func (s *Store) undo(files []*pendingFile) {
	for _, f := range files {
		s.drop(f)
	}
}

// transact records the change, and makes sure of the outcome when SQLite is
// not.
func (s *Store) transact(ctx context.Context, ch *catalog.Change, files []*pendingFile) error {
	path := filepath.Join(s.dir, catalogName)
	err := s.disk.Do("transaction", path, func() error { return s.cat.Apply(ctx, ch) })
	if err == nil {
		s.landed(ch)
		return nil
	}
	s.doubt = &doubt{change: ch, files: files, cause: err}
	landed, serr := s.resolveDoubt(ctx)
	switch {
	case serr != nil:
		return errors.Join(err, serr)
	case landed:
		return nil
	default:
		return err
	}
}

// landed takes a recorded change over into memory and HEAD.
func (s *Store) landed(ch *catalog.Change) {
	h := head{number: ch.Commit.Number, hash: ch.Commit.Hash}
	s.mu.Lock()
	s.last, s.lastTime = h, ch.Commit.Time
	for i := range ch.Streams {
		s.byID[ch.Streams[i].ID].moveTo(ch.Streams[i].Position)
	}
	for _, src := range ch.Sources {
		s.sources[src.ID] = src
	}
	for i := range ch.Add {
		if ch.Add[i].LogType == event.Quarantine && ch.Add[i].Tier == 0 {
			s.waiting += ch.Add[i].RawBytes
		}
	}
	for _, r := range ch.Resolved {
		s.waiting -= r.RawBytes
	}
	s.mu.Unlock()
	if len(ch.Add) > 0 {
		clear(s.loose)
	} else {
		for i := range ch.Streams {
			s.loose[ch.Streams[i].ID] = true
		}
	}
	path := filepath.Join(s.dir, headName)
	if err := s.disk.Do("write", path, func() error { return writeHead(s.dir, h) }); err != nil {
		s.log.Warn("cannot write HEAD; an old catalog would not be noticed as such until it is written again", "error", err)
	}
}

// doubt is a transaction of which nobody knows whether it was recorded.
type doubt struct {
	change *catalog.Change
	files  []*pendingFile
	cause  error
}

// settle clears a doubt, if there is one, and reports whether there was.
// s.serial is held.
func (s *Store) settle(ctx context.Context) (bool, error) {
	if s.doubt == nil {
		return false, nil
	}
	_, err := s.resolveDoubt(context.WithoutCancel(ctx))
	return err == nil, err
}

// resolveDoubt asks the catalog. As long as it gives no answer the store
// answers nobody: a source that was told the wrong position would lose events
// or store them twice.
func (s *Store) resolveDoubt(ctx context.Context) (bool, error) {
	d := s.doubt
	var landed bool
	err := s.disk.Do("settle", filepath.Join(s.dir, catalogName), func() (err error) {
		landed, err = s.cat.Settle(ctx, d.change.Commit.Number, d.change.Commit.Hash)
		return err
	})
	if err != nil {
		err = fmt.Errorf("nobody knows whether commit %d was recorded, and nothing is stored until the catalog can be read: %w", d.change.Commit.Number, errors.Join(d.cause, err))
	}
	s.mu.Lock()
	s.broken = err
	s.mu.Unlock()
	if err != nil {
		return false, diskError(err)
	}
	s.doubt = nil
	if landed {
		s.landed(d.change)
	} else {
		s.undo(d.files)
	}
	return landed, nil
}

// entry is the catalog's entry of a finished file.
func entry(c *segment.Commit, info *segment.Info, f *pendingFile) (catalog.Segment, error) {
	digests, err := encodeDigests(info)
	if err != nil {
		return catalog.Segment{}, err
	}
	first := f.first
	if first == 0 {
		first = c.Number
	}
	return catalog.Segment{
		Name: segmentName(info.LogType, c.Number, c.Part), LogType: info.LogType, SchemaVersion: info.SchemaVersion, Layout: info.Layout.Hash(),
		Tier: f.tier, First: first, Commit: c.Number, Part: c.Part,
		Rows: info.Rows, Bytes: info.Bytes, RawBytes: info.RawBytes,
		EventMin: info.EventMin, EventMax: info.EventMax, StoredMin: info.StoredMin, StoredMax: info.StoredMax,
		SHA256: info.SHA256, Digests: digests, Bloom: info.Bloom,
	}, nil
}

func encodeDigests(info *segment.Info) (string, error) {
	text, err := json.Marshal(info.Groups)
	if err != nil {
		return "", fmt.Errorf("encode digests: %w", err)
	}
	return string(text), nil
}

// layoutOf notes the layout of a segment by its hash.
func layoutOf(info *segment.Info, into map[string]string) error {
	hash := info.Layout.Hash()
	if _, ok := into[hash]; ok {
		return nil
	}
	text, err := json.Marshal(info.Layout)
	if err != nil {
		return fmt.Errorf("encode layout: %w", err)
	}
	into[hash] = string(text)
	return nil
}
