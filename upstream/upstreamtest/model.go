package upstreamtest

import (
	"cmp"
	"context"
	"iter"
	"slices"
	"sync"

	"deliverygraph/upstream"
)

// Model implements the API over rows in memory with slices and loops. It is the oracle
// of the suites, and a fake for tests of callers. It is safe for concurrent use.
type Model struct {
	data *data
	only []upstream.ID // nil means all users
}

// data is shared by a model and its limited views.
type data struct {
	mu     sync.Mutex
	rows   Rows
	sorted bool // rows are in the order of lists
}

var _ API = (*Model)(nil)

// NewModel returns a model of rows.
func NewModel(rows Rows) *Model {
	m := &Model{data: &data{}}
	m.Add(rows)
	return m
}

// Ask implements [upstream.Asker].
func (m *Model) Ask(ctx context.Context, q *upstream.Question) (any, error) {
	return Asker(m).Ask(ctx, q)
}

// Limit returns a view of m that is limited to the data of these users. Nil means all.
func (m *Model) Limit(only []upstream.ID) *Model { return &Model{data: m.data, only: only} }

// Add adds rows, such as events that arrive while a caller pages.
func (m *Model) Add(rows Rows) {
	m.data.mu.Lock()
	defer m.data.mu.Unlock()
	m.data.rows, m.data.sorted = m.data.rows.Join(rows), false
}

func (m *Model) rows() Rows {
	m.data.mu.Lock()
	defer m.data.mu.Unlock()
	if rows := m.data.rows; !m.data.sorted {
		sortRows(rows.Emails)
		sortRows(rows.Bounces)
		sortRows(rows.BlockedEmails)
		m.data.sorted = true
	}
	return m.data.rows
}

// sortRows sorts by time, email id and recipient. The order of the same email of two users is not part of the
// contract: by user, then by sender, as the embedded server does.
func sortRows[R any, P upstream.Row[R]](rows []R) {
	slices.SortFunc(rows, func(a, b R) int { return P(&a).Identity().Compare(P(&b).Identity()) })
}

// Bounces lists bounces.
func (m *Model) Bounces(ctx context.Context, q upstream.ListQuery) ([]upstream.Bounce, error) {
	all := func(yield func(upstream.Bounce) bool) {
		for _, b := range m.rows().Bounces {
			if !yield(b.Bounce) {
				return
			}
		}
	}
	return list(m, all, q), ctx.Err()
}

// Emails lists emails.
func (m *Model) Emails(ctx context.Context, q upstream.ListQuery) ([]upstream.Email, error) {
	return list(m, slices.Values(m.rows().Emails), q), ctx.Err()
}

// BlockedEmails lists blocked emails.
func (m *Model) BlockedEmails(ctx context.Context, q upstream.ListQuery) ([]upstream.BlockedEmail, error) {
	return list(m, slices.Values(m.rows().BlockedEmails), q), ctx.Err()
}

// Bounce returns the details of a bounce. If several have the key, it returns the first by recipient.
func (m *Model) Bounce(ctx context.Context, k upstream.BounceKey) (upstream.BounceDetail, error) {
	var found []upstream.BounceDetail
	for _, b := range m.rows().Bounces {
		if b.Key() == k && m.sees(b.UserID) {
			found = append(found, b)
		}
	}
	if err := ctx.Err(); err != nil {
		return upstream.BounceDetail{}, err
	}
	if len(found) == 0 {
		return upstream.BounceDetail{}, &upstream.Error{Code: upstream.NotFound, Status: 404, Message: "no such bounce"}
	}
	return slices.MinFunc(found, func(a, b upstream.BounceDetail) int {
		return cmp.Compare(a.EmailAddress, b.EmailAddress)
	}), nil
}

