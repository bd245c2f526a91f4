package store

import (
	"fmt"
	"sync"
	"sync/atomic"
	"time"

	"deliverygraph/upstream"
)

// Places remembers where the pages of lists begin, so that a store finds the next page without counting rows. P is such
// a place. It is right as long as older events do not change. The zero value is ready to use.
type Places[P any] struct {
	places sync.Map
	added  atomic.Uint64
}

// maxPlaces is the number of places after which they are forgotten.
const maxPlaces = 8192

type place[P any] struct {
	at     P
	age    int64 // of the changes that make it wrong, in seconds
	number int64 // of the last one
}

// Page is a page of a list.
type Page struct {
	list   string // the kind, the visible users and the filters
	offset int
}

// PageOf returns the page that a call of a [Reader] asks for.
func PageOf(k upstream.Kind, only []upstream.ID, q upstream.ListQuery) Page {
	offset := max(q.Offset, 0)
	q.Offset = 0
	return Page{fmt.Sprint(k, only, q.Encode()), offset}
}

// Find returns where a page begins, if that is known. Changed returns the number of the last change of events that were
// at least so old at the time, in seconds.
func (p *Places[P]) Find(page Page, changed func(age int64) (int64, error)) (at P, ok bool, err error) {
	found, _ := p.places.Load(page)
	x, ok := found.(place[P])
	if !ok {
		return at, false, nil
	}
	number, err := changed(x.age)
	return x.at, err == nil && number == x.number, err
}

// AddNext adds where the page after a full one begins. Last is the time of the last row before it. Changed is as
// for Find.
func (p *Places[P]) AddNext(page Page, last upstream.Time, at P, changed func(age int64) (int64, error)) error {
	age := max(0, time.Now().Unix()-int64(last+3600)) // clocks of other processes may be an hour behind
	number, err := changed(age)
	if err != nil {
		return err
	}
	if p.added.Add(1)%maxPlaces == 0 {
		p.places.Clear()
	}
	page.offset += upstream.PageSize
	p.places.Store(page, place[P]{at, age, number})
	return nil
}
