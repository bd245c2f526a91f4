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
//   - A request that names an origin is refused unless that is allowed or the endpoint's
//     own: the page could not read the answer, except that of a WebSocket, for which
//     browsers ask nothing beforehand. The preflight is refused too, so that the log
//     says of both which origin to allow.
//   - A GET that a browser makes for a page of another origin, as an image or a link on
//     it would, is refused unless the request has a header for which it had to be asked
//     for: no page shall cause work whose answer it may not read. Browsers tell whose the
//     page is in Sec-Fetch-Site; a client that sends none is no browser of these days, and
//     is let through, as the audits of GraphQL over HTTP ask.
package origins

import (
	"fmt"
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
	"Accept", "Content-Type", "Content-Encoding", "Authorization", "X-API-Key", "X-Request-ID", "X-Explain", "Cache-Control", "Last-Event-ID",
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
		AllowedMethods:  []string{http.MethodGet, http.MethodHead, http.MethodPost},
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

// usualPorts are those that browsers leave out of an origin, and that proxies may add to a
// host.
var usualPorts = map[string]string{"http": ":80", "https": ":443"}

// foreign says whether a request is for a page whose origin is neither allowed nor the
// endpoint's own. Where a proxy has changed the host, browsers of these days tell that the
// page is the endpoint's own.
func (p *Policy) foreign(r *http.Request) bool {
	origin := r.Header.Get("Origin")
	if origin == "" || p.Allows(origin) {
		return false
	}
	if site := r.Header.Get("Sec-Fetch-Site"); site != "" {
		return site == "cross-site" || site == "same-site" // else a browser's extension, which may read all
	}
	u, err := url.Parse(origin)
	if err != nil {
		return true
	}
	return !strings.EqualFold(u.Host, strings.TrimSuffix(r.Host, usualPorts[u.Scheme]))
}

// simple says whether a browser made a request for another page, or because of it, that
// names no origin and for which it did not have to ask beforehand.
func simple(r *http.Request) bool {
	switch r.Header.Get("Sec-Fetch-Site") {
	case "cross-site", "same-site":
	default: // the endpoint's own page, an address that was typed, or no browser
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

// errSimple is the error for simple requests.
var errSimple = &upstream.Error{Code: upstream.PermissionDenied, Message: "a page of another origin may not ask by a simple GET: allow its origin by --cors-origins, or send the header Apollo-Require-Preflight: true, for which the browser asks first"}

// errForeign is the error for requests of an origin that is not allowed.
func errForeign(origin string) error {
	shown := strings.Trim(fmt.Sprintf("%+.200q", origin), `"`)
	message := fmt.Sprintf("pages of the origin %s may not ask here: allow it by --cors-origins %s", shown, shown)
	if origin == "null" {
		message = "pages without an origin of their own (null), such as files and sandboxed frames, may not ask here: only --cors-origins * allows them"
	}
	return &upstream.Error{Code: upstream.PermissionDenied, Message: message}
}

// Handler lets next answer those that may ask. It answers preflights itself; others
// are answered by refuse, which writes an error as the endpoint does.
func (p *Policy) Handler(next http.Handler, refuse func(http.ResponseWriter, *http.Request, error)) http.Handler {
	pages := p.cors.Handler(next)
	return http.HandlerFunc(func(w http.ResponseWriter, r *http.Request) {
		origin, foreign, h := r.Header.Get("Origin"), p.foreign(r), w.Header()
		h["Vary"] = append(append(make([]string, 0, 4), h["Vary"]...), "Sec-Fetch-Site") // there is room for what others add
		if !foreign && (origin != "" || r.Method == http.MethodOptions) {
			pages.ServeHTTP(w, r)
			return
		}
		h["Vary"] = append(h["Vary"], "Origin")
		switch {
		case foreign:
			refuse(w, r, errForeign(origin))
		case simple(r):
			refuse(w, r, errSimple)
		default: // to a request of no page there is nothing to add
			next.ServeHTTP(w, r)
		}
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
