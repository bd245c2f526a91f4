package fault

import (
	"io"
	"net"
	"net/http"
	"strings"
)

var connectionFaults = []Fault{
	// A Server with this fault does not listen. Wrap alone resets the connection.
	{Name: "refused", Wrap: always(resetBeforeAnswer), refuses: true},
	{Name: "reset before the answer", Wrap: always(resetBeforeAnswer)},
	{Name: "reset before the answer, once", Passes: true, Wrap: once(resetBeforeAnswer)},
	{Name: "closed in the header", Wrap: always(func(w http.ResponseWriter, _ *http.Request) {
		raw(w, false, "HTTP/1.1 200 OK\r\nContent-Type: application/js")
	})},
	{Name: "reset in the body", Wrap: halfABody(true)},
	{Name: "closed in the body", Wrap: halfABody(false)},
	{Name: "closed between chunks", Wrap: always(func(w http.ResponseWriter, _ *http.Request) {
		raw(w, false, "HTTP/1.1 200 OK\r\nContent-Type: application/json\r\nTransfer-Encoding: chunked\r\n\r\n"+
			"9\r\n{\"data\":[\r\n")
	})},
	{Name: "not HTTP", Wrap: always(func(w http.ResponseWriter, _ *http.Request) {
		raw(w, false, "SSH-2.0-OpenSSH_9.9 "+Secret+"\r\n")
	})},
	{Name: "endless header", Wrap: always(func(w http.ResponseWriter, _ *http.Request) {
		header := "X-" + Secret + ": " + strings.Repeat("x", 1000) + "\r\n"
		raw(w, false, "HTTP/1.1 200 OK\r\nContent-Type: application/json\r\n"+strings.Repeat(header, 1000))
	})},
}

func resetBeforeAnswer(w http.ResponseWriter, _ *http.Request) { raw(w, true, "") }

// raw writes text to the connection and then resets or closes it. If the connection
// cannot be hijacked, raw panics with http.ErrAbortHandler.
func raw(w http.ResponseWriter, reset bool, text string) {
	h, ok := w.(http.Hijacker)
	if !ok {
		panic(http.ErrAbortHandler)
	}
	conn, _, err := h.Hijack()
	if err != nil {
		panic(http.ErrAbortHandler)
	}
	defer conn.Close()
	if tcp, ok := conn.(*net.TCPConn); ok && reset {
		defer tcp.SetLinger(0)
	}
	_, _ = io.WriteString(conn, text) // the caller may have left
}

// halfABody breaks the connection in the middle of the correct answer's body.
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
