package auth_test

import (
	"context"
	"errors"
	"fmt"
	"strings"
	"testing"

	"pgregory.net/rapid"

	"deliverygraph/internal/auth"
	"deliverygraph/upstream"
	"deliverygraph/upstream/upstreamtest"
)

// Callers who may not read addresses cannot try them out: no call is made, and the error names argument and scope.
func TestMaskedAddressesCannotBeSearchedFor(t *testing.T) {
	t.Parallel()
	model := &upstreamtest.Counting{API: upstreamtest.NewModel(letters())}
	header := func(v string) upstream.HeaderFilters {
		return upstream.HeaderFilters{{Name: "X-Campaign", Value: "spring"}, {Name: "X-To", Value: v}}
	}
	const value = "filter.xHeaders[1].value"
	for name, c := range map[string]struct {
		q       upstream.ListQuery
		refused string // the argument
	}{
		"by address":    {upstream.ListQuery{Recipient: "omar.klein@pots.example"}, "filter.recipient"},
		"by local part": {upstream.ListQuery{Local: "omar.klein"}, "filter.localPart"},
		"by local part and domain": {
			upstream.ListQuery{Local: "omar.klein", Domain: "pots.example"}, "filter.localPart",
		},
		"by a header with an address": {upstream.ListQuery{XHeaders: header("omar.klein@pots.example")}, value},
		"by an encoded address":       {upstream.ListQuery{XHeaders: header("?a=omar.klein%40pots.example")}, value},
		"by a return path":            {upstream.ListQuery{XHeaders: header("bounce-omar.klein=pots.example")}, value},
		"by both halves, apart":       {upstream.ListQuery{XHeaders: header("pots.example/omar.klein")}, value},
		"by both halves, with a name": {
			upstream.ListQuery{XHeaders: header("Omar Klein, omar.klein at pots.example")}, value,
		},
		"by base64": {
			upstream.ListQuery{XHeaders: header("b21hci5rbGVpbkBwb3RzLmV4YW1wbGU=")}, value,
		},
		"by a header's name": {
			upstream.ListQuery{XHeaders: upstream.HeaderFilters{{Name: "X-omar.klein%40pots.example", Value: "1"}}},
			"filter.xHeaders[0].name",
		},
		"by a sender of a return path": {
			upstream.ListQuery{Sender: "bounces+omar.klein=pots.example@shop.example.com"}, "filter.sender",
		},
		"by a domain that is none": {upstream.ListQuery{Domain: "omar.klein=pots.example"}, "filter.domain"},
		"by a category that is none": {
			upstream.ListQuery{BounceCategory: "omar.klein@pots.example"}, "filter.category",
		},
		"by a reason that is none":     {upstream.ListQuery{BlockedReason: "omar.klein@pots.example"}, "filter.reason"},
		"by domain":                    {upstream.ListQuery{Domain: "pots.example"}, ""},
		"by sender":                    {upstream.ListQuery{Sender: "first.last@shop.example.com"}, ""},
		"by a header":                  {upstream.ListQuery{XHeaders: header("spring")}, ""},
		"by a header with an equation": {upstream.ListQuery{XHeaders: header("a=b")}, ""},
	} {
		c.q.Window = letterBox.Window
		for _, scopes := range []auth.Scopes{metrics | content, metrics, metrics | recipients} {
			refused := c.refused != "" && !scopes.Has(recipients)
			api := limit(model, auth.Caller{Users: auth.Everyone(), Scopes: scopes}, auth.NewMask(""))
			model.Reset()
			for _, k := range upstream.Kinds {
				_, err := api.Ask(t.Context(), upstreamtest.Question(k, c.q))
				var u *upstream.Error
				if denied := errors.As(err, &u) && u.Code == upstream.PermissionDenied &&
					strings.Contains(u.Message, "recipients:read") && strings.Contains(u.Message, c.refused) &&
					u.Parameter == c.refused; denied != refused || !refused && err != nil {
					t.Errorf("%s with %v: %v", name, scopes, err)
				}
			}
			if (model.Total() == 0) != refused {
				t.Errorf("%s with %v: %d calls", name, scopes, model.Total())
			}
		}
	}
}

// A header's value is either shown and can be searched for, or masked; then a right guess is refused or finds no rows,
// like a wrong guess.
func TestGuessesOfMaskedHeadersFindNothing(t *testing.T) {
	t.Parallel()
	rapid.Check(t, func(t *rapid.T) {
		piece := rapid.SampledFrom([]string{
			"omar", "pots", ".example", "omar.klein", "pots.example", "mailhost", "@", "=", "%40", " ", "-", "/",
			"spring", "1", "(at)", "!",
		})
		value := strings.Join(rapid.SliceOfN(piece, 1, 5).Draw(t, "value"), "")
		local, domain := rapid.SampledFrom([]string{"omar", "omar.klein", "1"}).Draw(t, "local"),
			rapid.SampledFrom([]string{"pots.example", "mailhost", "pots"}).Draw(t, "domain")
		row := upstream.Email{
			UserID: 20, SenderID: 200, EmailID: "20161122000000.1", EmailAddress: local + "@" + domain, Local: local,
			Domain: domain, ProcessTime: day, XHeaders: []upstream.Header{{Name: "X-To", Value: value}},
		}
		api := limit(upstreamtest.NewModel(upstreamtest.Rows{Emails: []upstream.Email{row}}),
			auth.Caller{Users: auth.Everyone(), Scopes: metrics}, auth.NewMask(""))
		rows, err := api.Emails(context.Background(), letterBox)
		if err != nil || len(rows) != 1 {
			t.Fatalf("%d rows, %v", len(rows), err)
		}
		shown := rows[0].XHeaders[0].Value == value
		q := letterBox
		q.XHeaders = upstream.HeaderFilters{{Name: "x-to", Value: value}}
		found, err := api.Emails(context.Background(), q)
		if shown != (len(found) == 1) || shown && err != nil ||
			err != nil && upstream.CodeOf(err) != upstream.PermissionDenied {
			t.Errorf("%q of %s@%s is shown as %q, and looking for it finds %d rows, %v", value, local, domain,
				rows[0].XHeaders[0].Value, len(found), err)
		}
	})
}

