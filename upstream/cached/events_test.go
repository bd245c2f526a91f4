package cached

import (
	"fmt"
	"sync"
	"time"

	"deliverygraph/upstream"
	"deliverygraph/upstream/embedded/store"
	"deliverygraph/upstream/upstreamtest"
)

// midnight is one of the tests' days.
const midnight = upstreamtest.SampleDay

// clock is a clock that a test moves. Its zero value stands at midnight.
type clock struct {
	mu    sync.Mutex
	after time.Duration // midnight
}

func (c *clock) now() time.Time {
	c.mu.Lock()
	defer c.mu.Unlock()
	return midnight.UTC().Add(c.after)
}

func (c *clock) set(after time.Duration) {
	c.mu.Lock()
	defer c.mu.Unlock()
	c.after = after
}

func (c *clock) add(d time.Duration) {
	c.mu.Lock()
	defer c.mu.Unlock()
	c.after += d
}

// at returns the time that is d after midnight.
func at(d time.Duration) upstream.Time { return midnight + upstream.Time(d/time.Second) }

// senders are two senders of each of three users. The last one has no address.
var senders = []store.Sender{
	{UserID: 1, SenderID: 10, Address: "sender10@example.com"},
	{UserID: 1, SenderID: 11, Address: "sender11@example.com"},
	{UserID: 2, SenderID: 20, Address: "sender20@example.com"},
	{UserID: 2, SenderID: 21, Address: "sender21@example.com"},
	{UserID: 3, SenderID: 30, Address: "sender30@example.com"},
	{UserID: 3, SenderID: 31},
}

// eventAt returns an email, a bounce and a blocked email of one sender; n makes them unique.
func eventAt(t upstream.Time, s store.Sender, n int) upstreamtest.Rows {
	id := fmt.Sprintf("%s.%06d@mail6-40", t.UTC().Format("20060102150405"), n)
	return upstreamtest.RowsOf(store.Event{
		Identity: upstream.Identity{
			Time: t, EmailID: id, Recipient: "r@example.com", UserID: s.UserID, SenderID: s.SenderID,
		},
		Local: "r", Domain: "example.com",
		Own: store.Own{
			ProcessTime: t, Reason: "manual",
			Type: []upstream.BounceType{upstream.Hard, upstream.Soft, upstream.Soft}[n%3],
		},
	})
}

// everyTenMinutes returns an event every ten minutes of these hours from midnight, of the senders in turn.
func everyTenMinutes(from, to int) upstreamtest.Rows { return every(10*time.Minute, from, to) }

func every(step time.Duration, from, to int) upstreamtest.Rows {
	rows := upstreamtest.Rows{Senders: senders}
	n := 0
	for d := time.Duration(from) * time.Hour; d < time.Duration(to)*time.Hour; d += step {
		rows.Append(eventAt(at(d), senders[n%len(senders)], n))
		n++
	}
	return rows
}
