package upstreamtest

import (
	"bytes"
	"cmp"
	"context"
	"encoding/json"
	"fmt"
	"maps"
	"net/url"
	"reflect"
	"slices"
	"strconv"
	"strings"

	"deliverygraph/upstream"
	"deliverygraph/upstream/kind"
)

var detailEnvelopeKeys = []string{"api_host", "data", "processing_time", "recv_time", "resp_time"}

// tallyKeys returns the keys of a row of counts or a point of a time series: others and the counts of the kind.
func tallyKeys(k upstream.Kind, others ...string) []string {
	return append(others, map[upstream.Kind][]string{
		upstream.Bounces:       {"bounce_count", "soft_bounce_count", "hard_bounce_count"},
		upstream.Emails:        {"sent_count"},
		upstream.BlockedEmails: {"blocked_email_count"},
	}[k]...)
}

// wireRow is a row of a list, or a bounce with its details. It is read by the description of its kind, with
// encoding/json instead of the codecs of package upstream.
type wireRow[R any] struct{ row R }

// fields returns the fields of the rows and whether they are details.
func (wireRow[R]) fields() []kind.Field {
	name, detail := strings.CutSuffix(reflect.TypeFor[R]().Name(), "Detail")
	i := slices.IndexFunc(kind.All, func(k kind.Kind) bool { return k.Type == name })
	return slices.DeleteFunc(slices.Clone(kind.All[i].Fields), func(f kind.Field) bool { return f.Detail && !detail })
}

// keys returns the keys that the rows must have.
func (w wireRow[R]) keys() (keys []string) {
	for _, f := range w.fields() {
		keys = append(keys, f.REST)
	}
	return keys
}

func (w wireRow[R]) get() R { return w.row }

// UnmarshalJSON reads a row.
func (w *wireRow[R]) UnmarshalJSON(b []byte) error {
	var members map[string]json.RawMessage
	if err := json.Unmarshal(b, &members); err != nil {
		return err
	}
	for _, f := range w.fields() {
		to := reflect.ValueOf(&w.row).Elem().FieldByName(f.Name).Addr().Interface()
		if headers, ok := to.(*[]upstream.Header); ok {
			to = (*wireHeaders)(headers)
		}
		if err := json.Unmarshal(members[f.REST], to); err != nil {
			return fmt.Errorf("%s: %w", f.REST, err)
		}
	}
	return nil
}

// wireHeaders are headers in their order in the JSON object.
type wireHeaders []upstream.Header

// UnmarshalJSON reads an object or null.
func (h *wireHeaders) UnmarshalJSON(b []byte) error {
	if string(b) == "null" {
		return nil
	}
	d := json.NewDecoder(bytes.NewReader(b))
	if open, err := d.Token(); err != nil || open != json.Delim('{') {
		return fmt.Errorf("xheaders must be an object or null, not %.60s", b)
	}
	*h = wireHeaders{}
	for d.More() {
		name, err := d.Token()
		if err != nil {
			return err
		}
		var value string
		if err := d.Decode(&value); err != nil {
			return err
		}
		*h = append(*h, upstream.Header{Name: name.(string), Value: value})
	}
	return nil
}

type wireDetail struct {
	ProcessingTime float64         `json:"processing_time"`
	RecvTime       float64         `json:"recv_time"`
	RespTime       float64         `json:"resp_time"`
	APIHost        string          `json:"api_host"`
	Data           json.RawMessage `json:"data"`
}

// wireCount is a row of counts or a point of a time series.
type wireCount struct {
	UserID       upstream.ID   `json:"user_id"`
	SenderID     upstream.ID   `json:"sender_id"`
	Sender       string        `json:"sender"`
	Timestamp    upstream.Time `json:"timestamp"`
	SentCount    int64         `json:"sent_count"`
	BlockedCount int64         `json:"blocked_email_count"`
	BounceCount  int64         `json:"bounce_count"`
	SoftCount    int64         `json:"soft_bounce_count"`
	HardCount    int64         `json:"hard_bounce_count"`
}

