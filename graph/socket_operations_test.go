package graph_test

import (
	"context"
	"encoding/json"
	"net/http"
	"strings"
	"sync"
	"sync/atomic"
	"testing"
	"time"

	"github.com/coder/websocket"

	"deliverygraph/graph"
)

type whoKey struct{}

// Operations run concurrently up to a limit. Each ends with complete, or with error if it has not run, and its id may
// then be used again.
func TestSocketsRunOperationsConcurrently(t *testing.T) {
	t.Parallel()
	var refused atomic.Int32
	e := newEndpoint(graph.Options{SocketOperations: 2, Shed: func(string) { refused.Add(1) }})
	held := make(chan struct{})
	asked := make(chan struct{}, 100)
	e.api.Before = func(ctx context.Context, _ string) error {
		asked <- struct{}{}
		select {
		case <-held:
		case <-ctx.Done():
		}
		return ctx.Err()
	}
	c := connect(t, serve(t, e), nil)
	c.say(`{"type":"ping","payload":{"n":1}}`)
	if m := c.expect("pong", ""); string(m.Payload) != `{"n":1}` {
		t.Errorf("pong %s", m.Payload)
	}
	c.say(`{"type":"pong"}`)
	for range 2 {
		c.say(typenameQuery)
		if m := c.expect("next", "1"); string(m.Payload) != `{"data":{"__typename":"Query"}}` {
			t.Errorf("got %s", m.Payload)
		}
		c.expect("complete", "1")
	}
	for payload, message := range map[string]string{
		`{"query":"{ nothing }"}`: `Cannot query field`,
		`{"query":"{"}`:           `Expected Name`,
		`{"query":""}`:            `the request has no \"query\"`,
		`{"extensions":{"persistedQuery":{"version":1,"sha256Hash":"` + strings.Repeat("0", 64) +
			`"}}}`: `PersistedQueryNotFound`,
		`{"documentId":"unknown"}`:                                  `unknown`,
		`{"query":"mutation { x }"}`:                                `mutation`,
		`{"query":"subscription { bounces { cursor } }"}`:           `not support subscriptions`,
		`{"query":"query A { __typename } query B { __typename }"}`: `operationName`,
		`{"query":"{ bounces(window: {last: \"P1D\"}) ` +
			`{ ... @defer { nodes { emailId } } } }"}`: `@defer`,
		`{"query":"{ bounces(window: {last: \"nonsense\"}) { nodes { emailId } } }"}`: `nonsense`,
	} {
		c.say(`{"type":"subscribe","id":"é\n","payload":` + payload + `}`)
		m := c.expect("error", "é\n")
		var errs []answerError
		if err := json.Unmarshal(m.Payload, &errs); err != nil || len(errs) != 1 || errs[0].code() == "" ||
			!strings.Contains(string(m.Payload), message) {
			t.Errorf("%s: %v: %s, want %s", payload, err, m.Payload, message)
		}
	}
	// A slow operation does not delay others; a third one at the same time is too many.
	c.say(strings.Replace(listQuery, `"1"`, `"slow"`, 1))
	<-asked
	c.say(typenameQuery)
	c.expect("next", "1")
	c.expect("complete", "1")
	c.say(strings.Replace(listQuery, `"1"`, `"slow too"`, 1))
	c.say(typenameQuery)
	if m := c.expect("error", "1"); !strings.Contains(string(m.Payload), "2 operations running") ||
		!strings.Contains(string(m.Payload), "RATE_LIMITED") {
		t.Errorf("%s", m.Payload)
	}
	if got := refused.Load(); got != 1 {
		t.Errorf("%d operations were reported as refused, want 1", got)
	}
	// A canceled operation is not answered, and its id may be used again once there is room.
	c.say(`{"type":"complete","id":"slow"}`)
	c.say(`{"type":"complete","id":"never begun"}`)
	c.say(`{"type":"ping"}`)
	c.expect("pong", "")
	close(held)
	if m := c.expect("next", "slow too"); !strings.Contains(string(m.Payload), "emailId") {
		t.Errorf("%s", m.Payload)
	}
	c.expect("complete", "slow too")
	for c.say(strings.Replace(listQuery, `"1"`, `"slow"`, 1)); c.hear().Type == "error"; {
		c.say(strings.Replace(listQuery, `"1"`, `"slow"`, 1))
	}
	c.expect("complete", "slow")
}

