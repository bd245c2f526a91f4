package fault

import (
	"fmt"
	"log/slog"
	"net"
	"net/http"
	"sync"
)

// Server serves a handler on a loopback socket, with or without a fault.
type Server struct {
	URL string // without a trailing slash

	next http.Handler
	mu   sync.Mutex
	now  http.Handler
	http *http.Server // nil while connections are refused
}

// NewServer starts a server without a fault. The caller must call Close.
func NewServer(next http.Handler) *Server {
	s := &Server{next: next, now: next}
	s.listen("127.0.0.1:0")
	return s
}

// Inject applies the fault to all further requests, until the next Inject or Heal. Running requests are not affected,
// unless the fault is that connections are refused: then Inject closes all connections. The server keeps its address.
func (s *Server) Inject(f Fault) {
	s.mu.Lock()
	defer s.mu.Unlock()
	if f.refuses {
		s.close()
		return
	}
	s.resume(f.Wrap(s.next))
}

// Heal removes the fault.
func (s *Server) Heal() {
	s.mu.Lock()
	defer s.mu.Unlock()
	s.resume(s.next)
}

// Close closes the server and its connections.
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

// listen starts to listen on address. It panics if it cannot.
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
