package graph_test

import (
	"context"
	"encoding/json"
	"errors"
	"net/http"
	"net/http/httptest"
	"strings"
	"sync/atomic"
	"testing"
	"time"

	"github.com/coder/websocket"

	"deliverygraph/graph"
	"deliverygraph/upstream"
)

// socket is the client of a WebSocket.
type socket struct {
	*websocket.Conn
	t *testing.T
}

// message is a message from the server.
type message struct {
	Type    string          `json:"type"`
	ID      string          `json:"id"`
	Payload json.RawMessage `json:"payload"`
}

// serve serves the endpoint on a real connection.
func serve(t *testing.T, h http.Handler) *httptest.Server {
	t.Helper()
	s := httptest.NewServer(h)
	t.Cleanup(s.Close)
	return s
}

// open opens a socket with these subprotocols.
func open(t *testing.T, s *httptest.Server, header http.Header, protocols ...string) socket {
	t.Helper()
	c, resp, err := websocket.Dial(t.Context(), s.URL+"/graphql",
		&websocket.DialOptions{Subprotocols: protocols, HTTPHeader: header})
	if err != nil {
		t.Fatalf("%v: %v", err, resp)
	}
	t.Cleanup(func() { _ = c.CloseNow() })
	c.SetReadLimit(1 << 24)
	return socket{c, t}
}

// connect opens a socket and initialises it.
func connect(t *testing.T, s *httptest.Server, header http.Header) socket {
	t.Helper()
	c := open(t, s, header, "graphql-transport-ws")
	c.say(`{"type":"connection_init"}`)
	c.expect("connection_ack", "")
	return c
}

func (c socket) say(message string) {
	c.t.Helper()
	if err := c.Write(c.t.Context(), websocket.MessageText, []byte(message)); err != nil {
		c.t.Fatal(err)
	}
}

// hear returns the next message.
func (c socket) hear() message {
	c.t.Helper()
	ctx, cancel := context.WithTimeout(c.t.Context(), time.Minute)
	defer cancel()
	_, data, err := c.Read(ctx)
	if err != nil {
		c.t.Fatal(err)
	}
	var m message
	if err := json.Unmarshal(data, &m); err != nil {
		c.t.Fatalf("%v in %s", err, data)
	}
	return m
}

// expect returns the next message, which must have this type and operation.
func (c socket) expect(kind, id string) message {
	c.t.Helper()
	m := c.hear()
	if m.Type != kind || m.ID != id {
		c.t.Fatalf("got %s of %q, %s, want %s of %q", m.Type, m.ID, m.Payload, kind, id)
	}
	return m
}

// closed reads to the end of the socket.
func (c socket) closed() websocket.CloseError {
	c.t.Helper()
	ctx, cancel := context.WithTimeout(c.t.Context(), time.Minute)
	defer cancel()
	for {
		if _, _, err := c.Read(ctx); err != nil {
			var end websocket.CloseError
			if !errors.As(err, &end) {
				c.t.Fatal(err)
			}
			return end
		}
	}
}

const (
	initiate      = `{"type":"connection_init"}`
	typenameQuery = `{"type":"subscribe","id":"1","payload":{"query":"{ __typename }"}}`
	listQuery     = `{"type":"subscribe","id":"1","payload":{"query":"{ bounces(window: {between: {start: ` +
		`\"2016-11-22T00:00:00Z\", end: \"2016-11-23T00:00:00Z\"}}, first: 1) { nodes { emailId } } }"}}`
)

