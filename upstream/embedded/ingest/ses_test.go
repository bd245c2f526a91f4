package ingest_test

import (
	"context"
	"crypto"
	"crypto/rand"
	"crypto/rsa"
	"crypto/sha1"
	"crypto/sha256"
	"crypto/x509"
	"crypto/x509/pkix"
	"encoding/base64"
	"encoding/json"
	"encoding/pem"
	"errors"
	"fmt"
	"math/big"
	"strings"
	"testing"
	"time"

	"deliverygraph/upstream/embedded/ingest"
)

// amazon is SNS, with a key and a certificate of its own.
type amazon struct {
	key         *rsa.PrivateKey
	certificate []byte
	fetched     []string
	down        bool
}

const (
	certURL = "https://sns.us-east-1.amazonaws.com/SimpleNotificationService-0123456789abcdef.pem"
	topic   = "arn:aws:sns:us-east-1:123456789012:ses-events"
)

func newAmazon(t *testing.T, from, to time.Time) *amazon {
	key, err := rsa.GenerateKey(rand.Reader, 2048)
	if err != nil {
		t.Fatal(err)
	}
	template := &x509.Certificate{SerialNumber: big.NewInt(1), Subject: pkix.Name{CommonName: "sns.amazonaws.com"},
		NotBefore: from, NotAfter: to}
	der, err := x509.CreateCertificate(rand.Reader, template, template, &key.PublicKey, key)
	if err != nil {
		t.Fatal(err)
	}
	return &amazon{key: key, certificate: pem.EncodeToMemory(&pem.Block{Type: "CERTIFICATE", Bytes: der})}
}

func (a *amazon) fetch(_ context.Context, url string) ([]byte, error) {
	a.fetched = append(a.fetched, url)
	switch {
	case a.down:
		return nil, errors.New("the network is down")
	case strings.HasSuffix(url, ".pem"):
		return a.certificate, nil
	}
	return []byte("<ConfirmSubscriptionResponse/>"), nil
}

// sign signs a message by the order of fields of SNS's documentation.
func (a *amazon) sign(t *testing.T, m map[string]string) []byte {
	t.Helper()
	fields := []string{"Message", "MessageId", "Subject", "Timestamp", "TopicArn", "Type"}
	if m["Type"] != "Notification" {
		fields = []string{"Message", "MessageId", "SubscribeURL", "Timestamp", "Token", "TopicArn", "Type"}
	}
	text := ""
	for _, name := range fields {
		if value, ok := m[name]; ok {
			text += name + "\n" + value + "\n"
		}
	}
	hash, digest := crypto.SHA256, sha256.New()
	if m["SignatureVersion"] == "1" {
		hash, digest = crypto.SHA1, sha1.New()
	}
	digest.Write([]byte(text))
	signature, err := rsa.SignPKCS1v15(rand.Reader, a.key, hash, digest.Sum(nil))
	if err != nil {
		t.Fatal(err)
	}
	m["Signature"] = base64.StdEncoding.EncodeToString(signature)
	body, err := json.Marshal(m)
	if err != nil {
		t.Fatal(err)
	}
	return body
}

const sesDelivery = `{"eventType":"Delivery","mail":{"timestamp":"2016-11-22T00:00:00.000Z","messageId":"0100",` +
	`"source":"news@example.com","sendingAccountId":"123456789012","destination":["a@example.net"]},` +
	`"delivery":{"timestamp":"2016-11-22T00:00:05.000Z","recipients":["a@example.net"]}}`

func notify(version string) map[string]string {
	return map[string]string{
		"Type": "Notification", "MessageId": "1", "TopicArn": topic, "Message": sesDelivery,
		"Timestamp":        "2016-11-22T00:00:06.000Z",
		"SignatureVersion": version, "SigningCertURL": certURL,
		"UnsubscribeURL": "https://sns.us-east-1.amazonaws.com/?Action=Unsubscribe",
	}
}

