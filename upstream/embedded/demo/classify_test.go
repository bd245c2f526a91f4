package demo

import (
	"testing"

	"deliverygraph/internal/classify"
	"deliverygraph/upstream"
)

func TestRulesAgreeWithClassify(t *testing.T) {
	for _, r := range rules {
		if r.category == "other" || r.category == "unclassified" {
			continue // classify has no rules for these answers
		}
		b := upstream.Bounce{EmailID: "1.2@mail", EmailAddress: "user@example.com", Local: "user", Domain: "example.com"}
		answer := detail(b, r, &accounts[0].senders[0], "").DiagnosticCode
		m := classify.Default().Classify(r.code, answer, "")
		if m.Rule.Name != r.name || m.Rule.Category != r.category || m.Rule.Type != r.kind {
			t.Errorf("%q is classified as %s, %s, %s; want %s, %s, %s",
				answer, m.Rule.Name, m.Rule.Category, m.Rule.Type, r.name, r.category, r.kind)
		}
	}
}
