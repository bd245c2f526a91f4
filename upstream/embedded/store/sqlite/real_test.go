package sqlite_test

import (
	"bufio"
	"context"
	"encoding/json"
	"errors"
	"os"
	"slices"
	"testing"

	"deliverygraph/upstream"
	"deliverygraph/upstream/embedded/store"
	"deliverygraph/upstream/embedded/store/storetest"
)

// realBounces contains bounces of 30 years of real mail. It is not part of the project.
const realBounces = "../../../../../shared/data/real-bounces.ndjson"

func TestRealBouncesAreUnchanged(t *testing.T) {
	f, err := os.Open(realBounces)
	if errors.Is(err, os.ErrNotExist) {
		t.Skip("there are no real bounces here")
	}
	if err != nil {
		t.Fatal(err)
	}
	defer f.Close()
	var b store.Batch
	lines := bufio.NewScanner(f)
	lines.Buffer(nil, 1<<20)
	for lines.Scan() {
		var x struct {
			Kind        string
			UserID      upstream.ID `json:"user_id"`
			SenderID    upstream.ID `json:"sender_id"`
			Sender      string
			EmailID     string `json:"email_id"`
			Address     string `json:"email_address"`
			Local       string
			Domain      string
			Type        upstream.BounceType `json:"bounce_type"`
			Category    string              `json:"bounce_category"`
			Code        string              `json:"bounce_code"`
			BounceTime  upstream.Time       `json:"bounce_time"`
			ProcessTime upstream.Time       `json:"process_time"`
			Diagnostic  string              `json:"diagnostic_code"`
			Rule        string              `json:"regex_name"`
			Content     string              `json:"full_content"`
			Delivered   bool
		}
		if err := json.Unmarshal(lines.Bytes(), &x); err != nil {
			t.Fatal(err)
		}
		switch x.Kind {
		case "sender":
			b.Senders = append(b.Senders, store.Sender{UserID: x.UserID, SenderID: x.SenderID, Address: x.Sender})
		case "email":
			b.Emails = append(b.Emails, upstream.Email{UserID: x.UserID, SenderID: x.SenderID, EmailID: x.EmailID,
				EmailAddress: x.Address, Local: x.Local, Domain: x.Domain, ProcessTime: x.ProcessTime,
				Delivered: x.Delivered})
		case "bounce":
			b.Bounces = append(b.Bounces, upstream.BounceDetail{Bounce: upstream.Bounce{UserID: x.UserID,
				SenderID: x.SenderID, EmailID: x.EmailID,
				EmailAddress: x.Address, Local: x.Local, Domain: x.Domain, Type: x.Type, Category: x.Category,
				Code:       x.Code,
				BounceTime: x.BounceTime, ProcessTime: x.ProcessTime},
				DiagnosticCode: x.Diagnostic, RuleName: x.Rule, FullContent: x.Content})
		}
	}
	if err := lines.Err(); err != nil {
		t.Fatal(err)
	}
	ctx := context.Background()
	s, o := open(t, ""), &storetest.Model{}
	if got, want := storetest.Write(t, s, b), o.Write(b); got != want || len(b.Bounces) == 0 {
		t.Fatalf("Write says %+v, want %+v", got, want)
	}
	for _, want := range b.Bounces {
		got, err := storetest.API(s).Bounce(ctx, want.Key())
		if err != nil {
			t.Fatal(err)
		}
		if d := storetest.Diff(want, got); d != "" {
			t.Error(d)
		}
		q := upstream.ListQuery{Window: upstream.Window{Start: want.BounceTime, End: want.BounceTime + 1},
			Recipient: want.EmailAddress, Domain: want.Domain, BounceCategory: want.Category, BounceType: want.Type}
		if rows := storetest.Must[[]upstream.Bounce](t)(storetest.API(s).Bounces(ctx, q)); !slices.ContainsFunc(rows,
			func(r upstream.Bounce) bool { return r.Key() == want.Key() }) {
			t.Errorf("%+v lists %v", q, rows)
		}
	}
	for _, k := range upstream.Kinds {
		q := upstream.CountQuery{Window: storetest.Ever, Interval: upstream.Day}
		storetest.Same(t, s, o, nil, q.Question(k))
	}
}