func with(m map[string]string, name, value string) map[string]string {
	m[name] = value
	return m
}

func ses(t *testing.T, o ingest.SESOptions) *port {
	t.Helper()
	service, err := ingest.SES(o)
	if err != nil {
		t.Fatal(err)
	}
	return serve(t, ingest.Options{Services: []ingest.Service{service}})
}

func TestSNSSignature(t *testing.T) {
	t.Parallel()
	now := time.Now()
	sns, other := newAmazon(t, now.Add(-time.Hour), now.Add(time.Hour)), newAmazon(t, now.Add(-time.Hour),
		now.Add(time.Hour))
	p := ses(t, ingest.SESOptions{Topics: []string{topic}, Fetch: sns.fetch})
	changed := func(name, value string) []byte {
		m := notify("2")
		sns.sign(t, m)
		body, err := json.Marshal(with(m, name, value))
		if err != nil {
			t.Fatal(err)
		}
		return body
	}
	for name, c := range map[string]struct {
		body []byte
		want int
	}{
		"of another key":        {other.sign(t, notify("2")), 403},
		"of another message":    {changed("Message", strings.Replace(sesDelivery, "a@", "c@", 2)), 403},
		"with a subject":        {changed("Subject", "added"), 403},
		"of another version":    {changed("SignatureVersion", "1"), 403},
		"of an unknown version": {changed("SignatureVersion", "3"), 403},
		"none":                  {changed("Signature", ""), 401},
		"of another topic":      {sns.sign(t, with(notify("2"), "TopicArn", topic+"-2")), 403},
		"of another host": {sns.sign(t, with(notify("2"), "SigningCertURL",
			"https://sns.us-east-1.amazonaws.com.example.com/x.pem")), 403},
		"of a bucket": {sns.sign(t, with(notify("2"), "SigningCertURL",
			"https://sns.s3.amazonaws.example/x.pem")), 403},
		"of a bucket of Amazon's": {sns.sign(t, with(notify("2"), "SigningCertURL",
			"https://bucket.s3.amazonaws.com/x.pem")), 403},
		"without TLS": {sns.sign(t, with(notify("2"), "SigningCertURL", strings.Replace(certURL, "https",
			"http", 1))), 403},
		"of a user's": {sns.sign(t, with(notify("2"), "SigningCertURL",
			"https://sns.us-east-1.amazonaws.com@example.com/x.pem")), 403},
		"of an unknown type": {sns.sign(t, with(notify("2"), "Type", "Other")), 400},
		"of a bare event":    {[]byte(sesDelivery), 400},
		"of an array":        {[]byte(`[]`), 400},
		"of a number":        {[]byte(`{"Type": 5}`), 400},
		"two in one body":    {append(sns.sign(t, notify("2")), sesDelivery...), 400},
	} {
		if status, a := p.post("/ses", c.body); status != c.want || a.Error == "" || strings.Contains(a.Error, "Go ") {
			t.Errorf("signature %s: %d, %+v; want %d", name, status, a, c.want)
		}
	}
	if status, a := p.post("/ses", []byte(sesDelivery), "X-Amz-Sns-Rawdelivery", "true"); status != 403 ||
		!strings.Contains(a.Error, "raw") {
		t.Errorf("raw delivery: %d, %+v", status, a)
	}
	p.want()
	for _, m := range []map[string]string{notify("1"), notify("2"), with(notify("2"), "Subject", "A subject")} {
		if status, a := p.post("/ses", sns.sign(t, m)); status != 200 || a.Records != 1 {
			t.Errorf("%d, %+v", status, a)
		}
	}
	p.want("email a@example.net user 2 delivered true")
	for _, url := range sns.fetched {
		if url != certURL {
			t.Errorf("%s was fetched", url)
		}
	}
	if len(sns.fetched) != 1 {
		t.Errorf("the certificate was fetched %d times", len(sns.fetched))
	}
}