// Counts counts by sender or by user.
func (m *Model) Counts(ctx context.Context, k upstream.Kind, q upstream.CountQuery) ([]upstream.Count, error) {
	tallies := map[upstream.ID]upstream.Tally{}
	for _, e := range m.events(k, q) {
		tallies[e.ID(q.Rollup)] = tallies[e.ID(q.Rollup)].Add(e.Tally())
	}
	var counts []upstream.Count
	for id, tally := range tallies {
		c := upstream.Count{ID: id, Tally: tally}
		if q.Rollup == upstream.BySender {
			c.Sender = m.address(id)
		}
		counts = append(counts, c)
	}
	slices.SortFunc(counts, func(a, b upstream.Count) int { return cmp.Compare(a.ID, b.ID) })
	return counts, ctx.Err()
}

// Series counts by sender or by user, per hour or day.
func (m *Model) Series(ctx context.Context, k upstream.Kind, q upstream.SeriesQuery) ([]upstream.Series, error) {
	buckets := map[upstream.ID]map[upstream.Time]upstream.Tally{}
	for _, e := range m.events(k, q.CountQuery) {
		id, start := e.ID(q.Rollup), q.Interval.Floor(e.Time)
		if buckets[id] == nil {
			buckets[id] = map[upstream.Time]upstream.Tally{}
		}
		buckets[id][start] = buckets[id][start].Add(e.Tally())
	}
	var series []upstream.Series
	for id, points := range buckets {
		s := upstream.Series{ID: id}
		for start, tally := range points {
			s.Points = append(s.Points, upstream.Point{Start: start, Tally: tally})
		}
		slices.SortFunc(s.Points, func(a, b upstream.Point) int { return cmp.Compare(a.Start, b.Start) })
		series = append(series, s)
	}
	slices.SortFunc(series, func(a, b upstream.Series) int { return cmp.Compare(a.ID, b.ID) })
	return series, ctx.Err()
}

// BounceCategories returns Categories.
func (m *Model) BounceCategories(ctx context.Context) ([]string, error) {
	return slices.Clone(Categories), ctx.Err()
}

// BlockedReasons returns Reasons.
func (m *Model) BlockedReasons(ctx context.Context) ([]string, error) {
	return slices.Clone(Reasons), ctx.Err()
}

// Categories are the bounce categories of the document's example.
var Categories = []string{
	"bad-configuration", "bad-connection", "bad-domain", "bad-mailbox", "content-related", "inactive-mailbox",
	"invalid-sender", "message-expired", "no-answer-from-host", "other", "policy-related", "protocol-errors",
	"quota-issues", "relaying-issues", "routing-errors", "spam-related", "unclassified", "virus-related",
}

// Reasons are the blocked reasons of the document.
var Reasons = []string{"complaint", "hardbounce", "manual", "softbounce", "unsubscribe"}

// events returns the events of a kind that match a counts query.
func (m *Model) events(k upstream.Kind, q upstream.CountQuery) []upstream.Event {
	asList := upstream.ListQuery{Window: q.Window, UserID: q.UserID, SenderID: q.SenderID, BounceType: q.BounceType}
	return slices.DeleteFunc(m.rows().Events(k), func(e upstream.Event) bool { return !m.lists(e, asList) })
}

// lists reports whether a list has the event, on any page.
func (m *Model) lists(e upstream.Event, q upstream.ListQuery) bool {
	if q.Sender != "" && upstream.LowerAddress(q.Sender) != upstream.LowerAddress(m.address(e.SenderID)) {
		return false
	}
	return m.sees(e.UserID) && e.Matches(q)
}

func (m *Model) sees(user upstream.ID) bool { return m.only == nil || slices.Contains(m.only, user) }

func (m *Model) address(sender upstream.ID) string {
	for _, s := range m.rows().Senders {
		if s.ID == sender {
			return s.Address
		}
	}
	return ""
}

// list returns the page of a list at q.Offset.
func list[R any, P upstream.Row[R]](m *Model, all iter.Seq[R], q upstream.ListQuery) (page []R) {
	before := 0
	for r := range all {
		switch {
		case !m.lists(P(&r).Event(), q):
		case before < q.Offset:
			before++
		case len(page) == upstream.PageSize:
			return page
		default:
			page = append(page, r)
		}
	}
	return page
}
