package auditlog

import "bytes"

// schemeMark is in every connection string.
var schemeMark = []byte("://")

// hasUserinfo says whether the text holds a connection string with a password.
func hasUserinfo(text []byte) bool {
	return !bytes.Equal(cleanURLs(nil, text), text)
}

// cleanURLs appends the text with the passwords of its connection strings
// replaced: scheme://user:password@host, for any scheme, and the options of
// mongodb strings that hold secrets.
func cleanURLs(dst, text []byte) []byte {
	for {
		i := bytes.Index(text, schemeMark)
		if i < 0 {
			return append(dst, text...)
		}
		ours := bytes.HasSuffix(text[:i], []byte("mongodb")) || bytes.HasSuffix(text[:i], []byte("mongodb+srv"))
		i += len(schemeMark)
		dst = append(dst, text[:i]...)
		text = text[i:]
		end := bytes.IndexAny(text, " \t\r\n\"'<>")
		if end < 0 {
			end = len(text)
		}
		if next := bytes.Index(text[:end], schemeMark); next >= 0 {
			// Another one follows without a gap; its scheme begins after the last
			// separator.
			if sep := bytes.LastIndexAny(text[:next], ",;|"); sep >= 0 {
				end = sep
			}
		}
		dst = cleanURL(dst, text[:end], ours)
		text = text[end:]
	}
}

// cleanURL appends what follows the "://" of one connection string. Passwords
// of mongodb strings are often pasted without percent encoding, so that there
// the last "@" counts, and not the first.
func cleanURL(dst, rest []byte, ours bool) []byte {
	authority := rest
	if cut := bytes.IndexAny(rest, "/?#"); cut >= 0 && !ours {
		authority = rest[:cut]
	}
	at := bytes.LastIndexByte(authority, '@')
	if colon := bytes.IndexByte(authority, ':'); at > 0 && colon >= 0 && colon < at && colon+1 < at {
		dst = append(dst, rest[:colon+1]...)
		dst = append(dst, Marker...)
		rest = rest[at:]
	}
	if !ours {
		return append(dst, rest...)
	}
	return cleanOptions(dst, rest)
}

// secretOptions are the options of a mongodb connection string that hold
// secrets, with the sign that separates them from their value.
var secretOptions = []string{"password=", "aws_session_token:"}

func cleanOptions(dst, rest []byte) []byte {
	q := bytes.IndexByte(rest, '?')
	if q < 0 {
		return append(dst, rest...)
	}
	dst = append(dst, rest[:q]...)
	for p := q; p < len(rest); {
		end := len(rest)
		if i := bytes.IndexAny(rest[p+1:], "&;,"); i >= 0 {
			end = p + 1 + i
		}
		dst = cleanOption(dst, rest[p:end])
		p = end
	}
	return dst
}

// cleanOption appends one option with the separator before it.
func cleanOption(dst, option []byte) []byte {
	for _, name := range secretOptions {
		if i := indexFold(option, name); i >= 0 && i+len(name) < len(option) {
			dst = append(dst, option[:i+len(name)]...)
			return append(dst, Marker...)
		}
	}
	return append(dst, option...)
}

// indexFold finds a lower-case ASCII word in text, whatever the case there.
func indexFold(text []byte, word string) int {
	for i := 0; i+len(word) <= len(text); i++ {
		n := 0
		for n < len(word) && (text[i+n] == word[n] || 'A' <= text[i+n] && text[i+n] <= 'Z' && text[i+n]+32 == word[n]) {
			n++
		}
		if n == len(word) {
			return i
		}
	}
	return -1
}
