package storetest

import (
	"context"
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

// key returns the key of an event. It spells out what the contract says, without the code under test.
func (e *event) key(d upstream.Dimension, header string) string {
	number := func(n int64) string { return strconv.FormatInt(n, 10) }
	switch d {
	case upstream.DimensionDomain:
		return e.Domain
	case upstream.DimensionProvider:
		if e.Domain == "example.com" || e.Domain == "example.org" {
			return "Examples"
		}
		return e.Domain
	case upstream.DimensionSender:
		return number(int64(e.SenderID))
	case upstream.DimensionUser:
		return number(int64(e.UserID))
	case upstream.DimensionHour:
		t := e.Time.UTC()
		return number(t.Unix() - int64(t.Minute()*60+t.Second()))
	case upstream.DimensionDay:
		t := e.Time.UTC()
		return number(t.Unix() - int64(t.Hour()*3600+t.Minute()*60+t.Second()))
	case upstream.DimensionWeekday:
		return strings.ToLower(e.Time.UTC().Format("Monday"))
	case upstream.DimensionHeader:
		for _, h := range e.XHeaders {
			if strings.EqualFold(h.Name, header) {
				return h.Value
			}
		}
		return ""
	case upstream.DimensionDelivered:
		return strconv.FormatBool(e.Delivered)
	case upstream.DimensionReason:
		return e.BlockedReason
	case upstream.DimensionType:
		return string(e.BounceType)
	case upstream.DimensionCategory:
		return e.BounceCategory
	case upstream.DimensionCode:
		return e.detail.Code
	case upstream.DimensionRule:
		return e.detail.RuleName
	case upstream.DimensionDiagnostic:
		return patterns[e.detail.DiagnosticCode]
	}
	return "" // of the second dimension, if there is only one
}

// groups counts events by hand.
func (o *Model) groups(only []upstream.ID, q upstream.Question) upstream.Groups {
	keys := func(e *event) (keys upstream.Keys) {
		for i, d := range q.By {
			keys[i] = e.key(d, q.Header)
		}
		return keys
	}
	groups := upstream.Groups{Groups: []upstream.Group{}}
	places := map[upstream.Keys]int{} // in groups
	for _, e := range o.events(only, q.Kind, q.ListQuery) {
		k := keys(&e)
		i, found := places[k]
		if !found {
			i = len(groups.Groups)
			places[k] = i
			groups.Groups = append(groups.Groups, upstream.Group{Keys: k})
			if at := slices.Index(q.By[:], upstream.DimensionSender); at >= 0 {
				groups.Groups[i].Sender = o.senders[e.SenderID].Address
			}
		}
		g := &groups.Groups[i]
		groups.Total++
		g.Count++
		if q.Interval == 0 {
			continue
		}
		start := q.Interval.Floor(e.Time)
		if n := len(g.Points); n > 0 && g.Points[n-1].Start == start { // events are in order of time
			g.Points[n-1].Count++
		} else {
			g.Points = append(g.Points, upstream.GroupPoint{Start: start, Count: 1})
		}
	}
	slices.SortFunc(groups.Groups, func(a, b upstream.Group) int {
		if a.Count != b.Count {
			return int(b.Count - a.Count)
		}
		return slices.Compare(a.Keys[:], b.Keys[:])
	})
	for len(groups.Groups) > q.Top {
		last := len(groups.Groups) - 1
		groups.Other.Groups++
		groups.Other.Count += groups.Groups[last].Count
		groups.Groups = groups.Groups[:last]
	}
	if q.Sent {
		clear(places)
		for i, g := range groups.Groups {
			places[g.Keys] = i
		}
		for _, e := range o.events(only, upstream.Emails, q.SentQuery().ListQuery) {
			if i, found := places[keys(&e)]; found {
				groups.Groups[i].Sent++
			}
		}
	}
	return groups
}

// groupsQueries draws queries. Filters that a kind does not have are left out, as by [upstream.ParseQuestion].
func groupsQueries(t *rapid.T, k upstream.Kind, when *rapid.Generator[upstream.Time]) upstream.Question {
	q := upstream.Question{Kind: k, ListQuery: listQueries(t, when, 0)}
	if rapid.Bool().Draw(t, "no filter") {
		q.ListQuery = upstream.ListQuery{Window: q.Window}
	}
	q.ListQuery, q.Offset = ofKind(k, q.ListQuery), 0
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

// testGroups compares groups with those that are counted by hand, after random writes and removals.
func testGroups(t *testing.T, open Opener) {
	rapid.Check(t, func(t *rapid.T) {
		s, o := open(t, ""), &Model{}
		when := times(t)
		for range rapid.IntRange(1, 3).Draw(t, "writes") {
			b := batches(when, 30).Draw(t, "batch")
			onlyOnce(&b)
			Write(t, s, b)
			o.Write(b)
			if rapid.IntRange(0, 2).Draw(t, "prune") == 0 {
				prune(t, s, o, when.Draw(t, "before"))
			}
			for range 6 {
				k := rapid.SampledFrom(upstream.Kinds[:]).Draw(t, "kind")
				only, q := scopes(t), groupsQueries(t, k, when)
				got := Must[upstream.Groups](t)(s.Groups(context.Background(), only, q, testProviders))
				if d := Diff(o.groups(only, q), got); d != "" {
					t.Fatalf("groups of %s, only %v:\n%+v\n%s", k, only, q, d)
				}
			}
		}
	})
}

// patterns are what the drawn diagnostics have in common with others.
var patterns = map[string]string{"": "", "\x00": "", "smtp; 550": "550"}

// testManyGroups is testGroups for enough rows that a store may look up each domain, and each day of it.
func testManyGroups(t *testing.T, open Opener) { manyGroups(t, open, 3) }

// testManyDomains is testManyGroups for so many domains that a store may read them all.
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
		e := upstream.Email{
			UserID: 20, SenderID: 17, EmailID: strconv.Itoa(i), EmailAddress: local + "@" + domain, Local: local,
			Domain: domain, ProcessTime: at, Delivered: i%5 > 0,
		}
		b.Emails = append(b.Emails, e)
		b.Bounces = append(b.Bounces, upstream.BounceDetail{Bounce: upstream.Bounce{
			UserID: 20, SenderID: 17, EmailID: e.EmailID, EmailAddress: e.EmailAddress, Local: local, Domain: domain,
			Type: upstream.Hard, Category: "other", Code: "5.1." + strconv.Itoa(i%4), BounceTime: at, ProcessTime: at,
		}})
	}
	Write(t, s, b)
	o.Write(b)
	whole := upstream.Window{Start: start, End: start + days*86400}
	intervals := []upstream.Interval{0, upstream.Hour, upstream.Day}
	for i, w := range []upstream.Window{Ever, whole, {Start: start + 5000, End: whole.End - 100_000}} {
		for j, by := range [][2]upstream.Dimension{
			{upstream.DimensionDomain}, {upstream.DimensionProvider}, {upstream.DimensionDay, upstream.DimensionDomain},
			{upstream.DimensionProvider, upstream.DimensionWeekday}, {upstream.DimensionDomain, upstream.DimensionHour},
			{upstream.DimensionDomain, upstream.DimensionSender}, {upstream.DimensionDay},
		} {
			q := upstream.Question{
				ListQuery: upstream.ListQuery{Window: w},
				Grouping:  upstream.Grouping{By: by, Top: 4, Interval: intervals[(i+j)%len(intervals)], Sent: true},
			}
			for _, k := range []upstream.Kind{upstream.Emails, upstream.Bounces} {
				q.Kind = k
				got := Must[upstream.Groups](t)(s.Groups(context.Background(), nil, q, testProviders))
				if d := Diff(o.groups(nil, q), got); d != "" {
					t.Fatalf("groups of %s:\n%+v\n%s", k, q, d)
				}
			}
		}
	}
}
