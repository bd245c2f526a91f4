package rest

import (
	"crypto/tls"
	"crypto/x509"
	"net"
	"net/http"
	"net/url"
	"os"
	"strings"
	"time"
	"unicode/utf8"

	"deliverygraph/upstream/rest/http1"
)

// maxHeaderBytes is how large an answer's header may be.
const maxHeaderBytes = 64 << 10

// transportTo is the client's own way to a server over TCP. It follows no
// redirects, so the key goes to no other host, and keeps as many idle connections
// as there can be requests at once. In the clear and without a proxy that is the lean
// one. roots are the certificate authorities to trust; nil are the system's.
func transportTo(base *url.URL, maxConcurrent int, roots *x509.CertPool) http.RoundTripper {
	t := newTransport(maxConcurrent, roots)
	if proxy, err := t.Proxy(&http.Request{URL: base}); base.Scheme != "http" || proxy != nil || err != nil || !plain(base.Host) {
		return t
	}
	return lean(t)
}

// lean makes requests over connections like t's.
func lean(t *http.Transport) *http1.Transport {
	return &http1.Transport{Dial: t.DialContext, MaxIdle: t.MaxIdleConns, IdleTimeout: t.IdleConnTimeout, MaxHeaderBytes: maxHeaderBytes}
}

// plain says whether a host is sent as it is written: net/http writes others in
// Punycode, and IPv6 addresses without their zone.
func plain(host string) bool {
	return !strings.ContainsFunc(host, func(r rune) bool { return r >= utf8.RuneSelf || r == '%' })
}

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
		// All requests share one HTTP/2 connection: if nothing comes over it for a
		// while, a ping finds out whether it is dead, and the next request takes another.
		HTTP2: &http.HTTP2Config{SendPingTimeout: 5 * time.Second, PingTimeout: 5 * time.Second},
	}
}

// readCAs reads the certificates of a file in PEM.
func readCAs(file string) (*x509.CertPool, error) {
	pem, err := os.ReadFile(file)
	if err != nil {
		return nil, wrongOption("CAFile", "cannot be read: %w; give a PEM file such as authorities.pem", err)
	}
	roots := x509.NewCertPool()
	if !roots.AppendCertsFromPEM(pem) {
		return nil, wrongOption("CAFile", "has no certificate in it: it must be in PEM, with lines such as -----BEGIN CERTIFICATE-----")
	}
	return roots, nil
}
