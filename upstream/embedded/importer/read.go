package importer

import (
	"context"
	"errors"
	"fmt"
	"io"

	"deliverygraph/upstream/embedded/store"
)

// batchBytes bounds what a batch's lines hold, so that full messages, which may be
// long, do not pile up.
const batchBytes = 16 << 20

// readFiles sends the rows of all files in batches. Its error is a [*BadLine] where
// that ends a strict import, behind the rows before it.
func readFiles(ctx context.Context, files []string, o Options, m *meter, batches chan<- store.Batch) error {
	b := batcher{ctx: ctx, most: o.BatchRows, send: batches}
	for _, name := range files {
		err := readFile(name, o, m, &b)
		var bad *BadLine
		switch {
		case err == nil:
		case !errors.As(err, &bad):
			return err
		case o.Strict:
			if stopped := b.flush(); stopped != nil {
				return stopped
			}
			return err
		default: // counted; what follows in this file cannot be read, other files can
		}
	}
	return b.flush()
}

// readFile gives the rows of one file to the batcher.
func readFile(name string, o Options, m *meter, b *batcher) error {
	src, err := open(name, o.Stdin, &m.bytes)
	if err != nil {
		return err
	}
	defer src.close()
	m.opened()
	bad := func(line int, reason string) *BadLine {
		l := &BadLine{File: name, Line: line, Reason: reason}
		m.bad(*l)
		return l
	}
	if src.foreign != "" {
		return bad(1, src.foreign)
	}
	lines := newLines(src, o.MaxLine)
	var p parser
	for {
		line, err := lines.next()
		var reason string
		switch {
		case err == io.EOF:
			return nil
		case errors.Is(err, errTooLong):
			reason = err.Error()
		case err != nil && src.broken != nil:
			return fmt.Errorf("read %s: %w", displayName(name), src.broken)
		case err != nil:
			return bad(lines.n, "the gzip data is damaged or breaks off here, so that the rest of the file is lost: "+err.Error())
		case len(line) == 0:
			continue
		default:
			reason = p.parse(line, &b.batch)
		}
		if reason != "" {
			if l := bad(lines.n, reason); o.Strict {
				return l
			}
			continue
		}
		if err := b.added(len(line)); err != nil {
			return err
		}
		m.tick(lines.n)
	}
}

// batcher sends a batch when it is large enough.
type batcher struct {
	ctx   context.Context
	most  int
	send  chan<- store.Batch
	batch store.Batch
	rows  int
	bytes int
}

// added takes note of a row, of so many bytes, that was put into the batch.
func (b *batcher) added(bytes int) error {
	b.rows++
	b.bytes += bytes
	if b.rows < b.most && b.bytes < batchBytes {
		return nil
	}
	return b.flush()
}

func (b *batcher) flush() error {
	if b.rows == 0 {
		return b.ctx.Err()
	}
	select {
	case b.send <- b.batch:
	case <-b.ctx.Done():
		return b.ctx.Err()
	}
	b.batch, b.rows, b.bytes = store.Batch{}, 0, 0
	return nil
}
