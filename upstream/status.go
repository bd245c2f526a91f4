package upstream

import "net/http"

// HTTP statuses specific to the API.
const (
	StatusInvalidKey      = 451 // the API key is missing or invalid
	StatusInvalidArgument = 452 // a parameter is missing, malformed or unknown
)

// StatusOf returns the HTTP status with which a server of the API reports code.
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

// CodeOfStatus returns the code with which a client reports an HTTP status, or the empty string for 200. It is the
// inverse of [StatusOf] except for three statuses:
//
//   - 403 is [Unauthenticated]: the gateway's key lacks the permission, which is not the caller's fault, as
//     [PermissionDenied] would say;
//   - 502 is [Unavailable]: a proxy did not reach the API;
//   - 500 and any undocumented status are [InvalidResponse]: the server is at fault, not the gateway, as [Internal]
//     would say.
//
// 202 is [Unavailable]: the result went to an identical request that was still under way.
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
