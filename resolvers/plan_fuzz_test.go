package resolvers_test

import (
	"encoding/json"
	"strings"
	"testing"

	"github.com/vektah/gqlparser/v2"
	"github.com/vektah/gqlparser/v2/validator"
	"github.com/vektah/gqlparser/v2/validator/rules"

	"deliverygraph/graph/generated"
	"deliverygraph/graph/playground"
	"deliverygraph/resolvers"
	"deliverygraph/resolvers/cost"
)

// Every valid document has a price, whose worst case is not below the plan.
func FuzzPlan(f *testing.F) {
	for _, tab := range playground.Examples() {
		f.Add(tab.Query, tab.Variables, 3)
	}
	f.Add(`query($f: BounceFilter, $n: Int) { users(window: {last: "P1D"}, last: $n) { edges { node { ...U } } } } `+
		`fragment U on User { bounces(window: {between: {start: 1, end: 2}}, filter: $f, `+
		`before: "x") { totalCount pageInfo { hasPreviousPage } } }`,
		`{"f": {"xHeaders": [{"name": "X-A", "value": ""}], "type": "SOFT"}, "n": 4}`, 0)
	f.Add(`{ nodes(ids: ["AVUq", "x", 4]) { ... on Node { ... on User { stats(window: {last: "P99Y"}) { `+
		`series(interval: HOUR) { blocked } } } } ... on Sender { user { id } } } }`, ``, -1)
	schema := generated.NewExecutableSchema(resolvers.Schema()).Schema()
	f.Fuzz(func(t *testing.T, query, variables string, users int) {
		doc, errs := gqlparser.LoadQueryWithRules(schema, query, rules.NewDefaultRules())
		if errs != nil || len(doc.Operations) == 0 {
			t.Skip()
		}
		var given map[string]any
		d := json.NewDecoder(strings.NewReader(variables))
		d.UseNumber()
		_ = d.Decode(&given)
		values, err := validator.VariableValues(schema, doc.Operations[0], given)
		if err != nil {
			t.Skip()
		}
		p := cost.Of(cost.Operation{
			Definition: doc.Operations[0], Variables: values, Users: max(cost.Everyone, users%1000), Now: now,
		})
		if p.Calls < 0 || p.WorstCalls < p.Calls || p.WorstCalls > cost.TooMany || p.WorstRows < 0 ||
			p.WorstRows > cost.TooMany {
			t.Errorf("%d calls, at most %d, %d rows", p.Calls, p.WorstCalls, p.WorstRows)
		}
		p.Dearest()
	})
}
