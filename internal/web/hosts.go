package web

import (
	"fmt"
	"net"
	"net/http"
	"net/url"
	"slices"
	"strings"
	"sync/atomic"
)

// Hosts are the host names under which a port may be requested. They protect against DNS rebinding: a page can point
// its own name to this machine after it has loaded, and to the browser the port then has the page's own origin, so no
// rule about other origins applies. Only the Host header gives such a request away. Use Hosts where callers need no
// credentials.
type Hosts struct {
	names map[string]bool
	any   bool
	last  atomic.Pointer[string] // last allowed host: most requests have the same
}

// NewHosts returns the hosts in allowed, such as "metrics.example.com", or all hosts for "*". It adds the hosts of
// origins, whose pages may send requests anyway. Localhost, names below it, and IP addresses are always allowed,
// because no one can point them elsewhere.
func NewHosts(allowed, origins []string) *Hosts {
	h := &Hosts{
		names: map[string]bool{"localhost": true}, any: slices.Contains(allowed, "*") || slices.Contains(origins, "*"),
	}
	for _, name := range allowed {
		h.names[canonical(name)] = true
	}
	for _, o := range origins {
		if u, err := url.Parse(o); err == nil {
			h.names[canonical(u.Hostname())] = true
		}
	}
	return h
}

// canonical returns name in the form in which names are compared.
func canonical(name string) string { return strings.ToLower(strings.TrimSuffix(name, ".")) }

// Allows reports whether requests with this Host, a name or address with an optional port, are allowed. Requests
// without a Host do not come from browsers and are allowed.
func (h *Hosts) Allows(host string) bool {
	if h.any || host == "" {
		return true
	}
	if last := h.last.Load(); last != nil && *last == host {
		return true
	}
	name := canonical(hostname(host))
	allowed := h.names[name] || strings.HasSuffix(name, ".localhost") || net.ParseIP(name) != nil
	if allowed {
		kept := strings.Clone(host) // a copy that does not keep the whole request in memory
		h.last.Store(&kept)
	}
	return allowed
}

// hostname returns host without its port and without the brackets around an IPv6 address.
func hostname(host string) string {
	if name, _, err := net.SplitHostPort(host); err == nil {
		return name
	}
	return strings.TrimSuffix(strings.TrimPrefix(host, "["), "]")
}

// Handler passes requests for allowed hosts to next. For others it calls refuse with the reason.
func (h *Hosts) Handler(next http.Handler, refuse Refuse) http.Handler {
	return http.HandlerFunc(func(w http.ResponseWriter, r *http.Request) {
		if h.Allows(r.Host) {
			next.ServeHTTP(w, r)
			return
		}
		name := hostname(r.Host)
		refuse(w, r, fmt.Sprintf(
			"the host %.100q (Host header) is not allowed: use localhost or the gateway's IP address, "+
				"or start the gateway with --allowed-hosts %.100s if that is its name or its proxy's", name, name))
	})
}
