package auth_test

import (
	"context"
	"fmt"
	"testing"

	"deliverygraph/internal/auth"
	"deliverygraph/upstream"
	"deliverygraph/upstream/upstreamtest"
)

// page is a full page of emails with three headers each.
func page() []upstream.Email {
	rows := make([]upstream.Email, upstream.PageSize)
	for i := range rows {
		local := fmt.Sprintf("recipient%d", i)
		rows[i] = upstream.Email{UserID: 20, SenderID: 200, EmailID: fmt.Sprint(i),
			EmailAddress: local + "@example.com", Local: local, Domain: "example.com", ProcessTime: day,
			XHeaders: []upstream.Header{
				{Name: "X-Campaign", Value: "spring sale of all that is left"}, {Name: "X-Segment", Value: "new"},
				{Name: "X-To", Value: local + "@example.com"},
			}}
	}
	return rows
}

func BenchmarkMaskAPage(b *testing.B) {
	rows := page()
	api := limit(upstreamtest.Asker(func(context.Context, *upstream.Question) (any, error) { return rows, nil }),
		auth.Caller{Users: auth.Everyone(), Scopes: auth.MetricsRead}, auth.NewMask("secret"))
	b.ReportAllocs()
	for b.Loop() {
		if _, err := api.Emails(b.Context(), letterBox); err != nil {
			b.Fatal(err)
		}
	}
}
