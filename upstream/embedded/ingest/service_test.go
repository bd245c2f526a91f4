package ingest_test

import (
	"bytes"
	"crypto/ecdsa"
	"crypto/elliptic"
	"crypto/hmac"
	"crypto/rand"
	"crypto/sha256"
	"crypto/x509"
	"encoding/base64"
	"encoding/hex"
	"encoding/json"
	"encoding/pem"
	"fmt"
	"mime/multipart"
	"net/http"
	"net/url"
	"strings"
	"testing"
	"time"

	"deliverygraph/upstream/embedded/ingest"
)

const (
	postmarkBounce = `{"RecordType":"Bounce","MessageID":"883953f4-6105-42a2-a16a-77a8eac79483","ServerID":23,` +
		`"Type":"HardBounce","TypeCode":1,"ID":1,"Email":"b@example.net","From":"news@example.com",` +
		`"BouncedAt":"2016-11-22T00:00:06Z","Details":"smtp;550 5.1.1 User unknown"}`
	sparkpostEvent = `[{"msys":{"message_event":{"type":"delivery","event_id":"1","message_id":"m1",` +
		`"transmission_id":"t1","rcpt_to":"a@example.net","friendly_from":"news@example.com",` +
		`"timestamp":"1479772805","subaccount_id":"0"}}}]`
)

func TestBasicAuthentication(t *testing.T) {
	t.Parallel()
	for name, body := range map[string]string{"postmark": postmarkBounce, "sparkpost": sparkpostEvent} {
		service, err := ingest.Basic(name, "hook:a password: with a colon")
		if err != nil {
			t.Fatal(err)
		}
		p := serve(t, ingest.Options{Services: []ingest.Service{service}})
		basic := func(credentials string) string {
			return "Basic " + base64.StdEncoding.EncodeToString([]byte(credentials))
		}
		for _, wrong := range []string{"", "Bearer x", basic("hook:"), basic("other:a password: with a colon"),
			basic("hook:a password: with a comma")} {
			if status, a := p.post("/"+name, []byte(body), "Authorization", wrong); status != http.StatusUnauthorized {
				t.Errorf("%s, %q: %d, %+v", name, wrong, status, a)
			}
		}
		p.want()
		if status, a := p.post("/"+name, []byte(body), "Authorization",
			basic("hook:a password: with a colon")); status != 200 || a.Records != 1 || a.New == 0 {
			t.Errorf("%s: %d, %+v", name, status, a)
		}
		for _, wrong := range []string{"", "hook", ":", "hook:", ":password"} {
			if _, err := ingest.Basic(name, wrong); err == nil {
				t.Errorf("the credentials %q are taken", wrong)
			}
		}
	}
}

func TestSendGridSignature(t *testing.T) {
	t.Parallel()
	key, _ := ecdsa.GenerateKey(elliptic.P256(), rand.Reader)
	other, _ := ecdsa.GenerateKey(elliptic.P256(), rand.Reader)
	der, err := x509.MarshalPKIXPublicKey(&key.PublicKey)
	if err != nil {
		t.Fatal(err)
	}
	signature := func(key *ecdsa.PrivateKey, timestamp string, body []byte) string {
		digest := sha256.Sum256(append([]byte(timestamp), body...))
		s, err := ecdsa.SignASN1(rand.Reader, key, digest[:])
		if err != nil {
			t.Fatal(err)
		}
		return base64.StdEncoding.EncodeToString(s)
	}
	body := list(processed, delivered, bounced)
	for _, written := range []string{base64.StdEncoding.EncodeToString(der),
		string(pem.EncodeToMemory(&pem.Block{Type: "PUBLIC KEY", Bytes: der}))} {
		service, err := ingest.SendGrid(written)
		if err != nil {
			t.Fatal(err)
		}
		p := serve(t, ingest.Options{Services: []ingest.Service{service}})
		for name, c := range map[string]struct {
			timestamp, signature string
			want                 int
		}{
			"none":            {"", "", 401},
			"not base64":      {"1479772810", "!", 401},
			"no timestamp":    {"", signature(key, "", body), 401},
			"nonsense":        {"1479772810", "bm9uc2Vuc2U=", 403},
			"of another key":  {"1479772810", signature(other, "1479772810", body), 403},
			"of another time": {"1479772811", signature(key, "1479772810", body), 403},
			"of another body": {"1479772810", signature(key, "1479772810", list(processed)), 403},
		} {
			if status, a := p.post("/sendgrid", body, "X-Twilio-Email-Event-Webhook-Signature", c.signature,
				"X-Twilio-Email-Event-Webhook-Timestamp", c.timestamp); status != c.want {
				t.Errorf("signature %s: %d, %+v", name, status, a)
			}
		}
		p.want()
		if status, a := p.post("/sendgrid", body, "X-Twilio-Email-Event-Webhook-Signature", signature(key, "1479772810",
			body), "X-Twilio-Email-Event-Webhook-Timestamp", "1479772810"); status != 200 {
			t.Errorf("%d, %+v", status, a)
		}
		p.want(sendgridRows...)
	}
	for _, wrong := range []string{"", "key", "bm8=", base64.StdEncoding.EncodeToString([]byte("MFkw"))} {
		if _, err := ingest.SendGrid(wrong); err == nil {
			t.Errorf("the key %q is taken", wrong)
		}
	}
}

