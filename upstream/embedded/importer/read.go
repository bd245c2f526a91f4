package importer

import (
	"context"
	"errors"
	"fmt"

	"deliverygraph/upstream"
	"deliverygraph/upstream/embedded/store"
)

// batchBytes limits the lines of a batch, because rows with whole messages may be long.
const batchBytes = 16 << 20

// firstRows is the maximum number of rows in the first batch, which shows early whether rows must be sorted.
const firstRows = 1024

// readFiles sends the rows of all files in batches. If a bad line stops a strict import, the rows
// before it are sent, and the error is a [*BadLine].
func (f *loader) readFiles(ctx context.Context, files []input, send func(store.Batch) error) error {
	o := f.options
	b := batcher{
		ctx: ctx, most: o.BatchRows, merge: o.Merge, send: send, runs: runs{dir: o.TempDir, bytes: o.SortBytes},
		meter: f.meter,
	}
	defer b.runs.close()
	f.batcher = &b
	for i := range files {
		err := f.readFile(ctx, &files[i])
		var bad *BadLine
		if e, ok := errors.AsType[unreadable](err); ok && files[i].name != Stdin {
			bad = &BadLine{File: files[i].name, Reason: fmt.Sprintf("it cannot be read: %v", e.cause())}
			f.meter.bad(*bad)
			err = bad
		}
		switch {
		case err == nil:
		case !errors.As(err, &bad):
			return err
		case o.Strict:
			if stopped := b.finish(); stopped != nil {
				return stopped
			}
			return err
		default: // it is counted; the rest of this file cannot be read, but other files can
		}
	}
	if err := f.flush(false); err != nil {
		return err
	}
	return b.finish()
}

// readFile reads a file.
func (f *loader) readFile(ctx context.Context, in *input) error {
	if in.closed != nil {
		return in.closed
	}
	src, err := open(in.name, f.options.Stdin, &f.meter.bytes)
	if err != nil {
		return err
	}
	defer src.close()
	f.meter.opened()
	if src.foreign != "" {
		bad := BadLine{File: in.name, Reason: src.foreign}
		f.meter.bad(bad)
		return &bad
	}
	if !in.again {
		in.recognise(src, f.options)
	}
	if in.format == nil {
		in.format = &rowsFormat
	}
	return f.read(ctx, in, src)
}

// damage describes compressed data that ends in an error.
func (s *source) damage(err error) string {
	return fmt.Sprintf("the %s data is damaged or cut off here, so that the rest of the file is lost: %v", s.packing,
		err)
}

// batcher collects rows, and sends a batch when it is large enough.
type batcher struct {
	ctx    context.Context
	most   int
	merge  bool // rows of the API
	whole  bool // batches are sent by flush only
	parts  bool // except that large ones are sent, too
	send   func(store.Batch) error
	parser parser
	batch  store.Batch
	rows   int
	bytes  int

	spread  spread
	sorting bool // rows go to runs first
	runs    runs
	meter   *meter
}

// merges sets whether the rows of the batch are merged with existing ones or replace them. It sends
// the current batch if that differs.
func (b *batcher) merges(merge bool) error {
	if b.rows > 0 && b.batch.Merge != merge {
		if err := b.flush(); err != nil {
			return err
		}
	}
	b.batch.Merge = merge
	return nil
}

// add adds the row of a line, or says what is wrong with the line.
func (b *batcher) add(line []byte) (problem string, err error) {
	if err := b.merges(b.merge); err != nil {
		return "", err
	}
	if !b.sorting {
		if problem := b.parser.parse(line, &b.batch); problem != "" {
			return problem, nil
		}
		return "", b.added(len(line))
	}
	var later store.Batch
	if problem := b.parser.parse(line, &later); problem != "" {
		return problem, nil
	}
	for _, k := range upstream.Kinds {
		if rows := later.Of(k); rows.Len() > 0 {
			b.meter.sorts()
			return "", b.runs.add(rows.Identity(0).Time, line)
		}
	}
	b.batch.Append(later) // accounts and senders, which have no time
	return "", b.added(len(line))
}

// added counts a row that was added to the batch, and its bytes.
func (b *batcher) added(bytes int) error {
	b.rows++
	b.bytes += bytes
	most := b.most
	if !b.whole && b.spread.written == nil {
		most = min(most, firstRows)
	}
	if b.whole && !b.parts || b.rows < most && b.bytes < batchBytes {
		return nil
	}
	return b.flush()
}

// finish sends the remaining rows, and those that were set aside for sorting.
func (b *batcher) finish() error {
	if b.sorting {
		if err := b.merges(b.merge); err != nil {
			return err
		}
		if err := b.runs.merge(func(line []byte) error {
			if problem := b.parser.parse(line, &b.batch); problem != "" {
				return unsorted(errors.New(problem)) // the line was valid before
			}
			return b.added(len(line))
		}); err != nil {
			return err
		}
	}
	return b.flush()
}

// keep adds a key and its value to the state that is stored with the batch.
func (b *batcher) keep(key, value string) {
	if b.batch.State == nil {
		b.batch.State = map[string]string{}
	}
	b.batch.State[key] = value
}

func (b *batcher) flush() error {
	if b.rows == 0 && len(b.batch.State) == 0 {
		return b.ctx.Err()
	}
	scattered := !b.sorting && !b.whole && b.spread.scattered(&b.batch)
	if err := b.send(b.batch); err != nil {
		return err
	}
	b.batch, b.rows, b.bytes = store.Batch{}, 0, 0
	b.sorting = b.sorting || scattered
	return nil
}
