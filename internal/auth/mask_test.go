package auth_test

import (
	"context"
	"errors"
	"fmt"
	"strings"
	"testing"

	"github.com/google/go-cmp/cmp"
	"pgregory.net/rapid"

	"deliverygraph/internal/auth"
	"deliverygraph/upstream"
	"deliverygraph/upstream/embedded/store"
	"deliverygraph/upstream/upstreamtest"
)

const metrics, recipients, content = auth.MetricsRead, auth.RecipientsRead, auth.ContentRead

// letters returns an email that bounced and was blocked, to a recipient whose address is written in many ways, and one
// that was blocked.
func letters() upstreamtest.Rows {
	e := store.Event{
		Identity: upstream.Identity{
			Time: day, EmailID: "20161122000000.1", Recipient: "Omar.Klein@pots.example", UserID: 20, SenderID: 200,
		},
		Local: "Omar.Klein", Domain: "pots.example",
		XHeaders: []upstream.Header{
			{Name: "X-Campaign", Value: "spring"}, {Name: "X-To", Value: `"Omar Klein" <omar.klein@POTS.example>`},
			{Name: "X-Unsubscribe", Value: "https://example.com/u?a=omar.klein%40pots.example"},
			{Name: "X-Return", Value: "bounce-omar.klein=pots.example"}, {Name: "X-Copy", Value: "lena@example.net"},
			{Name: "X-List", Value: "a=b"},
		},
		Own: store.Own{
			ProcessTime: day, Type: upstream.Hard, Category: "other", Code: "5.0.0", Reason: "manual",
			DiagnosticCode: "smtp;550 5.1.1 <omar.klein@pots.example>: User omar.klein unknown (asked for \"O " +
				"K\"@example.net, SRS0=x=OMAR.KLEIN=40pots.example) by omar.kleiner",
			RuleName: "badmailbox01", FullContent: "To: omar.klein@pots.example",
		},
	}
	rows := upstreamtest.RowsOf(e)
	e.Recipient, e.Local, e.XHeaders, e.Type = "lena@pots.example", "lena", e.XHeaders[:1], ""
	rows.Append(upstreamtest.RowsOf(e))
	return rows
}

var letterBox = upstream.ListQuery{Window: upstream.Window{Start: day, End: day + 1}}

// Callers without recipients:read get pseudonyms: the same for the same address in every answer and for every caller,
// as long as the secret is the same.
func TestAddressesAreMasked(t *testing.T) {
	t.Parallel()
	model, changed := sharing(upstreamtest.NewModel(letters()))
	caller := auth.Caller{Users: auth.Only(20), Scopes: metrics | content}
	api := limit(model, caller, auth.NewMask("secret"))
	ctx := t.Context()
	b, err := api.Bounces(ctx, letterBox)
	if err != nil {
		t.Fatal(err)
	}
	e, _ := api.Emails(ctx, letterBox)
	k, _ := api.BlockedEmails(ctx, letterBox)
	d, err := api.Bounce(ctx, letters().Bounces[0].Key())
	if err != nil {
		t.Fatal(err)
	}
	name := b[0].Local
	if len(name) != 15 || !strings.HasPrefix(name, "***") || !auth.IsMasked(b[0].EmailAddress) ||
		b[0].EmailAddress != name+"@pots.example" || b[0].Domain != "pots.example" {
		t.Errorf("it is %q at %q, %q", name, b[0].Domain, b[0].EmailAddress)
	}
	for what, got := range map[string]string{
		"email": e[0].EmailAddress, "blocked email": k[0].EmailAddress + k[1].EmailAddress, "detail": d.EmailAddress,
	} {
		if !strings.Contains(got, b[0].EmailAddress) {
			t.Errorf("the %s has another pseudonym: %s", what, got)
		}
	}
	if k[0].EmailAddress == k[1].EmailAddress {
		t.Error("two recipients have one pseudonym")
	}
	again, _ := limit(model, auth.Caller{Users: auth.Everyone(), Scopes: metrics}, auth.NewMask("secret")).Emails(ctx,
		letterBox)
	other, _ := limit(model, caller, auth.NewMask("another secret")).Emails(ctx, letterBox)
	random, _ := limit(model, caller, auth.NewMask("")).Emails(ctx, letterBox)
	if again[0].EmailAddress != e[0].EmailAddress || other[0].EmailAddress == e[0].EmailAddress ||
		random[0].EmailAddress == e[0].EmailAddress {
		t.Errorf("the pseudonym goes by something else than the secret: %s, %s, %s, %s", e[0].EmailAddress,
			again[0].EmailAddress, other[0].EmailAddress, random[0].EmailAddress)
	}
	want := []upstream.Header{
		{Name: "X-Campaign", Value: "spring"}, {Name: "X-To", Value: "***"}, {Name: "X-Unsubscribe", Value: "***"},
		{Name: "X-Return", Value: "***"}, {Name: "X-Copy", Value: "***"}, {Name: "X-List", Value: "a=b"},
	}
	for what, got := range map[string][]upstream.Header{
		"bounce": b[0].XHeaders, "email": e[0].XHeaders, "blocked email": k[0].XHeaders, "detail": d.XHeaders,
	} {
		if diff := cmp.Diff(want, got); diff != "" {
			t.Errorf("%s: %s", what, diff)
		}
	}
	if want := "smtp;550 5.1.1 <***>: User *** unknown (asked for ***, ***) by omar.kleiner"; d.DiagnosticCode != want {
		t.Errorf("the diagnostic code is %q, want %q", d.DiagnosticCode, want)
	}
	if auth.Withheld(d.FullContent) == nil || auth.Withheld(d.DiagnosticCode) != nil || d.RuleName != "badmailbox01" {
		t.Errorf("the detail is %v", d)
	}
	if all := strings.ToLower(fmt.Sprint(b, e, k, d)); strings.Contains(all, "omar.klein@") ||
		strings.Contains(all, "lena") {
		t.Errorf("an address is left: %s", all)
	}
	if changed() {
		t.Error("rows that are shared with others were masked")
	}
}

