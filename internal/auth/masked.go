package auth

import (
	"context"
	"fmt"
	"slices"
	"strings"
	"sync"

	"deliverygraph/internal/auth/address"
	"deliverygraph/upstream"
)

// maskedAPI is the API as a caller sees it who may not read recipients' addresses, content,
// or either. Rows are shared with others, so it masks copies.
type maskedAPI struct {
	upstream.API
	mask   Mask
	scopes Scopes
	ids    *maskedIDs
}

func newMasked(api upstream.API, mask Mask, scopes Scopes) upstream.API {
	return maskedAPI{api, mask, scopes, &maskedIDs{}}
}

// refused is the error for a caller who asks for what it may not read, by an argument.
func refused(argument string) error {
	return &upstream.Error{Code: upstream.PermissionDenied, Parameter: argument, Message: argument +
		" holds, or may hold, a recipient's address: asking for one needs the scope recipients:read, " +
		"which this caller has not been given"}
}

// MayName says whether the caller may look for the row of an email id and a recipient, one
// of which may be empty: masked ones it may. The argument is where it named them.
func (c Caller) MayName(argument, emailID, recipient string) error {
	shown := IsMaskedEmailID(emailID) || !address.InEmailID(emailID, "")
	if c.Scopes.Has(RecipientsRead) || shown && (recipient == "" || IsMasked(recipient)) {
		return nil
	}
	return refused(argument)
}

// refuses says whether a query would tell what is masked: a caller who may ask how many
// emails an address got knows whether it got any. What is masked in rows is refused here,
// by the same rules.
func (m maskedAPI) refuses(q upstream.ListQuery) error {
	if m.scopes.Has(RecipientsRead) {
		return nil
	}
	for _, f := range []struct {
		argument string
		masked   bool
	}{
		{"filter.recipient", q.Recipient != ""},
		{"filter.localPart", q.Local != ""},
		{"filter.domain", !address.IsDomain(q.Domain)},
		{"filter.sender", address.InSender(q.Sender)},
		{"filter.category", address.InCode(q.BounceCategory)},
		{"filter.reason", address.InCode(q.BlockedReason)},
	} {
		if f.masked {
			return refused(f.argument)
		}
	}
	for i, h := range q.XHeaders {
		switch {
		case address.In(h.Name):
			return refused(fmt.Sprintf("filter.xHeaders[%d].name", i))
		case address.In(h.Value):
			return refused(fmt.Sprintf("filter.xHeaders[%d].value", i))
		}
	}
	return nil
}

// Bounces lists bounces with their recipients masked.
func (m maskedAPI) Bounces(ctx context.Context, q upstream.ListQuery) ([]upstream.Bounce, error) {
	return listMasked(ctx, m, q, m.API.Bounces, func(one masker, b *upstream.Bounce) bool {
		id := b.EmailID
		guessed := one.bounce(b, q.XHeaders)
		if b.EmailID != id {
			m.ids.keep(b.EmailID, id)
		}
		return guessed
	})
}

// Emails lists emails with their recipients masked.
func (m maskedAPI) Emails(ctx context.Context, q upstream.ListQuery) ([]upstream.Email, error) {
	return listMasked(ctx, m, q, m.API.Emails, func(one masker, e *upstream.Email) bool {
		return one.row(&e.EmailID, &e.EmailAddress, &e.Local, &e.Domain, &e.XHeaders, q.XHeaders)
	})
}

// BlockedEmails lists blocked emails with their recipients masked.
func (m maskedAPI) BlockedEmails(ctx context.Context, q upstream.ListQuery) ([]upstream.BlockedEmail, error) {
	return listMasked(ctx, m, q, m.API.BlockedEmails, func(one masker, e *upstream.BlockedEmail) bool {
		one.codes(&e.Reason)
		return one.row(&e.EmailID, &e.EmailAddress, &e.Local, &e.Domain, &e.XHeaders, q.XHeaders)
	})
}

// listMasked masks a page. Mask says whether a header of a row is masked that the query
// names: it guesses at an address in a way that shows only beside the recipient, and is
// answered as any wrong guess is, by no rows.
func listMasked[R any](
	ctx context.Context, m maskedAPI, q upstream.ListQuery,
	ask func(context.Context, upstream.ListQuery) ([]R, error), mask func(masker, *R) (guessed bool),
) ([]R, error) {
	if err := m.refuses(q); err != nil {
		return nil, err
	}
	rows, err := ask(ctx, q)
	if m.scopes.Has(RecipientsRead) || len(rows) == 0 {
		return rows, err
	}
	rows = slices.Clone(rows)
	one := m.mask.masker()
	for i := range rows {
		if mask(one, &rows[i]) {
			return nil, nil
		}
	}
	return rows, err
}

// row masks what the rows of all kinds have. Asked is as for headers.
func (m masker) row(
	emailID, recipient, local, domain *string, xHeaders *[]upstream.Header, asked []upstream.Header,
) (guessed bool) {
	*xHeaders, guessed = m.headers(*xHeaders, *local, *domain, asked)
	if address.InEmailID(*emailID, *local) {
		*emailID = m.emailID(*emailID)
	}
	*recipient, *local = m.address(*recipient)
	if !address.IsDomain(*domain) {
		*domain = ""
	}
	return guessed
}

