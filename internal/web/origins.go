package web

import (
	"fmt"
	"mime"
	"net"
	"net/http"
	"net/url"
	"slices"
	"strings"

	"github.com/rs/cors"
)

// Origins decides which web pages may send requests to the endpoint through their visitors' browsers. It does not
// restrict other clients, which can send any header they like.
//
// Browsers enforce the first two of these rules, and the endpoint the others:
//
//   - Pages may read answers only if their origin is allowed (CORS, by rs/cors). Origins are compared as a whole. Pages
//     may never send credentials that browsers add themselves: the endpoint uses no cookies.
//   - Browsers send a preflight before every request that is not simple. A POST always needs one, because its body must
//     be application/json.
//   - A request with an Origin header is refused unless the origin is allowed or is the endpoint's own. The page could
//     not read the answer anyway, except over a WebSocket, for which browsers send no preflight. The preflight is
//     refused too, so that the log names the origin to allow in both cases.
//   - A GET that a browser makes for a page of another origin, for example as an image or link, is refused unless it
//     has a header that requires a preflight: a page must not cause work whose result it may not read. Browsers
//     identify such requests by Sec-Fetch-Site. Clients that do not send it are not current browsers and are let
//     through, as the audits for GraphQL over HTTP require.
type Origins struct {
	exact map[string]bool
	any   bool
	cors  *cors.Cors
}

// headers are the request headers that pages may send.
var headers = []string{
	"Accept", "Content-Type", "Content-Encoding", "Authorization", "X-API-Key", "X-Request-ID", "X-Explain",
	"Cache-Control", "Last-Event-ID",
	"Traceparent", "Tracestate", "Baggage", "Apollographql-Client-Name", "Apollographql-Client-Version",
	"Apollo-Require-Preflight", "X-Apollo-Operation-Name", "X-Requested-With", "GraphQL-Preflight",
}

// preflighted are headers that a page can send only after a preflight, and that clients send to prove it.
var preflighted = []string{
	"Apollo-Require-Preflight", "X-Apollo-Operation-Name", "X-Requested-With", "GraphQL-Preflight", "Authorization",
	"X-API-Key",
}

// exposed are the response headers that pages may read.
var exposed = []string{"RateLimit", "RateLimit-Policy", "Retry-After", "X-Request-ID", "WWW-Authenticate"}

// NewOrigins allows pages of the given origins, such as "https://app.example.com", or of all origins for
// "*". Loopback origins, where frontends are developed, are always allowed.
func NewOrigins(allowed []string) *Origins {
	p := &Origins{exact: map[string]bool{}, any: slices.Contains(allowed, "*")}
	for _, o := range allowed {
		p.exact[o] = true
		if u, err := url.Parse(strings.ToLower(o)); err == nil { // as browsers write it
			p.exact[u.Scheme+"://"+strings.TrimSuffix(u.Host, usualPorts[u.Scheme])] = true
		}
	}
	p.cors = cors.New(cors.Options{
		AllowOriginFunc: p.Allows,
		AllowedMethods:  []string{http.MethodGet, http.MethodHead, http.MethodPost},
		AllowedHeaders:  headers,
		ExposedHeaders:  exposed,
		MaxAge:          600,
	})
	return p
}

// Allows reports whether pages of an origin, as in the Origin header, may send requests.
func (p *Origins) Allows(origin string) bool {
	if p.any || p.exact[origin] {
		return true
	}
	u, err := url.Parse(origin)
	return err == nil && (u.Scheme == "http" || u.Scheme == "https") && Loopback(u.Hostname())
}

// Loopback reports whether a host name or address belongs to this machine.
func Loopback(host string) bool {
	ip := net.ParseIP(host)
	return host == "localhost" || strings.HasSuffix(host, ".localhost") || ip != nil && ip.IsLoopback()
}

// IsSocket reports whether r requests a WebSocket.
func IsSocket(r *http.Request) bool { return strings.EqualFold(r.Header.Get("Upgrade"), "websocket") }

// usualPorts are the default ports, which browsers omit from an origin and proxies may add to a host.
var usualPorts = map[string]string{"http": ":80", "https": ":443"}

