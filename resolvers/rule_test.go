package resolvers_test

import (
	"testing"

	"deliverygraph/internal/classify"
	"deliverygraph/upstream"
	"deliverygraph/upstream/upstreamtest"
)

// Only the gateway's own rules have a description. Another service's rule shows only its name, even if a rule
// of the gateway has the same name.
func TestOnlyOwnRulesAreDescribed(t *testing.T) {
	t.Parallel()
	own, ok := classify.Default().Find("quotaissues01")
	if !ok {
		t.Fatal("there is no rule quotaissues01")
	}
	var rows upstreamtest.Rows
	for i, c := range []struct {
		rule, category string
		kind           upstream.BounceType
	}{
		{"quotaissues01", "quota-issues", upstream.Soft},
		{"quotaissues01", "bad-mailbox", upstream.Soft},
		{"quotaissues01", "quota-issues", upstream.Hard},
		{"theirs01", "quota-issues", upstream.Soft},
		{"", "quota-issues", upstream.Soft},
	} {
		one := rowsAt(day+upstream.Time(i), i)
		one.Bounces[0].RuleName, one.Bounces[0].Category, one.Bounces[0].Type = c.rule, c.category, c.kind
		rows.Bounces = append(rows.Bounces, one.Bounces...)
	}
	g := newGateway(t, rows)
	const rule = `rule { __typename name category type description }`
	r := g.ask(`{ columns: bounces(`+today+`) { nodes { detail { ruleName `+rule+` } } }
		generated: bounces(`+today+`) { nodes { detail { ... @include(if: true) { ruleName `+rule+` } } } } }`, nil)
	for _, path := range []string{"columns", "generated"} {
		nodes := list(r.Data, path, "nodes")
		if len(nodes) != 5 {
			t.Fatalf("%s: %v", path, r)
		}
		for i, node := range nodes {
			got := get(node, "detail", "rule").(map[string]any)
			if got["name"] != get(node, "detail", "ruleName") || got["__typename"] != "BounceRule" {
				t.Errorf("%s: rule %v of bounce %v", path, got, node)
			}
			if i == 0 {
				if got["category"] != "quota-issues" || got["type"] != "SOFT" || got["description"] != own.Description {
					t.Errorf("%s: the gateway's own rule is %v", path, got)
				}
			} else if got["category"] != nil || got["type"] != nil || got["description"] != nil {
				t.Errorf("%s: a rule of others is %v", path, got)
			}
		}
	}
}
