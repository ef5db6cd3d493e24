package extjson

import (
	"encoding/binary"
	"math"
	"math/bits"
	"slices"

	"go.mongodb.org/mongo-driver/v2/bson"
)

// The methods of this file try a reading: where the text is not what they look
// for they return a negative index, and the caller reads the object as an
// ordinary document, which finds any true error again.

// wrapper decodes the object whose first key begins with the quote p[k] if it
// is one of the type wrappers of Extended JSON.
func (d *Decoder) wrapper(k, o, element int) (int, int) {
	d.scratch = d.scratch[:0]
	name, i := d.token(k)
	if i >= 0 && len(name) >= 4 && name[0] == '$' {
		if i = d.colon(i); i >= 0 {
			typ, end, size := d.wrapped(string(name), i, o)
			if end >= 0 {
				d.q[element] = typ
				return end, size
			}
		}
	}
	d.nulAt = -1
	return -1, 0
}

// wrapped decodes the rest of a wrapper from the value of its first key on.
func (d *Decoder) wrapped(name string, i, o int) (typ byte, end, size int) {
	switch name {
	case "$date":
		end, size = d.date(i, o)
		return typeDate, d.end(end), size
	case "$oid":
		end, size = d.objectID(i, o)
		return typeObjectID, d.end(end), size
	case "$binary":
		end, size = d.binary(i, o)
		return typeBinary, d.end(end), size
	case "$uuid":
		end, size = d.uuid(i, o)
		return typeBinary, d.end(end), size
	case "$timestamp":
		end, size = d.timestamp(i, o)
		return typeTimestamp, d.end(end), size
	case "$numberInt", "$numberLong", "$numberDouble", "$numberDecimal":
		typ, end, size = d.wrappedNumber(name, i, o)
		return typ, d.end(end), size
	case "$regex", "$regularExpression":
		end, size = d.regex(name, i, o)
		return typeRegex, d.end(end), size
	case "$code":
		typ, end, size = d.code(i, o)
		return typ, d.end(end), size
	case "$symbol":
		s, end := d.token(i)
		return typeSymbol, d.end(end), d.putString(o, s)
	case "$dbPointer":
		end, size = d.dbPointer(i, o)
		return typeDBPointer, d.end(end), size
	case "$undefined":
		return typeUndefined, d.end(d.literal(i, "true")), o
	case "$minKey":
		return typeMinKey, d.end(d.literal(i, "1")), o
	case "$maxKey":
		return typeMaxKey, d.end(d.literal(i, "1")), o
	}
	return 0, -1, 0
}

// token returns the content of the string whose opening quote is p[i],
// unescaped, and the index after its closing quote. The content aliases p or
// the scratch memory.
func (d *Decoder) token(i int) ([]byte, int) {
	p := d.p
	if p[i] != '"' {
		return nil, -1
	}
	i++
	from := i
	for {
		m := special(binary.LittleEndian.Uint64(p[i:]))
		if m == 0 {
			i += 8
			continue
		}
		i += bits.TrailingZeros64(m) >> 3
		if p[i] == '"' {
			return p[from:i], i + 1
		}
		return d.unescaped(from)
	}
}

// unescaped is token for a string that has to be copied: it is appended to the
// scratch memory, so that tokens before it stay.
func (d *Decoder) unescaped(i int) ([]byte, int) {
	q, from := d.q, len(d.scratch)
	d.scratch = slices.Grow(d.scratch, len(d.p)-i+pad)
	d.q = d.scratch[:cap(d.scratch)]
	i, o := d.text(i, from)
	d.q = q
	if i < 0 {
		return nil, -1
	}
	d.scratch = d.scratch[:o]
	return d.scratch[from:o], i
}

// colon returns the index of the value after a key that ends before p[i].
func (d *Decoder) colon(i int) int {
	if i = space(d.p, i); d.p[i] != ':' {
		return -1
	}
	return space(d.p, i+1)
}

// end returns the index after the brace that must follow, passing a failure on.
func (d *Decoder) end(i int) int {
	if i < 0 {
		return i
	}
	if i = space(d.p, i); d.p[i] != '}' {
		return -1
	}
	return i + 1
}

// member returns the index of the value if the next member has the given key.
func (d *Decoder) member(i int, key string) int {
	if i < 0 {
		return i
	}
	if i = space(d.p, i); d.p[i] != ',' {
		return -1
	}
	name, i := d.token(space(d.p, i+1))
	if i < 0 || string(name) != key {
		return -1
	}
	return d.colon(i)
}

// literal returns the index after a word that stands at p[i].
func (d *Decoder) literal(i int, word string) int {
	if !hasWord(d.p, i, word) {
		return -1
	}
	return i + len(word)
}

