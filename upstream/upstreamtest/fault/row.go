package fault

import (
	"cmp"
	"encoding/json"
	"maps"
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
		twice := []json.RawMessage{}
		for _, row := range a.rows() {
			twice = append(twice, row, row)
		}
		a.setData(twice[:min(len(twice), upstream.PageSize)])
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
		if d := decoded[object](a.data()); d["email_id"] != nil {
			d["email_id"] = encode("20161122000000.another@mail")
			a.setData(d)
		}
	})},
	{Name: "negative counts", Wrap: members(func(name string, v json.RawMessage) json.RawMessage {
		if strings.HasSuffix(name, "_count") {
			return json.RawMessage("-7")
		}
		return v
	})},
	{Name: "times far in the future", Wrap: members(func(name string, v json.RawMessage) json.RawMessage {
		if isTime(name) {
			return json.RawMessage("221845392000") // the year 9000
		}
		return v
	})},
	{Name: "times in milliseconds", Wrap: members(func(name string, v json.RawMessage) json.RawMessage {
		if isTime(name) && isNumber(v) && string(v) != "0" { // 0 means no time
			return append(v, "000"...)
		}
		return v
	})},
}

// members returns a wrapper that changes the members of all records.
func members(change func(name string, v json.RawMessage) json.RawMessage) func(http.Handler) http.Handler {
	return changed(func(a *answer) {
		a.changeRecords(func(records []object) {
			for _, r := range records {
				for name, v := range r {
					r[name] = change(name, v)
				}
			}
		})
	})
}

func isTime(key string) bool { return strings.HasSuffix(key, "_time") || key == "timestamp" }

// changed returns a wrapper that changes the correct answer.
func changed(change func(*answer)) func(http.Handler) http.Handler {
	return rewrite(func(w http.ResponseWriter, a answer) {
		change(&a)
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
	if series := a.series(); series != nil {
		if by := cmp.Or(a.r.URL.Query().Get("rollup_to"), "sender"); len(series) > 0 && by == rollup {
			last := slices.Max(slices.Collect(maps.Keys(series)))
			series[last+"9"] = series[last]
			delete(series, last)
			a.setData(series)
		}
		return
	}
	a.changeRecords(func(records []object) {
		if len(records) > 0 {
			if last := records[len(records)-1]; last[field] != nil {
				last[field] = append(last[field], '9')
			}
		}
	})
}
