package demo

import (
	"testing"

	"deliverygraph/internal/classify"
	"deliverygraph/upstream"
	"deliverygraph/upstream/embedded/store"
)

func TestRulesAgreeWithClassify(t *testing.T) {
	for _, r := range rules {
		if r.category == "other" || r.category == "unclassified" {
			continue // classify has no rules for these answers
		}
		b := store.Event{
			Identity: upstream.Identity{EmailID: "1.2@mail", Recipient: "user@example.com"}, Local: "user",
			Domain: "example.com",
		}
		explain(&b, r, &accounts[0].senders[0], "")
		m := classify.Default().Classify(r.code, b.DiagnosticCode, "")
		if m.Rule.Name != r.name || m.Rule.Category != r.category || m.Rule.Type != r.kind {
			t.Errorf("%q is classified as %s, %s, %s; want %s, %s, %s",
				b.DiagnosticCode, m.Rule.Name, m.Rule.Category, m.Rule.Type, r.name, r.category, r.kind)
		}
	}
}
