package page_test

import (
	"testing"

	"deliverygraph/resolvers/page"
)

// BenchmarkPage builds a client's page of 499 rows with its flags from one upstream page, with all cursors or
// only the last one.
func BenchmarkPage(b *testing.B) {
	m := newRemote(byKey, bulk(1000, 3)...)
	for name, cursors := range map[string]int{"end cursor": 1, "all cursors": 499} {
		b.Run(name, func(b *testing.B) {
			b.ReportAllocs()
			for b.Loop() {
				m.fetched = m.fetched[:0]
				c, err := page.Connect("list", m.source(), first(499, nil))
				if err != nil {
					b.Fatal(err)
				}
				rows, err1 := c.Rows(b.Context())
				more, err2 := c.HasNextPage(b.Context())
				if len(rows) != 499 || !more || err1 != nil || err2 != nil {
					b.Fatal(len(rows), more, err1, err2)
				}
				for i := range cursors {
					c.Cursor(len(rows) - 1 - i)
				}
			}
		})
	}
}
