package query

import (
	"bufio"
	"bytes"
	"fmt"
	"strings"
)

// rowWriter writes rows in one of the output forms.
type rowWriter interface {
	rows(cols []vector, n int) error
	// end writes what comes after the last row.
	end() error
}

func newRowWriter(w *bufio.Writer, o Output, width int, names []string, types []*colType) (rowWriter, error) {
	switch o {
	case OutputJSON, OutputNDJSON:
		return newJSONWriter(w, o == OutputJSON, names), nil
	case OutputCSV:
		return newCSVWriter(w, names)
	case OutputTable:
		return newTableWriter(w, width, names, types), nil
	}
	return nil, fmt.Errorf("output %q is unknown", o)
}

// jsonWriter writes objects, in an array or one a line.
type jsonWriter struct {
	w     *bufio.Writer
	array bool
	keys  [][]byte // each `"name":`
	any   bool
	buf   []byte
}

func newJSONWriter(w *bufio.Writer, array bool, names []string) *jsonWriter {
	j := &jsonWriter{w: w, array: array}
	for _, n := range uniqueNames(names) {
		j.keys = append(j.keys, append(appendString(nil, []byte(n)), ':'))
	}
	return j
}

// uniqueNames makes names differ, as keys of an object must: the second "a"
// becomes "a_1", unless that is taken.
func uniqueNames(names []string) []string {
	taken := make(map[string]bool, len(names))
	for _, n := range names {
		taken[n] = true
	}
	used := make(map[string]bool, len(names))
	out := make([]string, len(names))
	for i, n := range names {
		name := n
		for k := 1; used[name]; k++ {
			if next := fmt.Sprintf("%s_%d", n, k); !taken[next] {
				name = next
			}
		}
		used[name] = true
		taken[name] = true
		out[i] = name
	}
	return out
}

func (j *jsonWriter) rows(cols []vector, n int) error {
	for row := range n {
		buf := j.buf[:0]
		switch {
		case j.array && !j.any:
			buf = append(buf, "[\n"...)
		case j.array:
			buf = append(buf, ",\n"...)
		}
		j.any = true
		buf = append(buf, '{')
		for i := range cols {
			if i > 0 {
				buf = append(buf, ',')
			}
			buf = append(buf, j.keys[i]...)
			buf = appendJSON(buf, &cols[i], row)
		}
		buf = append(buf, '}')
		if !j.array {
			buf = append(buf, '\n')
		}
		j.buf = buf
		if _, err := j.w.Write(buf); err != nil {
			return err
		}
	}
	return nil
}

func (j *jsonWriter) end() error {
	if !j.array {
		return nil
	}
	text := "\n]\n"
	if !j.any {
		text = "[]\n"
	}
	_, err := j.w.WriteString(text)
	return err
}

// csvWriter writes RFC 4180 with LF line ends.
type csvWriter struct {
	w    *bufio.Writer
	cell []byte
}

func newCSVWriter(w *bufio.Writer, names []string) (*csvWriter, error) {
	c := &csvWriter{w: w}
	for i, n := range names {
		if i > 0 {
			if err := w.WriteByte(','); err != nil {
				return nil, err
			}
		}
		if err := c.field([]byte(n)); err != nil {
			return nil, err
		}
	}
	return c, w.WriteByte('\n')
}

func (c *csvWriter) rows(cols []vector, n int) error {
	for row := range n {
		for i := range cols {
			if i > 0 {
				if err := c.w.WriteByte(','); err != nil {
					return err
				}
			}
			if cols[i].null(row) {
				continue
			}
			c.cell = appendText(c.cell[:0], &cols[i], row)
			if err := c.field(c.cell); err != nil {
				return err
			}
		}
		if err := c.w.WriteByte('\n'); err != nil {
			return err
		}
	}
	return nil
}

func (c *csvWriter) field(s []byte) error {
	if len(s) > 0 && !bytes.ContainsAny(s, "\",\r\n") && s[0] != ' ' && s[len(s)-1] != ' ' {
		_, err := c.w.Write(s)
		return err
	}
	if err := c.w.WriteByte('"'); err != nil {
		return err
	}
	for {
		i := bytes.IndexByte(s, '"')
		if i < 0 {
			break
		}
		if _, err := c.w.Write(s[:i+1]); err != nil {
			return err
		}
		if err := c.w.WriteByte('"'); err != nil {
			return err
		}
		s = s[i+1:]
	}
	if _, err := c.w.Write(s); err != nil {
		return err
	}
	return c.w.WriteByte('"')
}

func (c *csvWriter) end() error { return nil }

const (
	// Rows and bytes that a table keeps back to find its widths.
	tableLead      = 1000
	tableLeadBytes = 1 << 20
	// tableWidest is the widest column where no terminal sets the width. Nothing
	// is cut: a longer cell sticks out of its own row, and does not blow up all
	// the others.
	tableWidest = 120
)

// tableWriter aligns columns by their widest cell among the first rows.
type tableWriter struct {
	w      *bufio.Writer
	width  int
	names  [][]byte
	right  []bool
	digits []int  // after the second in a column of times; -1 in others
	lead   []cell // of the first rows, row by row
	bytes  int
	widths []int // nil until the header is out
	raw    []byte
	text   []byte
	line   []byte
}

