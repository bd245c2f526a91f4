// Package database runs statements on SQLite files. It uses the driver directly, since database/sql would double the
// cost of a small read.
package database

import (
	"context"
	"database/sql/driver"
	"errors"
	"io"
	"iter"
	"time"

	sqlite3 "modernc.org/sqlite/lib"

	"deliverygraph/upstream/embedded/store"
)

// maxStatements limits the prepared statements of a connection, since lists have many combinations of filters.
const maxStatements = 256

// Conn is a connection to SQLite with its prepared statements, for one goroutine at a time.
//
// After an error, its methods do nothing until the next call of Use. So callers check Err once, at the end, and a
// transaction with an error is never committed.
type Conn struct {
	Err   error // the first one
	Short bool  // no statement takes so long that the end of the use must interrupt it, which is faster

	driver     driver.Conn
	waiting    func(time.Duration) error // see [Options]
	statements map[string]*statement
	args       []driver.NamedValue
	ctx        context.Context // ends the use
	open       bool            // there is a transaction
}

type statement struct {
	driver.Stmt
	row []driver.Value // buffer for a row of the answer
}

// Close ends the connection.
func (c *Conn) Close() error { return errors.Join(c.Forget(), c.driver.Close()) }

// Forget closes all prepared statements.
func (c *Conn) Forget() error {
	var errs []error
	for _, s := range c.statements {
		errs = append(errs, s.Close())
	}
	clear(c.statements)
	return errors.Join(errs...)
}

// Use makes the connection ready for statements until ctx ends.
func (c *Conn) Use(ctx context.Context) { c.ctx, c.Short, c.Err = ctx, false, nil }

// Fail records an error, if it is the first.
func (c *Conn) Fail(err error) {
	if c.Err == nil {
		c.Err = err
	}
}

// prepare returns a statement, or nil after an error, and binds its arguments, which are int64, string or nil.
func (c *Conn) prepare(query string, args []any) (*statement, context.Context) {
	if c.Fail(c.ctx.Err()); c.Err != nil {
		return nil, nil
	}
	s, ok := c.statements[query]
	if !ok {
		d, err := c.driver.Prepare(query)
		if err != nil {
			c.Fail(err)
			return nil, nil
		}
		s = &statement{Stmt: d}
		c.statements[query] = s
	}
	c.args = c.args[:0]
	for i, a := range args {
		c.args = append(c.args, driver.NamedValue{Ordinal: i + 1, Value: a})
	}
	if c.Short {
		return s, context.Background()
	}
	return s, c.ctx
}

// Exec runs a statement.
func (c *Conn) Exec(query string, args ...any) {
	if s, ctx := c.prepare(query, args); s != nil {
		_, err := s.Stmt.(driver.StmtExecContext).ExecContext(ctx, c.args)
		c.Fail(err)
	}
}

// Rows returns the rows of a query's answer, as far as there is no error. A row is valid until the next one, but its
// texts remain valid. Queries with the same text must not be nested.
func (c *Conn) Rows(query string, args ...any) iter.Seq[[]driver.Value] {
	return func(yield func([]driver.Value) bool) {
		s, ctx := c.prepare(query, args)
		if s == nil {
			return
		}
		rows, err := s.Stmt.(driver.StmtQueryContext).QueryContext(ctx, c.args)
		if err != nil {
			c.Fail(err)
			return
		}
		defer func() { c.Fail(rows.Close()) }()
		if s.row == nil {
			s.row = make([]driver.Value, len(rows.Columns()))
		}
		for c.Err == nil {
			if err := rows.Next(s.row); err == io.EOF {
				return
			} else if err != nil {
				c.Fail(err)
			} else if !yield(s.row) {
				return
			}
			c.Fail(c.ctx.Err())
		}
	}
}

// Number returns the first column of the answer's first row, or 0 if there is none.
func (c *Conn) Number(query string, args ...any) int64 {
	for row := range c.Rows(query, args...) {
		n, _ := row[0].(int64)
		return n
	}
	return 0
}

// Values returns the first column of a query's answer.
func (c *Conn) Values(query string, args ...any) (all []any) {
	for v := range c.Rows(query, args...) {
		all = append(all, v[0])
	}
	return all
}

// Begin starts a transaction. One that writes waits until no other connection writes.
func (c *Conn) Begin(write bool) {
	if len(c.statements) > maxStatements {
		c.Fail(c.Forget())
	}
	if write {
		c.Wait("begin immediate")
	} else {
		c.Exec("begin")
	}
	c.open = c.Err == nil
}

// Wait runs a statement that needs a lock for writing, again and again as long as another connection has it.
func (c *Conn) Wait(query string, args ...any) {
	start := time.Now()
	for c.Exec(query, args...); is(c.Err, sqlite3.SQLITE_BUSY); c.Exec(query, args...) {
		if c.Err = nil; c.waiting != nil {
			c.Err = c.waiting(time.Since(start))
		}
	}
}

// Commit ends the transaction, unless there was an error.
func (c *Conn) Commit() {
	c.Short = true // so that the end of ctx does not leave it unknown whether it was committed
	c.Exec("commit")
	c.open = c.open && c.Err != nil
}

// Rollback undoes the transaction, and reports whether there was one.
func (c *Conn) Rollback() bool {
	if !c.open {
		return false
	}
	err := c.Err
	c.Use(context.Background())
	c.Exec("rollback") // fails if an error has ended the transaction already
	c.open, c.Err = false, err
	return true
}

// Checkpoint moves the content of the -wal file into the file. It tries until ctx ends, and fails with [store.ErrInUse]
// then.
func (c *Conn) Checkpoint(ctx context.Context) {
	c.ctx = context.Background() // it must not be interrupted
	for c.Number("pragma wal_checkpoint(truncate)") != 0 {
		if ctx.Err() != nil {
			c.Fail(store.ErrInUse)
		}
	}
}
