package importer

import "time"

// WithClock replaces the clock of an import.
func WithClock(o Options, now func() time.Time) Options {
	o.now = now
	return o
}

// Table says for each field whether a sender, an email, a bounce, a blocked email and an account must have it (R), may
// have it (o), or must not have it (empty).
func Table() map[string][5]string {
	m := map[string][5]string{}
	for _, f := range fields {
		var marks [5]string
		for i, k := range []kinds{sender, email, bounce, blockedEmail, account} {
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
