package main

import (
	"fmt"
	"io"
	"os"
	"strings"
	"sync"
	"time"

	"golang.org/x/term"
)

// isTerminal tells whether w is a terminal, and how wide it is.
func isTerminal(w io.Writer) (width int, ok bool) {
	f, isFile := w.(*os.File)
	if !isFile || !term.IsTerminal(int(f.Fd())) {
		return 0, false
	}
	width, _, err := term.GetSize(int(f.Fd()))
	if err != nil || width <= 0 {
		width = 80
	}
	return width, true
}

// liveLine shows one line that changes: in place on a terminal, otherwise as a
// plain line every now and then.
type liveLine struct {
	w     io.Writer
	every time.Duration // between lines where w is no terminal
	width int
	tty   bool

	mu    sync.Mutex
	shown time.Time
	dirty bool // the cursor stands behind a line that is not ended
}

func newLiveLine(w io.Writer, every time.Duration) *liveLine {
	width, tty := isTerminal(w)
	return &liveLine{w: w, every: every, width: width, tty: tty, shown: time.Now()}
}

// Show replaces the line. On a terminal it draws ten times a second at most.
func (l *liveLine) Show(now time.Time, text string) {
	l.mu.Lock()
	defer l.mu.Unlock()
	every := l.every
	if l.tty {
		every = 100 * time.Millisecond
	}
	if now.Sub(l.shown) < every {
		return
	}
	l.shown = now
	if !l.tty {
		fmt.Fprintln(l.w, text)
		return
	}
	if runes := []rune(text); len(runes) >= l.width {
		text = string(runes[:l.width-1])
	}
	fmt.Fprintf(l.w, "\r%s\x1b[K", text)
	l.dirty = true
}

// Clear takes the line away, for other text to be printed.
func (l *liveLine) Clear() {
	l.mu.Lock()
	defer l.mu.Unlock()
	if l.dirty {
		fmt.Fprint(l.w, "\r\x1b[K")
		l.dirty = false
	}
}

// bar draws a progress bar with its percentage.
func bar(done, total int64) string {
	const cells = 24
	if total <= 0 {
		return "[" + strings.Repeat("-", cells) + "]"
	}
	done = min(max(done, 0), total)
	full := int(done * cells / total)
	return fmt.Sprintf("[%s%s] %3d%%", strings.Repeat("#", full), strings.Repeat("-", cells-full), done*100/total)
}

// bytesText writes a size for people, in binary units.
func bytesText(n int64) string {
	const unit = 1024
	if n < unit {
		return fmt.Sprintf("%d B", n)
	}
	value, suffix := float64(n)/unit, 0
	for value >= unit && suffix < 5 {
		value /= unit
		suffix++
	}
	return fmt.Sprintf("%.1f %ciB", value, "KMGTPE"[suffix])
}

// countText writes a number with its digits in groups of three.
func countText(n int64) string {
	digits := fmt.Sprint(n)
	sign := ""
	if n < 0 {
		sign, digits = "-", digits[1:]
	}
	var b strings.Builder
	for i, d := range digits {
		if i > 0 && (len(digits)-i)%3 == 0 {
			b.WriteByte(',')
		}
		b.WriteRune(d)
	}
	return sign + b.String()
}

// agoText writes how long before now t was.
func agoText(now, t time.Time) string {
	if t.IsZero() {
		return "never"
	}
	d := now.Sub(t)
	switch {
	case d < 0:
		return "in the future"
	case d < time.Second:
		return "now"
	case d < time.Minute:
		return fmt.Sprintf("%ds ago", int(d.Seconds()))
	case d < time.Hour:
		return fmt.Sprintf("%dm ago", int(d.Minutes()))
	case d < 48*time.Hour:
		return fmt.Sprintf("%dh ago", int(d.Hours()))
	default:
		return fmt.Sprintf("%dd ago", int(d.Hours()/24))
	}
}
