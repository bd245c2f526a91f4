package embedded_test

import (
	"fmt"
	"slices"
	"testing"
	"time"

	"pgregory.net/rapid"

	"deliverygraph/upstream"
	"deliverygraph/upstream/embedded"
	"deliverygraph/upstream/upstreamtest"
)

// TestLimitedKeysSeeOnlyTheirUsersData compares a server with all rows, asked with a
// key limited to some users, with a server that has only the rows of these users. Both
// must return the same bytes. The catalogues are omitted: they do not depend on users.
func TestLimitedKeysSeeOnlyTheirUsersData(t *testing.T) {
	const open, limited = "key-that-opens-all-users", "key-that-opens-only-some"
	sample := upstreamtest.Sample()
	for name, users := range map[string][]upstream.ID{
		"one user":        {20},
		"two users":       {5_000_000_020, 22},
		"an unknown user": {999},
	} {
		t.Run(name, func(t *testing.T) {
			line := limited + " users=" + fmt.Sprint(users[0])
			for _, u := range users[1:] {
				line += "," + fmt.Sprint(u)
			}
			noon := func() time.Time { return time.Unix(1_479_816_000, 0) }
			own := upstreamtest.OfUsers(sample, func(u upstream.ID) bool { return slices.Contains(users, u) })
			everything := embedded.New(openStore(t, sample), embedded.Options{Keys: keys(t, open, line), Now: noon})
			ownAlone := embedded.New(openStore(t, own), embedded.Options{Now: noon})
			ask := func(fail func(string, ...any), pathAndQuery string) {
				got := get(t, everything, pathAndQuery, "Authorization", "apikey="+limited)
				want := get(t, ownAlone, pathAndQuery)
				gotBody, wantBody := bodyOf(t, got), bodyOf(t, want)
				if got.StatusCode != want.StatusCode || gotBody != wantBody {
					fail("%s: status %d, %.300s\nwithout others' rows: status %d, %.300s",
						pathAndQuery, got.StatusCode, gotBody, want.StatusCode, wantBody)
				}
			}
			for _, b := range sample.Bounces {
				ask(t.Errorf, b.Key().Path())
			}
			rapid.Check(t, func(rt *rapid.T) {
				k := rapid.SampledFrom(upstream.Kinds[:]).Draw(rt, "kind")
				if rapid.Bool().Draw(rt, "list") {
					ask(rt.Errorf, k.ListPath()+"?"+upstreamtest.ListQueries(k).Draw(rt, "query").Encode())
				} else {
					ask(rt.Errorf, k.CountsPath()+"?"+upstreamtest.SeriesQueries(k).Draw(rt, "query").Encode())
				}
			})
		})
	}
}
