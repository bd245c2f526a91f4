package resolvers_test

import (
	"fmt"
	"slices"
	"testing"
)

// In lists answered by columns, a null argument fails its field in every row, as in the generated code.
func TestNullArgumentFailsItsFieldInEveryRow(t *testing.T) {
	t.Parallel()
	g := newGateway(t, rowsOfDay(24))
	const window = `window: {between: {start: "2016-11-22T00:00:00Z", end: "2016-11-23T00:00:00Z"}}`
	for name, c := range map[string]struct {
		query, field string
		path         func(row int) []any
	}{
		"senders of a page": {
			query: `query($v: DateTime = 1479772800) { bounces(` + window +
				`, first: 3) { nodes { bouncedAt sender { s: stats(window: {between: {start: $v, ` +
				`end: 1479859200}}) { sent } } } } }`,
			field: "window.between.start",
			path:  func(row int) []any { return []any{"bounces", "nodes", row, "sender", "s"} },
		},
		"a series of senders": {
			query: `query($v: Interval = DAY) { senders(` + window + `, first: 3) { edges { node { address stats(` +
				window + `) { sent series(interval: $v) { sent } } } } } }`,
			field: "interval",
			path:  func(row int) []any { return []any{"senders", "edges", row, "node", "stats", "series"} },
		},
		"lists of users": {
			query: `query($v: Window = {last: "P1D"}) { users(` + window +
				`, first: 3) { nodes { userId senders(window: $v) { totalCount } } } }`,
			field: "window",
			path:  func(row int) []any { return []any{"users", "nodes", row, "senders"} },
		},
	} {
		t.Run(name, func(t *testing.T) {
			resp := g.ask(c.query, map[string]any{"v": nil})
			var got, want []string
			for _, e := range resp.Errors {
				if e.Message != c.field+" must not be null, but the variable $v is" ||
					e.Extensions["code"] != "BAD_USER_INPUT" {
					t.Errorf("%+v", e)
				}
				got = append(got, fmt.Sprint(e.Path))
			}
			for row := range 3 {
				want = append(want, fmt.Sprint(c.path(row)))
				parent := c.path(row)
				if v, ok := get(resp.Data, parent[:len(parent)-1]...).(map[string]any); !ok ||
					v[parent[len(parent)-1].(string)] != nil {
					t.Errorf("row %d is %v, want only the field to be null", row, v)
				}
			}
			if slices.Sort(got); !slices.Equal(got, want) {
				t.Errorf("errors at %v, want %v", got, want)
			}
			g.data(c.query, nil) // without the variable, the default value applies
		})
	}
}
