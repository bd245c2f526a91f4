package upstream

import (
	"cmp"
	"slices"
	"strconv"
	"strings"

	"deliverygraph/upstream/kind"
)

// MaxXHeaders is the maximum number of X-… filters of a list call: "up to four".
const MaxXHeaders = 4

// MaxFilter is the maximum length in bytes of a filter's text, which becomes part of a URL. An address has at most 320
// bytes, a header line 998.
const MaxFilter = 1000

// Counted returns the counts call whose rows add up to all rows of the list. It returns false if counts do not support
// the list's filters.
func (q ListQuery) Counted() (CountQuery, bool) {
	taken := q.Sender == "" && q.Domain == "" && q.Local == "" && q.Recipient == "" && len(q.XHeaders) == 0
	for _, f := range kind.Filters {
		taken = taken && (f.Counted || q.Filter(f.Filter) == "")
	}
	return CountQuery{
		Window: q.Window, UserID: q.UserID, SenderID: q.SenderID, BounceType: q.BounceType, Rollup: ByUser,
	}, taken
}

// CountQuery is the question of a counts call, by sender or by user. It takes a sender's id but not its address, as the
// document says.
type CountQuery struct {
	Window     Window
	UserID     ID
	SenderID   ID
	BounceType BounceType // bounces only
	Rollup     Rollup
}

// SeriesQuery is a CountQuery per hour or day.
type SeriesQuery struct {
	CountQuery
	Interval Interval
}

// Header is a custom X-header of an email, or a filter on one.
type Header struct {
	Name  string // including "X-"
	Value string
}

// ID is the key of a user (an account) or of a sender (an approved From address). It is positive; zero means none.
type ID int64

// Encode returns the query string of a list call in canonical form: fixed order of parameters, X-… filters sorted by
// name without regard to case and then by value, times as Unix seconds, zero fields omitted. Equal queries give equal
// strings, so the string can be a key for caches and for joining calls.
//
// Filters that the kind does not support are included: the API then refuses them by name, whereas omitting them would
// list rows that were not requested.
func (q ListQuery) Encode(_ Kind) string {
	w := make(queryWriter, 0, 128)
	w.window(q.Window)
	w.id("user_id", q.UserID)
	w.id("sender_id", q.SenderID)
	w.text("sender", q.Sender)
	w.text("domain", q.Domain)
	w.text("local", q.Local)
	w.text("recipient", q.Recipient)
	for _, f := range kind.Filters {
		w.text(f.Filter, q.Filter(f.Filter))
	}
	w.headers(q.XHeaders)
	if q.Offset != 0 {
		w.number("offset", int64(q.Offset))
	}
	return string(w)
}

// Encode returns the query string of a counts call in canonical form; see [ListQuery.Encode]. rollup_to is omitted for
// senders, the API's default.
func (q CountQuery) Encode() string {
	return SeriesQuery{CountQuery: q}.Encode()
}

// Encode returns the query string of a time series call in canonical form; see [ListQuery.Encode].
func (q SeriesQuery) Encode() string {
	w := make(queryWriter, 0, 128)
	w.window(q.Window)
	w.id("user_id", q.UserID)
	w.id("sender_id", q.SenderID)
	w.text("bounce_type", string(q.BounceType))
	if q.Rollup == ByUser {
		w.text("rollup_to", "user")
	}
	w.text("timeseries", q.Interval.name())
	return string(w)
}

// queryWriter builds a query string.
type queryWriter []byte

func (w *queryWriter) window(v Window) {
	w.number("start_time", int64(v.Start))
	w.number("end_time", int64(v.End))
}

func (w *queryWriter) id(name string, v ID) {
	if v != 0 {
		w.number(name, int64(v))
	}
}

func (w *queryWriter) text(name, v string) {
	if v != "" {
		w.name(name)
		*w = appendEscaped(*w, v)
	}
}

func (w *queryWriter) number(name string, v int64) {
	w.name(name)
	*w = strconv.AppendInt(*w, v, 10)
}

// headers writes filters even if their value is empty: the API refuses those by name, whereas omitting them would list
// too much.
func (w *queryWriter) headers(hs []Header) {
	if len(hs) == 0 {
		return
	}
	for _, h := range slices.SortedStableFunc(slices.Values(hs), Header.compare) {
		w.name(string(appendEscaped(nil, h.Name)))
		*w = appendEscaped(*w, h.Value)
	}
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

// appendEscaped appends s to dst, percent-encoding all but the unreserved characters of RFC 3986. A space becomes %20,
// because not every server reads a plus sign as a space.
func appendEscaped(dst []byte, s string) []byte {
	const hex = "0123456789ABCDEF"
	for i := range len(s) {
		c := s[i]
		switch {
		case 'a' <= c && c <= 'z', 'A' <= c && c <= 'Z', isDigit(c), c == '-', c == '.', c == '_', c == '~':
			dst = append(dst, c)
		default:
			dst = append(dst, '%', hex[c>>4], hex[c&15])
		}
	}
	return dst
}

// ParseListQuery parses the query string of a list call of kind k as strictly as the API's server. Errors have the code
// [InvalidArgument] and name the parameter: one that is missing, malformed, unknown, of another kind's list, in upper
// case, empty or repeated, a start_time not before end_time, more than [MaxXHeaders] X-… filters, or broken
// percent-encoding.
//
// Categories and reasons may have any value, because these sets are open. X-… filters stay in the order given. Domains,
// including those of addresses, become lower case.
func ParseListQuery(k Kind, raw string) (ListQuery, error) {
	p := parseParameters(k.ListPath(), raw, listParameters[k], true)
	q := p.list()
	q.Offset = p.offset()
	if p.err != nil {
		return ListQuery{}, p.err
	}
	return q, nil
}

// ParseCountQuery parses the query string of a counts call of kind k strictly; see [ParseListQuery]. The Interval is 0
// if no timeseries was requested.
func ParseCountQuery(k Kind, raw string) (SeriesQuery, error) {
	p := parseParameters(k.CountsPath(), raw, countParameters[k], false)
	q := SeriesQuery{CountQuery: CountQuery{
		Window:     p.window(),
		UserID:     p.id("user_id"),
		SenderID:   p.id("sender_id"),
		BounceType: BounceType(p.oneOf("bounce_type", string(Hard), string(Soft))),
	}}
	if p.oneOf("rollup_to", "user", "sender") == "user" {
		q.Rollup = ByUser
	}
	q.Interval = p.interval()
	if p.err != nil {
		return SeriesQuery{}, p.err
	}
	return q, nil
}
