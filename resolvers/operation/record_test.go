package operation_test

import (
	"context"
	"errors"
	"fmt"
	"strings"
	"sync"
	"testing"
	"time"

	"github.com/google/go-cmp/cmp"
	"github.com/google/go-cmp/cmp/cmpopts"

	"deliverygraph/resolvers/operation"
	"deliverygraph/upstream"
	"deliverygraph/upstream/cached"
	"deliverygraph/upstream/rest"
	"deliverygraph/upstream/upstreamtest"
)

// Of concurrent calls, exactly as many are made as the budget allows, and the others fail with an error. Without an
// operation or limit, all are made.
func TestBudgetLimitsCalls(t *testing.T) {
	t.Parallel()
	for _, c := range []struct {
		name string
		ctx  context.Context
		made int
	}{
		{"a budget", operation.New(t.Context(), operation.Options{MaxCalls: 10}), 10},
		{"no limit", operation.New(t.Context(), operation.Options{}), 40},
		{"no operation", t.Context(), 40},
	} {
		counting := &upstreamtest.Counting{API: upstreamtest.NewModel(upstreamtest.Rows{})}
		api := upstream.API{Asker: upstream.Around(counting, operation.Budget)}
		var wg sync.WaitGroup
		refused := make(chan error, 40)
		for i := range 40 {
			wg.Go(func() {
				_, err := api.Emails(c.ctx, upstream.ListQuery{Offset: i})
				if upstream.CodeOf(err) == upstream.Exhausted {
					refused <- err
				}
			})
		}
		wg.Wait()
		if counting.Total() != c.made || len(refused) != 40-c.made {
			t.Errorf("%s: %d calls made, %d refused", c.name, counting.Total(), len(refused))
		}
		for len(refused) > 0 {
			if err := <-refused; !strings.Contains(err.Error(), "10 upstream calls") {
				t.Error(err)
			}
		}
	}
}

// For calls whose answers the caller may not see, an explained operation records only that they were made.
func TestNotesHideUnseenCalls(t *testing.T) {
	t.Parallel()
	l := operation.New(t.Context(), operation.Options{Explain: true, Sees: func(q *upstream.Question) bool {
		return q.Kind == upstream.Emails
	}})
	local := upstream.ListQuery{Local: "a"}
	for _, q := range []*upstream.Question{
		{Kind: upstream.Emails, ListQuery: local}, {Kind: upstream.Bounces, ListQuery: local},
	} {
		operation.Call(l, rest.Call{
			Question: q, Status: 200, Tries: 2, Bytes: 10, Rows: 3, Duration: 1, Waited: 1,
		})
		operation.Call(l, rest.Call{Question: q, Tries: 1, Rows: 3, Code: upstream.Timeout})
		operation.Lookup(l, cached.Lookup{Question: q, Hit: true, Rows: 3, Age: 1})
	}
	sum := l.Summary()
	want := operation.Summary{Sent: 4, Cached: 2, Failed: 1, Tries: 3, Bytes: 10, Rows: 9}
	if d := cmp.Diff(want, sum, cmpopts.IgnoreUnexported(operation.Summary{})); d != "" {
		t.Error(d)
	}
	notes, _ := l.Notes()
	for i, n := range notes {
		if unseen := i >= 3; n.Unseen != unseen || (n.Call == rest.Call{}) != unseen || unseen && n.Age != 0 ||
			n.Question.Local != "a" || n.Source == "" {
			t.Errorf("note %d: %+v", i, n)
		}
	}
}

