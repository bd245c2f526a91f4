package importer

import "time"

// WithClock replaces the clock of an import.
func WithClock(o Options, now func() time.Time) Options {
	o.now = now
	return o
}

// Table says for each field whether a sender, an email, a bounce and a blocked email must have it (R), may have it (o),
// or must not have it (empty).
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
