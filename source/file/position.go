package file

import (
	"bytes"
	"crypto/sha256"
	"encoding"
	"encoding/binary"
	"encoding/hex"
	"encoding/json"
	"errors"
	"fmt"
	"hash"
	"os"
	"time"

	"github.com/margay-audit/margay/event"
)

// Sizes that make up the identity of a stream.
const (
	// headSize is how much of a long first line names the stream, in bytes.
	headSize = 4 << 10
	// tailSize is how many bytes before the position prove cheaply that a live
	// file is still the same.
	tailSize = 1 << 10
	// maxPath bounds the path in a position, so that a position stays under the
	// 4 KiB that the store allows.
	maxPath = 1 << 10
)

// position is the JSON that the store keeps for a stream of this source.
type position struct {
	// Path, Device, Inode, Size and Modified describe the file that was read
	// last; Device and Inode are zero when it was compressed.
	Path     string    `json:"path"`
	Device   uint64    `json:"device,omitempty"`
	Inode    uint64    `json:"inode,omitempty"`
	Size     int64     `json:"size"`
	Modified time.Time `json:"modified"`
	// Offset is how many decompressed bytes of the stream are dealt with.
	Offset uint64 `json:"offset"`
	// Form is how the stream's records are written.
	Form string `json:"form"`
	// HeadLen and Head are the length and the SHA-256 of the bytes that name
	// the stream.
	HeadLen int    `json:"head_len"`
	Head    string `json:"head"`
	// TailLen and Tail are the length and the SHA-256 of the bytes right before
	// Offset.
	TailLen int    `json:"tail_len"`
	Tail    string `json:"tail"`
	// Sum is the SHA-256 of the first Offset bytes, which a copy must reproduce.
	Sum string `json:"sum"`
	// State is the state of that SHA-256, so that it can be continued. The bytes
	// that wait in it for a whole block are blanked: they are the end of an
	// event as it was received, and positions are kept where secrets must not be.
	State []byte `json:"state"`
}

func (p *position) encode() (event.Position, error) {
	if n := len(p.Path); n > maxPath {
		p.Path = p.Path[n-maxPath:]
	}
	b, err := json.Marshal(p)
	if err != nil {
		return nil, fmt.Errorf("write position of %s: %w", p.Path, err)
	}
	return b, nil
}

func parsePosition(b event.Position) (*position, error) {
	p := new(position)
	if err := json.Unmarshal(b, p); err != nil {
		return nil, fmt.Errorf("read position: %w", err)
	}
	if len(p.State) != stateSize || len(p.Sum) != 2*sha256.Size {
		return nil, fmt.Errorf("read position of %s: state of %d and sum of %d bytes", p.Path, len(p.State), len(p.Sum))
	}
	if p.HeadLen < 0 || p.HeadLen > headSize || p.TailLen < 0 || p.TailLen > tailSize {
		return nil, fmt.Errorf("read position of %s: head of %d and tail of %d bytes", p.Path, p.HeadLen, p.TailLen)
	}
	return p, nil
}

// hash returns the running SHA-256 at the position, which the bytes right
// before it complete.
func (p *position) hash(tail []byte) (hash.Hash, error) {
	state := bytes.Clone(p.State)
	n := int(p.Offset % sha256.BlockSize)
	if n > len(tail) {
		return nil, fmt.Errorf("continue SHA-256: %d bytes before the position are needed, there are %d", n, len(tail))
	}
	copy(state[stateBlock:], tail[len(tail)-n:])
	h, err := restoreHash(state)
	if err != nil {
		return nil, err
	}
	if sumOf(h) != p.Sum {
		return nil, errors.New("continue SHA-256: state and sum do not belong together")
	}
	return h, nil
}

// sumOf returns the sum of what was hashed so far, in hexadecimal.
func sumOf(h hash.Hash) string {
	var b [sha256.Size]byte
	return hex.EncodeToString(h.Sum(b[:0]))
}

// The saved state of a SHA-256: a magic number, eight words, then from
// stateBlock on the bytes of a block that is not complete, and the length.
const (
	stateBlock = 4 + sha256.Size
	stateSize  = stateBlock + sha256.BlockSize + 8
)

// blank256 takes the bytes of the incomplete block out of a saved state.
func blank256(state []byte) ([]byte, error) {
	if len(state) != stateSize {
		return nil, fmt.Errorf("save SHA-256: the state has %d bytes instead of %d", len(state), stateSize)
	}
	clear(state[stateBlock : stateBlock+sha256.BlockSize])
	return state, nil
}

// stream is a stream as this source knows it.
type stream struct {
	name   string
	at     event.Position // as it was handed out or sent; nil before the first batch
	pos    *position      // at, parsed; nil before the first batch
	stored bool           // the store has told id and owner
	id     uint64
	owner  string // the source that began it
}

func (s *stream) offset() uint64 {
	if s.pos == nil {
		return 0
	}
	return s.pos.Offset
}

// Prefixes of stream names.
const (
	streamPrefix = "file:"
	// partialPrefix names streams whose file ended within its first line: that
	// line may get longer, which would change the name. There are hardly any,
	// so every new file is compared with each of them.
	partialPrefix = streamPrefix + "partial-"
	startPrefix   = "file-start:"
)

// head is the part of a file that names its stream: the first line or BSON
// document, or the first headSize bytes of it.
type head struct {
	bytes    []byte
	complete bool // more content will not make it longer
}

func (h head) sum() string {
	s := sha256.Sum256(h.bytes)
	return hex.EncodeToString(s[:])
}

func (h head) stream() string {
	if !h.complete {
		return partialPrefix + h.sum()
	}
	return streamPrefix + h.sum()
}

// newHead cuts the head from the first bytes of a file, of which there are
// headSize unless the file is shorter.
func newHead(b []byte) head {
	form, sure := detect(b)
	switch {
	case form == event.BSON && sure:
		if n := int(binary.LittleEndian.Uint32(b)); n <= len(b) {
			return head{b[:n], true}
		}
	default:
		for i, c := range b {
			if c == '\n' {
				return head{b[:i+1], true}
			}
		}
	}
	return head{b, len(b) == headSize}
}

// fileKey is the identity of a file while it is open.
type fileKey struct{ dev, ino uint64 }

func modTime(fi os.FileInfo) time.Time { return fi.ModTime().UTC() }

// saveHash and restoreHash carry a running SHA-256 through a position.
func saveHash(h hash.Hash) ([]byte, error) {
	m, ok := h.(encoding.BinaryMarshaler)
	if !ok {
		return nil, errors.New("the state of this SHA-256 cannot be saved")
	}
	b, err := m.MarshalBinary()
	if err != nil {
		return nil, fmt.Errorf("save SHA-256: %w", err)
	}
	return b, nil
}

func restoreHash(state []byte) (hash.Hash, error) {
	h := sha256.New()
	u, ok := h.(encoding.BinaryUnmarshaler)
	if !ok {
		return nil, errors.New("the state of this SHA-256 cannot be restored")
	}
	if err := u.UnmarshalBinary(state); err != nil {
		return nil, fmt.Errorf("restore SHA-256: %w", err)
	}
	return h, nil
}

// markSum is the sum that a mark carries: the first 64 bits of the SHA-256 of
// everything before it.
func markSum(h hash.Hash) uint64 {
	var b [sha256.Size]byte
	return binary.BigEndian.Uint64(h.Sum(b[:0]))
}
