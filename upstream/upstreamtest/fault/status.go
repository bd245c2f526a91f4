package fault

import (
	"io"
	"net/http"
	"time"
)

// problem is an error body as other servers may send it.
const problem = `{"message":"` + Secret + ` at https://internal.example/","trace":["` + Secret + `"]}`

var statusFaults = []Fault{
	{Name: "202 once", Passes: true, Wrap: once(status(202))},
	{Name: "202 for ever", Wrap: always(status(202))},
	{Name: "503 once", Passes: true, Wrap: once(status(503))},
	{Name: "503 for ever", Wrap: always(status(503))},
	{Name: "429 once with Retry-After", Passes: true, Wrap: once(status(429, "Retry-After", "1"))},
	{Name: "429 with Retry-After", Wrap: always(status(429, "Retry-After", "60"))},
	{Name: "451", Wrap: always(status(451))},
	{Name: "452", Wrap: always(status(452))},
	{Name: "404", Wrap: always(status(404))},
	{Name: "500", Wrap: always(status(500))},
	{Name: "502", Wrap: always(status(502))},
	{Name: "504", Wrap: always(status(504))},
	{Name: "redirect", Wrap: always(status(302, "Location", "https://"+Secret+".example/"))},
	{Name: "no content", Wrap: always(status(204))},
	{Name: "clock skew", Passes: true, Wrap: skewed(time.Hour)},
}

// status answers with a status. headers lists names and values in turn.
func status(code int, headers ...string) http.HandlerFunc {
	return func(w http.ResponseWriter, _ *http.Request) {
		w.Header().Set("Content-Type", "application/json")
		for i := 0; i < len(headers); i += 2 {
			w.Header().Set(headers[i], headers[i+1])
		}
		w.WriteHeader(code)
		if code != http.StatusNoContent {
			_, _ = io.WriteString(w, problem)
		}
	}
}

// skewed simulates a server whose clock is wrong. The clock determines the Date of its answers and the Retry-After of
// the first one, which asks callers to retry after a second.
func skewed(by time.Duration) func(http.Handler) http.Handler {
	return func(next http.Handler) http.Handler {
		first := once(func(w http.ResponseWriter, r *http.Request) {
			at := time.Now().Add(by).UTC()
			w.Header().Set("Date", at.Format(http.TimeFormat))
			status(503, "Retry-After", at.Add(time.Second).Format(http.TimeFormat))(w, r)
		})
		return first(http.HandlerFunc(func(w http.ResponseWriter, r *http.Request) {
			w.Header().Set("Date", time.Now().Add(by).UTC().Format(http.TimeFormat))
			next.ServeHTTP(w, r)
		}))
	}
}
