package upstream

import (
	"fmt"
	"net/url"
	"slices"
	"strconv"
	"strings"
	"unicode/utf8"

	"deliverygraph/upstream/kind"
)

// parametersOf lists the parameters of lists, counts and groups besides X-… filters, as in the document.
var parametersOf = func() (all [ShapeGroups + 1][len(Kinds)][]string) {
	for i, own := range kind.Own {
		list := []string{"start_time", "end_time", "user_id", "sender_id", "sender", "domain", "local", "recipient"}
		counts := []string{"start_time", "end_time", "user_id", "sender_id", "rollup_to", "timeseries"}
		for _, f := range own {
			list = append(list, f.Filter)
			if f.Counted {
				counts = append(counts, f.Filter)
			}
		}
		all[ShapeCounts][i] = counts
		all[ShapeList][i] = slices.Concat(list, []string{"offset"})
		all[ShapeGroups][i] = slices.Concat(list, []string{"by", "header", "top", "timeseries", "sent"})
	}
	return all
}()

// parameters holds the decoded parameters of one request. Its methods convert single parameters; the first error is
// stored in err, and later results are meaningless.
type parameters struct {
	path    string
	given   []Header // without X-… filters
	headers []Header
	err     error
}

// parseParameters splits a raw query string. It refuses whatever would silently give wrong data: unknown names, names
// in upper case, repeated names, empty values and broken percent-encoding.
func parseParameters(path, raw string, known []string, takesHeaders bool) *parameters {
	p := &parameters{path: path}
	for pair := range strings.SplitSeq(raw, "&") {
		if pair == "" {
			continue
		}
		rawName, rawValue, _ := strings.Cut(pair, "=")
		name, err := url.QueryUnescape(rawName)
		if err != nil || !utf8.ValidString(name) {
			p.fail(rawName, "a parameter's name is not proper percent-encoding of UTF-8: write a percent sign as %%25")
			return p
		}
		if isHeader := takesHeaders && isHeaderParameter(name); !isHeader && !slices.Contains(known, name) {
			p.refuse(name, known, takesHeaders)
			return p
		}
		value, err := url.QueryUnescape(rawValue)
		switch {
		case err != nil || !utf8.ValidString(value):
			p.fail(name, "%s is not proper percent-encoding of UTF-8: write a percent sign as %%25", name)
			return p
		case value == "":
			p.fail(name, "%s is empty: give it a value, or leave it out", name)
			return p
		}
		p.add(Header{name, value})
	}
	return p
}

// isHeaderParameter reports whether the parameter filters by a custom header.
func isHeaderParameter(name string) bool {
	return len(name) >= 2 && (name[0] == 'X' || name[0] == 'x') && name[1] == '-'
}

// add stores a parameter, unless it is repeated. Header names are compared without regard to case.
func (p *parameters) add(v Header) {
	if !isHeaderParameter(v.Name) {
		if _, again := p.get(v.Name); again {
			p.fail(v.Name, "%s is given more than once: give it once", v.Name)
		}
		p.given = append(p.given, v)
		return
	}
	switch {
	case !IsHeaderName(v.Name):
		p.fail(v.Name, "%s is not the name of a header: it must be %s", cut(v.Name), HeaderNameForm)
	case slices.ContainsFunc(p.headers, func(h Header) bool { return strings.EqualFold(h.Name, v.Name) }):
		p.fail(v.Name, "%s is given more than once: filter by each header once, whatever the case of its name",
			cut(v.Name))
	case len(p.headers) == MaxXHeaders:
		p.fail(v.Name, "%s is one X-… filter too many: at most %d are taken", cut(v.Name), MaxXHeaders)
	}
	p.headers = append(p.headers, v)
}

// refuse fails with what is wrong with an unknown name.
func (p *parameters) refuse(name string, known []string, takesHeaders bool) {
	lower := strings.ToLower(name)
	takes := strings.Join(known, ", ")
	if takesHeaders {
		takes += ", and headers, whose names begin with X-"
	}
	switch {
	case name != lower && slices.Contains(known, lower):
		p.fail(name, "%s is in upper case: write %s", name, lower)
	case name == "xheaders":
		p.fail(name, "xheaders is no parameter by itself: filter by each header with X-Name=value")
	case name == "sender":
		p.fail(name, "%s does not take sender: use sender_id", p.path)
	case name == "":
		p.fail(name, "a parameter has no name: %s takes %s", p.path, takes)
	default:
		p.fail(name, "%s does not take %s: its parameters are %s", p.path, cut(name), takes)
	}
}

// cut limits how much of the caller's text a message repeats.
func cut(s string) string {
	const limit = 60
	if len(s) <= limit {
		return s
	}
	return strings.ToValidUTF8(s[:limit], "") + "…"
}

