package store

import (
	"crypto/sha256"
	"encoding/hex"
	"errors"
	"fmt"
	"os"
	"path/filepath"
)

// head is the newest commit as the file HEAD names it. The file is written
// after the catalog's transaction, so it is never ahead of the catalog; when it
// is, the catalog is an old one. It is written in place and not synced: what a
// power cut may take from it only makes it older, or unreadable and so unsaid.
type head struct {
	number uint64
	hash   string
}

const headFormat = "margay 1\ncommit %020d\nhash %64s\n"

func (h head) text() string {
	body := fmt.Sprintf(headFormat, h.number, h.hash)
	sum := sha256.Sum256([]byte(body))
	return body + "check " + hex.EncodeToString(sum[:8]) + "\n"
}

// readHead returns the zero head when the file is missing or torn.
func readHead(dir string) (head, error) {
	text, err := os.ReadFile(filepath.Join(dir, headName))
	if errors.Is(err, os.ErrNotExist) {
		return head{}, nil
	}
	if err != nil {
		return head{}, fmt.Errorf("read HEAD: %w", err)
	}
	var h head
	if _, err := fmt.Sscanf(string(text), headFormat, &h.number, &h.hash); err != nil || h.text() != string(text) {
		return head{}, nil
	}
	return h, nil
}

func writeHead(dir string, h head) error {
	f, err := os.OpenFile(filepath.Join(dir, headName), os.O_WRONLY|os.O_CREATE, 0o600)
	if err != nil {
		return fmt.Errorf("write HEAD: %w", err)
	}
	_, err = f.WriteAt([]byte(h.text()), 0)
	if err := errors.Join(err, f.Close()); err != nil {
		return fmt.Errorf("write HEAD: %w", err)
	}
	return nil
}
