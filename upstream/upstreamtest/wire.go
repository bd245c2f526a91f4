package upstreamtest

import (
	"bytes"
	"cmp"
	"encoding/json"
	"fmt"
	"maps"
	"math"
	"reflect"
	"slices"
	"strconv"

	"deliverygraph/upstream"
	"deliverygraph/upstream/kind"
)

var detailEnvelopeKeys = []string{"api_host", "data", "processing_time", "recv_time", "resp_time"}

// tallyKeys returns the keys of a row of counts or a point of a time series: others and the counts of the kind.
func tallyKeys(k upstream.Kind, others ...string) []string {
	others = append(others, kind.All[k].Count)
	if k == upstream.Bounces {
		others = append(others, "soft_bounce_count", "hard_bounce_count")
	}
	return others
}

// fieldsOf returns the fields of the rows of a kind, or those of its detail.
func fieldsOf(k upstream.Kind, detail bool) (fields []kind.Field, keys []string) {
	for _, f := range kind.All[k].Fields {
		if detail || !f.Detail {
			fields, keys = append(fields, f), append(keys, f.REST)
		}
	}
	return fields, keys
}

// readRow reads a row by the description of its kind, with encoding/json instead of the codecs of package upstream.
func readRow(raw []byte, fields []kind.Field, row reflect.Value) error {
	var members map[string]json.RawMessage
	if err := json.Unmarshal(raw, &members); err != nil {
		return err
	}
	for _, f := range fields {
		to := row.FieldByName(f.Name).Addr().Interface()
		if headers, ok := to.(*[]upstream.Header); ok {
			to = (*wireHeaders)(headers)
		}
		if err := json.Unmarshal(members[f.REST], to); err != nil {
			return fmt.Errorf("%s: %w", f.REST, err)
		}
	}
	return nil
}

// readList reads a list's answer. It returns a slice of rows, such as []upstream.Bounce.
func readList(body []byte, k upstream.Kind) (any, error) {
	none, err := upstream.DecodePage(k, `{"data":[]}`) // for its type
	if err != nil {
		return nil, err
	}
	rows := reflect.ValueOf(none.Rows())
	fields, keys := fieldsOf(k, false)
	err = eachRow(body, keys, func(raw []byte) error {
		row := reflect.New(rows.Type().Elem()).Elem()
		err := readRow(raw, fields, row)
		rows = reflect.Append(rows, row)
		return err
	})
	return rows.Interface(), err
}

// readDetail reads the details of a bounce, and checks their envelope.
func readDetail(body []byte) (d upstream.BounceDetail, err error) {
	var e wireDetail
	if err := exactly(body, &e, detailEnvelopeKeys...); err != nil {
		return d, err
	}
	took := e.RespTime - e.RecvTime
	if e.RecvTime <= 0 || took < 0 || math.Abs(took-e.ProcessingTime) > 0.001 || e.APIHost == "" {
		return d, fmt.Errorf("inconsistent times or no host in the envelope: %.200s", body)
	}
	fields, keys := fieldsOf(upstream.Bounces, true)
	if err := exactly(e.Data, &struct{}{}, keys...); err != nil {
		return d, err
	}
	return d, readRow(e.Data, fields, reflect.ValueOf(&d).Elem())
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

// eachRow reads {"data": [...]}. It checks the keys only of the first 20 rows: checking 500 is slow, and the same code
// formats them all.
func eachRow(body []byte, keys []string, row func(raw []byte) error) error {
	var e struct{ Data []json.RawMessage }
	if err := exactly(body, &e, "data"); err != nil {
		return err
	}
	if e.Data == nil {
		return fmt.Errorf("data is null or missing, want []: %s", body)
	}
	for i, raw := range e.Data {
		if i < 20 {
			if err := exactly(raw, &struct{}{}, keys...); err != nil {
				return err
			}
		}
		if err := row(raw); err != nil {
			return fmt.Errorf("%w: %.200s", err, raw)
		}
	}
	return nil
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
