package upstream

import (
	"cmp"
	"slices"
	"strings"
)

// Identity distinguishes a row from all others of its kind. Rows are listed in the order of its first three parts.
type Identity struct {
	Time      Time // by which the kind's lists are filtered and sorted
	EmailID   string
	Recipient string
	UserID    ID
	SenderID  ID
}

// Compare orders rows as lists are ordered, by time, email id and recipient, and rows that share these by user and
// sender. It returns 0 only for the same row.
func (i Identity) Compare(o Identity) int {
	if i.Time != o.Time { // the common case
		return cmp.Compare(i.Time, o.Time)
	}
	return cmp.Or(strings.Compare(i.EmailID, o.EmailID), strings.Compare(i.Recipient, o.Recipient),
		cmp.Compare(i.UserID, o.UserID), cmp.Compare(i.SenderID, o.SenderID))
}

// Row is a pointer to a row of any kind, for generic code.
type Row[R any] interface {
	*R
	Identity() Identity
	Texts() Texts
	Event() Event
}

// Texts points to the texts of a row, for code that copies or changes them in rows of any kind. Code that changes one
// must reset [Plain].
type Texts struct {
	EmailID       *string
	Address       *string // the recipient
	Local, Domain *string // the parts of the address
	XHeaders      *[]Header
	Codes         [maxCodes]*string    // all others but the contents, such as a bounce's category; nil after the last
	Contents      [maxContents]*string // of a message or a server's answer, for some callers only; nil after the last
}

// needIDs fails unless the row has what identifies it.
func (l *lexer) needIDs(user, sender ID, email string) {
	l.need("user_id", user != 0)
	l.need("sender_id", sender != 0)
	l.need("email_id", email != "")
}

// completeRecipient computes a missing address from its parts, or missing parts from the address.
func completeRecipient(address, local, domain *string) {
	switch {
	case *address == "" && *domain == "":
		*address = *local
	case *address == "":
		*address = *local + "@" + *domain
	case *local == "" && *domain == "":
		*local = *address
		if at := strings.LastIndexByte(*address, '@'); at >= 0 {
			*local, *domain = (*address)[:at], (*address)[at+1:]
		}
	}
}

// PageSize is the maximum number of rows that a list call returns. The API has no limit parameter and reports no total:
// a page shorter than PageSize is the last one.
const PageSize = 500

// Page is the answer to a list's question, for code that treats rows of all kinds alike.
type Page interface {
	Len() int
	Identity(i int) Identity
	Texts(i int) Texts
	Event(i int) Event
	Slice(from, to int) Page
	Clone() Page
	Select(keep func(Event) bool) Page // a copy of the rows for which keep returns true
	Sort()                             // in the order of lists
	Rows() any                         // as in the answer, such as []Bounce
}

type page[R any, P Row[R]] []R

func (p page[R, P]) Len() int                { return len(p) }
func (p page[R, P]) Identity(i int) Identity { return P(&p[i]).Identity() }
func (p page[R, P]) Texts(i int) Texts       { return P(&p[i]).Texts() }
func (p page[R, P]) Event(i int) Event       { return P(&p[i]).Event() }
func (p page[R, P]) Slice(from, to int) Page { return p[from:to:to] }
func (p page[R, P]) Clone() Page             { return slices.Clone(p) }
func (p page[R, P]) Rows() any               { return []R(p) }

func (p page[R, P]) Select(keep func(Event) bool) Page {
	kept := page[R, P]{}
	for i := range p {
		if keep(p.Event(i)) {
			kept = append(kept, p[i])
		}
	}
	return kept
}

func (p page[R, P]) Sort() {
	slices.SortFunc(p, func(a, b R) int { return P(&a).Identity().Compare(P(&b).Identity()) })
}
