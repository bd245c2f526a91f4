package resolvers_test

import (
	"bytes"
	"fmt"
	"net/http"
	"net/http/httptest"
	"strings"
	"testing"

	"github.com/vektah/gqlparser/v2"
	"github.com/vektah/gqlparser/v2/validator/rules"

	"deliverygraph/graph/generated"
	"deliverygraph/resolvers"
	"deliverygraph/resolvers/cost"
	"deliverygraph/upstream/upstreamtest"
)

// Rows are decoded together and written into one buffer. Five times as many rows may need a few larger buffers,
// but no allocation per row.
func TestAllocationsDoNotGrowWithRows(t *testing.T) {
	if upstreamtest.Race {
		t.Skip("the race detector allocates")
	}
	const few, many, slack = 100, 500, 60
	for name, ask := range map[string]func(*gateway) func(string) *httptest.ResponseRecorder{
		"without a cache": (*gateway).kept,
		"from the cache":  (*gateway).cachedPages,
	} {
		of := func(rows int) float64 {
			ask := ask(newGateway(t, rowsOfDay(rows)))
			query := fmt.Sprintf(`{ bounces(%s, first: %d) { nodes { emailId recipient domain type category `+
				`bouncedAt xHeaders { name value } sender { address } user { userId } } } }`, today, rows)
			if w := ask(query); w.Code != http.StatusOK || bytes.Contains(w.Body.Bytes(), []byte(`"errors"`)) {
				t.Fatalf("%s: %.300s", name, w.Body)
			}
			return testing.AllocsPerRun(10, func() { ask(query) })
		}
		if a, b := of(few), of(many); b > a+slack {
			t.Errorf("%s: %.0f allocations for %d rows, %.0f for %d", name, a, few, b, many)
		}
	}
}

// Each fragment spreads the previous one twice, so a walk without memory would be exponential.
func TestPricingIsLinearInDocumentLength(t *testing.T) {
	if upstreamtest.Race {
		t.Skip("the race detector allocates")
	}
	double := func(n int, body string) string {
		var b strings.Builder
		b.WriteString("{ users(" + today + ") { nodes { ...F" + fmt.Sprint(n) + " } } } fragment F0 on User { userId }")
		for i := 1; i <= n; i++ {
			fmt.Fprintf(&b, " fragment F%d on User { "+strings.ReplaceAll(body, "NEXT", fmt.Sprintf("...F%d", i-1))+
				" }", i)
		}
		return b.String()
	}
	for name, c := range map[string]struct {
		query string
		most  float64
	}{
		"spreads": {double(25, "NEXT NEXT"), 100},
		"fields": {
			double(25, "a: senders("+today+") { nodes { user { NEXT } } } b: senders("+today+
				") { nodes { user { NEXT } } }"), 2_000,
		},
		"nested windows": {
			double(25,
				`a: senders(window: {last: "P1D"}) { nodes { user { NEXT } } } `+
					`b: senders(window: {last: "P2D"}) { nodes { user { NEXT } } }`), 20_000,
		},
	} {
		schema := generated.NewExecutableSchema(resolvers.Schema()).Schema()
		doc, err := gqlparser.LoadQueryWithRules(schema, c.query, rules.NewDefaultRules())
		if err != nil {
			t.Fatal(err)
		}
		op := cost.Operation{Definition: doc.Operations[0], Users: cost.Everyone, Now: now}
		if n := testing.AllocsPerRun(3, func() { cost.Of(op) }); n > c.most {
			t.Errorf("%s: %.0f allocations, want at most %.0f", name, n, c.most)
		} else {
			t.Logf("%s: %.0f allocations", name, n)
		}
	}
}
