// Package storetest tests implementations of [store.Store], and makes data for their own tests.
package storetest

import (
	"context"
	"reflect"
	"strings"
	"testing"

	"deliverygraph/upstream"
	"deliverygraph/upstream/embedded/store"
	"deliverygraph/upstream/grouped"

	gocmp "github.com/google/go-cmp/cmp"
)

// Opener opens the store of a name, which is a path in a temporary directory, or a new, private one if the name is
// empty. A store of a new name is empty. The test's cleanup closes it.
type Opener func(t TB, name string) store.Store

// Test tests a kind of store.
func Test(t *testing.T, open Opener) {
	for _, test := range []struct {
		name string
		run  func(*testing.T, Opener)
	}{
		{"AnswersMatchTheModel", testAnswers},
		{"GroupsMatchTheModel", testGroups},
		{"GroupsOfManyRowsMatchTheModel", testManyGroups},
		{"GroupsOfManyDomainsMatchTheModel", testManyDomains},
		{"PagesOfManyRows", testPages},
		{"PagingSeesChanges", testPaging},
		{"ContentIsUnchanged", testContent},
		{"TimeBeyondMaxTimeRejectsTheBatch", testTimeRange},
		{"ScanAndReclassifyReadEachEventOnceDuringWrites", testScan},
		{"LatestAddressOfASenderCounts", testSenders},
		{"CataloguesListDocumentedCodesAndOthersInUse", testCodes},
		{"InfoCountsRows", testInfo},
		{"MergedRowsAreTheSameInAnyOrder", testMerge},
		{"NewNumbersAreUnusedAndNeverChange", testNumbers},
		{"StateIsStoredWithItsBatch", testState},
		{"RowsOfOneSecondAreInOrder", testOneSecond},
		{"PruneRemovesManyRows", testPrune},
		{"EraseEditsManyRows", testErase},
		{"EraseKeepsOtherRowsOfTheSameSecond", testEraseInOneSecond},
		{"ReclassifyChangesBouncesAndTheirCounts", testReclassify},
		{"ReadsSeeWholeWrites", testReads},
		{"ConcurrentWritesAreComplete", testWrites},
		{"CanceledCallsReturnTheirContextsError", testCanceled},
	} {
		t.Run(test.name, func(t *testing.T) {
			t.Parallel()
			test.run(t, open)
		})
	}
}

// event returns an event of r@example.com.
func event(id string, at upstream.Time) store.Event {
	return store.Event{
		Identity: upstream.Identity{Time: at, EmailID: id, Recipient: "r@example.com", UserID: 20, SenderID: 17},
		Local:    "r", Domain: "example.com",
	}
}

// TB is a *testing.T, a *testing.B or a *rapid.T.
type TB interface {
	Helper()
	Fatal(...any)
	Fatalf(string, ...any)
	Cleanup(func())
}

// Write writes a batch, or ends the test if there is an error.
func Write(t TB, s store.Store, b store.Batch) store.Written {
	t.Helper()
	n, err := s.Write(context.Background(), b)
	if err != nil {
		t.Fatal(err)
	}
	return n
}

// Must returns v, or ends the test if there is an error.
func Must[V any](t TB) func(V, error) V {
	return func(v V, err error) V {
		t.Helper()
		if err != nil {
			t.Fatal(err)
		}
		return v
	}
}

// API returns a store as the metrics API of a caller who sees all users' events.
func API(s store.Reader) upstream.API { return upstream.API{Asker: asker{s}} }

type asker struct{ store.Reader }

// Ask implements [upstream.Asker].
func (a asker) Ask(ctx context.Context, q *upstream.Question) (any, error) {
	return a.Reader.Ask(ctx, nil, q, grouped.DefaultProviders())
}

// Events returns all events of a store: emails, bounces and blocked emails, each in the order of lists.
func Events(t TB, s store.Reader) (all [len(upstream.Kinds)][]upstream.Event) {
	t.Helper()
	for _, k := range upstream.Kinds {
		for {
			q := upstream.ListQuery{Window: Ever, Offset: len(all[k])}.Question(k)
			page := upstream.PageOf(Must[any](t)(API(s).Ask(context.Background(), &q)))
			all[k] = append(all[k], upstream.Events(page)...)
			if page.Len() < upstream.PageSize {
				break
			}
		}
	}
	return all
}

// Diff returns the differences, or "" if there are none. It is fast for equal values.
func Diff(want, got any) string {
	if reflect.DeepEqual(want, got) {
		return ""
	}
	return "-want +got:\n" + gocmp.Diff(want, got)
}

// Sound fails the test if Check finds a problem.
func Sound(t TB, s store.Store) {
	t.Helper()
	if problems := Must[store.Problems](t)(s.Check(context.Background())); len(problems) > 0 {
		t.Fatalf("the check finds:\n%s", strings.Join(problems, "\n"))
	}
}