func (w wireCount) tally() upstream.Tally {
	return upstream.Tally{Total: w.SentCount + w.BlockedCount + w.BounceCount, Soft: w.SoftCount, Hard: w.HardCount}
}

// rows requests {"data": [...]} and converts each row. It checks the keys only of the
// first 20 rows: checking 500 is slow, and the same code formats them all.
func rows[W, R any](ctx context.Context, p plain, path string, parameters url.Values, keys []string,
	row func(W) R,
) ([]R, error) {
	a, err := p.ok(ctx, path, parameters)
	if err != nil {
		return nil, err
	}
	var e struct{ Data []json.RawMessage }
	if err := exactly(a.body, &e, "data"); err != nil {
		return nil, err
	}
	if e.Data == nil {
		return nil, fmt.Errorf("data is null or missing, want []: %s", a.body)
	}
	var all []R
	for i, raw := range e.Data {
		var w W
		if i < 20 {
			if err := exactly(raw, &w, keys...); err != nil {
				return nil, err
			}
		} else if err := json.Unmarshal(raw, &w); err != nil {
			return nil, fmt.Errorf("%w: %.200s", err, raw)
		}
		all = append(all, row(w))
	}
	return all, nil
}

// readSeries reads {"data": {"id": [points]}}, ordered by id.
func readSeries(body []byte, keys []string) ([]upstream.Series, error) {
	var e struct{ Data map[string][]json.RawMessage }
	if err := exactly(body, &e, "data"); err != nil {
		return nil, err
	}
	if e.Data == nil {
		return nil, fmt.Errorf("data is null or missing, want {}: %s", body)
	}
	var all []upstream.Series
	for id, points := range e.Data {
		n, err := strconv.ParseInt(id, 10, 64)
		if err != nil {
			return nil, fmt.Errorf("the key of a time series is not an id: %w", err)
		}
		s := upstream.Series{ID: upstream.ID(n)}
		for _, raw := range points {
			var w wireCount
			if err := exactly(raw, &w, keys...); err != nil {
				return nil, err
			}
			s.Points = append(s.Points, upstream.Point{Start: w.Timestamp, Tally: w.tally()})
		}
		all = append(all, s)
	}
	slices.SortFunc(all, func(a, b upstream.Series) int { return cmp.Compare(a.ID, b.ID) })
	return all, nil
}

// readError reads the body of an error. Its code must equal the status.
func readError(a answer) (parameter, message string, err error) {
	var e struct{ Error map[string]json.RawMessage }
	if err := exactly(a.body, &e, "error"); err != nil {
		return "", "", fmt.Errorf("status %d: %w", a.status, err)
	}
	var w struct {
		Code      int    `json:"code"`
		Message   string `json:"message"`
		Parameter string `json:"parameter"`
	}
	if _, ok := e.Error["parameter"]; !ok {
		e.Error["parameter"] = json.RawMessage(`""`) // parameter is optional
	}
	raw, err := json.Marshal(e.Error)
	if err != nil {
		return "", "", err
	}
	if err := exactly(raw, &w, "code", "message", "parameter"); err != nil {
		return "", "", fmt.Errorf("status %d: %w", a.status, err)
	}
	if got := a.header.Get("Content-Type"); w.Code != a.status || w.Message == "" || got != "application/json" {
		return "", "", fmt.Errorf("status %d (%s): want JSON with an error of this code and a message: %s",
			a.status, got, a.body)
	}
	return w.Parameter, w.Message, nil
}

// exactly decodes a JSON object that must have exactly these keys.
func exactly(raw []byte, to any, keys ...string) error {
	var fields map[string]json.RawMessage
	if err := json.Unmarshal(raw, &fields); err != nil {
		return fmt.Errorf("want an object: %w: %.200s", err, raw)
	}
	if got, want := slices.Sorted(maps.Keys(fields)), slices.Sorted(slices.Values(keys)); !slices.Equal(got, want) {
		return fmt.Errorf("keys are %v, want %v: %.200s", got, want, raw)
	}
	if err := json.Unmarshal(raw, to); err != nil {
		return fmt.Errorf("%w: %.200s", err, raw)
	}
	return nil
}
