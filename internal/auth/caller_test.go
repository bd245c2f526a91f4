package auth_test

import (
	"context"
	"encoding/json"
	"errors"
	"fmt"
	"net/http"
	"strings"
	"testing"

	"deliverygraph/internal/auth"
	"deliverygraph/upstream"
	"deliverygraph/upstream/upstreamtest"
)

func TestUsers(t *testing.T) {
	t.Parallel()
	given := []upstream.ID{21, 20, 21}
	for name, c := range map[string]struct {
		users auth.Users
		has   map[upstream.ID]bool
	}{
		"the zero value is empty": {auth.Users{}, map[upstream.ID]bool{0: false, 20: false}},
		"only of none is empty":   {auth.Only(), map[upstream.ID]bool{0: false, 20: false}},
		"only some has these": {
			auth.Only(given...), map[upstream.ID]bool{0: false, 19: false, 20: true, 21: true, 22: false},
		},
		"everyone has all":       {auth.Everyone(), map[upstream.ID]bool{20: true, 1 << 62: true}},
		"no caller in a context": {auth.FromContext(t.Context()).Users, map[upstream.ID]bool{20: false}},
		"a context carries its caller": {
			auth.FromContext(auth.With(t.Context(), reader(20))).Users, map[upstream.ID]bool{20: true, 21: false},
		},
	} {
		for user, want := range c.has {
			if got := c.users.Has(user); got != want {
				t.Errorf("%s: %d in it is %v", name, user, got)
			}
		}
	}
	if given[0] != 21 {
		t.Error("the caller's users were sorted")
	}
}

func TestScopes(t *testing.T) {
	t.Parallel()
	all := auth.Scopes(0)
	for name := range strings.FieldsSeq(auth.AllScopes.String()) {
		s, err := auth.ScopeNamed(name)
		if err != nil || s.String() != name || !auth.AllScopes.Has(s) || all.Has(s) {
			t.Errorf("%s is %v, %v", name, s, err)
		}
		all |= s
	}
	if all != auth.AllScopes || auth.AllScopes.String() != "metrics:read recipients:read content:read" ||
		auth.MetricsRead.Has(auth.AllScopes) {
		t.Errorf("all are %v", all)
	}
	if _, err := auth.ScopeNamed("metrics:write"); err == nil ||
		!strings.Contains(err.Error(), "metrics:read, recipients:read, content:read") {
		t.Errorf("an unknown name: %v", err)
	}
}

// Callers share a view exactly if they may see the same data, and no view contains a key.
func TestViews(t *testing.T) {
	t.Parallel()
	callers := []auth.Caller{
		{}, {Users: auth.Everyone()}, auth.Anyone(), {Users: auth.Everyone(), Scopes: metrics},
		{Users: auth.Only(2, 1), Scopes: metrics}, {Users: auth.Only(12), Scopes: metrics}, {Users: auth.Only(1, 2)},
	}
	for _, key := range []string{"a key", "another"} {
		c := auth.Anyone()
		c.UpstreamKey = auth.Secret(key)
		callers = append(callers, c)
	}
	for i, a := range callers {
		for j, b := range callers {
			b.Name, b.Limits.Streams = "another", 5
			if (a.View() == b.View()) != (i == j) || (a.Realm() == b.Realm()) != (i == j || i < 7 && j < 7) {
				t.Errorf("%v and %v have the views %q and %q", a, b, a.View(), b.View())
			}
		}
		if all := fmt.Sprintf("%v %+v %#v %q %q", a, a, a, a.View(), a.Realm()) +
			asJSON(t, a); strings.Contains(all, "a key") || strings.Contains(all, "another") {
			t.Errorf("a key is shown: %s", all)
		}
	}
}

func asJSON(t *testing.T, v any) string {
	t.Helper()
	text, err := json.Marshal(v)
	if err != nil {
		t.Fatal(err)
	}
	return string(text)
}

// Callers without metrics:read get nothing, and no call is made.
func TestNothingIsReadWithoutItsScope(t *testing.T) {
	t.Parallel()
	model := &upstreamtest.Counting{API: upstreamtest.NewModel(crowd())}
	w := upstream.Window{Start: day, End: day + 3*86400}
	for name, c := range map[string]auth.Caller{
		"nobody":           {},
		"no scope":         {Users: auth.Everyone()},
		"all other scopes": {Users: auth.Everyone(), Scopes: auth.AllScopes &^ auth.MetricsRead},
	} {
		api := limit(model, c, auth.Mask{})
		var errs []error
		note := func(_ any, err error) { errs = append(errs, err) }
		for _, k := range upstream.Kinds {
			note(api.Ask(t.Context(), upstreamtest.Question(k, upstream.ListQuery{Window: w})))
		}
		note(api.Bounce(t.Context(), crowd().Bounces[0].Key()))
		note(api.Counts(t.Context(), upstream.Emails, upstream.CountQuery{Window: w}))
		note(api.Series(t.Context(), upstream.Emails,
			upstream.CountQuery{Window: w, Interval: upstream.Day}))
		note(api.BounceCategories(t.Context()))
		note(api.BlockedReasons(t.Context()))
		for i, err := range errs {
			var u *upstream.Error
			if !errors.As(err, &u) || u.Code != upstream.PermissionDenied ||
				!strings.Contains(u.Message, "metrics:read") {
				t.Errorf("%s, call %d: %v", name, i, err)
			}
		}
	}
	if model.Total() > 0 {
		t.Errorf("calls were made: %v", model.Calls())
	}
}

