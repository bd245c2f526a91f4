package store

import (
	"context"
	"database/sql/driver"
	"errors"
	"fmt"
	"io"
	"net/url"
	"path/filepath"
	"strings"
	"sync"

	"modernc.org/sqlite"
)

// connConfig is how connections to one store are opened.
type connConfig struct {
	path      string
	readOnly  bool
	mustExist bool
	private   bool // no one misses the file after a crash
	cacheKiB  int64
}

// conn is a connection to SQLite and its prepared statements, for one goroutine at a
// time. It goes to the driver directly: database/sql takes as long again as a small
// read itself.
type conn struct {
	driver     driver.Conn
	statements map[string]driver.Stmt
	args       []driver.NamedValue
}

// busyTimeout is how long a statement waits for other connections, in milliseconds.
const busyTimeout = "busy_timeout(10000)"

// connect opens a connection and changes nothing in the file.
func connect(ctx context.Context, cfg connConfig) (*conn, error) {
	q := url.Values{"_pragma": {busyTimeout, "temp_store(memory)", fmt.Sprintf("cache_size(-%d)", max(cfg.cacheKiB, 256))}}
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
	connector, err := sqlite.NewConnector("file:" + (&url.URL{Path: path}).EscapedPath() + "?" + q.Encode())
	if err != nil {
		return nil, err
	}
	d, err := connector.Connect(ctx)
	if err != nil {
		return nil, err
	}
	return &conn{driver: d, statements: map[string]driver.Stmt{}}, nil
}

func (c *conn) close() error {
	var errs []error
	for _, s := range c.statements {
		errs = append(errs, s.Close())
	}
	return errors.Join(append(errs, c.driver.Close())...)
}

func (c *conn) prepare(query string) (driver.Stmt, error) {
	if s, ok := c.statements[query]; ok {
		return s, nil
	}
	s, err := c.driver.Prepare(query)
	if err != nil {
		return nil, err
	}
	c.statements[query] = s
	return s, nil
}

func (c *conn) bind(args []any) []driver.NamedValue {
	c.args = c.args[:0]
	for i, a := range args {
		c.args = append(c.args, driver.NamedValue{Ordinal: i + 1, Value: a})
	}
	return c.args
}

// exec runs a statement. Args are int64, []byte or string.
func (c *conn) exec(query string, args ...any) error {
	s, err := c.prepare(query)
	if err != nil {
		return err
	}
	_, err = s.(driver.StmtExecContext).ExecContext(context.Background(), c.bind(args))
	return err
}

// execCtx is exec for what may wait: it gives up with ctx.
func (c *conn) execCtx(ctx context.Context, query string) error {
	s, err := c.prepare(query)
	if err != nil {
		return err
	}
	_, err = s.(driver.StmtExecContext).ExecContext(ctx, nil)
	return err
}

// each calls f for each row of a query's answer. The row is f's only while it
// runs, its blobs are f's to keep; an empty blob is nil.
func (c *conn) each(f func(row []driver.Value) error, query string, args ...any) error {
	s, err := c.prepare(query)
	if err != nil {
		return err
	}
	rows, err := s.(driver.StmtQueryContext).QueryContext(context.Background(), c.bind(args))
	if err != nil {
		return err
	}
	var few [4]driver.Value
	dest := few[:len(rows.Columns())]
	for {
		if err = rows.Next(dest); err != nil {
			break
		}
		if err = f(dest); err != nil {
			break
		}
	}
	if err == io.EOF {
		err = nil
	}
	return errors.Join(err, rows.Close())
}

// value is the first column of the answer's only row: an int64, a []byte or nil.
// Found is false where there is no row.
func (c *conn) value(query string, args ...any) (v any, found bool, err error) {
	err = c.each(func(row []driver.Value) error {
		v, found = row[0], true
		return nil
	}, query, args...)
	return v, found, err
}

func (c *conn) number(query string) (int64, error) {
	v, _, err := c.value(query)
	n, _ := v.(int64)
	return n, err
}

// blob is value for a blob; nil where there is no row.
func (c *conn) blob(query string, id int64) ([]byte, error) {
	v, _, err := c.value(query, id)
	b, _ := v.([]byte)
	return b, err
}

// begin starts a transaction; write waits until no other connection writes.
func (c *conn) begin(ctx context.Context, write bool) error {
	if err := ctx.Err(); err != nil {
		return err
	}
	if write {
		return c.execCtx(ctx, "begin immediate")
	}
	return c.exec("begin")
}

func (c *conn) commit() error { return c.exec("commit") }

// rollback ends a transaction, if there is one.
func (c *conn) rollback() {
	// It fails where an error has ended the transaction already.
	_ = c.exec("rollback")
}

// pool is a bounded number of connections that read.
type pool struct {
	cfg  connConfig
	idle chan *conn    // made and not in use
	free chan struct{} // one for each that may still be made
	done chan struct{} // closed by close
	size int
	once sync.Once
}

func newPool(cfg connConfig, size int) *pool {
	p := &pool{cfg: cfg, size: size, idle: make(chan *conn, size), free: make(chan struct{}, size), done: make(chan struct{})}
	for range size {
		p.free <- struct{}{}
	}
	return p
}

func (p *pool) get(ctx context.Context) (*conn, error) {
	select {
	case <-p.done:
		return nil, ErrClosed
	default:
	}
	select {
	case c := <-p.idle:
		return c, nil
	default:
	}
	select {
	case c := <-p.idle:
		return c, nil
	case <-p.free:
		c, err := connect(ctx, p.cfg)
		if err != nil {
			p.free <- struct{}{}
		}
		return c, err
	case <-p.done:
		return nil, ErrClosed
	case <-ctx.Done():
		return nil, ctx.Err()
	}
}

func (p *pool) put(c *conn) { p.idle <- c }

// close waits for connections in use and closes all.
func (p *pool) close() error {
	var errs []error
	p.once.Do(func() {
		close(p.done)
		for range p.size {
			select {
			case c := <-p.idle:
				errs = append(errs, c.close())
			case <-p.free:
			}
		}
	})
	return errors.Join(errs...)
}
