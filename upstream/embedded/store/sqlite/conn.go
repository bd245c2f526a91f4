package sqlite

import (
	"context"
	"database/sql/driver"
	"errors"
	"fmt"
	"io"
	"iter"
	"net/url"
	"path/filepath"
	"strings"
	"time"

	modernc "modernc.org/sqlite"
	sqlite3 "modernc.org/sqlite/lib"

	"deliverygraph/upstream/embedded/store"
)

// connConfig configures the connections to a store.
type connConfig struct {
	Options
	immutable bool // nothing writes to the file, so SQLite needs no files beside it
	private   bool // the file need not survive a crash
	busy      int  // milliseconds to wait for a lock
}

// maxStatements limits the prepared statements of a connection, since lists have many combinations of filters.
const maxStatements = 256

// conn is a connection to SQLite with its prepared statements, for one goroutine at a time. It uses the driver
// directly, since database/sql would double the cost of a small read.
//
// After an error, its methods do nothing until the next call of use. So callers check err once, at the end, and a
// transaction with an error is never committed.
type conn struct {
	driver     driver.Conn
	waiting    func(time.Duration) error // see [Options]; may be nil
	statements map[string]*statement
	args       []driver.NamedValue

	ctx   context.Context // ends the use
	short bool            // no statement takes so long that the end of ctx must interrupt it, which is faster
	err   error           // the first one
	open  bool            // there is a transaction
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
		fmt.Sprintf("cache_size(-%d)", max(cfg.CacheBytes>>10, 1024)),
		"mmap_size(0)",
	}}
	if cfg.ReadOnly {
		q.Set("mode", "ro")
	}
	if cfg.immutable {
		q.Set("immutable", "1")
	}
	path, err := filepath.Abs(cfg.Path)
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
	return &conn{driver: d, waiting: cfg.Waiting, statements: map[string]*statement{}, ctx: ctx}, err
}

func (c *conn) close() error { return errors.Join(c.forgetStatements(), c.driver.Close()) }

func (c *conn) forgetStatements() error {
	var errs []error
	for _, s := range c.statements {
		errs = append(errs, s.Close())
	}
	clear(c.statements)
	return errors.Join(errs...)
}

// use makes the connection ready for statements until ctx ends.
func (c *conn) use(ctx context.Context) { c.ctx, c.short, c.err = ctx, false, nil }

// fail records an error, if it is the first.
func (c *conn) fail(err error) {
	if c.err == nil {
		c.err = err
	}
}

// prepare returns a statement, or nil after an error, and binds its arguments, which are int64, string or nil.
func (c *conn) prepare(query string, args []any) (*statement, context.Context) {
	if c.fail(c.ctx.Err()); c.err != nil {
		return nil, nil
	}
	s, ok := c.statements[query]
	if !ok {
		d, err := c.driver.Prepare(query)
		if err != nil {
			c.fail(err)
			return nil, nil
		}
		s = &statement{Stmt: d}
		c.statements[query] = s
	}
	c.args = c.args[:0]
	for i, a := range args {
		c.args = append(c.args, driver.NamedValue{Ordinal: i + 1, Value: a})
	}
	if c.short {
		return s, context.Background()
	}
	return s, c.ctx
}

// exec runs a statement.
func (c *conn) exec(query string, args ...any) {
	if s, ctx := c.prepare(query, args); s != nil {
		_, err := s.Stmt.(driver.StmtExecContext).ExecContext(ctx, c.args)
		c.fail(err)
	}
}

// rows returns the rows of a query's answer, as far as there is no error. A row is valid until the next one, but its
// texts remain valid. Queries with the same text must not be nested.
func (c *conn) rows(query string, args ...any) iter.Seq[[]driver.Value] {
	return func(yield func([]driver.Value) bool) {
		s, ctx := c.prepare(query, args)
		if s == nil {
			return
		}
		rows, err := s.Stmt.(driver.StmtQueryContext).QueryContext(ctx, c.args)
		if err != nil {
			c.fail(err)
			return
		}
		defer func() { c.fail(rows.Close()) }()
		if s.row == nil {
			s.row = make([]driver.Value, len(rows.Columns()))
		}
		for c.err == nil {
			if err := rows.Next(s.row); err == io.EOF {
				return
			} else if err != nil {
				c.fail(err)
			} else if !yield(s.row) {
				return
			}
			c.fail(c.ctx.Err())
		}
	}
}

// number returns the first column of the answer's first row, or 0 if there is none.
func (c *conn) number(query string, args ...any) int64 {
	for row := range c.rows(query, args...) {
		return integer(row[0])
	}
	return 0
}

// begin starts a transaction. One that writes waits until no other connection writes.
func (c *conn) begin(write bool) {
	if len(c.statements) > maxStatements {
		c.fail(c.forgetStatements())
	}
	if write {
		c.wait("begin immediate")
	} else {
		c.short = true
		c.exec("begin")
		c.short = false
	}
	c.open = c.err == nil
}

// wait runs a statement that needs a lock for writing, again and again as long as another connection has it.
func (c *conn) wait(query string) {
	start := time.Now()
	for c.exec(query); isSQLite(c.err, sqlite3.SQLITE_BUSY); c.exec(query) {
		if c.err = nil; c.waiting != nil {
			c.err = c.waiting(time.Since(start))
		}
	}
}

// commit ends the transaction, unless there was an error.
func (c *conn) commit() {
	c.short = true // so that the end of ctx does not leave it unknown whether it was committed
	c.exec("commit")
	c.open = c.open && c.err != nil
}

// rollback undoes the transaction, if it is not committed.
func (c *conn) rollback() {
	if c.open {
		err := c.err
		c.use(context.Background())
		c.exec("rollback") // fails if an error has ended the transaction already
		c.open, c.err = false, err
	}
}

// checkpoint moves the content of the -wal file into the file. It tries until ctx ends.
func (c *conn) checkpoint(ctx context.Context) error {
	c.use(context.Background())
	for c.number("pragma wal_checkpoint(truncate)") != 0 {
		if ctx.Err() != nil {
			c.fail(store.ErrInUse)
		}
	}
	return c.err
}
