package fault

import (
	"io"
	"net"
	"net/http"
	"strings"
)

var connectionFaults = []Fault{
	// On a Server nobody listens; elsewhere it is a reset.
	{Name: "refused", Wrap: always(func(w http.ResponseWriter, _ *http.Request) { raw(w, true, "") }), refuses: true},
	{Name: "reset before the answer", Wrap: always(func(w http.ResponseWriter, _ *http.Request) { raw(w, true, "") })},
	{Name: "reset before the answer, once", Passes: true, Wrap: once(func(w http.ResponseWriter, _ *http.Request) { raw(w, true, "") })},
	{Name: "closed in the header", Wrap: always(func(w http.ResponseWriter, _ *http.Request) {
		raw(w, false, "HTTP/1.1 200 OK\r\nContent-Type: application/js")
	})},
	{Name: "reset in the body", Wrap: halfABody(true)},
	{Name: "closed in the body", Wrap: halfABody(false)},
	{Name: "closed between chunks", Wrap: always(func(w http.ResponseWriter, _ *http.Request) {
		raw(w, false, "HTTP/1.1 200 OK\r\nContent-Type: application/json\r\nTransfer-Encoding: chunked\r\n\r\n9\r\n{\"data\":[\r\n")
	})},
	{Name: "not HTTP", Wrap: always(func(w http.ResponseWriter, _ *http.Request) { raw(w, false, "SSH-2.0-OpenSSH_9.9 "+Secret+"\r\n") })},
	{Name: "endless header", Wrap: always(func(w http.ResponseWriter, _ *http.Request) {
		raw(w, false, "HTTP/1.1 200 OK\r\nContent-Type: application/json\r\n"+strings.Repeat("X-"+Secret+": "+strings.Repeat("x", 1000)+"\r\n", 1000))
	})},
}

// raw writes to the connection and breaks it off, with a reset or an orderly end.
// Where there is no connection to be had, the answer is aborted.
func raw(w http.ResponseWriter, reset bool, text string) {
	h, ok := w.(http.Hijacker)
	if !ok {
		panic(http.ErrAbortHandler)
	}
	conn, _, err := h.Hijack()
	if err != nil { // HTTP/2 has none
		panic(http.ErrAbortHandler)
	}
	defer conn.Close()
	if tcp, ok := conn.(*net.TCPConn); ok && reset {
		defer tcp.SetLinger(0)
	}
	_, _ = io.WriteString(conn, text) // the caller may have left
}

// halfABody breaks off in the middle of the true answer's body.
func halfABody(reset bool) func(http.Handler) http.Handler {
	return rewrite(func(w http.ResponseWriter, a answer) {
		w.Header().Set("Content-Type", "application/json")
		w.Header().Set("Content-Length", a.length())
		w.WriteHeader(http.StatusOK)
		_, _ = w.Write(a.body[:len(a.body)/2])
		_ = http.NewResponseController(w).Flush()
		raw(w, reset, "")
	})
}