// foreign reports whether r was sent for a page whose origin is neither allowed nor the endpoint's own. If a proxy has
// changed the Host, current browsers still identify the endpoint's own pages by Sec-Fetch-Site.
func (p *Origins) foreign(r *http.Request) bool {
	origin := r.Header.Get("Origin")
	if origin == "" || p.Allows(origin) {
		return false
	}
	if site := r.Header.Get("Sec-Fetch-Site"); site != "" {
		return site == "cross-site" || site == "same-site" // none: a browser extension, which may read everything
	}
	u, err := url.Parse(origin)
	if err != nil {
		return true
	}
	return !strings.EqualFold(u.Host, strings.TrimSuffix(r.Host, usualPorts[u.Scheme]))
}

// simple reports whether a browser sent r for, or because of, a page of another origin, without an Origin header and
// without the need for a preflight.
func simple(r *http.Request) bool {
	switch r.Header.Get("Sec-Fetch-Site") {
	case "cross-site", "same-site":
	default: // the endpoint's own page, a typed address, or not a browser
		return false
	}
	if r.Header.Get("Origin") != "" || IsSocket(r) {
		return false
	}
	if media, _, err := mime.ParseMediaType(r.Header.Get("Content-Type")); err == nil && media == "application/json" {
		return false
	}
	return !slices.ContainsFunc(preflighted, func(name string) bool { return r.Header.Get(name) != "" })
}

// simpleRefused is the reason for refusing simple requests.
const simpleRefused = "a page of another origin may not send a " +
	"simple GET: allow its origin by --cors-origins, or send the header Apollo-Require-Preflight: true, which " +
	"makes the " +
	"browser send a preflight"

// foreignRefused returns the reason for refusing requests of an origin that is not allowed.
func foreignRefused(origin string) string {
	shown := strings.Trim(fmt.Sprintf("%+.200q", origin), `"`)
	message := fmt.Sprintf("pages of the origin %s may not send requests here: allow it by --cors-origins %s", shown,
		shown)
	if origin == "null" {
		message = "pages without an origin (null), such as files and sandboxed frames, may not send requests here: " +
			"only --cors-origins * allows them"
	}
	return message
}

// Refuse answers a request that is not allowed, in the port's format, with status 403 and the reason.
type Refuse func(w http.ResponseWriter, r *http.Request, reason string)

// Handler passes allowed requests to next. It answers preflights itself, and calls refuse for other requests.
func (p *Origins) Handler(next http.Handler, refuse Refuse) http.Handler {
	pages := p.cors.Handler(next)
	return http.HandlerFunc(func(w http.ResponseWriter, r *http.Request) {
		origin, foreign, h := r.Header.Get("Origin"), p.foreign(r), w.Header()
		if !foreign && (origin != "" || r.Method == http.MethodOptions) {
			h.Add("Vary", "Sec-Fetch-Site") // rs/cors adds Origin
			pages.ServeHTTP(w, r)
			return
		}
		h["Vary"] = append(append(make([]string, 0, 3), h["Vary"]...), "Sec-Fetch-Site, Origin") // with room for others
		switch {
		case foreign:
			refuse(w, r, foreignRefused(origin))
		case simple(r):
			refuse(w, r, simpleRefused)
		default: // not from a page: no headers to add
			next.ServeHTTP(w, r)
		}
	})
}

// Secure adds headers to every response that stop browsers from sniffing its type, framing or running it, and from
// sending its address as a referrer. Handlers may override them. There is no X-Frame-Options, which browsers ignore
// where the policy has frame-ancestors.
func Secure(next http.Handler) http.Handler {
	return http.HandlerFunc(func(w http.ResponseWriter, r *http.Request) {
		h := w.Header()
		for _, s := range &secure {
			h[s.name] = s.value
		}
		next.ServeHTTP(w, r)
	})
}

// secure are the headers of [Secure] by canonical name, as shared slices to avoid allocations.
var secure = [...]struct {
	name  string
	value []string
}{
	{"X-Content-Type-Options", []string{"nosniff"}},
	{"Content-Security-Policy", []string{"default-src 'none'; frame-ancestors 'none'"}},
	{"Referrer-Policy", []string{"no-referrer"}},
	{"Cross-Origin-Resource-Policy", []string{"same-origin"}},
}
