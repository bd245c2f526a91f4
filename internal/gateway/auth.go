package gateway

import (
	"context"
	"fmt"
	"net"
	"net/http"
	"net/url"
	"slices"
	"strings"
	"time"

	"deliverygraph/graph"
	"deliverygraph/graph/generated"
	"deliverygraph/internal/auth"
	"deliverygraph/internal/telemetry"
	"deliverygraph/internal/web"
	"deliverygraph/resolvers"
	"deliverygraph/upstream"
)

// authSettings say how callers authenticate. By default they do not, and the gateway listens on loopback only.
type authSettings struct {
	Open           bool
	Keys           string        `placeholder:"FILE"`
	JWKS           string        `name:"jwks" placeholder:"URL|FILE"`
	JWKSRefresh    time.Duration `name:"jwks-refresh" default:"5m"`
	JWTIssuer      string        `name:"jwt-issuer" placeholder:"ISSUER"`
	JWTAudience    string        `name:"jwt-audience" placeholder:"AUDIENCE"`
	JWTAlgorithms  []string      `name:"jwt-algorithms" default:"RS256" placeholder:"ALG"`
	JWTUsersClaim  string        `name:"jwt-users-claim" default:"users" placeholder:"CLAIM"`
	JWTScopesClaim string        `name:"jwt-scopes-claim" default:"scope" placeholder:"CLAIM"`
	PassThrough    bool
	MaskSecret     string `secret:"" placeholder:"SECRET"`
}

// minSecret is the minimum length of a secret, in bytes.
const minSecret = 16

// asks reports whether callers must authenticate.
func (a authSettings) asks() bool { return a.Keys != "" || a.JWKS != "" || a.PassThrough }

// check refuses settings that contradict each other.
func (a authSettings) check(c *serveCommand) error {
	switch {
	case a.Open && a.asks():
		return badSetting("--auth-open requires no authentication, but --auth-keys, --auth-jwks and " +
			"--auth-pass-through do: remove one or the other")
	case a.PassThrough && (a.Keys != "" || a.JWKS != ""):
		return badSetting("--auth-pass-through lets the upstream authenticate callers, but with --auth-keys and " +
			"--auth-jwks the gateway does: remove one or the other")
	case a.PassThrough && c.Upstream == "":
		return badSetting("--auth-pass-through needs an upstream that requires keys: name it, " +
			"such as --upstream https://metrics.example.com/v4")
	case a.PassThrough && c.UpstreamKey != "":
		return badSetting("--auth-pass-through sends each caller's own key upstream, so --upstream-key would never " +
			"be used: leave one out")
	case a.JWKS == "" && (a.JWTIssuer != "" || a.JWTAudience != ""):
		return badSetting("--auth-jwt-issuer and --auth-jwt-audience need the keys that sign the tokens: " +
			"give them, such as --auth-jwks https://login.example.com/.well-known/jwks.json")
	case a.JWKS != "" && (a.JWTIssuer == "" || a.JWTAudience == ""):
		return badSetting("--auth-jwks needs --auth-jwt-issuer and --auth-jwt-audience, " +
			"such as --auth-jwt-issuer https://login.example.com/ --auth-jwt-audience https://metrics.example.com/: " +
			"without them, tokens for other services would be valid here")
	case a.JWKSRefresh < time.Second:
		return badSetting("--auth-jwks-refresh must be at least 1s, such as 5m")
	case a.MaskSecret != "" && len(a.MaskSecret) < minSecret:
		return badSetting("--auth-mask-secret has %d bytes, and anyone who guesses it can find the masked addresses: "+
			"give at least %d, such as the output of openssl rand -base64 32", len(a.MaskSecret), minSecret)
	}
	for _, alg := range a.JWTAlgorithms {
		if !slices.Contains(auth.TokenAlgorithms, alg) {
			return badSetting("--auth-jwt-algorithms: %q is not one of %s, such as --auth-jwt-algorithms RS256: "+
				"with a symmetric algorithm, anyone who can verify a token could make one", alg,
				strings.Join(auth.TokenAlgorithms, ", "))
		}
	}
	u, err := url.Parse(a.JWKS)
	insecure := err != nil || u.Host == "" || u.Scheme != "https" && (u.Scheme != "http" || !web.Loopback(u.Hostname()))
	if strings.Contains(a.JWKS, "://") && insecure {
		return badSetting("--auth-jwks: keys fetched without HTTPS could be forged: " +
			"give an https:// URL, such as https://login.example.com/.well-known/jwks.json, or a file")
	}
	return nil
}

