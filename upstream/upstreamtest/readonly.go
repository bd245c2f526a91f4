package upstreamtest

import (
	"net/http"
	"slices"
	"strings"
	"testing"

	"deliverygraph/upstream"
	"deliverygraph/upstream/kind"
)

// RunReadOnly checks a server whose data is unknown, using its events in the window: lists are sorted, windows are
// half-open, filters apply, pages join, counts of adjacent windows add up, counts and time series match the lists, and
// invalid requests get the document's statuses. Answers may have any format in the document.
//
// No events should arrive in the window during the test, since these would look like mistakes. If a kind has more than
// a few pages in the window, only a part of it is checked.
func RunReadOnly(t *testing.T, s Server, w upstream.Window) {
	readOnlySuite{server: s, api: upstream.API{Asker: foreign{s}}, window: w}.run(t)
}

type readOnlySuite struct {
	server Server
	api    upstream.API
	window upstream.Window
}

// maxEvents is the approximate number of events of a kind to check.
const maxEvents = 2000

func (s readOnlySuite) run(t *testing.T) {
	for _, k := range upstream.Kinds {
		w := s.part(t, k)
		t.Run(k.String(), func(t *testing.T) {
			events := s.walk(t, k, upstream.ListQuery{Window: w})
			if len(events) == 0 {
				t.Skipf("no %s in the window", k)
			}
			t.Run("lists are sorted and within their window", func(t *testing.T) { s.sorted(t, k, w, events) })
			t.Run("windows are half-open", func(t *testing.T) { s.halfOpen(t, k, w, events) })
			t.Run("offset skips rows", func(t *testing.T) { s.offset(t, k, w, events) })
			t.Run("filters apply", func(t *testing.T) { s.filters(t, k, w, events) })
			t.Run("counts match the lists", func(t *testing.T) { s.counts(t, k, w, events) })
			t.Run("time series match the lists", func(t *testing.T) { s.series(t, k, w, events) })
		})
	}
	t.Run("details match the row", s.detail)
	t.Run("catalogues", s.catalogues)
	t.Run("statuses of invalid requests", s.statuses)
}

// part returns a part of the window with at most maxEvents events of the kind. It keeps
// the half with more events until that is so.
func (s readOnlySuite) part(t *testing.T, k upstream.Kind) upstream.Window {
	t.Helper()
	w := s.window
	for w.End-w.Start > 1 && s.total(t, k, upstream.CountQuery{Window: w}) > maxEvents {
		middle := w.Start + (w.End-w.Start)/2
		left, right := upstream.Window{Start: w.Start, End: middle}, upstream.Window{Start: middle, End: w.End}
		w = left
		rightTotal := s.total(t, k, upstream.CountQuery{Window: right})
		if rightTotal > s.total(t, k, upstream.CountQuery{Window: left}) {
			w = right
		}
	}
	return w
}

func (s readOnlySuite) total(t *testing.T, k upstream.Kind, q upstream.CountQuery) int64 {
	t.Helper()
	counts, err := s.api.Counts(t.Context(), k, q)
	if err != nil {
		t.Fatal(err)
	}
	return sum(counts).Total
}

func sum(counts []upstream.Count) (total upstream.Tally) {
	for _, c := range counts {
		total = total.Add(c.Tally)
	}
	return total
}

// list returns one page.
func (s readOnlySuite) list(t *testing.T, k upstream.Kind, q upstream.ListQuery) []upstream.Event {
	t.Helper()
	rows, err := s.api.Ask(t.Context(), Question(k, q))
	if err != nil {
		t.Fatal(err)
	}
	page := upstream.PageOf(rows)
	if page.Len() > upstream.PageSize {
		t.Errorf("a page of %d rows, want at most %d", page.Len(), upstream.PageSize)
	}
	return upstream.Events(page)
}

// walk returns the rows of all pages.
func (s readOnlySuite) walk(t *testing.T, k upstream.Kind, q upstream.ListQuery) []upstream.Event {
	t.Helper()
	var all []upstream.Event
	for {
		page := s.list(t, k, q)
		all = append(all, page...)
		q.Offset += len(page)
		if len(page) < upstream.PageSize || len(all) > 10*maxEvents {
			return all
		}
	}
}

func (s readOnlySuite) sorted(t *testing.T, k upstream.Kind, w upstream.Window, all []upstream.Event) {
	for i, e := range all {
		if !w.Contains(e.Time) {
			t.Errorf("row %d has time %d, outside [%d, %d)", i, e.Time, w.Start, w.End)
		}
		if i == 0 {
			continue
		}
		switch before := all[i-1]; {
		case before.Compare(e) > 0:
			t.Errorf("row %d (%d %s %s) follows %d %s %s: want order by time, email id, recipient",
				i, e.Time, e.EmailID, e.Recipient, before.Time, before.EmailID, before.Recipient)
		case before.Same(e):
			t.Errorf("row %d repeats the one before: %d %s %s", i, e.Time, e.EmailID, e.Recipient)
		}
	}
}

