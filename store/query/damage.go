package query

import (
	"crypto/sha256"
	"encoding/hex"
	"errors"
	"io"
	"io/fs"
	"os"
	"path/filepath"
	"strings"
	"syscall"
)

// hashLimit is how many bytes are read to find out which segment is to blame
// for a message that names none.
const hashLimit = 1 << 30

// parquetWords begin DuckDB's messages about a Parquet file, behind the class of
// the error. A statement that fails on a value can bring any text into a message,
// also these words, but not to its beginning.
var parquetWords = []string{
	"BYTE_STREAM_SPLIT", "Byte stream split", "Can't read DELTA", "Corrupt", "DELTA_", "Data buffer size for",
	"Data corruption detected", "Delta Length", "DeltaByteArray", "Dictionary ", "Encrypted Parquet", "Failed to decompress",
	"Failed to read Parquet file", "Failed to read file", "File '", "Footer ", "Invalid JSON found in Parquet",
	"Invalid decimal encoding in Parquet", "Invalid footer", "Invalid string encoding found in Parquet",
	"MAX_SIZE", "Malformed Parquet", "Mismatch in parquet", "No magic bytes", "Out of buffer", "Page size", "Parquet ",
	"Payload value bigger", "RLE ", "Root element of Parquet", "StringColumnReader", "TProtocol", "TTransport", "Unsupported Parquet",
	"Varint", "don't know what type", "no Parquet", "Unsupported page encoding", "Could not read", "Cannot open file",
	"Attempted to read", "No files found that match",
}

// doubtful are the classes of errors that may come of a statement as well as of
// the bytes of a file: these are compared with what was stored.
var doubtful = []string{
	"IO Error", "INTERNAL Error", "FATAL Error", "Serialization Error", "Invalid Error", "TProtocol", "Out of Memory Error",
	"Conversion Error: Failure in decode", "Invalid Input Error: Invalid unicode", "Binder Error: Can't change source type",
	"Binder Error: Contents of view were altered",
}

// label is what a user calls the file.
func (f *File) label() string {
	if f.Name != "" {
		return f.Name
	}
	return filepath.Base(f.Path)
}

// missing is the error for a file that is not there.
func missing(f *File) *Error {
	return &Error{Kind: ErrSegmentGone, Segment: f.label(), Message: f.label() + " is missing"}
}

// damaged is the error for a file that DuckDB cannot read. DuckDB's own words
// stay out of it: they may quote an event.
func damaged(f *File, why string) *Error {
	return &Error{Kind: ErrDamaged, Segment: f.label(), Message: f.label() + " " + why + "; see margay store verify"}
}

// look compares the files that will be read with what the request says of
// them, as far as that is to be had without reading them.
func look(files []File) error {
	for i := range files {
		f := &files[i]
		info, err := os.Stat(f.Path)
		switch {
		case errors.Is(err, fs.ErrNotExist):
			return missing(f)
		case err != nil:
			return damaged(f, "cannot be opened ("+reason(err)+")")
		case !info.Mode().IsRegular():
			return damaged(f, "is not a file")
		case f.Bytes > 0 && info.Size() != f.Bytes:
			return damaged(f, "does not have the size it was stored with")
		}
	}
	return nil
}

// reason is an error of the operating system without the path.
func reason(err error) string {
	var errno syscall.Errno
	if errors.As(err, &errno) {
		return errno.Error()
	}
	return "unknown reason"
}

// blame returns the error for a segment if it is one that made DuckDB fail with
// this message, and nil if it is the statement. ours tells that the statement
// which failed was not the user's.
func blame(msg string, m *message, ours bool) error {
	about := ours || aboutParquet(msg)
	if !about && !startsWith(msg, doubtful) {
		return nil
	}
	var file *File
	if about {
		file = m.named(msg)
	}
	if file != nil && gone(msg) {
		return missing(file)
	}
	// The file that is named may be whole, and only not fit a damaged one.
	changed, why, all := m.changed(file)
	switch {
	case changed != nil:
		return damaged(changed, why)
	case file != nil && all:
		return damaged(file, "is what was stored, but DuckDB cannot read it")
	case file != nil:
		return damaged(file, "is damaged")
	case about && !ours && !all:
		return &Error{Kind: ErrDamaged, Message: "DuckDB does not say which; see margay store verify"}
	}
	return nil
}

// aboutParquet tells whether a message of DuckDB speaks of a Parquet file.
func aboutParquet(msg string) bool {
	_, words, ok := strings.Cut(msg, ": ")
	return startsWith(msg, parquetWords) || ok && startsWith(words, parquetWords) || outsideOf(msg)
}

func startsWith(s string, heads []string) bool {
	for _, head := range heads {
		if strings.HasPrefix(s, head) {
			return true
		}
	}
	return false
}

// outsideOf recognizes what DuckDB says of a file that vanished: it takes the
// path for that of a folder, whose files may not be listed.
func outsideOf(msg string) bool {
	return strings.HasPrefix(msg, "Permission Error: Cannot access file") && strings.Contains(msg, "/**/*.parquet")
}

// named returns the file whose path stands first in a message.
func (m *message) named(msg string) *File {
	var found *File
	first := len(msg)
	for _, t := range m.Tables {
		for i := range t.Files {
			// Of two paths at one place the longer one is meant.
			at := strings.Index(msg, t.Files[i].Path)
			if at >= 0 && (at < first || at == first && len(t.Files[i].Path) > len(found.Path)) {
				found, first = &t.Files[i], at
			}
		}
	}
	return found
}

// changed returns the first file whose bytes are not those that were stored,
// and what is wrong with it; all tells that every file was compared. It looks
// at the suspect before all others, if there is one.
func (m *message) changed(suspect *File) (file *File, why string, all bool) {
	if suspect != nil && suspect.SHA256 != "" {
		if why := suspect.wrong(); why != "" {
			return suspect, why, false
		}
	}
	room := int64(hashLimit)
	all = true
	for _, t := range m.Tables {
		for i := range t.Files {
			f := &t.Files[i]
			if f.SHA256 == "" || f.Bytes > room {
				all = false
				continue
			}
			room -= f.Bytes
			if why := f.wrong(); why != "" {
				return f, why, false
			}
		}
	}
	return nil, "", all
}

// wrong reads a file and says what is wrong with it, or nothing.
func (f *File) wrong() string {
	switch sum, err := hashFile(f); {
	case err != nil:
		return "cannot be read (" + reason(err) + ")"
	case sum != f.SHA256:
		return "is damaged"
	}
	return ""
}

// hashFile returns the hash of a file in hexadecimal. It reads no more than the
// file had, and one byte to see that it is not longer.
func hashFile(f *File) (string, error) {
	r, err := os.Open(f.Path)
	if err != nil {
		return "", err
	}
	defer func() { _ = r.Close() }() // only read
	h := sha256.New()
	if _, err := io.Copy(h, io.LimitReader(r, f.Bytes+1)); err != nil {
		return "", err
	}
	return hex.EncodeToString(h.Sum(nil)), nil
}
