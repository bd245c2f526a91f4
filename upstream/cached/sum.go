package cached

import (
	"context"
	"time"

	"deliverygraph/upstream"
)

// tally is a question for counts or time series, as a function of its window:
// answers to windows side by side add up to the answer to both.
type tally[T any] struct {
	window upstream.Window
	kind   upstream.Kind
	path   string
	form   string
	query  func(upstream.Window) string
	load   func(context.Context, upstream.Window) (T, error)
	pack   func(T) (T, size)
	join   func(older, newer T) T

	// Where the answer is asked for as time series ([tally.reach]):
	filter upstream.SeriesQuery // the question, of any window; of counts it has no interval
	// tell makes an answer of series and of what is known of the same rows. It says false
	// where that is not enough.
	tell func(q upstream.SeriesQuery, known T, series []upstream.Series) (T, bool)
}

// sum is the answer to a window that ends at a settled hour. It grows with the
// clock: what has settled since is fetched and added.
type sum[T any] struct {
	upTo  upstream.Time
	rows  T
	since time.Time // when its oldest part arrived
}

// held gives the sum under key, and whether it is still good. One that is not serves only
// where the API fails.
func (t tally[T]) held(a *API, key string) (e entry, s sum[T], good bool) {
	e, held := a.memory.get(key)
	if !held {
		return e, s, false
	}
	s = e.value.(sum[T])
	return e, s, a.o.Sealed == 0 || a.o.Now().Sub(s.since) < a.o.Sealed
}

// answer answers the question. A window that begins before the last settled hour
// and ends in what is not settled is split at that hour: its past is in memory,
// so that only what may have changed is asked for. Where the past lacks what has settled
// since, that and the open edge are asked for in one.
//
// That pays when the past is asked for again, and so for windows that keep their
// start. One that does not begin on an hour most often moves with the clock: it is
// asked for as a whole, and split from the second time on.
func (t tally[T]) answer(ctx context.Context, a *API) (T, error) {
	m, w := a.o.moment(), t.window
	whole := t.question(a, m, w)
	if m.seals(w) || w.Start >= m.hour() {
		return remember(ctx, a, whole)
	}
	there := func() bool {
		e, held := a.memory.get(a.key(whole.form, whole.path, whole.query))
		return held && e.fresh(a.o.Now())
	}
	if there() {
		return remember(ctx, a, whole)
	}
	key := a.key("sum of "+t.form, t.path, t.endless(w.Start))
	if w.Start != upstream.Hour.Floor(w.Start) {
		if _, again := a.memory.get(key); !again {
			rows, err := remember(ctx, a, whole)
			if err == nil {
				a.put(key, sum[T]{upTo: w.Start, since: a.o.Now()}, size{bytes: sizeOf[sum[T]]()}, forever)
			}
			return rows, err
		}
	}
	if all, reached := t.reach(ctx, a, m, key); reached {
		return all, nil
	}
	if there() { // others have reached it since
		return remember(ctx, a, whole)
	}
	all, err := t.split(ctx, a, m, key)
	if err != nil {
		if e, held := a.stale(a.key(whole.form, whole.path, whole.query), whole.latest, err); held { // of a time when it was had in one
			a.report(ctx, Lookup{Endpoint: whole.endpoint, Path: whole.path, Query: whole.query, Rows: e.rows, Age: a.o.Now().Sub(e.since), Stale: true, Err: err})
			return e.value.(T), nil
		}
	}
	return all, err
}

// split asks for the past and for the open edge side by side.
func (t tally[T]) split(ctx context.Context, a *API, m moment, key string) (T, error) {
	var none T
	type answer struct {
		sum[T]
		err error
	}
	past := make(chan answer, 1)
	go func() {
		s, err := t.past(ctx, a, m, key)
		past <- answer{s, err}
	}()
	edge, err := remember(ctx, a, t.question(a, m, upstream.Window{Start: m.hour(), End: t.window.End}))
	p := <-past
	switch {
	case p.err != nil:
		return none, p.err
	case p.upTo >= t.window.End: // the clock went back
		return remember(ctx, a, t.question(a, m, t.window))
	case p.upTo != m.hour():
		edge, err = remember(ctx, a, t.question(a, m, upstream.Window{Start: p.upTo, End: t.window.End}))
	}
	if err != nil {
		return none, err
	}
	return t.join(p.rows, edge), nil
}

// past gives the sum up to the last settled hour, or to an earlier one where what
// has settled since could not be had: the edge begins there then.
func (t tally[T]) past(ctx context.Context, a *API, m moment, key string) (sum[T], error) {
	look := Lookup{Endpoint: t.path, Path: t.path}
	e, s, good := t.held(a, key)
	if look.Hit = good && s.upTo >= m.hour(); !look.Hit {
		l, joined, err := board(ctx, a, key, func(ctx context.Context) (landed, error) {
			return t.grow(ctx, a, m, key)
		})
		if err != nil {
			return sum[T]{}, gaveUp(err)
		}
		e, look.Joined, look.Hit = l.entry, joined, l.held && !joined
	}
	s = e.value.(sum[T])
	if (look.Hit || look.Joined) && s.upTo > t.window.Start { // else what was fetched has been told of
		look.Query = t.query(upstream.Window{Start: t.window.Start, End: s.upTo})
		look.Rows, look.Left = e.rows, e.left(a.o.Now())
		if look.Hit {
			look.Age = a.o.Now().Sub(e.since)
		}
		a.report(ctx, look)
	}
	return s, nil
}

// grow fetches what the sum lacks, and keeps it. Where that fails, a sum that is
// held is as good as it was.
func (t tally[T]) grow(ctx context.Context, a *API, m moment, key string) (landed, error) {
	kept, s, good := t.held(a, key)
	held := kept.value != nil
	if !good {
		s = sum[T]{upTo: t.window.Start, since: a.o.Now()}
	}
	if s.upTo >= m.hour() {
		return landed{kept, true}, nil
	}
	piece := t.question(a, m, upstream.Window{Start: s.upTo, End: m.hour()})
	piece.keep, piece.final = 0, true // the sum has it
	rows, err := remember(ctx, a, piece)
	switch {
	case err != nil && held:
		return landed{kept, true}, nil
	case err != nil:
		return landed{}, err
	}
	packed, n := t.pack(t.join(s.rows, rows))
	n.bytes += sizeOf[sum[T]]()
	return landed{a.put(key, sum[T]{m.hour(), packed, s.since}, n, forever), false}, nil
}

// question is the call for a window.
func (t tally[T]) question(a *API, m moment, w upstream.Window) question[T] {
	return question[T]{
		endpoint: t.path, path: t.path, query: t.query(w), form: t.form,
		keep:   a.o.keep(m, w),
		latest: a.latestOf(m, w.End, t.form, t.path, func() string { return t.endless(w.Start) }),
		load:   func(ctx context.Context) (T, error) { return t.load(ctx, w) },
		pack:   t.pack,
	}
}

// endless is the query without an end. (0 is one that no window that is split has.)
func (t tally[T]) endless(start upstream.Time) string {
	return t.query(upstream.Window{Start: start})
}
