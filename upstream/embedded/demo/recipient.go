package demo

import (
	"math/rand/v2"
	"slices"
	"strconv"
	"strings"

	"deliverygraph/upstream"
)

// RefusingDomain is the domain that refuses mail in [PolicyRefusal].
const RefusingDomain = "inbox.example"

// mailDomains are the domains of recipients, each repeated by its weight: of 100 recipients, 22 are at mail.example.
var mailDomains = slices.Concat(
	slices.Repeat([]string{"mail.example"}, 22), slices.Repeat([]string{RefusingDomain}, 17),
	slices.Repeat([]string{"post.example"}, 12), slices.Repeat([]string{"example.com"}, 10),
	slices.Repeat([]string{"webmail.test"}, 8), slices.Repeat([]string{"example.net"}, 7),
	slices.Repeat([]string{"example.org"}, 7), slices.Repeat([]string{"home.example"}, 5),
	slices.Repeat([]string{"campus.example"}, 4), slices.Repeat([]string{"office.test"}, 3),
	[]string{"alder.example", "birch.example", "cedar.example", "maple.test", "rowan.test"},
)

// mistyped are domains that do not exist: misspellings of those above.
var mistyped = []string{
	"mial.example", "mail.exmaple.test", "inbx.example", "pots.example", "webmial.test", "exmaple.test",
}

// recipient is a mailbox on an account's list, with its history.
type recipient struct {
	local, domain, address string
	traits                 int // see account.header
	place                  int // index in list.members

	blocked upstream.Time // when suppression starts; 0 if it is not suppressed
	reason  string        // why it is suppressed

	fullUntil upstream.Time // until when the mailbox is full
	refused   int           // how often it has been since
}

// list is an account's list of recipients. Its length stays the same: when a recipient
// leaves, a new one signs up.
type list struct {
	account    int
	members    []*recipient
	suppressed []*recipient // everyone ever suppressed, including those who have left
	admitted   int          // number of recipients so far
	cursor     int          // position of the mailings
}

// newList returns a list, some of whose recipients were suppressed before the data
// begins.
func newList(r *rand.Rand, account int) *list {
	l := &list{account: account}
	for range accounts[account].recipients {
		p := l.join(l.admit(r, anyDomain(r)))
		switch u := r.Float64(); {
		case u < .016:
			l.suppress(p, 1, "unsubscribe")
		case u < .020:
			l.suppress(p, 1, "complaint")
		case u < .026:
			l.suppress(p, 1, "manual")
		}
	}
	return l
}

// join appends a recipient to the list.
func (l *list) join(p *recipient) *recipient {
	p.place = len(l.members)
	l.members = append(l.members, p)
	return p
}

// replace replaces a recipient by a new one.
func (l *list) replace(r *rand.Rand, old *recipient, domain string) *recipient {
	p := l.admit(r, domain)
	if p.place = old.place; l.members[p.place] == old {
		l.members[p.place] = p
	}
	return p
}

// next returns the next recipient of mailings, in a circle.
func (l *list) next() *recipient {
	l.cursor = (l.cursor + 1) % len(l.members)
	return l.members[l.cursor]
}

// latestSuppressed returns one of the recipients that were suppressed last.
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

// admit returns a recipient who has not been on the list before.
func (l *list) admit(r *rand.Rand, domain string) *recipient {
	// There are 60 × 60 names. The step has no common factor with 3600, so all are used
	// before any repeats. A number distinguishes later rounds.
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

// admitStale returns a recipient with an old-fashioned address, for the bad import.
func (l *list) admitStale(r *rand.Rand) *recipient {
	i := l.admitted
	l.admitted++
	return l.add(r, firstNames[i*7%len(firstNames)]+strconv.Itoa(10000+i), anyDomain(r))
}

func (l *list) add(r *rand.Rand, local, domain string) *recipient {
	return &recipient{local: local, domain: domain, address: local + "@" + domain, traits: r.IntN(1 << 16)}
}

// anyDomain returns a random mail domain, by weight.
func anyDomain(r *rand.Rand) string { return mailDomains[r.IntN(len(mailDomains))] }

// suppress blocks a recipient from a time on.
func (l *list) suppress(p *recipient, from upstream.Time, reason string) {
	p.blocked, p.reason = from, reason
	l.suppressed = append(l.suppressed, p)
}

var firstNames = strings.Fields(`
	aiko alba amara anders anna arif astrid bao beatriz ben carla chen clara dana david elena emil emma erik farah
	felix fiona gita hana hugo ines ivan jana jonas juan kai kira lara leo lina lucas maja marco maria mei milan
	mina nadia nina noah olga omar oscar paula pavel rosa ruth sam sara sofia tariq theo vera yara zoe
`)

var lastNames = strings.Fields(`
	abe adler almeida bauer bell berg blanc brown carter castro cohen costa dahl diaz dubois evans farkas fischer
	fox garcia gomez gray haas hall hansen ito ivanov jansen jones kaya keller khan kim klein koch larsen lee lopez
	marin meyer mori moss nagy nguyen novak olsen park patel perez reed rossi roy sato silva smith stone tanaka
	vogel weber wolf
`)
