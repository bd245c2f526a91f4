package exporter

import (
	"cmp"
	"context"
	"iter"

	"deliverygraph/upstream"
	"deliverygraph/upstream/embedded/store"
)

// Store returns the source for a store. It returns all accounts and senders, whatever the window.
func Store(s store.Store) Source {
	return func(ctx context.Context, w upstream.Window) iter.Seq2[Row, error] {
		return func(yield func(Row, error) bool) {
			accounts, err := s.Accounts(ctx)
			senders, failed := s.Senders(ctx)
			if err = cmp.Or(err, failed); err != nil {
				yield(Row{}, err)
				return
			}
			for i := range accounts {
				if !yield(Row{Account: &accounts[i]}, nil) {
					return
				}
			}
			for i := range senders { // without an address, it only exists in its rows
				if senders[i].Address != "" && !yield(Row{Sender: &senders[i]}, nil) {
					return
				}
			}
			merge(func(k upstream.Kind) iter.Seq2[Row, error] {
				return func(yield func(Row, error) bool) {
					for e, err := range s.Scan(ctx, k, w) {
						if !yield(Row{Kind: k, Event: e}, err) {
							return
						}
					}
				}
			}, yield)
		}
	}
}

// merge yields the events of all kinds, each of which scan returns in order of time, in order of time. Of those of one
// second, emails come first.
func merge(scan func(upstream.Kind) iter.Seq2[Row, error], yield func(Row, error) bool) {
	type front struct {
		Row
		err  error
		next func() (Row, error, bool)
	}
	var fronts []*front
	for _, k := range upstream.Kinds {
		next, stop := iter.Pull2(scan(k))
		defer stop()
		f := &front{next: next}
		var more bool
		if f.Row, f.err, more = next(); more {
			fronts = append(fronts, f)
		}
	}
	for len(fronts) > 0 {
		first := 0
		for i, f := range fronts {
			if f.err != nil || fronts[first].err == nil && f.Time < fronts[first].Time {
				first = i
			}
		}
		f := fronts[first]
		if !yield(f.Row, f.err) || f.err != nil {
			return
		}
		var more bool
		if f.Row, f.err, more = f.next(); !more {
			fronts = append(fronts[:first], fronts[first+1:]...)
		}
	}
}
