package erasure

import (
	"slices"
	"strings"

	"deliverygraph/upstream/embedded/store"
)

// IsRecipient reports whether an event is of the recipient.
func (a *Address) IsRecipient(e *store.Event) bool {
	return a.Is(e.Recipient) || a.IsDomain(e.Domain) && strings.EqualFold(e.Local, a.Local)
}

// Edited returns an event without the address in its texts, and whether they contained it.
func (a *Address) Edited(old *store.Event) (e store.Event, changed bool) {
	e = *old
	for _, text := range []*string{&e.EmailID, &e.DiagnosticCode, &e.FullContent} {
		*text = a.Without(*text)
	}
	e.XHeaders = slices.Clone(old.XHeaders)
	for i := range e.XHeaders {
		e.XHeaders[i].Value = a.Without(e.XHeaders[i].Value)
	}
	return e, e.EmailID != old.EmailID || !e.Equal(old)
}