// An operation sums up calls and lookups, records single ones with Explain, and knows the least fresh answer.
func TestOperationSumsUpCalls(t *testing.T) {
	t.Parallel()
	bySender := &upstream.Question{Kind: upstream.Emails, ListQuery: upstream.ListQuery{Sender: "b@example.com"}}
	toOne := &upstream.Question{Kind: upstream.Bounces, ListQuery: upstream.ListQuery{Recipient: "a@example.com"}}
	emails := &upstream.Question{Kind: upstream.Emails}
	codes := &upstream.Question{Shape: upstream.ShapeCatalogue, Kind: upstream.Bounces}
	for _, explain := range []bool{true, false} {
		l := operation.New(t.Context(), operation.Options{Explain: explain})
		operation.Call(l, rest.Call{Question: toOne, Tries: 2, Bytes: 10, Rows: 3})
		operation.Call(l, rest.Call{Question: emails, Tries: 1, Bytes: 10, Rows: 1, Code: upstream.Unavailable})
		operation.Lookup(l, cached.Lookup{Question: codes, Left: time.Minute})
		operation.Lookup(l, cached.Lookup{Question: bySender, Hit: true, Age: time.Second, Left: time.Hour, Rows: 5})
		operation.Lookup(l, cached.Lookup{Question: codes, Err: errors.New("down")})
		operation.Call(l, rest.Call{Question: emails, Code: upstream.Unavailable})
		one := upstream.API{Asker: upstream.Around(upstreamtest.NewModel(upstreamtest.Rows{}), l.Remember)}
		for range 2 {
			_, _ = one.BounceCategories(t.Context())
		}
		l.Batch("loader", 7)
		sum := l.Summary()
		if left, held := sum.Left(); left != time.Minute || !held {
			t.Errorf("fresh for %v, %v", left, held)
		}
		operation.Lookup(l, cached.Lookup{Question: codes, Joined: true, Left: time.Hour})
		operation.Lookup(l, cached.Lookup{Question: codes, Stale: true, Age: time.Hour, Err: errors.New("down")})
		operation.Lookup(l, cached.Lookup{Question: codes, Stale: true, Age: time.Minute, Err: errors.New("down")})
		sum = l.Summary()
		want := operation.Summary{
			Sent: 2, Joined: 1, Cached: 1, Stale: 2, Unsent: 1, Failed: 2, Tries: 3, Bytes: 20, Rows: 9, Age: time.Hour,
		}
		notes, batches := l.Notes()
		var noted []string
		for _, n := range notes {
			q := n.Question
			noted = append(noted, fmt.Sprint(n.Source, " ", q.Endpoint(), " ", q.Sender, q.Recipient))
		}
		var wantNoted []string
		var wantBatches []operation.Batch
		if explain {
			want.Asked, want.Distinct = 2, 1
			wantNoted = []string{
				"sent /bounces a@example.com", "sent /emails ", "cached /emails b@example.com", "unsent /emails ",
				"joined /bounce/categories ", "stale /bounce/categories ", "stale /bounce/categories ",
			}
			wantBatches = []operation.Batch{{Loader: "loader", Keys: 7}}
		}
		if d := cmp.Diff(want, sum, cmpopts.IgnoreUnexported(operation.Summary{})); d != "" {
			t.Error(d)
		}
		if d := cmp.Diff(wantNoted, noted); d != "" {
			t.Error(d)
		}
		if d := cmp.Diff(wantBatches, batches, cmpopts.EquateEmpty()); d != "" {
			t.Error(d)
		}
		if left, held := sum.Left(); left != 0 || !held {
			t.Errorf("stale, and fresh for %v", left)
		}
	}
	operation.Call(t.Context(), rest.Call{}) // has no operation to record it
	operation.Lookup(t.Context(), cached.Lookup{})
	operation.From(t.Context()).Move(time.Time{})
}

// The number of notes is limited; further calls are only counted.
func TestNotesAreBounded(t *testing.T) {
	t.Parallel()
	l := operation.New(t.Context(), operation.Options{Explain: true})
	for range 5000 {
		operation.Call(l, rest.Call{Question: &upstream.Question{}, Tries: 1})
	}
	if notes, _ := l.Notes(); len(notes) != 1000 || l.Summary().Sent != 5000 {
		t.Errorf("%d notes of %d calls", len(notes), l.Summary().Sent)
	}
}
