package upstream

import (
	"encoding/json"
	"errors"
	"fmt"
	"strconv"
	"time"
)

// Code classifies an error by whose fault it is and whether a retry can help.
type Code string

// The codes of an [Error].
const (
	InvalidArgument  Code = "invalid_argument"  // 452: the caller's request is wrong; see Parameter
	Unauthenticated  Code = "unauthenticated"   // 451: the API key is missing or wrong
	PermissionDenied Code = "permission_denied" // ours: the caller may not see what it requested
	NotFound         Code = "not_found"         // 404
	Unavailable      Code = "unavailable"       // 202, 429, 503 or no connection, after the last try
	Timeout          Code = "timeout"           // the deadline passed while waiting for the API
	InvalidResponse  Code = "invalid_response"  // the answer breaks the API's contract
	Exhausted        Code = "exhausted"         // ours: the operation has used up its calls
	Internal         Code = "internal"          // everything else: a bug of ours
)

// Error is the error of an API call. Message may be shown to callers of the API; Err is for logs only, because it may
// name hosts.
type Error struct {
	Code       Code
	Parameter  string        // the REST parameter at fault, such as "start_time"; may be empty
	Status     int           // the HTTP status of the answer; 0 if there was none
	RetryAfter time.Duration // how long to wait before trying again; 0 if unknown
	Message    string        // one sentence without a full stop that says what is wrong and how to put it right
	Err        error         // the cause, if any
}

// Error returns the message and the cause.
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

// Unwrap returns the cause.
func (e *Error) Unwrap() error { return e.Err }

// CodeOf returns the code of the first [*Error] that err wraps, or [Internal] if there is none.
func CodeOf(err error) Code {
	if e, ok := errors.AsType[*Error](err); ok {
		return e.Code
	}
	return Internal
}

// AppendError appends the body of an error response to dst. The document does not define one, so the form is ours:
//
//	{"error":{"code":452,"message":"…","parameter":"…"}}
//
// code is the HTTP status; parameter is omitted if empty. The error's cause is not written, because it is for logs
// only.
func AppendError(dst []byte, status int, e *Error) []byte {
	dst = strconv.AppendInt(append(dst, `{"error":{"code":`...), int64(status), 10)
	message := e.Message
	if message == "" {
		message = string(e.Code)
	}
	dst = appendText(dst, `,"message":`, message)
	if e.Parameter != "" {
		dst = appendText(dst, `,"parameter":`, e.Parameter)
	}
	return append(dst, "}}"...)
}

// DecodeError decodes a body written by [AppendError] into Status, Code, Message and Parameter. For any other body it
// returns a zero Error, never nil: error bodies of foreign servers are not interpreted.
func DecodeError(body string) *Error {
	var sent struct {
		Error struct {
			Code               int
			Message, Parameter string
		}
	}
	err := json.Unmarshal([]byte(body), &sent)
	e := sent.Error
	if err != nil || e.Code < 300 || e.Code > 599 || e.Message == "" {
		return &Error{}
	}
	return &Error{Code: CodeOfStatus(e.Code), Status: e.Code, Message: e.Message, Parameter: e.Parameter}
}
