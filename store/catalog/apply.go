package catalog

import (
	"context"
	"database/sql"
	"errors"
	"fmt"
	"time"

	"github.com/margay-audit/margay/event"
)

// Apply writes a change in one transaction. A nil error means that it is on
// disk. With an error nothing has been changed, except when the error came
// from the commit itself: then [Catalog.Settle] tells. A change whose commit has
// no number is the state that a rebuild found, and adds no link to the chain.
func (c *Catalog) Apply(ctx context.Context, ch *Change) error {
	return c.update(ctx, fmt.Sprintf("record commit %d", ch.Commit.Number), func(tx *sql.Tx) error {
		k := &ch.Commit
		if k.Number == 0 {
			return applyState(ctx, tx, ch)
		}
		if _, err := tx.ExecContext(ctx, "INSERT INTO commits VALUES (?,?,?,?,?,?)",
			int64(k.Number), k.Time, k.Kind, k.Record, k.Prev, k.Hash); err != nil {
			return err
		}
		return applyState(ctx, tx, ch)
	})
}

func applyState(ctx context.Context, tx *sql.Tx, ch *Change) error {
	for i := range ch.Add {
		if err := addSegment(ctx, tx, &ch.Add[i]); err != nil {
			return fmt.Errorf("segment %s: %w", ch.Add[i].Name, err)
		}
	}
	for hash, layout := range ch.Layouts {
		if _, err := tx.ExecContext(ctx, "INSERT INTO layouts VALUES (?,?) ON CONFLICT DO NOTHING", hash, layout); err != nil {
			return fmt.Errorf("layout %s: %w", hash, err)
		}
	}
	for _, name := range ch.Dead {
		if err := buryOne(ctx, tx, name, ch.DeadAt); err != nil {
			return fmt.Errorf("segment %s: %w", name, err)
		}
	}
	for i := range ch.Streams {
		if err := putStream(ctx, tx, &ch.Streams[i]); err != nil {
			return fmt.Errorf("stream %s: %w", ch.Streams[i].Name, err)
		}
	}
	for i := range ch.Sources {
		if err := putSource(ctx, tx, &ch.Sources[i]); err != nil {
			return fmt.Errorf("source %s: %w", ch.Sources[i].ID, err)
		}
	}
	for _, r := range ch.Resolved {
		if _, err := tx.ExecContext(ctx, "INSERT INTO resolved VALUES (?,?,?,?)",
			int64(r.ID.Hi), int64(r.ID.Lo), r.RawBytes, int64(r.Commit)); err != nil {
			return fmt.Errorf("resolution of %s: %w", r.ID, err)
		}
	}
	for _, id := range ch.Forget {
		if _, err := tx.ExecContext(ctx, "DELETE FROM resolved WHERE hi=? AND lo=?", int64(id.Hi), int64(id.Lo)); err != nil {
			return fmt.Errorf("resolution of %s: %w", id, err)
		}
	}
	return nil
}

// Settle finds out whether commit number with this hash is recorded, after
// Apply failed at its very end. It first writes a row of its own: SQLite puts
// it where the doubtful transaction's pages lie in the log, so that these
// cannot come back to life when the log is replayed after a crash.
func (c *Catalog) Settle(ctx context.Context, number uint64, hash string) (bool, error) {
	var got string
	err := c.update(ctx, "settle commit", func(tx *sql.Tx) error {
		if _, err := tx.ExecContext(ctx, "INSERT INTO meta VALUES ('settled', '1') ON CONFLICT (key) DO UPDATE SET value = CAST(value AS INTEGER) + 1"); err != nil {
			return err
		}
		err := tx.QueryRowContext(ctx, "SELECT hash FROM commits WHERE number=?", int64(number)).Scan(&got)
		if errors.Is(err, sql.ErrNoRows) {
			return nil
		}
		return err
	})
	return err == nil && got == hash, err
}

// RemoveSegments forgets dead segments whose files are gone.
func (c *Catalog) RemoveSegments(ctx context.Context, names []string) error {
	return c.update(ctx, "forget dead segments", func(tx *sql.Tx) error {
		for _, name := range names {
			if _, err := tx.ExecContext(ctx, "DELETE FROM segments WHERE name=? AND dead_at>0", name); err != nil {
				return err
			}
		}
		return nil
	})
}

// Archive records that a file holds commits, and forgets these here, in one
// transaction. At least one commit stays: the chain goes on from it.
func (c *Catalog) Archive(ctx context.Context, a *Archive) error {
	return c.update(ctx, fmt.Sprintf("archive commits %d to %d", a.First, a.Last), func(tx *sql.Tx) error {
		if _, err := tx.ExecContext(ctx, "INSERT INTO archives VALUES (?,?,?,?,?,?)",
			int64(a.First), int64(a.Last), a.Commits, a.Hash, a.SHA256, a.Bytes); err != nil {
			return err
		}
		res, err := tx.ExecContext(ctx, "DELETE FROM commits WHERE number BETWEEN ? AND ?", int64(a.First), int64(a.Last))
		if err != nil {
			return err
		}
		n, err := res.RowsAffected()
		if err != nil {
			return err
		}
		if n > int64(a.Commits) {
			return fmt.Errorf("the archive holds %d commits, the catalog has %d", a.Commits, n)
		}
		var left int
		if err := tx.QueryRowContext(ctx, "SELECT EXISTS (SELECT 1 FROM commits WHERE number>?)", int64(a.Last)).Scan(&left); err != nil {
			return err
		}
		if left == 0 {
			return errors.New("no newer commit would be left")
		}
		return nil
	})
}

