package web

import (
	"crypto/x509"
	"fmt"
	"os"
)

// ReadAuthorities reads a PEM file of the authorities to trust.
func ReadAuthorities(file string) (*x509.CertPool, error) {
	pem, err := os.ReadFile(file)
	if err != nil {
		return nil, err
	}
	roots := x509.NewCertPool()
	if !roots.AppendCertsFromPEM(pem) {
		return nil, fmt.Errorf("%s contains no certificate in PEM", file)
	}
	return roots, nil
}