func TestSNSCertificateMustExistAndBeValid(t *testing.T) {
	t.Parallel()
	now := time.Now()
	old := newAmazon(t, now.Add(-2*time.Hour), now.Add(-time.Hour))
	if status, a := ses(t, ingest.SESOptions{Topics: []string{"*"}, Fetch: old.fetch}).post("/ses", old.sign(t,
		notify("2"))); status != 403 {
		t.Errorf("a certificate that has ended: %d, %+v", status, a)
	}
	sns := newAmazon(t, now.Add(-time.Hour), now.Add(time.Hour))
	sns.down = true
	if status, a := ses(t, ingest.SESOptions{Topics: []string{"*"}, Fetch: sns.fetch}).post("/ses", sns.sign(t,
		notify("2"))); status != 503 {
		t.Errorf("no certificate can be fetched: %d, %+v", status, a)
	}
}

func TestSNSSubscriptionsAreConfirmed(t *testing.T) {
	t.Parallel()
	sns := newAmazon(t, time.Now().Add(-time.Hour), time.Now().Add(time.Hour))
	p := ses(t, ingest.SESOptions{Topics: []string{topic}, Fetch: sns.fetch})
	const url = "https://sns.us-east-1.amazonaws.com/?Action=ConfirmSubscription&TopicArn=" + topic + "&Token=abc"
	message := func(kind, url string) map[string]string {
		return map[string]string{
			"Type": kind, "MessageId": "1", "Token": "abc", "TopicArn": topic,
			"Message": "You have chosen to subscribe", "SubscribeURL": url,
			"Timestamp": "2016-11-22T00:00:06.000Z", "SignatureVersion": "1", "SigningCertURL": certURL,
		}
	}
	if status, a := p.post("/ses", sns.sign(t, message("SubscriptionConfirmation",
		"https://example.com/"))); status != 403 {
		t.Errorf("a URL of another host: %d, %+v", status, a)
	}
	body := sns.sign(t, message("SubscriptionConfirmation", url))
	if status, a := p.post("/ses", body[:len(body)-1]); status != 400 {
		t.Errorf("cut off: %d, %+v", status, a)
	}
	if len(sns.fetched) != 1 {
		t.Errorf("%q were fetched", sns.fetched)
	}
	if status, a := p.post("/ses", body); status != 200 || !strings.Contains(a.Done, "confirmed") {
		t.Errorf("%d, %+v", status, a)
	}
	if len(sns.fetched) != 2 || sns.fetched[1] != url {
		t.Errorf("%q were fetched", sns.fetched)
	}
	if status, a := p.post("/ses", sns.sign(t, message("UnsubscribeConfirmation", url))); status != 200 ||
		!strings.Contains(a.Done, "ended") {
		t.Errorf("%d, %+v", status, a)
	}
	if len(sns.fetched) != 2 {
		t.Errorf("to end a subscription, %q were fetched", sns.fetched)
	}
	sns.down = true
	if status, a := p.post("/ses", body); status != 503 {
		t.Errorf("the confirmation fails: %d, %+v", status, a)
	}
	p.want()
}

func TestSESWithoutSignatures(t *testing.T) {
	t.Parallel()
	p := ses(t, ingest.SESOptions{Unsigned: true, Fetch: func(context.Context, string) ([]byte, error) {
		return nil,
			errors.New("nothing is to be fetched")
	}})
	for _, body := range []string{sesDelivery, `{"Type":"Notification","TopicArn":"x","Message":` + fmt.Sprintf("%q",
		sesDelivery) + `}`} {
		if status, a := p.post("/ses", []byte(body)); status != 200 || a.Records != 1 {
			t.Errorf("%d, %+v", status, a)
		}
	}
	p.want("email a@example.net user 2 delivered true")
	if _, err := ingest.SES(ingest.SESOptions{}); err == nil {
		t.Error("signed messages of no topic are taken")
	}
}
