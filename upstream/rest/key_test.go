package rest

import (
	"fmt"
	"net/http"
	"sync"
	"testing"
	"testing/synctest"
	"time"
)

// Views with different keys share the client's limits, and each sends its own key.
func TestViewsSendTheirOwnKey(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		var mu sync.Mutex
		asked := map[string]int{}
		c := within(t, http.HandlerFunc(func(w http.ResponseWriter, r *http.Request) {
			key := r.Header.Get("Authorization")
			mu.Lock()
			asked[key]++
			mu.Unlock()
			time.Sleep(time.Second)
			reply(200, fmt.Sprintf(`{"data":[%q]}`, key))(w, r)
		}), func(o *Options) { o.Key = "own" })
		var all sync.WaitGroup
		for i := range 30 {
			key := []string{"own", "a", "b"}[i%3]
			view := c
			if key != "own" {
				var err error
				if view, err = c.WithKey(key); err != nil {
					t.Fatal(err)
				}
			}
			all.Go(func() {
				got, err := view.BounceCategories(t.Context())
				if err != nil || len(got) != 1 || got[0] != "apikey="+key {
					t.Errorf("%s got %v, %v", key, got, err)
				}
			})
		}
		all.Wait()
		for _, key := range []string{"own", "a", "b"} {
			if n := asked["apikey="+key]; n != 10 {
				t.Errorf("%d calls with the key %s", n, key)
			}
		}
		if n := c.gate.limit.slots(); c.gate.underWay != 0 || n == 0 {
			t.Errorf("%d under way of %d", c.gate.underWay, n)
		}
		for _, key := range []string{"a b", "a\r\nX-Evil: 1", "ключ"} {
			if _, err := c.WithKey(key); err == nil {
				t.Errorf("the key %q is taken", key)
			}
		}
	})
}