func (m masker) bounce(b *upstream.Bounce, asked []upstream.Header) (guessed bool) {
	m.codes(&b.Category, &b.Code)
	return m.row(&b.EmailID, &b.EmailAddress, &b.Local, &b.Domain, &b.XHeaders, asked)
}

// Bounce gives a bounce without what the caller may not read: in its place stands a
// mark, for [Withheld]. A masked email id that no list has shown is looked for among the bounces
// of its second.
func (m maskedAPI) Bounce(ctx context.Context, k upstream.BounceKey) (upstream.BounceDetail, error) {
	asked := k.EmailID
	if !m.scopes.Has(RecipientsRead) {
		if err := (Caller{Scopes: m.scopes}).MayName("emailId", asked, ""); err != nil {
			return upstream.BounceDetail{}, err
		}
		if IsMaskedEmailID(asked) {
			var err error
			if k.EmailID, err = m.unmask(ctx, k); err != nil {
				return upstream.BounceDetail{}, err
			}
		}
	}
	d, err := m.API.Bounce(ctx, k)
	if err != nil {
		return upstream.BounceDetail{}, err
	}
	switch {
	case !m.scopes.Has(ContentRead):
		d.DiagnosticCode, d.FullContent = withheldContent, withheldContent
	case !m.scopes.Has(RecipientsRead):
		d.DiagnosticCode = address.Mask(d.DiagnosticCode, d.Local, d.Domain)
		// A whole message has addresses in ways that nobody can list: encoded, quoted,
		// broken over lines, and those of others.
		d.FullContent = withheldMessage
	}
	d.Plain = false
	if m.scopes.Has(RecipientsRead) {
		return d, nil
	}
	one := m.mask.masker()
	one.codes(&d.RuleName)
	one.bounce(&d.Bounce, nil)
	switch {
	case IsMaskedEmailID(asked): // for this or another recipient of the email
		d.EmailID = asked
	case d.EmailID != asked: // masked because of its recipient, so it was guessed
		return upstream.BounceDetail{}, errNoBounce
	}
	return d, nil
}

var errNoBounce = &upstream.Error{Code: upstream.NotFound, Message: "there is no such bounce"}

// unmask gives the email id of a bounce whose id is masked.
func (m maskedAPI) unmask(ctx context.Context, k upstream.BounceKey) (string, error) {
	second := upstream.Window{Start: k.BounceTime, End: k.BounceTime + 1}
	q := upstream.ListQuery{Window: second, UserID: k.UserID, SenderID: k.SenderID}
	for range MaxUnmasked {
		if id, known := m.ids.of(k.EmailID); known {
			return id, nil
		}
		rows, err := m.Bounces(ctx, q)
		if err != nil {
			return "", err
		}
		if q.Offset += len(rows); len(rows) < upstream.PageSize {
			break
		}
	}
	if id, known := m.ids.of(k.EmailID); known {
		return id, nil
	}
	return "", errNoBounce
}

// MaxUnmasked is how many pages of a second are looked through for a masked email id.
const MaxUnmasked = 20

// maskedIDs are email ids by their pseudonyms, as far as lists have shown them. It is safe
// for concurrent use.
type maskedIDs struct {
	mu  sync.Mutex
	ids map[string]string
}

// mostIDs bounds the ids that are kept: more than an operation asks for the details of.
const mostIDs = 4_000

func (i *maskedIDs) keep(masked, id string) {
	i.mu.Lock()
	defer i.mu.Unlock()
	if i.ids == nil || len(i.ids) >= mostIDs {
		i.ids = map[string]string{}
	}
	i.ids[masked] = id
}

func (i *maskedIDs) of(masked string) (id string, known bool) {
	i.mu.Lock()
	defer i.mu.Unlock()
	id, known = i.ids[masked]
	return id, known
}

// Counts counts events. The address of a sender that is a return path is masked.
func (m maskedAPI) Counts(ctx context.Context, k upstream.Kind, q upstream.CountQuery) ([]upstream.Count, error) {
	rows, err := m.API.Counts(ctx, k, q)
	if m.scopes.Has(RecipientsRead) {
		return rows, err
	}
	shared := true
	for i := range rows {
		if !address.InSender(rows[i].Sender) {
			continue
		}
		if shared {
			rows, shared = slices.Clone(rows), false
		}
		rows[i].Sender, _ = m.mask.masker().address(rows[i].Sender)
	}
	return rows, err
}

const (
	withheldContent = "\x00withheld: content:read"
	withheldMessage = "\x00withheld: content:read and recipients:read"
)

// Withheld is the error of a text of a bounce's detail that the caller may not read, or
// nil if it may.
func Withheld(text string) error {
	scopes, ok := strings.CutPrefix(text, "\x00withheld: ")
	if !ok {
		return nil
	}
	what := "the scope "
	if strings.Contains(scopes, " ") {
		what = "the scopes "
	}
	return refuse(upstream.PermissionDenied, "this field needs %s, which this caller has not been given", what+scopes)
}
