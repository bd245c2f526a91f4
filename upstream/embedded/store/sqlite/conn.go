package sqlite

import (
	"context"
	"database/sql/driver"
	"deliverygraph/upstream/embedded/store"
	"errors"
	"fmt"
	"io"
	"net/url"
	"path/filepath"
	"strings"
	"sync"

	modernc "modernc.org/sqlite"
)

// connConfig says how connections to one store are opened.
type connConfig struct {
	path      string
	readOnly  bool
	mustExist bool
	private   bool // no one misses the file after a crash
	cacheKiB  int64
	busy      int // milliseconds to wait for a lock
}

// maxStatements bounds the prepared statements of a connection, since lists have many
// combinations of filters.
const maxStatements = 256

// conn is a connection to SQLite and its prepared statements, for one goroutine at a
// time. It uses the driver directly: database/sql would double the cost of a small read.
type conn struct {
	driver     driver.Conn
	statements map[string]*statement
	args       []driver.NamedValue
}

type statement struct {
	driver.Stmt
	row []driver.Value // what a query's row is read into
}

// connect opens a connection and changes nothing in the file.
func connect(ctx context.Context, cfg connConfig) (*conn, error) {
	// With mmap_size above 0, counts take 2.6 times as long.
	q := url.Values{"_pragma": {
		fmt.Sprintf("busy_timeout(%d)", cfg.busy), fmt.Sprintf("cache_size(-%d)", max(cfg.cacheKiB, 1024)), "mmap_size(0)",
	}}
	if cfg.readOnly {
		q.Set("mode", "ro")
	}
	path, err := filepath.Abs(cfg.path)
	if err != nil {
		return nil, err
	}
	path = filepath.ToSlash(path)
	if !strings.HasPrefix(path, "/") {
		path = "/" + path // a drive letter
	}
	connector, err := modernc.NewConnector("file:" + (&url.URL{Path: path}).EscapedPath() + "?" + q.Encode())
	if err != nil {
		return nil, err
	}
	d, err := connector.Connect(ctx)
	if err != nil {
		return nil, err
	}
	return &conn{driver: d, statements: map[string]*statement{}}, nil
}

func (c *conn) close() error { return errors.Join(c.forget(), c.driver.Close()) }

// forget closes all prepared statements.
func (c *conn) forget() error {
	var errs []error
	for _, s := range c.statements {
		errs = append(errs, s.Close())
	}
	clear(c.statements)
	return errors.Join(errs...)
}

func (c *conn) prepare(query string, args []any) (*statement, []driver.NamedValue, error) {
	s, ok := c.statements[query]
	if !ok {
		d, err := c.driver.Prepare(query)
		if err != nil {
			return nil, nil, err
		}
		s = &statement{Stmt: d}
		c.statements[query] = s
	}
	c.args = c.args[:0]
	for i, a := range args {
		c.args = append(c.args, driver.NamedValue{Ordinal: i + 1, Value: a})
	}
	return s, c.args, nil
}

// exec runs a statement. Args are int64, string or nil.
func (c *conn) exec(query string, args ...any) error {
	return c.execContext(context.Background(), query, args...)
}

// execContext runs a statement that may take or wait long: it gives up with ctx.
func (c *conn) execContext(ctx context.Context, query string, args ...any) error {
	s, values, err := c.prepare(query, args)
	if err != nil {
		return err
	}
	_, err = s.Stmt.(driver.StmtExecContext).ExecContext(ctx, values)
	return err
}

// each calls f for each row of a query's answer until f fails. The row is valid only while
// f runs, the texts in it remain valid. Queries with the same text must not be nested.
func (c *conn) each(ctx context.Context, f func(row []driver.Value) error, query string, args ...any) error {
	s, values, err := c.prepare(query, args)
	if err != nil {
		return err
	}
	rows, err := s.Stmt.(driver.StmtQueryContext).QueryContext(ctx, values)
	if err != nil {
		return err
	}
	if s.row == nil {
		s.row = make([]driver.Value, len(rows.Columns()))
	}
	for n := 1; ; n++ {
		if n%1024 == 0 && ctx.Err() != nil {
			err = ctx.Err()
			break
		}
		if err = rows.Next(s.row); err != nil {
			break
		}
		if err = f(s.row); err != nil {
			break
		}
	}
	if err == io.EOF {
		err = nil
	}
	return errors.Join(err, rows.Close())
}

// number is the first column of the answer's first row; 0 where there is none.
func (c *conn) number(ctx context.Context, query string, args ...any) (n int64, err error) {
	err = c.each(ctx, func(row []driver.Value) error {
		n, _ = row[0].(int64)
		return io.EOF
	}, query, args...)
	return n, err
}

// begin starts a transaction. One that writes waits until no other connection writes.
func (c *conn) begin(ctx context.Context, write bool) error {
	if err := ctx.Err(); err != nil {
		return err
	}
	if len(c.statements) > maxStatements {
		if err := c.forget(); err != nil {
			return err
		}
	}
	if write {
		return c.execContext(ctx, "begin immediate")
	}
	return c.exec("begin")
}

func (c *conn) commit() error { return c.exec("commit") }

// rollback ends a transaction, if there is one.
func (c *conn) rollback() {
	// It fails where an error or a commit has ended the transaction already.
	_ = c.exec("rollback")
}

// checkpoint moves the -wal file's content into the file, for as long as ctx lasts.
func (c *conn) checkpoint(ctx context.Context) error {
	if err := c.exec("pragma busy_timeout = 50"); err != nil { // so that ctx is heeded
		return err
	}
	defer func() { _ = c.exec(fmt.Sprintf("pragma busy_timeout = %d", writerBusy)) }()
	for {
		busy, err := c.number(context.Background(), "pragma wal_checkpoint(truncate)")
		switch {
		case err != nil:
			return err
		case busy == 0:
			return nil
		case ctx.Err() != nil:
			return store.ErrInUse
		}
	}
}

// pool is a bounded number of connections that read. The one that was used last is used
// next, since it has the most pages in its cache.
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

// close waits for connections in use and closes all. It is called once.
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
