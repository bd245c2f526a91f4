package cached

import (
	"testing"
	"time"

	"deliverygraph/upstream"
	"deliverygraph/upstream/upstreamtest"
)

// Notes are found by the same callers on the same list, whatever its window, until the cache forgets.
func TestNotesBelongToOneListAndView(t *testing.T) {
	var k clock
	c, err := New(upstreamtest.NewModel(upstreamtest.Rows{}),
		Options{Bytes: DefaultBytes, Settle: time.Hour, Fresh: DefaultFresh, Now: k.now})
	if err != nil {
		t.Fatal(err)
	}
	t.Cleanup(c.Close)
	list := upstream.Question{Kind: upstream.Emails, Window: upstream.Window{Start: 1, End: 2}, Offset: 500}
	list.Domain = "example.com"
	c.For("1").Notes("all", list).Store("note", 4)
	same, other := list, list
	same.Window, same.Offset = upstream.Window{Start: 3, End: 4}, 0
	other.Domain = "example.net"
	for name, n := range map[string]struct {
		notes *Notes
		want  any
	}{
		"another window": {c.For("1").Notes("all", same), "note"},
		"another filter": {c.For("1").Notes("all", other), nil},
		"another view":   {c.For("1").Notes("users 20", list), nil},
		"another scope":  {c.For("2").Notes("all", list), nil},
	} {
		if got := n.notes.Load(); got != n.want {
			t.Errorf("%s: %v, want %v", name, got, n.want)
		}
	}
	c.Clear()
	if got := c.For("1").Notes("all", list).Load(); got != nil {
		t.Errorf("after Clear: %v", got)
	}
}

// The settled hour is one that had settled when the oldest answer that is still fresh was asked for.
func TestNotesKnowWhatHasSettled(t *testing.T) {
	var k clock
	c, err := New(upstreamtest.NewModel(upstreamtest.Rows{}), Options{
		Bytes: DefaultBytes, Settle: time.Hour, Sealed: 2 * time.Hour, Fresh: DefaultFresh, Now: k.now})
	if err != nil {
		t.Fatal(err)
	}
	t.Cleanup(c.Close)
	n := c.Notes("", upstream.Question{})
	for after, want := range map[time.Duration]time.Duration{
		0: -2 * time.Hour, 4 * time.Second: -2 * time.Hour, DefaultFresh: -time.Hour,
		time.Hour: -time.Hour, time.Hour + DefaultFresh: 0,
	} {
		k.set(after)
		before, now, since := n.Settled()
		if before != at(want) || !now.Equal(k.now()) || now.Sub(since) != 2*time.Hour {
			t.Errorf("after %v: before %v, now %v, since %v", after, before.UTC(), now, since)
		}
	}
}
