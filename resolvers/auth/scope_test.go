package auth_test

import (
	"net/http"
	"net/http/httptest"
	"testing"

	"deliverygraph/resolvers/auth"
	"deliverygraph/upstream"
)

func TestScopes(t *testing.T) {
	t.Parallel()
	given := []upstream.ID{21, 20, 21}
	for name, c := range map[string]struct {
		scope auth.Scope
		has   map[upstream.ID]bool
	}{
		"the zero scope has nobody":   {auth.Scope{}, map[upstream.ID]bool{0: false, 20: false}},
		"a scope of none has nobody":  {auth.Only(), map[upstream.ID]bool{0: false, 20: false}},
		"a scope has its users":       {auth.Only(given...), map[upstream.ID]bool{0: false, 19: false, 20: true, 21: true, 22: false}},
		"everyone is in the widest":   {auth.Everyone(), map[upstream.ID]bool{20: true, 1 << 62: true}},
		"no scope in a context":       {auth.FromContext(t.Context()), map[upstream.ID]bool{20: false}},
		"a context carries its scope": {auth.FromContext(auth.With(t.Context(), auth.Only(20))), map[upstream.ID]bool{20: true, 21: false}},
	} {
		for user, want := range c.has {
			if got := c.scope.Has(user); got != want {
				t.Errorf("%s: %d in it is %v", name, user, got)
			}
		}
	}
	if given[0] != 21 {
		t.Error("the caller's users were sorted")
	}
}

func TestOpenLetsEveryoneReadEverything(t *testing.T) {
	t.Parallel()
	var got auth.Scope
	h := auth.Open(http.HandlerFunc(func(_ http.ResponseWriter, r *http.Request) { got = auth.FromContext(r.Context()) }))
	h.ServeHTTP(httptest.NewRecorder(), httptest.NewRequest(http.MethodGet, "/", nil))
	if !got.Has(20) {
		t.Error("the scope is not everyone's")
	}
}
