package demo

import (
	"cmp"
	"iter"
	"math/rand/v2"
	"slices"
	"time"

	"deliverygraph/upstream"
	"deliverygraph/upstream/embedded/store"
)

// Days is how far the data goes back.
const Days = 90

const (
	hour = upstream.Time(3600)
	day  = 24 * hour

	// batchHours is how many hours make a batch: few enough to stay small in
	// memory, enough that a transaction is worth its while.
	batchHours = 20 * 24

	// seed makes this data and no other.
	seed = 0x6d61696c
)

// Generate makes the data of the [Days] days up to now, in batches in order of
// time: emails and blocked emails by process time, bounces by bounce time, all
// before now. The first batch names the senders. The batches are the caller's to keep.
func Generate(now time.Time) iter.Seq[store.Batch] {
	return func(yield func(store.Batch) bool) {
		g := newGenerator(now)
		for n := 1; g.at < g.now; n++ {
			g.plan()
			g.carryOut()
			g.at += hour
			if last := g.at >= g.now; last || n%batchHours == 0 {
				if !yield(g.take()) {
					return
				}
			}
		}
	}
}

// generator makes hour after hour. What one hour leaves behind (who is suppressed,
// whose mailbox is full, what is still on its way) carries over to the next.
type generator struct {
	now    upstream.Time
	at     upstream.Time // the hour at hand
	lively upstream.Time // the hour from which on no common query is to come back empty

	refusal, imported upstream.Window

	source  *rand.PCG
	rand    *rand.Rand
	lists   [len(accounts)]*list
	headers [len(accounts)]headerSets

	sends []send                   // of the hour at hand
	later map[upstream.Time][]send // of hours to come

	stamp   string // the hour at hand as email ids begin
	text    writer
	batch   store.Batch
	bounces []upstream.BounceDetail // of emails made so far, in no order; some belong to later batches
}

func newGenerator(now time.Time) *generator {
	g := &generator{
		now:      upstream.Time(now.Unix()),
		refusal:  PolicyRefusal(now).Window,
		imported: BadImport(now).Window,
		source:   rand.NewPCG(seed, 0),
		later:    map[upstream.Time][]send{},
	}
	g.rand = rand.New(g.source)
	this := upstream.Hour.Floor(g.now)
	g.at, g.lively = this-Days*day, this-livelyHours*hour
	for i := range accounts {
		a := &accounts[i]
		g.headers[i] = newHeaderSets(a)
		g.lists[i] = newList(g.rand, i)
		for n, s := range a.senders {
			g.batch.Senders = append(g.batch.Senders, store.Sender{UserID: a.id, SenderID: a.senderID(n), Address: s.address})
		}
	}
	return g
}

// take gives what was made before the hour at hand, and was not taken yet. Bounces
// that come later wait for their batch.
func (g *generator) take() store.Batch {
	n := 0
	for _, b := range g.bounces {
		if b.BounceTime < g.at {
			g.batch.Bounces = append(g.batch.Bounces, b)
		} else {
			g.bounces[n] = b
			n++
		}
	}
	g.bounces = g.bounces[:n]
	slices.SortFunc(g.batch.Bounces, func(a, b upstream.BounceDetail) int {
		return cmp.Or(cmp.Compare(a.BounceTime, b.BounceTime), cmp.Compare(a.EmailID, b.EmailID))
	})
	b := g.batch
	g.batch = store.Batch{Emails: make([]upstream.Email, 0, len(b.Emails)+len(b.Emails)/4)}
	return b
}
