package demo

import (
	"fmt"

	"deliverygraph/upstream"
	"deliverygraph/upstream/embedded/store"
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
	a := &accounts[s.account]
	e := store.Event{
		Identity: upstream.Identity{
			Time: s.at, EmailID: emailID(s.at, g.rand.Uint64N(1e12)), Recipient: p.address, UserID: a.id,
			SenderID: a.senderID(s.sender),
		},
		Local: p.local, Domain: p.domain, XHeaders: a.header(s.topic, p.traits), Own: store.Own{ProcessTime: s.at},
	}
	switch r, wait := g.verdict(s, p); {
	case p.blocked != 0:
		g.block(s, p, e)
	case r != nil && r.category == "bad-domain":
		// Mail to an existing domain never bounces for this reason, so this is a new
		// recipient who mistyped the address.
		p = g.lists[s.account].replace(g.rand, p, mistyped[g.rand.IntN(len(mistyped))])
		e.Recipient, e.Local, e.Domain = p.address, p.local, p.domain
		g.bounce(s, p, e, r, wait)
	case r != nil:
		g.bounce(s, p, e, r, wait)
	default:
		e.Delivered = true
		g.batch.Add(upstream.Emails, e)
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
		case (p.blocked != 0 || p.fullUntil > s.at) && s.cause >= mustBounceHard:
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
	case p.fullUntil > s.at:
		return mailboxFull, 20
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
func (g *generator) bounce(s *send, p *recipient, e store.Event, r *rule, wait upstream.Time) {
	g.batch.Add(upstream.Emails, e)
	at := s.at + wait
	l := g.lists[s.account]
	switch {
	case r.kind == upstream.Hard:
		l.suppress(p, at, "hardbounce")
	case p.fullUntil > s.at:
		if p.refused++; p.refused == 3 {
			l.suppress(p, at+60, "softbounce")
		}
	case r == mailboxFull && s.cause == service && g.rand.Float64() < lastingShare:
		p.fullUntil, p.refused = s.at+14*hour, 1
		g.followUp(s, p)
	}
	if at >= g.now {
		return // the bounce is still in transit
	}
	a := &accounts[s.account]
	e.Time, e.Type, e.Category, e.Code = at, r.kind, r.category, r.code
	if a.postbacks {
		e.PostbackTime = at
	}
	explain(&e, r, &a.senders[s.sender], s.topic)
	g.bounces = append(g.bounces, e)
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
func (g *generator) block(s *send, p *recipient, e store.Event) {
	g.batch.Add(upstream.Emails, e)
	e.Reason = p.reason
	if accounts[s.account].postbacks {
		e.PostbackTime = s.at
	}
	g.batch.Add(upstream.BlockedEmails, e)
	g.lists[s.account].replace(g.rand, p, anyDomain(g.rand))
}

// delivered makes some recipients of a mailing unsubscribe or complain.
func (g *generator) delivered(s *send, p *recipient) {
	if s.cause != mailing {
		return
	}
	from := s.at + 600 + upstream.Time(g.rand.IntN(int(day)))
	switch u := g.rand.Float64(); {
	case u < complaintShare:
		g.lists[s.account].suppress(p, from, "complaint")
	case u < complaintShare+unsubscribeShare:
		g.lists[s.account].suppress(p, from, "unsubscribe")
	}
}

// emailID returns an id like the service's: the process time in UTC, a number below 1e12 and the sending host.
func emailID(at upstream.Time, n uint64) string {
	return fmt.Sprintf("%s.%012d@mail6-%d-ussnn1", at.UTC().Format("20060102150405"), n, 40+n%8)
}
