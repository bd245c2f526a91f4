package upstream_test

import (
	"errors"
	"net/url"
	"testing"

	"pgregory.net/rapid"

	. "deliverygraph/upstream"
)

func TestBounceKeyPath(t *testing.T) {
	t.Parallel()
	for email, want := range map[string]string{
		"20160829200233.000004d57a76@mail6-45-ussnn1": "/bounce/405954/107546/1472500955/" +
			"20160829200233.000004d57a76@mail6-45-ussnn1",
		"a/b?c#d%e f+g": "/bounce/405954/107546/1472500955/a%2Fb%3Fc%23d%25e%20f+g",
		"é":             "/bounce/405954/107546/1472500955/%C3%A9",
	} {
		k := BounceKey{UserID: 405954, SenderID: 107546, BounceTime: 1472500955, EmailID: email}
		if got := k.Path(); got != want {
			t.Errorf("%q has the path %s, want %s", email, got, want)
		}
	}
}

// Bounce keys survive the way of a request: from path to URL to path.
func TestBounceKeysRoundTrip(t *testing.T) {
	t.Parallel()
	rapid.Check(t, func(t *rapid.T) {
		k := BounceKey{
			UserID:     ID(rapid.Int64Min(1).Draw(t, "user")),
			SenderID:   ID(rapid.Int64Min(1).Draw(t, "sender")),
			BounceTime: Time(rapid.Int64Range(-62167219200, 253402300799).Draw(t, "time")),
			EmailID:    rapid.StringN(1, -1, -1).Draw(t, "email"),
		}
		u, err := url.Parse("http://127.0.0.1" + k.Path())
		if err != nil {
			t.Fatal(err)
		}
		for _, path := range []string{u.EscapedPath(), u.EscapedPath()[len(BouncePath):]} {
			if got, err := ParseBounceKey(path); err != nil || got != k {
				t.Fatalf("%s is %+v, %v; want %+v", path, got, err, k)
			}
		}
	})
}

func TestWrongBouncePathsAreRefused(t *testing.T) {
	t.Parallel()
	const shape = " is missing: the path is /bounce/[user_id]/[sender_id]/[bounce_time]/[email_id]"
	for path, want := range map[string]Error{
		"/bounce/":                  {Parameter: "user_id", Message: "user_id" + shape},
		"/bounce/21":                {Parameter: "sender_id", Message: "sender_id" + shape},
		"/bounce/21//1/a":           {Parameter: "sender_id", Message: "sender_id" + shape},
		"/bounce/21/17/1479772800":  {Parameter: "email_id", Message: "email_id" + shape},
		"/bounce/21/17/1479772800/": {Parameter: "email_id", Message: "email_id" + shape},
		"/bounce/x/17/1479772800/a": {
			Parameter: "user_id", Message: "user_id must be a positive whole number",
		},
		"/bounce/21/0/1479772800/a": {
			Parameter: "sender_id", Message: "sender_id must be a positive whole number",
		},
		"/bounce/21/17/2016-11-22/a": {
			Parameter: "bounce_time",
			Message:   "bounce_time must be the bounce's time in Unix seconds, such as 1479772800",
		},
		"/bounce/21/17/1479772800000/a": {
			Parameter: "bounce_time",
			Message:   "bounce_time must be the bounce's time in Unix seconds, such as 1479772800",
		},
		"/bounce/21/17/-62167219201/a": {
			Parameter: "bounce_time",
			Message:   "bounce_time must be the bounce's time in Unix seconds, such as 1479772800",
		},
		"/bounce/21/17/+1/a": {
			Parameter: "bounce_time",
			Message:   "bounce_time must be the bounce's time in Unix seconds, such as 1479772800",
		},
		"/bounce/21/17/99999999999999999999/": {Parameter: "email_id", Message: "email_id" + shape},
		"/bounce/21/17/1479772800/a/b": {
			Parameter: "email_id", Message: "the path has too many parts: write a / within the email_id as %2F",
		},
		"/bounce/21/17/1479772800/%zz": {
			Parameter: "email_id",
			Message:   "email_id is not proper percent-encoding of UTF-8: write a percent sign as %25",
		},
		"/bounce/21/17/1479772800/%ff": {
			Parameter: "email_id",
			Message:   "email_id is not proper percent-encoding of UTF-8: write a percent sign as %25",
		},
	} {
		_, err := ParseBounceKey(path)
		var e *Error
		if !errors.As(err, &e) || e.Code != InvalidArgument || e.Parameter != want.Parameter ||
			e.Message != want.Message {
			t.Errorf("%s: got %v of %q\nwant %s", path, err, e.Parameter, want.Message)
		}
	}
}
