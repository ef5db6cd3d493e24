package file

// document looks for the end of a JSON document that begins at b[0], a brace at
// the start of a line, and goes on over several lines. It returns the offset
// behind the closing brace and true. Otherwise it returns false: with len(b)
// when the document may go on behind b, and with less when b[0] does not begin
// a document, but a line that was torn.
//
// What tells a torn line: a line break inside a string, which JSON forbids, or
// another line that begins with a brace in its first column, as each event of
// a log does. Printed documents indent what is inside them.
func document(b []byte) (end int, ok bool) {
	depth, quoted := 0, false
	for i := 0; i < len(b); i++ {
		ch := b[i]
		if quoted {
			switch ch {
			case '\\':
				if i+1 < len(b) && b[i+1] != '\n' {
					i++
				}
			case '"':
				quoted = false
			case '\n':
				return i, false
			}
			continue
		}
		switch ch {
		case '"':
			quoted = true
		case '{', '[':
			if ch == '{' && i > 0 && b[i-1] == '\n' {
				return i, false
			}
			depth++
		case '}', ']':
			depth--
			if depth == 0 {
				return i + 1, ch == '}'
			}
		case 0:
			return i, false // a NUL run is a record of its own
		}
	}
	return len(b), false
}
