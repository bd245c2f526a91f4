package ingest

import (
	"crypto/ecdsa"
	"crypto/sha256"
	"crypto/x509"
	"encoding/base64"
	"encoding/pem"
	"errors"
	"net/http"
	"strings"
)

// Headers of SendGrid's signatures.
const (
	sendgridSignature = "X-Twilio-Email-Event-Webhook-Signature"
	sendgridTimestamp = "X-Twilio-Email-Event-Webhook-Timestamp"
)

// SendGrid returns the service for SendGrid's Event Webhook. PublicKey is the one that SendGrid shows, in
// base64 or PEM. The signature covers the timestamp and the body. Old requests are accepted, because
// repeating them changes nothing.
func SendGrid(publicKey string) (Service, error) {
	s := newService("sendgrid")
	key, err := parsePublicKey(publicKey)
	if err != nil {
		return s, err
	}
	s.verify = func(r *http.Request, body []byte) ([]byte, string, error) {
		timestamp := r.Header.Get(sendgridTimestamp)
		signature, err := base64.StdEncoding.DecodeString(r.Header.Get(sendgridSignature))
		if timestamp == "" || len(signature) == 0 || err != nil {
			return nil, "", refuse(http.StatusUnauthorized,
				"the request is not signed: turn on Signed Event Webhook, which adds the headers %s and %s",
				sendgridSignature, sendgridTimestamp)
		}
		digest := sha256.New()
		digest.Write([]byte(timestamp))
		digest.Write(body)
		if !ecdsa.VerifyASN1(key, digest.Sum(nil), signature) {
			return nil, "", refuse(http.StatusForbidden,
				"the signature is wrong: it was made by another key, or the body was changed on the way")
		}
		return body, "", nil
	}
	return s, nil
}

func parsePublicKey(text string) (*ecdsa.PublicKey, error) {
	var der []byte
	if block, _ := pem.Decode([]byte(text)); block != nil {
		der = block.Bytes
	} else {
		var err error
		if der, err = base64.StdEncoding.DecodeString(strings.Join(strings.Fields(text), "")); err != nil {
			return nil, errors.New("the public key is not base64: copy it from SendGrid, where it begins with MFkw")
		}
	}
	parsed, err := x509.ParsePKIXPublicKey(der)
	if key, ok := parsed.(*ecdsa.PublicKey); ok && err == nil {
		return key, nil
	}
	return nil, errors.New("it is not an ECDSA public key: copy it from SendGrid, where it begins with MFkw")
}
