package clickhouse

import (
	"context"
	"errors"
	"fmt"
	"net"
	"slices"
	"sync"
	"sync/atomic"
	"time"

	driver "github.com/ClickHouse/clickhouse-go/v2"
)

const (
	dialLimit  = 5 * time.Second // for connecting, and again for the server's greeting
	probeEvery = 2 * time.Second
	probeLimit = 3 * time.Second
	hangTime   = 10 * time.Second // after which calls that read no longer try a server that hangs
	maxDelay   = 2                // seconds that a replica may be behind others; that is inserts in progress
)

// Host is the state of a server of a store.
type Host struct {
	Name     string // host:port
	Err      error  // why the server is not available; nil if it is
	Failures uint64 // calls and probes that it did not answer
}

// hosts are the servers of a store, which have the same data. A call uses the first that answers, so that all processes
// read what any of them has written. Calls leave a server that has failed a call, or two probes in a row, since a
// server that hangs may still accept connections. They return to it when its replicas have caught up.
type hosts struct {
	list     []*host
	database string
	changed  atomic.Pointer[func(Host)]
	stop     context.CancelFunc
	probes   sync.WaitGroup
}

// host is a server.
type host struct {
	name  string
	conn  driver.Conn
	probe driver.Conn   // has one connection, which calls never use
	wake  chan struct{} // requests a probe at once

	mu       sync.Mutex
	state    state
	err      error     // of a server that is not up
	since    time.Time // when the state began
	failures uint64
	compared bool            // its replicas with others, since it was started or failed
	settings driver.Settings // those of calls, once the server's version is known
	calls    context.Context // ends with the calls in progress, if the server hangs
	end      context.CancelCauseFunc
}

type state int

const (
	up      state = iota
	behind        // its replicas lack what others have
	suspect       // it has failed a call, and will be probed
	down          // it has failed two probes
)

// isAvailable reports whether calls prefer servers in this state to others.
func (s state) isAvailable() bool { return s == up || s == suspect }

// newHosts returns the servers of a store. They need not answer yet.
func newHosts(o *driver.Options) (*hosts, error) {
	ctx, stop := context.WithCancel(context.Background())
	h := &hosts{database: o.Auth.Database, stop: stop}
	for _, name := range o.Addr {
		x := &host{name: name, wake: make(chan struct{}, 1)}
		x.calls, x.end = context.WithCancelCause(context.Background())
		of, one := *o, *o
		of.Addr, one.Addr = []string{name}, []string{name}
		one.MaxOpenConns, one.MaxIdleConns, one.DialTimeout, one.ReadTimeout = 1, 1, probeLimit, probeLimit
		var err error
		if x.conn, err = driver.Open(&of); err == nil {
			x.probe, err = driver.Open(&one)
		}
		if err != nil {
			return nil, errors.Join(fmt.Errorf("connect to ClickHouse: %w", err), h.close())
		}
		x.wake <- struct{}{}
		h.list = append(h.list, x)
	}
	for _, x := range h.list {
		h.probes.Go(func() { h.watch(ctx, x) })
	}
	return h, nil
}

func (h *hosts) close() (err error) {
	h.stop()
	h.probes.Wait()
	for _, x := range h.list {
		err = errors.Join(err, x.conn.Close(), x.probe.Close())
	}
	return err
}

// watch probes a server until ctx ends.
func (h *hosts) watch(ctx context.Context, x *host) {
	tick := time.NewTicker(probeEvery)
	defer tick.Stop()
	for {
		select {
		case <-ctx.Done():
			return
		case <-tick.C:
		case <-x.wake:
		}
		err := x.ping(ctx)
		if err != nil { // again, on a new connection
			err = x.ping(ctx)
		}
		now := down
		if err == nil {
			now, err = h.compare(ctx, x)
		}
		if ctx.Err() != nil {
			return
		}
		h.set(x, now, err)
		if now == down && slices.ContainsFunc(h.list, func(o *host) bool { return o.is() == up }) {
			x.endCalls(fmt.Errorf("%w: %w", errHangs, err))
		}
	}
}

// compare returns whether the replicas of a server have what others have. A server that has failed may have missed
// much, and takes some seconds after its start to notice it.
func (h *hosts) compare(ctx context.Context, x *host) (state, error) {
	x.mu.Lock()
	compared := x.compared
	x.mu.Unlock()
	if len(h.list) == 1 || compared {
		return up, nil
	}
	ctx, cancel := context.WithTimeout(ctx, probeLimit)
	defer cancel()
	var delay uint64
	err := x.probe.QueryRow(ctx, "select max(absolute_delay) from system.replicas where database = "+
		quote(h.database)).Scan(&delay)
	if _, refused := errors.AsType[*driver.Exception](err); err != nil && !refused {
		return down, err
	}
	if delay > maxDelay { // the seconds since 1970, if the server does not know yet
		return behind, errors.New("its replicas lack what others have")
	}
	return up, nil
}

func (x *host) ping(ctx context.Context) error {
	ctx, cancel := context.WithTimeout(ctx, probeLimit)
	defer cancel()
	err := x.probe.Ping(ctx)
	if err != nil {
		x.mu.Lock()
		x.failures++
		x.mu.Unlock()
	}
	return err
}

func (x *host) is() state {
	x.mu.Lock()
	defer x.mu.Unlock()
	return x.state
}

// set sets the state of a server. It notes when the server becomes available or unavailable.
func (h *hosts) set(x *host, now state, err error) {
	x.mu.Lock()
	before := x.state
	if x.state, x.err, x.compared = now, err, now == up; now != before {
		x.since = time.Now()
	}
	if now != up {
		x.settings = nil // it may be upgraded
	}
	x.mu.Unlock()
	if note := h.changed.Load(); note != nil && now.isAvailable() != before.isAvailable() {
		(*note)(x.current())
	}
}

func (x *host) current() Host {
	x.mu.Lock()
	defer x.mu.Unlock()
	s := Host{Name: x.name, Failures: x.failures}
	if !x.state.isAvailable() {
		s.Err = x.err
	}
	return s
}

// hang returns an error if all servers have been hanging for some time. Calls would wait until their deadlines.
func (h *hosts) hang() error {
	var errs hostErrors
	for _, x := range h.list {
		x.mu.Lock()
		network, _ := errors.AsType[net.Error](x.err)
		hangs := x.state == down && network != nil && network.Timeout() && time.Since(x.since) > hangTime
		errs = append(errs, &hostError{x.name, x.err})
		x.mu.Unlock()
		if !hangs {
			return nil
		}
	}
	return errs
}

// failed notes that a call got no answer from a server.
func (h *hosts) failed(x *host, err error) {
	x.mu.Lock()
	x.failures++
	x.settings, x.compared = nil, false
	if x.state == up {
		x.state, x.err = suspect, err
	}
	x.mu.Unlock()
	x.look()
}

// look requests a probe at once.
func (x *host) look() {
	select {
	case x.wake <- struct{}{}:
	default:
	}
}

// endCalls ends the calls in progress.
func (x *host) endCalls(cause error) {
	x.mu.Lock()
	defer x.mu.Unlock()
	x.end(cause)
	x.calls, x.end = context.WithCancelCause(context.Background())
}

// inProgress returns the context of the calls that are in progress.
func (x *host) inProgress() context.Context {
	x.mu.Lock()
	defer x.mu.Unlock()
	return x.calls
}
