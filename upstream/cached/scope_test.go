package cached

import (
	"context"
	"fmt"
	"testing"
	"time"

	"github.com/google/go-cmp/cmp"
	"github.com/google/go-cmp/cmp/cmpopts"
	"pgregory.net/rapid"

	"deliverygraph/upstream"
	"deliverygraph/upstream/upstreamtest"
)

// perCaller answers each caller, which it finds in the context, from a view of its own. It fails for all callers while
// down is set.
type perCaller struct {
	down bool
}

type callerKey struct{}

func (p *perCaller) Ask(ctx context.Context, q *upstream.Question) (any, error) {
	if p.down {
		return nil, &upstream.Error{Code: upstream.Unavailable}
	}
	return ctx.Value(callerKey{}).(upstream.Asker).Ask(ctx, q)
}

// Each caller gets only what it may see, or its own refusal, however callers mix their questions, while answers are
// kept, sealed, added up and served stale, and whatever the scopes are called.
func TestScopesNeverLeak(t *testing.T) {
	m := upstreamtest.NewModel(every(83*time.Minute, -30, 0))
	all := map[string][]upstream.ID{ // names that resemble the keys of others
		"": {}, "1": {1}, "1,2": {1, 2}, "2": {2}, "\x00": {3}, "1\x00": {1, 3}, "\x00counts\x00": {2, 3},
		"\x00sum of counts\x00/bounce/counts?": nil, "1\x00 to now": {1, 2, 3, 4},
	}
	var scopes []string
	want := map[string]map[string]any{}
	var qs []sampleQuestion
	for _, w := range []upstream.Window{
		{Start: at(-30 * time.Hour), End: midnight}, {Start: at(-29*time.Hour - time.Minute), End: at(2 * time.Hour)},
		{Start: at(-20 * time.Hour), End: at(-10 * time.Hour)}, {Start: at(-3 * time.Hour), End: midnight},
	} {
		for _, q := range questions(m, w) {
			if !q.catalogue { // the model has one for all
				q.name = fmt.Sprint(q.name, w)
				qs = append(qs, q)
			}
		}
	}
	for scope, only := range all {
		scopes = append(scopes, scope)
		want[scope] = map[string]any{}
		for _, q := range qs {
			got, err := q.ask(t.Context(), m.Limit(only))
			if err != nil {
				got = upstream.CodeOf(err)
			}
			want[scope][q.name] = got
		}
	}
	asked, refused := 0, 0
	rapid.Check(t, func(t *rapid.T) {
		var c clock
		o := sealing
		o.Now = c.now
		p := &perCaller{}
		a, err := New(p, o)
		if err != nil {
			t.Fatal(err)
		}
		defer a.Close()
		for range rapid.IntRange(20, 40).Draw(t, "questions") {
			scope := rapid.SampledFrom(scopes).Draw(t, "scope")
			q := rapid.SampledFrom(qs[:rapid.SampledFrom([]int{4, len(qs)}).Draw(t, "of")]).Draw(t, "question")
			p.down = rapid.IntRange(0, 3).Draw(t, "down") == 0
			c.add(rapid.SampledFrom([]time.Duration{0, time.Second, time.Minute, time.Hour}).Draw(t, "later"))
			ctx := context.WithValue(t.Context(), callerKey{}, m.Limit(all[scope]))
			got, err := q.ask(ctx, typed(a.For(scope)))
			if err != nil {
				if p.down && upstream.CodeOf(err) == upstream.Unavailable {
					continue
				}
				got = upstream.CodeOf(err)
				refused++
			}
			asked++
			if diff := cmp.Diff(want[scope][q.name], got, cmpopts.EquateEmpty()); diff != "" {
				t.Fatalf("scope %q, %s: (-want +got)\n%s", scope, q.name, diff)
			}
		}
	})
	if asked < 100 || refused == 0 {
		t.Errorf("only %d answers and %d refusals, want more of both", asked, refused)
	}
}
