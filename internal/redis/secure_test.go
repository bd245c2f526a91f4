package redis_test

import (
	"os"
	"strings"
	"testing"

	"deliverygraph/internal/redis"
	"deliverygraph/internal/redis/redistest"
)

// A server is found through Sentinel, and so is the replica that takes its place.
func TestSentinelFindsTheNextServer(t *testing.T) {
	t.Parallel()
	server, url := redistest.Sentinel(t)
	c, _ := open(t, redis.Options{URL: url})
	eventually(t, "it is up", c.Up)
	server.Kill()
	eventually(t, "the replica takes over", func() bool { return c.Set(t.Context(), "a", 1, 0).Err() == nil })
	eventually(t, "it is up again", c.Up)
}

// With TLS, the server's certificate is checked, and a user with the documented rights suffices.
func TestTLSAsAUserWithTheDocumentedRights(t *testing.T) {
	t.Parallel()
	page, err := os.ReadFile("../../docs/scaling.md")
	if err != nil {
		t.Fatal(err)
	}
	_, rest, _ := strings.Cut(string(page), "\nuser gateway on >PASSWORD ")
	rights, _, found := strings.Cut(rest, "\n")
	if !found {
		t.Fatal("docs/scaling.md does not say which rights a user needs")
	}
	user := append([]string{"--user", "gateway", "on", ">secret"}, strings.Fields(rights)...)
	addr, authority := redistest.TLS(t, user...)
	url := "rediss://gateway:secret@" + addr + redistest.Patient
	c, _ := open(t, redis.Options{URL: url, CAFile: authority})
	eventually(t, "it is up", c.Up)
	if err := c.Set(t.Context(), "other:a", 1, 0).Err(); !strings.Contains(err.Error(), "NOPERM") {
		t.Errorf("a key of others: %v", err)
	}
	for name, o := range map[string]redis.Options{
		"an unknown authority": {URL: url},
		"a wrong password":     {URL: strings.Replace(url, "secret", "wrong", 1), CAFile: authority},
		"no TLS":               {URL: strings.Replace(url, "rediss", "redis", 1)},
	} {
		wrong, said := open(t, o)
		eventually(t, name+" is logged", func() bool { return said.count("redis does not answer") > 0 })
		if wrong.Up() {
			t.Errorf("%s: it is up", name)
		}
	}
}
