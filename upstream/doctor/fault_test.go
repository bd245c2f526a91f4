package doctor_test

import (
	"cmp"
	"fmt"
	"net/http"
	"regexp"
	"slices"
	"strings"
	"testing"

	gocmp "github.com/google/go-cmp/cmp"

	"deliverygraph/upstream"
	"deliverygraph/upstream/doctor"
	"deliverygraph/upstream/event"
)

// Beginnings of rules, as reports have them.
const (
	read        = "rows can be read"
	listWindow  = "a list holds its window"
	order       = "rows are sorted"
	once        = "no row comes twice"
	pageSize    = "a page has 500 rows"
	offset      = "offset skips"
	filterHolds = "a filter gives all"
	counts      = "counts are what the lists have"
	countWindow = "windows side by side add up"
	rollup      = "counts by user"
	series      = "time series have full hours"
	times       = "times may be ISO 8601"
	detail      = "a bounce in full"
	unknown     = "an unknown bounce is 404"
	catalogue   = "a catalogue has codes"
	refused     = "a wrong parameter is refused"
	method      = "another method than GET"
	accept      = "an Accept without JSON"
	errorBody   = "errors have the body"
)

// difference is one that is wanted in a report.
type difference struct {
	outcome doctor.Outcome
	rule    string // how it begins
	at      string // the subject
}

func copes(rule string, at ...string) []difference  { return differences(doctor.Copes, rule, at) }
func breaks(rule string, at ...string) []difference { return differences(doctor.Breaks, rule, at) }

func differences(o doctor.Outcome, rule string, at []string) (all []difference) {
	for _, subject := range at {
		all = append(all, difference{o, rule, subject})
	}
	return all
}

var lists = []string{"/emails", "/bounces", "/blocked-emails"}
var countPaths = []string{"/email/counts", "/bounce/counts", "/blocked-email/counts"}

func bySeries(intervals ...string) (all []string) {
	for _, p := range countPaths {
		for _, i := range intervals {
			all = append(all, p+"?timeseries="+i)
		}
	}
	return all
}

// with is a server whose backend has a fault.
func with(fault func(*backend)) http.Handler {
	b := newBackend()
	fault(b)
	return b.handler()
}

