package auth

import (
	"context"
	"fmt"
	"slices"
	"strings"
	"sync"

	"deliverygraph/internal/auth/address"
	"deliverygraph/upstream"
	"deliverygraph/upstream/kind"
)

// masked is a layer for a caller who may not read recipients' addresses, content, or either. It masks copies of rows,
// because rows are shared between callers.
type masked struct {
	next   upstream.Asker
	mask   Mask
	scopes Scopes
	ids    maskedIDs
}

// Ask implements [upstream.Asker].
func (m *masked) Ask(ctx context.Context, q *upstream.Question) (any, error) {
	switch q.Shape {
	case upstream.ShapeDetail:
		return m.detail(ctx, q)
	case upstream.ShapeList:
		return m.list(ctx, q)
	case upstream.ShapeCounts:
		return m.counts(ctx, q)
	case upstream.ShapeGroups:
		return m.groups(ctx, q)
	}
	return m.next.Ask(ctx, q)
}

// refused returns the error for an argument by which a caller asks for what it may not read.
func refused(argument string) error {
	return &upstream.Error{Code: upstream.PermissionDenied, Parameter: argument, Message: argument +
		" holds, or may hold, a recipient's address: asking for one needs the scope recipients:read, " +
		"which this caller has not been given"}
}

// MayName returns an error if the caller may not search for the row of an email id and a recipient, one of which may be
// empty. Masked ones may always be used. The error names the given argument.
func (c Caller) MayName(argument, emailID, recipient string) error {
	shown := IsMaskedEmailID(emailID) || !address.InEmailID(emailID, "")
	if c.Scopes.Has(RecipientsRead) || shown && (recipient == "" || IsMasked(recipient)) {
		return nil
	}
	return refused(argument)
}

// MaySearch returns an error if the caller may not search for recipients' addresses. It names the given argument.
func (c Caller) MaySearch(argument string) error {
	if c.Scopes.Has(RecipientsRead) {
		return nil
	}
	return refused(argument)
}

// refuses returns an error for filters that would reveal what is masked: a caller who learns how many emails an address
// received knows whether it received any. The rules are those by which rows are masked.
func (m *masked) refuses(q *upstream.Question) error {
	for _, f := range []struct {
		argument string
		masked   bool
	}{
		{"filter.recipient", q.Recipient != ""},
		{"filter.localPart", q.Local != ""},
		{"filter.domain", !address.IsDomain(q.Domain)},
		{"filter.sender", address.InSender(q.Sender)},
	} {
		if f.masked {
			return refused(f.argument)
		}
	}
	for i := range kind.Filters {
		if f := &kind.Filters[i]; address.InCode(q.Filter(f.Filter)) {
			return refused("filter." + f.ArgumentName())
		}
	}
	for i, h := range q.Headers() {
		switch {
		case address.In(h.Name):
			return refused(fmt.Sprintf("filter.xHeaders[%d].name", i))
		case address.In(h.Value):
			return refused(fmt.Sprintf("filter.xHeaders[%d].value", i))
		}
	}
	return nil
}

// list returns a page with its recipients masked.
func (m *masked) list(ctx context.Context, q *upstream.Question) (any, error) {
	if m.scopes.Has(RecipientsRead) {
		return m.next.Ask(ctx, q)
	}
	if err := m.refuses(q); err != nil {
		return nil, err
	}
	answer, err := m.next.Ask(ctx, q)
	page := upstream.PageOf(answer)
	if page == nil || page.Len() == 0 {
		return answer, err
	}
	asked := q.Headers()
	page = page.Clone()
	one := m.mask.masker()
	for i := range page.Len() {
		row := page.Texts(i)
		id := *row.EmailID
		if one.row(row, asked) {
			// A filter by a masked header guesses at an address that shows only beside its recipient. It finds no rows,
			// like any wrong guess.
			return page.Slice(0, 0).Rows(), nil
		}
		if q.Kind == upstream.Bounces && *row.EmailID != id {
			m.ids.keep(*row.EmailID, id)
		}
	}
	return page.Rows(), err
}