func TestCredentials(t *testing.T) {
	t.Parallel()
	h := func(pairs ...string) http.Header {
		h := http.Header{}
		for i := 0; i < len(pairs); i += 2 {
			h.Add(pairs[i], pairs[i+1])
		}
		return h
	}
	for name, c := range map[string]struct {
		header http.Header
		want   auth.Credential
		refuse string // part of the message
	}{
		"none": {h(), auth.Credential{}, ""},
		"a bearer": {
			h("Authorization", "Bearer s.e-c_r"), auth.Credential{Secret: "s.e-c_r", Bearer: true}, "",
		},
		"the scheme's case is free": {
			h("Authorization", "bearer secret"), auth.Credential{Secret: "secret", Bearer: true}, "",
		},
		"a key as the REST API has it": {h("Authorization", "apikey=secret"), auth.Credential{Secret: "secret"}, ""},
		"a key of its own header":      {h("X-API-Key", "secret"), auth.Credential{Secret: "secret"}, ""},
		"one in two places": {
			h("Authorization", "Bearer secret", "X-API-Key", "secret"), auth.Credential{Secret: "secret", Bearer: true},
			"",
		},
		"two in two places": {
			h("Authorization", "Bearer secret", "X-API-Key", "other"), auth.Credential{}, "two different",
		},
		"two in two headers of a name": {
			h("Authorization", "Bearer secret", "Authorization", "Bearer other"), auth.Credential{}, "two different",
		},
		"two keys": {
			h("X-API-Key", "secret", "X-API-Key", "other"), auth.Credential{}, "two different",
		},
		"another scheme": {
			h("Authorization", "Basic c2VjcmV0"), auth.Credential{}, "scheme that is not supported",
		},
		"a secret without a scheme": {
			h("Authorization", "secret"), auth.Credential{}, "scheme that is not supported",
		},
		"another scheme beside a key": {
			h("Authorization", "Basic c2VjcmV0", "X-API-Key", "secret"), auth.Credential{},
			"scheme that is not supported",
		},
		"an empty header": {h("Authorization", ""), auth.Credential{}, "scheme that is not supported"},
		"an empty bearer": {h("Authorization", "Bearer "), auth.Credential{}, "empty"},
		"an empty key":    {h("X-API-Key", ""), auth.Credential{}, "empty"},
		"an empty key beside a bearer": {
			h("Authorization", "Bearer secret", "X-API-Key", ""), auth.Credential{}, "empty",
		},
		"a list": {
			h("Authorization", "Bearer secret, Bearer other"), auth.Credential{}, "without spaces",
		},
		"what no header can hold":        {h("X-API-Key", "s\x00cret"), auth.Credential{}, "without spaces"},
		"what is longer than any secret": {h("X-API-Key", strings.Repeat("a", 20_000)), auth.Credential{}, "cannot be"},
	} {
		got, err := auth.CredentialOf(c.header, nil)
		checkRefusal(t, name, err, c.refuse)
		if got != c.want {
			t.Errorf("%s: got %v", name, got)
		}
	}
}

// A WebSocket authenticates with its first message.
func TestCredentialsOfAConnectionInit(t *testing.T) {
	t.Parallel()
	type fields = map[string]any
	for name, c := range map[string]struct {
		payload fields
		want    auth.Credential
		refuse  string
	}{
		"none": {nil, auth.Credential{}, ""},
		"what is for others": {
			fields{"token": "secret", "Authorization": 5, "headers": "x"}, auth.Credential{}, "",
		},
		"a bearer": {
			fields{"Authorization": "Bearer secret"}, auth.Credential{Secret: "secret", Bearer: true}, "",
		},
		"in lower case": {fields{"authorization": "apikey=secret"}, auth.Credential{Secret: "secret"}, ""},
		"a key":         {fields{"x-api-key": "secret"}, auth.Credential{Secret: "secret"}, ""},
		"as the playground sends": {
			fields{"headers": fields{"X-API-Key": "secret"}}, auth.Credential{Secret: "secret"}, "",
		},
		"two": {
			fields{"X-API-Key": "secret", "x-api-key": "other"}, auth.Credential{}, "two different",
		},
		"two at different depths": {
			fields{"X-API-Key": "secret", "headers": fields{"X-API-Key": "other"}}, auth.Credential{}, "two different",
		},
		"one that is none of these": {
			fields{"Authorization": "secret"}, auth.Credential{}, "scheme that is not supported",
		},
	} {
		got, err := auth.CredentialOf(nil, c.payload)
		checkRefusal(t, name, err, c.refuse)
		if got != c.want {
			t.Errorf("%s: got %v", name, got)
		}
	}
}

