package doctor_test

import (
	"net/http"
	"slices"

	"deliverygraph/upstream"
)

// of matches the parameter of that name at these paths.
func of(name string, paths ...string) func(path, given string) bool {
	return func(path, given string) bool { return given == name && slices.Contains(paths, path) }
}

// everything returns all rows of a list.
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
func resorted(order func(a, b upstream.Event) int) func(upstream.Kind, upstream.ListQuery, rows) any {
	return func(k upstream.Kind, q upstream.ListQuery, page rows) any {
		switch k {
		case upstream.Bounces:
			return sortedPage[upstream.Bounce](page, q, order)
		case upstream.Emails:
			return sortedPage[upstream.Email](page, q, order)
		default:
			return sortedPage[upstream.BlockedEmail](page, q, order)
		}
	}
}

func sortedPage[R any, P upstream.Row[R]](page rows, q upstream.ListQuery, order func(a, b upstream.Event) int) []R {
	all := everything[R](page, q)
	slices.SortStableFunc(all, func(a, b R) int { return order(P(&a).Event(), P(&b).Event()) })
	all = all[min(q.Offset, len(all)):]
	return all[:min(len(all), upstream.PageSize)]
}

// reversed lists the newest rows first.
func reversed(k upstream.Kind, q upstream.ListQuery, page rows) any {
	return resorted(func(a, b upstream.Event) int { return b.Compare(a) })(k, q, page)
}

// onAny applies the function for the kind of page's rows.
func onAny(page any,
	bounces func([]upstream.Bounce) []upstream.Bounce,
	emails func([]upstream.Email) []upstream.Email,
	blocked func([]upstream.BlockedEmail) []upstream.BlockedEmail,
) any {
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

// double returns two pages as one.
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

// repeated replaces one row of a long page by the row before it.
func repeated(page any) any {
	return onAny(page, twice[upstream.Bounce], twice[upstream.Email], twice[upstream.BlockedEmail])
}

func twice[R any](p []R) []R {
	if len(p) > 400 {
		p[len(p)/2] = p[len(p)/2-1]
	}
	return p
}

// everyFewAgain repeats, after every seventh row, the row behind rows before it.
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

// seriesFault changes time series.
type seriesFault func(upstream.SeriesQuery, []upstream.Series) []upstream.Series

// shifted moves the points of a series.
func shifted(by upstream.Time) seriesFault {
	return func(_ upstream.SeriesQuery, all []upstream.Series) []upstream.Series {
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
	return func(q upstream.SeriesQuery, all []upstream.Series) []upstream.Series {
		if q.Interval == upstream.Day {
			return fault(q, all)
		}
		return all
	}
}

// swapped exchanges the counts of the first two hours of each series.
func swapped(q upstream.SeriesQuery, all []upstream.Series) []upstream.Series {
	for _, s := range all {
		if len(s.Points) > 1 && q.Interval == upstream.Hour {
			s.Points[0].Tally, s.Points[1].Tally = s.Points[1].Tally, s.Points[0].Tally
		}
	}
	return all
}

// fromStart makes the first point begin at start_time.
func fromStart(q upstream.SeriesQuery, all []upstream.Series) []upstream.Series {
	for _, s := range all {
		s.Points[0].Start = max(s.Points[0].Start, q.Window.Start)
	}
	return all
}

// padded fills gaps with points without events.
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
