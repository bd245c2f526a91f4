package auth_test

import (
	"errors"
	"fmt"
	"strings"
	"testing"

	"github.com/google/go-cmp/cmp"
	"github.com/google/go-cmp/cmp/cmpopts"
	"pgregory.net/rapid"

	"deliverygraph/internal/auth"
	"deliverygraph/upstream"
	"deliverygraph/upstream/embedded/store"
	"deliverygraph/upstream/upstreamtest"
)

// The groups of a caller with some users are those of these users' events alone, with series and the emails sent.
func TestLimitedGroupsAreOfTheCallersUsers(t *testing.T) {
	t.Parallel()
	rows := upstreamtest.Sample()
	model := upstreamtest.NewModel(rows)
	rapid.Check(t, func(t *rapid.T) {
		users := someUsers(t)
		k := rapid.SampledFrom(upstream.Kinds[:]).Draw(t, "kind")
		q := upstream.Question{Kind: k, ListQuery: upstreamtest.ListQueries(k).Draw(t, "list")}
		q.Offset = 0
		q.By[0] = rapid.SampledFrom(k.Dimensions()).Draw(t, "by")
		if q.Has(upstream.DimensionHeader) {
			q.Header = "x-campaign"
		}
		q.Top = rapid.SampledFrom([]int{1, 4, 1000}).Draw(t, "top")
		q.Interval = rapid.SampledFrom([]upstream.Interval{0, upstream.Day}).Draw(t, "interval")
		q.Sent = q.Comparable() && k != upstream.Emails
		want, _ := model.Limit(users).Groups(t.Context(), q)
		got, err := limit(model, reader(users...), auth.NewMask("secret")).Groups(t.Context(), q)
		if err != nil {
			t.Fatal(err)
		}
		if d := cmp.Diff(want, got, cmpopts.EquateEmpty()); d != "" {
			t.Fatalf("%s of %v by %v: %s", k, users, q.By, d)
		}
	})
}

// The groups of hundreds of users, which are not read all at once, are complete.
func TestGroupsOfManyUsersAddUp(t *testing.T) {
	t.Parallel()
	var rows upstreamtest.Rows
	var users []upstream.ID
	for u := range upstream.ID(200) {
		users = append(users, u+1)
		for _, domain := range []string{"example.com", fmt.Sprintf("example%d.org", u)} {
			rows.Emails = append(rows.Emails, upstream.Email{
				UserID: u + 1, SenderID: u + 1, EmailID: domain, EmailAddress: "joe@" + domain, Local: "joe",
				Domain: domain, ProcessTime: day,
			})
		}
	}
	q := upstream.Question{
		Kind:      upstream.Emails,
		ListQuery: upstream.ListQuery{Window: upstream.Window{Start: day, End: day + 1}},
		Grouping:  upstream.Grouping{By: [2]upstream.Dimension{upstream.DimensionDomain}, Top: 3},
	}
	got, err := limit(upstreamtest.NewModel(rows), reader(users...), auth.NewMask("secret")).Groups(t.Context(), q)
	if err != nil || got.Inexact || got.Total != 400 || len(got.Groups) != 3 || got.Groups[0].Count != 200 ||
		got.Other != (upstream.Other{Groups: 198, Count: 198}) {
		t.Errorf("%+v, %v", got, err)
	}
}