// Webhooks of Mailgun that were made before 2023 send forms, with the signature among the fields.
func TestLegacyWebhooksOfMailgunAreForms(t *testing.T) {
	t.Parallel()
	now := time.Unix(1479772900, 0)
	service, err := ingest.Mailgun("signing-key", 15*time.Minute, func() time.Time { return now })
	if err != nil {
		t.Fatal(err)
	}
	p := serve(t, ingest.Options{Services: []ingest.Service{service}})
	form := func(token, key, recipient string) url.Values {
		mac := hmac.New(sha256.New, []byte(key))
		mac.Write([]byte("1479772890" + token))
		return url.Values{
			"event": {"bounced"}, "recipient": {recipient}, "code": {"550"}, "error": {"5.1.1 No such user"},
			"message-headers": {
				`[["Message-Id", "<1@example.com>"], ["From", "news@example.com"], ["To", "` + recipient + `"]]`,
			},
			"tag": {"spring", "news"}, "timestamp": {"1479772890"}, "token": {token},
			"signature": {hex.EncodeToString(mac.Sum(nil))},
		}
	}
	urlencoded := func(v url.Values) (int, answer) {
		return p.post("/mailgun", []byte(v.Encode()), "Content-Type", "application/x-www-form-urlencoded")
	}
	parts := func(v url.Values) (int, answer) { // with another boundary each time
		var body bytes.Buffer
		w := multipart.NewWriter(&body)
		for name, values := range v {
			for _, value := range values {
				_ = w.WriteField(name, value)
			}
		}
		file, _ := w.CreateFormFile("attachment-1", "bounce.eml")
		_, _ = file.Write([]byte("Subject: x\n"))
		_ = w.Close()
		return p.post("/mailgun", body.Bytes(), "Content-Type", w.FormDataContentType())
	}
	for i, c := range []struct {
		send                  func(url.Values) (int, answer)
		token, key, recipient string
		want                  int
	}{
		{urlencoded, "t1", "signing-key", "a@example.net", 200},
		{urlencoded, "t1", "signing-key", "a@example.net", 200},
		{urlencoded, "t1", "signing-key", "b@example.net", 403},
		{urlencoded, "t2", "other-key", "b@example.net", 403},
		{parts, "t3", "signing-key", "c@example.net", 200},
		{parts, "t3", "signing-key", "c@example.net", 200},
		{parts, "t4", "other-key", "d@example.net", 403},
	} {
		if status, a := c.send(form(c.token, c.key, c.recipient)); status != c.want {
			t.Errorf("case %d: %d, %+v", i, status, a)
		}
	}
	for kind, body := range map[string]string{
		"application/x-www-form-urlencoded": "event=%zz", "multipart/form-data": "x",
	} {
		if status, a := p.post("/mailgun", []byte(body), "Content-Type", kind); status != 400 {
			t.Errorf("%s: %d, %+v", kind, status, a)
		}
	}
	for _, size := range []int{1 << 20, 5 << 20} { // decoding must not multiply what an unsigned request may send
		long := form("t5", "signing-key", "e@example.net")
		long.Set("notification", strings.Repeat("x", size))
		for i, send := range []func(url.Values) (int, answer){urlencoded, parts} {
			if status, a := send(long); status != 413 {
				t.Errorf("form %d of %d bytes: %d, %+v", i, size, status, a)
			}
		}
	}
	p.want("bounce a@example.net hard bad-mailbox", "bounce c@example.net hard bad-mailbox",
		"email a@example.net user 1 delivered false", "email c@example.net user 1 delivered false")
}