// halfOpen splits the window at the time of a row. Only the second part may contain that
// row, and both parts together must equal the whole, as rows and as counts.
func (s readOnlySuite) halfOpen(t *testing.T, k upstream.Kind, w upstream.Window, all []upstream.Event) {
	for _, e := range []upstream.Event{all[0], all[len(all)/2], all[len(all)-1]} {
		second := upstream.Window{Start: e.Time, End: e.Time + 1}
		rows := s.walk(t, k, upstream.ListQuery{Window: second})
		if !slices.ContainsFunc(rows, func(o upstream.Event) bool { return o.Compare(e) == 0 }) {
			t.Errorf("a window that begins at %d omits a row of that time", e.Time)
		}
		if e.Time == w.Start {
			continue
		}
		left, right := upstream.Window{Start: w.Start, End: e.Time}, upstream.Window{Start: e.Time, End: w.End}
		equal(t, slices.Concat(
			s.walk(t, k, upstream.ListQuery{Window: left}),
			s.walk(t, k, upstream.ListQuery{Window: right}),
		), all)
		whole := s.total(t, k, upstream.CountQuery{Window: w})
		before, after := s.total(t, k, upstream.CountQuery{Window: left}),
			s.total(t, k, upstream.CountQuery{Window: right})
		if before+after != whole {
			t.Errorf("counts before and from %d are %d and %d, want %d together", e.Time, before, after, whole)
		}
	}
}

func (s readOnlySuite) offset(t *testing.T, k upstream.Kind, w upstream.Window, all []upstream.Event) {
	for _, n := range []int{1, len(all) / 2, len(all) - 1, len(all), len(all) + 1} {
		page := s.list(t, k, upstream.ListQuery{Window: w, Offset: n})
		rest := all[min(n, len(all)):]
		equal(t, page, rest[:min(upstream.PageSize, len(rest))])
	}
}

// filters checks each filter with a value from a row.
func (s readOnlySuite) filters(t *testing.T, k upstream.Kind, w upstream.Window, all []upstream.Event) {
	e := all[len(all)/2]
	queries := map[string]upstream.ListQuery{
		"user_id":   {UserID: e.UserID},
		"sender_id": {SenderID: e.SenderID},
		"domain":    {Domain: e.Domain},
		"local":     {Local: e.Local},
		"recipient": {Recipient: e.Recipient},
		"all": {
			UserID: e.UserID, SenderID: e.SenderID, Domain: e.Domain, Local: e.Local, Recipient: e.Recipient,
		},
	}
	for _, h := range e.XHeaders[:min(len(e.XHeaders), upstream.MaxXHeaders)] {
		if h.Value != "" {
			queries[h.Name] = upstream.ListQuery{XHeaders: upstream.HeaderFilters{h}}
			lower := upstream.Header{Name: strings.ToLower(h.Name), Value: h.Value}
			queries["in lower case "+h.Name] = upstream.ListQuery{XHeaders: upstream.HeaderFilters{lower}}
		}
	}
	for _, f := range kind.Own[k] {
		var q upstream.ListQuery
		q.SetFilter(f.Filter, map[string]string{
			"delivered": "1", "bounce_type": string(e.BounceType), "bounce_category": e.BounceCategory,
			"blocked_reason": e.BlockedReason,
		}[f.Filter])
		queries[f.Filter] = q
	}
	for name, q := range queries {
		t.Run(name, func(t *testing.T) {
			q.Window = w
			var want []upstream.Event
			for _, e := range all {
				if e.Matches(q) {
					want = append(want, e)
				}
			}
			equal(t, s.walk(t, k, q), want)
		})
	}
}

func (s readOnlySuite) counts(t *testing.T, k upstream.Kind, w upstream.Window, all []upstream.Event) {
	for rollup, name := range map[upstream.Rollup]string{upstream.BySender: "sender", upstream.ByUser: "user"} {
		want := map[upstream.ID]upstream.Tally{}
		for _, e := range all {
			want[e.ID(rollup)] = want[e.ID(rollup)].Add(e.Tally())
		}
		got, err := s.api.Counts(t.Context(), k, upstream.CountQuery{Window: w, Rollup: rollup})
		if err != nil {
			t.Fatal(err)
		}
		for _, c := range got {
			if c.Tally != want[c.ID] {
				t.Errorf("%s %d has %+v, but the list has %+v", name, c.ID, c.Tally, want[c.ID])
			}
			delete(want, c.ID)
		}
		for id, tally := range want {
			t.Errorf("%s %d is missing, but the list has %+v", name, id, tally)
		}
	}
}