// A socket is closed if its client sends no connection_init or does not answer pings.
func TestSocketsBeforeInitAreClosed(t *testing.T) {
	t.Parallel()
	s := serve(t, newEndpoint(graph.Options{InitTimeout: 50 * time.Millisecond}))
	var all sync.WaitGroup
	for range 50 {
		c := open(t, s, nil, "graphql-transport-ws")
		all.Go(func() {
			if end := c.closed(); end.Code != 4408 {
				t.Errorf("closed by %v", end)
			}
		})
	}
	all.Wait()
	c := connect(t, s, nil) // one in time stays
	c.say(typenameQuery)
	c.expect("next", "1")
}

// Sockets that never initialise do not keep other clients out: the oldest of them is closed, and those whose caller is
// known stay.
func TestUninitialisedSocketsDoNotBlockOthers(t *testing.T) {
	t.Parallel()
	streams := graph.NewStreams(3)
	var refused atomic.Int32
	s := serve(t, newEndpoint(graph.Options{Streams: streams, InitTimeout: time.Hour, Shed: func(reason string) {
		if reason == graph.ShedForStreams {
			refused.Add(1)
		}
	}}))
	known := connect(t, s, nil)
	var silent []socket
	for range 20 {
		silent = append(silent, open(t, s, nil, "graphql-transport-ws"))
	}
	for _, c := range silent[:17] {
		if end := c.closed(); end.Code != websocket.StatusTryAgainLater || !strings.Contains(end.Reason, "try again") {
			t.Errorf("closed by %v", end)
		}
	}
	for _, c := range append(silent[18:], known) {
		if c != known {
			c.say(initiate)
			c.expect("connection_ack", "")
		}
		c.say(typenameQuery)
		c.expect("next", "1")
		c.expect("complete", "1")
	}
	if _, resp, err := websocket.Dial(t.Context(), s.URL,
		&websocket.DialOptions{Subprotocols: []string{"graphql-transport-ws"}}); err == nil ||
		resp.StatusCode != http.StatusServiceUnavailable {
		t.Errorf("one more than all: %v, %v", err, resp)
	}
	if got := refused.Load(); got != 18 {
		t.Errorf("%d sockets were reported as refused, want 18", got)
	}
}

// When the gateway stops, operations in progress are answered, then clients are asked to reconnect; new sockets are
// refused.
func TestSocketsFinishOperationsBeforeAStop(t *testing.T) {
	t.Parallel()
	streams := graph.NewStreams(2)
	e := newEndpoint(graph.Options{Streams: streams})
	held, asked := make(chan struct{}), make(chan struct{}, 1)
	e.api.Before = func(context.Context, string) error { asked <- struct{}{}; <-held; return nil }
	s := serve(t, e)
	idle, busy := connect(t, s, nil), connect(t, s, nil)
	if _, resp, err := websocket.Dial(t.Context(), s.URL,
		&websocket.DialOptions{Subprotocols: []string{"graphql-transport-ws"}}); err == nil ||
		resp.StatusCode != http.StatusServiceUnavailable || resp.Header.Get("Retry-After") == "" {
		t.Errorf("a third socket: %v, %v", err, resp)
	}
	busy.say(listQuery)
	<-asked
	stopped := make(chan error, 1)
	go func() { stopped <- streams.Shutdown(t.Context()) }()
	if end := idle.closed(); end.Code != websocket.StatusGoingAway || !strings.Contains(end.Reason, "connect again") {
		t.Errorf("closed by %v", end)
	}
	close(held)
	busy.expect("next", "1")
	busy.expect("complete", "1")
	if end := busy.closed(); end.Code != websocket.StatusGoingAway {
		t.Errorf("closed by %v", end)
	}
	if err := <-stopped; err != nil {
		t.Error(err)
	}
	if _, resp, err := websocket.Dial(t.Context(), s.URL, nil); err == nil ||
		resp.StatusCode != http.StatusServiceUnavailable {
		t.Errorf("a socket after the stop: %v, %v", err, resp)
	}
}
