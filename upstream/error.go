package upstream

import (
	"errors"
	"fmt"
	"time"
)

// Code says whose fault a failure is and whether trying again can help.
type Code string

// The codes of an [Error].
const (
	InvalidArgument  Code = "invalid_argument"  // 452: the caller asked wrongly; Parameter says where
	Unauthenticated  Code = "unauthenticated"   // 451: the API key is missing or wrong
	PermissionDenied Code = "permission_denied" // ours: the caller may not see what it asked for
	NotFound         Code = "not_found"         // 404
	Unavailable      Code = "unavailable"       // 202, 429, 503 or no connection, after the last try
	Timeout          Code = "timeout"           // the deadline passed while waiting for the API
	InvalidResponse  Code = "invalid_response"  // the API answered something that is not in its contract
	Exhausted        Code = "exhausted"         // ours: the operation has made as many calls as it may
	Internal         Code = "internal"          // everything else: a fault of ours
)

// Error is a failure of an API call. Its Message is fit for callers of the API;
// Err is for logs alone, as it may name hosts.
type Error struct {
	Code       Code
	Parameter  string        // the REST parameter at fault, such as "start_time"; empty where none is
	Status     int           // the HTTP status that the API gave; 0 where there was none
	RetryAfter time.Duration // how long to wait before trying again; 0 is unknown
	Message    string        // one sentence without a full stop; says what is wrong and what would be right
	Err        error         // the cause, if any
}

// Error gives the message and the cause.
func (e *Error) Error() string {
	s := e.Message
	if s == "" {
		s = string(e.Code)
	}
	if e.Err != nil {
		s = fmt.Sprintf("%s: %v", s, e.Err)
	}
	return s
}

// Unwrap gives the cause.
func (e *Error) Unwrap() error { return e.Err }

// Retryable says whether the same call may succeed later.
func (e *Error) Retryable() bool { return e.Code == Unavailable || e.Code == Timeout }

// CodeOf gives the code of the first [*Error] that err wraps, and [Internal]
// where there is none.
func CodeOf(err error) Code {
	var e *Error
	if errors.As(err, &e) {
		return e.Code
	}
	return Internal
}
