package queue_test

import (
	"fmt"
	"strings"
	"testing"
	"time"

	"deliverygraph/upstream/embedded/importer/format"
	"deliverygraph/upstream/embedded/importer/format/queue"
)

func TestOldestIsTheMessageWithTheOldestLastLine(t *testing.T) {
	q := queue.New[int](2500)
	a, b := q.Add("mx", "A", 1000), q.Add("mx", "B", 1000)
	q.Touch(a)
	if q.Oldest() != b || q.Full() {
		t.Errorf("the oldest is %s, and full is %v", q.Oldest().ID, q.Full())
	}
	q.Attempt(b, q.Recipient(b, []byte("to@example.com"), nil), queue.Deferred, 2000, "4.0.0",
		strings.Repeat("x", 2000))
	if !q.Full() {
		t.Error("a queue with a long text is not full")
	}
	q.Settle(b, 0)
	if q.Full() {
		t.Error("a text that is not needed any more takes memory")
	}
	q.Drop(b)
	q.Drop(b)
	q.Drop(a)
	if q.Oldest() != nil || q.Full() || q.Has("A") {
		t.Error("messages are left")
	}
}

func TestALineFromTheFutureDropsNoMessages(t *testing.T) {
	q := queue.New[int](queue.MaxBytes)
	now := time.Now().UnixMilli()
	q.Add("mx", "A", now)
	const future = 4e12 // in 2096
	q.Leave(q.Add("mx", "B", future), future)
	saved := map[string]string{}
	q.Save(func(key, value string) { saved[key] = value })
	if saved["mx/A"] == "" || q.Find("mx", []byte("A")) == nil {
		t.Errorf("saved %q", saved)
	}
}

func TestMessagesThatHaveLeftAreRememberedForAWhile(t *testing.T) {
	q := queue.New[int](queue.MaxBytes)
	const n = 10_000
	for i := range n {
		q.Leave(q.Add("mx", fmt.Sprint(i), 1000), 2000)
	}
	known := 0
	for i := range n {
		if m := q.Find("mx", []byte(fmt.Sprint(i))); m != nil {
			known++
			if m.Gone != 2000 {
				t.Fatalf("message %d left at %d", i, m.Gone)
			}
		}
	}
	if known != 4096 || !q.Has("9999") || q.Has("0") || q.Oldest() != nil {
		t.Errorf("%d messages are remembered", known)
	}
	m := q.Add("mx", "large", 1000)
	for i := range 50_000 {
		q.Recipient(m, fmt.Appendf(nil, "%d@example.com", i), nil)
	}
	if q.Leave(m, 2000); q.Has("large") {
		t.Error("a message with very many recipients is remembered")
	}
}

func TestRecipientsKeepTheirPlaces(t *testing.T) {
	q := queue.New[int](queue.MaxBytes)
	m := q.Add("mx.example.com", "4B1ED9C4292", 1479772800999)
	for range 2 {
		for i := range 100 {
			if got := q.Recipient(m, fmt.Appendf(nil, "%d@example.com", i/2),
				fmt.Appendf(nil, "alias%d", i%2)); got != i {
				t.Fatalf("recipient %d has the place %d", i, got)
			}
		}
	}
	r := m.Record(99, format.Delivered, 1479772801001)
	if r.Recipient != "49@example.com" || r.EmailID != "20161122000000.4B1ED9C4292-2f16ef31@mx" ||
		r.Processed != 1479772800 || r.Time != 1479772801 {
		t.Errorf("got %+v", r)
	}
	if r := m.Record(q.Recipient(m, []byte("to@example.com"), []byte("alias@example.org")), format.Delivered,
		1); r.Recipient != "alias@example.org" {
		t.Errorf("got %+v", r)
	}
}
