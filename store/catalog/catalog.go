package catalog

import (
	"context"
	"database/sql"
	"errors"
	"fmt"
	"net/url"
	"os"
	"strings"
	"syscall"

	"modernc.org/sqlite"
)

// ErrDamaged is wrapped by the errors of a catalog that is no catalog: not a
// database, without tables, or of another version.
var ErrDamaged = errors.New("not a usable catalog")

// Catalog is an open catalog. It is safe for concurrent use; all statements
// share one connection, so that a transaction sees no other in between.
type Catalog struct {
	db *sql.DB
}

// Create makes a new catalog, readable by its owner only. It fails when the
// file exists.
func Create(ctx context.Context, path string) (*Catalog, error) {
	f, err := os.OpenFile(path, os.O_CREATE|os.O_EXCL|os.O_RDWR, 0o600)
	if err != nil {
		return nil, fmt.Errorf("create catalog: %w", err)
	}
	if err := f.Close(); err != nil {
		return nil, fmt.Errorf("create catalog %s: %w", path, err)
	}
	c, err := connect(path, "rw", writerPragmas)
	if err != nil {
		return nil, err
	}
	if _, err := c.db.ExecContext(ctx, "BEGIN IMMEDIATE;"+tables+fmt.Sprintf("PRAGMA user_version=%d; COMMIT;", version)); err != nil {
		return nil, errors.Join(fmt.Errorf("create catalog %s: %w", path, err), c.Close())
	}
	return c, nil
}

// Open opens an existing catalog for writing and checks that it is one. The
// error wraps [ErrDamaged] when it is not.
func Open(ctx context.Context, path string) (*Catalog, error) {
	if _, err := os.Stat(path); err != nil {
		return nil, fmt.Errorf("open catalog: %w", err)
	}
	c, err := connect(path, "rw", writerPragmas)
	if err != nil {
		return nil, err
	}
	if err := c.check(ctx); err != nil {
		return nil, errors.Join(fmt.Errorf("open catalog %s: %w", path, err), c.Close())
	}
	return c, nil
}

// Close closes the connection.
func (c *Catalog) Close() error { return c.db.Close() }

// FULL makes SQLite sync its log at the end of every transaction: without it
// a position could be lost that a source was told is durable.
var writerPragmas = []string{"journal_mode(WAL)", "synchronous(FULL)", "busy_timeout(5000)", "journal_size_limit(67108864)"}

// connect opens the database in the given mode of SQLite's file URIs.
func connect(path, mode string, pragmas []string, more ...string) (*Catalog, error) {
	q := url.Values{"mode": {mode}, "_pragma": pragmas, "_txlock": {"immediate"}}
	if mode == "ro" {
		q.Del("_txlock")
	}
	for _, kv := range more {
		k, v, _ := strings.Cut(kv, "=")
		q.Set(k, v)
	}
	u := url.URL{Scheme: "file", Opaque: (&url.URL{Path: path}).EscapedPath(), RawQuery: q.Encode()}
	db, err := sql.Open("sqlite", u.String())
	if err != nil {
		return nil, fmt.Errorf("open catalog %s: %w", path, err)
	}
	db.SetMaxOpenConns(1)
	return &Catalog{db: db}, nil
}

// check refuses what Create did not make.
func (c *Catalog) check(ctx context.Context) error {
	var got int
	if err := c.db.QueryRowContext(ctx, "PRAGMA user_version").Scan(&got); err != nil {
		return cause(err)
	}
	if got != version {
		return fmt.Errorf("%w: its version is %d, needed is %d", ErrDamaged, got, version)
	}
	var n int
	if err := c.db.QueryRowContext(ctx, "SELECT count(*) FROM sqlite_schema WHERE type = 'table'").Scan(&n); err != nil {
		return cause(err)
	}
	if want := strings.Count(tables, "CREATE TABLE"); n < want {
		return fmt.Errorf("%w: %d tables of %d are there", ErrDamaged, n, want)
	}
	return nil
}

// Check reads the whole database and reports what SQLite finds wrong with it.
func (c *Catalog) Check(ctx context.Context) error {
	var msg string
	if err := c.db.QueryRowContext(ctx, "PRAGMA quick_check(1)").Scan(&msg); err != nil {
		return fmt.Errorf("check catalog: %w", cause(err))
	}
	if msg != "ok" {
		return fmt.Errorf("check catalog: %w: %s", ErrDamaged, msg)
	}
	return nil
}

// Primary result codes of SQLite, from the table in its documentation.
const (
	sqliteReadOnly = 8
	sqliteIOError  = 10
	sqliteCorrupt  = 11
	sqliteFull     = 13
	sqliteCantOpen = 14
	sqliteNotADB   = 26
)

// cause adds to an error of SQLite what it means in the terms of the system,
// so that callers need not know SQLite.
func cause(err error) error {
	var se *sqlite.Error
	if !errors.As(err, &se) {
		return err
	}
	switch se.Code() & 0xff {
	case sqliteFull:
		return errors.Join(syscall.ENOSPC, err)
	case sqliteReadOnly:
		return errors.Join(syscall.EROFS, err)
	case sqliteCantOpen:
		return errors.Join(syscall.EACCES, err)
	case sqliteIOError:
		return errors.Join(syscall.EIO, err)
	case sqliteCorrupt, sqliteNotADB:
		return errors.Join(ErrDamaged, err)
	default:
		return err
	}
}
