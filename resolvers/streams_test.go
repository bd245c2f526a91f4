package resolvers_test

import (
	"bytes"
	"context"
	"fmt"
	"log/slog"
	"net"
	"net/url"
	"runtime"
	"strings"
	"sync"
	"sync/atomic"
	"testing"
	"time"

	"deliverygraph/graph"
	"deliverygraph/internal/auth"
	"deliverygraph/upstream"
	"deliverygraph/upstream/upstreamtest"
)

// A caller who may see some users' data gets no trace of other data in events, cursors or errors, while others
// subscribe at the same time.
func TestStreamsRevealNoOtherUsersData(t *testing.T) {
	t.Parallel()
	callers := map[string]auth.Caller{
		"all":     {Users: auth.Everyone(), Scopes: auth.AllScopes},
		"one":     {Users: auth.Only(leakUser(1)), Scopes: auth.AllScopes},
		"masked":  {Users: auth.Only(leakUser(1)), Scopes: auth.MetricsRead},
		"content": {Users: auth.Only(leakUser(1), leakUser(3)), Scopes: auth.MetricsRead | auth.ContentRead},
		"none":    {Users: auth.Only(leakUser(1)), Scopes: 0},
	}
	s := newStreaming(t, callers, graph.Options{}, 100*time.Millisecond)
	const everything = `{ cursor node { __typename id emailId userId senderId recipient domain xHeaders { name ` +
		`value } sender { id address } user { id userId } detail { diagnosticCode ruleName fullContent } } } }`
	all := leakRows("rcpt")
	s.model.Add(upstreamtest.Rows{Senders: all.Senders, Emails: all.Emails})
	type subscriber struct {
		caller string
		query  string
		read   reading
	}
	var subscribers []*subscriber
	for name := range callers {
		for _, filter := range []string{
			"", fmt.Sprintf("(filter: {userId: %d})", leakUser(1)), fmt.Sprintf("(filter: {userId: %d})", leakUser(2)),
		} {
			for _, open := range s.transports() {
				query := "subscription { bounces" + filter + everything
				subscribers = append(subscribers, &subscriber{caller: name, query: query, read: open(t, name, query)})
			}
		}
	}
	stop, stopped := make(chan struct{}), make(chan struct{})
	go func() { // rows of all users appear until all subscribers have read enough
		defer close(stopped)
		for n := 0; ; n++ {
			rows := upstreamtest.Rows{}
			for _, b := range all.Bounces[:20] {
				b.EmailID = strings.Replace(b.EmailID, "@", fmt.Sprintf("-%d@", n), 1)
				rows.Bounces = append(rows.Bounces, b)
			}
			s.model.Add(rows)
			select {
			case <-stop:
				return
			case <-time.After(100 * time.Millisecond):
			}
		}
	}()
	const events = 8 // from each subscription
	var done sync.WaitGroup
	var seen, refused atomic.Int64
	for _, sub := range subscribers {
		mine := callers[sub.caller]
		if strings.Contains(sub.query, fmt.Sprint(leakUser(2))) && sub.caller != "all" && sub.caller != "none" {
			continue // nothing will come
		}
		done.Go(func() {
			for range events {
				data := sub.read()
				if trace := traceOf(data, sub.query, mine); trace != "" {
					t.Errorf("%s: %s: %q must not appear in %s", sub.caller, sub.query, trace, data)
				}
				if strings.Contains(string(data), `"FORBIDDEN"`) && !strings.Contains(string(data), `"cursor"`) {
					refused.Add(1)
					return
				}
				if !strings.Contains(string(data), `"cursor"`) {
					t.Errorf("%s: got %q", sub.caller, data)
					return
				}
				seen.Add(1)
			}
		})
	}
	done.Wait()
	close(stop)
	<-stopped
	if seen.Load() != events*2*(3+2+2+2) || refused.Load() != 6 {
		t.Errorf("only %d events checked, %d refused", seen.Load(), refused.Load())
	}
}

