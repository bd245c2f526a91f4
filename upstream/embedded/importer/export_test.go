package importer

import "time"

// WithClock returns an import another clock.
func WithClock(o Options, now func() time.Time) Options {
	o.now = now
	return o
}

// Table is for each field what a sender, an email, a bounce and a blocked email have to
// do with it: R must have it, o may, nothing may not.
func Table() map[string][4]string {
	m := map[string][4]string{}
	for _, f := range fields {
		var marks [4]string
		for i, k := range []kinds{sender, email, bounce, blockedEmail} {
			switch {
			case f.required&k != 0:
				marks[i] = "R"
			case f.in&k != 0:
				marks[i] = "o"
			}
		}
		m[f.name] = marks
	}
	return m
}