// SetTier moves a live segment to another tier, so that it is not considered
// for merging again.
func (c *Catalog) SetTier(ctx context.Context, name string, tier int) error {
	return c.exec(ctx, "set tier of segment "+name, "UPDATE segments SET tier=? WHERE name=?", tier, name)
}

// SetMeta keeps a short text under a key; an empty text removes it.
func (c *Catalog) SetMeta(ctx context.Context, key, value string) error {
	if value == "" {
		return c.exec(ctx, "remove "+key, "DELETE FROM meta WHERE key=?", key)
	}
	return c.exec(ctx, "set "+key, "INSERT INTO meta VALUES (?,?) ON CONFLICT (key) DO UPDATE SET value=excluded.value", key, value)
}

// SaveStates replaces the states of all sources.
func (c *Catalog) SaveStates(ctx context.Context, states []SourceState) error {
	return c.update(ctx, "save source states", func(tx *sql.Tx) error {
		if _, err := tx.ExecContext(ctx, "DELETE FROM source_state"); err != nil {
			return err
		}
		for _, s := range states {
			if _, err := tx.ExecContext(ctx, "INSERT INTO source_state VALUES (?,?,?,?,?,?,?)",
				s.SourceID, string(s.Health), s.Reason, s.Position, s.LagBytes, micros(s.LastRead), s.Updated); err != nil {
				return err
			}
		}
		return nil
	})
}

// AddOrphan notes a file that was set aside.
func (c *Catalog) AddOrphan(ctx context.Context, o Orphan) error {
	return c.exec(ctx, "note orphan "+o.Name,
		"INSERT INTO orphans VALUES (?,?,?) ON CONFLICT (name) DO UPDATE SET found=excluded.found, reason=excluded.reason", o.Name, o.Found, o.Reason)
}

// LogControl notes who handed over a command.
func (c *Catalog) LogControl(ctx context.Context, l Control) error {
	return c.exec(ctx, "note control command", "INSERT INTO control_log VALUES (?,?,?,?)", l.Time, l.UID, l.PID, l.Command)
}

func (c *Catalog) exec(ctx context.Context, what, query string, args ...any) error {
	if _, err := c.db.ExecContext(ctx, query, args...); err != nil {
		return fmt.Errorf("%s: %w", what, cause(err))
	}
	return nil
}

func (c *Catalog) update(ctx context.Context, what string, do func(*sql.Tx) error) error {
	tx, err := c.db.BeginTx(ctx, nil)
	if err != nil {
		return fmt.Errorf("%s: %w", what, cause(err))
	}
	if err := do(tx); err != nil {
		// The transaction fails as a whole; its rollback has nothing to add.
		_ = tx.Rollback()
		return fmt.Errorf("%s: %w", what, cause(err))
	}
	if err := tx.Commit(); err != nil {
		return fmt.Errorf("%s: %w", what, cause(err))
	}
	return nil
}

func addSegment(ctx context.Context, tx *sql.Tx, s *Segment) error {
	_, err := tx.ExecContext(ctx, "INSERT INTO segments VALUES (?,?,?,?,?,?,?,?,?,?,?,?,?,?,?,?,?,?,?)",
		s.Name, string(s.LogType), s.SchemaVersion, s.Layout, s.Tier, int64(s.First), int64(s.Commit), s.Part, s.Rows, s.Bytes, s.RawBytes,
		s.EventMin, s.EventMax, s.StoredMin, s.StoredMax, s.SHA256, s.Digests, s.Bloom, s.DeadAt)
	return err
}

// buryOne insists that the segment was live: two merges must never use up the
// same input.
func buryOne(ctx context.Context, tx *sql.Tx, name string, at int64) error {
	res, err := tx.ExecContext(ctx, "UPDATE segments SET dead_at=? WHERE name=? AND dead_at=0", max(at, 1), name)
	if err != nil {
		return err
	}
	n, err := res.RowsAffected()
	if err == nil && n != 1 {
		err = fmt.Errorf("is not live")
	}
	return err
}

func putStream(ctx context.Context, tx *sql.Tx, s *StreamChange) error {
	if _, err := tx.ExecContext(ctx, `INSERT INTO streams VALUES (?,?,?,?)
		ON CONFLICT (id) DO UPDATE SET position=excluded.position`, int64(s.ID), s.Name, s.SourceID, []byte(s.Position)); err != nil {
		return err
	}
	for _, m := range s.Marks {
		if _, err := tx.ExecContext(ctx, "INSERT INTO marks VALUES (?,?,?) ON CONFLICT DO NOTHING",
			int64(s.ID), int64(m.Offset), int64(m.Sum)); err != nil {
			return err
		}
	}
	return nil
}

func putSource(ctx context.Context, tx *sql.Tx, s *Source) error {
	_, err := tx.ExecContext(ctx, "INSERT OR REPLACE INTO sources VALUES (?,?,?,?,?,?,?)",
		s.ID, s.Label, s.Kind, s.Stored, s.Quarantined, s.LastEvent, s.LastStored)
	return err
}

func micros(t time.Time) int64 {
	if t.IsZero() {
		return 0
	}
	return t.UnixMicro()
}

func rowID(hi, lo int64) event.RowID { return event.RowID{Hi: uint64(hi), Lo: uint64(lo)} }
