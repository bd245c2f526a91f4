package demo

import (
	"strings"
	"testing"

	"deliverygraph/internal/classify"
)

// filled are what stands in the fields of an answer.
var filled = map[field]string{
	fRecipient: "user@example.com", fDomain: "example.com", fMX: "mx.example.com", fIP: "192.0.2.1", fSender: "news@example.com",
}

func TestMadeUpBouncesAreSortedByTheGatewaysRules(t *testing.T) {
	for _, r := range rules {
		if r.category == "other" || r.category == "unclassified" {
			continue // of which the rules have none for made-up words
		}
		var said strings.Builder
		for i, text := range r.answer.literals {
			said.WriteString(text)
			if i < len(r.answer.fields) {
				said.WriteString(filled[r.answer.fields[i]])
			}
		}
		m := classify.Default().Classify(r.code, said.String(), "")
		if m.Rule.Name != r.name || m.Rule.Category != r.category || m.Rule.Type != r.kind {
			t.Errorf("%q is sorted by %s, %s, %s; it is made up as of %s, %s, %s",
				said.String(), m.Rule.Name, m.Rule.Category, m.Rule.Type, r.name, r.category, r.kind)
		}
	}
}
