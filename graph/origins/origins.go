// Package origins says which pages of the web may ask the endpoint through their
// visitors' browsers. Other clients are not its matter: they send what they like.
//
// Four rules together, of which browsers keep the first two and the endpoint the
// others:
//
//   - Pages may read answers only if their origin is allowed (CORS, by rs/cors). Origins
//     are compared whole. Credentials that browsers add by themselves are never allowed:
//     the endpoint knows no cookies.
//   - Whatever is more than a simple request is asked for beforehand (preflight). A POST
//     always is, since its body must be application/json.
//   - A GET that a browser makes for a page of another origin, as an image or a link on
//     it would, is refused ([Policy.Refuses]) unless that origin is allowed or the request
//     has a header for which it had to be asked for: nobody's browser shall be made
//     to cause work by a page that may not read the answer. Browsers tell whose the page is
//     in Sec-Fetch-Site; a client that sends none is no browser of these days, and is let
//     through, as the audits of GraphQL over HTTP ask.
//   - A WebSocket is nothing that browsers ask for beforehand, and its page may read all
//     of it: it is refused, likewise, to a page whose origin is neither allowed nor the
//     endpoint's own.
package origins

import (
	"mime"
	"net"
	"net/http"
	"net/url"
	"slices"
	"strings"

	"github.com/rs/cors"

	"deliverygraph/upstream"
)

// Policy is which pages may ask.
type Policy struct {
	exact map[string]bool
	any   bool
	cors  *cors.Cors
}

// headers are those that pages may send.
var headers = []string{
	"Accept", "Content-Type", "Authorization", "X-API-Key", "X-Request-ID", "X-Explain", "Cache-Control", "Last-Event-ID",
	"Traceparent", "Tracestate", "Baggage", "Apollographql-Client-Name", "Apollographql-Client-Version",
	"Apollo-Require-Preflight", "X-Apollo-Operation-Name", "X-Requested-With", "GraphQL-Preflight",
}

// preflighted are headers that no page can send without asking first, and that clients
// send to show that they did.
var preflighted = []string{"Apollo-Require-Preflight", "X-Apollo-Operation-Name", "X-Requested-With", "GraphQL-Preflight", "Authorization", "X-API-Key"}

// exposed are the headers of answers that pages may read.
var exposed = []string{"RateLimit", "RateLimit-Policy", "Retry-After", "X-Request-ID", "WWW-Authenticate"}

// New gives the policy that allows pages of the named origins, such as
// "https://app.example.com", or of all for "*"; and always those of loopback, where
// frontends are developed.
func New(allowed []string) *Policy {
	p := &Policy{exact: map[string]bool{}, any: slices.Contains(allowed, "*")}
	for _, o := range allowed {
		p.exact[o] = true
	}
	p.cors = cors.New(cors.Options{
		AllowOriginFunc: p.Allows,
		AllowedMethods:  []string{http.MethodGet, http.MethodPost},
		AllowedHeaders:  headers,
		ExposedHeaders:  exposed,
		MaxAge:          600,
	})
	return p
}

// Allows says whether pages of an origin, as the header of that name has it, may ask.
func (p *Policy) Allows(origin string) bool {
	if p.any || p.exact[origin] {
		return true
	}
	u, err := url.Parse(origin)
	return err == nil && (u.Scheme == "http" || u.Scheme == "https") && Loopback(u.Hostname())
}

// Loopback says whether a host's name or address is this machine's own.
func Loopback(host string) bool {
	ip := net.ParseIP(host)
	return host == "localhost" || strings.HasSuffix(host, ".localhost") || ip != nil && ip.IsLoopback()
}

// IsSocket says whether a request asks for a WebSocket.
func IsSocket(r *http.Request) bool { return strings.EqualFold(r.Header.Get("Upgrade"), "websocket") }

// refusesSocket says whether a WebSocket is for a page that may not have one. Where a proxy
// has changed the host, browsers of these days tell that the page is the endpoint's own.
func (p *Policy) refusesSocket(r *http.Request) bool {
	origin := r.Header.Get("Origin")
	if origin == "" || p.Allows(origin) {
		return false
	}
	if site := r.Header.Get("Sec-Fetch-Site"); site != "" {
		return site != "same-origin"
	}
	u, err := url.Parse(origin)
	return err != nil || !strings.EqualFold(u.Host, r.Host)
}

// Refuses says whether a request was made by a browser for a page that may not ask.
func (p *Policy) Refuses(r *http.Request) bool {
	if IsSocket(r) {
		return p.refusesSocket(r)
	}
	switch r.Header.Get("Sec-Fetch-Site") {
	case "cross-site", "same-site":
	default: // the endpoint's own page, an address that was typed, or no browser
		return false
	}
	if origin := r.Header.Get("Origin"); origin != "" && p.Allows(origin) {
		return false
	}
	if media, _, err := mime.ParseMediaType(r.Header.Get("Content-Type")); err == nil && media == "application/json" {
		return false
	}
	return !slices.ContainsFunc(preflighted, func(name string) bool { return r.Header.Get(name) != "" })
}

// errSocket and errSimple are what is refused.
var (
	errSocket = &upstream.Error{Code: upstream.PermissionDenied, Message: "a page of another origin may not open a WebSocket: allow its origin by --cors-origins"}
	errSimple = &upstream.Error{Code: upstream.PermissionDenied, Message: "a page of another origin may not ask by a simple GET: allow its origin by --cors-origins, or send the header Apollo-Require-Preflight: true, for which the browser asks first"}
)

// Handler lets next answer those that may ask. It answers preflights itself; others
// are answered by refuse, which writes an error as the endpoint does.
func (p *Policy) Handler(next http.Handler, refuse func(http.ResponseWriter, *http.Request, error)) http.Handler {
	told := http.HandlerFunc(func(w http.ResponseWriter, r *http.Request) {
		w.Header().Add("Vary", "Sec-Fetch-Site")
		switch {
		case !p.Refuses(r):
			next.ServeHTTP(w, r)
		case IsSocket(r):
			refuse(w, r, errSocket)
		default:
			refuse(w, r, errSimple)
		}
	})
	pages := p.cors.Handler(told)
	return http.HandlerFunc(func(w http.ResponseWriter, r *http.Request) {
		if r.Header.Get("Origin") != "" || r.Method == http.MethodOptions {
			pages.ServeHTTP(w, r)
			return
		}
		// To a request of no page there is nothing to say but this. There is room for what
		// others add.
		h := w.Header()
		h["Vary"] = append(append(make([]string, 0, 4), h["Vary"]...), "Origin")
		told(w, r)
	})
}

// Secure gives every answer of next the headers that keep browsers from making more of
// it than it is: it is not sniffed, framed or run, and no address it leads to learns
// where from. Handlers may set others of their own.
func Secure(next http.Handler) http.Handler {
	return http.HandlerFunc(func(w http.ResponseWriter, r *http.Request) {
		h := w.Header()
		for _, s := range &secure {
			h[s.name] = s.value
		}
		next.ServeHTTP(w, r)
	})
}

// secure are the headers of [Secure], by their canonical names: every answer has the
// same values.
var secure = [...]struct {
	name  string
	value []string
}{
	{"X-Content-Type-Options", []string{"nosniff"}},
	{"X-Frame-Options", []string{"DENY"}},
	{"Content-Security-Policy", []string{"default-src 'none'; frame-ancestors 'none'"}},
	{"Referrer-Policy", []string{"no-referrer"}},
	{"Cross-Origin-Resource-Policy", []string{"same-origin"}},
}
