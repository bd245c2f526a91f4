package demo

import (
	"context"
	"testing"
	"testing/synctest"
	"time"

	"deliverygraph/upstream"
	"deliverygraph/upstream/embedded/store"
)

func TestLiveBouncesFollowTheirEmails(t *testing.T) {
	t.Parallel()
	synctest.Test(t, func(t *testing.T) {
		like := store.Batch{
			Emails: []upstream.Email{
				{UserID: 21, SenderID: 211, EmailAddress: "a@example.com", EmailID: "x"},
				{UserID: 21, SenderID: 211, EmailAddress: "b@example.com", EmailID: "y", Delivered: true},
			},
			Bounces: []upstream.BounceDetail{{Bounce: upstream.Bounce{
				UserID: 21, SenderID: 211, EmailAddress: "a@example.com", Local: "a", Domain: "example.com",
				BounceTime: 5, EmailID: "x",
			}}},
		}
		ctx, cancel := context.WithCancel(t.Context())
		var all []store.Batch
		err := Live(ctx, 4*time.Second, like, func(_ context.Context, b store.Batch) error {
			if all = append(all, b); len(all) == 3 {
				cancel()
			}
			return nil
		})
		if err != nil || len(all) != 3 {
			t.Fatalf("%d, %v", len(all), err)
		}
		seen := map[string]bool{}
		for _, b := range all {
			bounce, email := b.Bounces[0], b.Emails[0]
			matches := bounce.EmailID == email.EmailID && bounce.EmailAddress == "a@example.com"
			if bounce.BounceTime <= email.ProcessTime || !matches || seen[bounce.EmailID] {
				t.Errorf("%+v", b)
			}
			seen[bounce.EmailID] = true
			// A rate of bounces above a thirtieth would look like an incident.
			if len(b.Emails) <= 30*len(b.Bounces) {
				t.Errorf("%d emails with %d bounces", len(b.Emails), len(b.Bounces))
			}
			for _, e := range b.Emails[1:] {
				if !e.Delivered || e.EmailAddress != "b@example.com" || e.ProcessTime != bounce.BounceTime ||
					seen[e.EmailID] {
					t.Errorf("%+v", e)
				}
				seen[e.EmailID] = true
			}
		}
	})
}
