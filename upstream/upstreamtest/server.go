package upstreamtest

import (
	"context"
	"fmt"
	"io"
	"net/http"
	"strings"
)

// Server says how to reach a server of the REST API.
type Server struct {
	URL    string       // the URL that paths follow, without a trailing slash
	Client *http.Client // default http.DefaultClient
	Key    string       // the API key to send, if any
}

// answer holds the parts of an HTTP response that the suites examine.
type answer struct {
	status int
	header http.Header
	body   []byte
}

// get requests a path and a raw query string.
func (s Server) get(ctx context.Context, path, query string) (answer, error) {
	if query != "" {
		path += "?" + query
	}
	return s.do(ctx, http.MethodGet, path, s.headers())
}

// headers returns the headers that the document requires in every request.
func (s Server) headers() http.Header {
	h := http.Header{"Accept": {"application/json"}}
	if s.Key != "" {
		h.Set("Authorization", "apikey="+s.Key)
	}
	return h
}

func (s Server) do(ctx context.Context, method, pathAndQuery string, h http.Header) (answer, error) {
	req, err := http.NewRequestWithContext(ctx, method, strings.TrimSuffix(s.URL, "/")+pathAndQuery, nil)
	if err != nil {
		return answer{}, err
	}
	req.Header = h
	c := s.Client
	if c == nil {
		c = http.DefaultClient
	}
	resp, err := c.Do(req)
	if err != nil {
		return answer{}, err
	}
	defer resp.Body.Close()
	body, err := io.ReadAll(io.LimitReader(resp.Body, 64<<20))
	if err != nil {
		return answer{}, fmt.Errorf("read the answer to %s %s: %w", method, pathAndQuery, err)
	}
	return answer{resp.StatusCode, resp.Header, body}, nil
}
