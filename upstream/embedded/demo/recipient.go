package demo

import (
	"math/rand/v2"
	"strconv"

	"deliverygraph/upstream"
)

// The domain that refuses in the [PolicyRefusal] incident.
const RefusingDomain = "inbox.example"

// mailDomains are where recipients have their mailboxes, with their weights.
var mailDomains = weighted([]choice{
	{"mail.example", 22}, {RefusingDomain, 17}, {"post.example", 12}, {"example.com", 10}, {"webmail.test", 8},
	{"example.net", 7}, {"example.org", 7}, {"home.example", 5}, {"campus.example", 4}, {"office.test", 3},
	{"alder.example", 1}, {"birch.example", 1}, {"cedar.example", 1}, {"maple.test", 1}, {"rowan.test", 1},
})

// mistyped are domains that do not exist: what people type for those above.
var mistyped = []string{"mial.example", "mail.exmaple.test", "inbx.example", "pots.example", "webmial.test", "exmaple.test"}

type choice struct {
	value  string
	weight int
}

// weighted is a list to pick from evenly, each value as often as it weighs.
func weighted(choices []choice) []string {
	var l []string
	for _, c := range choices {
		for range c.weight {
			l = append(l, c.value)
		}
	}
	return l
}

// recipient is a mailbox on one account's list, and what has happened to it.
type recipient struct {
	local, domain, address string
	traits                 int // which of the header values that follow the recipient
	place                  int // on the list

	blocked  upstream.Time // from when it is suppressed; 0 is not
	reason   string        // why it is suppressed
	patience int           // how often it is still mailed in vain before it leaves the list

	fails               *rule         // what a mailbox in trouble answers…
	failsUntil          upstream.Time // …until then
	softCode            string        // code of the latest soft bounces…
	softTimes           int           // …how many there were…
	softFirst, softLast upstream.Time // …and when
}

// list is an account's recipients. The places on it are steady: when a recipient
// leaves, another one signs up.
type list struct {
	account    int
	members    []*recipient
	suppressed []*recipient // all that ever were
	admitted   int
	traits     int
	cursor     int // where the mailings are
}

// newList makes a list with some recipients who turned away before the data begins.
func newList(r *rand.Rand, account int) *list {
	t := &accounts[account].traits
	l := &list{account: account, traits: len(t[0]) * len(t[1]) * len(t[2])}
	for range accounts[account].recipients {
		p := l.join(l.admit(r, anyDomain(r)))
		switch u := r.Float64(); {
		case u < .016:
			l.suppress(p, 1, "unsubscribe", 1+r.IntN(2))
		case u < .020:
			l.suppress(p, 1, "complaint", 1+r.IntN(2))
		case u < .026:
			l.suppress(p, 1, "manual", 2+r.IntN(3))
		}
	}
	return l
}

// join puts a recipient at the end of the list.
func (l *list) join(p *recipient) *recipient {
	p.place = len(l.members)
	l.members = append(l.members, p)
	return p
}

// replace lets a new recipient take another's place.
func (l *list) replace(r *rand.Rand, old *recipient, domain string) *recipient {
	p := l.admit(r, domain)
	if p.place = old.place; l.members[p.place] == old {
		l.members[p.place] = p
	}
	return p
}

// next goes round the list.
func (l *list) next() *recipient {
	l.cursor = (l.cursor + 1) % len(l.members)
	return l.members[l.cursor]
}

// latestSuppressed is one of those who were suppressed last.
func (l *list) latestSuppressed(r *rand.Rand, at upstream.Time) *recipient {
	const latest = 24
	n := len(l.suppressed)
	for i, start := 0, r.IntN(latest); i < n; i++ {
		if p := l.suppressed[n-1-(start+i)%n]; p.blocked <= at {
			return p
		}
	}
	return nil
}

// admit makes a recipient who has not been on the list.
func (l *list) admit(r *rand.Rand, domain string) *recipient {
	// 60 × 60 names, spread by a step that has no factor in common with 3600; the
	// whole part of the division keeps later rounds apart.
	i := l.admitted
	l.admitted++
	n := (i*1777 + l.account*641) % (len(firstNames) * len(lastNames))
	first, last := firstNames[n%len(firstNames)], lastNames[n/len(firstNames)]
	local := first + "." + last
	if n%3 == 0 {
		local = first + "_" + last
	}
	switch round := i / (len(firstNames) * len(lastNames)); {
	case round > 0:
		local += strconv.Itoa(round + 1)
	case n%5 == 0:
		local += strconv.Itoa(60 + n%40)
	}
	return l.add(r, local, domain)
}

// admitStale makes a recipient as an old list has them.
func (l *list) admitStale(r *rand.Rand) *recipient {
	i := l.admitted
	l.admitted++
	return l.add(r, firstNames[i*7%len(firstNames)]+strconv.Itoa(10000+i), mailDomains[r.IntN(len(mailDomains))])
}

func (l *list) add(r *rand.Rand, local, domain string) *recipient {
	return &recipient{local: local, domain: domain, address: local + "@" + domain, traits: r.IntN(l.traits)}
}

// anyDomain is a mail domain by weight.
func anyDomain(r *rand.Rand) string { return mailDomains[r.IntN(len(mailDomains))] }

// suppress blocks a recipient from a moment on.
func (l *list) suppress(p *recipient, from upstream.Time, reason string, patience int) {
	p.blocked, p.reason, p.patience = from, reason, patience
	l.suppressed = append(l.suppressed, p)
}

// softBounced counts a soft bounce and says whether it is the one too many: the
// third with one code within 24 hours.
func (p *recipient) softBounced(code string, at upstream.Time) bool {
	if p.softCode != code || at-p.softFirst >= day || p.softLast-at >= day {
		p.softCode, p.softTimes, p.softFirst, p.softLast = code, 0, at, at
	}
	p.softTimes++
	p.softFirst, p.softLast = min(p.softFirst, at), max(p.softLast, at)
	return p.softTimes >= 3
}

var firstNames = []string{
	"aiko", "alba", "amara", "anders", "anna", "arif", "astrid", "bao", "beatriz", "ben", "carla", "chen", "clara", "dana", "david",
	"elena", "emil", "emma", "erik", "farah", "felix", "fiona", "gita", "hana", "hugo", "ines", "ivan", "jana", "jonas", "juan",
	"kai", "kira", "lara", "leo", "lina", "lucas", "maja", "marco", "maria", "mei", "milan", "mina", "nadia", "nina", "noah",
	"olga", "omar", "oscar", "paula", "pavel", "rosa", "ruth", "sam", "sara", "sofia", "tariq", "theo", "vera", "yara", "zoe",
}

var lastNames = []string{
	"abe", "adler", "almeida", "bauer", "bell", "berg", "blanc", "brown", "carter", "castro", "cohen", "costa", "dahl", "diaz", "dubois",
	"evans", "farkas", "fischer", "fox", "garcia", "gomez", "gray", "haas", "hall", "hansen", "ito", "ivanov", "jansen", "jones", "kaya",
	"keller", "khan", "kim", "klein", "koch", "larsen", "lee", "lopez", "marin", "meyer", "mori", "moss", "nagy", "nguyen", "novak",
	"olsen", "park", "patel", "perez", "reed", "rossi", "roy", "sato", "silva", "smith", "stone", "tanaka", "vogel", "weber", "wolf",
}
