package exporter

import (
	"cmp"
	"context"
	"fmt"
	"iter"
	"slices"
	"time"

	"deliverygraph/upstream"
	"deliverygraph/upstream/embedded/store"
)

// Remote returns the source for a server of the API. It asks for the counts of each day, divides days with many events,
// and reads their lists page by page and the details of bounces one by one.
//
// Differs is called for parts of the window in which the server lists more or fewer events than it counts. The rows are
// those that it lists.
func Remote(api upstream.API, differs func(what string)) Source {
	return func(ctx context.Context, w upstream.Window) iter.Seq2[Row, error] {
		r := &remote{API: api, differs: differs, addresses: map[upstream.ID]string{}}
		return func(yield func(Row, error) bool) {
			named := map[upstream.ID]bool{}
			scan := func(k upstream.Kind) iter.Seq2[Row, error] { return r.scan(ctx, k, w) }
			merge(scan, func(x Row, err error) bool {
				if id := x.SenderID; err == nil && !named[id] {
					named[id] = true
					s := &store.Sender{UserID: x.UserID, SenderID: id, Address: r.addresses[id]}
					if s.Address != "" && !yield(Row{Sender: s}, nil) {
						return false
					}
				}
				return yield(x, err)
			})
		}
	}
}

type remote struct {
	upstream.API
	differs   func(string)
	addresses map[upstream.ID]string // of senders; empty if the server has none
}

// scan returns a kind's events of a window.
func (r *remote) scan(ctx context.Context, k upstream.Kind, w upstream.Window) iter.Seq2[Row, error] {
	return func(yield func(Row, error) bool) {
		for w.Start < w.End {
			part := upstream.Window{Start: w.Start, End: min(w.End, upstream.Day.Floor(w.Start)+upstream.Day.Seconds())}
			if w.Start = part.End; !r.part(ctx, k, part, yield) {
				return
			}
		}
	}
}

// part yields the events of a part of the window, after it has divided it if it has many. It reports whether to go on.
func (r *remote) part(ctx context.Context, k upstream.Kind, w upstream.Window, yield func(Row, error) bool) bool {
	most := int64(10_000)
	if k == upstream.Bounces {
		most = 1000 // they may have whole messages
	}
	counts, err := r.Counts(ctx, k, upstream.CountQuery{Window: w})
	if err != nil {
		yield(Row{}, err)
		return false
	}
	var total upstream.Tally
	for _, c := range counts {
		total = total.Add(c.Tally)
		r.addresses[c.ID] = c.Sender
	}
	switch n := total.Total; {
	case n == 0:
		return true
	case n > most && w.End-w.Start > 1:
		middle := w.Start + (w.End-w.Start)/2
		return r.part(ctx, k, upstream.Window{Start: w.Start, End: middle}, yield) &&
			r.part(ctx, k, upstream.Window{Start: middle, End: w.End}, yield)
	}
	rows, err := r.list(ctx, k, w, int(min(max(0, total.Total), maxExpected)))
	if err != nil {
		yield(Row{}, err)
		return false
	}
	if n := len(rows); int64(n) != total.Total {
		r.differs(fmt.Sprintf("from %s to %s the server counts %d %s, but lists %d", w.Start.UTC().Format(time.RFC3339),
			w.End.UTC().Format(time.RFC3339), total.Total, k, n))
	}
	for i := range rows {
		if !yield(rows[i], nil) {
			return false
		}
	}
	return true
}

// maxExpected is the maximum number of events that a server may have in a second. One that counts more is mistaken.
const maxExpected = 1 << 20

// list returns the events of a window, in order, each once. About so many are expected.
func (r *remote) list(ctx context.Context, k upstream.Kind, w upstream.Window, expected int) (rows []Row, err error) {
	pages, errs := make([][]store.Event, expected/upstream.PageSize+1), make([]error, expected/upstream.PageSize+1)
	ask := func(page int) ([]store.Event, error) {
		q := upstream.ListQuery{Window: w, Offset: page * upstream.PageSize}.Question(k)
		answer, err := r.Ask(ctx, &q)
		return store.EventsOf(answer), err
	}
	upstream.Concurrently(len(pages), func(i int) { pages[i], errs[i] = ask(i) })
	if err := cmp.Or(errs...); err != nil {
		return nil, err
	}
	for len(pages[len(pages)-1]) >= upstream.PageSize { // there are more than expected
		more, err := ask(len(pages))
		if err != nil {
			return nil, err
		}
		pages = append(pages, more)
	}
	for _, e := range slices.Concat(pages...) {
		if w.Contains(e.Time) {
			rows = append(rows, Row{Kind: k, Event: e})
		}
	}
	slices.SortStableFunc(rows, func(a, b Row) int { return a.Compare(b.Identity) })
	rows = slices.CompactFunc(rows, func(a, b Row) bool { return a.Identity == b.Identity })
	if k != upstream.Bounces {
		return rows, nil
	}
	errs = make([]error, len(rows))
	upstream.Concurrently(len(rows), func(i int) { errs[i] = r.detail(ctx, &rows[i]) })
	return rows, cmp.Or(errs...)
}

// detail adds the details to a bounce. The API returns those of the first recipient if an email bounced for several at
// the same time.
func (r *remote) detail(ctx context.Context, x *Row) error {
	d, err := r.Bounce(ctx, upstream.BounceKey{
		UserID: x.UserID, SenderID: x.SenderID, BounceTime: x.Time, EmailID: x.EmailID,
	})
	x.Partial = upstream.CodeOf(err) == upstream.NotFound ||
		err == nil && upstream.LowerAddress(d.EmailAddress) != x.Recipient
	if x.Partial {
		return nil
	}
	x.DiagnosticCode, x.RuleName, x.FullContent = d.DiagnosticCode, d.RuleName, d.FullContent
	return err
}