// A server with one fault has this one told of, and nothing else.
func TestFaults(t *testing.T) {
	t.Parallel()
	for name, c := range map[string]struct {
		server http.Handler
		want   []difference
		says   string // in the table
	}{
		// Lists.
		"newest first": {with(func(b *backend) { b.list = reversed }), copes(order, lists...), "oldest first"},
		"ties by recipient alone": {with(func(b *backend) {
			b.list = resorted(func(x, y event.Row) int {
				return cmp.Or(cmp.Compare(x.Time, y.Time), cmp.Compare(y.Recipient, x.Recipient))
			})
		}), copes(order, lists...), "ties by email id"},
		"the end belongs to a list's window": {with(func(b *backend) { b.query = func(q *upstream.ListQuery) { q.Window.End++ } }),
			copes(listWindow, lists...), "of the second at which the window ends"},
		"the start does not belong to a list's window": {with(func(b *backend) { b.query = func(q *upstream.ListQuery) { q.Window.Start++ } }),
			breaks(listWindow, lists...), "of the first second"},
		"a list looks at days alone": {with(func(b *backend) {
			b.query = func(q *upstream.ListQuery) {
				q.Window = upstream.Window{Start: upstream.Day.Floor(q.Window.Start), End: upstream.Day.Floor(q.Window.End-1) + 86400}
			}
		}), copes(listWindow, lists...), "drops rows from outside"},
		"pages of 100": {with(func(b *backend) {
			b.list = func(_ upstream.Kind, q upstream.ListQuery, page rows) any { return cut(page(q), 100) }
		}), breaks(pageSize, lists...), "100 rows, and more from offset 100 on"},
		"pages of 1000": {with(func(b *backend) {
			b.list = func(_ upstream.Kind, q upstream.ListQuery, page rows) any { return double(page, q) }
		}), copes(pageSize, lists...), "1000 rows"},
		"an offset that is not heeded": {with(func(b *backend) { b.query = func(q *upstream.ListQuery) { q.Offset = 0 } }),
			breaks(offset, lists...), "as without an offset"},
		"an offset that counts from 1": {with(func(b *backend) { b.query = func(q *upstream.ListQuery) { q.Offset = max(0, q.Offset-1) } }),
			breaks(offset, lists...), "first"},
		"an offset of pages": {with(func(b *backend) { b.query = func(q *upstream.ListQuery) { q.Offset *= 500 } }),
			breaks(offset, lists...), "no rows"},
		"a row given twice": {with(func(b *backend) {
			b.list = func(k upstream.Kind, q upstream.ListQuery, page rows) any { return repeated(page(q)) }
		}), nil, "1 row again, such as"},
		"rows behind themselves again": {with(func(b *backend) { b.list = everyFewAgain(0) }), copes(once, lists...), "which is row 6 and row 7"},
		"rows after others again":      {with(func(b *backend) { b.list = everyFewAgain(3) }), breaks(once, lists...), "unless it follows itself"},
		"rows that are not listed": {with(func(b *backend) {
			b.list = func(_ upstream.Kind, q upstream.ListQuery, page rows) any { return thinned(page(q)) }
		}), nil, "as the list of that window has"},

		// Filters.
		"user_id is not heeded":       {without(of("user_id", lists...)), breaks(filterHolds, "/emails?user_id", "/bounces?user_id", "/blocked-emails?user_id"), "the gateway refuses the whole answer"},
		"sender_id is not heeded":     {without(of("sender_id", "/bounces")), breaks(filterHolds, "/bounces?sender_id"), "as without the filter"},
		"sender is not heeded":        {without(of("sender", lists...)), breaks(filterHolds, "/bounces?sender"), "sender=s…@example.org"},
		"domain is not heeded":        {without(of("domain", lists...)), breaks(filterHolds, "/bounces?domain"), "as without the filter"},
		"local is not heeded":         {without(of("local", lists...)), breaks(filterHolds, "/bounces?local"), "as without the filter"},
		"recipient is not heeded":     {without(of("recipient", "/blocked-emails")), breaks(filterHolds, "/blocked-emails?recipient"), "as without the filter"},
		"bounce_type is not heeded":   {without(of("bounce_type", "/bounces")), breaks(filterHolds, "/bounces?bounce_type"), "as without the filter"},
		"categories are not heeded":   {without(of("bounce_category", "/bounces")), breaks(filterHolds, "/bounces?bounce_category"), "as without the filter"},
		"delivered is not heeded":     {without(of("delivered", "/emails")), breaks(filterHolds, "/emails?delivered"), "as without the filter"},
		"reasons are not heeded":      {without(of("blocked_reason", "/blocked-emails")), breaks(filterHolds, "/blocked-emails?blocked_reason"), "as without the filter"},
		"headers are not heeded":      {without(func(_, name string) bool { return strings.HasPrefix(strings.ToUpper(name), "X-") }), breaks(filterHolds, "/emails?x-…", "/bounces?X-…"), "as without the filter"},
		"headers in their own case":   {with(func(b *backend) { b.query = exactHeaders }), copes(filterHolds, "/emails?x-…"), "as the rows have them"},
		"headers in upper case alone": {asked(func(r *http.Request) { r.URL.RawQuery = strings.Replace(r.URL.RawQuery, "&x-", "&no-", 1) }), copes(filterHolds, "/emails?x-…"), "as the rows have them"},
		"a filter that is refused":    {asked(func(r *http.Request) { r.URL.RawQuery = strings.Replace(r.URL.RawQuery, "&domain=", "&dmn=", 1) }), breaks(filterHolds, "/bounces?domain"), "status 452"},
		"a filter that finds nothing": {asked(func(r *http.Request) {
			r.URL.RawQuery = strings.Replace(r.URL.RawQuery, "&recipient=", "&recipient=x", 1)
		}), breaks(filterHolds, "/bounces?recipient", "/blocked-emails?recipient"), "0 rows, without"},
		"user_id of counts is not heeded":     {without(of("user_id", "/email/counts")), breaks(filterHolds, "/email/counts?user_id"), "wrong numbers"},
		"sender_id of counts is not heeded":   {without(of("sender_id", "/blocked-email/counts")), breaks(filterHolds, "/blocked-email/counts?sender_id"), "wrong numbers"},
		"bounce_type of counts is not heeded": {without(of("bounce_type", "/bounce/counts")), breaks(filterHolds, "/bounce/counts?bounce_type"), "wrong numbers"},

		// Counts.
		"the end belongs to a counts window": {with(func(b *backend) { b.count = func(_ upstream.Kind, q *upstream.CountQuery) { q.Window.End++ } }),
			breaks(countWindow, countPaths...), "take in the second at which it ends"},
		"the start does not belong to a counts window": {with(func(b *backend) { b.count = func(_ upstream.Kind, q *upstream.CountQuery) { q.Window.Start++ } }),
			breaks(countWindow, countPaths...), "leave out the second at which it starts"},
		"emails are counted three times": {with(func(b *backend) { b.counts = tripled }), append(breaks(counts, "/email/counts"), breaks(series, "/email/counts?timeseries=hour", "/email/counts?timeseries=day")...), "as the list of that window has"},
		"windows that do not add up": {with(func(b *backend) {
			b.counts = func(k upstream.Kind, q upstream.CountQuery, rows []upstream.Count) []upstream.Count {
				for i := range rows {
					rows[i].Total += min(1, int64(q.Window.End-q.Window.Start)/1000) + 1
				}
				return rows
			}
		}), nil, "which its two parts"},
		"users are not added up": {with(func(b *backend) {
			b.counts = func(_ upstream.Kind, q upstream.CountQuery, rows []upstream.Count) []upstream.Count {
				if q.Rollup == upstream.ByUser {
					return rows[:len(rows)-1]
				}
				return rows
			}
		}), breaks(rollup, countPaths...), "as the list has"},
		"rollup_to is not heeded": {without(func(_, name string) bool { return name == "rollup_to" }), breaks(rollup, countPaths...), "user_id is missing"},

		// Time series.
		"hours that begin at half past": {with(func(b *backend) { b.series = shifted(1800) }), breaks(series, bySeries("hour", "day")...), "full hours of UTC"},
		"days of another zone":          {with(func(b *backend) { b.before, b.series = nil, onDays(shifted(-5*3600)) }), breaks(series, bySeries("day")...), "full days of UTC"},
		"series without their last point": {with(func(b *backend) {
			b.series = func(_ upstream.SeriesQuery, all []upstream.Series) []upstream.Series {
				for i := range all {
					all[i].Points = all[i].Points[:len(all[i].Points)-1]
				}
				return all
			}
		}), breaks(series, bySeries("hour", "day")...), "in all points together"},
		"points of hours that are next to theirs": {with(func(b *backend) { b.series = swapped }), breaks(series, bySeries("hour")...), "in the wrong hour"},
		"first points that begin with the window": {with(func(b *backend) { b.series = fromStart }), copes(series, bySeries("hour")...), "puts it in its place"},
		"points of nothing":                       {with(func(b *backend) { b.series = padded }), copes(series, bySeries("hour", "day")...), "of nothing"},
		"points outside of the window": {with(func(b *backend) {
			b.series = func(q upstream.SeriesQuery, all []upstream.Series) []upstream.Series {
				all[0].Points = append(all[0].Points, upstream.Point{Start: q.Interval.Floor(q.Window.End) + 10*q.Interval.Seconds()})
				return all
			}
		}), breaks(series, bySeries("hour", "day")...), "points of the window alone"},

		// Details.
		"a listed bounce that is not found": {answers("/bounce/2", func(*http.Request, int, []byte) (int, string) { return 404, "" }), append(breaks(detail, "/bounce/…"), copes(errorBody, "all refusals")...), "status 404"},
		"another bounce in full": {with(func(b *backend) {
			b.detail = func(_ upstream.BounceKey, d upstream.BounceDetail, err error) (upstream.BounceDetail, error) {
				d.SenderID++
				return d, err
			}
		}), breaks(detail, "/bounce/…"), "sender"},
		"another category in full": {replaced("/bounce/2", `"bounce_category":"`, `"bounce_category":"un`), copes(detail, "/bounce/…"), "another bounce_category"},
		"any bounce is found": {with(func(b *backend) {
			b.detail = func(k upstream.BounceKey, d upstream.BounceDetail, err error) (upstream.BounceDetail, error) {
				d.UserID, d.SenderID, d.BounceTime, d.EmailID = k.UserID, k.SenderID, k.BounceTime, k.EmailID
				return d, nil
			}
		}), breaks(unknown, "/bounce/…"), "a bounce that there is not"},
		"unknown bounces are null":     {instead([]int{404}, 200, `{"data":null}`), copes(unknown, "/bounce/…"), "status 200 without a bounce"},
		"unknown bounces are 410":      {instead([]int{404}, 410, `{}`), copes(unknown, "/bounce/…"), "takes it for the same"},
		"unknown bounces are an error": {instead([]int{404}, 500, `{}`), copes(unknown, "/bounce/…"), "status 500"},

		// Refusals.
		"400 instead of 452": {instead([]int{452}, 400, `{"error":{"code":400,"message":"no"}}`), copes(refused, "/bounces without start_time", "/emails with a misspelt name", "/blocked-email/counts with a name in upper case"), "status 400: no"},
		"misspelt names":     {without(of("recepient", "/emails")), copes(refused, "/emails with a misspelt name"), "status 200"},
		"upper-case names":   {without(of("USER_ID", "/blocked-email/counts")), copes(refused, "/blocked-email/counts with a name in upper case"), "status 200"},
		"any method":         {asked(func(r *http.Request) { r.Method = http.MethodGet }), copes(method, "/bounce/categories"), "status 200"},
		"any Accept":         {asked(func(r *http.Request) { r.Header.Del("Accept") }), copes(accept, "/blocked-email/reasons"), "status 200"},
		"errors in plain text": {answers("/", func(_ *http.Request, status int, body []byte) (int, string) {
			if status >= 400 {
				return status, "that was wrong"
			}
			return status, string(body)
		}), copes(errorBody, "all refusals"), "that was wrong"},
		"errors that name no parameter": {answers("/", func(_ *http.Request, status int, body []byte) (int, string) {
			return status, regexp.MustCompile(`,"parameter":"[^"]*"`).ReplaceAllString(string(body), "")
		}), copes(errorBody, "all refusals"), `"parameter": "start_time"`},
		"ISO 8601 times are not read": {asked(func(r *http.Request) {
			if strings.Contains(r.URL.RawQuery, "T") {
				r.URL.RawQuery = "start_time=0&end_time=1"
			}
		}), copes(times, "/email/counts"), "as with Unix seconds"},
		"ISO 8601 times are refused": {asked(func(r *http.Request) {
			if strings.Contains(r.URL.RawQuery, "T") {
				r.URL.RawQuery = ""
			}
		}), copes(times, "/email/counts"), "status 452"},

		// Forms.
		"headers as an array of strings": {replaced("/bounces", `"xheaders":{"X-Campaign":"spring","X-District":"Vermont"}`, `"xheaders":["X-Campaign: spring","X-District: Vermont"]`), nil, "an array of strings"},
		"headers as the document prints": {replaced("/bounces", `"xheaders":{"X-Campaign":"spring"}`, `"xheaders":["X-Campaign":"spring"]`), breaks(read, "/bounces"), `is not "name: value"`},
		"times as strings":               {replaced("/emails", `"process_time":`, `"process_time":1`), nil, ""},
		"rows without ids":               {replaced("/emails", `"sender_id"`, `"sender"`), breaks(read, "/emails"), "sender_id is missing"},
		"counts without numbers":         {replaced("/bounce/counts", `_count"`, `"`), breaks(read, "/bounce/counts"), "bounce_count is missing"},
		"an endpoint of HTML":            {typed("/emails", "text/html"), breaks(read, "/emails"), "text/html"},
		"an endpoint that fails":         {answers("/blocked-emails", func(*http.Request, int, []byte) (int, string) { return 500, "{}" }), breaks(read, "/blocked-emails"), "status 500"},
		"counts that fail":               {answers("/email/counts", func(*http.Request, int, []byte) (int, string) { return 500, "{}" }), breaks(read, "/email/counts"), "status 500"},
		"lists that are empty":           {replaced("/emails", `{"data":[{`, `{"nothing":[{`, `}]}`, `}],"data":[]}`), breaks(counts, "/email/counts"), "numbers without the rows"},

		// Catalogues.
		"no categories":       {answers("/bounce/categories", func(_ *http.Request, status int, body []byte) (int, string) { return 404, "{}" }), nil, "status 404"},
		"an empty catalogue":  {replaced("/bounce/categories", `{"data":[`, `{"data":[],"all":[`), copes(catalogue, "/bounce/categories"), "no codes at all"},
		"codes that repeat":   {replaced("/blocked-email/reasons", `"manual"`, `"complaint"`), copes(catalogue, "/blocked-email/reasons"), "come again"},
		"codes that are rows": {replaced("/blocked-email/reasons", `"manual"`, `{"code":"manual"}`), breaks(catalogue, "/blocked-email/reasons"), "not a string"},
	} {
		t.Run(name, func(t *testing.T) {
			t.Parallel()
			r := examine(t, c.server)
			text := table(t, r)
			if c.want != nil {
				var got []difference
				for _, f := range r.Findings {
					if f.Outcome < doctor.Copes {
						continue
					}
					d := difference{f.Outcome, f.Rule, f.Subject}
					for _, w := range c.want {
						if strings.HasPrefix(f.Rule, w.rule) {
							d.rule = w.rule
						}
					}
					got = append(got, d)
					if f.Asked == "" || f.Came == "" || f.Wanted == "" || f.Effect == "" {
						t.Errorf("%+v does not tell all", f)
					}
				}
				sorted := func(all []difference) []difference {
					return slices.SortedFunc(slices.Values(all), func(a, b difference) int { return cmp.Compare(fmt.Sprint(a), fmt.Sprint(b)) })
				}
				if diff := gocmp.Diff(sorted(c.want), sorted(got), gocmp.AllowUnexported(difference{})); diff != "" {
					t.Errorf("differences: -want +got\n%s\n%s", diff, text)
				}
			}
			if !strings.Contains(strings.Join(strings.Fields(text), " "), c.says) {
				t.Errorf("the table does not say %q:\n%s", c.says, text)
			}
		})
	}
}

