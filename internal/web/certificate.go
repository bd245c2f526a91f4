package web

import (
	"bytes"
	"context"
	"crypto/tls"
	"fmt"
	"log/slog"
	"os"
	"sync/atomic"
	"time"
)

// Certificate is a certificate loaded from a pair of files, and reloaded when it is renewed. It is safe for concurrent
// use.
type Certificate struct {
	certFile, keyFile string

	seen   []byte // contents of both files when last loaded; used only by Follow
	loaded atomic.Pointer[tls.Certificate]
}

// OpenCertificate reads the certificate, followed by its intermediates, and its private key, both in PEM. Errors name
// the file.
func OpenCertificate(certFile, keyFile string) (*Certificate, error) {
	c := &Certificate{certFile: certFile, keyFile: keyFile}
	_, err := c.reload()
	return c, err
}

// Config returns a configuration that serves the current certificate with TLS 1.2 or later.
func (c *Certificate) Config() *tls.Config {
	return &tls.Config{
		MinVersion:     tls.VersionTLS12,
		GetCertificate: func(*tls.ClientHelloInfo) (*tls.Certificate, error) { return c.loaded.Load(), nil },
	}
}

// NotAfter returns when the current certificate expires.
func (c *Certificate) NotAfter() time.Time { return c.loaded.Load().Leaf.NotAfter }

// Follow reloads the files periodically until ctx ends. When a file is missing or the pair becomes invalid, for example
// because only one of them has been replaced, it logs one error and keeps the previous certificate.
func (c *Certificate) Follow(ctx context.Context, every time.Duration, logger *slog.Logger) {
	Watch(ctx, every, c.reload,
		func() { logger.Info("certificate reloaded", "not_after", c.NotAfter()) },
		func(err error) {
			logger.Error("the certificate is missing or invalid: the previous one stays in use", "error", err)
		})
}

// reload reads the files and uses them if they have changed.
func (c *Certificate) reload() (changed bool, err error) {
	cert, err := os.ReadFile(c.certFile)
	if err != nil {
		return false, err
	}
	key, err := os.ReadFile(c.keyFile)
	if err != nil {
		return false, err
	}
	read := bytes.Join([][]byte{cert, key}, []byte{0})
	if bytes.Equal(read, c.seen) && c.loaded.Load() != nil {
		return false, nil
	}
	pair, err := tls.X509KeyPair(cert, key)
	if err != nil {
		return false, fmt.Errorf("%s and %s are not a certificate and its key (PEM): %w", c.certFile, c.keyFile, err)
	}
	c.seen = read
	c.loaded.Store(&pair)
	return true, nil
}
