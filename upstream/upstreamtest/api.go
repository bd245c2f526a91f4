package upstreamtest

import (
	"context"
	"fmt"
	"reflect"
	"slices"
	"strings"
	"sync"
	"testing"

	"github.com/google/go-cmp/cmp"
	"github.com/google/go-cmp/cmp/cmpopts"
	"pgregory.net/rapid"

	"deliverygraph/upstream"
	"deliverygraph/upstream/embedded/store"
)

// RunAPI checks that an API keeps its contract, with the data of [Sample]: every filter alone and combined, boundary
// seconds, ties, offsets, time series whose window begins and ends within a bucket, ids that must be escaped, unknown
// ids, and random queries. RunAPI calls newAPI once. It must return an API over these rows.
//
// RunAPI makes no invalid queries, such as a negative offset.
func RunAPI(t *testing.T, newAPI func(t *testing.T, rows Rows) upstream.Asker) {
	sample := Sample()
	s := apiSuite{api: upstream.API{Asker: newAPI(t, sample)}, model: NewModel(sample), sample: sample}
	t.Run("lists", s.lists)
	t.Run("joined pages are the whole list", s.pages)
	t.Run("counts", s.counts)
	t.Run("details", s.details)
	t.Run("catalogues", s.catalogues)
	t.Run("random queries", s.random)
	t.Run("ended contexts are errors", s.endedContext)
	t.Run("concurrent callers", s.manyCallers)
}

type apiSuite struct {
	api    upstream.API
	model  *Model // the oracle
	sample Rows
}

// A tb is a *testing.T or a *rapid.T.
type tb interface {
	Helper()
	Context() context.Context
	Fatalf(format string, args ...any)
	Errorf(format string, args ...any)
}

// same checks that the API's answer equals want, the model's.
func same(t tb, what string, got any, err error, want any) {
	t.Helper()
	if err != nil {
		t.Errorf("%s: %v", what, err)
		return
	}
	if reflect.DeepEqual(got, want) {
		return // cmp is slow
	}
	if diff := cmp.Diff(want, got, cmpopts.EquateEmpty()); diff != "" {
		t.Errorf("%s: (-want +got)\n%.4000s", what, diff)
	}
}

// ask compares an answer with the model's, and returns its length.
func (s apiSuite) ask(t tb, q upstream.Question) int {
	t.Helper()
	want, err := s.model.Ask(t.Context(), &q)
	if err != nil {
		t.Fatalf("%s?%s: the model fails: %v", q.Path(), q.Encode(), err)
	}
	got, err := s.api.Ask(t.Context(), &q)
	same(t, q.Path()+"?"+q.Encode(), got, err, want)
	return upstream.RowsOf(want)
}

func (s apiSuite) lists(t *testing.T) {
	for _, c := range listCases() {
		for _, k := range c.kinds {
			t.Run(k.String()+"/"+c.name, func(t *testing.T) {
				if found := s.ask(t, c.query.Question(k)); (found == 0) != c.none {
					t.Errorf("the case tests nothing: the model returns %d rows", found)
				}
			})
		}
	}
}

// pages checks that paging by offset neither repeats nor omits rows. It computes the
// expected list from the sample, without the model.
func (s apiSuite) pages(t *testing.T) {
	for _, q := range []upstream.ListQuery{
		{Window: wholeSample}, {Window: wholeSample, SenderID: crowded, BounceType: upstream.Soft},
	} {
		var got, want []upstream.Bounce
		for _, b := range s.sample.Bounces {
			if q.SenderID == 0 || b.SenderID == q.SenderID && b.Type == q.BounceType {
				want = append(want, b.Bounce)
			}
		}
		slices.SortFunc(want, func(a, b upstream.Bounce) int { return a.Event().Compare(b.Event()) })
		for {
			page, err := s.api.Bounces(t.Context(), q)
			if err != nil {
				t.Fatal(err)
			}
			got = append(got, page...)
			q.Offset += len(page)
			if len(page) < upstream.PageSize || len(got) > 3*len(want) {
				break
			}
		}
		same(t, fmt.Sprintf("pages of %+v", q), got, nil, want)
	}
}

