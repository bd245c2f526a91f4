package upstream_test

import (
	"errors"
	"testing"
	"time"

	"pgregory.net/rapid"

	. "deliverygraph/upstream"
)

func TestWindowsAreHalfOpen(t *testing.T) {
	t.Parallel()
	w, err := NewWindow(10, 20)
	if err != nil {
		t.Fatal(err)
	}
	for at, want := range map[Time]bool{9: false, 10: true, 19: true, 20: false} {
		if w.Contains(at) != want {
			t.Errorf("%d is in the window: %v, want %v", at, !want, want)
		}
	}
	for _, start := range []Time{20, 21} {
		_, err := NewWindow(start, 20)
		if e := (*Error)(nil); !errors.As(err, &e) || e.Code != InvalidArgument || e.Parameter != "end_time" {
			t.Errorf("a window from %d to 20: %v", start, err)
		}
	}
}

// Buckets agree with package time.
func TestBucketsAreHoursAndDaysInUTC(t *testing.T) {
	t.Parallel()
	rapid.Check(t, func(t *rapid.T) {
		at := Time(rapid.Int64Range(-62167219200, 253402300799).Draw(t, "time"))
		u := at.UTC()
		if got, want := Day.Floor(at).UTC(), time.Date(u.Year(), u.Month(), u.Day(), 0, 0, 0, 0,
			time.UTC); !got.Equal(want) {
			t.Fatalf("the day of %v is %v, want %v", u, got, want)
		}
		if got, want := Hour.Floor(at).UTC(),
			time.Date(u.Year(), u.Month(), u.Day(), u.Hour(), 0, 0, 0, time.UTC); !got.Equal(want) {
			t.Fatalf("the hour of %v is %v, want %v", u, got, want)
		}
	})
}