// Groups show no addresses to callers who may not read them, nor content to those who may not read that.
func TestGroupsAreMasked(t *testing.T) {
	t.Parallel()
	at := upstreamtest.SampleDay
	bounce := func(local, domain, category, diagnostic string) upstream.BounceDetail {
		return upstream.BounceDetail{Bounce: upstream.Bounce{
			UserID: 20, SenderID: 17, EmailID: local, EmailAddress: local + "@" + domain, Local: local, Domain: domain,
			Type: upstream.Hard, Category: category, BounceTime: at, ProcessTime: at,
			XHeaders: []upstream.Header{{Name: "X-To", Value: local}},
		}, DiagnosticCode: diagnostic}
	}
	model := upstreamtest.NewModel(upstreamtest.Rows{
		Senders: []store.Sender{{UserID: 20, SenderID: 17, Address: "bounces+jane=example.com@example.net"}},
		Bounces: []upstream.BounceDetail{
			bounce("jane", "example.com", "for jane@example.com", "550 5.1.1 <jane@example.com> jane unknown"),
			bounce("joe", "joe@example.org", "other", "550 5.1.1 <joe@example.org> joe unknown"),
			bounce("sue", "example.org", "other",
				`550 no "jane doe" <x@example.net>, "jane doe"@example.net, <jane @ example.net>`),
			bounce("sue", "example.com", "other",
				`550 no bounce-jane=example.net, jane=40example.net, jane\x{40}example.net`),
			bounce("sam", "example.com", "other",
				`550 no jane at example.net, jane (at home)@example.net, jane\ x@example.net`),
		},
	})
	ask := func(scopes auth.Scopes, d upstream.Dimension) (upstream.Groups, error) {
		q := upstream.Question{
			Kind:      upstream.Bounces,
			ListQuery: upstream.ListQuery{Window: upstream.Window{Start: at, End: at + 1}},
			Grouping:  upstream.Grouping{By: [2]upstream.Dimension{d}, Top: 9},
		}
		if d == upstream.DimensionHeader {
			q.Header = "x-to"
		}
		c := auth.Caller{Users: auth.Everyone(), Scopes: scopes}
		return limit(model, c, auth.NewMask("secret")).Groups(t.Context(), q)
	}
	for _, d := range upstream.Bounces.Dimensions() {
		for _, scopes := range []auth.Scopes{
			auth.MetricsRead, auth.MetricsRead | auth.ContentRead, auth.MetricsRead | auth.RecipientsRead,
		} {
			refused := d == upstream.DimensionHeader && !scopes.Has(auth.RecipientsRead) ||
				d == upstream.DimensionDiagnostic && !scopes.Has(auth.ContentRead)
			got, err := ask(scopes, d)
			if refused != (upstream.CodeOf(err) == upstream.PermissionDenied) || !refused && err != nil {
				t.Errorf("%v by %v: %v", scopes, d, err)
			}
			if failed, ok := errors.AsType[*upstream.Error](err); ok && failed.Parameter == "" {
				t.Errorf("%v by %v: the error names no argument: %v", scopes, d, err)
			}
			if got.Total != 5 && !refused {
				t.Errorf("%v by %v: %d bounces", scopes, d, got.Total)
			}
			if scopes.Has(auth.RecipientsRead) {
				continue
			}
			for _, g := range got.Groups {
				if text := g.Keys[0] + " " + g.Sender; strings.Contains(text, "jane") || strings.Contains(text, "joe") {
					t.Errorf("%v by %v shows %q", scopes, d, text)
				}
			}
		}
	}
}

// A caller who may not read addresses cannot guess a local part by a header that contains it.
func TestGroupsByAGuessedHeaderAreEmpty(t *testing.T) {
	t.Parallel()
	rows := upstreamtest.Rows{Emails: []upstream.Email{{
		UserID: 20, SenderID: 17, EmailID: "1", EmailAddress: "jane@example.com", Local: "jane", Domain: "example.com",
		ProcessTime: day, XHeaders: []upstream.Header{{Name: "X-To", Value: "jane at example.com"}},
	}}}
	q := upstream.Question{
		Kind: upstream.Emails,
		ListQuery: upstream.ListQuery{
			Window:   upstream.Window{Start: day, End: day + 1},
			XHeaders: upstream.HeaderFilters{{Name: "X-To", Value: "jane at example.com"}},
		},
		Grouping: upstream.Grouping{By: [2]upstream.Dimension{upstream.DimensionDomain}, Top: 9},
	}
	for scopes, want := range map[auth.Scopes]int64{auth.MetricsRead: 0, auth.AllScopes: 1} {
		c := auth.Caller{Users: auth.Everyone(), Scopes: scopes}
		api := limit(upstreamtest.NewModel(rows), c, auth.NewMask("secret"))
		got, err := api.Groups(t.Context(), q)
		if got.Total != want || err != nil && upstream.CodeOf(err) != upstream.PermissionDenied {
			t.Errorf("%v: %d emails, %v", scopes, got.Total, err)
		}
	}
}
