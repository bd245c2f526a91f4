package upstream

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
	switch p.oneOf("timeseries", "day", "hour") {
	case "day":
		q.Interval = Day
	case "hour":
		q.Interval = Hour
	}
	if p.err != nil {
		return SeriesQuery{}, p.err
	}
	return q, nil
}