// A socket's caller is identified by its first request or by its first message, but not by two different credentials.
func TestSocketsAuthenticateOnce(t *testing.T) {
	t.Parallel()
	type fields = map[string]any
	header := http.Header{"X-Api-Key": {"secret"}}
	for name, c := range map[string]struct {
		header  http.Header
		payload fields
		refuse  string
	}{
		"by its header":            {header, nil, ""},
		"by its first message":     {nil, fields{"Authorization": "Bearer secret"}, ""},
		"by both":                  {header, fields{"Authorization": "Bearer secret"}, ""},
		"by two that differ":       {header, fields{"Authorization": "Bearer other"}, "two different"},
		"by nothing":               {nil, nil, "X-API-Key"},
		"by a message of no words": {nil, fields{}, "X-API-Key"},
	} {
		ctx, err := auth.Identify(t.Context(), &auth.PassThrough{}, c.header, c.payload)
		checkRefusal(t, name, err, c.refuse)
		if err == nil && auth.FromContext(ctx).UpstreamKey != "secret" {
			t.Errorf("%s: it is %v", name, auth.FromContext(ctx))
		}
	}
	ctx, err := auth.Identify(t.Context(), auth.Open{}, http.Header{"Authorization": {"Basic of-a-proxy-in-front"}},
		fields{"Authorization": "Basic secret"})
	if got := auth.FromContext(ctx); err != nil || !got.Users.Has(20) || got.Scopes != auth.AllScopes {
		t.Errorf("without authentication: %v, %v", got, err)
	}
}

// checkRefusal checks that the error is a refusal that contains part, or nil if part is empty.
func checkRefusal(t *testing.T, name string, err error, part string) {
	t.Helper()
	var u *upstream.Error
	switch {
	case part == "" && err != nil:
		t.Errorf("%s: %v", name, err)
	case part == "":
	case !errors.As(err, &u) || u.Code != upstream.Unauthenticated || u.Status != 0 ||
		!strings.Contains(u.Message, part):
		t.Errorf("%s: got %v, want a refusal with %q", name, err, part)
	case strings.Contains(u.Message, "secret") || strings.Contains(u.Message, "other"):
		t.Errorf("%s: the message repeats what was sent: %s", name, u.Message)
	}
}

// mutable is an Authenticator whose answer can be changed.
type mutable struct {
	caller auth.Caller
	err    error
}

func (m *mutable) Authenticate(context.Context, auth.Credential) (auth.Caller, error) {
	return m.caller, m.err
}

// A caller may continue as long as it still has the same rights, and while that cannot be determined.
func TestCheckEndsCallersWithoutRights(t *testing.T) {
	t.Parallel()
	was := auth.Caller{Name: "a", Users: auth.Only(20, 21), Scopes: auth.MetricsRead, Limits: auth.Limits{Streams: 2}}
	for name, c := range map[string]struct {
		now auth.Caller
		err error
		on  bool
	}{
		"nothing has changed": {was, nil, true},
		"withdrawn":           {auth.Caller{}, auth.Refuse("this API key is unknown"), false},
		"not to be known":     {auth.Caller{}, &upstream.Error{Code: upstream.Unavailable}, true},
		"another name": {
			auth.Caller{Name: "b", Users: was.Users, Scopes: was.Scopes, Limits: was.Limits}, nil, false,
		},
		"fewer users": {
			auth.Caller{Name: "a", Users: auth.Only(20), Scopes: was.Scopes, Limits: was.Limits}, nil, false,
		},
		"more scopes": {
			auth.Caller{Name: "a", Users: was.Users, Scopes: auth.AllScopes, Limits: was.Limits}, nil, false,
		},
		"other limits": {auth.Caller{Name: "a", Users: was.Users, Scopes: was.Scopes}, nil, false},
	} {
		m := &mutable{caller: was}
		ctx, err := auth.Identify(t.Context(), m, http.Header{"X-Api-Key": {"secret"}}, nil)
		if err != nil {
			t.Fatal(err)
		}
		m.caller, m.err = c.now, c.err
		if err := auth.Check(ctx); (err == nil) != c.on ||
			err != nil && upstream.CodeOf(err) != upstream.Unauthenticated {
			t.Errorf("%s: %v", name, err)
		}
	}
	for name, ctx := range map[string]context.Context{
		"nobody": t.Context(), "anyone": auth.With(t.Context(), auth.Anyone()),
	} {
		if err := auth.Check(ctx); err != nil {
			t.Errorf("%s: %v", name, err)
		}
	}
}
