package rest

import (
	"net"
	"net/http"
	"time"
)

// newTransport is the client's own way to a server over TCP. It follows no
// redirects, so the key goes to no other host, and keeps as many idle
// connections as there can be requests at once.
func newTransport(maxConcurrent int) *http.Transport {
	dialer := &net.Dialer{Timeout: 5 * time.Second, KeepAlive: 30 * time.Second}
	return &http.Transport{
		Proxy:                  http.ProxyFromEnvironment,
		DialContext:            dialer.DialContext,
		ForceAttemptHTTP2:      true,
		TLSHandshakeTimeout:    5 * time.Second,
		MaxIdleConns:           maxConcurrent,
		MaxIdleConnsPerHost:    maxConcurrent,
		IdleConnTimeout:        90 * time.Second,
		MaxResponseHeaderBytes: 64 << 10,
	}
}
