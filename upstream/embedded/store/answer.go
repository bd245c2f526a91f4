package store

import (
	"context"
	"slices"

	"deliverygraph/upstream"
	"deliverygraph/upstream/grouped"
	"deliverygraph/upstream/kind"
)

// Reader answers the questions of the metrics API. It is [upstream.Asker] with two more arguments.
type Reader interface {
	// Ask answers a question, as [Answer] does from a [View] of those events that the caller may see: only lists their
	// users; nil is all, empty is none. Groups by provider are those of p. Implementations keep neither q nor only.
	Ask(ctx context.Context, only []upstream.ID, q *upstream.Question, p *grouped.Providers) (answer any, err error)
}

// View is one state of a store, as a caller sees it: events of users that the caller may not see do not exist in it.
type View interface {
	// List returns at most [upstream.PageSize] rows of a list in the window from q.Offset, oldest first: by the kind's
	// time, then by email id, recipient, user and sender. All filters must match; filters that the kind does not have
	// are ignored. The rows are those of [Rows].
	List(k upstream.Kind, q *upstream.ListQuery) (rows any, err error)
	// Bounce returns a bounce with its details, the first by recipient if an email bounced for several. It fails with
	// [NoBounce].
	Bounce(k upstream.BounceKey) (upstream.BounceDetail, error)
	// Series counts a kind's events in the window for each UTC hour or day that has any, or without an interval for the
	// whole window: by sender, or by user with [upstream.ByUser], ordered by id, and oldest first. The first and the
	// last hour or day count only what lies in the window. Of bounces, Soft and Hard count those types, and Total
	// counts all.
	Series(k upstream.Kind, q upstream.CountQuery) ([]upstream.Series, error)
	// Group calls add for the events of a grouping, in any order, and several times for the same keys if there are two
	// dimensions. Of a header that a row has several times, it is not defined which one counts.
	Group(g Grouping, add AddGroup) error
	// Codes returns the codes that events of a kind have, also those that the caller may not see, and perhaps some of
	// [Documented], in any order.
	Codes(k upstream.Kind) ([]string, error)
	// Addresses returns the addresses of senders that were written last.
	Addresses(senders []upstream.ID) (map[upstream.ID]string, error)
}

// Answer answers a valid question. The type of the answer depends on its shape; see [upstream.Shape]. Limited says that
// the caller may not see all users.
func Answer(v View, limited bool, q *upstream.Question, p *grouped.Providers) (any, error) {
	switch q.Shape {
	case upstream.ShapeDetail:
		return v.Bounce(q.Detail())
	case upstream.ShapeCounts:
		return counts(v, q)
	case upstream.ShapeSeries:
		return v.Series(q.Kind, q.Counts())
	case upstream.ShapeCatalogue:
		return catalogue(v, limited, q.Kind)
	case upstream.ShapeGroups:
		return groups(v, *q, p)
	}
	return v.List(q.Kind, &q.ListQuery)
}

// catalogue returns the documented codes of a kind and those in use, as far as the caller may see such events.
func catalogue(v View, limited bool, k upstream.Kind) ([]string, error) {
	documented := *Documented.Of(k)
	codes, err := v.Codes(k)
	codes = slices.DeleteFunc(codes, func(code string) bool {
		if !limited || err != nil || slices.Contains(documented, code) {
			return false
		}
		q := upstream.ListQuery{Window: upstream.Window{Start: -MaxTime, End: MaxTime + 1}}
		for _, f := range kind.Own[k] {
			if f.Catalogue {
				q.SetFilter(f.Filter, code)
			}
		}
		var rows any
		rows, err = v.List(k, &q)
		return upstream.RowsOf(rows) == 0
	})
	codes = slices.Concat(codes, documented)
	slices.Sort(codes)
	return slices.Compact(codes), err
}

// counts counts events by sender, whose address is empty if it has none, or by user.
func counts(v View, q *upstream.Question) ([]upstream.Count, error) {
	series, err := v.Series(q.Kind, q.Counts().Per(0))
	counts, ids := make([]upstream.Count, len(series)), make([]upstream.ID, len(series))
	for i, x := range series {
		counts[i], ids[i] = upstream.Count{ID: x.ID, Tally: x.Points[0].Tally}, x.ID
	}
	if err != nil || q.Rollup != upstream.BySender {
		return counts, err
	}
	addresses, err := v.Addresses(ids)
	for i := range counts {
		counts[i].Sender = addresses[counts[i].ID]
	}
	return counts, err
}

// Describe says in errors what a store does to answer a question.
func Describe(q *upstream.Question) string {
	switch q.Shape {
	case upstream.ShapeDetail:
		return "get a bounce"
	case upstream.ShapeCatalogue:
		return "list codes"
	case upstream.ShapeCounts, upstream.ShapeSeries:
		return "count " + q.Kind.String()
	case upstream.ShapeGroups:
		return "group " + q.Kind.String()
	}
	return "list " + q.Kind.String()
}
