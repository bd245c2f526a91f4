package demo

import (
	"iter"
	"math/rand/v2"
	"time"

	"deliverygraph/upstream"
	"deliverygraph/upstream/embedded/store"
)

// Days is the number of days that the data covers.
const Days = 90

const (
	hour = upstream.Time(3600)
	day  = 24 * hour

	// batchHours is the number of hours per batch: few enough to need little memory,
	// enough to make a transaction worthwhile.
	batchHours = 20 * 24

	seed = 0x6d61696c
)

// Generate yields the data of the [Days] days up to now, in batches ordered by time:
// emails and blocked emails by process time, bounces by bounce time, all before now. The
// first batch also has the senders. The caller may keep the batches.
func Generate(now time.Time) iter.Seq[store.Batch] {
	return func(yield func(store.Batch) bool) {
		g := newGenerator(now)
		for n := 1; g.at < g.now; n++ {
			g.plan()
			g.sendAll()
			g.at += hour
			if last := g.at >= g.now; last || n%batchHours == 0 {
				if !yield(g.take()) {
					return
				}
			}
		}
	}
}

// generator generates one hour after the other. Suppressed recipients, full mailboxes
// and emails in transit carry over to the next hour.
type generator struct {
	now    upstream.Time
	at     upstream.Time // the current hour
	lively upstream.Time // the first lively hour: see livelyHours

	refusal, imported upstream.Window

	source *rand.PCG
	rand   *rand.Rand
	lists  [len(accounts)]*list

	sends []send                   // in the current hour
	later map[upstream.Time][]send // in later hours

	batch   store.Batch
	bounces []store.Event // not yet in a batch, unordered; some belong to later batches
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
		g.lists[i] = newList(g.rand, i)
		for n, s := range a.senders {
			g.batch.Senders = append(g.batch.Senders,
				store.Sender{UserID: a.id, SenderID: a.senderID(n), Address: s.address})
		}
	}
	return g
}

// take returns the batch up to the current hour and starts a new one. Later bounces
// wait for their batch.
func (g *generator) take() store.Batch {
	later := g.bounces[:0]
	for _, b := range g.bounces {
		if b.Time < g.at {
			g.batch.Add(upstream.Bounces, b)
		} else {
			later = append(later, b)
		}
	}
	g.bounces = later
	g.batch.Of(upstream.Bounces).Sort()
	b := g.batch
	g.batch = store.Batch{Emails: make([]upstream.Email, 0, len(b.Emails)+len(b.Emails)/4)}
	return b
}