// of is the name of a parameter at these paths.
func of(name string, paths ...string) func(path, given string) bool {
	return func(path, given string) bool { return given == name && slices.Contains(paths, path) }
}

// exactHeaders lets headers be found by their names as rows have them alone.
func exactHeaders(q *upstream.ListQuery) {
	for i, h := range q.XHeaders {
		if h.Name == strings.ToLower(h.Name) {
			q.XHeaders[i].Name = "X-Unknown"
		}
	}
}

// everything is the whole of a list.
func everything[R any](page rows, q upstream.ListQuery) (all []R) {
	for q.Offset = 0; ; q.Offset += upstream.PageSize {
		found := page(q).([]R)
		all = append(all, found...)
		if len(found) < upstream.PageSize {
			return all
		}
	}
}

// resorted lists rows in another order.
func resorted(order func(a, b event.Row) int) func(upstream.Kind, upstream.ListQuery, rows) any {
	return func(k upstream.Kind, q upstream.ListQuery, page rows) any {
		switch k {
		case upstream.Bounces:
			return sortedPage(page, q, event.OfBounce, order)
		case upstream.Emails:
			return sortedPage(page, q, event.OfEmail, order)
		default:
			return sortedPage(page, q, event.OfBlockedEmail, order)
		}
	}
}

