package store

import (
	"log/slog"
	"math"
	"time"
)

// Options are the settings of a store. The zero value is that of a store that
// keeps everything.
type Options struct {
	// Log gets what is worth knowing. Defaults to nowhere.
	Log *slog.Logger

	// FlushRows, FlushBytes (of received bytes) and FlushInterval say when the
	// committer stops waiting for more appends. It does not wait at all when
	// every append that was begun is waiting for it. Default to 10,000 rows,
	// 8 MB and 1 s.
	FlushRows     int
	FlushBytes    int64
	FlushInterval time.Duration
	// HoldLimit is how long an append may wait for the append before it in its
	// stream to appear. Defaults to 2 s.
	HoldLimit time.Duration

	// Retention is how long events are kept after they were stored. Defaults to
	// 0, for ever.
	Retention time.Duration
	// Grace is how long the file of a dead segment stays, so that queries that
	// use it can end. Defaults to 10 minutes.
	Grace time.Duration
	// QuarantineMaxBytes bounds the received bytes in quarantine that wait for
	// a replay. Defaults to 1 GiB; negative is no bound.
	QuarantineMaxBytes int64

	// MergeFanIn is how many segments of one tier are merged into one of the
	// next. Defaults to 16.
	MergeFanIn int
	// MergeMaxBytes is the size of file beyond which merging stops. Defaults to
	// 256 MB.
	MergeMaxBytes int64
	// KeepCommits is how many of the newest commit records stay in the catalog
	// at least; older ones are archived in files of ArchiveCommits each. They
	// default to 20,000 and 10,000.
	KeepCommits    int
	ArchiveCommits int
	// MaintainEvery is how often retention and dead files are looked after, and
	// merging at the latest. Defaults to 10 s.
	MaintainEvery time.Duration

	// Now is the wall clock, Uptime a clock that nobody can set, counted from
	// anywhere. They default to the machine's.
	Now    func() time.Time
	Uptime func() time.Duration
	// Disk carries out all changes on disk. Defaults to doing just that.
	Disk Disk
}

func (o Options) withDefaults() Options {
	fill(&o.Log, slog.New(slog.DiscardHandler))
	fill(&o.FlushRows, 10_000)
	fill(&o.FlushBytes, 8<<20)
	fill(&o.FlushInterval, time.Second)
	fill(&o.HoldLimit, 2*time.Second)
	fill(&o.Grace, 10*time.Minute)
	fill(&o.QuarantineMaxBytes, 1<<30)
	if o.QuarantineMaxBytes < 0 {
		o.QuarantineMaxBytes = math.MaxInt64
	}
	fill(&o.MergeFanIn, 16)
	fill(&o.MergeMaxBytes, 256<<20)
	fill(&o.KeepCommits, 20_000)
	fill(&o.ArchiveCommits, 10_000)
	fill(&o.MaintainEvery, 10*time.Second)
	if o.Now == nil {
		o.Now = time.Now
	}
	if o.Uptime == nil {
		start := time.Now()
		o.Uptime = func() time.Duration { return time.Since(start) }
	}
	if o.Disk == nil {
		o.Disk = realDisk{}
	}
	return o
}

func fill[T comparable](v *T, def T) {
	var zero T
	if *v == zero {
		*v = def
	}
}
