package model_test

import (
	"testing"

	"pgregory.net/rapid"

	"deliverygraph/graph/model"
	"deliverygraph/upstream"
)

// A relative window of a day or longer keeps its start for an hour, and is at most an hour longer than requested. A
// shorter one is exact.
func TestLongRelativeWindowsStartOnTheHour(t *testing.T) {
	t.Parallel()
	rapid.Check(t, func(t *rapid.T) {
		now := upstream.Time(rapid.Int64Range(0, 4e9).Draw(t, "now"))
		d := model.Duration{
			Days: rapid.IntRange(0, 40).Draw(t, "days"), Seconds: rapid.Int64Range(1, 200_000).Draw(t, "seconds"),
		}
		w, exact := d.UpTo(now), d.Before(now)
		switch {
		case w.End != now:
			t.Errorf("it ends %d before now", now-w.End)
		case now-exact < 86400 && w.Start != exact:
			t.Errorf("a short window starts %d s early", exact-w.Start)
		case now-exact >= 86400 && (w.Start%3600 != 0 || w.Start > exact || exact-w.Start >= 3600):
			t.Errorf("it starts at %d, requested was %d", w.Start, exact)
		}
	})
}
