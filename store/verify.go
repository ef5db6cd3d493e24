package store

import (
	"context"
	"encoding/json"
	"errors"
	"fmt"
	"io/fs"
	"os"
	"slices"
	"strconv"

	"github.com/margay-audit/margay/store/catalog"
	"github.com/margay-audit/margay/store/segment"
)

// Limits says what [Verify] cannot find out. It is for people to read, together
// with every report.
const Limits = "What this cannot detect: that somebody who can write the data folder replaced events and then rewrote every segment, " +
	"the chain of commits and HEAD to agree with them; that the newest commits were cut off together with HEAD and catalog, as by bringing back an older copy of the whole folder; " +
	"and what was changed before it reached this store. Signatures kept elsewhere are needed for that."

// Report is what [Verify] found.
type Report struct {
	// Commits and Segments were checked; Rows and Bytes are those of the segments.
	Commits, Segments int
	Rows, Bytes       int64
	// Head is the hash of the newest commit: kept elsewhere, it proves later
	// that the chain up to it is still the same.
	Head   string
	Number uint64
	// Findings are what is wrong; the store is sound when there are none.
	Findings []Finding
	// Notes are what is not wrong, but should be known.
	Notes []string
}

// Finding is something that is not as it was written.
type Finding struct {
	// Object is a commit, a segment or a file.
	Object  string
	Problem string
}

func (f Finding) String() string { return f.Object + ": " + f.Problem }

// verifier collects findings.
type verifier struct {
	dir     string
	rep     Report
	rebuilt uint64
	loss    Loss
	streams map[string]string // positions by name
	// unknown are commits of which only segments are left.
	unknown map[uint64]bool
	// alive are the segments that records added and no later one took away.
	alive map[string]recordSegment
	last  catalog.Commit // the newest commit that was followed
	gaps  int
	lost  []catalog.Archive // they cannot be read
	blind uint64            // the newest commit that is missing or lost
	head  head
	named string // the hash of the commit that HEAD names, once it was seen
}

// Verify checks the chain of commit records, archived ones included, the hash of every live segment,
// the digests of the received bytes in them, and HEAD. It takes no lock and
// changes nothing; segments that are merged or dropped meanwhile are looked up
// again. The error is not nil only when the check could not be made.
func Verify(ctx context.Context, dir string) (*Report, error) {
	// HEAD first: a commit that comes meanwhile must not look like one missing.
	h, err := readHead(dir)
	if err != nil {
		return nil, err
	}
	r, err := OpenReader(dir)
	if err != nil {
		return nil, err
	}
	v := &verifier{dir: dir, head: h, alive: map[string]recordSegment{}, unknown: map[uint64]bool{}}
	return &v.rep, errors.Join(v.run(ctx, r), r.Close())
}

func (v *verifier) run(ctx context.Context, r *Reader) error {
	if err := r.cat.Check(ctx); errors.Is(err, catalog.ErrDamaged) {
		v.add("catalog", "%v", err)
	} else if err != nil {
		return err
	}
	if err := v.readRebuilt(ctx, r); err != nil {
		return err
	}
	var live []catalog.Segment
	err := r.past(ctx, 0, func(a *catalog.Archive) error { return v.archive(ctx, a) }, func(tx *catalog.Tx) (err error) {
		if live, err = tx.Segments(ctx, catalog.Which{Digests: true}); err != nil {
			return err
		}
		return tx.Commits(ctx, 0, func(k catalog.Commit) error {
			v.follow(&k)
			return nil
		})
	})
	if err != nil {
		return err
	}
	v.endChain()
	v.reportLoss()
	v.compareHead()
	v.compareLive(live)
	for i := range live {
		if err := ctx.Err(); err != nil {
			return err
		}
		if err := v.segment(ctx, r, &live[i]); err != nil {
			return err
		}
	}
	return nil
}

