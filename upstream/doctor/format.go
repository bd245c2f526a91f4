package doctor

import (
	"bytes"
	"encoding/json"
	"maps"
	"slices"
	"strings"
)

// shapes are the formats of the answers seen. The document's own examples differ in
// them and the gateway accepts all, so they are reported but not judged.
type shapes struct {
	envelopes map[string][]string // format → endpoints
	headers   map[string][]string
}

// note records the formats of an endpoint's answer.
func (s shapes) note(endpoint string, body []byte) {
	form, rows := envelope(body)
	add(s.envelopes, form, endpoint)
	for form := range headerForms(rows) {
		add(s.headers, form, endpoint)
	}
}

func add(to map[string][]string, form, endpoint string) {
	if !slices.Contains(to[form], endpoint) {
		to[form] = append(to[form], endpoint)
	}
}

// envelope describes the envelope of an answer and returns the data within.
func envelope(body []byte) (form string, data json.RawMessage) {
	if first := bytes.TrimSpace(body); len(first) == 0 || first[0] != '{' {
		return "none: a bare array", body
	}
	var fields map[string]json.RawMessage
	if json.Unmarshal(body, &fields) != nil {
		return "unknown", nil
	}
	data, ok := fields["data"]
	if !ok {
		return "none: a bare object", body
	}
	delete(fields, "data")
	names := slices.Sorted(maps.Keys(fields))
	for i, n := range names {
		names[i] = printable(excerpt(n, 40))
	}
	if len(names) == 0 {
		return `"data"`, data
	}
	return `"data" beside ` + strings.Join(names[:min(len(names), 8)], ", "), data
}

// headerForms returns the formats of xheaders in data, which is an array of rows or one row.
func headerForms(data json.RawMessage) map[string]bool {
	type row struct {
		XHeaders json.RawMessage `json:"xheaders"`
	}
	var rows []row
	var one row
	if json.Unmarshal(data, &rows) != nil && json.Unmarshal(data, &one) == nil {
		rows = []row{one}
	}
	forms := map[string]bool{}
	for _, r := range rows {
		var elements []json.RawMessage
		switch text := bytes.TrimSpace(r.XHeaders); {
		case len(text) == 0:
		case text[0] == '{':
			forms["an object"] = true
		case json.Unmarshal(text, &elements) != nil:
		case elements == nil:
			forms["null"] = true
		case len(elements) == 0:
			forms["an empty array"] = true
		case elements[0][0] == '"':
			forms["an array of strings"] = true
		default:
			forms["an array of objects"] = true
		}
	}
	return forms
}

// reportShapes adds the formats seen to the report.
func (e *exam) reportShapes() {
	add := func(topic string, seen map[string][]string) {
		for _, form := range slices.Sorted(maps.Keys(seen)) {
			for _, endpoint := range seen[form] {
				e.check(topic, endpoint, answer{}).observes(form)
			}
		}
	}
	add(topicEnvelope, e.shapes.envelopes)
	add(topicHeaders, e.shapes.headers)
}
