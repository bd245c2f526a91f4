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

	modernc "modernc.org/sqlite"
)

// connConfig configures the connections to a store.
type connConfig struct {
	path      string
	readOnly  bool
	immutable bool // nothing writes to the file, so SQLite needs no files beside it
	mustExist bool
	private   bool // the file need not survive a crash
	cacheKiB  int64
	busy      int // milliseconds to wait for a lock
}

// maxStatements limits the prepared statements of a connection, since lists have many combinations of filters.
const maxStatements = 256

// conn is a connection to SQLite with its prepared statements, for one goroutine at a time. It uses the driver
// directly, since database/sql would double the cost of a small read.
type conn struct {
	driver     driver.Conn
	statements map[string]*statement
	args       []driver.NamedValue
}

type statement struct {
	driver.Stmt
	row []driver.Value // buffer for a row of the answer
}

// connect opens a connection. It does not change the file.
func connect(ctx context.Context, cfg connConfig) (*conn, error) {
	// With mmap_size above 0, counts take 2.6 times as long.
	q := url.Values{"_pragma": {
		fmt.Sprintf("busy_timeout(%d)", cfg.busy),
		fmt.Sprintf("cache_size(-%d)", max(cfg.cacheKiB, 1024)),
		"mmap_size(0)",
	}}
	if cfg.readOnly {
		q.Set("mode", "ro")
	}
	if cfg.immutable {
		q.Set("immutable", "1")
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

// exec runs a statement. The arguments are int64, string or nil.
func (c *conn) exec(query string, args ...any) error {
	return c.execContext(context.Background(), query, args...)
}

// execContext is exec for a statement that may take or wait long. It stops when ctx ends.
func (c *conn) execContext(ctx context.Context, query string, args ...any) error {
	s, values, err := c.prepare(query, args)
	if err != nil {
		return err
	}
	_, err = s.Stmt.(driver.StmtExecContext).ExecContext(ctx, values)
	return err
}

// each calls f for each row of a query's answer until f fails; [io.EOF] only ends it. The row is valid only while f
// runs, but its texts remain valid. Queries with the same text must not be nested.
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

// number returns the first column of the answer's first row, or 0 if there is none.
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

// rollback ends the transaction, if there is one.
func (c *conn) rollback() {
	_ = c.exec("rollback") // fails if an error or a commit has ended the transaction already
}

// checkpoint moves the content of the -wal file into the file. It tries until ctx ends.
func (c *conn) checkpoint(ctx context.Context) error {
	if err := c.exec("pragma busy_timeout = 50"); err != nil { // to notice the end of ctx
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
