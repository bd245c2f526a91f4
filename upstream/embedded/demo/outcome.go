package demo

import (
	"deliverygraph/upstream"
)

// sendAll sends the planned emails that are before now.
func (g *generator) sendAll() {
	for i := range g.sends {
		if s := &g.sends[i]; s.at < g.now {
			g.send(s)
		}
	}
}

// send generates one email, which is delivered, bounces or is blocked.
func (g *generator) send(s *send) {
	p := g.pick(s)
	if p == nil {
		return
	}
	e := upstream.Email{
		UserID: accounts[s.account].id, SenderID: accounts[s.account].senderID(s.sender), EmailID: g.emailID(s.at),
		EmailAddress: p.address, Local: p.local, Domain: p.domain, ProcessTime: s.at,
	}
	if sets := g.headers[s.account][s.sender][s.topic]; sets != nil {
		e.XHeaders = sets[p.traits]
	}
	switch r, wait := g.verdict(s, p); {
	case p.blocked != 0:
		g.block(s, p, e)
	case r != nil && r.category == "bad-domain":
		// Mail to an existing domain never bounces for this reason, so this is a new
		// recipient who mistyped the address.
		p = g.lists[s.account].replace(g.rand, p, mistyped[g.rand.IntN(len(mistyped))])
		e.EmailAddress, e.Local, e.Domain = p.address, p.local, p.domain
		g.bounce(s, p, e, r, wait)
	case r != nil:
		g.bounce(s, p, e, r, wait)
	default:
		e.Delivered = true
		g.batch.Emails = append(g.batch.Emails, e)
		g.delivered(s, p)
	}
}

// pick chooses the recipient of an email. It skips recipients whose suppression is
// decided but lies in the future, since their bounce or request is in transit.
func (g *generator) pick(s *send) *recipient {
	l := g.lists[s.account]
	switch {
	case s.cause == importing:
		return l.join(l.admitStale(g.rand))
	case s.cause == mustBeBlocked:
		return l.latestSuppressed(g.rand, s.at)
	case s.to != nil:
		if s.to.blocked > s.at {
			return nil
		}
		return s.to
	}
	refusing := s.account == offers.account && s.sender == offers.sender && g.refusal.Contains(s.at)
	toRefusing := refusing && g.rand.Float64() < refusalShare
	for {
		p := l.next()
		if s.cause != mailing {
			u := g.rand.Float64() // squared, so that recipients early on the list get the most
			p = l.members[int(u*u*float64(len(l.members)))]
		}
		switch {
		case p.blocked > s.at:
		case (p.blocked != 0 || p.failsUntil > s.at) && s.cause >= mustBounceHard:
		case refusing && toRefusing != (p.domain == RefusingDomain):
		default:
			return p
		}
	}
}

// verdict decides whether an email to a recipient who is not blocked bounces. It returns
// the rule and the delay of the bounce, or nil if the email is delivered.
func (g *generator) verdict(s *send, p *recipient) (*rule, upstream.Time) {
	var r *rule
	a := &accounts[s.account]
	switch {
	case s.cause == mustBounceHard:
		return noSuchMailbox, 3
	case s.cause == mustBounceSoft:
		return mailboxFull, 20
	case p.failsUntil > s.at:
		r = p.fails
	case p.domain == RefusingDomain && g.refusal.Contains(s.at) && g.rand.Float64() < refusalThorough:
		r = refusedByPolicy
	case s.cause == importing && g.rand.Float64() < importHardShare:
		r = noSuchMailbox
	case g.rand.Float64() < a.senders[s.sender].bounceRate:
		r = softRules[g.rand.IntN(len(softRules))]
		if g.rand.Float64() < hardShare {
			r = hardRules[g.rand.IntN(len(hardRules))]
		}
	default:
		return nil, 0
	}
	return r, r.wait.seconds(g.rand)
}

// How often something happens, as shares.
const (
	hardShare        = .44  // of bounces on an ordinary day
	lastingShare     = .6   // of full mailboxes that stay full while more is sent
	unsubscribeShare = .004 // of delivered emails of mailings
	complaintShare   = .0006
)

