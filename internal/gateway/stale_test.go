package gateway

import (
	"context"
	"errors"
	"slices"
	"testing"
	"time"

	"deliverygraph/upstream"
	"deliverygraph/upstream/cached"
	"deliverygraph/upstream/embedded/store"
)

// fallible is a store that can fail.
type fallible struct {
	store.Store
	version int64
	failure error
}

func (f *fallible) Generation(context.Context, time.Duration) (last, old int64, err error) {
	return f.version, 0, f.failure
}

// fallibleAPI is the API over a store that can fail.
type fallibleAPI struct{ *fallible }

func (f fallibleAPI) Ask(context.Context, *upstream.Question) (any, error) {
	if f.failure != nil {
		return nil, f.failure
	}
	return []string{"code"}, nil
}

func TestCacheAnswersForAFailingStoreUpToCacheStale(t *testing.T) {
	s := &fallible{version: 1}
	cache, err := cached.New(fallibleAPI{s}, cached.Options{Bytes: 1 << 20, Catalogue: time.Hour, MaxStale: time.Hour})
	if err != nil {
		t.Fatal(err)
	}
	defer cache.Close()
	g := &gateway{c: &serveCommand{}, store: s, cache: cache}
	g.c.CacheStale = time.Hour
	ask := func(when string, want error) {
		t.Helper()
		answer, err := g.ofStore(t.Context()).Ask(t.Context(), &upstream.Question{Shape: upstream.ShapeCatalogue})
		codes, _ := answer.([]string)
		if !errors.Is(err, want) || want == nil && !slices.Equal(codes, []string{"code"}) {
			t.Errorf("%s: %v, %v, want the error %v", when, answer, err, want)
		}
	}
	failure := &upstream.Error{Code: upstream.Unavailable, Message: "the store fails"}
	ask("at first", nil)
	s.failure = failure
	ask("while the store fails", nil)
	s.failure, s.version = nil, 2
	g.ofStore(t.Context())
	s.failure = failure
	ask("after a change that no answer has followed", nil)
	g.storeRead.Add(-int64(time.Hour))
	ask("when the store has failed for an hour", failure)
	s.failure = nil
	ask("when the store is back", nil)
	g.c.CacheStale, s.failure = 0, failure
	ask("without stale answers", failure)
}
