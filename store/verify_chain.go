package store

import (
	"context"
	"errors"
	"fmt"
	"io/fs"
	"os"
	"path"
	"slices"

	"github.com/margay-audit/margay/store/catalog"
	"github.com/margay-audit/margay/store/segment"
)

// isLost reports whether a commit is in an archive that cannot be read: what it
// did to segments must not be held against these.
func (v *verifier) isLost(number uint64) bool {
	return slices.ContainsFunc(v.lost, func(a catalog.Archive) bool { return a.First <= number && number <= a.Last })
}

// lostBefore reports whether the commit that left a segment is lost.
func (v *verifier) lostBefore(name string) bool {
	number, _, ok := segment.ParseFileName(path.Base(name))
	return ok && v.isLost(number)
}

// lostAfter reports whether a commit that nobody can read any more may have used
// a segment up.
func (v *verifier) lostAfter(name string) bool {
	number, _, ok := segment.ParseFileName(path.Base(name))
	return ok && number < v.blind
}

// archive follows the chain through an archive, after the file was found to be
// as it was written. Without it the chain goes on where the catalog says that
// the archive ends.
func (v *verifier) archive(ctx context.Context, a *catalog.Archive) error {
	name := "archive " + archiveName(a.First, a.Last)
	problem := checkArchive(v.dir, a)
	n := 0
	if problem == nil {
		problem = readArchive(ctx, v.dir, a, func(k *catalog.Commit) error {
			n++
			v.follow(k)
			return nil
		})
	}
	if err := ctx.Err(); err != nil {
		return err
	}
	switch {
	case errors.Is(problem, fs.ErrNotExist):
		v.add(name, "it is missing, and with it the records of %d commits: bring it back from a backup", a.Commits)
	case problem != nil:
		v.add(name, "%v", problem)
	case n != a.Commits || v.last.Hash != a.Hash:
		v.add(name, "it holds other commits than the catalog says")
	default:
		return nil
	}
	v.lost = append(v.lost, *a)
	v.blind = a.Last
	v.last = catalog.Commit{Number: a.Last, Hash: a.Hash}
	return nil
}

// checkArchive holds a file against its entry in the catalog.
func checkArchive(dir string, a *catalog.Archive) error {
	path := archivePath(dir, a.First, a.Last)
	st, err := os.Stat(path)
	if err != nil {
		return err
	}
	if st.Size() != a.Bytes {
		return fmt.Errorf("it has %d bytes instead of %d", st.Size(), a.Bytes)
	}
	hash, err := segment.Hash(path)
	if err == nil && hash != a.SHA256 {
		err = fmt.Errorf("its SHA-256 is %s instead of %s", hash, a.SHA256)
	}
	return err
}

// follow holds a commit against the one before it.
func (v *verifier) follow(k *catalog.Commit) {
	name := fmt.Sprintf("commit %d", k.Number)
	v.rep.Commits++
	if k.Number == v.head.number {
		v.named = k.Hash
	}
	last := v.last
	v.last = *k
	if k.Kind == kindUnknown && k.Number <= v.rebuilt {
		v.unknown[k.Number] = true
		v.gap(last.Number+1, k.Number)
		return
	}
	if linkHash(k.Prev, []byte(k.Record)) != k.Hash {
		v.add(name, "its record does not have the hash that was recorded")
	}
	switch {
	case k.Number == last.Number+1 && k.Prev != last.Hash:
		v.add(name, "it does not follow from commit %d: the chain is broken between them", last.Number)
	case k.Number != last.Number+1 && k.Number <= v.rebuilt+1:
		v.gap(last.Number+1, k.Number-1)
	case k.Number != last.Number+1:
		v.add(name, "the commit before it is number %d: commits are missing", last.Number)
	}
	v.apply(name, k)
}

// endChain reports where the chain ends.
func (v *verifier) endChain() {
	v.rep.Head, v.rep.Number = v.last.Hash, v.last.Number
	if v.gaps > 0 {
		v.rep.Notes = append(v.rep.Notes, fmt.Sprintf("the catalog was rebuilt at commit %d: the records of segments that merges had used up are gone, and so the chain before it has %d %s that cannot be checked",
			v.rebuilt, v.gaps, counted(int64(v.gaps), "gap")))
	}
}

// gap notes that the records from first to last are not there. Those that a
// rebuild knows to be lost are findings of their own.
func (v *verifier) gap(first, last uint64) {
	v.blind = last
	lost := slices.ContainsFunc(v.loss.Commits, func(c CommitRange) bool { return c.First <= first && last <= c.Last })
	for i := range v.loss.Segments {
		lost = lost || first == last && v.loss.Segments[i].Commit == first
	}
	if !lost {
		v.gaps++
	}
}

// reportLoss tells of what the last rebuild did not find.
func (v *verifier) reportLoss() {
	for i := range v.loss.Segments {
		s := &v.loss.Segments[i]
		if s.readAgain(v.streams) {
			v.rep.Notes = append(v.rep.Notes, fmt.Sprintf("segment %s was lost, and its streams have been read again since", s.Name))
			continue
		}
		v.add("segment "+s.Name, "it is lost, and with it %d %s", s.Rows, counted(s.Rows, "event"))
	}
	for _, c := range v.loss.Commits {
		v.add(c.String(), "%s", c.Problem())
	}
}

// apply replays what a record says of segments.
func (v *verifier) apply(name string, k *catalog.Commit) {
	rec, err := readRecord(k.Record)
	if err != nil {
		v.add(name, "its record cannot be read: %v", err)
		return
	}
	if rec.Number != k.Number || rec.Time != k.Time || string(rec.Kind) != k.Kind {
		v.add(name, "its record is of another commit")
	}
	for _, seg := range rec.Segments {
		v.alive[seg.Name] = seg
	}
	gone := slices.Clone(rec.Inputs)
	for _, seg := range rec.Dropped {
		gone = append(gone, seg.Name)
	}
	for _, seg := range gone {
		if _, ok := v.alive[seg]; !ok && v.rebuilt == 0 && !v.lostBefore(seg) {
			v.add(name, "it uses up segment %s, which no commit before it has left", seg)
		}
		delete(v.alive, seg)
	}
}
