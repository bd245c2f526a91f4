package fault

import (
	"fmt"
	"log/slog"
	"net"
	"net/http"
	"sync"
)

// Server serves a handler on a socket of this machine, with faults or without.
type Server struct {
	URL string // without a / at its end

	next http.Handler
	mu   sync.Mutex
	now  http.Handler
	http *http.Server // nil while connections are refused
}

// NewServer starts a server without faults. Close must be called.
func NewServer(next http.Handler) *Server {
	s := &Server{next: next, now: next}
	s.listen("127.0.0.1:0")
	return s
}

// Inject has every request from now on meet the fault, anew where it goes away.
// What is under way goes on as it was, except that for connections to be refused
// all are closed. The server keeps its address throughout.
func (s *Server) Inject(f Fault) {
	s.mu.Lock()
	defer s.mu.Unlock()
	if f.refuses {
		s.close()
		return
	}
	s.resume(f.Wrap(s.next))
}

// Heal ends the fault.
func (s *Server) Heal() {
	s.mu.Lock()
	defer s.mu.Unlock()
	s.resume(s.next)
}

// Close ends the server and its connections.
func (s *Server) Close() {
	s.mu.Lock()
	defer s.mu.Unlock()
	s.close()
}

func (s *Server) resume(h http.Handler) {
	s.now = h
	if s.http == nil {
		s.listen(s.URL[len("http://"):])
	}
}

func (s *Server) close() {
	if s.http != nil {
		_ = s.http.Close()
		s.http = nil
	}
}

// listen panics without a socket, as there is no test to be had then.
func (s *Server) listen(address string) {
	l, err := net.Listen("tcp", address)
	if err != nil {
		panic(fmt.Sprintf("fault: %v", err))
	}
	s.URL = "http://" + l.Addr().String()
	s.http = &http.Server{
		Handler: http.HandlerFunc(func(w http.ResponseWriter, r *http.Request) {
			s.mu.Lock()
			h := s.now
			s.mu.Unlock()
			h.ServeHTTP(w, r)
		}),
		ErrorLog: slog.NewLogLogger(slog.DiscardHandler, slog.LevelError), // faults panic on purpose
	}
	go func(h *http.Server) { _ = h.Serve(l) }(s.http)
}