func TestMailgunEventsMayBeCalledForms(t *testing.T) {
	t.Parallel()
	p := serve(t, ingest.Options{Services: []ingest.Service{ingest.Unsigned("mailgun")}})
	event := `{"event-data":{"event":"delivered","timestamp":1479772805,"recipient":"a@example.net",` +
		`"message":{"headers":{"message-id":"1@example.com"}}}}`
	if status, a := p.post("/mailgun", []byte(event), "Content-Type",
		"application/x-www-form-urlencoded"); status != http.StatusOK || a.New != 1 {
		t.Errorf("%d, %+v", status, a)
	}
}

func TestMailgunSignature(t *testing.T) {
	t.Parallel()
	now := time.Unix(1479772900, 0)
	service, err := ingest.Mailgun("signing-key", 15*time.Minute, func() time.Time { return now })
	if err != nil {
		t.Fatal(err)
	}
	p := serve(t, ingest.Options{Services: []ingest.Service{service}})
	send := func(key, token string, at time.Time, recipient, member string) int {
		timestamp := fmt.Sprint(at.Unix())
		mac := hmac.New(sha256.New, []byte(key))
		mac.Write([]byte(timestamp + token))
		signed := map[string]string{"timestamp": timestamp, "token": token, "signature": "00"}
		signed[member] = hex.EncodeToString(mac.Sum(nil))
		body, err := json.Marshal(map[string]any{"signature": signed, "event-data": map[string]any{
			"event": "delivered", "timestamp": 1479772805.25, "recipient": recipient,
			"envelope": map[string]string{"sender": "news@example.com"},
			"message": map[string]any{"headers": map[string]string{"message-id": "1@example.com",
				"from": "news@example.com",
				"to":   recipient}},
		}})
		if err != nil {
			t.Fatal(err)
		}
		status, a := p.post("/mailgun", body)
		if (status == 200) != (a.Error == "") {
			t.Errorf("%d, %+v", status, a)
		}
		return status
	}
	for i, c := range []struct {
		key, token, recipient, member string
		age                           time.Duration
		want                          int
	}{
		{"other-key", "t1", "a@example.net", "signature", 0, 403},
		{"signing-key", "t1", "a@example.net", "signature", 16 * time.Minute, 403},
		{"signing-key", "t1", "a@example.net", "signature", -16 * time.Minute, 403},
		{"signing-key", "t1", "a@example.net", "signature", time.Minute, 200},
		{"signing-key", "t1", "a@example.net", "signature", time.Minute, 200}, // sent again
		{"signing-key", "t1", "b@example.net", "signature", time.Minute, 403}, // another body
		{"signing-key", "t2", "b@example.net", "parent-signature", time.Minute, 200},
	} {
		if got := send(c.key, c.token, now.Add(-c.age), c.recipient, c.member); got != c.want {
			t.Errorf("case %d: %d, want %d", i, got, c.want)
		}
	}
	for _, body := range []string{"{}", `{"signature":{"timestamp":"1479772900","token":"t"},"event-data":{}}`} {
		if status, a := p.post("/mailgun", []byte(body)); status != 401 {
			t.Errorf("%s: %d, %+v", body, status, a)
		}
	}
	for _, body := range []string{"event=delivered&token=t", `{"signature":5}`, `{"signature":{"token":5}}`, "[]"} {
		if status, a := p.post("/mailgun", []byte(body)); status != 400 || strings.Contains(a.Error, "Go ") {
			t.Errorf("%s: %d, %+v", body, status, a)
		}
	}
	p.want("email a@example.net user 1 delivered true", "email b@example.net user 1 delivered true")
}
