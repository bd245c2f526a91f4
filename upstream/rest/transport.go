package rest

import (
	"crypto/tls"
	"crypto/x509"
	"net"
	"net/http"
	"time"
)

// maxHeaderBytes limits the size of a response's header.
const maxHeaderBytes = 64 << 10

// newTransport returns a transport over TCP. It keeps as many idle connections as there can be concurrent requests. It
// follows no redirects, so the key reaches no other host. Nil roots mean the system's certificate authorities.
func newTransport(maxConcurrent int, roots *x509.CertPool) *http.Transport {
	dialer := &net.Dialer{Timeout: 5 * time.Second, KeepAlive: 30 * time.Second}
	return &http.Transport{
		Proxy:                  http.ProxyFromEnvironment,
		DialContext:            dialer.DialContext,
		TLSClientConfig:        &tls.Config{MinVersion: tls.VersionTLS12, RootCAs: roots},
		TLSHandshakeTimeout:    5 * time.Second,
		ForceAttemptHTTP2:      true,
		MaxIdleConns:           maxConcurrent,
		MaxIdleConnsPerHost:    maxConcurrent,
		IdleConnTimeout:        90 * time.Second,
		MaxResponseHeaderBytes: maxHeaderBytes,
		// All requests share one HTTP/2 connection. When it has been silent for a while, a ping finds out whether it is
		// dead, and the next request opens another.
		HTTP2: &http.HTTP2Config{SendPingTimeout: 5 * time.Second, PingTimeout: 5 * time.Second},
	}
}
