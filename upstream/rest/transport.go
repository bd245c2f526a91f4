package rest

import (
	"crypto/tls"
	"crypto/x509"
	"net"
	"net/http"
	"os"
	"time"
)

// maxHeaderBytes is how large an answer's header may be.
const maxHeaderBytes = 64 << 10

// newTransport makes requests to a server over TCP. It follows no redirects, so that the
// key goes to no other host, and keeps as many idle connections as there can be requests
// at once. The roots are the certificate authorities to trust; nil are the system's.
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
		ReadBufferSize:         64 << 10, // a page is some 200 KB
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
