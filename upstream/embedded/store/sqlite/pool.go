package sqlite

import (
	"context"
	"errors"
	"sync"

	"deliverygraph/upstream/embedded/store"
)

// pool is a limited number of connections that read. The one used last is used next, since its cache has the most
// pages.
type pool struct {
	cfg   connConfig
	slots chan struct{} // holds one for each connection in use
	done  chan struct{} // closed by close
	mu    sync.Mutex
	idle  []*conn
}

func newPool(cfg connConfig, size int) *pool {
	return &pool{cfg: cfg, slots: make(chan struct{}, size), done: make(chan struct{})}
}

func (p *pool) get(ctx context.Context) (*conn, error) {
	select {
	case p.slots <- struct{}{}:
	case <-p.done:
		return nil, store.ErrClosed
	case <-ctx.Done():
		return nil, ctx.Err()
	}
	p.mu.Lock()
	if n := len(p.idle); n > 0 {
		c := p.idle[n-1]
		p.idle = p.idle[:n-1]
		p.mu.Unlock()
		return c, nil
	}
	p.mu.Unlock()
	c, err := connect(ctx, p.cfg)
	if err != nil {
		<-p.slots
	}
	return c, err
}

func (p *pool) put(c *conn) {
	p.mu.Lock()
	p.idle = append(p.idle, c)
	p.mu.Unlock()
	<-p.slots
}

// close waits for connections in use and closes all. It must be called only once.
func (p *pool) close() error {
	close(p.done)
	for range cap(p.slots) {
		p.slots <- struct{}{}
	}
	var errs []error
	for _, c := range p.idle {
		errs = append(errs, c.close())
	}
	return errors.Join(errs...)
}
