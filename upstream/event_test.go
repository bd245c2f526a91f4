package upstream_test

import (
	"testing"

	"deliverygraph/upstream"
)

// Each filter matches the row that has its value, and no other row.
func TestEachFilterMatchesItsValue(t *testing.T) {
	t.Parallel()
	hour := upstream.Window{Start: 3600, End: 7200}
	bounce := (&upstream.Bounce{
		UserID: 1, SenderID: 2, EmailID: "e", EmailAddress: "a@example.com", Local: "a", Domain: "example.com",
		BounceTime: 3600, ProcessTime: 3000,
		Type: upstream.Soft, Category: "other", XHeaders: []upstream.Header{{Name: "X-Campaign", Value: "Spring"}},
	}).Event()
	email := (&upstream.Email{UserID: 1, ProcessTime: 3600, Delivered: true}).Event()
	blocked := (&upstream.BlockedEmail{UserID: 1, ProcessTime: 3600, Reason: "manual"}).Event()
	header := func(name, value string) upstream.ListQuery {
		return upstream.ListQuery{Window: hour, XHeaders: []upstream.Header{{Name: name, Value: value}}}
	}
	for name, c := range map[string]struct {
		row     upstream.Event
		yes, no upstream.ListQuery
	}{
		"window": {
			bounce, upstream.ListQuery{Window: hour}, upstream.ListQuery{Window: upstream.Window{Start: 0, End: 3600}},
		},
		"user": {
			bounce, upstream.ListQuery{Window: hour, UserID: 1}, upstream.ListQuery{Window: hour, UserID: 2},
		},
		"sender": {
			bounce, upstream.ListQuery{Window: hour, SenderID: 2}, upstream.ListQuery{Window: hour, SenderID: 1},
		},
		"domain": {
			bounce, upstream.ListQuery{Window: hour, Domain: "example.com"},
			upstream.ListQuery{Window: hour, Domain: "example"},
		},
		"local": {
			bounce, upstream.ListQuery{Window: hour, Local: "a"}, upstream.ListQuery{Window: hour, Local: "A"},
		},
		"recipient": {
			bounce, upstream.ListQuery{Window: hour, Recipient: "a@example.com"},
			upstream.ListQuery{Window: hour, Recipient: "b@example.com"},
		},
		"domain's case": {
			bounce, upstream.ListQuery{Window: hour, Domain: "Example.COM"},
			upstream.ListQuery{Window: hour, Domain: "Example.ORG"},
		},
		"address's case": {
			bounce, upstream.ListQuery{Window: hour, Recipient: "a@Example.COM"},
			upstream.ListQuery{Window: hour, Recipient: "A@example.com"},
		},
		"header name": {bounce, header("x-campaign", "Spring"), header("x-camp", "Spring")},
		"header":      {bounce, header("X-Campaign", "Spring"), header("X-Campaign", "spring")},
		"type": {
			bounce, upstream.ListQuery{Window: hour, BounceType: upstream.Soft},
			upstream.ListQuery{Window: hour, BounceType: upstream.Hard},
		},
		"category": {
			bounce, upstream.ListQuery{Window: hour, BounceCategory: "other"},
			upstream.ListQuery{Window: hour, BounceCategory: "oth"},
		},
		"delivered": {
			email, upstream.ListQuery{Window: hour, Delivered: true},
			upstream.ListQuery{Window: hour, BounceType: upstream.Soft},
		},
		"reason": {
			blocked, upstream.ListQuery{Window: hour, BlockedReason: "manual"},
			upstream.ListQuery{Window: hour, Delivered: true},
		},
	} {
		if !c.row.Matches(c.yes) || c.row.Matches(c.no) {
			t.Errorf("%s: %v and %v, want true and false", name, c.row.Matches(c.yes), c.row.Matches(c.no))
		}
	}
}

func TestOrderAndTally(t *testing.T) {
	t.Parallel()
	sorted := []upstream.Identity{
		{Time: 1, EmailID: "z", Recipient: "z"}, {Time: 2, EmailID: "a", Recipient: "z"},
		{Time: 2, EmailID: "b", Recipient: "a"}, {Time: 2, EmailID: "b", Recipient: "b"},
	}
	for i := 1; i < len(sorted); i++ {
		a, b := upstream.Event{Identity: sorted[i-1]}, upstream.Event{Identity: sorted[i]}
		if a.Compare(b) >= 0 || a.Same(b) {
			t.Errorf("row %d does not come before row %d", i-1, i)
		}
	}
	r := upstream.Event{Identity: upstream.Identity{UserID: 1, SenderID: 2}, Own: upstream.Own{BounceType: upstream.Hard}}
	if r.Same(upstream.Event{Identity: upstream.Identity{UserID: 1, SenderID: 3}}) || !r.Same(r) {
		t.Error("rows of two senders are the same, or a row differs from itself")
	}
	if r.ID(upstream.ByUser) != 1 || r.ID(upstream.BySender) != 2 {
		t.Errorf("ids %d and %d, want 1 and 2", r.ID(upstream.ByUser), r.ID(upstream.BySender))
	}
	if got, want := r.Tally(), (upstream.Tally{Total: 1, Hard: 1}); got != want {
		t.Errorf("tally %+v, want %+v", got, want)
	}
}
