package demo

import (
	"strings"
	"testing"

	"deliverygraph/internal/classify"
)

// fieldValues are values of the fields of answers.
var fieldValues = map[field]string{
	fRecipient: "user@example.com", fDomain: "example.com", fMX: "mx.example.com", fIP: "192.0.2.1",
	fSender: "news@example.com",
}

func TestRulesAgreeWithClassify(t *testing.T) {
	for _, r := range rules {
		if r.category == "other" || r.category == "unclassified" {
			continue // classify has no rules for these answers
		}
		var answer strings.Builder
		for i, text := range r.answer.literals {
			answer.WriteString(text)
			if i < len(r.answer.fields) {
				answer.WriteString(fieldValues[r.answer.fields[i]])
			}
		}
		m := classify.Default().Classify(r.code, answer.String(), "")
		if m.Rule.Name != r.name || m.Rule.Category != r.category || m.Rule.Type != r.kind {
			t.Errorf("%q is classified as %s, %s, %s; want %s, %s, %s",
				answer.String(), m.Rule.Name, m.Rule.Category, m.Rule.Type, r.name, r.category, r.kind)
		}
	}
}
