package resolvers_test

import (
	"fmt"
	"slices"
	"strconv"
	"strings"
	"testing"

	"deliverygraph/graph/model"
	"deliverygraph/upstream"
	"deliverygraph/upstream/upstreamtest"
)

// By each dimension, the groups and the others add up to the total of the list, of any filter and page.
func TestBreakdownsAddUpToTheTotal(t *testing.T) {
	t.Parallel()
	g := newGateway(t, upstreamtest.Sample())
	g.limit = 1_000
	g.serve(g.client)
	filters := map[string][]string{
		"bounces":       {"", `filter: {type: HARD, domain: "example.com"}, `},
		"emails":        {"", "filter: {deliveredOnly: true}, "},
		"blockedEmails": {"", `filter: {reason: "manual"}, `},
	}
	for _, k := range upstream.Kinds {
		field := fieldOf(k)
		for _, filter := range filters[field] {
			for _, d := range k.Dimensions() {
				by, header := model.DimensionName(d), ""
				if d == upstream.DimensionHeader {
					header = `, header: "X-Campaign"`
				}
				data := g.data(fmt.Sprintf(`{ %s(%s%s, last: 3) { totalCount breakdown(by: %s, top: 2%s) {
					total complete groups { keys { dimension value } count share rate series(interval: HOUR) { count } }
					other { groups count }
				} } }`, field, filter, today, by, header), nil)
				list := data[field]
				total, sum := quantity(list, "totalCount"), quantity(list, "breakdown", "other", "count")
				for i := range len(get(list, "breakdown", "groups").([]any)) {
					count, points := quantity(list, "breakdown", "groups", i, "count"), 0.0
					sum += count
					for _, p := range get(list, "breakdown", "groups", i, "series").([]any) {
						points += quantity(p, "count")
					}
					share := quantity(list, "breakdown", "groups", i, "share")
					if share != count/total || points != count {
						t.Errorf("%s by %s: a group of %v has a share of %v and %v in its series",
							field, by, count, share, points)
					}
					if name := get(list, "breakdown", "groups", i, "keys", 0, "dimension"); name != by {
						t.Errorf("%s by %s has keys of %v", field, by, name)
					}
				}
				if total == 0 || sum != total || quantity(list, "breakdown", "total") != total {
					t.Errorf("%s by %s: %v in groups, %v in all", field, by, sum, total)
				}
			}
		}
	}
}

func quantity(v any, path ...any) float64 {
	n, _ := strconv.ParseFloat(fmt.Sprint(get(v, path...)), 64)
	return n
}

// Keys have the form that the schema describes. Rates compare with the emails sent in the same group.
func TestBreakdownsShowKeysAndRates(t *testing.T) {
	t.Parallel()
	rows := rowsOfDay(20)
	g := newGateway(t, rows)
	values := func(by string) (all []string) {
		data := g.data(`{ bounces(`+today+`) { breakdown(by: [`+by+`], top: 1000) {
			groups { keys { value } rate }
		} } }`, nil)
		for _, group := range get(data, "bounces", "breakdown", "groups").([]any) {
			all = append(all, fmt.Sprint(get(group, "keys", 0, "value")))
		}
		slices.Sort(all)
		return all
	}
	for by, form := range map[string]string{
		"TYPE": "HARD", "HOUR": ":00:00Z", "DAY": "2016-11-22", "WEEKDAY": "TUESDAY",
	} {
		found := values(by)
		if len(found) == 0 || !slices.ContainsFunc(found, func(v string) bool { return strings.HasSuffix(v, form) }) {
			t.Errorf("by %s the keys are %v, none ends in %s", by, found, form)
		}
	}
	data := g.data(`{ bounces(`+today+`) { breakdown(by: SENDER, top: 1000) {
		groups { keys { value label } count rate }
	} } }`, nil)
	for _, group := range get(data, "bounces", "breakdown", "groups").([]any) {
		sent := 0
		for _, e := range rows.Emails {
			if fmt.Sprint(e.SenderID) == get(group, "keys", 0, "value") && upstream.Day.Floor(e.ProcessTime) == day {
				sent++
			}
		}
		want := quantity(group, "count") / float64(sent)
		if sent == 0 {
			want = 0 // null
		}
		if rate := quantity(group, "rate"); rate != want || (get(group, "rate") == nil) != (sent == 0) {
			t.Errorf("%v: a rate of %v, want %v", get(group, "keys"), rate, want)
		}
	}
}

// A breakdown has what its selection needs, however many fragments the selection is spread over.
func TestBreakdownsMaySpreadManyFragments(t *testing.T) {
	t.Parallel()
	g := newGateway(t, upstreamtest.Sample())
	var spreads, fragments strings.Builder
	for i := range 240 {
		fmt.Fprintf(&spreads, " ...F%d", i)
		fmt.Fprintf(&fragments, " fragment F%d on BreakdownGroup { share }", i)
	}
	data := g.data(fmt.Sprintf(`{ bounces(%s) { breakdown(by: DOMAIN) {
		groups { count%s ...Last } } } } fragment Last on BreakdownGroup { series(interval: DAY) { count } }%s`,
		today, &spreads, &fragments), nil)
	count := quantity(data, "bounces", "breakdown", "groups", 0, "count")
	points := quantity(data, "bounces", "breakdown", "groups", 0, "series", 0, "count")
	if count == 0 || points != count {
		t.Errorf("a group of %v has %v in its series", count, points)
	}
}
