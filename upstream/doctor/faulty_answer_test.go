package doctor_test

import (
	"net/http"
	"reflect"
	"slices"
	"strings"

	"deliverygraph/upstream"
)

// of matches the parameter of that name at these paths.
func of(name string, paths ...string) func(path, given string) bool {
	return func(path, given string) bool { return given == name && slices.Contains(paths, path) }
}

// exactHeaders makes header filters case sensitive.
func exactHeaders(q *upstream.ListQuery) {
	for i, h := range q.Headers() {
		if h.Name == strings.ToLower(h.Name) {
			q.XHeaders[i].Name = "X-Unknown"
		}
	}
}

// pick returns the rows at these indexes of the rows of a list.
func pick(rows any, at []int) any {
	from := reflect.ValueOf(rows)
	to := reflect.MakeSlice(from.Type(), 0, len(at))
	for _, i := range at {
		to = reflect.Append(to, from.Index(i))
	}
	return to.Interface()
}

// indexes returns the indexes of rows.
func indexes(rows any) (all []int) {
	for i := range upstream.RowsOf(rows) {
		all = append(all, i)
	}
	return all
}

// rearranged answers a list from all its rows, of which at returns the indexes to list.
func rearranged(at func(all any) []int) func(upstream.Kind, upstream.ListQuery, rows) any {
	return func(_ upstream.Kind, q upstream.ListQuery, page rows) any {
		offset := q.Offset
		q.Offset = 0
		all := page(q)
		for more := all; upstream.RowsOf(more) == upstream.PageSize; {
			q.Offset += upstream.PageSize
			more = page(q)
			all = reflect.AppendSlice(reflect.ValueOf(all), reflect.ValueOf(more)).Interface()
		}
		list := at(all)
		list = list[min(offset, len(list)):]
		return pick(all, list[:min(len(list), upstream.PageSize)])
	}
}

// resorted lists rows in another order.
func resorted(order func(a, b upstream.Event) int) func(upstream.Kind, upstream.ListQuery, rows) any {
	return rearranged(func(all any) []int {
		events, at := upstream.Events(upstream.PageOf(all)), indexes(all)
		slices.SortStableFunc(at, func(a, b int) int { return order(events[a], events[b]) })
		return at
	})
}

// reversed lists the newest rows first.
func reversed(k upstream.Kind, q upstream.ListQuery, page rows) any {
	return resorted(func(a, b upstream.Event) int { return b.Compare(a) })(k, q, page)
}

func cut(page any, n int) any {
	at := indexes(page)
	return pick(page, at[:min(n, len(at))])
}

// double returns two pages as one.
func double(page rows, q upstream.ListQuery) any {
	next := q
	next.Offset += upstream.PageSize
	return reflect.AppendSlice(reflect.ValueOf(page(q)), reflect.ValueOf(page(next))).Interface()
}

// repeated replaces one row of a long page by the row before it.
func repeated(page any) any {
	at := indexes(page)
	if len(at) > 400 {
		at[len(at)/2]--
	}
	return pick(page, at)
}

// everyFewAgain repeats, after every seventh row, the row behind rows before it.
func everyFewAgain(behind int) func(upstream.Kind, upstream.ListQuery, rows) any {
	return rearranged(func(all any) (at []int) {
		for i := range indexes(all) {
			if at = append(at, i); i%7 == 6 {
				at = append(at, i-behind)
			}
		}
		return at
	})
}

// thinned leaves out every tenth row.
func thinned(page any) any {
	return pick(page, slices.DeleteFunc(indexes(page), func(i int) bool { return i%10 == 3 }))
}

func tripled(k upstream.Kind, _ upstream.CountQuery, rows []upstream.Count) []upstream.Count {
	if k == upstream.Emails {
		for i := range rows {
			rows[i].Total *= 3
		}
	}
	return rows
}

// seriesFault changes time series.
type seriesFault func(upstream.CountQuery, []upstream.Series) []upstream.Series

// shifted moves the points of a series.
func shifted(by upstream.Time) seriesFault {
	return func(_ upstream.CountQuery, all []upstream.Series) []upstream.Series {
		for i := range all {
			for j := range all[i].Points {
				all[i].Points[j].Start += by
			}
		}
		return all
	}
}

// onDays applies fault to series by day only.
func onDays(fault seriesFault) seriesFault {
	return func(q upstream.CountQuery, all []upstream.Series) []upstream.Series {
		if q.Interval == upstream.Day {
			return fault(q, all)
		}
		return all
	}
}

// swapped exchanges the counts of the first two hours of each series.
func swapped(q upstream.CountQuery, all []upstream.Series) []upstream.Series {
	for _, s := range all {
		if len(s.Points) > 1 && q.Interval == upstream.Hour {
			s.Points[0].Tally, s.Points[1].Tally = s.Points[1].Tally, s.Points[0].Tally
		}
	}
	return all
}

// fromStart makes the first point begin at start_time.
func fromStart(q upstream.CountQuery, all []upstream.Series) []upstream.Series {
	for _, s := range all {
		s.Points[0].Start = max(s.Points[0].Start, q.Window.Start)
	}
	return all
}

// padded fills gaps with points without events.
func padded(q upstream.CountQuery, all []upstream.Series) []upstream.Series {
	for i := range all {
		for at := q.Interval.Floor(q.Window.Start); at < q.Window.End; at += q.Interval.Seconds() {
			if !slices.ContainsFunc(all[i].Points, func(p upstream.Point) bool { return p.Start == at }) {
				all[i].Points = append(all[i].Points, upstream.Point{Start: at})
			}
		}
	}
	return all
}

// typed changes the content type of a path's answers.
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
