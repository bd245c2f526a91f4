package model

import "deliverygraph/upstream"

// SentPage is a page of emails. What became of them is looked up for all of them together.
type SentPage struct {
	Emails []Email
	End    upstream.Time // before which it became so; 0 means within [MaxDelay] of each email
}

// MaxDelay is how many seconds after an email was processed its bounce is looked for. Servers give up delivering after
// about five days.
const MaxDelay = 7 * 86400

// Until returns the time before which the email bounced, if it did.
func (p *SentPage) Until(e *upstream.Email) upstream.Time {
	if p.End != 0 {
		return p.End
	}
	return e.ProcessTime + MaxDelay
}

// OnPage makes the emails of a page known to each other.
func OnPage(all []Email) {
	p := &SentPage{Emails: all}
	for i := range all {
		all[i].Page = p
	}
}
