package rest

import (
	"crypto/tls"
	"crypto/x509"
	"net"
	"net/http"
	"os"
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

// readCAs reads a PEM file of certificates.
func readCAs(file string) (*x509.CertPool, error) {
	pem, err := os.ReadFile(file)
	if err != nil {
		return nil, wrongOption("CAFile", "cannot be read: %w; give a PEM file such as authorities.pem", err)
	}
	roots := x509.NewCertPool()
	if !roots.AppendCertsFromPEM(pem) {
		return nil,
			wrongOption("CAFile",
				"has no certificate in it: it must be in PEM, with lines such as -----BEGIN CERTIFICATE-----")
	}
	return roots, nil
}
