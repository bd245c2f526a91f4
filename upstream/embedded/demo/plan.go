package demo

import (
	"cmp"
	"math/rand/v2"
	"slices"

	"deliverygraph/upstream"
)

// send is a planned email.
type send struct {
	at      upstream.Time
	account int
	sender  int
	topic   int
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
	g.stamp = g.at.UTC().Format("2006010215")
	g.sends = append(g.sends[:0], g.later[g.at]...)
	delete(g.later, g.at)

	at := g.at.UTC()
	for i := range accounts {
		for n := range accounts[i].senders {
			s := &accounts[i].senders[n]
			luck := 1 + .24*(luck(g.at, accounts[i].senderID(n))-.5)
			g.add(i, n, service, whole(g.rand, s.rhythm.steady(at, luck)))
			g.add(i, n, mailing, whole(g.rand, s.rhythm.campaigned(at, luck)))
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
	topics := len(accounts[account].senders[sender].topics)
	topic := int(g.at/day) % topics
	if c == importing {
		topic = topics // the one that newHeaderSets adds
	}
	for range n {
		if c == service {
			topic = g.rand.IntN(topics)
		}
		at := g.at + upstream.Time(g.rand.IntN(int(hour)))
		g.sends = append(g.sends, send{at: at, account: account, sender: sender, topic: topic, cause: c})
	}
}

// enliven adds the emails that make an hour lively, at the same minutes of every hour.
func (g *generator) enliven() {
	hours := int(g.at / hour)
	for i := range accounts {
		for n := range accounts[i].senders {
			at := g.at + upstream.Time(i*4+n)*140
			g.sends = append(g.sends, send{at: at, account: i, sender: n, cause: service})
		}
	}
	// At another hour of the day for each account and cause.
	if i, k := hours%24/4, hours%4; k < 3 {
		g.sends = append(g.sends, send{
			at: g.at + 7*60, account: i, sender: (hours/24 + k) % 4, cause: mustBounceHard + cause(k),
		})
	}
}

// suppressByHand puts a random recipient on an account's suppression list.
func (g *generator) suppressByHand(account int) {
	l := g.lists[account]
	if p := l.members[g.rand.IntN(len(l.members))]; p.blocked == 0 {
		l.suppress(p, g.at, "manual", 2+g.rand.IntN(2))
	}
}

// luck returns a random number in [0, 1) that is fixed per sender and day.
func luck(at upstream.Time, sender upstream.ID) float64 {
	return rand.New(rand.NewPCG(seed+uint64(at/day), uint64(sender))).Float64()
}

// place is the position of a sender in the tables.
type place struct{ account, sender int }

// The senders of the incidents.
var offers, membership = placeOf(OffersSender), placeOf(MembershipSender)

func placeOf(id upstream.ID) place {
	for i := range accounts {
		for n := range accounts[i].senders {
			if accounts[i].senderID(n) == id {
				return place{i, n}
			}
		}
	}
	panic("demo: no such sender")
}
