package upstream

import "net/http"

// HTTP statuses that are the API's own.
const (
	StatusInvalidKey      = 451 // the API key is missing or invalid
	StatusInvalidArgument = 452 // a parameter is missing, of the wrong form, or not the API's
)

// StatusOf is the HTTP status with which a server of the API says code.
func StatusOf(code Code) int {
	switch code {
	case InvalidArgument:
		return StatusInvalidArgument
	case Unauthenticated:
		return StatusInvalidKey
	case PermissionDenied:
		return http.StatusForbidden
	case NotFound:
		return http.StatusNotFound
	case Unavailable:
		return http.StatusServiceUnavailable
	case Timeout:
		return http.StatusGatewayTimeout
	case InvalidResponse:
		return http.StatusBadGateway
	default:
		return http.StatusInternalServerError
	}
}

// CodeOfStatus is what a client of the API makes of an answer's HTTP status,
// and empty for 200. It undoes [StatusOf] but for three codes:
//
//   - 403 is [Unauthenticated]: our key does not open what was asked for, which
//     is not the fault of our caller, as [PermissionDenied] would say;
//   - 502 is [Unavailable]: a proxy did not reach the API;
//   - 500, and any status that the API does not have, is [InvalidResponse]: the
//     fault is there and not ours, as [Internal] would say.
//
// 202 is [Unavailable]: the answer went to an identical request that was still
// in flight.
func CodeOfStatus(status int) Code {
	switch status {
	case http.StatusOK:
		return ""
	case StatusInvalidArgument, http.StatusBadRequest, http.StatusRequestURITooLong, http.StatusUnprocessableEntity:
		return InvalidArgument
	case StatusInvalidKey, http.StatusUnauthorized, http.StatusForbidden:
		return Unauthenticated
	case http.StatusNotFound, http.StatusGone:
		return NotFound
	case http.StatusAccepted, http.StatusTooManyRequests, http.StatusBadGateway, http.StatusServiceUnavailable:
		return Unavailable
	case http.StatusRequestTimeout, http.StatusGatewayTimeout:
		return Timeout
	default:
		return InvalidResponse
	}
}
