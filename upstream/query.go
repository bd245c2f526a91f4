package upstream

import (
	"cmp"
	"net/url"
	"strconv"
	"strings"

	"deliverygraph/upstream/kind"
)

// MaxXHeaders is the maximum number of X-… filters of a list call: "up to four".
const MaxXHeaders = 4

// MaxFilter is the maximum length in bytes of a filter's text, which becomes part of a URL. An address has at most 320
// bytes, a header line 998.
const MaxFilter = 1000

// HeaderFilters are filters by custom headers: names ignore case, values match exactly, and no name is repeated. Unused
// ones come last and are zero.
type HeaderFilters [MaxXHeaders]Header

// Headers returns the header filters in use.
func (q *ListQuery) Headers() []Header {
	n := 0
	for n < MaxXHeaders && q.XHeaders[n] != (Header{}) {
		n++
	}
	return q.XHeaders[:n]
}

// Counted returns the counts call whose rows add up to all rows of the list. It returns false if counts do not support
// the list's filters.
func (q ListQuery) Counted() (CountQuery, bool) {
	counts := CountQuery{
		Window: q.Window, UserID: q.UserID, SenderID: q.SenderID, BounceType: q.BounceType, Rollup: ByUser,
	}
	q.Offset = 0
	return counts, q == counts.List()
}

// CountQuery is the question of a counts call, by sender or by user. It takes a sender's id but not its address, as the
// document says.
type CountQuery struct {
	Window     Window
	UserID     ID
	SenderID   ID
	BounceType BounceType // bounces only
	Rollup     Rollup
	Interval   Interval // of time series; 0 for a single count
}

// List returns the list whose rows are counted.
func (q CountQuery) List() ListQuery {
	return ListQuery{Window: q.Window, UserID: q.UserID, SenderID: q.SenderID, BounceType: q.BounceType}
}

// Per returns the question for time series with buckets of an interval.
func (q CountQuery) Per(i Interval) CountQuery {
	q.Interval = i
	return q
}

// Header is a custom X-header of an email, or a filter on one.
type Header struct {
	Name  string // including "X-"
	Value string
}

// ID is the key of a user (an account) or of a sender (an approved From address). It is positive; zero means none.
type ID int64

// Encode returns the query string of the call in canonical form, without the question mark: fixed order of parameters,
// X-… filters sorted by name without regard to case and then by value, times as Unix seconds, zero fields omitted, and
// so rollup_to for senders, the API's default. Equal questions give equal strings, so the string can be a key for
// caches and for joining calls.
//
// Filters that the kind does not support are included: the API then refuses them by name, whereas omitting them would
// list rows that were not requested.
func (q *Question) Encode() string {
	if q.Shape == ShapeDetail || q.Shape == ShapeCatalogue {
		return ""
	}
	w := make(queryWriter, 0, 128)
	w.number("start_time", int64(q.Window.Start))
	w.number("end_time", int64(q.Window.End))
	w.positive("user_id", int64(q.UserID))
	w.positive("sender_id", int64(q.SenderID))
	w.text("sender", q.Sender)
	w.text("domain", q.Domain)
	w.text("local", q.Local)
	w.text("recipient", q.Recipient)
	for _, f := range kind.Filters {
		w.text(f.Filter, q.Filter(f.Filter))
	}
	for _, h := range q.Headers() { // even without a value, which the API refuses: omitting them would list too much
		w.name(escape(h.Name))
		w = append(w, escape(h.Value)...)
	}
	w.positive("offset", int64(q.Offset))
	if q.Rollup == ByUser {
		w.text("rollup_to", "user")
	}
	if q.Shape == ShapeGroups {
		w.text("by", q.Names(","))
		w.text("header", q.Header)
		w.number("top", int64(q.Top))
	}
	w.text("timeseries", q.Interval.name())
	if q.Sent {
		w.number("sent", 1)
	}
	return string(w)
}

// Encode returns the query string of a list call; see [Question.Encode].
func (q ListQuery) Encode() string {
	all := q.Question(0)
	return all.Encode()
}

// Encode returns the query string of a counts call; see [Question.Encode].
func (q CountQuery) Encode() string {
	all := q.Question(0)
	return all.Encode()
}

// queryWriter builds a query string.
type queryWriter []byte

func (w *queryWriter) positive(name string, v int64) {
	if v != 0 {
		w.number(name, v)
	}
}

func (w *queryWriter) text(name, v string) {
	if v != "" {
		w.name(name)
		*w = append(*w, escape(v)...)
	}
}

func (w *queryWriter) number(name string, v int64) {
	w.name(name)
	*w = strconv.AppendInt(*w, v, 10)
}

// compare orders header filters canonically.
func (h Header) compare(o Header) int {
	return cmp.Or(
		strings.Compare(strings.ToLower(h.Name), strings.ToLower(o.Name)),
		strings.Compare(h.Value, o.Value),
		strings.Compare(h.Name, o.Name),
	)
}

// name begins a parameter. It writes the name, which must be escaped already.
func (w *queryWriter) name(name string) {
	if len(*w) > 0 {
		*w = append(*w, '&')
	}
	*w = append(append(*w, name...), '=')
}

// escape percent-encodes all but the unreserved characters of RFC 3986. A space becomes %20, because not every server
// reads a plus sign as a space.
func escape(s string) string { return strings.ReplaceAll(url.QueryEscape(s), "+", "%20") }

// ParseQuestion parses the query string of a call for a list, groups or counts of kind k as strictly as the API's
// server. Errors have the code [InvalidArgument] and name the parameter: one that is missing, malformed, unknown, of
// another kind's list, in upper case, empty or repeated, a start_time not before end_time, more than [MaxXHeaders] X-…
// filters, or broken percent-encoding.
//
// Categories and reasons may have any value, because these sets are open. Domains, including those of addresses, become
// lower case. Counts with a timeseries are of [ShapeSeries].
func ParseQuestion(s Shape, k Kind, raw string) (Question, error) {
	q := Question{Shape: s, Kind: k}
	p := parseParameters(q.Endpoint(), raw, parametersOf[s][k], s != ShapeCounts)
	q.ListQuery = p.list()
	if p.oneOf("rollup_to", "user", "sender") == "user" {
		q.Rollup = ByUser
	}
	if s == ShapeGroups {
		q.Grouping = p.grouping(k, q.Window)
	} else if q.Interval = p.interval(); q.Interval != 0 {
		q.Shape = ShapeSeries
	}
	if p.err != nil {
		return Question{}, p.err
	}
	return q, nil
}