// bounce generates an email that bounces after wait, and may suppress its recipient.
func (g *generator) bounce(s *send, p *recipient, e upstream.Email, r *rule, wait upstream.Time) {
	g.batch.Emails = append(g.batch.Emails, e)
	at := s.at + wait
	l := g.lists[s.account]
	switch {
	case r.kind == upstream.Hard:
		l.suppress(p, at, "hardbounce", 1+g.rand.IntN(3))
	case p.softBounced(r.code, at):
		l.suppress(p, p.softLast, "softbounce", 1+g.rand.IntN(3))
	case r.lasts() && s.cause == service && p.failsUntil < s.at && g.rand.Float64() < lastingShare:
		p.fails, p.failsUntil = r, s.at+14*hour
		g.followUp(s, p)
	}
	if at >= g.now {
		return // the bounce is still in transit
	}
	a := &accounts[s.account]
	b := upstream.Bounce{
		UserID: e.UserID, SenderID: e.SenderID, EmailID: e.EmailID,
		EmailAddress: e.EmailAddress, Local: e.Local, Domain: e.Domain,
		Type: r.kind, Category: r.category, Code: r.code, BounceTime: at, ProcessTime: s.at, XHeaders: e.XHeaders,
	}
	if a.postbacks {
		b.PostbackTime = at
	}
	g.bounces = append(g.bounces, detail(b, r, &a.senders[s.sender], s.subject()))
}

// followUp plans four more emails to a recipient whose mailbox is full: two bounce, and
// then the recipient is blocked.
func (g *generator) followUp(s *send, p *recipient) {
	next := *s
	next.to = p
	for range 4 {
		next.at += hour + upstream.Time(g.rand.IntN(int(hour)))
		h := upstream.Hour.Floor(next.at)
		g.later[h] = append(g.later[h], next)
	}
}

// block generates an email that is not sent because its recipient is suppressed.
func (g *generator) block(s *send, p *recipient, e upstream.Email) {
	g.batch.Emails = append(g.batch.Emails, e)
	b := upstream.BlockedEmail{
		UserID: e.UserID, SenderID: e.SenderID, EmailID: e.EmailID,
		EmailAddress: e.EmailAddress, Local: e.Local, Domain: e.Domain,
		Reason: p.reason, ProcessTime: s.at, XHeaders: e.XHeaders,
	}
	if accounts[s.account].postbacks {
		b.PostbackTime = s.at
	}
	g.batch.BlockedEmails = append(g.batch.BlockedEmails, b)
	if p.patience--; p.patience <= 0 {
		g.lists[s.account].replace(g.rand, p, anyDomain(g.rand))
	}
}

// delivered makes some recipients of a mailing unsubscribe or complain.
func (g *generator) delivered(s *send, p *recipient) {
	if s.cause != mailing {
		return
	}
	from := s.at + 600 + upstream.Time(g.rand.IntN(int(day)))
	switch u := g.rand.Float64(); {
	case u < complaintShare:
		g.lists[s.account].suppress(p, from, "complaint", 1+g.rand.IntN(2))
	case u < complaintShare+unsubscribeShare:
		g.lists[s.account].suppress(p, from, "unsubscribe", 1)
	}
}

// subject returns the email's subject.
func (s *send) subject() string {
	topics := accounts[s.account].senders[s.sender].topics
	if s.topic == len(topics) {
		return importSubject
	}
	return topics[s.topic].subject
}

// emailID makes an id like the service's: the process time in UTC, twelve digits and the
// sending host.
func (g *generator) emailID(at upstream.Time) string {
	b := make([]byte, 0, len("20060102150405.000000000000@mail6-40-ussnn1"))
	b = append(b, g.stamp...)
	s := int(at - g.at)
	b = append(b, '0'+byte(s/600), '0'+byte(s/60%10), '0'+byte(s%60/10), '0'+byte(s%10), '.')
	n := g.rand.Uint64()
	for range 12 {
		b = append(b, '0'+byte(n%10))
		n /= 10
	}
	b = append(b, "@mail6-"...)
	host := 40 + n%8
	return string(append(b, '0'+byte(host/10), '0'+byte(host%10), '-', 'u', 's', 's', 'n', 'n', '1'))
}