// sharing returns the same rows to all callers, as a cache does, and a function that reports whether one changed them.
func sharing(next upstream.Asker) (shared upstream.Asker, changed func() bool) {
	answers, texts := map[upstream.Question]any{}, map[upstream.Question]string{}
	ask := func(ctx context.Context, q *upstream.Question, next upstream.Asker) (any, error) {
		if _, ok := answers[*q]; !ok {
			answer, err := next.Ask(ctx, q)
			if err != nil {
				return nil, err
			}
			answers[*q], texts[*q] = answer, fmt.Sprint(answer)
		}
		return answers[*q], nil
	}
	return upstream.Around(next, ask), func() bool {
		for q, answer := range answers {
			if fmt.Sprint(answer) != texts[q] {
				return true
			}
		}
		return false
	}
}

// What a caller may read is unchanged, and errors name the scope that the caller lacks for the rest.
func TestScopesDecideWhatIsShown(t *testing.T) {
	t.Parallel()
	key := letters().Bounces[0].Key()
	for _, c := range []struct {
		scopes           auth.Scopes
		address          bool
		diagnostic, full string // what is lacking
	}{
		{auth.AllScopes, true, "", ""},
		{metrics | recipients, true, "content:read", "content:read"},
		{metrics | content, false, "", "content:read and recipients:read"},
		{metrics, false, "content:read", "content:read"},
	} {
		api := limit(upstreamtest.NewModel(letters()), auth.Caller{Users: auth.Everyone(), Scopes: c.scopes},
			auth.NewMask(""))
		d, err := api.Bounce(t.Context(), key)
		if err != nil {
			t.Fatal(err)
		}
		rows, err := api.Emails(t.Context(), letterBox)
		if err != nil {
			t.Fatal(err)
		}
		for _, address := range []string{d.EmailAddress, rows[0].EmailAddress} {
			if (address == "Omar.Klein@pots.example") != c.address || auth.IsMasked(address) == c.address {
				t.Errorf("%v shows %s", c.scopes, address)
			}
		}
		for lacking, text := range map[string]string{
			"1" + c.diagnostic: d.DiagnosticCode, "2" + c.full: d.FullContent,
		} {
			lacking = lacking[1:]
			err := auth.Withheld(text)
			if (err == nil) != (lacking == "") ||
				err != nil && (upstream.CodeOf(err) != upstream.PermissionDenied ||
					!strings.Contains(err.Error(), lacking) || strings.Contains(text, "mar")) {
				t.Errorf("%v gets %q, %v", c.scopes, text, err)
			}
		}
	}
}

