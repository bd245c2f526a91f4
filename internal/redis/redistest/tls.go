package redistest

import (
	"crypto/x509"
	"encoding/pem"
	"net/http/httptest"
	"os"
	"path/filepath"
	"strconv"
	"testing"
)

// TLS starts a server that takes TLS on a second port. It returns the address of that, and the file of the authority to
// trust.
func TLS(t testing.TB, settings ...string) (addr, authority string) {
	t.Helper()
	web := httptest.NewTLSServer(nil) // for its certificate of 127.0.0.1
	defer web.Close()
	pair := web.TLS.Certificates[0]
	key, err := x509.MarshalPKCS8PrivateKey(pair.PrivateKey)
	if err != nil {
		t.Fatal(err)
	}
	dir := t.TempDir()
	write := func(name, kind string, der []byte) string {
		file := filepath.Join(dir, name)
		if err := os.WriteFile(file, pem.EncodeToMemory(&pem.Block{Type: kind, Bytes: der}), 0o600); err != nil {
			t.Fatal(err)
		}
		return file
	}
	authority = write("certificate.pem", "CERTIFICATE", pair.Certificate[0])
	port := strconv.Itoa(freePort(t))
	Start(t, append([]string{
		"--tls-port", port, "--tls-cert-file", authority, "--tls-key-file", write("key.pem", "PRIVATE KEY", key),
		"--tls-ca-cert-file", authority, "--tls-auth-clients", "no",
	}, settings...)...)
	return "127.0.0.1:" + port, authority
}