func sortedPage[R any](page rows, q upstream.ListQuery, of func(R) event.Row, order func(a, b event.Row) int) []R {
	all := everything[R](page, q)
	slices.SortStableFunc(all, func(a, b R) int { return order(of(a), of(b)) })
	all = all[min(q.Offset, len(all)):]
	return all[:min(len(all), upstream.PageSize)]
}

// reversed lists the newest first.
func reversed(k upstream.Kind, q upstream.ListQuery, page rows) any {
	return resorted(func(a, b event.Row) int { return b.Compare(a) })(k, q, page)
}

// onAny does the same to rows of any kind.
func onAny(page any, bounces func([]upstream.Bounce) []upstream.Bounce, emails func([]upstream.Email) []upstream.Email, blocked func([]upstream.BlockedEmail) []upstream.BlockedEmail) any {
	switch p := page.(type) {
	case []upstream.Bounce:
		return bounces(p)
	case []upstream.Email:
		return emails(p)
	default:
		return blocked(p.([]upstream.BlockedEmail))
	}
}

func cut(page any, n int) any {
	return onAny(page, first[upstream.Bounce](n), first[upstream.Email](n), first[upstream.BlockedEmail](n))
}

func first[R any](n int) func([]R) []R { return func(p []R) []R { return p[:min(n, len(p))] } }

