package extjson

import "fmt"

// Splitter finds the documents in a text where they follow one another, each on
// one line or spread over many, as the output of pretty-printers and examples
// in documentation. It also takes a JSON array of documents, as API dumps are,
// and gives its elements one by one. It goes by brackets and quotes alone: what
// it cuts out is for a [Decoder] to judge.
//
// The zero value is ready for use. A Splitter remembers how far it looked, so
// that a document that arrives in many pieces is looked at once.
type Splitter struct {
	// MaxSize is the longest document, in bytes. Defaults to DefaultMaxSize.
	MaxSize int

	// pos is how much of the buffer has been looked at, start where the document
	// begins in it; depth is how many brackets are open in it.
	pos, start, depth int
	quoted, escaped   bool
	array             arrayState
}

// arrayState says where in a top-level array the splitter is.
type arrayState uint8

const (
	outside   arrayState = iota
	opened               // after '[': a document or ']' comes
	separated            // after ',': a document comes
	element              // after a document: ',' or ']' comes
)

// Next looks for a document in buf and returns it as buf[start:end].
//
// The caller then calls again with the rest, buf[end:]. If need is true there
// is none yet: the caller calls again with the same bytes and more after them,
// or, if atEOF was true, has reached the end. Only buf[start:] has to be kept
// for that: whoever drops the bytes before it calls [Splitter.Drop].
//
// Anything between documents that does not belong there, and a document that is
// too long or does not end, is a *SyntaxError with an offset in buf. The
// splitter then begins anew: the caller chooses where to go on, and calls with
// the bytes from there.
func (s *Splitter) Next(buf []byte, atEOF bool) (start, end int, need bool, err error) {
	limit := s.MaxSize
	if limit <= 0 {
		limit = DefaultMaxSize
	}
	if s.depth == 0 {
		if err := s.seek(buf); err != nil {
			return 0, 0, false, err
		}
		s.start = s.pos
		if s.pos == len(buf) {
			if atEOF && s.array != outside {
				return s.wrong(len(buf), "unexpected end")
			}
			return s.start, s.start, true, nil
		}
	}
	for ; s.pos < len(buf); s.pos++ {
		if s.pos-s.start >= limit {
			return s.wrong(s.start, fmt.Sprintf("document is longer than %d bytes", limit))
		}
		if s.step(buf[s.pos]) {
			start, end = s.start, s.pos+1
			s.pos, s.start = 0, 0
			return start, end, false, nil
		}
	}
	if atEOF {
		return s.wrong(len(buf), "unexpected end")
	}
	return s.start, s.start, true, nil
}

// Drop tells the splitter that the caller took n bytes, at most the start that
// Next returned, from the front of the buffer.
func (s *Splitter) Drop(n int) {
	s.pos -= n
	s.start -= n
}

// wrong forgets everything and makes the results of an error.
func (s *Splitter) wrong(offset int, msg string) (int, int, bool, error) {
	*s = Splitter{MaxSize: s.MaxSize}
	return 0, 0, false, &SyntaxError{Offset: offset, Msg: msg}
}

// step takes one byte of a document and reports whether it was the last.
func (s *Splitter) step(c byte) bool {
	switch {
	case s.escaped:
		s.escaped = false
	case s.quoted:
		s.escaped = c == '\\'
		s.quoted = c != '"'
	case c == '"':
		s.quoted = true
	case c == '{' || c == '[':
		s.depth++
	case c == '}' || c == ']':
		s.depth--
		return s.depth == 0
	}
	return false
}

// seek moves pos to the beginning of the next document or the end of buf.
func (s *Splitter) seek(buf []byte) error {
	for ; s.pos < len(buf); s.pos++ {
		c := buf[s.pos]
		switch {
		case c == ' ' || c == '\n' || c == '\t' || c == '\r':
		case c == '{' && s.array != element:
			if s.array != outside {
				s.array = element
			}
			return nil
		case c == '[' && s.array == outside:
			s.array = opened
		case c == ',' && s.array == element:
			s.array = separated
		case c == ']' && (s.array == opened || s.array == element):
			s.array = outside
		default:
			_, _, _, err := s.wrong(s.pos, "expected a document")
			return err
		}
	}
	return nil
}