func (s apiSuite) counts(t *testing.T) {
	for _, k := range upstream.Kinds {
		for _, c := range countCases(k) {
			t.Run(k.String()+"/"+c.name, func(t *testing.T) {
				for _, rollup := range []upstream.Rollup{upstream.BySender, upstream.ByUser} {
					for _, interval := range []upstream.Interval{0, upstream.Hour, upstream.Day} {
						q := c.query.Per(interval)
						q.Rollup = rollup
						if found := s.ask(t, q.Question(k)); (found == 0) != c.none {
							t.Errorf("the case tests nothing: the model returns %d rows", found)
						}
					}
				}
			})
		}
	}
}

// details checks that bounces are found by their key, but not if one part of the key is changed.
func (s apiSuite) details(t *testing.T) {
	for i, b := range s.sample.Bounces {
		if b.UserID == crowdedUser && i%97 > 2 {
			continue // some of the crowd are enough, including both recipients of one email
		}
		s.ask(t, b.Key().Question())
	}
	known := s.sample.Bounces[0].Key()
	for name, change := range map[string]func(*upstream.BounceKey){
		"another user":           func(k *upstream.BounceKey) { k.UserID = edgesUser },
		"an unknown user":        func(k *upstream.BounceKey) { k.UserID = 999 },
		"another sender":         func(k *upstream.BounceKey) { k.SenderID = edges },
		"another time":           func(k *upstream.BounceKey) { k.BounceTime++ },
		"another email":          func(k *upstream.BounceKey) { k.EmailID = s.sample.Bounces[crowdedRows].EmailID },
		"an unknown email":       func(k *upstream.BounceKey) { k.EmailID += "x" },
		"an email in upper case": func(k *upstream.BounceKey) { k.EmailID = strings.ToUpper(k.EmailID) },
	} {
		k := known
		change(&k)
		if got, err := s.api.Bounce(t.Context(), k); upstream.CodeOf(err) != upstream.NotFound || err == nil {
			t.Errorf("%s: got %+v, %v; want %s", name, got, err, upstream.NotFound)
		}
	}
}

// catalogues checks that catalogues have at least the document's codes, each once. More are allowed.
func (s apiSuite) catalogues(t *testing.T) {
	for _, k := range upstream.Kinds {
		documented := *store.Documented.Of(k)
		if len(documented) == 0 {
			continue
		}
		catalogue := &upstream.Question{Shape: upstream.ShapeCatalogue, Kind: k}
		got, err := upstream.Ask[[]string](t.Context(), s.api, catalogue)
		if err != nil {
			t.Errorf("%s: %v", k, err)
		}
		for _, code := range documented {
			if !slices.Contains(got, code) {
				t.Errorf("%s: no %s in %v", k, code, got)
			}
		}
		if unique := slices.Compact(slices.Sorted(slices.Values(got))); len(unique) != len(got) {
			t.Errorf("%s: %v repeats a code", k, got)
		}
	}
}

func (s apiSuite) random(t *testing.T) {
	rapid.Check(t, func(t *rapid.T) {
		k := rapid.SampledFrom(upstream.Kinds[:]).Draw(t, "kind")
		if rapid.Bool().Draw(t, "list") {
			s.ask(t, ListQueries(k).Draw(t, "query").Question(k))
			return
		}
		s.ask(t, SeriesQueries(k).Draw(t, "query").Question(k))
	})
}

func (s apiSuite) endedContext(t *testing.T) {
	ctx, cancel := context.WithCancel(t.Context())
	cancel()
	for _, q := range Questions(wholeSample, s.sample.Bounces[0].Key()) {
		if _, err := s.api.Ask(ctx, q); err == nil && q.Shape != upstream.ShapeCatalogue {
			t.Errorf("%s: no error", q.Path())
		}
	}
}

func (s apiSuite) manyCallers(t *testing.T) {
	var callers sync.WaitGroup
	for i := range 8 {
		callers.Go(func() {
			k := upstream.Kinds[i%3]
			s.ask(t, upstream.ListQuery{Window: wholeSample, Offset: i / 3 * 400}.Question(k))
			s.ask(t, upstream.CountQuery{Window: wholeSample, Interval: upstream.Hour}.Question(k))
		})
	}
	callers.Wait()
}
