package cost

import (
	"fmt"

	"deliverygraph/graph/model"
	"deliverygraph/upstream"
	"deliverygraph/upstream/kind"
)

// breakdowns prices the breakdowns of lists: times calls each, and as many again for the rates of callers who see some
// users, as the groups of each are added up. It returns how many rows they have.
//
// Of lists that belong to no object, whole is the list's question, for [Options].Groups.
func (w *walker) breakdowns(
	k upstream.Kind, f *field, self int32, l list, whole *upstream.ListQuery, times int64, at *path,
) (rows int64) {
	fields := w.collect(kind.All[k].Type+"Connection", f)
	for i := range fields {
		b := &fields[i]
		if b.Name != "breakdown" {
			continue
		}
		q, each, ok := w.grouping(k, b, l.window)
		if !ok {
			continue
		}
		calls := times
		if q.Sent && times > 1 {
			calls = mul(calls, 2)
		}
		w.charge(call{
			op: opGroups, kind: k, user: l.user, sender: l.sender, window: l.window,
			list: w.symbol(symbol{what: groupsOf, of: self, text: fmt.Sprint(q)}),
		}, calls, calls, w.path(at, b.Alias))
		rows = add(rows, mul(int64(q.Top), each))
		if whole != nil {
			w.groups = append(w.groups, upstream.Question{Kind: k, ListQuery: *whole, Grouping: q})
		}
	}
	return rows
}

// grouping returns how a breakdown groups its rows, and how many elements each group adds to the answer, with its keys
// and points. It reports false if that is invalid.
func (w *walker) grouping(k upstream.Kind, f *field, in window) (g upstream.Grouping, each int64, ok bool) {
	by := elements(w.argument(f, "by"))
	if len(by) == 0 || len(by) > len(g.By) {
		return g, 0, false
	}
	for i, v := range by {
		d, err := model.UnmarshalDimension(v)
		if err != nil {
			return g, 0, false
		}
		g.By[i] = d
	}
	g.Header, _ = w.argument(f, "header").(string)
	g.Top = model.DefaultTop
	if v := w.argument(f, "top"); v != nil {
		n, err := model.UnmarshalLong(v)
		if err != nil {
			return g, 0, false
		}
		g.Top = int(max(0, min(n, upstream.MaxGroups+1)))
	}
	breakdown := w.collect("Breakdown", f)
	for i := range breakdown {
		if breakdown[i].Name != "groups" {
			continue
		}
		each = add(each, 1)
		groups := w.collect("BreakdownGroup", &breakdown[i])
		for j := range groups {
			switch s := &groups[j]; s.Name {
			case "rate":
				g.Sent = true
			case "keys":
				each = add(each, int64(len(by)))
			case "series":
				one := upstream.Grouping{Interval: upstream.Day}
				if w.argument(s, "interval") == "HOUR" {
					one.Interval = upstream.Hour
				}
				if g.Interval == 0 || one.Interval < g.Interval {
					g.Interval = one.Interval
				}
				each = add(each, int64(one.Points(in.Window)))
				if in.walk { // the window is that of the first page
					each = add(each, 1)
				}
			}
		}
	}
	g.Sent = g.Sent && k != upstream.Emails && g.Comparable()
	return g, each, g.Check(k, in.Window, model.DimensionName) == nil
}
