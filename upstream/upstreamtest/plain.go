package upstreamtest

import (
	"context"
	"fmt"
	"math"
	"net/http"
	"net/url"
	"strconv"

	"deliverygraph/upstream"
	"deliverygraph/upstream/kind"
)

// plain is a client of the REST API for the suites. It uses net/url and encoding/json instead of the codecs of package
// upstream, so as not to share their mistakes. It requires the exact format of every answer: keys, types and envelope.
type plain struct{ Server }

var _ API = plain{}

// Bounces lists bounces.
func (p plain) Bounces(ctx context.Context, q upstream.ListQuery) ([]upstream.Bounce, error) {
	return listed[upstream.Bounce](ctx, p, "/bounces", q)
}

// Emails lists emails.
func (p plain) Emails(ctx context.Context, q upstream.ListQuery) ([]upstream.Email, error) {
	return listed[upstream.Email](ctx, p, "/emails", q)
}

// BlockedEmails lists blocked emails.
func (p plain) BlockedEmails(ctx context.Context, q upstream.ListQuery) ([]upstream.BlockedEmail, error) {
	return listed[upstream.BlockedEmail](ctx, p, "/blocked-emails", q)
}

// Bounce returns the details of a bounce.
func (p plain) Bounce(ctx context.Context, k upstream.BounceKey) (upstream.BounceDetail, error) {
	a, err := p.ok(ctx, detailPath(k), nil)
	if err != nil {
		return upstream.BounceDetail{}, err
	}
	var e wireDetail
	if err := exactly(a.body, &e, detailEnvelopeKeys...); err != nil {
		return upstream.BounceDetail{}, err
	}
	took := e.RespTime - e.RecvTime
	if e.RecvTime <= 0 || took < 0 || math.Abs(took-e.ProcessingTime) > 0.001 || e.APIHost == "" {
		return upstream.BounceDetail{}, fmt.Errorf("inconsistent times or no host in the envelope: %.200s", a.body)
	}
	var w wireRow[upstream.BounceDetail]
	err = exactly(e.Data, &w, w.keys()...)
	return w.row, err
}

func listed[R any](ctx context.Context, p plain, path string, q upstream.ListQuery) ([]R, error) {
	return rows(ctx, p, path, listParameters(q), wireRow[R]{}.keys(), wireRow[R].get)
}

// Counts counts by sender or by user.
func (p plain) Counts(ctx context.Context, k upstream.Kind, q upstream.CountQuery) ([]upstream.Count, error) {
	keys := tallyKeys(k, "sender_id", "sender")
	if q.Rollup == upstream.ByUser {
		keys = tallyKeys(k, "user_id")
	}
	parameters := countParameters(upstream.SeriesQuery{CountQuery: q})
	return rows(ctx, p, countsPath(k), parameters, keys, func(w wireCount) upstream.Count {
		return upstream.Count{ID: w.SenderID + w.UserID, Sender: w.Sender, Tally: w.tally()}
	})
}

// Series counts by sender or by user, per hour or day.
func (p plain) Series(ctx context.Context, k upstream.Kind, q upstream.SeriesQuery) ([]upstream.Series, error) {
	a, err := p.ok(ctx, countsPath(k), countParameters(q))
	if err != nil {
		return nil, err
	}
	return readSeries(a.body, tallyKeys(k, "timestamp"))
}

// BounceCategories returns the bounce categories.
func (p plain) BounceCategories(ctx context.Context) ([]string, error) {
	return p.codes(ctx, "/bounce/categories")
}

// BlockedReasons returns the blocked reasons.
func (p plain) BlockedReasons(ctx context.Context) ([]string, error) {
	return p.codes(ctx, "/blocked-email/reasons")
}

func (p plain) codes(ctx context.Context, path string) ([]string, error) {
	a, err := p.ok(ctx, path, nil)
	if err != nil {
		return nil, err
	}
	var e struct{ Data []string }
	return e.Data, exactly(a.body, &e, "data")
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

func countsPath(k upstream.Kind) string {
	return map[upstream.Kind]string{
		upstream.Bounces:       "/bounce/counts",
		upstream.Emails:        "/email/counts",
		upstream.BlockedEmails: "/blocked-email/counts",
	}[k]
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
	for _, h := range q.XHeaders {
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

func countParameters(q upstream.SeriesQuery) url.Values {
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
