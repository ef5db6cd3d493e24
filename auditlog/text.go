package auditlog

import (
	"fmt"

	"github.com/margay-audit/margay/extjson"
)

// Text appends the line with the values at paths replaced, and every other
// byte as it was. The paths are those that Find returned last, all of them, for
// the document that the line says.
func (r *Redactor) Text(dst, line []byte, paths []string) ([]byte, error) {
	if len(paths) == 0 {
		return append(dst, line...), nil
	}
	start := len(dst)
	dst, err := extjson.Rewrite(dst, line, func(keys []string) ([]byte, bool) {
		parent := 0
		for _, k := range keys[:len(keys)-1] {
			parent += len(k)
		}
		if r.beyond(parent) {
			return nil, false
		}
		r.path = r.path[:0]
		for _, k := range keys {
			r.path = append(appendSegment(r.path, nil), k...)
		}
		text, ok := r.replacement()
		if !ok {
			return nil, false
		}
		return appendQuoted(nil, text), true
	})
	if err != nil {
		return dst[:start], fmt.Errorf("redact event text: %w", err)
	}
	return dst, nil
}

// appendQuoted appends s as a JSON string. The text is valid UTF-8 because the
// decoder took it.
func appendQuoted(dst []byte, s string) []byte {
	dst = append(dst, '"')
	for i := range len(s) {
		switch c := s[i]; {
		case c == '"' || c == '\\':
			dst = append(dst, '\\', c)
		case c < 0x20:
			dst = append(dst, `\u00`...)
			dst = append(dst, "0123456789abcdef"[c>>4], "0123456789abcdef"[c&15])
		default:
			dst = append(dst, c)
		}
	}
	return append(dst, '"')
}
