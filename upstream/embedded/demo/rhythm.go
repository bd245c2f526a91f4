package demo

import (
	"math/rand/v2"
	"time"
)

// rhythm says how much a sender sends when: a steady stream with a daily curve, and
// weekly campaigns.
type rhythm struct {
	daily     float64  // emails on an ordinary weekday
	curve     *[24]int // weight of each UTC hour
	weekend   float64  // emails on a Saturday or Sunday, relative to a weekday
	campaigns []campaign
}

// campaign is a weekly mailing to many recipients.
type campaign struct {
	day    time.Weekday
	hour   int
	emails float64
}

// Daily curves, as weights of the UTC hours.
var (
	flat     = [24]int{4, 4, 4, 4, 4, 4, 4, 4, 4, 4, 4, 4, 4, 4, 4, 4, 4, 4, 4, 4, 4, 4, 4, 4}
	business = [24]int{1, 1, 1, 1, 1, 2, 3, 6, 9, 10, 10, 9, 8, 9, 9, 9, 8, 7, 5, 4, 3, 2, 1, 1}
	evening  = [24]int{3, 2, 1, 1, 1, 1, 2, 3, 4, 4, 5, 5, 6, 5, 5, 6, 7, 9, 11, 12, 12, 10, 7, 5}
	morning  = [24]int{0, 0, 0, 0, 0, 2, 12, 30, 24, 12, 4, 2, 1, 1, 1, 0, 0, 0, 0, 0, 0, 0, 0, 0}
)

// volume is the share of the emails of all rhythms that is made: enough to explore, and so few
// that the gateway is soon ready.
const volume = .4

// wave is the share of a campaign sent in its first, second, third and fourth hour.
var wave = [...]float64{.46, .29, .16, .09}

// steady returns a rhythm without campaigns.
func steady(daily float64, curve *[24]int, weekend float64) rhythm {
	return rhythm{daily, curve, weekend, nil}
}

// mailings returns a rhythm of campaigns alone.
func mailings(all ...campaign) rhythm { return rhythm{0, &flat, 0, all} }

// emails returns the average numbers of emails of the steady stream and of campaigns in an hour.
func (r *rhythm) emails(at time.Time) (steady, campaigns float64) {
	sum := 0
	for _, w := range r.curve {
		sum += w
	}
	steady = volume * r.daily * float64(r.curve[at.Hour()]) / float64(sum)
	if d := at.Weekday(); d == time.Saturday || d == time.Sunday {
		steady *= r.weekend
	}
	for _, c := range r.campaigns {
		if since := at.Hour() - c.hour; c.day == at.Weekday() && since >= 0 && since < len(wave) {
			campaigns += volume * c.emails * wave[since]
		}
	}
	return steady, campaigns
}

// whole rounds n up or down at random, so that the sums of small numbers are right on
// average.
func whole(r *rand.Rand, n float64) int { return int(n + r.Float64()) }
