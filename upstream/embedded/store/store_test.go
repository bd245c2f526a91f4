package store

import (
	"context"
	"testing"

	"deliverygraph/upstream"
)

func TestARowWrittenIsListed(t *testing.T) {
	ctx := context.Background()
	s, err := Open(ctx, Options{})
	if err != nil {
		t.Fatal(err)
	}
	defer s.Close()
	e := upstream.Email{UserID: 20, SenderID: 23, EmailID: "a", EmailAddress: "r@example.com", Local: "r", Domain: "example.com", ProcessTime: 5}
	w, err := s.Write(ctx, Batch{Emails: []upstream.Email{e}, Senders: []Sender{{20, 23, "s@example.com"}}})
	if err != nil || w.New != 2 {
		t.Fatal(w, err)
	}
	got, err := s.Emails(ctx, nil, upstream.ListQuery{Window: upstream.Window{Start: 5, End: 6}})
	if err != nil || len(got) != 1 {
		t.Fatal(got, err)
	}
	c, err := s.Counts(ctx, []upstream.ID{20}, upstream.Emails, upstream.CountQuery{Window: upstream.Window{Start: 5, End: 6}})
	if err != nil || len(c) != 1 || c[0].Sender != "s@example.com" {
		t.Fatal(c, err)
	}
}