// checkListener refuses to serve an address that other machines can reach without authentication, unless that was
// requested.
func (a authSettings) checkListener(addr net.Addr) error {
	if loopback(addr) || a.asks() || a.Open {
		return nil
	}
	return badSetting("--listen: %s can be reached from other machines, and callers would not have to authenticate: "+
		"give --auth-keys FILE (make a key with deliverygraph key new), --auth-jwks URL, or --auth-pass-through; "+
		"or --auth-open if anyone who can reach it may read everything", addr)
}

// authenticator returns the authenticator of callers. It reloads its files and URLs until ctx ends.
func (g *gateway) authenticator(ctx context.Context) (auth.Authenticator, error) {
	s := g.c.Auth
	var keys, tokens auth.Authenticator
	switch {
	case s.PassThrough:
		return &auth.PassThrough{}, nil
	case !s.asks():
		return auth.Open{}, nil
	}
	if s.Keys != "" {
		k, err := auth.OpenKeys(s.Keys)
		if err != nil {
			return nil, badFile("--auth-keys", err, "give a file with lines that deliverygraph key new prints")
		}
		go k.Follow(ctx, 2*time.Second, g.logger)
		keys = k
	}
	if s.JWKS != "" {
		o := auth.TokenOptions{
			Algorithms: s.JWTAlgorithms, Issuer: s.JWTIssuer, Audience: s.JWTAudience, UsersClaim: s.JWTUsersClaim,
			ScopesClaim: s.JWTScopesClaim, Refresh: s.JWKSRefresh,
		}
		open := auth.OpenTokens
		if strings.Contains(s.JWKS, "://") {
			open = auth.FetchTokens
		}
		t, err := open(ctx, s.JWKS, o, g.logger)
		if err != nil {
			return nil, badFile("--auth-jwks", err,
				"give a file of keys, or a URL such as https://login.example.com/.well-known/jwks.json")
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
	check := graph.Checker(generated.NewExecutableSchema(resolvers.Schema()),
		graph.Options{HideSchema: g.c.hidesSchema()})
	if g.trusted, err = graph.OpenTrusted(g.c.TrustedDocuments, check); err != nil {
		return badFile("--trusted-documents", err,
			"give a folder of .graphql files, or a manifest such as persisted.json")
	}
	go g.trusted.Follow(ctx, 5*time.Second, g.logger)
	return nil
}

// identify authenticates the caller of a request or, with the payload of connection_init, of a WebSocket. It returns
// the context of the caller's operations, which describe bounces' rules by those of --rules.
func (g *gateway) identify(ctx context.Context, who auth.Authenticator, r *http.Request,
	init map[string]any) (context.Context, error) {
	caller, err := auth.Identify(ctx, who, r.Header, init)
	if err != nil {
		g.logRefusal(ctx, r, err)
		return nil, err
	}
	if g.rules != nil {
		caller = resolvers.WithRules(caller, g.rules)
	}
	return caller, nil
}

// check ends streams of callers who are no longer allowed.
func (g *gateway) check(ctx context.Context) error {
	err := auth.Check(ctx)
	if err != nil {
		g.logger.InfoContext(ctx, "refused", "outcome", telemetry.Refused, "error", err)
	}
	return err
}

func (g *gateway) logRefusal(ctx context.Context, r *http.Request, err error) {
	g.logger.InfoContext(ctx, "refused", "outcome", telemetry.Refused, "from", r.RemoteAddr, "error", err)
}

// forbid refuses a request with status 403.
func (g *gateway) forbid(w http.ResponseWriter, r *http.Request, reason string) {
	err := &upstream.Error{Code: upstream.PermissionDenied, Message: reason}
	g.logRefusal(r.Context(), r, err)
	graph.Refuse(w, r, err)
}

// forbidInText refuses a request to a port that does not speak GraphQL, with status 403.
func forbidInText(w http.ResponseWriter, _ *http.Request, reason string) {
	http.Error(w, reason, http.StatusForbidden)
}

// refusePath answers requests for paths that belong to neither the endpoint nor a page: as GraphQL if the
// caller seems to look for the endpoint, otherwise as text.
func refusePath(w http.ResponseWriter, r *http.Request) {
	message := fmt.Sprintf("there is nothing at %.100q: send operations to /graphql; the playground is at /, "+
		"the dashboard at /dashboard",
		r.URL.Path)
	accept := strings.Join(r.Header.Values("Accept"), ",")
	reads := r.Method == http.MethodGet || r.Method == http.MethodHead
	if strings.Contains(accept, "text/html") ||
		reads && !strings.Contains(accept, "json") && !strings.HasPrefix(r.URL.Path, "/graphql/") {
		http.Error(w, message, http.StatusNotFound)
		return
	}
	graph.Refuse(w, r, &upstream.Error{Code: upstream.NotFound, Message: message})
}
