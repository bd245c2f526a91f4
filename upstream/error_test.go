package upstream_test

import (
	"errors"
	"fmt"
	"net/http"
	"testing"

	"github.com/google/go-cmp/cmp"
	"pgregory.net/rapid"

	. "deliverygraph/upstream"
)

func TestStatuses(t *testing.T) {
	t.Parallel()
	// Statuses of the document and the vendor, in both directions.
	for code, status := range map[Code]int{
		InvalidArgument: 452, Unauthenticated: 451, NotFound: 404, Unavailable: 503, Timeout: 504,
	} {
		if got := StatusOf(code); got != status {
			t.Errorf("%s has status %d, want %d", code, got, status)
		}
		if got := CodeOfStatus(status); got != code {
			t.Errorf("status %d is %s, want %s", status, got, code)
		}
	}
	// Statuses that a client maps to another code than a server does.
	for code, status := range map[Code]int{PermissionDenied: 403, InvalidResponse: 502, Internal: 500, "made_up": 500} {
		if got := StatusOf(code); got != status {
			t.Errorf("%s has status %d, want %d", code, got, status)
		}
	}
	for status, code := range map[int]Code{
		200: "", 202: Unavailable, 204: InvalidResponse, 302: InvalidResponse, 400: InvalidArgument,
		401: Unauthenticated, 403: Unauthenticated,
		405: InvalidResponse, 408: Timeout, 410: NotFound, 418: InvalidResponse, 429: Unavailable, 453: InvalidResponse,
		500: InvalidResponse, 502: Unavailable,
	} {
		if got := CodeOfStatus(status); got != code {
			t.Errorf("status %d is %q, want %q", status, got, code)
		}
	}
}

func TestAppendError(t *testing.T) {
	t.Parallel()
	for want, e := range map[string]*Error{
		`{"error":{"code":452,"message":"offset must be \"0\" or more","parameter":"offset"}}`: {
			Code: InvalidArgument, Parameter: "offset", Message: `offset must be "0" or more`,
		},
		`{"error":{"code":404,"message":"no such bounce"}}`: {
			Code: NotFound, Message: "no such bounce",
		},
		`{"error":{"code":500,"message":"internal"}}`: {
			Code: Internal, Err: errors.New("secret"),
		},
	} {
		if got := string(AppendError(nil, StatusOf(e.Code), e)); got != want {
			t.Errorf("got %s\nwant %s", got, want)
		}
	}
}

func TestErrorsRoundTrip(t *testing.T) {
	t.Parallel()
	rapid.Check(t, func(t *rapid.T) {
		code := rapid.SampledFrom([]Code{InvalidArgument, Unauthenticated, NotFound, Unavailable, Timeout}).Draw(t,
			"code")
		want := &Error{
			Code: code, Status: StatusOf(code),
			Message: rapid.StringN(1, -1, -1).Draw(t, "message"), Parameter: rapid.String().Draw(t, "parameter"),
		}
		if diff := cmp.Diff(want, DecodeError(string(AppendError(nil, want.Status, want)))); diff != "" {
			t.Fatalf("-want +got\n%s", diff)
		}
	})
}

// DecodeError ignores bodies that are not in our form.
func TestDecodeErrorIgnoresOtherBodies(t *testing.T) {
	t.Parallel()
	for _, body := range []string{
		"", "null", "[]", "{}", "<html>", `"error"`, `{"error":"no"}`, `{"error":null}`, `{"error":{}}`,
		`{"error":{"code":452}}`,
		`{"error":{"message":"no"}}`, `{"error":{"code":200,"message":"no"}}`, `{"error":{"code":4520,"message":"no"}}`,
		`{"error":{"code":"x","message":"no"}}`,
		`{"error":{"code":9223372036854775807,"message":"no"}}`, `{"error":{"code":452,"message":["no"]}}`,
		`{"error":{"code":452,"message":"no"}} ` + "x", `{"error":{"code":452,"message":"no"}`,
	} {
		if e := DecodeError(body); *e != (Error{}) {
			t.Errorf("%s: got %#v", body, e)
		}
	}
	want := &Error{Code: InvalidArgument, Status: 452, Message: "no", Parameter: "offset"}
	if diff := cmp.Diff(want,
		DecodeError(` {"x":[1], "error": {"parameter": "offset", "x": {}, "message": "no", `+
			`"code": 452}, "data": null} `)); diff != "" {
		t.Errorf("other keys and another order: -want +got\n%s", diff)
	}
}

func TestErrorText(t *testing.T) {
	t.Parallel()
	cause := errors.New("connection refused")
	e := &Error{
		Code: Unavailable, Status: http.StatusServiceUnavailable, Message: "the metrics API cannot be reached",
		Err: cause,
	}
	if got, want := e.Error(), "the metrics API cannot be reached: connection refused"; got != want {
		t.Errorf("got %q, want %q", got, want)
	}
	if got, want := (&Error{Code: Internal}).Error(), "internal"; got != want {
		t.Errorf("got %q, want %q", got, want)
	}
	wrapped := fmt.Errorf("list bounces of user 21: %w", e)
	if !errors.Is(wrapped, cause) || CodeOf(wrapped) != Unavailable || CodeOf(cause) != Internal {
		t.Errorf("%v has the code %s, its cause %s", wrapped, CodeOf(wrapped), CodeOf(cause))
	}
}
