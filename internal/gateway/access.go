package gateway

import (
	"context"
	"fmt"
	"net/http"
	"strings"
	"time"

	"deliverygraph/graph"
	"deliverygraph/graph/generated"
	"deliverygraph/internal/auth"
	"deliverygraph/internal/auth/apikey"
	"deliverygraph/internal/auth/token"
	"deliverygraph/internal/telemetry"
	"deliverygraph/resolvers"
	"deliverygraph/upstream"
)

// authenticator returns the authenticator of callers. It reloads its files and URLs until ctx ends.
func (g *gateway) authenticator(ctx context.Context) (auth.Authenticator, error) {
	s := g.c.Auth
	var keys, tokens auth.Authenticator
	switch {
	case s.PassThrough:
		return auth.PassThrough{}, nil
	case !s.asks():
		return auth.Open{}, nil
	}
	if s.Keys != "" {
		k, err := apikey.Open(s.Keys)
		if err != nil {
			return nil, badFile("--auth-keys", err, "give a file with lines that deliverygraph key new prints")
		}
		go k.Follow(ctx, 2*time.Second, g.logger)
		keys = k
	}
	if s.JWKS != "" {
		o := token.Options{Algorithms: s.JWTAlgorithms, Issuer: s.JWTIssuer, Audience: s.JWTAudience, UsersClaim: s.JWTUsersClaim, ScopesClaim: s.JWTScopesClaim, Refresh: s.JWKSRefresh}
		open := token.Open
		if strings.Contains(s.JWKS, "://") {
			open = token.Fetch
		}
		t, err := open(ctx, s.JWKS, o, g.logger)
		if err != nil {
			return nil, badFile("--auth-jwks", err, "give a file of keys, or a URL such as https://login.example.com/.well-known/jwks.json")
		}
		tokens = t
	}
	switch {
	case keys == nil:
		return tokens, nil
	case tokens == nil:
		return keys, nil
	}
	return auth.KeysOrTokens{Keys: keys, Tokens: tokens}, nil
}

// trust reads the trusted documents, and reloads them until ctx ends.
func (g *gateway) trust(ctx context.Context) (err error) {
	if g.c.TrustedDocuments == "" {
		return nil
	}
	check := graph.Checker(generated.NewExecutableSchema(resolvers.Schema()), graph.Options{HideSchema: g.c.hidesSchema()})
	if g.trusted, err = graph.OpenTrusted(g.c.TrustedDocuments, check); err != nil {
		return badFile("--trusted-documents", err, "give a folder of .graphql files, or a manifest such as persisted.json")
	}
	go g.trusted.Follow(ctx, 5*time.Second, g.logger)
	return nil
}

// identify authenticates the caller of a WebSocket.
func (g *gateway) identify(ctx context.Context, who auth.Authenticator, h http.Header, init map[string]any) (context.Context, error) {
	caller, err := auth.IdentifySocket(ctx, who, h, init)
	if err != nil {
		g.logger.InfoContext(ctx, "refused", "error", err)
	}
	return caller, err
}

// check ends streams of callers who are no longer allowed.
func (g *gateway) check(ctx context.Context) error {
	err := auth.Check(ctx)
	if err != nil {
		g.logger.InfoContext(ctx, "refused", "error", err)
	}
	return err
}

// refuse answers a request with an error instead of running it.
func (g *gateway) refuse(w http.ResponseWriter, r *http.Request, err error) {
	g.logger.InfoContext(r.Context(), "refused", "outcome", telemetry.Refused, "from", r.RemoteAddr, "error", err)
	graph.Refuse(w, r, err)
}

// forbid refuses a request with status 403.
func (g *gateway) forbid(w http.ResponseWriter, r *http.Request, reason string) {
	g.refuse(w, r, &upstream.Error{Code: upstream.PermissionDenied, Message: reason})
}

// forbidInText refuses a request to a port that does not speak GraphQL, with status 403.
func forbidInText(w http.ResponseWriter, _ *http.Request, reason string) {
	http.Error(w, reason, http.StatusForbidden)
}

// refusePath answers requests for paths that belong to neither the endpoint nor the playground: as GraphQL if the
// caller seems to look for the endpoint, otherwise as text.
func refusePath(w http.ResponseWriter, r *http.Request) {
	message := fmt.Sprintf("there is nothing at %.100q: send operations to /graphql; the playground is at /", r.URL.Path)
	accept := strings.Join(r.Header.Values("Accept"), ",")
	reads := r.Method == http.MethodGet || r.Method == http.MethodHead
	if strings.Contains(accept, "text/html") || reads && !strings.Contains(accept, "json") && !strings.HasPrefix(r.URL.Path, "/graphql/") {
		http.Error(w, message, http.StatusNotFound)
		return
	}
	graph.Refuse(w, r, &upstream.Error{Code: upstream.NotFound, Message: message})
}
