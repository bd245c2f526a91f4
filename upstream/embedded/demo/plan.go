package demo

import (
	"cmp"
	"slices"

	"deliverygraph/upstream"
)

// send is a planned email.
type send struct {
	at      upstream.Time
	account int
	sender  int
	topic   string
	to      *recipient // nil: pick chooses one when the email is sent
	cause   cause
}

// cause is why an email is sent. It affects to whom it goes and what happens to it.
type cause uint8

const (
	service   cause = iota // in response to something that the recipient did
	mailing                // a campaign, which goes through the list in order
	importing              // BadImport
	mustBounceHard
	mustBounceSoft
	mustBeBlocked
)

// livelyHours is the number of full hours before the last one that are lively, so that
// common queries of recent data find rows: in any 60 minutes of them each sender sends,
// and in any 24 hours each account has a hard bounce, a soft bounce and a blocked email.
// More of these would look like an incident.
const livelyHours = 24

// plan plans the emails of the current hour, in order of time.
func (g *generator) plan() {
	g.source.Seed(seed, uint64(g.at))
	g.sends = append(g.sends[:0], g.later[g.at]...)
	delete(g.later, g.at)

	at := g.at.UTC()
	for i := range accounts {
		for n := range accounts[i].senders {
			steady, campaigns := accounts[i].senders[n].rhythm.emails(at)
			g.add(i, n, service, whole(g.rand, steady))
			g.add(i, n, mailing, whole(g.rand, campaigns))
		}
		if g.at.UTC().Hour() == 9 && g.rand.IntN(4) == 0 {
			g.suppressByHand(i)
		}
	}
	if g.refusal.Contains(g.at) {
		hours := float64((g.refusal.End - g.refusal.Start) / hour)
		g.add(offers.account, offers.sender, mailing, whole(g.rand, refusalEmails/hours))
	}
	if g.imported.Contains(g.at) {
		hours := float64((g.imported.End - g.imported.Start) / hour)
		g.add(membership.account, membership.sender, importing, whole(g.rand, importEmails/hours))
	}
	if g.at >= g.lively {
		g.enliven()
	}
	slices.SortStableFunc(g.sends, func(a, b send) int { return cmp.Compare(a.at, b.at) })
}

// add plans n emails of a sender, spread over the hour. Mailings have one topic per day.
func (g *generator) add(account, sender int, c cause, n int) {
	topics := accounts[account].senders[sender].topics
	for range n {
		topic := ""
		switch {
		case c == importing:
			topic = importTopic
		case c == mailing:
			topic = topics[int(g.at/day)%len(topics)]
		case len(topics) > 0:
			topic = topics[g.rand.IntN(len(topics))]
		}
		at := g.at + upstream.Time(g.rand.IntN(int(hour)))
		g.sends = append(g.sends, send{at: at, account: account, sender: sender, topic: topic, cause: c})
	}
}

// enliven adds the emails that make an hour lively, at the same minutes of every hour.
func (g *generator) enliven() {
	for i := range accounts {
		for n := range accounts[i].senders {
			g.add(i, n, service, 1)
			g.sends[len(g.sends)-1].at = g.at + upstream.Time(i*4+n)*140
		}
	}
	// At another hour of the day for each account and cause.
	hours := int(g.at / hour)
	if i, k := hours%24/4, hours%4; k < 3 {
		g.add(i, (hours/24+k)%4, mustBounceHard+cause(k), 1)
		g.sends[len(g.sends)-1].at = g.at + 7*60
	}
}

// suppressByHand puts a random recipient on an account's suppression list.
func (g *generator) suppressByHand(account int) {
	l := g.lists[account]
	if p := l.members[g.rand.IntN(len(l.members))]; p.blocked == 0 {
		l.suppress(p, g.at, "manual")
	}
}

// place is the position of a sender in the tables.
type place struct{ account, sender int }

// The senders of the incidents.
var offers, membership = placeOf(OffersSender), placeOf(MembershipSender)

func placeOf(id upstream.ID) place { return place{int(id/10 - MasterUser), int(id%10 - 1)} }
