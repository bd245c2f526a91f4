package auth

import (
	"context"
	"regexp"
	"slices"
	"strings"

	"deliverygraph/upstream"
)

// maskedAPI is the API as one sees it who may not read recipients' addresses, content,
// or either. Rows are shared with others, so it masks copies.
type maskedAPI struct {
	upstream.API
	mask   Mask
	scopes Scopes
}

var errRecipient = refuse(upstream.PermissionDenied, "looking for a recipient's address needs the scope recipients:read, which this caller has not been given")

// refuses says whether a query would tell what is masked: whoever may ask how many
// emails an address got knows whether it got any.
func (m maskedAPI) refuses(q upstream.ListQuery) error {
	if m.scopes.Has(RecipientsRead) {
		return nil
	}
	if q.Recipient != "" || q.Local != "" {
		return errRecipient
	}
	for _, h := range q.XHeaders {
		if hasAt(h.Value) || returnPath.MatchString(h.Value) {
			return errRecipient
		}
	}
	return nil
}

// returnPath is an address as return paths have it, without an @.
var returnPath = regexp.MustCompile(`=[^=\s]+\.`)

// Bounces lists bounces with their recipients masked.
func (m maskedAPI) Bounces(ctx context.Context, q upstream.ListQuery) ([]upstream.Bounce, error) {
	return listMasked(ctx, m, q, m.API.Bounces, masker.bounce)
}

// Emails lists emails with their recipients masked.
func (m maskedAPI) Emails(ctx context.Context, q upstream.ListQuery) ([]upstream.Email, error) {
	return listMasked(ctx, m, q, m.API.Emails, func(m masker, e *upstream.Email) {
		e.XHeaders = headers(e.XHeaders, e.Local, e.Domain)
		e.EmailAddress, e.Local = m.address(e.EmailAddress)
		e.Plain = false
	})
}

// BlockedEmails lists blocked emails with their recipients masked.
func (m maskedAPI) BlockedEmails(ctx context.Context, q upstream.ListQuery) ([]upstream.BlockedEmail, error) {
	return listMasked(ctx, m, q, m.API.BlockedEmails, func(m masker, e *upstream.BlockedEmail) {
		e.XHeaders = headers(e.XHeaders, e.Local, e.Domain)
		e.EmailAddress, e.Local = m.address(e.EmailAddress)
		e.Plain = false
	})
}

func listMasked[R any](ctx context.Context, m maskedAPI, q upstream.ListQuery, ask func(context.Context, upstream.ListQuery) ([]R, error), mask func(masker, *R)) ([]R, error) {
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
		mask(one, &rows[i])
	}
	return rows, err
}

func (m masker) bounce(b *upstream.Bounce) {
	b.XHeaders = headers(b.XHeaders, b.Local, b.Domain)
	b.EmailAddress, b.Local = m.address(b.EmailAddress)
	b.Plain = false
}

// Bounce gives a bounce without what the caller may not read: in its place stands a
// mark, for [Withheld].
func (m maskedAPI) Bounce(ctx context.Context, k upstream.BounceKey) (upstream.BounceDetail, error) {
	d, err := m.API.Bounce(ctx, k)
	if err != nil {
		return upstream.BounceDetail{}, err
	}
	switch {
	case !m.scopes.Has(ContentRead):
		d.DiagnosticCode, d.FullContent = withheldContent, withheldContent
	case !m.scopes.Has(RecipientsRead):
		d.DiagnosticCode = text(d.DiagnosticCode, d.Local, d.Domain)
		// A whole message has addresses in ways that nobody can list: encoded, quoted,
		// broken over lines, and those of others.
		d.FullContent = withheldMessage
	}
	d.Plain = false
	if !m.scopes.Has(RecipientsRead) {
		m.mask.masker().bounce(&d.Bounce)
	}
	return d, nil
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
	return refuse(upstream.PermissionDenied, "this field needs %s, which this caller has not been given", map[bool]string{false: "the scope ", true: "the scopes "}[strings.Contains(scopes, " ")]+scopes)
}
