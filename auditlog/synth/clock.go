package synth

import "time"

// clock tells when the next event happens, in microseconds since 1970.
type clock struct {
	now  int64
	mean int64 // microseconds between two events, as a mean
	even bool  // at every hour the same
}

// gaps are the 64 quantiles of an exponential distribution with mean 1024: the
// time from one arrival to the next. They are written out because logarithms
// are not the same to the last bit on every machine.
var gaps = [64]int64{
	4995, 3864, 3338, 2992, 2733, 2527, 2355, 2207, 2079, 1964, 1861, 1767, 1681, 1602, 1529, 1460,
	1396, 1335, 1278, 1224, 1172, 1123, 1076, 1032, 989, 947, 908, 870, 833, 797, 763, 730,
	698, 666, 636, 607, 578, 550, 523, 497, 471, 446, 421, 398, 374, 351, 329, 307,
	286, 265, 244, 224, 204, 184, 165, 147, 128, 110, 93, 75, 58, 41, 24, 8,
}

// day is how busy each hour is (UTC), in hundredths of the mean: the working
// day of one company, over the floor of services that never sleep.
var day = [24]int64{
	40, 36, 34, 34, 36, 46, 70, 110, 158, 184, 190, 180,
	150, 166, 182, 176, 160, 134, 106, 84, 72, 64, 54, 46,
}

const (
	second = int64(time.Second / time.Microsecond)
	hour   = 3600 * second
)

// busy returns how busy the present moment is, in ten-thousandths of the mean.
func (c *clock) busy() int64 {
	h, part := c.now/hour, c.now%hour
	from, to := day[h%24], day[(h+1)%24]
	level := (from*(hour-part) + to*part) / (hour / 100)
	if weekday := (h/24 + 4) % 7; weekday == 0 || weekday == 6 {
		level = level*2/5 + 1000
	}
	return level
}

func (c *clock) tick(chance chance) {
	gap := c.mean * gaps[chance.n(len(gaps))]
	if !c.even {
		gap = gap / c.busy() * 10_000
	}
	c.now += gap / 1024
}

// night says whether nobody should be working.
func (c *clock) night() bool {
	h := c.now / hour % 24
	return h >= 1 && h < 5
}
