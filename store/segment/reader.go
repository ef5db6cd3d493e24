package segment

import (
	"crypto/sha256"
	"encoding/hex"
	"errors"
	"fmt"
	"io"
	"os"
	"strconv"

	"github.com/margay-audit/margay/store/parquet"
)

// ErrNotSegment is wrapped by the errors of [Open] for files that are Parquet
// but not segments of Margay.
var ErrNotSegment = errors.New("not a segment of Margay")

// Reader reads a finished segment. It is not safe for concurrent use.
type Reader struct {
	name   string
	data   io.ReaderAt
	closer io.Closer // nil when the caller keeps the file
	file   *parquet.File
	layout *Layout
	leaves int // of the layout; the standard leaves follow
	cut    int // leaf of the cut column, or -1
	info   Info
	commit Commit
}

// Open reads the footer of the segment at path. The segment may be renamed or
// removed while it is open.
func Open(path string) (*Reader, error) {
	f, err := os.Open(path)
	if err != nil {
		return nil, fmt.Errorf("open segment: %w", err)
	}
	st, err := f.Stat()
	if err != nil {
		return nil, errors.Join(fmt.Errorf("open segment: %w", err), f.Close())
	}
	r, err := NewReader(f, st.Size(), path)
	if err != nil {
		return nil, errors.Join(err, f.Close())
	}
	r.closer = f
	return r, nil
}

// NewReader is [Open] for data that the caller has open, and keeps open while
// it uses the reader. The name is for errors.
func NewReader(data io.ReaderAt, size int64, name string) (*Reader, error) {
	r := &Reader{name: name, data: data}
	if err := r.readFooter(size); err != nil {
		return nil, fmt.Errorf("read segment %s: %w", name, err)
	}
	return r, nil
}

// Close closes the file if [Open] opened it.
func (r *Reader) Close() error {
	if r.closer == nil {
		return nil
	}
	return r.closer.Close()
}

// Info says what the segment contains. SHA256 is empty.
func (r *Reader) Info() Info { return r.info }

// Commit says how the segment came into the store.
func (r *Reader) Commit() Commit { return r.commit }

// Layout returns the columns of the segment. The caller must not change it.
func (r *Reader) Layout() *Layout { return r.layout }

func (r *Reader) readFooter(size int64) error {
	file, err := parquet.Open(r.data, size)
	if err != nil {
		return err
	}
	r.file = file
	values := make(map[string]string)
	for _, kv := range file.KeyValues() {
		values[kv.Key] = kv.Value
	}
	if err := checkFormat(values[keyFormat]); err != nil {
		return err
	}
	var about footerInfo
	if err := decodeJSON([]byte(values[keyInfo]), &about); err != nil {
		return fmt.Errorf("%s in the footer: %w", keyInfo, err)
	}
	if err := about.check(size); err != nil {
		return fmt.Errorf("%s in the footer: %w", keyInfo, err)
	}
	if err := decodeJSON([]byte(values[keyCommit]), &r.commit); err != nil {
		return fmt.Errorf("%s in the footer: %w", keyCommit, err)
	}
	r.info = about.info(size)
	r.layout = about.Layout
	return r.checkColumns()
}

func checkFormat(text string) error {
	if text == "" {
		return ErrNotSegment
	}
	v, err := strconv.Atoi(text)
	if err != nil || v < 1 {
		return fmt.Errorf("%s in the footer is %.20q: %w", keyFormat, text, ErrNotSegment)
	}
	if v > FormatVersion {
		return fmt.Errorf("it has format version %d, and this program reads up to %d: use a newer one", v, FormatVersion)
	}
	return nil
}

// checkColumns makes sure that the file has the columns and row groups that
// its footer promises, so that what follows can rely on them.
func (r *Reader) checkColumns() error {
	want, err := parquetSchema(r.layout)
	if err != nil {
		return err
	}
	if !r.file.Schema().Equal(want) {
		return errors.New("the columns are not those of its layout")
	}
	r.leaves = len(want.Leaves()) - standardLeaves
	r.cut = r.layout.Cut
	groups := r.file.Groups()
	if len(groups) != len(r.info.Groups) {
		return fmt.Errorf("%d row groups where %d were recorded", len(groups), len(r.info.Groups))
	}
	for i := range groups {
		g, d := &groups[i], &r.info.Groups[i]
		if g.Rows != d.Rows || g.Start != d.Offset || g.End-g.Start != d.Length {
			return fmt.Errorf("row group %d has %d rows in bytes %d to %d where %d in %d to %d were recorded",
				i, g.Rows, g.Start, g.End, d.Rows, d.Offset, d.Offset+d.Length)
		}
	}
	return nil
}

// Hash returns the SHA-256 of a file in hexadecimal.
func Hash(path string) (string, error) {
	f, err := os.Open(path)
	if err != nil {
		return "", fmt.Errorf("hash segment: %w", err)
	}
	h := sha256.New()
	if _, err := io.CopyBuffer(h, struct{ io.Reader }{f}, make([]byte, outputBuffer)); err != nil {
		return "", errors.Join(fmt.Errorf("hash segment %s: %w", path, err), f.Close())
	}
	if err := f.Close(); err != nil {
		return "", fmt.Errorf("hash segment %s: %w", path, err)
	}
	return hex.EncodeToString(h.Sum(nil)), nil
}