// An event whose fields take too long fails without failing the next one.
func TestSlowEventFailsAlone(t *testing.T) {
	t.Parallel()
	for _, name := range []string{"events", "socket"} {
		t.Run(name, func(t *testing.T) {
			t.Parallel()
			s := newStreaming(t, map[string]auth.Caller{"": auth.Anyone()}, graph.Options{Timeout: 3 * time.Second},
				20*time.Millisecond)
			var stuck atomic.Bool
			stuck.Store(true)
			s.api.Before = func(ctx context.Context, call string) error {
				if strings.HasPrefix(call, "/bounce/") && stuck.Load() {
					<-ctx.Done()
					stuck.Store(false)
					return ctx.Err()
				}
				return nil
			}
			read := s.transports()[name](t, "", `subscription { bounces { node { emailId detail { ruleName } } } }`)
			stop, stopped := make(chan struct{}), make(chan struct{})
			go func() {
				defer close(stopped)
				for {
					s.appear(20)
					select {
					case <-stop:
						return
					case <-time.After(100 * time.Millisecond):
					}
				}
			}()
			late, next := string(read()), string(read())
			close(stop)
			<-stopped
			if !strings.Contains(late, `"UPSTREAM_TIMEOUT"`) || !strings.Contains(late, `"emailId":"made`) ||
				!strings.Contains(late, `"path":["bounces","node","detail"]`) {
				t.Errorf("first event is %s", late)
			}
			if !strings.Contains(next, `"ruleName":"rule"`) || strings.Contains(next, `"errors":`) {
				t.Errorf("next event is %s", next)
			}
		})
	}
}

// A thousand streams with one filter, and a thousand sockets, share one poll, and take little memory each while
// nothing happens.
func TestThousandStreamsShareOnePoll(t *testing.T) { // not parallel, since it measures the memory of the process
	streams := 1000
	if upstreamtest.Race {
		streams = 100
	}
	const most = 64 << 10 // bytes for each, including its client's half of the connection
	begin := time.Now()
	const poll = 50 * time.Millisecond
	s := newStreaming(t, map[string]auth.Caller{"": auth.Anyone()}, graph.Options{}, poll)
	var polls, underWay, atOnce atomic.Int64
	s.api.Before = func(context.Context, string) error {
		polls.Add(1)
		atOnce.Store(max(atOnce.Load(), underWay.Add(1)))
		underWay.Add(-1)
		return nil
	}
	address := s.Listener.Addr().String()
	const query = "subscription { bounces { cursor node { emailId } } }"
	hello := map[string]string{
		"server-sent events": "GET /?query=" + url.QueryEscape(query) +
			" HTTP/1.1\r\nHost: x\r\nAccept: text/event-stream\r\n\r\n",
		"WebSockets": "GET / HTTP/1.1\r\nHost: x\r\nConnection: Upgrade\r\nUpgrade: " +
			"websocket\r\nSec-WebSocket-Version: 13\r\nSec-WebSocket-Protocol: " +
			"graphql-transport-ws\r\nSec-WebSocket-Key: AAAAAAAAAAAAAAAAAAAAAA==\r\n\r\n" +
			frame(`{"type":"connection_init"}`) +
			frame(`{"type":"subscribe","id":"1","payload":{"query":"`+query+`"}}`),
	}
	var open []net.Conn
	for name, hello := range hello {
		before := memory()
		conns := make([]net.Conn, streams)
		for i := range conns {
			c, err := net.Dial("tcp", address)
			if err != nil {
				t.Fatal(err)
			}
			conns[i] = c
			if _, err := c.Write([]byte(hello)); err != nil {
				t.Fatal(err)
			}
		}
		open = append(open, conns...)
		var delivered sync.WaitGroup
		for _, c := range conns {
			delivered.Go(func() {
				var seen []byte
				buf := make([]byte, 512)
				for !strings.Contains(string(seen), `"emailId":"made`) {
					n, err := c.Read(buf)
					if err != nil {
						t.Errorf("%s: %v after %q", name, err, seen)
						return
					}
					seen = append(seen, buf[:n]...)
				}
			})
		}
		all := make(chan struct{})
		go func() { delivered.Wait(); close(all) }()
		for waiting := true; waiting; {
			s.appear(20) // until each has received one
			select {
			case <-all:
				waiting = false
			case <-time.After(time.Second):
			}
		}
		each := (memory() - before) / int64(streams)
		t.Logf("%s: %d bytes each", name, each)
		if each > most && !upstreamtest.Race {
			t.Errorf("%s: %d bytes each, want %d at most", name, each, most)
		}
	}
	if n, could := polls.Load(), int64(time.Since(begin)/(poll/2))+2; atOnce.Load() > 1 || n > could {
		t.Errorf("%d polls, %d of them at once, where one filter needs at most %d", n, atOnce.Load(), could)
	}
	if n := s.streams.Open(); n != 3*streams {
		t.Errorf("%d subscriptions and sockets are open", n)
	}
	for _, c := range open {
		_ = c.Close()
	}
	if err := s.streams.Shutdown(t.Context()); err != nil { // once all have ended
		t.Error(err)
	}
}

