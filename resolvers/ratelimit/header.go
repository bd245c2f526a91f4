package ratelimit

import (
	"context"
	"fmt"
	"net"
	"net/http"
	"net/netip"
)

// Headers sets the headers that report the limit of the context's caller, as defined by
// draft-ietf-httpapi-ratelimit-headers-10. RateLimit-Policy gives the units (q) per window of seconds (w).
// RateLimit gives the remaining units (r) and the seconds until all units are available again (t).
func (e Extension) Headers(ctx context.Context, h http.Header) {
	s, limited := e.Status(ctx)
	if !limited {
		return
	}
	h.Set("RateLimit-Policy", fmt.Sprintf(`"cost";q=%d;w=60`, s.Limit))
	h.Set("RateLimit", fmt.Sprintf(`"cost";r=%d;t=%d`, max(0, s.Remaining), int(s.Reset.Seconds()+0.999)))
}

type addressKey struct{}

// ByAddress distinguishes callers by address, for gateways without authentication. IPv6 addresses are reduced
// to their /64 network, the smallest that one customer gets. An IPv4 address in IPv6 notation
// (::ffff:192.0.2.1) counts as that IPv4 address.
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
