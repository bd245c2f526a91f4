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
)

// The beginnings of rules in reports.
const (
	read        = "rows can be decoded"
	listWindow  = "a list includes rows at start_time"
	order       = "rows are sorted"
	once        = "no row is repeated"
	pageSize    = "every page but the last has 500 rows"
	offset      = "offset skips"
	filterHolds = "a filter returns all"
	counts      = "counts match the lists"
	countWindow = "counts include start_time"
	rollup      = "counts by user"
	series      = "time series have whole UTC hours"
	times       = "times may be ISO 8601"
	detail      = "a bounce's details"
	unknown     = "an unknown bounce gets 404"
	catalogue   = "a catalogue has codes"
	refused     = "an invalid parameter gets 452"
	method      = "a method other than GET"
	accept      = "an Accept header without JSON"
	errorBody   = "errors have the body"
)

// difference is a difference expected in a report.
type difference struct {
	outcome doctor.Outcome
	rule    string // its beginning
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

// Subjects of invalid requests.
const (
	misspelt  = "/emails with a misspelt parameter"
	upperCase = "/blocked-email/counts with a parameter in upper case"
)

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

// with returns a server whose backend has a fault.
func with(fault func(*backend)) http.Handler {
	b := newBackend()
	fault(b)
	return b.handler()
}

// The report on a server with one fault names that fault and no other.
func TestEachFaultIsReported(t *testing.T) {
	t.Parallel()
	for name, c := range map[string]struct {
		server http.Handler
		want   []difference
		says   string // in the table
	}{
		// Lists.
		"newest first": {with(func(b *backend) { b.list = reversed }), copes(order, lists...), "oldest first"},
		"ties by recipient alone": {with(func(b *backend) {
			b.list = resorted(func(x, y upstream.Event) int {
				return cmp.Or(cmp.Compare(x.Time, y.Time), cmp.Compare(y.Recipient, x.Recipient))
			})
		}), copes(order, lists...), "ties by email id"},
		"lists include end_time": {
			with(func(b *backend) { b.query = func(q *upstream.ListQuery) { q.Window.End++ } }),
			copes(listWindow, lists...), "more, at end_time"},
		"lists exclude start_time": {
			with(func(b *backend) { b.query = func(q *upstream.ListQuery) { q.Window.Start++ } }),
			breaks(listWindow, lists...), "at start_time"},
		"lists round windows to days": {with(func(b *backend) {
			b.query = func(q *upstream.ListQuery) {
				start, end := upstream.Day.Floor(q.Window.Start), upstream.Day.Floor(q.Window.End-1)+86400
				q.Window = upstream.Window{Start: start, End: end}
			}
		}), copes(listWindow, lists...), "drops rows from outside"},
		"pages of 100": {with(func(b *backend) {
			b.list = func(_ upstream.Kind, q upstream.ListQuery, page rows) any { return cut(page(q), 100) }
		}), breaks(pageSize, lists...), "100 rows, and more from offset 100 on"},
		"pages of 1000": {with(func(b *backend) {
			b.list = func(_ upstream.Kind, q upstream.ListQuery, page rows) any { return double(page, q) }
		}), copes(pageSize, lists...), "1000 rows"},
		"offset is ignored": {
			with(func(b *backend) { b.query = func(q *upstream.ListQuery) { q.Offset = 0 } }),
			breaks(offset, lists...), "as without an offset"},
		"offset counts from 1": {
			with(func(b *backend) { b.query = func(q *upstream.ListQuery) { q.Offset = max(0, q.Offset-1) } }),
			breaks(offset, lists...), "first"},
		"offset counts pages": {
			with(func(b *backend) { b.query = func(q *upstream.ListQuery) { q.Offset *= 500 } }),
			breaks(offset, lists...), "no rows"},
		"one row is repeated": {with(func(b *backend) {
			b.list = func(k upstream.Kind, q upstream.ListQuery, page rows) any { return repeated(page(q)) }
		}), nil, "1 row repeated, such as"},
		"rows are repeated directly": {with(func(b *backend) { b.list = everyFewAgain(0) }),
			copes(once, lists...), "the gateway shows the row once"},
		"rows are repeated after others": {with(func(b *backend) { b.list = everyFewAgain(3) }),
			breaks(once, lists...), "unless they follow each other"},
		"rows are counted but not listed": {with(func(b *backend) {
			b.list = func(_ upstream.Kind, q upstream.ListQuery, page rows) any { return thinned(page(q)) }
		}), nil, "as in the list of that window"},

		// Filters.
		"user_id is ignored": {without(of("user_id", lists...)),
			breaks(filterHolds, "/emails?user_id", "/bounces?user_id", "/blocked-emails?user_id"),
			"the gateway rejects the whole answer"},
		"sender_id is ignored": {without(of("sender_id", "/bounces")),
			breaks(filterHolds, "/bounces?sender_id"), "as without the filter"},
		"sender is ignored": {without(of("sender", lists...)),
			breaks(filterHolds, "/emails?sender", "/bounces?sender", "/blocked-emails?sender"), "sender=…"},
		"domain is ignored": {without(of("domain", lists...)),
			breaks(filterHolds, "/emails?domain", "/bounces?domain", "/blocked-emails?domain"),
			"as without the filter"},
		"local is ignored": {without(of("local", lists...)),
			breaks(filterHolds, "/emails?local", "/bounces?local", "/blocked-emails?local"), "as without the filter"},
		"recipient is ignored": {without(of("recipient", "/blocked-emails")),
			breaks(filterHolds, "/blocked-emails?recipient"), "as without the filter"},
		"bounce_type is ignored": {without(of("bounce_type", "/bounces")),
			breaks(filterHolds, "/bounces?bounce_type"), "as without the filter"},
		"bounce_category is ignored": {without(of("bounce_category", "/bounces")),
			breaks(filterHolds, "/bounces?bounce_category"), "as without the filter"},
		"delivered is ignored": {without(of("delivered", "/emails")),
			breaks(filterHolds, "/emails?delivered"), "as without the filter"},
		"blocked_reason is ignored": {without(of("blocked_reason", "/blocked-emails")),
			breaks(filterHolds, "/blocked-emails?blocked_reason"), "as without the filter"},
		"headers are ignored": {
			without(func(_, name string) bool { return strings.HasPrefix(strings.ToUpper(name), "X-") }),
			breaks(filterHolds, "/emails?x-…", "/emails?X-…", "/bounces?X-…", "/blocked-emails?X-…"),
			"as without the filter"},
		"header names are case sensitive": {with(func(b *backend) { b.query = exactHeaders }),
			copes(filterHolds, "/emails?x-…"), "in the same case as in the rows"},
		"header names in lower case are refused": {replacedQuery("&x-", "&no-"),
			copes(filterHolds, "/emails?x-…"), "in the same case as in the rows"},
		"a filter is refused": {replacedQuery("&domain=", "&dmn="),
			breaks(filterHolds, "/emails?domain", "/bounces?domain", "/blocked-emails?domain"), "status 452"},
		"a filter matches nothing": {replacedQuery("&recipient=", "&recipient=x"),
			breaks(filterHolds, "/emails?recipient", "/bounces?recipient", "/blocked-emails?recipient"),
			"0 rows, without"},
		"user_id of counts is ignored": {without(of("user_id", "/email/counts")),
			breaks(filterHolds, "/email/counts?user_id"), "wrong counts"},
		"sender_id of counts is ignored": {without(of("sender_id", "/blocked-email/counts")),
			breaks(filterHolds, "/blocked-email/counts?sender_id"), "wrong counts"},
		"bounce_type of counts is ignored": {without(of("bounce_type", "/bounce/counts")),
			breaks(filterHolds, "/bounce/counts?bounce_type"), "wrong counts"},

		// Counts.
		"counts include end_time": {
			with(func(b *backend) { b.count = func(_ upstream.Kind, q *upstream.CountQuery) { q.Window.End++ } }),
			breaks(countWindow, countPaths...), "counts include end_time"},
		"counts exclude start_time": {
			with(func(b *backend) { b.count = func(_ upstream.Kind, q *upstream.CountQuery) { q.Window.Start++ } }),
			breaks(countWindow, countPaths...), "counts exclude start_time"},
		"emails are counted three times": {with(func(b *backend) { b.counts = tripled }),
			breaks(counts, "/email/counts"),
			"as in the list of that window"},
		"a user is missing": {with(func(b *backend) {
			b.counts = func(_ upstream.Kind, q upstream.CountQuery, rows []upstream.Count) []upstream.Count {
				if q.Rollup == upstream.ByUser {
					return rows[:len(rows)-1]
				}
				return rows
			}
		}), breaks(rollup, countPaths...), "as in the list"},
		"rollup_to is ignored": {without(func(_, name string) bool { return name == "rollup_to" }),
			breaks(rollup, countPaths...), "user_id is missing"},

		// Time series.
		"hours begin at half past": {with(func(b *backend) { b.series = shifted(1800) }),
			breaks(series, bySeries("hour", "day")...), "whole UTC hours"},
		"days of another time zone": {with(func(b *backend) { b.series = onDays(shifted(-5 * 3600)) }),
			breaks(series, bySeries("day")...), "whole UTC days"},
		"series lack their last point": {with(func(b *backend) {
			b.series = func(_ upstream.CountQuery, all []upstream.Series) []upstream.Series {
				for i := range all {
					all[i].Points = all[i].Points[:len(all[i].Points)-1]
				}
				return all
			}
		}), breaks(series, bySeries("hour", "day")...), "in all points together"},
		"points are swapped": {with(func(b *backend) { b.series = swapped }),
			breaks(series, bySeries("hour")...), "in the wrong hour"},
		"first points begin at start_time": {with(func(b *backend) { b.series = fromStart }),
			copes(series, bySeries("hour")...), "moves the point"},
		"points without events": {with(func(b *backend) { b.series = padded }),
			copes(series, bySeries("hour", "day")...), "points without events"},
		"points outside the window": {with(func(b *backend) {
			b.series = func(q upstream.CountQuery, all []upstream.Series) []upstream.Series {
				later := q.Interval.Floor(q.Window.End) + 10*q.Interval.Seconds()
				all[0].Points = append(all[0].Points, upstream.Point{Start: later})
				return all
			}
		}), breaks(series, bySeries("hour", "day")...), "only points of the window"},

		// Details.
		"a listed bounce is not found": {
			answers("/bounce/2", func(*http.Request, int, []byte) (int, string) { return 404, "" }),
			append(breaks(detail, "/bounce/…"), copes(errorBody, "all refusals")...), "status 404"},
		"details of another bounce": {with(func(b *backend) {
			b.detail = func(_ upstream.BounceKey, d upstream.BounceDetail, err error) (upstream.BounceDetail, error) {
				d.SenderID++
				return d, err
			}
		}), breaks(detail, "/bounce/…"), "sender"},
		"details have another category": {replaced("/bounce/2", `"bounce_category":"`, `"bounce_category":"un`),
			copes(detail, "/bounce/…"), "bounce_category differs"},
		"any bounce is found": {with(func(b *backend) {
			b.detail = func(k upstream.BounceKey, d upstream.BounceDetail, err error) (upstream.BounceDetail, error) {
				d.UserID, d.SenderID, d.BounceTime, d.EmailID = k.UserID, k.SenderID, k.BounceTime, k.EmailID
				return d, nil
			}
		}), breaks(unknown, "/bounce/…"), "a bounce that does not exist"},
		"unknown bounces are null": {instead([]int{404}, 200, `{"data":null}`),
			copes(unknown, "/bounce/…"), "status 200 without a bounce"},
		"unknown bounces get 410": {instead([]int{404}, 410, `{}`),
			copes(unknown, "/bounce/…"), "treats it as 404"},
		"unknown bounces get 500": {instead([]int{404}, 500, `{}`),
			copes(unknown, "/bounce/…"), "status 500"},

		// Refusals.
		"400 instead of 452": {instead([]int{452}, 400, `{"error":{"code":400,"message":"no"}}`),
			copes(refused, "/bounces without start_time", misspelt, upperCase), "status 400: no"},
		"misspelt parameters are ignored": {without(of("recepient", "/emails")),
			copes(refused, misspelt), "status 200"},
		"upper-case parameters are ignored": {without(of("USER_ID", "/blocked-email/counts")),
			copes(refused, upperCase), "status 200"},
		"any method is accepted": {changed(func(r *http.Request) { r.Method = http.MethodGet }),
			copes(method, "/bounce/categories"), "status 200"},
		"any Accept header is accepted": {changed(func(r *http.Request) { r.Header.Del("Accept") }),
			copes(accept, "/blocked-email/reasons"), "status 200"},
		"errors in plain text": {answers("/", func(_ *http.Request, status int, body []byte) (int, string) {
			if status >= 400 {
				return status, "that was wrong"
			}
			return status, string(body)
		}), copes(errorBody, "all refusals"), "that was wrong"},
		"errors that name no parameter": {answers("/", func(_ *http.Request, status int, body []byte) (int, string) {
			return status, regexp.MustCompile(`,"parameter":"[^"]*"`).ReplaceAllString(string(body), "")
		}), copes(errorBody, "all refusals"), `"parameter": "start_time"`},
		"ISO 8601 times are ignored": {changed(func(r *http.Request) {
			if strings.Contains(r.URL.RawQuery, "T") {
				r.URL.RawQuery = "start_time=0&end_time=1"
			}
		}), copes(times, "/email/counts"), "as with Unix seconds"},
		"ISO 8601 times are refused": {changed(func(r *http.Request) {
			if strings.Contains(r.URL.RawQuery, "T") {
				r.URL.RawQuery = ""
			}
		}), copes(times, "/email/counts"), "status 452"},

		// Formats.
		"headers are an array of strings": {
			replaced("/bounces", `"xheaders":{"X-Campaign":"spring","X-District":"Vermont"}`,
				`"xheaders":["X-Campaign: spring","X-District: Vermont"]`), nil, "an array of strings"},
		"headers as the document prints them": {
			replaced("/bounces", `"xheaders":{"X-Campaign":"spring"}`, `"xheaders":["X-Campaign":"spring"]`),
			breaks(read, "/bounces"), `is not "name: value"`},
		"times are outside the window": {
			replaced("/emails", `"process_time":`, `"process_time":1`), nil, "all but 183 rows",
		},
		"rows lack ids": {replaced("/emails", `"sender_id"`, `"sender"`),
			breaks(read, "/emails"), "sender_id is missing"},
		"counts lack numbers": {replaced("/bounce/counts", `_count"`, `"`),
			breaks(read, "/bounce/counts"), "bounce_count is missing"},
		"a list is HTML": {typed("/emails", "text/html"), breaks(read, "/emails"), "text/html"},
		"a list fails":   {failing("/blocked-emails", 500), breaks(read, "/blocked-emails"), "status 500"},
		"counts fail":    {failing("/email/counts", 500), breaks(read, "/email/counts"), "status 500"},
		"a list is always empty": {replaced("/emails", `{"data":[{`, `{"nothing":[{`, `}]}`, `}],"data":[]}`),
			breaks(counts, "/email/counts"), "counts without the rows"},

		// Catalogues.
		"a catalogue is missing": {failing("/bounce/categories", 404), nil, "status 404"},
		"a catalogue is empty": {replaced("/bounce/categories", `{"data":[`, `{"data":[],"all":[`),
			copes(catalogue, "/bounce/categories"), "no codes"},
		"codes are repeated": {replaced("/blocked-email/reasons", `"manual"`, `"complaint"`),
			copes(catalogue, "/blocked-email/reasons"), "are repeated"},
		"codes are objects": {replaced("/blocked-email/reasons", `"manual"`, `{"code":"manual"}`),
			breaks(catalogue, "/blocked-email/reasons"), "not a string"},
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
						t.Errorf("%+v is incomplete", f)
					}
				}
				sorted := func(all []difference) []difference {
					return slices.SortedFunc(slices.Values(all), func(a, b difference) int {
						return cmp.Compare(fmt.Sprint(a), fmt.Sprint(b))
					})
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
