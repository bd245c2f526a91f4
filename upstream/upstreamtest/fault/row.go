package fault

import (
	"encoding/json"
	"net/http"
	"net/url"
	"slices"
	"strconv"
	"strings"

	"deliverygraph/upstream"
)

var rowFaults = []Fault{
	// The page also has the rows of the next page.
	{Name: "page longer than 500", Passes: true, Wrap: listed(func(a *answer) {
		if rows := a.rows(); len(rows) == upstream.PageSize {
			a.askAgain(func(q url.Values) { shift(q, upstream.PageSize) })
			a.setData(append(rows, a.rows()...))
		}
	})},
	// A page that is not the last has fewer than 500 rows, which looks like the last.
	{Name: "page shorter than 500 in the middle", Lies: true, Wrap: listed(func(a *answer) {
		if rows := a.rows(); len(rows) == upstream.PageSize {
			a.setData(rows[:300])
		}
	})},
	// The list has grown at its front since the previous page.
	{Name: "rows repeated across pages", Passes: true, Wrap: listed(func(a *answer) {
		a.askAgain(func(q url.Values) { shift(q, -10) })
	})},
	{Name: "rows repeated in a page", Passes: true, Wrap: listed(func(a *answer) {
		var twice []any
		for _, row := range a.rows() {
			twice = append(twice, row, row)
		}
		a.setData(orNone(twice[:min(len(twice), upstream.PageSize)]))
	})},
	{Name: "unsorted rows", Passes: true, Wrap: listed(func(a *answer) {
		rows := a.rows()
		slices.Reverse(rows)
		a.setData(rows)
	})},
	// The server rounds the window to days.
	{Name: "rows outside the window", Passes: true, Wrap: listed(func(a *answer) {
		a.askAgain(func(q url.Values) {
			move(q, "start_time", -86400)
			move(q, "end_time", 86400)
		})
	})},
	{Name: "rows of another user", Wrap: changed(func(a *answer) { a.disown("user_id", "user") })},
	{Name: "rows of another sender", Wrap: changed(func(a *answer) { a.disown("sender_id", "sender") })},
	{Name: "detail of another bounce", Wrap: changed(func(a *answer) {
		if d, ok := a.data().(*object); ok {
			d.set("email_id", "20161122000000.another@mail")
		}
	})},
	{Name: "negative counts", Wrap: changed(func(a *answer) {
		for _, o := range a.records() {
			for i, k := range o.keys {
				if strings.HasSuffix(k, "_count") {
					o.values[i] = json.Number("-7")
				}
			}
		}
	})},
	{Name: "times far in the future", Wrap: changed(func(a *answer) {
		for _, o := range a.records() {
			for i, k := range o.keys {
				if isTime(k) {
					o.values[i] = json.Number("221845392000") // the year 9000
				}
			}
		}
	})},
	{Name: "times in milliseconds", Wrap: changed(func(a *answer) {
		for _, o := range a.records() {
			for i, k := range o.keys {
				if n, ok := o.values[i].(json.Number); ok && isTime(k) && n != "0" { // 0 means no time
					o.values[i] = n + "000"
				}
			}
		}
	})},
}

func isTime(key string) bool { return strings.HasSuffix(key, "_time") || key == "timestamp" }

// changed returns a wrapper that changes the correct answer.
func changed(change func(*answer)) func(http.Handler) http.Handler {
	return rewrite(func(w http.ResponseWriter, a answer) {
		change(&a)
		a.body = encode(a.root)
		a.send(w)
	})
}

// listed returns a wrapper that changes the correct answer if it is a page of a list.
func listed(change func(*answer)) func(http.Handler) http.Handler {
	return changed(func(a *answer) {
		for _, k := range upstream.Kinds {
			if strings.HasSuffix(a.r.URL.Path, k.ListPath()) {
				change(a)
			}
		}
	})
}

// rows returns the rows of a list.
func (a *answer) rows() []any {
	rows, _ := a.data().([]any)
	return rows
}

func orNone(rows []any) []any {
	if rows == nil {
		return []any{}
	}
	return rows
}

// askAgain sets a to the answer to another query.
func (a *answer) askAgain(change func(url.Values)) {
	q := a.r.URL.Query()
	change(q)
	a.ask(q)
}

// shift moves a query's offset.
func shift(q url.Values, by int) {
	n, _ := strconv.Atoi(q.Get("offset")) // 0 if it is missing
	q.Set("offset", strconv.Itoa(max(0, n+by)))
}

// move moves a query's time if it is in Unix seconds.
func move(q url.Values, name string, by int64) {
	if t, err := strconv.ParseInt(q.Get(name), 10, 64); err == nil {
		q.Set(name, strconv.FormatInt(t+by, 10))
	}
}

// disown assigns the last row or time series to another user or sender.
func (a *answer) disown(field, rollup string) {
	if o, ok := a.data().(*object); ok && o.ofSeries() {
		by := a.r.URL.Query().Get("rollup_to")
		if by == "" {
			by = "sender"
		}
		if n := len(o.keys); n > 0 && by == rollup {
			o.keys[n-1] = another(o.keys[n-1])
		}
		return
	}
	records := a.records()
	if len(records) == 0 {
		return
	}
	last := records[len(records)-1]
	if id, ok := last.get(field); ok {
		last.set(field, json.Number(another(string(id.(json.Number)))))
	}
}

// another returns an id different from id.
func another(id string) string { return id + "9" }
