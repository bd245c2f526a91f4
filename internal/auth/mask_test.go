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
	"deliverygraph/upstream/upstreamtest"
)

const metrics, recipients, content = auth.MetricsRead, auth.RecipientsRead, auth.ContentRead

// letters returns one bounced and one blocked email of a recipient whose address is written in many ways.
func letters() upstreamtest.Rows {
	b := upstream.BounceDetail{Bounce: upstream.Bounce{
		UserID: 20, SenderID: 200, EmailID: "20161122000000.1", EmailAddress: "Omar.Klein@pots.example",
		Local: "Omar.Klein", Domain: "pots.example",
		Type: upstream.Hard, Category: "other", Code: "5.0.0", BounceTime: day, ProcessTime: day,
		XHeaders: []upstream.Header{
			{Name: "X-Campaign", Value: "spring"}, {Name: "X-To", Value: `"Omar Klein" <omar.klein@POTS.example>`},
			{Name: "X-Unsubscribe", Value: "https://example.com/u?a=omar.klein%40pots.example"},
			{Name: "X-Return", Value: "bounce-omar.klein=pots.example"}, {Name: "X-Copy", Value: "lena@example.net"},
			{Name: "X-List", Value: "a=b"},
		}},
		DiagnosticCode: "smtp;550 5.1.1 <omar.klein@pots.example>: User omar.klein unknown (asked for \"O " +
			"K\"@example.net, SRS0=x=OMAR.KLEIN=40pots.example) by omar.kleiner",
		RuleName: "badmailbox01", FullContent: "To: omar.klein@pots.example",
	}
	return upstreamtest.Rows{
		Bounces: []upstream.BounceDetail{b},
		Emails: []upstream.Email{
			{
				UserID: 20, SenderID: 200, EmailID: b.EmailID, EmailAddress: b.EmailAddress, Local: b.Local,
				Domain: b.Domain, ProcessTime: day, XHeaders: b.XHeaders,
			},
		},
		BlockedEmails: []upstream.BlockedEmail{
			{
				UserID: 20, SenderID: 200, EmailID: b.EmailID, EmailAddress: b.EmailAddress, Local: b.Local,
				Domain: b.Domain, Reason: "manual", ProcessTime: day, XHeaders: b.XHeaders,
			},
			{
				UserID: 20, SenderID: 200, EmailID: b.EmailID, EmailAddress: "lena@pots.example", Local: "lena",
				Domain: "pots.example", Reason: "manual", ProcessTime: day, XHeaders: b.XHeaders[:1],
			},
		},
	}
}

var letterBox = upstream.ListQuery{Window: upstream.Window{Start: day, End: day + 1}}

// Callers without recipients:read get pseudonyms: the same for the same address in every answer and for every caller,
// as long as the secret is the same.
func TestAddressesAreMasked(t *testing.T) {
	t.Parallel()
	rows := letters()
	before := fmt.Sprint(rows)
	model := shared{upstreamtest.NewModel(rows), rows}
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
	if fmt.Sprint(rows) != before {
		t.Error("rows that are shared with others were masked")
	}
}

// shared is an API that returns the same rows to all callers, as a cache does.
type shared struct {
	upstreamtest.API
	rows upstreamtest.Rows
}

func (s shared) Emails(context.Context, upstream.ListQuery) ([]upstream.Email, error) {
	return s.rows.Emails, nil
}

func (s shared) BlockedEmails(context.Context, upstream.ListQuery) ([]upstream.BlockedEmail, error) {
	return s.rows.BlockedEmails, nil
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

// Callers who may not read addresses cannot try them out: no call is made, and the error names argument and scope.
func TestMaskedAddressesCannotBeSearchedFor(t *testing.T) {
	t.Parallel()
	model := &upstreamtest.Counting{API: upstreamtest.NewModel(letters())}
	header := func(v string) []upstream.Header {
		return []upstream.Header{{Name: "X-Campaign", Value: "spring"}, {Name: "X-To", Value: v}}
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
			upstream.ListQuery{XHeaders: []upstream.Header{{Name: "X-omar.klein%40pots.example", Value: "1"}}},
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
			_, b := api.Bounces(t.Context(), c.q)
			_, e := api.Emails(t.Context(), c.q)
			_, k := api.BlockedEmails(t.Context(), c.q)
			for _, err := range []error{b, e, k} {
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
		q.XHeaders = []upstream.Header{{Name: "x-to", Value: value}}
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
	open := func() upstreamtest.API {
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
		for name, api := range map[string]upstreamtest.API{"listed": listed, "not listed": open()} {
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

// Addresses in any other part of an upstream's row are masked too.
func TestAddressesInOddPlaces(t *testing.T) {
	t.Parallel()
	const odd = "omar.klein@pots.example"
	b := letters().Bounces[0]
	b.Category, b.Code, b.RuleName, b.Domain, b.DiagnosticCode = odd, odd, odd, "klein="+odd, odd
	k := letters().BlockedEmails[0]
	k.Reason, k.EmailAddress, k.Domain = odd, "omar.klein@pots.example (Omar Klein)", "pots.example (Omar Klein)"
	rows := upstreamtest.Rows{Bounces: []upstream.BounceDetail{b}, BlockedEmails: []upstream.BlockedEmail{k},
		Senders: []upstreamtest.Sender{
			{UserID: 20, ID: 200, Address: "bounces+omar.klein=pots.example@shop.example.com"}}}
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
