package cached

import (
	"testing"
	"time"

	"deliverygraph/upstream"
	"deliverygraph/upstream/upstreamtest"
)

// The memory of a list is found by callers with the same view, whatever the window, until the cache is cleared.
func TestListMemoryBelongsToOneListAndView(t *testing.T) {
	var k clock
	c, err := New(upstreamtest.NewModel(upstreamtest.Rows{}),
		Options{Bytes: DefaultBytes, Settle: time.Hour, Fresh: DefaultFresh, Now: k.now})
	if err != nil {
		t.Fatal(err)
	}
	t.Cleanup(c.Close)
	list := upstream.ListQuery{Window: upstream.Window{Start: 1, End: 2}, Offset: 500, Domain: "example.com"}.
		Question(upstream.Emails)
	c.For("1").ListMemory("all", list).Store("note", 4)
	same, other := list, list
	same.Window, same.Offset = upstream.Window{Start: 3, End: 4}, 0
	other.Domain = "example.net"
	for name, n := range map[string]struct {
		memory *ListMemory
		want   any
	}{
		"another window": {c.For("1").ListMemory("all", same), "note"},
		"another filter": {c.For("1").ListMemory("all", other), nil},
		"another view":   {c.For("1").ListMemory("users 20", list), nil},
		"another scope":  {c.For("2").ListMemory("all", list), nil},
	} {
		if got := n.memory.Load(); got != n.want {
			t.Errorf("%s: %v, want %v", name, got, n.want)
		}
	}
	c.Clear()
	if got := c.For("1").ListMemory("all", list).Load(); got != nil {
		t.Errorf("after Clear: %v", got)
	}
}

// The settled hour had settled already when the oldest answer that is still fresh was requested.
func TestListMemoryReportsTheSettledHour(t *testing.T) {
	var k clock
	c, err := New(upstreamtest.NewModel(upstreamtest.Rows{}), Options{
		Bytes: DefaultBytes, Settle: time.Hour, Sealed: 2 * time.Hour, Fresh: DefaultFresh, Now: k.now})
	if err != nil {
		t.Fatal(err)
	}
	t.Cleanup(c.Close)
	n := c.ListMemory("", upstream.Question{})
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