// row masks a row. It reports whether it masked one of the headers in asked, by which the rows were searched.
func (m masker) row(t upstream.Texts, asked []upstream.Header) (guessed bool) {
	for _, code := range t.Codes {
		if code != nil && address.InCode(*code) {
			*code = address.Masked
		}
	}
	*t.XHeaders, guessed = m.headers(*t.XHeaders, *t.Local, *t.Domain, asked)
	if address.InEmailID(*t.EmailID, *t.Local) {
		*t.EmailID = m.emailID(*t.EmailID)
	}
	*t.Address, *t.Local = m.address(*t.Address)
	if !address.IsDomain(*t.Domain) {
		*t.Domain = ""
	}
	return guessed
}

// detail returns a bounce with marks in place of what the caller may not read; see [Withheld]. If the email id is
// masked and no list has shown it, the bounces of its second are searched for it.
func (m *masked) detail(ctx context.Context, q *upstream.Question) (any, error) {
	asked := q.EmailID
	if !m.scopes.Has(RecipientsRead) {
		if err := (Caller{Scopes: m.scopes}).MayName("emailId", asked, ""); err != nil {
			return nil, err
		}
		if IsMaskedEmailID(asked) {
			id, err := m.unmask(ctx, q.Detail())
			if err != nil {
				return nil, err
			}
			shown := *q
			shown.EmailID = id
			q = &shown
		}
	}
	d, err := upstream.Ask[upstream.BounceDetail](ctx, m.next, q)
	if err != nil {
		return nil, err
	}
	switch {
	case !m.scopes.Has(ContentRead):
		d.DiagnosticCode, d.FullContent = withheldContent, withheldContent
	case !m.scopes.Has(RecipientsRead):
		d.DiagnosticCode = address.Mask(d.DiagnosticCode, d.Local, d.Domain)
		// A whole message contains addresses in too many ways to find them all: encoded, quoted, broken over lines,
		// and those of others.
		d.FullContent = withheldMessage
	}
	d.Plain = false
	if m.scopes.Has(RecipientsRead) {
		return d, nil
	}
	m.mask.masker().row(d.Texts(), nil)
	switch {
	case IsMaskedEmailID(asked): // for this or another recipient of the email
		d.EmailID = asked
	case d.EmailID != asked: // masked because of its recipient, so the caller guessed it
		return nil, errNoBounce
	}
	return d, nil
}

var errNoBounce = &upstream.Error{Code: upstream.NotFound, Message: "there is no such bounce"}

// unmask returns the email id of a bounce whose id is masked.
func (m *masked) unmask(ctx context.Context, k upstream.BounceKey) (id string, err error) {
	// The layer itself keeps the ids of the pages that it masks.
	known := func([]upstream.Bounce) (ok bool) { id, ok = m.ids.of(k.EmailID); return ok }
	if known(nil) {
		return id, nil
	}
	second := upstream.Window{Start: k.BounceTime, End: k.BounceTime + 1}
	q := upstream.ListQuery{Window: second, UserID: k.UserID, SenderID: k.SenderID}
	n, more, err := upstream.Search(ctx, upstream.API{Asker: m}.Bounces, q, MaxUnmasked, known)
	switch {
	case err != nil || id != "":
		return id, err
	case more:
		return "", &upstream.Error{Code: upstream.Exhausted, Message: fmt.Sprintf(
			"this bounce is not among the first %d of its sender in its second, and no more are searched", n)}
	}
	return "", errNoBounce
}

// MaxUnmasked is the most pages of a second that are searched for a masked email id.
const MaxUnmasked = 20

// maskedIDs maps pseudonyms to the email ids that lists have shown. It is safe for concurrent use.
type maskedIDs struct {
	mu  sync.Mutex
	ids map[string]string
}

// mostIDs limits the ids that are kept. It is more than the details that an operation may ask for.
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

// counts masks addresses of senders that are return paths.
func (m *masked) counts(ctx context.Context, q *upstream.Question) (any, error) {
	rows, err := upstream.Ask[[]upstream.Count](ctx, m.next, q)
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

// Withheld returns the error for a text of a bounce's detail that the caller may not read, or nil if it may.
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
