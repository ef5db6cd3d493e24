package extjson

import "bytes"

// Rewrite appends the text of a document to dst with some of its values
// replaced, and everything else, white space included, byte for byte.
//
// decide is asked for every value, outer ones first, with the path that leads
// to it: unescaped keys, and the positions of array elements in decimal. If it
// says so, the JSON text replacement takes the place of the value, whose
// members are then not asked about. Type wrappers are objects here: the value
// of {"a": {"$oid": …}} has the path a, and its text a, $oid. The path belongs
// to Rewrite and is valid during the call only.
//
// A text that [Decoder.Decode] would refuse is a *SyntaxError, and dst comes
// back as it was; the bounds are the defaults. Rewrite is for the few documents
// that need it: it decodes the text first, and allocates.
func Rewrite(dst, text []byte, decide func(path []string) (replacement []byte, replace bool)) ([]byte, error) {
	var d Decoder
	if _, err := d.Decode(nil, text); err != nil {
		return dst, err
	}
	// The text is known to be well formed, so the walk checks nothing.
	r := rewriter{p: append(bytes.Clone(text), 0, 0, 0, 0, 0, 0, 0, 0), dst: dst, decide: decide}
	r.d.p = r.p
	r.container(space(r.p, 0))
	return append(r.dst, text[r.copied:]...), nil
}

type rewriter struct {
	// d reads keys.
	d      Decoder
	p      []byte
	dst    []byte
	path   []string
	decide func(path []string) ([]byte, bool)
	// copied is how much of p is in dst or replaced.
	copied int
}

// value handles the value that begins at p[i], and returns the index after it.
func (r *rewriter) value(i int) int {
	replacement, replace := r.decide(r.path)
	if !replace {
		if r.p[i] == '{' || r.p[i] == '[' {
			return r.container(i)
		}
		return r.after(i)
	}
	r.dst = append(append(r.dst, r.p[r.copied:i]...), replacement...)
	r.copied = r.after(i)
	return r.copied
}

// container handles the members of the object or array that begins at p[i].
func (r *rewriter) container(i int) int {
	p := r.p
	object := p[i] == '{'
	r.path = append(r.path, "")
	last := len(r.path) - 1
	i = space(p, i+1)
	for n := 0; p[i] != '}' && p[i] != ']'; n++ {
		if p[i] == ',' {
			i = space(p, i+1)
		}
		if object {
			var key []byte
			key, i = r.d.token(i)
			r.path[last] = string(key)
			i = r.d.colon(i)
		} else {
			var digits [24]byte
			end := position(digits[:], 0, n)
			r.path[last] = string(digits[:end-1])
		}
		i = space(p, r.value(i))
	}
	r.path = r.path[:last]
	return i + 1
}

// after returns the index after the value that begins at p[i].
func (r *rewriter) after(i int) int {
	p := r.p
	switch p[i] {
	case '"':
		_, end := r.d.token(i)
		return end
	case '{', '[':
		level := 0
		for {
			switch p[i] {
			case '"':
				i = r.after(i)
				continue
			case '{', '[':
				level++
			case '}', ']':
				if level--; level == 0 {
					return i + 1
				}
			}
			i++
		}
	}
	for p[i] > ' ' && p[i] != ',' && p[i] != '}' && p[i] != ']' {
		i++
	}
	return i
}
