package ratelimit

import (
	"context"
	"fmt"
	"net"
	"net/http"
	"net/netip"
)

// Headers sets the headers that tell the context's caller its limit, as
// draft-ietf-httpapi-ratelimit-headers-10 has them: RateLimit-Policy with the units (q)
// of a window of seconds (w), RateLimit with those that remain (r) and the seconds
// until all of them are at hand (t).
func (e Extension) Headers(ctx context.Context, h http.Header) {
	s, limited := e.Status(ctx)
	if !limited {
		return
	}
	h.Set("RateLimit-Policy", fmt.Sprintf(`"cost";q=%d;w=60`, s.Limit))
	h.Set("RateLimit", fmt.Sprintf(`"cost";r=%d;t=%d`, max(0, s.Remaining), int(s.Reset.Seconds()+0.999)))
}

type addressKey struct{}

// ByAddress tells callers apart by their addresses, for gateways that do not ask who they
// are. IPv6 addresses count by their /64, the least that one customer has; an IPv4 address
// that is written as an IPv6 one (::ffff:192.0.2.1) counts as itself.
func ByAddress(next http.Handler) http.Handler {
	return http.HandlerFunc(func(w http.ResponseWriter, r *http.Request) {
		ctx := context.WithValue(r.Context(), addressKey{}, network(r.RemoteAddr))
		if ctx != r.Context() {
			r = r.WithContext(ctx)
		}
		next.ServeHTTP(w, r)
	})
}

func network(remote string) string {
	host, _, err := net.SplitHostPort(remote)
	if err != nil {
		return remote
	}
	a, err := netip.ParseAddr(host)
	if err != nil {
		return host
	}
	a = a.Unmap()
	if a.Is4() {
		return a.String()
	}
	return netip.PrefixFrom(a.WithZone(""), 64).Masked().String()
}
