package storetest

import (
	"slices"
	"strconv"
	"strings"
	"testing"

	"deliverygraph/upstream"
	"deliverygraph/upstream/embedded/store"
	"deliverygraph/upstream/grouped"
	"deliverygraph/upstream/upstreamtest"

	"pgregory.net/rapid"
)

// testProviders are the providers of the test. Some domains have none.
var testProviders = func() *grouped.Providers {
	t, err := new(grouped.Providers).With(strings.NewReader("Examples: example.com example.org\n"))
	if err != nil {
		panic(err)
	}
	return t
}()

// groupsQueries draws queries.
func groupsQueries(t *rapid.T, k upstream.Kind, when *rapid.Generator[upstream.Time]) upstream.Question {
	q := upstream.Question{Shape: upstream.ShapeGroups, Kind: k, ListQuery: listQueries(t, when, 0)}
	if rapid.Bool().Draw(t, "no filter") {
		q.ListQuery = upstream.ListQuery{Window: q.Window}
	}
	q.Offset = 0
	all := k.Dimensions()
	q.By[0] = rapid.SampledFrom(all).Draw(t, "by")
	if rapid.Bool().Draw(t, "two dimensions") {
		others := slices.DeleteFunc(slices.Clone(all), func(d upstream.Dimension) bool { return d == q.By[0] })
		q.By[1] = rapid.SampledFrom(others).Draw(t, "and by")
	}
	if q.Has(upstream.DimensionHeader) {
		if rapid.IntRange(0, 2).Draw(t, "of providers") == 0 {
			q.By = [2]upstream.Dimension{upstream.DimensionProvider, upstream.DimensionHeader}
		}
		q.Header = rapid.SampledFrom([]string{"x-campaign", "x-region", "x-none"}).Draw(t, "header")
	}
	q.Top = rapid.SampledFrom([]int{1, 2, 5, 1000}).Draw(t, "top")
	if rapid.IntRange(0, 2).Draw(t, "series") == 0 {
		q.Interval = rapid.SampledFrom([]upstream.Interval{upstream.Hour, upstream.Day}).Draw(t, "interval")
	}
	q.Sent = q.Comparable() && rapid.IntRange(0, 2).Draw(t, "sent") == 0
	return q
}

// onlyOnce removes headers whose name an earlier one has: groups by a header that is repeated are not defined.
func onlyOnce(b *store.Batch) {
	clean := func(hs *[]upstream.Header) {
		var kept []upstream.Header
		for _, h := range *hs {
			if !slices.ContainsFunc(kept, func(o upstream.Header) bool { return strings.EqualFold(o.Name, h.Name) }) {
				kept = append(kept, h)
			}
		}
		*hs = kept
	}
	upstreamtest.Texts(*b, func(t upstream.Texts) { clean(t.XHeaders) })
}

// testGroups compares groups with those of the model, after random writes and removals.
func testGroups(t *testing.T, open Opener) {
	rapid.Check(t, func(t *rapid.T) {
		s, o := open(t, ""), &Model{}
		when := times(t)
		for range rapid.IntRange(1, 3).Draw(t, "writes") {
			b := batches(when, 30).Draw(t, "batch")
			onlyOnce(&b)
			WriteBoth(t, s, o, b)
			if rapid.IntRange(0, 2).Draw(t, "prune") == 0 {
				prune(t, s, o, when.Draw(t, "before"))
			}
			for range 6 {
				k := rapid.SampledFrom(upstream.Kinds[:]).Draw(t, "kind")
				Same(t, s, o, scopes(t), groupsQueries(t, k, when))
			}
		}
	})
}

// testManyGroups is testGroups for enough rows that a store may look up each domain, and each day of it.
func testManyGroups(t *testing.T, open Opener) { manyGroups(t, open, 3) }

// testManyDomains is testManyGroups with enough domains that a store may read all rows instead.
func testManyDomains(t *testing.T, open Opener) { manyGroups(t, open, 400) }

func manyGroups(t *testing.T, open Opener, domains int) {
	s, o := open(t, ""), &Model{}
	const start, days = upstream.Time(-2 * 86400), 5 // also before 1970
	var b store.Batch
	for i := range 2500 {
		at := start + upstream.Time(i)*days*86400/2500 + upstream.Time(i%7)
		local, domain := "recipient"+strconv.Itoa(i%90), []string{"example.com", "example.net", "example.org"}[i%13%3]
		if n := i % domains; n > 2 {
			domain = strconv.Itoa(n) + "." + domain
		}
		e := event(strconv.Itoa(i), at)
		e.Local, e.Domain, e.Recipient = local, domain, local+"@"+domain
		e.Delivered, e.Type, e.Category, e.Code = i%5 > 0, upstream.Hard, "other", "5.1."+strconv.Itoa(i%4)
		e.ProcessTime = at
		b.Append(upstreamtest.RowsOf(e))
	}
	WriteBoth(t, s, o, b)
	whole := upstream.Window{Start: start, End: start + days*86400}
	intervals := []upstream.Interval{0, upstream.Hour, upstream.Day}
	for i, w := range []upstream.Window{Ever, whole, {Start: start + 5000, End: whole.End - 100_000}} {
		for j, by := range [][2]upstream.Dimension{
			{upstream.DimensionDomain}, {upstream.DimensionProvider}, {upstream.DimensionDay, upstream.DimensionDomain},
			{upstream.DimensionProvider, upstream.DimensionWeekday}, {upstream.DimensionDomain, upstream.DimensionHour},
			{upstream.DimensionDomain, upstream.DimensionSender}, {upstream.DimensionDay},
		} {
			q := upstream.Question{
				Shape:     upstream.ShapeGroups,
				ListQuery: upstream.ListQuery{Window: w},
				Grouping:  upstream.Grouping{By: by, Top: 4, Interval: intervals[(i+j)%len(intervals)], Sent: true},
			}
			for _, k := range []upstream.Kind{upstream.Emails, upstream.Bounces} {
				q.Kind = k
				Same(t, s, o, nil, q)
			}
		}
	}
}
