package cached

import (
	"context"
	"fmt"
	"sync"
	"testing"
	"testing/synctest"
	"time"

	"github.com/google/go-cmp/cmp"
	"go.uber.org/goleak"

	"deliverygraph/upstream"
	"deliverygraph/upstream/upstreamtest"
)

func TestMain(m *testing.M) { goleak.VerifyTestMain(m) }

// view is a cache with typed calls.
type view struct {
	*Cache
	upstream.API
}

func typed(c *Cache) *view { return &view{c, upstream.API{Asker: c}} }

// For returns a typed view of a scope.
func (v *view) For(scope string) *view { return typed(v.Cache.For(scope)) }

// open returns a cache around an API.
func open(t testing.TB, next upstream.Asker, o Options) *view {
	t.Helper()
	c, err := New(next, o)
	if err != nil {
		t.Fatal(err)
	}
	t.Cleanup(c.Close)
	return typed(c)
}

// standard keeps all for its time, and takes nothing for sealed; sealing does.
var (
	standard = Options{Bytes: DefaultBytes, Fresh: DefaultFresh, Catalogue: DefaultCatalogue}
	sealing  = Options{
		Bytes: DefaultBytes, Settle: DefaultSettle, Fresh: DefaultFresh, Catalogue: DefaultCatalogue,
		MaxStale: DefaultMaxStale,
	}
)

// sampleModel answers from the sample. It must not be modified.
var sampleModel = sync.OnceValue(func() *upstreamtest.Model { return upstreamtest.NewModel(upstreamtest.Sample()) })

func model() *upstreamtest.Counting { return &upstreamtest.Counting{API: sampleModel()} }

// sampleQuestion is a call of the API, by name.
type sampleQuestion struct {
	name      string
	question  *upstream.Question
	catalogue bool
}

// ask asks the question.
func (q *sampleQuestion) ask(ctx context.Context, a upstream.Asker) (any, error) {
	return a.Ask(ctx, q.question)
}

// everything is a window that contains all events.
var everything = upstream.Window{Start: 0, End: 4e9}

// questions returns one question of each shape and kind, over a window in which the model has a bounce.
func questions(m *upstreamtest.Model, w upstream.Window) (all []sampleQuestion) {
	bounces, _ := m.Bounces(context.Background(), upstream.ListQuery{Window: w})
	for _, q := range upstreamtest.Questions(w, bounces[0].Key()) {
		name := q.Endpoint()
		if q.Shape == upstream.ShapeSeries {
			name = "series of " + q.Kind.String()
		}
		all = append(all, sampleQuestion{name, q, q.Shape == upstream.ShapeCatalogue})
	}
	return all
}

func TestContract(t *testing.T) {
	upstreamtest.RunAPI(t, func(t *testing.T, rows upstreamtest.Rows) upstream.Asker {
		o := sealing
		o.Fresh = time.Hour
		o.Now = (upstreamtest.SampleDay + 10*3600).UTC // so that many windows straddle the edge
		return open(t, upstreamtest.NewModel(rows), o)
	})
}

// Answers of every kind are kept for their time, equal what the API answered, and are fetched again afterwards.
func TestAnswersAreKeptForTheirTime(t *testing.T) {
	for _, q := range questions(sampleModel(), everything) {
		t.Run(q.name, func(t *testing.T) {
			synctest.Test(t, func(t *testing.T) {
				counting := model()
				a := open(t, counting, standard)
				defer a.Close() // within the bubble's time
				want, err := q.ask(t.Context(), counting.API)
				if err != nil {
					t.Fatal(err)
				}
				ask := func(calls int) {
					t.Helper()
					got, err := q.ask(t.Context(), a)
					if err != nil {
						t.Fatal(err)
					}
					if diff := cmp.Diff(want, got); diff != "" {
						t.Errorf("(-want +got)\n%.2000s", diff)
					}
					if counting.Total() != calls {
						t.Errorf("%d calls, want %d", counting.Total(), calls)
					}
				}
				keep := DefaultFresh
				if q.catalogue {
					keep = DefaultCatalogue
				}
				ask(1)
				ask(1)
				time.Sleep(keep - time.Millisecond)
				ask(1)
				time.Sleep(time.Millisecond)
				ask(2)
				time.Sleep(keep - time.Millisecond)
				ask(2)
			})
		})
	}
}

func TestZeroSwitchesItsPartOff(t *testing.T) {
	all := questions(sampleModel(), everything)
	for name, test := range map[string]struct {
		o               Options
		rows, catalogue bool
	}{
		"all on":   {standard, true, true},
		"no bytes": {Options{Fresh: time.Hour, Catalogue: time.Hour}, false, false},
		"no fresh": {Options{Bytes: DefaultBytes, Catalogue: time.Hour}, false, true},
		"nothing but sealed answers, and none is sealed": {
			Options{Bytes: DefaultBytes, Settle: 100 * 365 * 24 * time.Hour, MaxStale: time.Hour}, false, false,
		},
		"nothing but sealed answers, and all are": {
			Options{Bytes: DefaultBytes, Settle: time.Hour, Now: upstream.Time(5e9).UTC}, true, false,
		},
		"no catalogue": {Options{Bytes: DefaultBytes, Fresh: time.Hour}, true, false},
		"nothing on":   {Options{}, false, false},
	} {
		t.Run(name, func(t *testing.T) {
			for _, q := range all {
				counting := model()
				a := open(t, counting, test.o)
				for range 2 {
					if _, err := q.ask(t.Context(), a); err != nil {
						t.Fatal(err)
					}
				}
				kept := test.rows
				if q.catalogue {
					kept = test.catalogue
				}
				if got := counting.Total() == 1; got != kept {
					t.Errorf("%s: %d calls", q.name, counting.Total())
				}
			}
		})
	}
}

