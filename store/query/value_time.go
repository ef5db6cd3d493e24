package query

import (
	"math"
	"strconv"
	"time"

	duckdb "github.com/duckdb/duckdb-go-bindings"
)

// appendTimestamp appends a moment in UTC, with as many digits after the second
// as are needed, in threes.
func appendTimestamp(dst []byte, v *vector, row int, between byte, zulu bool) []byte {
	n := at[int64](v, row)
	switch n {
	case math.MaxInt64:
		return append(dst, "infinity"...)
	case -math.MaxInt64:
		return append(dst, "-infinity"...)
	}
	unit := int64(1e6)
	switch v.t.id {
	case duckdb.TypeTimestampS:
		unit = 1
	case duckdb.TypeTimestampMS:
		unit = 1e3
	case duckdb.TypeTimestampNS:
		unit = 1e9
	}
	sec, frac := n/unit, n%unit
	if frac < 0 {
		sec, frac = sec-1, frac+unit
	}
	t := time.Unix(sec, 0).UTC()
	dst = t.AppendFormat(dst, "2006-01-02")
	dst = append(dst, between)
	dst = t.AppendFormat(dst, "15:04:05")
	dst = appendFraction(dst, frac*(1e9/unit))
	if zulu {
		dst = append(dst, 'Z')
	}
	return dst
}

// appendFraction appends nanoseconds after a point, in threes, or nothing.
func appendFraction(dst []byte, nanos int64) []byte {
	if nanos == 0 {
		return dst
	}
	digits := 9
	for nanos%1000 == 0 {
		nanos, digits = nanos/1000, digits-3
	}
	dst = append(dst, '.')
	start := len(dst)
	for range digits {
		dst = append(dst, '0')
	}
	for i := start + digits - 1; nanos > 0; i-- {
		dst[i] = byte('0' + nanos%10)
		nanos /= 10
	}
	return dst
}

func appendDate(dst []byte, days int32) []byte {
	switch days {
	case math.MaxInt32:
		return append(dst, "infinity"...)
	case -math.MaxInt32:
		return append(dst, "-infinity"...)
	}
	return time.Unix(int64(days)*86400, 0).UTC().AppendFormat(dst, "2006-01-02")
}

// appendClock appends a time of day or, for intervals, any span as h:m:s.
func appendClock(dst []byte, nanos int64) []byte {
	sec := nanos / 1e9
	dst = appendTwo(dst, sec/3600)
	dst = append(dst, ':')
	dst = appendTwo(dst, sec/60%60)
	dst = append(dst, ':')
	dst = appendTwo(dst, sec%60)
	return appendFraction(dst, nanos%1e9)
}

func appendTwo(dst []byte, n int64) []byte {
	if n < 10 {
		dst = append(dst, '0')
	}
	return strconv.AppendInt(dst, n, 10)
}

// appendTimeTZ takes a time of day apart: 40 bits of microseconds, then 24 bits
// of the zone's distance from the largest one, so that sorting by the bits sorts
// by time.
func appendTimeTZ(dst []byte, bits uint64) []byte {
	const largest = 16*3600 - 1
	dst = appendClock(dst, int64(bits>>24)*1000)
	zone := largest - int64(bits&(1<<24-1))
	sign := byte('+')
	if zone < 0 {
		sign, zone = '-', -zone
	}
	dst = appendTwo(append(dst, sign), zone/3600)
	return appendTwo(append(dst, ':'), zone/60%60)
}

// interval is an INTERVAL as it is stored.
type interval struct {
	Months, Days int32
	Micros       int64
}

func appendInterval(dst []byte, iv interval) []byte {
	start := len(dst)
	part := func(n int64, unit string) {
		if n == 0 {
			return
		}
		if len(dst) > start {
			dst = append(dst, ' ')
		}
		dst = append(strconv.AppendInt(dst, n, 10), ' ')
		dst = append(dst, unit...)
		if n != 1 && n != -1 {
			dst = append(dst, 's')
		}
	}
	part(int64(iv.Months/12), "year")
	part(int64(iv.Months%12), "month")
	part(int64(iv.Days), "day")
	if iv.Micros == 0 && len(dst) > start {
		return dst
	}
	if len(dst) > start {
		dst = append(dst, ' ')
	}
	if iv.Micros < 0 {
		dst, iv.Micros = append(dst, '-'), -iv.Micros
	}
	dst = appendClock(dst, iv.Micros/1e6*1e9)
	return appendFraction(dst, iv.Micros%1e6*1000)
}
