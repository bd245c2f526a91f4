package upstreamtest

import (
	"context"
	"encoding/json"
	"fmt"
	"net/http"
	"net/url"
	"strconv"

	"deliverygraph/upstream"
	"deliverygraph/upstream/kind"
)

// plain is a client of the REST API for the suites. It uses net/url and encoding/json instead of the codecs of package
// upstream, so as not to share their mistakes. It requires the exact format of every answer: keys, types and envelope.
type plain struct{ Server }

// Ask implements [upstream.Asker].
func (p plain) Ask(ctx context.Context, q *upstream.Question) (any, error) {
	path, parameters := request(q)
	a, err := p.ok(ctx, path, parameters)
	if err != nil {
		return nil, err
	}
	switch q.Shape {
	case upstream.ShapeDetail:
		return readDetail(a.body)
	case upstream.ShapeCounts:
		keys := tallyKeys(q.Kind, "sender_id", "sender")
		if q.Rollup == upstream.ByUser {
			keys = tallyKeys(q.Kind, "user_id")
		}
		var counts []upstream.Count
		err := eachRow(a.body, keys, func(raw []byte) error {
			var w wireCount
			err := json.Unmarshal(raw, &w)
			counts = append(counts, upstream.Count{ID: w.SenderID + w.UserID, Sender: w.Sender, Tally: w.tally()})
			return err
		})
		return counts, err
	case upstream.ShapeSeries:
		return readSeries(a.body, tallyKeys(q.Kind, "timestamp"))
	case upstream.ShapeCatalogue:
		var e struct{ Data []string }
		return e.Data, exactly(a.body, &e, "data")
	}
	return readList(a.body, q.Kind)
}

// request returns path and parameters of a question.
func request(q *upstream.Question) (path string, parameters url.Values) {
	switch q.Shape {
	case upstream.ShapeDetail:
		return detailPath(q.Detail()), nil
	case upstream.ShapeCounts, upstream.ShapeSeries:
		return kind.All[q.Kind].Counts, countParameters(q.Counts())
	case upstream.ShapeCatalogue:
		return kind.All[q.Kind].Catalogue, nil
	}
	return kind.All[q.Kind].List, listParameters(q.ListQuery)
}

// ok makes a request and returns an error unless the answer is JSON with status 200.
func (p plain) ok(ctx context.Context, path string, parameters url.Values) (answer, error) {
	a, err := p.get(ctx, path, parameters.Encode())
	if err != nil {
		return answer{}, err
	}
	if a.status != http.StatusOK {
		parameter, message, err := readError(a)
		if err != nil {
			return answer{}, err
		}
		return answer{}, &upstream.Error{
			Code: upstream.CodeOfStatus(a.status), Status: a.status, Parameter: parameter, Message: message,
		}
	}
	if got := a.header.Get("Content-Type"); got != "application/json" {
		return answer{}, fmt.Errorf("Content-Type is %q, want application/json", got)
	}
	return a, nil
}

func detailPath(k upstream.BounceKey) string {
	return fmt.Sprintf("/bounce/%d/%d/%d/%s", k.UserID, k.SenderID, k.BounceTime, url.PathEscape(k.EmailID))
}

func listParameters(q upstream.ListQuery) url.Values {
	v := windowParameters(q.Window, q.UserID, q.SenderID)
	for name, value := range map[string]string{
		"sender": q.Sender, "domain": q.Domain, "local": q.Local, "recipient": q.Recipient,
	} {
		if value != "" {
			v.Set(name, value)
		}
	}
	for _, h := range q.Headers() {
		v.Add(h.Name, h.Value)
	}
	for _, f := range kind.Filters {
		if value := q.Filter(f.Filter); value != "" {
			v.Set(f.Filter, value)
		}
	}
	if q.Offset != 0 {
		v.Set("offset", strconv.Itoa(q.Offset))
	}
	return v
}

func countParameters(q upstream.CountQuery) url.Values {
	v := windowParameters(q.Window, q.UserID, q.SenderID)
	if q.BounceType != "" {
		v.Set("bounce_type", string(q.BounceType))
	}
	if q.Rollup == upstream.ByUser {
		v.Set("rollup_to", "user")
	}
	if q.Interval != 0 {
		v.Set("timeseries", map[upstream.Interval]string{upstream.Hour: "hour", upstream.Day: "day"}[q.Interval])
	}
	return v
}

func windowParameters(w upstream.Window, user, sender upstream.ID) url.Values {
	v := url.Values{}
	v.Set("start_time", strconv.FormatInt(int64(w.Start), 10))
	v.Set("end_time", strconv.FormatInt(int64(w.End), 10))
	if user != 0 {
		v.Set("user_id", strconv.FormatInt(int64(user), 10))
	}
	if sender != 0 {
		v.Set("sender_id", strconv.FormatInt(int64(sender), 10))
	}
	return v
}
