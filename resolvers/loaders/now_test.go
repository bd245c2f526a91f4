package loaders_test

import (
	"testing"
	"time"

	"deliverygraph/resolvers/loaders"
	"deliverygraph/upstream"
)

func TestNowIsSharedByTheClock(t *testing.T) {
	t.Parallel()
	at := func(seconds float64) time.Time { return time.Unix(0, int64(seconds*1e9)) }
	for _, c := range []struct {
		at, shared float64
		now        upstream.Time
		until      float64
	}{
		{1004.9, 5, 1005, 1005}, {1005, 5, 1005, 1005}, {1005.001, 5, 1010, 1010}, {1009.999, 5, 1010, 1010},
		{1004, 0, 1004, 1004},
		{1004.9, 0, 1005, 1004.9}, {1004.9, 0.9, 1005, 1004.9}, // nothing is shared
		{1004.9, 1.9, 1005, 1005}, {1004.9, 60, 1020, 1020},
	} {
		now, until := loaders.Now(at(c.at), time.Duration(c.shared*1e9))
		if now != c.now || !until.Equal(at(c.until)) {
			t.Errorf("at %v, shared for %v s: %d until %v, want %d until %v", c.at, c.shared, now, until, c.now,
				at(c.until))
		}
	}
}