// scalar is a string or an integer inside a wrapper.
type scalar struct {
	text   []byte // nil for an integer
	number int64
}

// scalar reads the string or integer that begins at p[i].
func (d *Decoder) scalar(i int) (scalar, int) {
	if d.p[i] == '"' {
		s, end := d.token(i)
		return scalar{text: s}, end
	}
	end := i
	for c := d.p[end]; c == '-' || c-'0' <= 9; c = d.p[end] {
		end++
	}
	n, ok := integer(d.p[i:end])
	if !ok {
		return scalar{}, -1
	}
	return scalar{number: n}, end
}

// pair reads an object with exactly the members a and b, in either order.
func (d *Decoder) pair(i int, a, b string) (x, y scalar, end int) {
	if d.p[i] != '{' {
		return x, y, -1
	}
	i = space(d.p, i+1)
	name, next := d.token(i)
	if next < 0 {
		return x, y, -1
	}
	swapped := string(name) == b
	if !swapped && string(name) != a {
		return x, y, -1
	}
	if i = d.colon(next); i < 0 {
		return x, y, -1
	}
	if x, i = d.scalar(i); i < 0 {
		return x, y, -1
	}
	other := b
	if swapped {
		other = a
	}
	if i = d.member(i, other); i < 0 {
		return x, y, -1
	}
	y, i = d.scalar(i)
	if swapped {
		x, y = y, x
	}
	return x, y, d.end(i)
}

// putString writes a BSON string value and returns the index after it.
func (d *Decoder) putString(o int, s []byte) int {
	binary.LittleEndian.PutUint32(d.q[o:], uint32(len(s)+1))
	o += 4
	o += copy(d.q[o:], s)
	d.q[o] = 0
	return o + 1
}

// date reads the value of $date: an ISO 8601 text, {"$numberLong": …} or an
// integer.
func (d *Decoder) date(i, o int) (int, int) {
	var ms int64
	if d.p[i] == '{' {
		name, next := d.token(space(d.p, i+1))
		if next < 0 || string(name) != "$numberLong" {
			return -1, 0
		}
		if i = d.colon(next); i < 0 {
			return -1, 0
		}
		if _, i, _ = d.wrappedNumber("$numberLong", i, o); i < 0 {
			return -1, 0
		}
		return d.end(i), o + 8
	}
	s, i := d.scalar(i)
	if i < 0 {
		return -1, 0
	}
	ms = s.number
	if s.text != nil {
		var ok bool
		if ms, ok = parseDate(s.text); !ok {
			return -1, 0
		}
	}
	binary.LittleEndian.PutUint64(d.q[o:], uint64(ms))
	return i, o + 8
}

// objectID reads 24 hexadecimal digits.
func (d *Decoder) objectID(i, o int) (int, int) {
	s, i := d.token(i)
	if i < 0 || len(s) != 24 || !putHex(d.q[o:o+12], s) {
		return -1, 0
	}
	return i, o + 12
}

// putHex decodes hexadecimal digits, two for each byte of dst.
func putHex(dst, digits []byte) bool {
	for k := range dst {
		high, low := unhex(digits[2*k]), unhex(digits[2*k+1])
		if high|low > 15 {
			return false
		}
		dst[k] = high<<4 | low
	}
	return true
}

// uuid reads the text form of a UUID, which is binary data of subtype 4.
func (d *Decoder) uuid(i, o int) (int, int) {
	s, i := d.token(i)
	if i < 0 || len(s) != 36 || s[8] != '-' || s[13] != '-' || s[18] != '-' || s[23] != '-' {
		return -1, 0
	}
	q := d.q
	binary.LittleEndian.PutUint32(q[o:], 16)
	q[o+4] = binaryUUID
	o += 5
	for _, part := range [...]struct{ from, size int }{{0, 4}, {9, 2}, {14, 2}, {19, 2}, {24, 6}} {
		if !putHex(q[o:o+part.size], s[part.from:]) {
			return -1, 0
		}
		o += part.size
	}
	return i, o
}

// timestamp reads {"t": …, "i": …}: seconds and a counter, 32 bits each.
func (d *Decoder) timestamp(i, o int) (int, int) {
	t, n, i := d.pair(i, "t", "i")
	if i < 0 || t.text != nil || n.text != nil || uint64(t.number) > math.MaxUint32 || uint64(n.number) > math.MaxUint32 {
		return -1, 0
	}
	binary.LittleEndian.PutUint64(d.q[o:], uint64(t.number)<<32|uint64(n.number))
	return i, o + 8
}