func (v *verifier) readRebuilt(ctx context.Context, r *Reader) error {
	return r.view(ctx, func(tx *catalog.Tx) error {
		text, err := tx.Meta(ctx, metaRebuilt)
		if err == nil && text != "" {
			v.rebuilt, err = strconv.ParseUint(text, 10, 64)
		}
		if err == nil {
			v.loss, err = readLoss(ctx, tx)
		}
		if err == nil {
			v.streams, err = positionsOf(ctx, tx)
		}
		return err
	})
}

func (v *verifier) add(object, format string, args ...any) {
	v.rep.Findings = append(v.rep.Findings, Finding{Object: object, Problem: fmt.Sprintf(format, args...)})
}

func (v *verifier) compareHead() {
	h := v.head
	switch {
	case h.number == 0 && v.rep.Number > 0:
		v.rep.Notes = append(v.rep.Notes, "HEAD is missing or torn; the next commit writes it anew")
	case h.number == 0:
	case h.number > v.rep.Number:
		v.add("HEAD", "it names commit %d, and the chain ends with commit %d: the newest commits are missing", h.number, v.rep.Number)
	case v.named != "" && v.named != h.hash:
		v.add("HEAD", "it names another commit %d than the chain has", h.number)
	}
}

// compareLive holds the catalog's list against what the records add up to.
func (v *verifier) compareLive(live []catalog.Segment) {
	listed := map[string]bool{}
	for i := range live {
		seg := &live[i]
		listed[seg.Name] = true
		rec, ok := v.alive[seg.Name]
		switch {
		case !ok && (v.isLost(seg.Commit) || v.unknown[seg.Commit]):
		case !ok:
			v.add("segment "+seg.Name, "no commit record has left it")
		case rec != recordOf(seg):
			v.add("segment "+seg.Name, "the catalog's entry differs from the record of commit %d", seg.Commit)
		}
	}
	for name := range v.alive {
		if !listed[name] && !v.lostAfter(name) && !slices.Contains(v.loss.Names(), name) {
			v.add("segment "+name, "it was never merged or dropped, but the catalog does not list it")
		}
	}
}

// segment checks a file against the catalog.
func (v *verifier) segment(ctx context.Context, r *Reader, seg *catalog.Segment) error {
	v.rep.Segments++
	v.rep.Rows += seg.Rows
	v.rep.Bytes += seg.Bytes
	problem := checkFile(r.Path(seg), seg)
	if problem == nil {
		return nil
	}
	if errors.Is(problem, fs.ErrNotExist) {
		// Merged and deleted while we were looking?
		still, err := r.isLive(ctx, seg)
		if err != nil || !still {
			return err
		}
	}
	v.add("segment "+seg.Name, "%v", problem)
	return nil
}

func checkFile(path string, seg *catalog.Segment) error {
	st, err := os.Stat(path)
	if err != nil {
		return err
	}
	if st.Size() != seg.Bytes {
		return fmt.Errorf("it has %d bytes instead of %d", st.Size(), seg.Bytes)
	}
	var problems []error
	hash, err := segment.Hash(path)
	if err == nil && hash != seg.SHA256 {
		err = fmt.Errorf("its SHA-256 is %s instead of %s", hash, seg.SHA256)
	}
	problems = append(problems, err)
	rd, err := segment.Open(path)
	if err != nil {
		return errors.Join(append(problems, err)...)
	}
	digests, err := json.Marshal(rd.Info().Groups)
	if err == nil && string(digests) != seg.Digests {
		err = errors.New("its footer has other digests than the catalog")
	}
	return errors.Join(append(problems, err, rd.Verify(), rd.Close())...)
}

// isLive reports whether a segment is live at this moment.
func (r *Reader) isLive(ctx context.Context, seg *catalog.Segment) (bool, error) {
	snap, err := r.Snapshot(ctx, catalog.Which{LogType: seg.LogType})
	if err != nil {
		return false, err
	}
	return slices.ContainsFunc(snap.Segments, func(o catalog.Segment) bool { return o.Name == seg.Name }), nil
}