// frame returns a client's message, masked with zeros.
func frame(text string) string {
	if len(text) < 126 {
		return "\x81" + string([]byte{0x80 | byte(len(text)), 0, 0, 0, 0}) + text
	}
	return "\x81" + string([]byte{0x80 | 126, byte(len(text) >> 8), byte(len(text)), 0, 0, 0, 0}) + text
}

// memory returns the size of heap and stacks in bytes.
func memory() int64 {
	runtime.GC()
	runtime.GC()
	var m runtime.MemStats
	runtime.ReadMemStats(&m)
	return int64(m.HeapAlloc + m.StackInuse)
}

// If a caller loses access, its stream ends with an error within about a heartbeat. Streams that a stopping
// gateway cuts off do not end with complete.
func TestStreamsEndWhenAccessIsLost(t *testing.T) {
	t.Parallel()
	const query = "subscription { bounces { cursor } }"
	for _, name := range []string{"events", "socket"} {
		t.Run(name+" of one not let in", func(t *testing.T) {
			t.Parallel()
			var withdrawn atomic.Bool
			s := newStreaming(t, map[string]auth.Caller{"": auth.Anyone()},
				graph.Options{Heartbeat: 20 * time.Millisecond, Check: func(context.Context) error {
					if withdrawn.Load() {
						return auth.Refuse("this API key is no longer valid")
					}
					return nil
				}}, time.Minute)
			read := s.transports()[name](t, "", query)
			for s.api.Total() == 0 { // until it has subscribed
				runtime.Gosched()
			}
			withdrawn.Store(true)
			if last := string(read()); name == "events" &&
				!strings.Contains(last, `"message":"this API key is no longer valid"`) ||
				name == "socket" && last != "" {
				t.Errorf("last event is %q", last)
			}
			if name == "events" && string(read()) != "" {
				t.Error("the error is not followed by complete")
			}
			if err := s.streams.Shutdown(t.Context()); err != nil {
				t.Error(err)
			}
		})
		t.Run(name+" at a stop", func(t *testing.T) {
			t.Parallel()
			var log bytes.Buffer
			s := newStreaming(t, map[string]auth.Caller{"": auth.Anyone()},
				graph.Options{Logger: slog.New(slog.NewTextHandler(&log, nil))}, time.Minute)
			read := s.transports()[name](t, "", query)
			for s.api.Total() == 0 {
				runtime.Gosched()
			}
			stopped := make(chan error, 1)
			go func() { stopped <- s.streams.Shutdown(t.Context()) }()
			if last := read(); last != nil {
				t.Errorf("last event is %q", last)
			}
			if err := <-stopped; err != nil {
				t.Error(err)
			}
			if !strings.Contains(log.String(), "outcome=shutdown") {
				t.Errorf("the log says %s", log.String())
			}
		})
	}
}

// The lists of each event have a limit together, since aliases repeat rows without further calls.
func TestElementsOfListsOfEachEventAreLimited(t *testing.T) {
	t.Parallel()
	s := newStreaming(t, map[string]auth.Caller{"all": {Users: auth.Everyone(), Scopes: auth.AllScopes}},
		graph.Options{MaxInFlight: 100 * 512, Rows: func(context.Context) int64 { return 101 }}, 20*time.Millisecond)
	var rows upstreamtest.Rows
	for i := range 40 {
		rows.Emails = append(rows.Emails, upstream.Email{
			UserID: 20, SenderID: 2000, EmailID: fmt.Sprint("sent", i), EmailAddress: "r@example.com",
			Domain: "example.com", ProcessTime: day + 40000,
		})
	}
	s.model.Add(rows)
	const one, both = `a: nodes { id }`, `a: nodes { id } b: nodes { id }`
	for lists, refused := range map[string]bool{one: false, both: false, both + ` c: nodes { id }`: true} {
		read := s.events(t, "all", `subscription { bounces { node { user { emails(window: {last: "P1D"}) { `+
			lists+` } } } } }`)
		for range 3 { // an event does not count towards the limit of the next
			s.appear(20)
			if event := string(read()); strings.Contains(event, "QUERY_TOO_EXPENSIVE") != refused ||
				strings.Contains(event, `"errors"`) != refused {
				t.Fatalf("%s: %.300s", lists, event)
			}
		}
	}
}