// double gives two pages as one.
func double(page rows, q upstream.ListQuery) any {
	next := q
	next.Offset += upstream.PageSize
	switch p := page(q).(type) {
	case []upstream.Bounce:
		return append(p, page(next).([]upstream.Bounce)...)
	case []upstream.Email:
		return append(p, page(next).([]upstream.Email)...)
	default:
		return append(p.([]upstream.BlockedEmail), page(next).([]upstream.BlockedEmail)...)
	}
}

// repeated gives the second row twice, and not the third.
func repeated(page any) any {
	return onAny(page, twice[upstream.Bounce], twice[upstream.Email], twice[upstream.BlockedEmail])
}

func twice[R any](p []R) []R {
	if len(p) > 400 {
		p[len(p)/2] = p[len(p)/2-1]
	}
	return p
}

// everyFewAgain lists every seventh row again, so many rows behind itself.
func everyFewAgain(behind int) func(upstream.Kind, upstream.ListQuery, rows) any {
	return func(k upstream.Kind, q upstream.ListQuery, page rows) any {
		switch k {
		case upstream.Bounces:
			return pageAgain[upstream.Bounce](page, q, behind)
		case upstream.Emails:
			return pageAgain[upstream.Email](page, q, behind)
		default:
			return pageAgain[upstream.BlockedEmail](page, q, behind)
		}
	}
}

