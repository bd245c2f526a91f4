package redisanswers_test

import (
	"testing"

	"deliverygraph/internal/redis/redistest"
	"deliverygraph/upstream"
)

// BenchmarkSharedPage asks for a page that another gateway has put into Redis.
func BenchmarkSharedPage(b *testing.B) {
	server, api := redistest.Start(b), sampleAPI()
	first := open(b, server.URL(), api, settings)
	if _, err := bounces.ask(b.Context(), first.API); err != nil {
		b.Fatal(err)
	}
	second := open(b, server.URL(), api, settings)
	b.ReportAllocs()
	for b.Loop() {
		second.Clear()
		if _, err := bounces.ask(b.Context(), second.API); err != nil {
			b.Fatal(err)
		}
	}
}

// BenchmarkAskedPage asks the upstream for a page, and puts it into Redis.
func BenchmarkAskedPage(b *testing.B) {
	server, api := redistest.Start(b), sampleAPI()
	g := open(b, server.URL(), api, settings)
	q := upstream.ListQuery{Window: everything}
	b.ReportAllocs()
	for b.Loop() {
		q.Window.End++
		if _, err := g.Bounces(b.Context(), q); err != nil {
			b.Fatal(err)
		}
	}
}
