package ingest

import (
	"context"
	"crypto"
	"crypto/rsa"
	"crypto/sha1"
	"crypto/sha256"
	"encoding/base64"
	"errors"
	"net/http"
	"net/url"
	"regexp"
	"slices"
	"strings"

	"github.com/go-json-experiment/json"
	"github.com/go-json-experiment/json/jsontext"
)

// Fetch downloads a URL.
type Fetch func(ctx context.Context, url string) ([]byte, error)

// SESOptions say which messages of SNS to accept.
type SESOptions struct {
	Topics   []string // ARNs of the topics; "*" accepts all topics of all accounts
	Unsigned bool     // accept messages without checking their signatures, and events without envelopes
	Fetch    Fetch    // nil means by HTTPS
}

// SES returns the service for events of Amazon SES that arrive through SNS. It confirms subscriptions to
// the topics.
func SES(o SESOptions) (Service, error) {
	s := newService("ses")
	if !o.Unsigned && len(o.Topics) == 0 {
		return s, errors.New("name the topics, such as arn:aws:sns:us-east-1:123456789012:ses-events")
	}
	for _, topic := range o.Topics {
		if topic != "*" && !topicARN.MatchString(topic) {
			return s, errors.New("a topic is an ARN such as arn:aws:sns:us-east-1:123456789012:ses-events")
		}
	}
	if o.Fetch == nil {
		o.Fetch = fetch
	}
	sns := &sns{o: o, certificates: certificates{fetch: o.Fetch, turn: make(chan struct{}, 1)}}
	s.verify = func(r *http.Request, body []byte) ([]byte, string, error) {
		return sns.verify(r.Context(), r.Header, body)
	}
	return s, nil
}

var topicARN = regexp.MustCompile(`^arn:aws[a-z-]*:sns:[a-z0-9-]+:\d{12}:[A-Za-z0-9_.-]+$`)

// envelope is a message of SNS.
type envelope struct {
	Type, Token, Message, Timestamp, SubscribeURL, SigningCertURL, SignatureVersion, Signature string

	MessageID string  `json:"MessageId"`
	TopicARN  string  `json:"TopicArn"`
	Subject   *string // nil if there is none
}

// parse reads an envelope. Unlike with encoding/json, names match exactly, as they are signed.
func (e *envelope) parse(body []byte) error {
	return json.Unmarshal(body, e, jsontext.AllowDuplicateNames(true), jsontext.AllowInvalidUTF8(true))
}

// signed returns the text that the signature covers.
func (e *envelope) signed() []byte {
	fields := []string{"Message", e.Message, "MessageId", e.MessageID}
	switch {
	case e.Type != notification:
		fields = append(fields, "SubscribeURL", e.SubscribeURL)
	case e.Subject != nil:
		fields = append(fields, "Subject", *e.Subject)
	}
	fields = append(fields, "Timestamp", e.Timestamp)
	if e.Type != notification {
		fields = append(fields, "Token", e.Token)
	}
	fields = append(fields, "TopicArn", e.TopicARN, "Type", e.Type)
	return []byte(strings.Join(fields, "\n") + "\n")
}

// Types of messages.
const (
	notification = "Notification"
	subscribe    = "SubscriptionConfirmation"
	unsubscribe  = "UnsubscribeConfirmation"
)

type sns struct {
	o            SESOptions
	certificates certificates
}

