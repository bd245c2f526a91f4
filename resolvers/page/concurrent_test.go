package page_test

import (
	"context"
	"errors"
	"fmt"
	"slices"
	"sync"
	"testing"

	"deliverygraph/resolvers/page"
	"deliverygraph/upstream"
)

// Each result is computed once, and all fields agree.
func TestConcurrentFieldsAgree(t *testing.T) {
	t.Parallel()
	m := newRemote(byKey, bulk(2000, 3)...)
	cursors := cursorsOf(t, m.source(), false)[0]
	m.calls()
	for name, a := range map[string]page.Args{
		"first": first(500, nil), "last": last(500, nil),
		"between": {After: &cursors[300], Before: &cursors[900], Last: new(450)},
	} {
		t.Run(name, func(t *testing.T) {
			t.Parallel()
			m := newRemote(byKey, m.now()...)
			s := m.source()
			s.Count = m.count
			c, err := page.Connect("list", s, a)
			if err != nil {
				t.Fatal(err)
			}
			var answers [8]string
			var wg sync.WaitGroup
			for i := range answers {
				wg.Go(func() {
					total, err1 := c.TotalCount(t.Context())
					next, err2 := c.HasNextPage(t.Context())
					rows, err3 := c.Rows(t.Context())
					previous, err4 := c.HasPreviousPage(t.Context())
					if err := errors.Join(err1, err2, err3, err4); err != nil {
						t.Error(err)
						return
					}
					answers[i] = fmt.Sprint(total, next, previous, len(rows), c.Cursor(0), c.Cursor(len(rows)-1))
				})
			}
			wg.Wait()
			if n := len(slices.Compact(answers[:])); n != 1 {
				t.Errorf("%d different answers, want 1", n)
			}
			calls := m.calls()
			if once := slices.Compact(slices.Sorted(slices.Values(calls))); len(once) != len(calls) {
				t.Errorf("calls are %v: some were repeated", calls)
			}
		})
	}
}

// A cancelled caller does not spoil the result for others. A failure of the upstream is kept.
func TestCancelledCallerDoesNotFailOthers(t *testing.T) {
	t.Parallel()
	m := newRemote(byKey, bulk(20, 3)...)
	s := m.source()
	calls := 0
	s.Fetch = func(ctx context.Context, w upstream.Window, offset int) ([]row, error) {
		calls++
		if err := ctx.Err(); err != nil {
			return nil, err
		}
		return m.fetch(ctx, w, offset)
	}
	c, err := page.Connect("list", s, page.Args{})
	if err != nil {
		t.Fatal(err)
	}
	gone, cancel := context.WithCancel(t.Context())
	cancel()
	if _, err := c.Rows(gone); !errors.Is(err, context.Canceled) {
		t.Errorf("error is %v, want the context's", err)
	}
	if rows, err := c.Rows(t.Context()); len(rows) != 20 || err != nil {
		t.Errorf("%d rows and %v after another caller was cancelled, want 20", len(rows), err)
	}

	calls = 0
	s.Fetch = func(context.Context, upstream.Window, int) ([]row, error) {
		calls++
		return nil, &upstream.Error{Code: upstream.Timeout}
	}
	if c, err = page.Connect("list", s, page.Args{}); err != nil {
		t.Fatal(err)
	}
	_, err1 := c.Rows(t.Context())
	_, err2 := c.HasNextPage(t.Context())
	_, err3 := c.TotalCount(t.Context())
	for _, err := range []error{err1, err2, err3} {
		if upstream.CodeOf(err) != upstream.Timeout {
			t.Errorf("error is %v, want the upstream's", err)
		}
	}
	if calls != 1 {
		t.Errorf("%d calls, want 1: the failure should be kept", calls)
	}
}

// A failure of the following page does not fail the rows.
func TestNextPageFailureDoesNotFailRows(t *testing.T) {
	t.Parallel()
	m := newRemote(byKey, bulk(700, 1)...)
	s := m.source()
	s.Fetch = func(ctx context.Context, w upstream.Window, offset int) ([]row, error) {
		if w.Start > window.Start {
			return nil, &upstream.Error{Code: upstream.Unavailable}
		}
		return m.fetch(ctx, w, offset)
	}
	c, err := page.Connect("list", s, first(500, nil))
	if err != nil {
		t.Fatal(err)
	}
	if _, err := c.HasNextPage(t.Context()); upstream.CodeOf(err) != upstream.Unavailable {
		t.Errorf("hasNextPage fails with %v, want the upstream's error", err)
	}
	if rows, err := c.Rows(t.Context()); len(rows) != 500 || err != nil {
		t.Errorf("%d rows and %v, want 500", len(rows), err)
	}
}