// Email ids that contain an address appear as pseudonyms: the same in each answer, and beginning with the same time.
// Bounces can be found by the pseudonym, but not by the id itself.
func TestEmailIDsAreMasked(t *testing.T) {
	t.Parallel()
	const plain, path = "20161122000000.125874958762@mail6-40-ussnn1",
		"20161122000000.7.bounces+omar.klein=pots.example@mail6"
	var rows upstreamtest.Rows
	for i := range 1200 { // more than a page in one second
		id, local := plain+fmt.Sprint(i), fmt.Sprintf("r%d", i)
		if i%2 == 1 {
			id = strings.Replace(path, ".7.", fmt.Sprintf(".%d.", i), 1)
		}
		b := upstream.Bounce{
			UserID: 20, SenderID: 200, EmailID: id, EmailAddress: local + "@pots.example", Local: local,
			Domain: "pots.example", Type: upstream.Hard, Category: "other", Code: "5.0.0", BounceTime: day,
			ProcessTime: day,
		}
		rows.Bounces = append(rows.Bounces, upstream.BounceDetail{Bounce: b, RuleName: fmt.Sprint("rule", i)})
	}
	counting := &upstreamtest.Counting{API: upstreamtest.NewModel(rows)}
	mask := auth.NewMask("secret")
	open := func() upstream.API {
		return limit(counting, auth.Caller{Users: auth.Everyone(), Scopes: metrics}, mask)
	}
	listed := open()
	var all []upstream.Bounce
	for offset := 0; offset < 1200; offset += upstream.PageSize {
		q := letterBox
		q.Offset = offset
		page, err := listed.Bounces(t.Context(), q)
		if err != nil {
			t.Fatal(err)
		}
		all = append(all, page...)
	}
	seen := map[string]bool{}
	masked := 0
	for i, b := range all {
		if seen[b.EmailID] = true; !auth.IsMaskedEmailID(b.EmailID) {
			if !strings.HasPrefix(b.EmailID, plain) {
				t.Errorf("shown: %s", b.EmailID)
			}
			continue
		}
		if masked++; masked%100 != 1 {
			continue
		}
		if !strings.HasPrefix(b.EmailID, "20161122000000.***") {
			t.Errorf("masked as %s", b.EmailID)
		}
		for name, api := range map[string]upstream.API{"listed": listed, "not listed": open()} {
			counting.Reset()
			d, err := api.Bounce(t.Context(), b.Key())
			if err != nil || d.EmailID != b.EmailID || d.EmailAddress != b.EmailAddress {
				t.Errorf("bounce %d, %s: %v, %v", i, name, d, err)
			}
			if n := counting.Total(); name == "listed" && n != 1 || n > 4 {
				t.Errorf("%s: %d calls", name, n)
			}
		}
	}
	if masked != 600 || len(seen) != 1200 {
		t.Errorf("%d masked, %d ids", masked, len(seen))
	}
	counting.Reset()
	real := rows.Bounces[1].Key()
	_, err := open().Bounce(t.Context(), real)
	var u *upstream.Error
	if !errors.As(err, &u) || u.Code != upstream.PermissionDenied || u.Parameter != "emailId" || counting.Total() != 0 {
		t.Errorf("by the id itself: %v, %d calls", err, counting.Total())
	}
	real.EmailID = "20161122000000.***aaaaaaaaaaaa"
	if _, err := open().Bounce(t.Context(), real); upstream.CodeOf(err) != upstream.NotFound {
		t.Errorf("by an invented pseudonym: %v", err)
	}
	real.EmailID, real.UserID = all[1].EmailID, 21
	if _, err := open().Bounce(t.Context(), real); upstream.CodeOf(err) != upstream.NotFound {
		t.Errorf("of another user: %v", err)
	}
}

// A hexadecimal email id is shown, unless it contains the local part of its recipient; then guessing it finds nothing.
func TestGuessesOfMaskedEmailIDsFindNothing(t *testing.T) {
	t.Parallel()
	b := letters().Bounces[0]
	b.EmailID, b.EmailAddress, b.Local = "20161122000000.dad1980abc@mail6", "dad1980@pots.example", "dad1980"
	api := limit(upstreamtest.NewModel(upstreamtest.Rows{Bounces: []upstream.BounceDetail{b}}),
		auth.Caller{Users: auth.Everyone(), Scopes: metrics}, auth.NewMask(""))
	if _, err := api.Bounce(t.Context(), b.Key()); upstream.CodeOf(err) != upstream.NotFound {
		t.Errorf("guessed: %v", err)
	}
	rows, err := api.Bounces(t.Context(), letterBox)
	if err != nil || !auth.IsMaskedEmailID(rows[0].EmailID) {
		t.Fatalf("%v, %v", rows, err)
	}
	if d, err := api.Bounce(t.Context(), rows[0].Key()); err != nil || d.EmailID != rows[0].EmailID {
		t.Errorf("by its pseudonym: %v, %v", d, err)
	}
}
