package config

import (
	"fmt"
	"slices"
	"strings"
)

// Problem is one thing that is wrong, or doubtful, in a config file.
type Problem struct {
	// File is the path as it was given to Load; Line and Column begin at 1.
	// They are 0 where the problem is that something is missing altogether.
	File         string
	Line, Column int
	// Path leads to the value: sources[0].paths[1]. It is empty for problems of
	// the file as a whole.
	Path string
	// Message says what is wrong, Hint how to put it right. Hint may be empty.
	Message, Hint string
}

// String returns the problem in one line, with the hint in a second one.
func (p Problem) String() string {
	var b strings.Builder
	b.WriteString(p.File)
	if p.Line > 0 {
		fmt.Fprintf(&b, ":%d:%d", p.Line, p.Column)
	}
	b.WriteString(": ")
	if p.Path != "" {
		b.WriteString(p.Path + ": ")
	}
	b.WriteString(p.Message)
	if p.Hint != "" {
		b.WriteString("\n    " + p.Hint)
	}
	return b.String()
}

// Problems is everything that is wrong with a config file, in the order of the
// file.
type Problems []Problem //nolint:errname // warnings are Problems too, and no errors

// Error returns one problem after the other.
func (ps Problems) Error() string {
	lines := make([]string, len(ps))
	for i, p := range ps {
		lines[i] = p.String()
	}
	return strings.Join(lines, "\n")
}

func (ps Problems) sort() {
	slices.SortStableFunc(ps, func(a, b Problem) int {
		if a.Line != b.Line {
			return a.Line - b.Line
		}
		return a.Column - b.Column
	})
}

// nearest returns the word that was probably meant, or "".
func nearest(word string, words []string) string {
	best, least := "", max(2, len(word)/3)+1
	for _, w := range words {
		if n := distance(strings.ToLower(word), strings.ToLower(w)); n < least {
			best, least = w, n
		}
	}
	return best
}

// distance counts the letters to insert, delete, replace or swap with their
// neighbour to make b of a.
func distance(a, b string) int {
	if len(a) > 64 || len(b) > 64 {
		return len(a) + len(b)
	}
	before, last, next := make([]int, len(b)+1), make([]int, len(b)+1), make([]int, len(b)+1)
	for j := range last {
		last[j] = j
	}
	for i := range len(a) {
		next[0] = i + 1
		for j := range len(b) {
			n := last[j]
			if a[i] != b[j] {
				n = 1 + min(n, last[j+1], next[j])
			}
			if i > 0 && j > 0 && a[i] == b[j-1] && a[i-1] == b[j] {
				n = min(n, before[j-1]+1)
			}
			next[j+1] = n
		}
		before, last, next = last, next, before
	}
	return last[len(b)]
}
