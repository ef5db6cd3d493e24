package extjson

// parseDate reads YYYY-MM-DDTHH:MM:SS, a fraction of one to nine digits or none,
// and a zone: Z, ±HH:MM, ±HHMM (builds of MongoDB 2.x and 3.x) or ±HH. It
// returns milliseconds since the Unix epoch; digits beyond are cut off, as BSON
// has no place for them.
func parseDate(s []byte) (ms int64, ok bool) {
	if len(s) < 20 || s[4] != '-' || s[7] != '-' || s[10] != 'T' || s[13] != ':' || s[16] != ':' {
		return 0, false
	}
	year := two(s, 0)*100 + two(s, 2)
	month, day := two(s, 5), two(s, 8)
	hour, minute, second := two(s, 11), two(s, 14), two(s, 17)
	// A pair that is not two digits is at least 1000, and so is its year.
	if year > 9999 || month-1 > 11 || hour > 23 || minute > 59 || second > 59 || day-1 >= monthDays(year, month) {
		return 0, false
	}
	fraction, i := uint(0), 19
	if s[i] == '.' {
		first := i + 1
		for i = first; i < len(s) && s[i]-'0' <= 9; i++ {
			if i < first+3 {
				fraction = fraction*10 + uint(s[i]-'0')
			}
		}
		digits := i - first
		if digits == 0 || digits > 9 {
			return 0, false
		}
		for ; digits < 3; digits++ {
			fraction *= 10
		}
	}
	offset, ok := parseZone(s[i:])
	if !ok {
		return 0, false
	}
	seconds := days(year, month, day)*86400 + int64(hour*3600+minute*60+second) - offset
	return seconds*1000 + int64(fraction), true
}

// parseZone returns the offset of a zone in seconds east of Greenwich.
func parseZone(s []byte) (int64, bool) {
	if len(s) == 1 && s[0] == 'Z' {
		return 0, true
	}
	if len(s) < 3 || s[0] != '+' && s[0] != '-' {
		return 0, false
	}
	hours, minutes := two(s, 1), uint(0)
	switch {
	case len(s) == 3:
	case len(s) == 5:
		minutes = two(s, 3)
	case len(s) == 6 && s[3] == ':':
		minutes = two(s, 4)
	default:
		return 0, false
	}
	if hours > 23 || minutes > 59 {
		return 0, false
	}
	offset := int64(hours*3600 + minutes*60)
	if s[0] == '-' {
		offset = -offset
	}
	return offset, true
}

// two reads two digits, or returns something from 1000 on.
func two(s []byte, i int) uint {
	tens, ones := uint(s[i]-'0'), uint(s[i+1]-'0')
	if tens > 9 || ones > 9 {
		return 10000
	}
	return tens*10 + ones
}

// monthDays returns the length of a month of the Gregorian calendar.
func monthDays(year, month uint) uint {
	switch month {
	case 4, 6, 9, 11:
		return 30
	case 2:
		if year%4 == 0 && (year%100 != 0 || year%400 == 0) {
			return 29
		}
		return 28
	}
	return 31
}

// days counts the days from 1970-01-01 to a date of the Gregorian calendar. Its
// years begin in March, so that the leap day is the last of its year and the
// months before it have lengths of one linear pattern.
func days(year, month, day uint) int64 {
	y, m := int64(year), int64(month)
	if m <= 2 {
		y--
		m += 12
	}
	// Year 0 is a leap year, and January 0000 belongs to the year -1.
	era := (y + 400) / 400
	yearOfEra := y + 400 - era*400
	dayOfYear := (153*(m-3)+2)/5 + int64(day) - 1
	return era*146097 + yearOfEra*365 + yearOfEra/4 - yearOfEra/100 + dayOfYear - 719468 - 146097
}

// civil is the inverse of days.
func civil(n int64) (year, month, day int) {
	n += 719468
	era := n / 146097
	if n < 0 {
		era = (n - 146096) / 146097
	}
	dayOfEra := n - era*146097
	yearOfEra := (dayOfEra - dayOfEra/1460 + dayOfEra/36524 - dayOfEra/146096) / 365
	dayOfYear := dayOfEra - (365*yearOfEra + yearOfEra/4 - yearOfEra/100)
	m := (5*dayOfYear + 2) / 153
	day = int(dayOfYear - (153*m+2)/5 + 1)
	year = int(yearOfEra + era*400)
	if m += 3; m > 12 {
		m -= 12
		year++
	}
	return year, int(m), day
}

// appendDate appends YYYY-MM-DDTHH:MM:SS.mmm for a moment that is offset
// seconds east of Greenwich and falls into the years 0 to 9999 there.
func appendDate(dst []byte, ms, offset int64) []byte {
	ms += offset * 1000
	day := ms / 86400000
	rest := ms - day*86400000
	if rest < 0 {
		day--
		rest += 86400000
	}
	year, month, date := civil(day)
	second := int(rest / 1000)
	milli := int(rest % 1000)
	return append(dst,
		digit(year/1000), digit(year/100%10), digit(year/10%10), digit(year%10), '-',
		digit(month/10), digit(month%10), '-', digit(date/10), digit(date%10), 'T',
		digit(second/36000), digit(second/3600%10), ':', digit(second/600%6), digit(second/60%10), ':',
		digit(second/10%6), digit(second%10), '.', digit(milli/100), digit(milli/10%10), digit(milli%10))
}

func digit(n int) byte { return byte('0' + n) }
