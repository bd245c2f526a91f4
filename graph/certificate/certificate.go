// Package certificate keeps a server's certificate as its files have it: one that is
// renewed is served without a restart.
package certificate

import (
	"bytes"
	"context"
	"crypto/tls"
	"fmt"
	"log/slog"
	"os"
	"sync/atomic"
	"time"

	"deliverygraph/graph/reload"
)

// Certificate is that of a pair of files. It is safe for concurrent use.
type Certificate struct {
	certFile, keyFile string

	seen   []byte // both files as they were read last, by Follow alone
	loaded atomic.Pointer[tls.Certificate]
}

// Open reads the certificate, the server's own first and then those that vouch for
// it, and its private key, both PEM. An error names the file.
func Open(certFile, keyFile string) (*Certificate, error) {
	c := &Certificate{certFile: certFile, keyFile: keyFile}
	_, err := c.reload()
	return c, err
}

// Config serves the certificate, by TLS 1.2 or later.
func (c *Certificate) Config() *tls.Config {
	return &tls.Config{
		MinVersion:     tls.VersionTLS12,
		GetCertificate: func(*tls.ClientHelloInfo) (*tls.Certificate, error) { return c.loaded.Load(), nil },
	}
}

// NotAfter is when the certificate ends.
func (c *Certificate) NotAfter() time.Time { return c.loaded.Load().Leaf.NotAfter }

// Follow reads the files again and again until ctx ends. Each time that one is missing or
// they are no longer good, as while one of the two is written, it logs one error, and the
// certificate from before stays.
func (c *Certificate) Follow(ctx context.Context, every time.Duration, logger *slog.Logger) {
	reload.Watch(ctx, every, c.reload,
		func() { logger.Info("certificate read again", "not_after", c.NotAfter()) },
		func(err error) {
			logger.Error("the certificate is missing or no longer good: the one from before stays", "error", err)
		})
}

// reload reads the files, and takes them if they have changed.
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
