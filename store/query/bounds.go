package query

import "math"

// span is a range of p_event_time in microseconds, both ends included.
type span struct{ min, max int64 }

var anyTime = span{math.MinInt64, math.MaxInt64}

// misses tells whether no row of the file can lie in the span.
func (s span) misses(f File) bool {
	if f.Min == 0 && f.Max == 0 {
		return false
	}
	return f.Max < s.min || f.Min > s.max
}

// bounds returns the times that the statement can ask for.
func bounds(tree map[string]any) span { return anyTime }
