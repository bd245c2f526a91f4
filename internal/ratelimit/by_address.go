package ratelimit

import (
	"context"
	"net"
	"net/http"
	"net/netip"
)

type addressKey struct{}

// ByAddress distinguishes callers by address, for gateways without authentication. IPv6 addresses are reduced
// to their /64 network, the smallest that one customer gets. An IPv4 address in IPv6 notation
// (::ffff:192.0.2.1) counts as that IPv4 address.
func ByAddress(next http.Handler) http.Handler {
	return http.HandlerFunc(func(w http.ResponseWriter, r *http.Request) {
		next.ServeHTTP(w, r.WithContext(context.WithValue(r.Context(), addressKey{}, network(r.RemoteAddr))))
	})
}

// Address returns the address that [ByAddress] found for the context's caller, or "".
func Address(ctx context.Context) string {
	address, _ := ctx.Value(addressKey{}).(string)
	return address
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