func (s readOnlySuite) series(t *testing.T, k upstream.Kind, w upstream.Window, all []upstream.Event) {
	for _, interval := range []upstream.Interval{upstream.Hour, upstream.Day} {
		type bucket struct {
			sender upstream.ID
			start  upstream.Time
		}
		want := map[bucket]upstream.Tally{}
		for _, e := range all {
			b := bucket{e.SenderID, interval.Floor(e.Time)}
			want[b] = want[b].Add(e.Tally())
		}
		q := upstream.CountQuery{Window: w, Interval: interval}
		got, err := s.api.Series(t.Context(), k, q)
		if err != nil {
			t.Fatal(err)
		}
		for _, series := range got {
			for _, p := range series.Points {
				b := bucket{series.ID, p.Start}
				if p.Tally != want[b] {
					t.Errorf("sender %d has %+v in the %d s from %d, but the list has %+v",
						series.ID, p.Tally, interval.Seconds(), p.Start, want[b])
				}
				delete(want, b)
			}
		}
		for b, tally := range want {
			t.Errorf("sender %d has no point for the %d s from %d, but the list has %+v",
				b.sender, interval.Seconds(), b.start, tally)
		}
	}
}

func (s readOnlySuite) detail(t *testing.T) {
	rows, err := s.api.Bounces(t.Context(), upstream.ListQuery{Window: s.window})
	if err != nil {
		t.Fatal(err)
	}
	if len(rows) == 0 {
		t.Skip("no bounces in the window")
	}
	row := rows[0]
	got, err := s.api.Bounce(t.Context(), row.Key())
	if err != nil {
		t.Fatal(err)
	}
	if got.Key() != row.Key() || got.Category != row.Category || got.Type != row.Type || got.Code != row.Code {
		t.Errorf("the row is %+v, but the details are %+v", row, got.Bounce)
	}
	unknown := row.Key()
	unknown.EmailID += "-unknown"
	if _, err := s.api.Bounce(t.Context(), unknown); err == nil || upstream.CodeOf(err) != upstream.NotFound {
		t.Errorf("an unknown bounce: %v, want %s", err, upstream.NotFound)
	}
}

func (s readOnlySuite) catalogues(t *testing.T) {
	for _, k := range upstream.Kinds {
		if kind.All[k].Catalogue == "" {
			continue
		}
		q := &upstream.Question{Shape: upstream.ShapeCatalogue, Kind: k}
		if codes, err := upstream.Ask[[]string](t.Context(), s.api, q); err != nil || len(codes) == 0 {
			t.Errorf("%s: codes %v, %v; want some", k, codes, err)
		}
	}
}

func (s readOnlySuite) statuses(t *testing.T) {
	for pathAndQuery, want := range map[string]int{
		"/bounces":                               452,
		"/emails?start_time=1479772800":          452,
		"/bounces?" + day + "&user_id=abc":       452,
		"/bounces?" + day + "&offset=-1":         452,
		"/bounces?" + day + "&bounce_type=worst": 452,
		"/bounces?" + day + "&no_such_filter=1":  452,
		"/emails?" + day + "&USER_ID=1":          452,
		"/bounce/counts?" + day + "&rollup_to=x": 452,
		"/email/counts?" + day + "&timeseries=x": 452,
		"/no-such-thing":                         404,
		"/BOUNCES?" + day:                        404,
	} {
		path, query, _ := strings.Cut(pathAndQuery, "?")
		a, err := s.server.get(t.Context(), path, query)
		if err != nil {
			t.Fatal(err)
		}
		if a.status != want {
			t.Errorf("%s: status %d, want %d", pathAndQuery, a.status, want)
		}
	}
	if s.server.Key == "" {
		return
	}
	a, err := s.server.do(t.Context(), http.MethodGet, "/bounce/categories",
		http.Header{"Accept": {"application/json"}})
	if err != nil {
		t.Fatal(err)
	}
	if a.status != 451 {
		t.Errorf("without a key: status %d, want 451", a.status)
	}
}

// equal compares rows by their identity.
func equal(t *testing.T, got, want []upstream.Event) {
	t.Helper()
	if len(got) != len(want) {
		t.Errorf("%d rows, want %d", len(got), len(want))
		return
	}
	for i := range got {
		if !got[i].Same(want[i]) {
			t.Errorf("row %d is %d %s, want %d %s", i, got[i].Time, got[i].EmailID, want[i].Time, want[i].EmailID)
			return
		}
	}
}