// wrappedNumber reads the value of $numberInt, $numberLong, $numberDouble or
// $numberDecimal. Only $numberLong may stand without quotes.
func (d *Decoder) wrappedNumber(name string, i, o int) (typ byte, end, size int) {
	s, i := d.scalar(i)
	if i < 0 || s.text == nil && name != "$numberLong" {
		return 0, -1, 0
	}
	q := d.q
	switch name {
	case "$numberDouble":
		f, ok := parseDouble(s.text)
		if !ok {
			return 0, -1, 0
		}
		binary.LittleEndian.PutUint64(q[o:], math.Float64bits(f))
		return typeDouble, i, o + 8
	case "$numberDecimal":
		// The longest canonical text has 43 characters; the limit keeps the
		// parser's big integers small.
		if len(s.text) > 128 {
			return 0, -1, 0
		}
		f, err := bson.ParseDecimal128(string(s.text))
		if err != nil {
			return 0, -1, 0
		}
		high, low := f.GetBytes()
		binary.LittleEndian.PutUint64(q[o:], low)
		binary.LittleEndian.PutUint64(q[o+8:], high)
		return typeDecimal128, i, o + 16
	}
	n := s.number
	if s.text != nil {
		var ok bool
		if n, ok = integer(s.text); !ok {
			return 0, -1, 0
		}
	}
	if name == "$numberLong" {
		binary.LittleEndian.PutUint64(q[o:], uint64(n))
		return typeInt64, i, o + 8
	}
	if n != int64(int32(n)) {
		return 0, -1, 0
	}
	binary.LittleEndian.PutUint32(q[o:], uint32(n))
	return typeInt32, i, o + 4
}

// regex reads the rest of {"$regex": …, "$options": …} or the value of
// $regularExpression.
func (d *Decoder) regex(name string, i, o int) (int, int) {
	var pattern, options scalar
	if name == "$regex" {
		if pattern, i = d.scalar(i); i < 0 {
			return -1, 0
		}
		if i = d.member(i, "$options"); i < 0 {
			return -1, 0
		}
		options, i = d.scalar(i)
	} else {
		pattern, options, i = d.pair(i, "pattern", "options")
	}
	// Both are C strings in BSON.
	if i < 0 || pattern.text == nil || options.text == nil || slices.Contains(pattern.text, 0) || slices.Contains(options.text, 0) {
		return -1, 0
	}
	q := d.q
	o += copy(q[o:], pattern.text)
	q[o] = 0
	o++
	o += copy(q[o:], options.text)
	q[o] = 0
	return i, o + 1
}

// code reads the rest of {"$code": …} with or without a "$scope": {…}.
func (d *Decoder) code(i, o int) (typ byte, end, size int) {
	s, i := d.token(i)
	if i < 0 {
		return 0, -1, 0
	}
	if d.end(i) >= 0 {
		return typeCode, i, d.putString(o, s)
	}
	if i = d.member(i, "$scope"); i < 0 || d.p[i] != '{' {
		return 0, -1, 0
	}
	// Look ahead before the scope is decoded: scopes nest, and decoding each of
	// them twice would take time exponential in their depth.
	if d.end(skip(d.p, i)) < 0 {
		return 0, -1, 0
	}
	start := o
	depth := d.depth
	if i, o = d.document(i, d.putString(o+4, s)); i < 0 {
		d.depth = depth
		return 0, -1, 0
	}
	binary.LittleEndian.PutUint32(d.q[start:], uint32(o-start))
	return typeCodeScope, i, o
}

// skip returns the index after the object that begins at p[i], going by
// brackets and quotes alone, or a negative number if it does not end.
func skip(p []byte, i int) int {
	level := 0
	for size := len(p) - pad; i < size; i++ {
		switch p[i] {
		case '{':
			level++
		case '}':
			if level--; level == 0 {
				return i + 1
			}
		case '"':
			for i++; i < size && p[i] != '"'; i++ {
				if p[i] == '\\' {
					i++
				}
			}
		}
	}
	return -1
}

// dbPointer reads {"$ref": …, "$id": {"$oid": …}}.
func (d *Decoder) dbPointer(i, o int) (int, int) {
	if d.p[i] != '{' {
		return -1, 0
	}
	name, i := d.token(space(d.p, i+1))
	if i < 0 || string(name) != "$ref" {
		return -1, 0
	}
	if i = d.colon(i); i < 0 {
		return -1, 0
	}
	ref, i := d.token(i)
	if i = d.member(i, "$id"); i < 0 || d.p[i] != '{' {
		return -1, 0
	}
	if name, i = d.token(space(d.p, i+1)); i < 0 || string(name) != "$oid" {
		return -1, 0
	}
	if i = d.colon(i); i < 0 {
		return -1, 0
	}
	i, o = d.objectID(i, d.putString(o, ref))
	return d.end(d.end(i)), o
}