// Addresses in any other part of an upstream's row are masked too.
func TestAddressesInOddPlaces(t *testing.T) {
	t.Parallel()
	const odd = "omar.klein@pots.example"
	b := letters().Bounces[0]
	b.Category, b.Code, b.RuleName, b.Domain, b.DiagnosticCode = odd, odd, odd, "klein="+odd, odd
	k := letters().BlockedEmails[0]
	k.Reason, k.EmailAddress, k.Domain = odd, "omar.klein@pots.example (Omar Klein)", "pots.example (Omar Klein)"
	rows := upstreamtest.Rows{Bounces: []upstream.BounceDetail{b}, BlockedEmails: []upstream.BlockedEmail{k},
		Senders: []store.Sender{
			{UserID: 20, SenderID: 200, Address: "bounces+omar.klein=pots.example@shop.example.com"}}}
	api := limit(upstreamtest.NewModel(rows), auth.Caller{Users: auth.Everyone(), Scopes: metrics | content},
		auth.NewMask(""))
	bounces, err := api.Bounces(t.Context(), letterBox)
	blocked, err2 := api.BlockedEmails(t.Context(), letterBox)
	detail, err3 := api.Bounce(t.Context(), b.Key())
	counts, err4 := api.Counts(t.Context(), upstream.Bounces, upstream.CountQuery{Window: letterBox.Window})
	if err := errors.Join(err, err2, err3, err4); err != nil || len(bounces)+len(blocked)+len(counts) != 3 {
		t.Fatalf("%d, %d and %d rows: %v", len(bounces), len(blocked), len(counts), err)
	}
	if said := strings.ToLower(fmt.Sprint(bounces, blocked, detail, counts)); strings.Contains(said, "omar") ||
		strings.Contains(said, "klein") {
		t.Errorf("an address is left in %s", said)
	}
	if !strings.HasSuffix(counts[0].Sender, "@shop.example.com") {
		t.Errorf("the sender is %q", counts[0].Sender)
	}
}

// Nothing of an address remains in a server's response, however it is written and whatever surrounds it.
func TestNoAddressRemainsInTexts(t *testing.T) {
	t.Parallel()
	rapid.Check(t, func(t *rapid.T) {
		local := rapid.StringMatching(`[a-zA-Z0-9!#$%&'*+/?^_{|}~äß][a-zA-Z0-9!#$%&'*+/=?^_.{|}~-]{0,8}Zq`).Draw(t,
			"local")
		domain := rapid.StringMatching(`[a-z0-9-]{1,8}\.(example|test)`).Draw(t, "domain")
		upper := func(s string) string { return strings.ToUpper(s) }
		written := rapid.SampledFrom([]func(string, string) string{
			func(l, d string) string { return l + "@" + d },
			func(l, d string) string { return upper(l) + "@" + d },
			func(l, d string) string { return upper(l + "@" + d) },
			func(l, d string) string { return l + "%40" + d },
			func(l, d string) string { return "bounce-" + l + "=" + d + "@example.com" },
			func(l, d string) string { return l + "&#64;" + d },
			func(l, d string) string { return `"` + l + `"@` + d },
		}).Draw(t, "written")(local, domain)
		around := rapid.SampledFrom([]string{
			"<%s>", "%s", "smtp;550 5.1.1 <%s>: User unknown", "to=%s, from=a@example.com", "[%s]", "'%s'",
			"mailbox %s full", "(%s) %s", "%s\r\n %s",
		}).Draw(t, "around")
		said := strings.ReplaceAll(around, "%s", written)
		b := letters().Bounces[0]
		b.EmailAddress, b.Local, b.Domain, b.DiagnosticCode = local+"@"+domain, local, domain, said
		b.XHeaders = []upstream.Header{{Name: "X-Said", Value: said}}
		api := limit(upstreamtest.NewModel(upstreamtest.Rows{Bounces: []upstream.BounceDetail{b}}),
			auth.Caller{Users: auth.Everyone(), Scopes: metrics | content}, auth.NewMask(""))
		d, err := api.Bounce(context.Background(), b.Key())
		if err != nil {
			t.Fatal(err)
		}
		if all := strings.ToLower(fmt.Sprint(d.DiagnosticCode, d.XHeaders)); strings.Contains(all,
			strings.ToLower(local)) || strings.Contains(all, "zq") {
			t.Errorf("%q is left of %q:\n%q", local, said, d.DiagnosticCode)
		}
	})
}

// A bounce whose id is masked, and that may be among more bounces of its second than are searched, is not reported as
// missing.
func TestMaskedBounceInACrowdedSecond(t *testing.T) {
	t.Parallel()
	pages := 0
	crowd := upstreamtest.Asker(func(context.Context, *upstream.Question) (any, error) {
		pages++
		return make([]upstream.Bounce, upstream.PageSize), nil
	})
	caller := auth.Caller{Users: auth.Everyone(), Scopes: metrics}
	api := upstream.API{Asker: auth.Limit(crowd, caller, auth.NewMask(""))}
	k := upstream.BounceKey{UserID: 20, SenderID: 200, BounceTime: day, EmailID: "20161122000000.***aaaaaaaaaaaa"}
	if _, err := api.Bounce(t.Context(), k); upstream.CodeOf(err) != upstream.Exhausted || pages != auth.MaxUnmasked ||
		!strings.Contains(err.Error(), "first 10000") {
		t.Errorf("%v after %d pages", err, pages)
	}
}