func pageAgain[R any](page rows, q upstream.ListQuery, behind int) (all []R) {
	once := everything[R](page, q)
	for i, r := range once {
		if all = append(all, r); i%7 == 6 {
			all = append(all, once[i-behind])
		}
	}
	all = all[min(q.Offset, len(all)):]
	return all[:min(len(all), upstream.PageSize)]
}

// thinned leaves out every tenth row.
func thinned(page any) any {
	return onAny(page, thin[upstream.Bounce], thin[upstream.Email], thin[upstream.BlockedEmail])
}

func thin[R any](p []R) (kept []R) {
	for i, r := range p {
		if i%10 != 3 {
			kept = append(kept, r)
		}
	}
	return kept
}

func tripled(k upstream.Kind, _ upstream.CountQuery, rows []upstream.Count) []upstream.Count {
	if k == upstream.Emails {
		for i := range rows {
			rows[i].Total *= 3
		}
	}
	return rows
}

// shifted moves the points of a series.
func shifted(by upstream.Time) func(upstream.SeriesQuery, []upstream.Series) []upstream.Series {
	return func(_ upstream.SeriesQuery, all []upstream.Series) []upstream.Series {
		for i := range all {
			for j := range all[i].Points {
				all[i].Points[j].Start += by
			}
		}
		return all
	}
}

func onDays(fault func(upstream.SeriesQuery, []upstream.Series) []upstream.Series) func(upstream.SeriesQuery, []upstream.Series) []upstream.Series {
	return func(q upstream.SeriesQuery, all []upstream.Series) []upstream.Series {
		if q.Interval == upstream.Day {
			return fault(q, all)
		}
		return all
	}
}

// swapped gives the first point of each series what the second has, and the other way
// round.
func swapped(q upstream.SeriesQuery, all []upstream.Series) []upstream.Series {
	for _, s := range all {
		if len(s.Points) > 1 && q.Interval == upstream.Hour {
			s.Points[0].Tally, s.Points[1].Tally = s.Points[1].Tally, s.Points[0].Tally
		}
	}
	return all
}

// fromStart has the first bucket begin with the window.
func fromStart(q upstream.SeriesQuery, all []upstream.Series) []upstream.Series {
	for _, s := range all {
		s.Points[0].Start = max(s.Points[0].Start, q.Window.Start)
	}
	return all
}

// padded fills all gaps.
func padded(q upstream.SeriesQuery, all []upstream.Series) []upstream.Series {
	for i := range all {
		for at := q.Interval.Floor(q.Window.Start); at < q.Window.End; at += q.Interval.Seconds() {
			if !slices.ContainsFunc(all[i].Points, func(p upstream.Point) bool { return p.Start == at }) {
				all[i].Points = append(all[i].Points, upstream.Point{Start: at})
			}
		}
	}
	return all
}

// typed gives answers of a path another content type.
func typed(path, contentType string) http.Handler {
	next := sample()
	return http.HandlerFunc(func(w http.ResponseWriter, r *http.Request) {
		if r.URL.Path == path {
			w = withType{w, contentType}
		}
		next.ServeHTTP(w, r)
	})
}

type withType struct {
	http.ResponseWriter
	contentType string
}

func (w withType) WriteHeader(status int) {
	w.Header().Set("Content-Type", w.contentType)
	w.ResponseWriter.WriteHeader(status)
}
