package ingest

import (
	"context"
	"crypto/rsa"
	"crypto/x509"
	"encoding/pem"
	"errors"
	"fmt"
	"io"
	"net/http"
	neturl "net/url"
	"sync"
	"time"
)

// certificates caches the signing certificates of SNS by URL.
type certificates struct {
	fetch Fetch
	turn  chan struct{} // held while a certificate is fetched
	mu    sync.Mutex
	known map[string]certificate
}

type certificate struct {
	*x509.Certificate       // nil if it could not be fetched
	err               error // why not
	until             time.Time
}

// How long certificates and failures are cached, and how many.
const (
	keepCertificate = 24 * time.Hour
	keepFailure     = 10 * time.Second
	maxCertificates = 64
)

// key returns the public key of the certificate at a URL of SNS.
func (c *certificates) key(ctx context.Context, url string) (*rsa.PublicKey, error) {
	now := time.Now()
	found, ok := c.lookup(url, now)
	if !ok {
		select { // one at a time: forged URLs must not cause many calls
		case c.turn <- struct{}{}:
			defer func() { <-c.turn }()
		case <-ctx.Done():
			return nil, ctx.Err()
		}
		if found, ok = c.lookup(url, now); !ok {
			found.Certificate, found.err = c.get(ctx, url)
			if ctx.Err() != nil {
				return nil, ctx.Err()
			}
			c.keep(url, found, now)
		}
	}
	if found.err != nil {
		return nil, found.err
	}
	key, ok := found.PublicKey.(*rsa.PublicKey)
	if !ok || now.Before(found.NotBefore) || now.After(found.NotAfter) {
		return nil, refuse(http.StatusForbidden, "the certificate of the signature is not valid now, or has no RSA key")
	}
	return key, nil
}

func (c *certificates) lookup(url string, now time.Time) (found certificate, ok bool) {
	c.mu.Lock()
	defer c.mu.Unlock()
	found, ok = c.known[url]
	return found, ok && now.Before(found.until)
}

func (c *certificates) keep(url string, found certificate, now time.Time) {
	c.mu.Lock()
	defer c.mu.Unlock()
	found.until = now.Add(keepCertificate)
	if found.err != nil {
		found.until = now.Add(keepFailure)
	}
	if c.known == nil || len(c.known) >= maxCertificates {
		c.known = map[string]certificate{}
	}
	c.known[url] = found
}

func (c *certificates) get(ctx context.Context, url string) (*x509.Certificate, error) {
	text, err := c.fetch(ctx, url)
	if err != nil {
		return nil, unreachable("the certificate of the signature could not be fetched", err)
	}
	block, _ := pem.Decode(text)
	if block == nil {
		return nil, refuse(http.StatusForbidden, "there is no certificate at SigningCertURL")
	}
	parsed, err := x509.ParseCertificate(block.Bytes)
	if err != nil {
		return nil, refuse(http.StatusForbidden, "there is no certificate at SigningCertURL: %v", err)
	}
	return parsed, nil
}

// client does not follow redirects, which could lead elsewhere.
var client = &http.Client{
	Timeout:       10 * time.Second,
	CheckRedirect: func(*http.Request, []*http.Request) error { return http.ErrUseLastResponse },
}

// fetch is a [Fetch] by HTTPS.
func fetch(ctx context.Context, url string) ([]byte, error) {
	r, err := http.NewRequestWithContext(ctx, http.MethodGet, url, nil)
	if err != nil {
		return nil, err
	}
	resp, err := client.Do(r)
	var failed *neturl.Error
	if errors.As(err, &failed) {
		return nil, fmt.Errorf("%s: %w", r.URL.Host, failed.Err) // without the URL, which may contain a token
	}
	defer resp.Body.Close()
	body, err := io.ReadAll(io.LimitReader(resp.Body, 64<<10))
	if err != nil {
		return nil, err
	}
	if resp.StatusCode != http.StatusOK {
		return nil, fmt.Errorf("%s answers %s", resp.Request.URL.Host, resp.Status)
	}
	return body, nil
}
