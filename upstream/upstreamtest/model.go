package upstreamtest

import (
	"cmp"
	"context"
	"slices"
	"sync"

	"deliverygraph/upstream"
	"deliverygraph/upstream/embedded/store"
	"deliverygraph/upstream/grouped"
)

// Model implements the API over rows in memory with slices and loops. It is the oracle
// of the suites, and a fake for tests of callers. It is safe for concurrent use.
type Model struct {
	upstream.API // its typed calls
	data         *data
	only         []upstream.ID // nil means all users
}

// data is shared by a model and its limited views.
type data struct {
	mu     sync.Mutex
	rows   Rows
	sorted bool // rows are in the order of lists
}

// NewModel returns a model of rows.
func NewModel(rows Rows) *Model {
	m := newModel(&data{}, nil)
	m.Add(rows)
	return m
}

func newModel(d *data, only []upstream.ID) *Model {
	m := &Model{data: d, only: only}
	m.Asker = Asker(func(ctx context.Context, q *upstream.Question) (any, error) {
		return m.ask(ctx, q, grouped.DefaultProviders())
	})
	return m
}

// Limit returns a view of m that is limited to the data of these users. Nil means all.
func (m *Model) Limit(only []upstream.ID) *Model { return newModel(m.data, only) }

// ask answers a question, unless ctx has ended. Groups by provider are those of p.
func (m *Model) ask(ctx context.Context, q *upstream.Question, p *grouped.Providers) (answer any, err error) {
	switch q.Shape {
	case upstream.ShapeList:
		answer = m.list(q.Kind, q.ListQuery)
	case upstream.ShapeDetail:
		answer, err = m.detail(q.Detail())
	case upstream.ShapeCounts:
		answer = m.counts(q.Kind, q.Counts())
	case upstream.ShapeSeries:
		answer = m.series(q.Kind, q.Counts())
	case upstream.ShapeCatalogue:
		answer = slices.Clone(*store.Documented.Of(q.Kind))
	case upstream.ShapeGroups:
		answer = m.groups(*q, p)
	}
	if err := cmp.Or(ctx.Err(), err); err != nil {
		return nil, err
	}
	return answer, nil
}

// Add adds rows, such as events that arrive while a caller pages.
func (m *Model) Add(rows Rows) {
	m.data.mu.Lock()
	defer m.data.mu.Unlock()
	var all Rows // shares no slices with the rows that callers are reading
	all.Append(m.data.rows)
	all.Append(rows)
	m.data.rows, m.data.sorted = all, false
}

func (m *Model) rows() Rows {
	m.data.mu.Lock()
	defer m.data.mu.Unlock()
	if !m.data.sorted {
		for _, k := range upstream.Kinds {
			m.data.rows.Of(k).Sort()
		}
		m.data.sorted = true
	}
	return m.data.rows
}

// of returns the rows of a kind, in the order of lists.
func (m *Model) of(k upstream.Kind) upstream.Page {
	rows := m.rows()
	return rows.Of(k)
}

// list returns a page of a list.
func (m *Model) list(k upstream.Kind, q upstream.ListQuery) any {
	all := m.of(k).Select(func(e upstream.Event) bool { return m.lists(k, e, q) })
	from := min(q.Offset, all.Len())
	rows := all.Slice(from, min(from+upstream.PageSize, all.Len())).Rows()
	details, ok := rows.([]upstream.BounceDetail)
	if !ok {
		return rows
	}
	bounces := []upstream.Bounce{}
	for _, d := range details {
		bounces = append(bounces, d.Bounce)
	}
	return bounces
}

// detail returns the details of a bounce. If several have the key, it returns the first by recipient.
func (m *Model) detail(k upstream.BounceKey) (upstream.BounceDetail, error) {
	var found []upstream.BounceDetail
	for _, b := range m.rows().Bounces {
		if b.Key() == k && m.sees(b.UserID) {
			found = append(found, b)
		}
	}
	if len(found) == 0 {
		return upstream.BounceDetail{}, &upstream.Error{Code: upstream.NotFound, Status: 404, Message: "no such bounce"}
	}
	return slices.MinFunc(found, func(a, b upstream.BounceDetail) int {
		return cmp.Compare(a.EmailAddress, b.EmailAddress)
	}), nil
}

// counts counts by sender or by user.
func (m *Model) counts(k upstream.Kind, q upstream.CountQuery) []upstream.Count {
	counts := []upstream.Count{}
	for _, s := range m.series(k, q.Per(upstream.Day)) {
		c := upstream.Count{ID: s.ID}
		for _, p := range s.Points {
			c.Tally = c.Tally.Add(p.Tally)
		}
		if q.Rollup == upstream.BySender {
			c.Sender = m.address(c.ID)
		}
		counts = append(counts, c)
	}
	return counts
}

// series counts by sender or by user, per hour or day.
func (m *Model) series(k upstream.Kind, q upstream.CountQuery) []upstream.Series {
	buckets := map[upstream.ID]map[upstream.Time]upstream.Tally{}
	for _, e := range m.events(k, q) {
		id, start := e.ID(q.Rollup), q.Interval.Floor(e.Time)
		if buckets[id] == nil {
			buckets[id] = map[upstream.Time]upstream.Tally{}
		}
		buckets[id][start] = buckets[id][start].Add(e.Tally())
	}
	series := []upstream.Series{}
	for id, points := range buckets {
		s := upstream.Series{ID: id}
		for start, tally := range points {
			s.Points = append(s.Points, upstream.Point{Start: start, Tally: tally})
		}
		slices.SortFunc(s.Points, func(a, b upstream.Point) int { return cmp.Compare(a.Start, b.Start) })
		series = append(series, s)
	}
	slices.SortFunc(series, func(a, b upstream.Series) int { return cmp.Compare(a.ID, b.ID) })
	return series
}

// events returns the events of a kind that match a counts query.
func (m *Model) events(k upstream.Kind, q upstream.CountQuery) []upstream.Event {
	return upstream.Events(m.of(k).Select(func(e upstream.Event) bool { return m.lists(k, e, q.List()) }))
}

// lists reports whether a kind's list has the event, on any page. Filters that the kind does not have are ignored.
func (m *Model) lists(k upstream.Kind, e upstream.Event, q upstream.ListQuery) bool {
	q.Delivered = q.Delivered && k == upstream.Emails
	if k != upstream.Bounces {
		q.BounceType, q.BounceCategory = "", ""
	}
	if k != upstream.BlockedEmails {
		q.BlockedReason = ""
	}
	if q.Sender != "" && upstream.LowerAddress(q.Sender) != upstream.LowerAddress(m.address(e.SenderID)) {
		return false
	}
	return m.sees(e.UserID) && e.Matches(q)
}

func (m *Model) sees(user upstream.ID) bool { return m.only == nil || slices.Contains(m.only, user) }

func (m *Model) address(sender upstream.ID) string {
	for _, s := range m.rows().Senders {
		if s.SenderID == sender {
			return s.Address
		}
	}
	return ""
}
