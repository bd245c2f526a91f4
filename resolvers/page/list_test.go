package page_test

import (
	"context"
	"errors"
	"math/rand/v2"
	"testing"

	"github.com/google/go-cmp/cmp"
	"github.com/google/go-cmp/cmp/cmpopts"

	"deliverygraph/resolvers/page"
	"deliverygraph/upstream"
)

// whole returns a source whose rows are ids, and counts its calls.
func whole(calls *int, ids ...upstream.ID) page.ListSource[upstream.ID] {
	return page.ListSource[upstream.ID]{
		ID: func(id *upstream.ID) upstream.ID { return *id },
		Fetch: func(context.Context) ([]upstream.ID, error) {
			*calls++
			return ids, nil
		},
	}
}

type listAnswer struct {
	Rows           []upstream.ID
	Next, Previous bool
	Total          int64
	cursors        []string
}

func connectList(name string, s page.ListSource[upstream.ID], a page.Args) (*page.List[upstream.ID], error) {
	r, err := a.Open(name, window)
	if err != nil {
		return nil, err
	}
	return page.NewList(r, s)
}

func askList(t *testing.T, s page.ListSource[upstream.ID], a page.Args) (p listAnswer) {
	t.Helper()
	l, err := connectList("senders", s, a)
	if err != nil {
		t.Fatal(err)
	}
	ctx := t.Context()
	rows, err1 := l.Rows(ctx)
	next, err2 := l.HasNextPage(ctx)
	previous, err3 := l.HasPreviousPage(ctx)
	total, err4 := l.TotalCount(ctx)
	if err := errors.Join(err1, err2, err3, err4); err != nil {
		t.Fatal(err)
	}
	p = listAnswer{rows, next, previous, total, nil}
	for i := range rows {
		p.cursors = append(p.cursors, l.Cursor(i))
	}
	return p
}

// Whole lists follow the Relay algorithm, ordered by id, and cost at most one call.
func TestListFollowsRelayAlgorithm(t *testing.T) {
	t.Parallel()
	r := rand.New(rand.NewPCG(1, 2))
	var calls int
	ids := make([]upstream.ID, 80)
	all := make([]row, len(ids)) // the same rows for the reference algorithm
	for i := range ids {
		ids[i] = upstream.ID(3*i + 1)
		all[i].UserID = ids[i]
	}
	cursors := askList(t, whole(&calls, ids...), first(80, nil)).cursors
	mixed := append([]upstream.ID(nil), ids...)
	r.Shuffle(len(mixed), func(i, j int) { mixed[i], mixed[j] = mixed[j], mixed[i] })
	for range 300 {
		a, model := page.Args{}, answer{}
		after, before := -1, -1
		if r.IntN(2) == 0 {
			after = r.IntN(len(ids))
			a.After = &cursors[after]
		}
		if r.IntN(2) == 0 {
			before = r.IntN(len(ids))
			a.Before = &cursors[before]
		}
		size := []int{0, 1, 3, 79, 500}[r.IntN(5)]
		if r.IntN(2) == 0 {
			a.First, model = &size, relay(all, size, -1, after, before)
		} else {
			a.Last, model = &size, relay(all, -1, size, after, before)
		}
		want := listAnswer{Next: model.hasNext, Previous: model.hasPrevious, Total: 80}
		for _, r := range model.rows {
			want.Rows = append(want.Rows, r.UserID)
		}
		calls = 0
		got := askList(t, whole(&calls, mixed...), a)
		if d := cmp.Diff(want, got, cmpopts.IgnoreUnexported(listAnswer{}), cmpopts.EquateEmpty()); d != "" {
			t.Fatalf("%s (%d, %d) (-want +got):\n%s", show(a), after, before, d)
		}
		if calls > 1 {
			t.Fatalf("%s: %d calls", show(a), calls)
		}
	}
}

// Senders that appear or disappear between pages do not shift the pages.
func TestListPagesAreStableWhenRowsChange(t *testing.T) {
	t.Parallel()
	var calls int
	p := askList(t, whole(&calls, 10, 20, 30, 40, 50), first(2, nil))
	for name, test := range map[string]struct {
		now  []upstream.ID
		want []upstream.ID
	}{
		"row added before the page":  {[]upstream.ID{5, 10, 20, 30, 40, 50}, []upstream.ID{30, 40}},
		"row added after the cursor": {[]upstream.ID{10, 20, 25, 30, 40, 50}, []upstream.ID{25, 30}},
		"cursor's row removed":       {[]upstream.ID{10, 30, 40, 50}, []upstream.ID{30, 40}},
		"all rows removed":           {nil, nil},
	} {
		got := askList(t, whole(&calls, test.now...), first(2, p.end()))
		if d := cmp.Diff(test.want, got.Rows, cmpopts.EquateEmpty()); d != "" {
			t.Errorf("%s (-want +got):\n%s", name, d)
		}
	}
}

func (p listAnswer) end() *string { return &p.cursors[len(p.cursors)-1] }

func TestListRejectsInvalidArguments(t *testing.T) {
	t.Parallel()
	var calls int
	s := whole(&calls, 10, 20)
	p := askList(t, s, page.Args{})
	m := newRemote(byKey, bulk(10, 1)...)
	rowCursor := client{t, m.source()}.ask(page.Args{}).end()
	calls = 0
	for name, test := range map[string]struct {
		binding  string
		args     page.Args
		argument string
	}{
		"another list":       {"users", first(1, p.end()), "after"},
		"cursor of a row":    {"list", first(1, rowCursor), "after"},
		"first out of range": {"senders", first(501, nil), "first"},
	} {
		_, err := connectList(test.binding, s, test.args)
		if bad := new(page.ArgumentError); !errors.As(err, &bad) || bad.Argument != test.argument {
			t.Errorf("%s: error is %v, want one about %s", name, err, test.argument)
		}
	}
	if calls > 0 {
		t.Errorf("%d calls for wrong arguments", calls)
	}
}

// A failed fetch fails every field, and is not repeated.
func TestListFetchFailureIsKept(t *testing.T) {
	t.Parallel()
	var calls int
	s := whole(&calls)
	s.Fetch = func(context.Context) ([]upstream.ID, error) {
		calls++
		return nil, &upstream.Error{Code: upstream.Unavailable}
	}
	l, err := connectList("senders", s, page.Args{})
	if err != nil {
		t.Fatal(err)
	}
	_, err1 := l.Rows(t.Context())
	_, err2 := l.HasNextPage(t.Context())
	_, err3 := l.TotalCount(t.Context())
	for _, err := range []error{err1, err2, err3} {
		if upstream.CodeOf(err) != upstream.Unavailable {
			t.Errorf("error is %v, want the source's", err)
		}
	}
	if calls != 1 {
		t.Errorf("%d calls, want 1", calls)
	}
}
