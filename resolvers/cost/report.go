package cost

import (
	"context"
	"slices"
	"strings"
	"time"

	"deliverygraph/internal/auth"
	"deliverygraph/internal/auth/address"
	"deliverygraph/resolvers/operation"
	"deliverygraph/upstream"
)

// report is extensions.upstream of a response. Times are milliseconds.
type report struct {
	Message string       `json:"message,omitempty"` // why the report is incomplete
	Stale   *staleReport `json:"stale,omitempty"`
	Plan    *planReport  `json:"plan,omitempty"`
	Calls   []callReport `json:"calls,omitempty"`
	Totals  *totalReport `json:"totals,omitempty"`
	Batches *batchReport `json:"batches,omitempty"`
}

// staleReport describes the cached answers that were used after they had expired, because the upstream failed.
type staleReport struct {
	AgeMs   int64 `json:"ageMs"`   // of the oldest
	Answers int   `json:"answers"` // how many there are
}

func staleness(s operation.Summary) *staleReport {
	if s.Stale == 0 {
		return nil
	}
	return &staleReport{AgeMs: s.Age.Milliseconds(), Answers: s.Stale}
}

// planReport is the price of an operation, reported before it runs.
type planReport struct {
	Plan
	MaxCalls  int        `json:"maxCalls,omitempty"` // that an operation may plan or make
	MaxRows   int64      `json:"maxRows,omitempty"`  // that all lists of an answer may have together
	MaxPoints int        `json:"maxPoints"`          // that its series and breakdowns may have together
	Endpoints []Endpoint `json:"endpoints"`
	Dearest   string     `json:"dearest,omitempty"` // the field with the most planned calls
}

func (o *Options) planned(p Plan) *planReport {
	r := &planReport{Plan: p, MaxCalls: o.MaxCalls, MaxRows: o.MaxRows, MaxPoints: operation.MaxPoints,
		Endpoints: append([]Endpoint{}, p.Endpoints()...)}
	r.Dearest, _ = p.Dearest()
	return r
}

// priceGroups adds the calls of breakdowns to a report, for a server that cannot group events. A breakdown whose list
// cannot be counted now keeps the price of one call.
func (e Extension) priceGroups(ctx context.Context, p Plan, r *planReport) {
	for _, g := range p.again().groups {
		calls, exact, err := e.o.Groups(ctx, g)
		if err != nil || calls == 1 {
			continue
		}
		more := int64(calls - 1)
		r.WorstCalls = add(r.WorstCalls, more)
		path, planned := g.Kind.ListPath(), int64(0)
		if exact {
			planned = more
		}
		r.Calls = add(r.Calls, planned)
		i := slices.IndexFunc(r.Endpoints, func(e Endpoint) bool { return e.Endpoint == path })
		if i < 0 {
			i = len(r.Endpoints)
			r.Endpoints = append(r.Endpoints, Endpoint{Endpoint: path})
		}
		e := &r.Endpoints[i]
		e.Calls, e.WorstCalls = add(e.Calls, planned), add(e.WorstCalls, more)
	}
}

// callReport describes one upstream answer. If the answer has rows that the caller may not see, only Path and Source
// are set.
type callReport struct {
	Path     string           `json:"path"` // path and query, without addresses
	Source   operation.Source `json:"source"`
	Status   int              `json:"status,omitempty"`
	Tries    int              `json:"tries,omitempty"`
	Ms       *float64         `json:"ms,omitempty"`
	WaitedMs float64          `json:"waitedMs,omitempty"` // the part of Ms in which it waited for its turn
	AgeMs    int64            `json:"ageMs,omitempty"`
	Bytes    int64            `json:"bytes,omitempty"`
	Rows     *int             `json:"rows,omitempty"`
	Code     string           `json:"code,omitempty"` // of its error
}

func callReports(notes []operation.Note, caller auth.Caller) []callReport {
	all := make([]callReport, len(notes))
	for i, n := range notes {
		all[i] = callReport{Path: pathOf(n.Question, caller), Source: n.Source}
		if n.Unseen {
			continue
		}
		c, took := n.Call, ms(n.Call.Duration)
		r := &all[i]
		r.Status, r.Tries, r.Ms, r.WaitedMs = c.Status, c.Tries, &took, ms(c.Waited)
		r.AgeMs, r.Rows, r.Code = n.Age.Milliseconds(), &c.Rows, string(c.Code)
		if caller.SeesSizes() {
			r.Bytes = c.Bytes
		}
	}
	return all
}

// pathOf returns the path and query of a call without addresses. It omits email ids that may contain one, and all email
// ids for callers who may not read addresses.
func pathOf(q *upstream.Question, caller auth.Caller) string {
	path, query := q.Path(), q.Encode()
	switch {
	case query != "":
		return path + "?" + upstream.RedactQuery(query)
	case q.Shape == upstream.ShapeDetail &&
		(address.InEmailID(q.EmailID, "") || !caller.Scopes.Has(auth.RecipientsRead)):
		return path[:strings.LastIndexByte(path, '/')+1] + "…"
	}
	return path
}

func ms(d time.Duration) float64 { return float64(d.Microseconds()) / 1000 }

// totalReport adds up all answers. From Failed on, the sums lack answers whose calls are not reported.
type totalReport struct {
	Sent    int    `json:"sent"`
	Joined  int    `json:"joined"`
	Cached  int    `json:"cached"`
	Stale   int    `json:"stale"`
	Unsent  int    `json:"unsent,omitempty"`
	Failed  int    `json:"failed"`
	Tries   int    `json:"tries"`
	Bytes   *int64 `json:"bytes,omitempty"`
	Rows    int    `json:"rows"`
	Omitted int    `json:"omitted,omitempty"` // number of calls that are not listed, because there are too many
}

func totals(s operation.Summary, listed int, caller auth.Caller) *totalReport {
	r := &totalReport{
		Sent: s.Sent, Joined: s.Joined, Cached: s.Cached, Stale: s.Stale, Unsent: s.Unsent, Failed: s.Failed,
		Tries: s.Tries,
		Rows:  s.Rows, Omitted: s.Sent + s.Joined + s.Cached + s.Stale + s.Unsent - listed,
	}
	if caller.SeesSizes() {
		r.Bytes = &s.Bytes
	}
	return r
}

// batchReport describes the questions that fields shared.
type batchReport struct {
	Asked    int               `json:"asked"`    // questions of all fields
	Distinct int               `json:"distinct"` // different questions
	Loaders  []operation.Batch `json:"loaders,omitempty"`
}