func (p *parameters) fail(parameter, format string, args ...any) {
	if p.err == nil {
		p.err = &Error{Code: InvalidArgument, Parameter: cut(parameter), Message: fmt.Sprintf(format, args...)}
	}
}

func (p *parameters) get(name string) (value string, given bool) {
	for _, g := range p.given {
		if g.Name == name {
			return g.Value, true
		}
	}
	return "", false
}

func (p *parameters) text(name string) string {
	v, _ := p.get(name)
	return v
}

// filter returns the value of a filter that only some kinds' lists have.
func (p *parameters) filter(f kind.Field) string {
	switch f.Type {
	case kind.BounceType:
		return p.oneOf(f.Filter, string(Hard), string(Soft))
	case kind.Flag:
		if v := p.text(f.Filter); v != "" && v != "1" {
			p.fail(f.Filter, "%s must be 1: leave it out to list all rows", f.Filter)
		}
	}
	return p.text(f.Filter)
}

// oneOf returns text that must be one of values.
func (p *parameters) oneOf(name string, values ...string) string {
	v, given := p.get(name)
	if given && !slices.Contains(values, v) {
		p.fail(name, "%s must be %s", name, strings.Join(values, " or "))
	}
	return v
}

// interval returns the width of a time series' buckets, or 0 if no series was requested.
func (p *parameters) interval() Interval {
	v := p.oneOf("timeseries", "day", "hour")
	return map[string]Interval{"day": Day, "hour": Hour}[v]
}

// list returns the parameters that say which rows a list has.
func (p *parameters) list() ListQuery {
	q := ListQuery{
		Window:    p.window(),
		UserID:    p.id("user_id"),
		Domain:    LowerDomain(p.text("domain")),
		Local:     p.text("local"),
		Recipient: LowerAddress(p.text("recipient")),
	}
	slices.SortStableFunc(p.headers, Header.compare)
	copy(q.XHeaders[:], p.headers)
	for _, f := range kind.Filters {
		q.SetFilter(f.Filter, p.filter(f))
	}
	q.Sender, q.SenderID = p.sender()
	q.Sender = LowerAddress(q.Sender)
	q.Offset = p.offset()
	return q
}

func (p *parameters) window() Window {
	w := Window{p.time("start_time"), p.time("end_time")}
	if p.err == nil {
		w, p.err = NewWindow(w.Start, w.End)
	}
	return w
}

func (p *parameters) time(name string) Time {
	v, given := p.get(name)
	if !given {
		p.fail(name, "%s is missing: give it as %s", name, timeForms)
		return 0
	}
	t, problem := parseTime(v)
	if problem != "" {
		p.fail(name, "%s %s", name, problem)
	}
	return t
}

func (p *parameters) id(name string) ID {
	v, given := p.get(name)
	if !given {
		return 0
	}
	return p.positive(name, v)
}

func (p *parameters) positive(name, v string) ID {
	n, err := strconv.ParseInt(v, 10, 64)
	if !isDigits(v) || err != nil || n == 0 {
		p.fail(name, "%s must be a positive whole number", name)
	}
	return ID(n)
}

func (p *parameters) offset() int {
	v, given := p.get("offset")
	if !given {
		return 0
	}
	n, err := strconv.Atoi(v)
	if !isDigits(v) || err != nil {
		p.fail("offset", "offset must be a whole number, 0 or more")
	}
	return n
}

// sender returns sender and sender_id, which must both match. A sender of digits only is an id ("email address or ID of
// the sender"). If it differs from sender_id it is kept as an address, which no sender has, so the list is empty as it
// should be.
func (p *parameters) sender() (address string, id ID) {
	address, id = p.text("sender"), p.id("sender_id")
	if !isDigits(address) {
		return address, id
	}
	named := p.positive("sender", address)
	if id != 0 && id != named {
		return address, id
	}
	return "", named
}

// RedactQuery replaces each value in a query string of the API that is or may contain an address with an ellipsis.
func RedactQuery(query string) string {
	if query == "" {
		return ""
	}
	pairs := strings.Split(query, "&")
	for i, pair := range pairs {
		name, value, _ := strings.Cut(pair, "=")
		if !slices.Contains(shownParameters, name) || strings.Contains(value, "@") || strings.Contains(value, "%40") {
			pairs[i] = name + "=…"
		}
	}
	return strings.Join(pairs, "&")
}

// shownParameters are the parameters whose values contain no address, unless a caller confuses them with others.
var shownParameters = func() []string {
	shown := []string{"start_time", "end_time", "user_id", "sender_id", "offset", "domain", "rollup_to", "timeseries",
		"by", "top", "sent",
	}
	for _, f := range kind.Filters {
		shown = append(shown, f.Filter)
	}
	return shown
}()