// verify authenticates a message, and confirms subscriptions. For a notification, it returns an envelope
// with nothing but signed data.
func (s *sns) verify(ctx context.Context, h http.Header, body []byte) ([]byte, string, error) {
	var e envelope
	err := e.parse(body)
	switch {
	case s.o.Unsigned && (err != nil || e.Type == ""):
		return body, "", nil // events without an envelope
	case err != nil:
		return nil, "", refuse(http.StatusBadRequest,
			"the body is not a message of SNS: it must be a JSON object whose fields are strings")
	case e.Type == "" && strings.EqualFold(h.Get("X-Amz-Sns-Rawdelivery"), "true"):
		return nil, "", refuse(http.StatusForbidden,
			"raw messages have no signature: turn raw message delivery off in the subscription")
	case e.Type != notification && e.Type != subscribe && e.Type != unsubscribe:
		return nil, "", refuse(http.StatusBadRequest, "the body is not a message of SNS: Type must be %s, %s or %s",
			notification, subscribe, unsubscribe)
	case len(s.o.Topics) > 0 && !slices.Contains(s.o.Topics, "*") && !slices.Contains(s.o.Topics, e.TopicARN):
		return nil, "", refuse(http.StatusForbidden, "the topic %.200q is not accepted here", e.TopicARN)
	}
	if !s.o.Unsigned {
		if err := s.checkSignature(ctx, &e); err != nil {
			return nil, "", err
		}
	}
	switch e.Type {
	case subscribe:
		done, err := s.confirm(ctx, &e)
		return nil, done, err
	case unsubscribe:
		return nil, "the subscription to " + e.TopicARN + " has ended", nil
	}
	body, err = json.Marshal(map[string]string{
		"Type": e.Type, "TopicArn": e.TopicARN, "Message": e.Message, "Timestamp": e.Timestamp,
	})
	return body, "", err
}

func (s *sns) checkSignature(ctx context.Context, e *envelope) error {
	signature, err := base64.StdEncoding.DecodeString(e.Signature)
	if err != nil || len(signature) == 0 {
		return refuse(http.StatusUnauthorized, "the message is not signed: it has no Signature")
	}
	var hash crypto.Hash
	var digest []byte
	switch e.SignatureVersion {
	case "1":
		sum := sha1.Sum(e.signed())
		hash, digest = crypto.SHA1, sum[:]
	case "2":
		sum := sha256.Sum256(e.signed())
		hash, digest = crypto.SHA256, sum[:]
	default:
		return refuse(http.StatusForbidden, "SignatureVersion must be 1 or 2, not %.20q", e.SignatureVersion)
	}
	if !ofSNS(e.SigningCertURL) || !strings.HasSuffix(e.SigningCertURL, ".pem") {
		return refuse(http.StatusForbidden,
			"SigningCertURL must be of SNS, "+
				"such as https://sns.us-east-1.amazonaws.com/SimpleNotificationService-….pem")
	}
	key, err := s.certificates.key(ctx, e.SigningCertURL)
	if err != nil {
		return err
	}
	if rsa.VerifyPKCS1v15(key, hash, digest, signature) != nil {
		return refuse(http.StatusForbidden, "the signature is wrong")
	}
	return nil
}

// confirm confirms a subscription.
func (s *sns) confirm(ctx context.Context, e *envelope) (done string, err error) {
	if !ofSNS(e.SubscribeURL) {
		return "", refuse(http.StatusForbidden,
			"SubscribeURL must be of SNS, such as https://sns.us-east-1.amazonaws.com/?Action=ConfirmSubscription&…")
	}
	if _, err := s.o.Fetch(ctx, e.SubscribeURL); err != nil {
		return "", unreachable("the subscription could not be confirmed", err)
	}
	return "the subscription to " + e.TopicARN + " is confirmed", nil
}

// ofSNS reports whether a URL belongs to SNS. Other hosts below amazonaws.com, such as those of S3, may
// belong to anyone.
func ofSNS(text string) bool {
	u, err := url.Parse(text)
	return err == nil && u.Scheme == "https" && u.User == nil && snsHost.MatchString(u.Host)
}

var snsHost = regexp.MustCompile(`^sns\.[a-z0-9-]{3,}\.amazonaws\.com(\.cn)?$`)

// unreachable returns an error that asks to send the message again.
func unreachable(what string, err error) error {
	return &refusal{http.StatusServiceUnavailable, what + ": " + err.Error(), map[string]string{"Retry-After": "10"}}
}