// Questions with the same meaning share an answer; others do not.
func TestKeysAreCanonical(t *testing.T) {
	counting := model()
	a := open(t, counting, standard)
	one, two := upstream.Header{Name: "X-A", Value: "1"}, upstream.Header{Name: "X-B", Value: "2"}
	ask := func(q upstream.ListQuery) {
		if _, err := a.Emails(t.Context(), q); err != nil {
			t.Fatal(err)
		}
	}
	w := upstream.Window{Start: 1, End: 2}
	ask(upstream.ListQuery{Window: w, XHeaders: upstream.HeaderFilters{one, two}})
	ask(upstream.ListQuery{Window: w, XHeaders: upstream.HeaderFilters{two, one}})
	if counting.Total() != 1 {
		t.Errorf("%d calls for the same headers in another order, want 1", counting.Total())
	}
	ask(upstream.ListQuery{Window: w, XHeaders: upstream.HeaderFilters{two}})
	ask(upstream.ListQuery{Window: w, Offset: 500})
	if counting.Total() != 3 {
		t.Errorf("%d calls, want one for each other question", counting.Total())
	}
}

func TestCountsAreNeverSeries(t *testing.T) {
	// The question for series lacks its interval, and so has the path and query of counts.
	a := open(t, upstream.Around(sampleModel(),
		func(ctx context.Context, q *upstream.Question, next upstream.Asker) (any, error) {
			if q.Shape == upstream.ShapeSeries {
				return []upstream.Series{{ID: 1}}, nil
			}
			return next.Ask(ctx, q)
		}), standard)
	q := upstream.CountQuery{Window: upstream.Window{Start: 1, End: 2}}
	if _, err := a.Counts(t.Context(), upstream.Emails, q); err != nil {
		t.Fatal(err)
	}
	if got, err := a.Series(t.Context(), upstream.Emails, q); err != nil ||
		len(got) != 1 {
		t.Errorf("got %v, %v", got, err)
	}
}

type scopeKey struct{}

func TestScopesShareNoAnswer(t *testing.T) {
	// The API answers each scope with a code of its own.
	a := open(t, upstreamtest.Asker(func(ctx context.Context, _ *upstream.Question) (any, error) {
		return []string{ctx.Value(scopeKey{}).(string)}, nil
	}), standard)
	scopes := []string{
		"", "21", "21,22", "2", "1", "\x00", "\x00\x00/bounce/categories?", "/bounce/categories?",
		"21\x00\x00/bounce/categories?", "21\x00",
	}
	for range 2 {
		for _, scope := range scopes {
			ctx := context.WithValue(t.Context(), scopeKey{}, scope)
			got, err := a.For(scope).BounceCategories(ctx)
			if err != nil || len(got) != 1 || got[0] != scope {
				t.Errorf("scope %q got the answer of %q, %v", scope, got, err)
			}
		}
	}
	// They do not share a call in progress either.
	synctest.Test(t, func(t *testing.T) {
		counting := model()
		counting.Before = func(context.Context, string) error { time.Sleep(time.Second); return nil }
		a := open(t, counting, standard)
		defer a.Close()
		var wg sync.WaitGroup
		for _, scope := range []string{"21", "22", "21", "22"} {
			wg.Go(func() {
				if _, err := a.For(scope).BlockedReasons(t.Context()); err != nil {
					t.Error(err)
				}
			})
		}
		wg.Wait()
		if counting.Total() != 2 {
			t.Errorf("%d calls for two scopes", counting.Total())
		}
	})
}

func TestErrorsAreNeverKept(t *testing.T) {
	for name, failure := range map[string]error{
		"unavailable": &upstream.Error{Code: upstream.Unavailable, Message: "down"},
		"not found":   fmt.Errorf("get a bounce: %w", &upstream.Error{Code: upstream.NotFound}),
	} {
		t.Run(name, func(t *testing.T) {
			counting := model()
			fail := true
			counting.Before = func(context.Context, string) error {
				if fail {
					return failure
				}
				return nil
			}
			a := open(t, counting, standard)
			for range 2 {
				if _, err := a.BlockedReasons(t.Context()); err != failure {
					t.Errorf("got %v, want the API's error", err)
				}
			}
			fail = false
			if _, err := a.BlockedReasons(t.Context()); err != nil || counting.Total() != 3 {
				t.Errorf("got %v after %d calls", err, counting.Total())
			}
		})
	}
}
