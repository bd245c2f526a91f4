package redisanswers_test

import (
	"strings"
	"testing"
	"time"

	"deliverygraph/internal/redis/redistest"
	"deliverygraph/upstream"
)

// Names in Redis show neither what was asked nor the key of the API, and everything in it expires.
func TestKeysRevealNothingAndExpire(t *testing.T) {
	t.Parallel()
	server, api := redistest.Start(t), sampleAPI()
	o := settings
	o.Realm = "https://metrics.example.com topsecret"
	g := open(t, server.URL(), api, o)
	q := upstream.ListQuery{Window: everything}
	q.Recipient = "john@example.com"
	if _, err := g.Bounces(t.Context(), q); err != nil {
		t.Fatal(err)
	}
	c := server.Client()
	names, err := c.Keys(t.Context(), "*").Result()
	if err != nil || len(names) != 1 {
		t.Fatalf("%q, %v, want one key", names, err)
	}
	value := c.Get(t.Context(), names[0]).Val()
	for _, secret := range []string{"topsecret", "john", "example", "bounces"} {
		if strings.Contains(names[0], secret) {
			t.Errorf("%s shows %q", names[0], secret)
		}
		if strings.Contains(value, "topsecret") {
			t.Error("the value shows the key of the API")
		}
	}
	if ttl := c.TTL(t.Context(), names[0]).Val(); ttl <= 0 || ttl > time.Hour {
		t.Errorf("it lives for %v, want up to an hour", ttl)
	}
}

// What others leave in Redis is never an error. The first gateway that finds it replaces it.
func TestDamagedValuesAreReplaced(t *testing.T) {
	t.Parallel()
	server, api := redistest.Start(t), sampleAPI()
	first := open(t, server.URL(), api, settings)
	if _, err := bounces.ask(t.Context(), first.API); err != nil {
		t.Fatal(err)
	}
	c := server.Client()
	name := c.Keys(t.Context(), "*").Val()[0]
	for _, value := range []string{
		"", "a", "e", "e{}x", "x", "a\x00\x00\x00", "a\x02\x02\x02{}", strings.Repeat("\xff", 99),
	} {
		if err := c.Set(t.Context(), name, value, 0).Err(); err != nil {
			t.Fatal(err)
		}
		api.Reset()
		for range 2 {
			rows, err := bounces.ask(t.Context(), open(t, server.URL(), api, settings).API)
			if err != nil || upstream.PageOf(rows).Len() == 0 {
				t.Errorf("%q: %v", value, err)
			}
		}
		if n := api.Total(); n != 1 {
			t.Errorf("%q: two gateways made %d calls, want 1", value, n)
		}
	}
}
