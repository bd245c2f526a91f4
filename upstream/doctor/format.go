package doctor

import (
	"bytes"
	"cmp"
	"context"
	"encoding/json"
	"fmt"
	"maps"
	"net/http"
	"regexp"
	"slices"
	"strings"

	"deliverygraph/upstream"
)

// formats reports the formats of the answers. The document's own examples differ in them and the gateway accepts all,
// so they are not judged.
func (e *exam) formats() {
	type seen struct{ topic, form, endpoint string }
	var all []seen
	for id, a := range e.ask.answers {
		endpoint, _, _ := strings.Cut(id, "?")
		switch {
		case a.fault != "":
			continue
		case strings.Count(endpoint, "/") > 2: // it has the key of a bounce
			endpoint = upstream.BouncePath + "…"
		}
		all = append(all, seen{topicEnvelope, envelope(a.body), endpoint})
		for _, m := range xheaders.FindAllSubmatch(bytes.ToLower(a.body), -1) {
			form := slices.IndexFunc(m[1:], func(group []byte) bool { return group != nil })
			all = append(all, seen{topicHeaders, headerForms[form], endpoint})
		}
	}
	slices.SortFunc(all, func(a, b seen) int {
		return cmp.Or(cmp.Compare(a.topic, b.topic), cmp.Compare(a.form, b.form), cmp.Compare(a.endpoint, b.endpoint))
	})
	for _, s := range slices.Compact(all) {
		e.check(s.topic, s.endpoint, answer{}).observes(s.form)
	}
}

// envelope describes the envelope of an answer.
func envelope(body []byte) string {
	if first := bytes.TrimSpace(body); len(first) == 0 || first[0] != '{' {
		return "none: a bare array"
	}
	var fields map[string]json.RawMessage
	if json.Unmarshal(body, &fields) != nil {
		return "unknown"
	}
	if _, ok := fields["data"]; !ok {
		return "none: a bare object"
	}
	delete(fields, "data")
	names := slices.Sorted(maps.Keys(fields))
	for i, n := range names {
		names[i] = printable(excerpt(n, 40))
	}
	if len(names) == 0 {
		return `"data"`
	}
	return `"data" beside ` + strings.Join(names[:min(len(names), 8)], ", ")
}

// xheaders matches the beginning of the custom headers of a row in lower case, with a group for each of headerForms.
var xheaders = regexp.MustCompile(`"xheaders"\s*:\s*(?:(\{)|(null)|\[\s*(?:(\])|(")|(\{)))`)

var headerForms = [...]string{"an object", "null", "an empty array", "an array of strings", "an array of objects"}

// duplicates makes the same request twice at the same time and records what happened.
// The document's service answers one of them with 202 and no data. The result is not
// judged: the two may not overlap, and the gateway never sends such a pair.
func (e *exam) duplicates(ctx context.Context, s *sample) {
	both := e.ask.twice(ctx, request{
		path: s.kind.ListPath(), query: upstream.ListQuery{Window: s.window}.Encode(),
	})
	c := e.check(topicDuplicates, s.kind.ListPath(), both[0])
	a, b := both[0], both[1]
	if a.status == http.StatusAccepted {
		a, b = b, a
	}
	switch {
	case a.unsent:
		c.cannot(requestsSpent)
	case a.err != nil || b.err != nil:
		c.observes("one of the two got no answer")
	case a.status == http.StatusOK && b.status == http.StatusAccepted:
		c.observes("one got the data, the other 202 without data, as in the document; " +
			"the gateway never sends two at once")
	case a.status == http.StatusOK && b.status == http.StatusOK && bytes.Equal(a.body, b.body):
		c.observes("both got the same data")
	default:
		c.observes(fmt.Sprintf("they got status %d and %d; the gateway never sends two at once", a.status, b.status))
	}
}
