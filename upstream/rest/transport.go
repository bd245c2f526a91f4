package rest

import (
	"crypto/tls"
	"crypto/x509"
	"net"
	"net/http"
	"net/url"
	"strings"
	"time"
)

// maxHeaderBytes limits the size of a response's header.
const maxHeaderBytes = 64 << 10

// idleTimeout is how long a connection is kept without requests.
const idleTimeout = 90 * time.Second

// newTransport returns a transport over TCP to the server at base. It keeps as many idle connections as there can be
// concurrent requests. It follows no redirects, so the key reaches no other host. Nil roots mean the system's
// certificate authorities.
func newTransport(base *url.URL, maxConcurrent int, roots *x509.CertPool) http.RoundTripper {
	dialer := &net.Dialer{Timeout: 5 * time.Second, KeepAlive: 30 * time.Second}
	proxy, err := http.ProxyFromEnvironment(&http.Request{URL: base})
	odd := strings.ContainsFunc(base.Host, func(r rune) bool { return r >= 0x80 || r == '%' }) // has to be converted
	if base.Scheme == "http" && proxy == nil && err == nil && !odd {
		return &http1{dial: dialer.DialContext, maxIdle: maxConcurrent}
	}
	return &http.Transport{
		Proxy:                  http.ProxyFromEnvironment,
		DialContext:            dialer.DialContext,
		TLSClientConfig:        &tls.Config{MinVersion: tls.VersionTLS12, RootCAs: roots},
		TLSHandshakeTimeout:    5 * time.Second,
		ForceAttemptHTTP2:      true,
		MaxIdleConns:           maxConcurrent,
		MaxIdleConnsPerHost:    maxConcurrent,
		IdleConnTimeout:        idleTimeout,
		MaxResponseHeaderBytes: maxHeaderBytes,
		// All requests share one HTTP/2 connection. When it has been silent for a while, a ping finds out whether it is
		// dead, and the next request opens another.
		HTTP2: &http.HTTP2Config{SendPingTimeout: 5 * time.Second, PingTimeout: 5 * time.Second},
	}
}
