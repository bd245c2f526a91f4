package origins

import (
	"fmt"
	"net"
	"net/http"
	"net/url"
	"slices"
	"strings"
	"sync/atomic"

	"deliverygraph/upstream"
)

// Hosts are the names that a port is asked by. A page may have its own name point to
// this machine once it is loaded (DNS rebinding): to the browser the port then is the
// page's own origin, and no rule about others holds. What gives such a request away is
// the name. Where nothing else asks who is there, only known names are answered.
type Hosts struct {
	names map[string]bool
	any   bool
	last  atomic.Pointer[string] // that was allowed: most requests are for one and the same
}

// NewHosts knows the names that are allowed, such as "metrics.example.com", or all for
// "*"; the hosts of origins, whose pages may ask anyway; and always localhost, the names
// below it, and addresses, which nobody can point elsewhere.
func NewHosts(allowed, origins []string) *Hosts {
	h := &Hosts{names: map[string]bool{"localhost": true}, any: slices.Contains(allowed, "*") || slices.Contains(origins, "*")}
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

// canonical is a name as names are compared.
func canonical(name string) string { return strings.ToLower(strings.TrimSuffix(name, ".")) }

// Allows says whether a request with that Host, a name or an address and perhaps a
// port, is answered. One without any is none of a browser's.
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
		kept := strings.Clone(host) // by itself, without the rest of its request
		h.last.Store(&kept)
	}
	return allowed
}

// hostname is a Host without its port, and an address without its brackets.
func hostname(host string) string {
	if name, _, err := net.SplitHostPort(host); err == nil {
		return name
	}
	return strings.TrimSuffix(strings.TrimPrefix(host, "["), "]")
}

// Handler lets next answer requests for known names. The others are answered by refuse.
func (h *Hosts) Handler(next http.Handler, refuse func(http.ResponseWriter, *http.Request, error)) http.Handler {
	return http.HandlerFunc(func(w http.ResponseWriter, r *http.Request) {
		if h.Allows(r.Host) {
			next.ServeHTTP(w, r)
			return
		}
		name := hostname(r.Host)
		refuse(w, r, &upstream.Error{Code: upstream.PermissionDenied, Message: fmt.Sprintf(
			"%.100q is not a name that this gateway is known by (Host): ask it as localhost or by its address, or have it started with --allowed-hosts %.100s, if that is its name or its proxy's", name, name)})
	})
}