// Each violation of the protocol closes the socket with the protocol's code and a reason that says what is wrong.
func TestSocketsAreClosedByTheProtocolsCodes(t *testing.T) {
	t.Parallel()
	held := make(chan struct{})
	var withdrawn atomic.Bool
	denied := &upstream.Error{Code: upstream.Unauthenticated, Message: "this API key is unknown"}
	e := newEndpoint(graph.Options{
		MaxBody: 100 << 10,
		Identify: func(ctx context.Context, r *http.Request, init map[string]any) (context.Context, error) {
			switch {
			case init["key"] == "bad" || r.Header.Get("X-API-Key") == "bad":
				return nil, denied
			case init["key"] == "unknown at present":
				return nil, &upstream.Error{Code: upstream.Unavailable, Message: "try again"}
			}
			return context.WithValue(ctx, whoKey{}, init["key"]), nil
		},
		Check: func(ctx context.Context) error {
			if ctx.Value(whoKey{}) == "withdrawn" && withdrawn.Load() {
				return denied
			}
			return nil
		},
		Caller:           func(ctx context.Context) string { name, _ := ctx.Value(whoKey{}).(string); return name },
		SocketsPerCaller: func(context.Context) int { return 1 },
	})
	e.api.Before = func(ctx context.Context, _ string) error {
		select {
		case <-held:
		case <-ctx.Done():
		}
		return ctx.Err()
	}
	t.Cleanup(func() { close(held) })
	s := serve(t, e)
	greedy := open(t, s, nil, "graphql-transport-ws")
	greedy.say(`{"type":"connection_init","payload":{"key":"greedy"}}`)
	greedy.expect("connection_ack", "")
	withdrawn.Store(true)
	for name, c := range map[string]struct {
		protocols []string
		header    http.Header
		says      []string
		code      websocket.StatusCode
		reason    string
	}{
		"no protocol":      {[]string{}, nil, nil, 4406, "speak graphql-transport-ws"},
		"the old protocol": {[]string{"graphql-ws"}, nil, nil, 4406, "speak graphql-transport-ws"},
		"another protocol": {[]string{"mqtt"}, nil, nil, 4406, "speak graphql-transport-ws"},
		"no JSON":          {nil, nil, []string{`{"type":`}, 4400, "not JSON: it is invalid at byte 9"},
		"no object":        {nil, nil, []string{`[]`}, 4400, "JSON object"},
		"null":             {nil, nil, []string{`null`}, 4400, "JSON object"},
		"a name twice": {
			nil, nil, []string{`{"type":"ping","type":"pong"}`}, 4400, "duplicate name",
		},
		"no type":                 {nil, nil, []string{`{"id":"1"}`}, 4400, "connection_init, ping"},
		"an unknown type":         {nil, nil, []string{`{"type":"start"}`}, 4400, "connection_init, ping"},
		"a type that is a number": {nil, nil, []string{`{"type":1}`}, 4400, `"type" must be a string`},
		"an id that is a number": {
			nil, nil, []string{initiate, `{"type":"subscribe","id":1,"payload":{}}`}, 4400, `"id" must be a string`,
		},
		"no id": {
			nil, nil, []string{initiate, `{"type":"subscribe","payload":{"query":"{ __typename }"}}`}, 4400,
			"a string of 1 to 256 bytes",
		},
		"an id that is too long": {
			nil, nil, []string{initiate, `{"type":"subscribe","id":"` + strings.Repeat("x", 257) + `","payload":{}}`},
			4400, "a string of 1 to 256 bytes",
		},
		"no payload": {
			nil, nil, []string{initiate, `{"type":"subscribe","id":"1"}`}, 4400, "the payload of subscribe",
		},
		"a payload that is text": {
			nil, nil, []string{initiate, `{"type":"subscribe","id":"1","payload":"{ __typename }"}`}, 4400,
			"the payload of subscribe",
		},
		"a ping that says text": {
			nil, nil, []string{`{"type":"ping","payload":"x"}`}, 4400, `"payload" must be a JSON object`,
		},
		"a pong that says a list": {
			nil, nil, []string{`{"type":"pong","payload":[]}`}, 4400, `"payload" must be a JSON object`,
		},
		"an end of nothing": {
			nil, nil, []string{initiate, `{"type":"complete"}`}, 4400, "a string of 1 to 256 bytes",
		},
		"a message of the server's": {
			nil, nil, []string{initiate, `{"type":"next","id":"1","payload":{}}`}, 4400, "connection_init, ping",
		},
		"a malformed one before init": {
			nil, nil, []string{`{"type":"subscribe","id":"1","payload":{"query":5}}`}, 4400, `"query" must be a string`,
		},
		"an init that says text": {
			nil, nil, []string{`{"type":"connection_init","payload":"key"}`}, 4400, `"payload" must be a JSON object`,
		},
		"an operation before init": {nil, nil, []string{typenameQuery}, 4401, "send connection_init first"},
		"a bad key": {
			nil, nil, []string{`{"type":"connection_init","payload":{"key":"bad"}}`}, 4403,
			"Forbidden: this API key is unknown",
		},
		"a bad key in a header": {
			nil, http.Header{"X-Api-Key": {"bad"}}, []string{initiate}, 4403,
			"Forbidden: this API key is unknown",
		},
		"a key that has been taken": {
			nil, nil, []string{`{"type":"connection_init","payload":{"key":"withdrawn"}}`, typenameQuery}, 4403,
			"Forbidden: this API key is unknown",
		},
		"a key that cannot be checked now": {
			nil, nil, []string{`{"type":"connection_init","payload":{"key":"unknown at present"}}`}, 1013, "try again",
		},
		"one socket too many": {
			nil, nil, []string{`{"type":"connection_init","payload":{"key":"greedy"}}`}, 1013, "1 WebSockets open",
		},
		"an id that is in use": {
			nil, nil, []string{initiate, listQuery, listQuery}, 4409, "Subscriber for 1 already exists",
		},
		"two inits": {
			nil, nil, []string{initiate, initiate}, 4429, "Too many initialisation requests",
		},
		"a long init": {
			nil, nil, []string{`{"type":"connection_init","payload":{"key":"` + strings.Repeat("x", 40<<10) + `"}}`},
			1009, "32769 bytes",
		},
		"a long message": {
			nil, nil, []string{initiate, `{"type":"ping","payload":{"x":"` + strings.Repeat("x", 110<<10) + `"}}`},
			1009, "102401 bytes",
		},
	} {
		t.Run(name, func(t *testing.T) {
			t.Parallel()
			if c.protocols == nil {
				c.protocols = []string{"graphql-ws", "graphql-transport-ws"}
			}
			client := open(t, s, c.header, c.protocols...)
			for i, m := range c.says {
				if i < len(c.says)-1 || len(m) < 30<<10 {
					client.say(m)
				} else {
					_ = client.Write(t.Context(), websocket.MessageText, []byte(m)) // may be cut off
				}
				if i == 0 && len(c.says) > 1 {
					client.expect("connection_ack", "")
				}
			}
			if end := client.closed(); end.Code != c.code || !strings.Contains(end.Reason, c.reason) ||
				strings.HasPrefix(end.Reason, "Invalid message: ") != (c.code == 4400) {
				t.Errorf("closed by %d %q, want %d %q", end.Code, end.Reason, c.code, c.reason)
			}
		})
	}
	for field, says := range map[string]string{
		`"query":5`:                            `"query" must be a string`,
		`"query":{}`:                           `"query" must be a string`,
		`"query":null`:                         `no "query"`,
		`"qeury":"{ __typename }"`:             `no "query"`,
		`"query":"x","variables":[]`:           `"variables" must be a JSON object`,
		`"query":"x","variables":"{}"`:         `"variables" must be a JSON object`,
		`"query":"x","variables":0`:            `"variables" must be a JSON object`,
		`"query":"x","operationName":5`:        `"operationName" must be a string`,
		`"query":"x","operationName":["Q"]`:    `"operationName" must be a string`,
		`"query":"x","extensions":"x"`:         `"extensions" must be a JSON object`,
		`"query":"x","extensions":false`:       `"extensions" must be a JSON object`,
		`"documentId":7`:                       `"documentId" must be a string`,
		`"query":"x","query":"{ __typename }"`: "duplicate name",
	} {
		t.Run("a payload of "+field, func(t *testing.T) {
			t.Parallel()
			c := connect(t, s, nil)
			c.say(`{"type":"subscribe","id":"1","payload":{` + field + `}}`)
			if end := c.closed(); end.Code != 4400 || !strings.HasPrefix(end.Reason, "Invalid message: ") ||
				!strings.Contains(end.Reason, says) {
				t.Errorf("closed by %v, want 4400 for %s", end, says)
			}
		})
	}
	t.Run("a binary message", func(t *testing.T) {
		t.Parallel()
		c := open(t, s, nil, "graphql-transport-ws")
		if err := c.Write(t.Context(), websocket.MessageBinary, []byte(initiate)); err != nil {
			t.Fatal(err)
		}
		if end := c.closed(); end.Code != 4400 {
			t.Errorf("closed by %v", end)
		}
	})
}
