package database

import (
	"context"
	"errors"
	"sync"

	"deliverygraph/upstream/embedded/store"
)

// Pool is connections to a file that are opened when they are needed.
type Pool struct {
	ctx     context.Context // ends the use
	options Options
	slots   chan struct{} // contains one for each connection that is idle, or not open yet
	mu      sync.Mutex
	idle    []*Conn
}

// NewPool returns a pool of connections for reading, which share the memory. When ctx ends, Take fails.
func NewPool(ctx context.Context, o Options, size int) *Pool {
	o.CacheBytes, o.wait = o.CacheBytes/int64(size), readerWait
	p := &Pool{ctx: ctx, options: o, slots: make(chan struct{}, size)}
	for range size {
		p.slots <- struct{}{}
	}
	return p
}

// PoolOf returns a pool of one connection.
func PoolOf(ctx context.Context, c *Conn) *Pool {
	p := &Pool{ctx: ctx, slots: make(chan struct{}, 1)}
	p.Put(c)
	return p
}

// Take waits for a connection, which is for statements until ctx ends. The caller must return it with Put. The one used
// last is used next, since its cache has the most pages. It fails with [store.ErrClosed] after the end of the pool.
func (p *Pool) Take(ctx context.Context) (*Conn, error) {
	if p.ctx.Err() != nil {
		return nil, store.ErrClosed
	}
	select {
	case <-p.slots:
	case <-p.ctx.Done():
		return nil, store.ErrClosed
	case <-ctx.Done():
		return nil, ctx.Err()
	}
	p.mu.Lock()
	defer p.mu.Unlock()
	if n := len(p.idle); n > 0 {
		c := p.idle[n-1]
		p.idle = p.idle[:n-1]
		c.Use(ctx)
		return c, nil
	}
	c, err := connect(ctx, p.options)
	if err != nil {
		p.slots <- struct{}{}
	}
	return c, err
}

// Put returns a connection.
func (p *Pool) Put(c *Conn) {
	p.mu.Lock()
	p.idle = append(p.idle, c)
	p.mu.Unlock()
	p.slots <- struct{}{}
}

// Close waits for all connections, and closes them. The pool's context must have ended.
func (p *Pool) Close() error {
	for range cap(p.slots) {
		<-p.slots
	}
	var errs []error
	for _, c := range p.idle {
		errs = append(errs, c.Close())
	}
	return errors.Join(errs...)
}
