package gateway

import (
	"crypto/tls"
	"crypto/x509"
	"encoding/pem"
	"io"
	"net/http"
	"net/http/httptest"
	"os"
	"os/exec"
	"path/filepath"
	"regexp"
	"strings"
	"testing"
)

// Prometheus accepts the rules, and they raise the intended alerts.
func TestAlertsFireAsDocumented(t *testing.T) {
	t.Parallel()
	promtool, err := exec.LookPath("promtool")
	if err != nil {
		t.Skip("promtool is not installed")
	}
	for _, args := range [][]string{{"check", "rules", "alerts.yaml"}, {"test", "rules", "alerts_test.yaml"}} {
		c := exec.CommandContext(t.Context(), promtool, args...)
		c.Dir = "../../deploy"
		if out, err := c.CombinedOutput(); err != nil {
			t.Errorf("promtool %s: %v\n%s", strings.Join(args, " "), err, out)
		}
	}
}

// The alerts and docs/operating.md use only metrics that a gateway has after some requests.
func TestMetricsInAlertsAndDocumentsExist(t *testing.T) {
	t.Parallel()
	// A test server's client trusts its certificate.
	pair := httptest.NewUnstartedServer(nil)
	pair.StartTLS()
	defer pair.Close()
	cert, key := writePair(t, pair.TLS.Certificates[0])
	p := start(t, "--admin-listen", "127.0.0.1:0", "--redis", "redis://127.0.0.1:1",
		"--tls-cert", cert, "--tls-key", key)
	for _, query := range []string{`{ bounces(window: {last: "P1D"}, first: 1) { nodes { id } } }`, `{ nothing }`} {
		resp, err := pair.Client().Post(p.graphql, "application/json",
			strings.NewReader(`{"query": "`+strings.ReplaceAll(query, `"`, `\"`)+`"}`))
		if err != nil {
			t.Fatal(err)
		}
		_, _ = io.Copy(io.Discard, resp.Body)
		_ = resp.Body.Close()
	}
	pair.Client().CloseIdleConnections()
	_, text := p.do(http.MethodGet, p.admin+"/metrics", "")
	if end := sample(t, text, "deliverygraph_certificate_not_after_timestamp_seconds"); int64(
		end) != pair.Certificate().NotAfter.Unix() {
		t.Errorf("the certificate ends at %g", end)
	}
	for _, file := range []string{"../../deploy/alerts.yaml", "../../docs/operating.md"} {
		b, err := os.ReadFile(file)
		if err != nil {
			t.Fatal(err)
		}
		names := regexp.MustCompile(`\b(deliverygraph|go|process)_[a-z_]*[a-z]\b`).FindAllString(string(b), -1)
		if len(names) == 0 {
			t.Errorf("%s queries no metric", file)
		}
		for _, name := range names {
			if !regexp.MustCompile(`(?m)^(# TYPE ` + name + ` |` + name + `[{ ])`).MatchString(text) {
				t.Errorf("%s queries %s, which does not exist", file, name)
			}
		}
	}
}

func writePair(t *testing.T, pair tls.Certificate) (cert, key string) {
	t.Helper()
	der, err := x509.MarshalPKCS8PrivateKey(pair.PrivateKey)
	if err != nil {
		t.Fatal(err)
	}
	dir := t.TempDir()
	cert, key = filepath.Join(dir, "cert.pem"), filepath.Join(dir, "key.pem")
	for path, b := range map[string]*pem.Block{
		cert: {Type: "CERTIFICATE", Bytes: pair.Certificate[0]}, key: {Type: "PRIVATE KEY", Bytes: der},
	} {
		if err := os.WriteFile(path, pem.EncodeToMemory(b), 0o600); err != nil {
			t.Fatal(err)
		}
	}
	return cert, key
}
