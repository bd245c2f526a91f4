package cost

import (
	"context"
	"fmt"
	"math"

	"github.com/99designs/gqlgen/graphql"

	"deliverygraph/graph/model"
	"deliverygraph/upstream"
)

// breakdowns prices the breakdowns of lists: times calls each, and as many again for the rates of callers who see some
// users, as the groups of each are added up. It returns how many rows they have.
//
// Of lists that belong to no object, whole is the list's question, for [Options].Groups.
func (w *walker) breakdowns(
	k upstream.Kind, f *field, self int32, l list, whole *upstream.ListQuery, times int64, at *path,
) (rows int64) {
	for b := range w.named("breakdown", f) {
		q, each, err := w.grouping(k, b, l.window)
		if err != nil {
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

// GroupingOf returns how the context's field, a breakdown, groups the rows of a list of a kind, and how many elements
// each group adds to the answer. Errors are an [upstream.Error] that names the argument.
func GroupingOf(ctx context.Context, k upstream.Kind, in upstream.Window) (g upstream.Grouping, each int64, err error) {
	w := walkers.Get().(*walker)
	defer w.done()
	w.steps = math.MinInt // no limit: the answer must not lack what a long selection asks for
	w.op.Variables = graphql.GetOperationContext(ctx).Variables
	selected := graphql.GetFieldContext(ctx).Field
	f := *selected.Field
	f.SelectionSet = selected.Selections
	return w.grouping(k, &field{Field: &f}, window{Window: in})
}

// grouping returns how a breakdown groups the rows of a list, and how many elements each group adds to the answer, with
// its keys and points.
func (w *walker) grouping(k upstream.Kind, f *field, in window) (g upstream.Grouping, each int64, err error) {
	by := elements(w.argument(f, "by"))
	if len(by) == 0 || len(by) > len(g.By) {
		return g, 0, &upstream.Error{Code: upstream.InvalidArgument, Parameter: "by",
			Message: fmt.Sprintf("by has %d dimensions, but must have one or two", len(by))}
	}
	for i, v := range by {
		if g.By[i], err = model.UnmarshalDimension(v); err != nil {
			return g, 0, err
		}
	}
	g.Header, _ = w.argument(f, "header").(string)
	g.Top = model.DefaultTop
	if v := w.argument(f, "top"); v != nil {
		n, err := model.UnmarshalLong(v)
		if err != nil {
			return g, 0, err
		}
		g.Top = int(n)
	}
	for groups := range w.named("groups", f) {
		each = add(each, 1)
		fields := w.collect(groups)
		for i := range fields {
			switch f := &fields[i]; f.Name {
			case "rate":
				g.Sent = k != upstream.Emails && g.Comparable()
			case "keys":
				each = add(each, int64(len(by)))
			case "series":
				one := upstream.Grouping{Interval: w.interval(f)}
				if g.Interval == 0 || one.Interval < g.Interval { // points by hour add up to those by day
					g.Interval = one.Interval
				}
				each = add(each, int64(one.Points(in.Window)))
				if in.walk { // the window is that of the first page
					each = add(each, 1)
				}
			}
		}
	}
	return g, each, g.Check(k, in.Window, model.DimensionName)
}
