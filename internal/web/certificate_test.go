package web_test

import (
	"bytes"
	"context"
	"crypto/ecdsa"
	"crypto/elliptic"
	"crypto/rand"
	"crypto/tls"
	"crypto/x509"
	"encoding/pem"
	"log/slog"
	"math/big"
	"net"
	"net/http"
	"os"
	"path/filepath"
	"strings"
	"sync"
	"testing"
	"time"

	"deliverygraph/internal/web"
)

// write writes a new certificate with the serial number, and its key, into folder.
func write(t *testing.T, folder string, serial int64) (certFile, keyFile string) {
	t.Helper()
	key, err := ecdsa.GenerateKey(elliptic.P256(), rand.Reader)
	if err != nil {
		t.Fatal(err)
	}
	cert, err := x509.CreateCertificate(rand.Reader, &x509.Certificate{
		SerialNumber: big.NewInt(serial), NotAfter: time.Now().Add(time.Hour),
		DNSNames: []string{"gateway.example.com"},
	}, &x509.Certificate{SerialNumber: big.NewInt(serial)}, &key.PublicKey, key)
	if err != nil {
		t.Fatal(err)
	}
	der, err := x509.MarshalPKCS8PrivateKey(key)
	if err != nil {
		t.Fatal(err)
	}
	certFile, keyFile = filepath.Join(folder, "cert.pem"), filepath.Join(folder, "key.pem")
	for path, b := range map[string]*pem.Block{
		certFile: {Type: "CERTIFICATE", Bytes: cert}, keyFile: {Type: "PRIVATE KEY", Bytes: der},
	} {
		if err := os.WriteFile(path, pem.EncodeToMemory(b), 0o600); err != nil {
			t.Fatal(err)
		}
	}
	return certFile, keyFile
}

// served returns the serial number and protocol of a handshake with the server. most is the highest TLS version, or 0
// for any.
func served(t *testing.T, addr string, most uint16) (serial int64, protocol string, err error) {
	t.Helper()
	o := tls.Config{InsecureSkipVerify: true, NextProtos: []string{"h2", "http/1.1"}, MaxVersion: most}
	conn, err := tls.Dial("tcp", addr, &o)
	if err != nil {
		return 0, "", err
	}
	defer conn.Close()
	s := conn.ConnectionState()
	return s.PeerCertificates[0].SerialNumber.Int64(), s.NegotiatedProtocol, nil
}

// log is a log that also sends each line to a channel.
type log struct {
	mu    sync.Mutex
	text  bytes.Buffer
	lines chan string
}

func (l *log) Write(p []byte) (int, error) {
	l.mu.Lock()
	defer l.mu.Unlock()
	l.lines <- string(p)
	return l.text.Write(p)
}

// A renewed certificate is served without a restart; an invalid one is not.
func TestRenewedCertificateIsServed(t *testing.T) {
	t.Parallel()
	folder := t.TempDir()
	certFile, keyFile := write(t, folder, 1)
	c, err := web.OpenCertificate(certFile, keyFile)
	if err != nil {
		t.Fatal(err)
	}
	l, err := net.Listen("tcp", "127.0.0.1:0")
	if err != nil {
		t.Fatal(err)
	}
	s := &http.Server{TLSConfig: c.Config()}
	go func() { _ = s.ServeTLS(l, "", "") }()
	t.Cleanup(func() { _ = s.Close() })
	logged := &log{lines: make(chan string, 100)}
	ctx, cancel := context.WithCancel(t.Context())
	done := make(chan struct{})
	go func() { defer close(done); c.Follow(ctx, time.Millisecond, slog.New(slog.NewTextHandler(logged, nil))) }()
	t.Cleanup(func() { cancel(); <-done })

	if serial, protocol, err := served(t, l.Addr().String(), 0); err != nil || serial != 1 || protocol != "h2" {
		t.Errorf("certificate %d, %q, %v", serial, protocol, err)
	}
	if _, _, err := served(t, l.Addr().String(), tls.VersionTLS11); err == nil {
		t.Error("TLS 1.1 is accepted")
	}
	key, err := os.ReadFile(keyFile)
	if err != nil {
		t.Fatal(err)
	}
	if err := os.WriteFile(keyFile, []byte("no key"), 0o600); err != nil {
		t.Fatal(err)
	}
	if line := <-logged.lines; !strings.Contains(line, "the previous one stays") || !strings.Contains(line, "key.pem") {
		t.Errorf("the log says %s", line)
	}
	if serial, _, err := served(t, l.Addr().String(), 0); err != nil || serial != 1 {
		t.Errorf("certificate %d, %v", serial, err)
	}
	// Restored files are valid again even if unchanged, and reported again when they disappear.
	aside := keyFile + ".aside"
	if err := os.WriteFile(aside, key, 0o600); err != nil {
		t.Fatal(err)
	}
	for range 3 {
		if err := os.Rename(aside, keyFile); err != nil {
			t.Fatal(err)
		}
		if line := <-logged.lines; !strings.Contains(line, "reloaded") {
			t.Errorf("after its return the log says %s", line)
		}
		if err := os.Rename(keyFile, aside); err != nil {
			t.Fatal(err)
		}
		if line := <-logged.lines; !strings.Contains(line, "level=ERROR") || !strings.Contains(line, "key.pem") {
			t.Errorf("without the key the log says %s", line)
		}
	}
	write(t, folder, 2)
	for line := range logged.lines {
		if strings.Contains(line, "reloaded") {
			break
		}
	}
	if serial, _, err := served(t, l.Addr().String(), 0); err != nil || serial != 2 {
		t.Errorf("certificate %d, %v", serial, err)
	}
}

func TestOpenNamesTheWrongFile(t *testing.T) {
	t.Parallel()
	folder := t.TempDir()
	certFile, keyFile := write(t, folder, 1)
	if _, err := web.OpenCertificate(filepath.Join(folder, "none.pem"), keyFile); err == nil ||
		!strings.Contains(err.Error(), "none.pem") {
		t.Error(err)
	}
	if _, err := web.OpenCertificate(keyFile, certFile); err == nil ||
		!strings.Contains(err.Error(), "are not a certificate and its key") {
		t.Error(err)
	}
}