type cell struct {
	text  []byte
	width int
}

// null is how a table shows NULL.
var null = []byte("NULL")

func newTableWriter(w *bufio.Writer, width int, names []string, types []*colType) *tableWriter {
	t := &tableWriter{w: w, width: width, right: make([]bool, len(types)), digits: make([]int, len(types))}
	for i, n := range names {
		t.names = append(t.names, appendPrintable(nil, []byte(n)))
		t.right[i] = types[i].right()
		t.digits[i] = -1
		if types[i].moment() {
			t.digits[i] = 0
		}
	}
	return t
}

func (t *tableWriter) rows(cols []vector, n int) error {
	for row := range n {
		if t.widths == nil && (len(t.lead) >= tableLead*len(cols) || t.bytes > tableLeadBytes) {
			if err := t.header(); err != nil {
				return err
			}
		}
		for i := range cols {
			c := t.cell(&cols[i], row)
			if t.widths == nil {
				if t.digits[i] >= 0 {
					t.digits[i] = max(t.digits[i], fractionDigits(c.text))
				}
				c.text = bytes.Clone(c.text)
				t.lead = append(t.lead, c)
				t.bytes += len(c.text)
				continue
			}
			if err := t.put(i, t.even(i, c)); err != nil {
				return err
			}
		}
	}
	return nil
}

// even gives a time as many digits after the second as its column has.
func (t *tableWriter) even(i int, c cell) cell {
	if t.digits[i] <= 0 || len(c.text) == 0 || c.text[0] < '0' || c.text[0] > '9' { // NULL, infinity
		return c
	}
	have := fractionDigits(c.text)
	if have == 0 && t.digits[i] > 0 {
		c.text, c.width = append(c.text, '.'), c.width+1
	}
	for ; have < t.digits[i]; have++ {
		c.text, c.width = append(c.text, '0'), c.width+1
	}
	return c
}

// fractionDigits counts the digits after the point of a time.
func fractionDigits(text []byte) int {
	if i := bytes.IndexByte(text, '.'); i >= 0 {
		return len(text) - i - 1
	}
	return 0
}

// cell returns a cell whose text is valid until the next one.
func (t *tableWriter) cell(v *vector, row int) cell {
	if v.null(row) {
		return cell{null, len(null)}
	}
	t.raw = appendText(t.raw[:0], v, row)
	if plainASCII(t.raw) {
		return cell{t.raw, len(t.raw)}
	}
	t.text = appendPrintable(t.text[:0], t.raw)
	return cell{t.text, textWidth(t.text)}
}

// header decides on widths and writes the head and the rows kept back.
func (t *tableWriter) header() error {
	t.widths = make([]int, len(t.names))
	for i, n := range t.names {
		t.widths[i] = textWidth(n)
	}
	for i := range t.lead {
		t.lead[i] = t.even(i%len(t.names), t.lead[i])
		c := t.lead[i]
		t.widths[i%len(t.names)] = max(t.widths[i%len(t.names)], c.width)
	}
	t.fit()
	for i, n := range t.names {
		if err := t.put(i, cell{n, textWidth(n)}); err != nil {
			return err
		}
	}
	for i, w := range t.widths {
		line := strings.Repeat("-", w)
		if i > 0 {
			line = "-+-" + line
		}
		if i == len(t.widths)-1 {
			line += "\n"
		}
		if _, err := t.w.WriteString(line); err != nil {
			return err
		}
	}
	for i, c := range t.lead {
		if err := t.put(i%len(t.names), c); err != nil {
			return err
		}
	}
	t.lead = nil
	return nil
}

// fit narrows the widest columns until the table fits the terminal or every
// column is down to a few characters. Without a terminal it only bounds them.
func (t *tableWriter) fit() {
	const least = 8
	if t.width <= 0 {
		for i, w := range t.widths {
			t.widths[i] = min(w, tableWidest)
		}
		return
	}
	total := 3 * (len(t.widths) - 1)
	for _, w := range t.widths {
		total += w
	}
	for total > t.width {
		widest := 0
		for i, w := range t.widths {
			if w > t.widths[widest] {
				widest = i
			}
		}
		if t.widths[widest] <= least {
			return
		}
		second := least
		for i, w := range t.widths {
			if i != widest {
				second = max(second, w)
			}
		}
		step := max(1, min(t.widths[widest]-second, total-t.width))
		t.widths[widest] -= step
		total -= step
	}
}

func (t *tableWriter) put(i int, c cell) error {
	last := i == len(t.widths)-1
	if t.width > 0 && c.width > t.widths[i] {
		c = cut(c, t.widths[i])
	}
	pad := max(0, t.widths[i]-c.width)
	b := t.line[:0]
	if i > 0 {
		b = append(b, " | "...)
	}
	if t.right[i] {
		b = appendSpaces(b, pad)
	}
	b = append(b, c.text...)
	if !t.right[i] && !last {
		b = appendSpaces(b, pad)
	}
	if last {
		b = append(b, '\n')
	}
	t.line = b
	_, err := t.w.Write(b)
	return err
}

func (t *tableWriter) end() error {
	if t.widths == nil {
		return t.header()
	}
	return nil
}

func appendSpaces(dst []byte, n int) []byte {
	for range n {
		dst = append(dst, ' ')
	}
	return dst
}
