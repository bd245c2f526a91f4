package importer

import (
	"context"
	"errors"
	"fmt"
	"io"
	"time"

	"deliverygraph/internal/classify"
	"deliverygraph/upstream"
	"deliverygraph/upstream/embedded/importer/format"
	"deliverygraph/upstream/embedded/store"
)

// Stdin is the file name that stands for standard input.
const Stdin = "-"

// Store is what an import needs of a [store.Store].
type Store interface {
	Numberer
	// Write adds a batch, all of it or nothing.
	Write(context.Context, store.Batch) (store.Written, error)
	// Finish completes what writing to a new store leaves out for speed.
	Finish(context.Context) error
	// State returns the keys that begin with prefix, and their values, that batches have stored.
	State(ctx context.Context, prefix string) (map[string]string, error)
	store.Reader
}

// Options say how to import. The zero value is valid.
type Options struct {
	// Strict stops at the first bad line. Otherwise bad lines are counted and skipped.
	Strict bool
	// BatchRows is the maximum number of rows in a batch; 0 means 32,768. Batches whose lines have
	// more than 16 MiB are smaller.
	BatchRows int
	// SortBytes is the maximum number of bytes to sort in memory if rows are not in the order of
	// their time; 0 means 32 MiB. Beyond that, the rows go to a temporary file in TempDir, which is
	// about as large as they are. An empty TempDir is the system's default.
	SortBytes int
	TempDir   string
	// Format is the name of the format of all files, or [Rows] for rows of the API. If it is empty,
	// the format of each file is detected from its content.
	Format string
	// Merge merges rows of the API, like those of other formats, with what the store has about the
	// same messages, so that they may come in any order: see [store.Batch]. Otherwise they replace
	// rows that exist.
	Merge bool
	// User is the user of mail in formats that do not name an account; 0 means 1.
	User upstream.ID
	// Location is the time zone of times without one; nil means UTC.
	Location *time.Location
	// Rules sort the bounces of formats that do not; nil means the embedded rules.
	Rules *classify.Rules
	// Stdin is read for the file name "-".
	Stdin io.Reader
	// Report is called with each bad line, in order, and not concurrently.
	Report func(BadLine)
	// Progress gets reports of the import's progress, unless it is nil: on a Terminal a single line
	// that changes and disappears at the end, and otherwise a line every ten seconds. While Report
	// is called and after Run returns, no line is incomplete.
	Progress io.Writer
	Terminal bool

	now func() time.Time // tests replace it
}

// defaults replaces zero values.
func (o *Options) defaults() {
	if o.BatchRows <= 0 {
		o.BatchRows = 32 << 10
	}
	if o.SortBytes <= 0 {
		o.SortBytes = 32 << 20
	}
	if o.now == nil {
		o.now = time.Now
	}
}

// format returns the options for readers of other formats.
func (o Options) format() format.Options { return format.Options{Location: o.Location, Now: o.now()} }

// Summary describes what an import did.
type Summary struct {
	Files int // that were read, to their end or to the error
	// The number of rows that were written. A row that occurs twice in a batch counts twice.
	Senders int
	upstream.PerKind[int]
	// What the store did with the rows.
	store.Written
	BadLines int
	BadFiles int // that were skipped because their format is unknown
	// What was found until the last batch that is stored.
	Formats  []FormatSummary // other than rows of the API, in the order of their first files
	Accounts []Account       // in the order of their first records
	Duration time.Duration
}

// Rows is the number of rows that were written.
func (s Summary) Rows() int {
	return s.Senders + upstream.Sum(s.PerKind)
}

// FormatSummary describes what was found in the files of one format other than rows of the API.
type FormatSummary struct {
	Name     string
	Files    int
	Senders  int            // that are new in this import
	Outcomes [4]int         // the number of records by outcome
	Passed   map[string]int // the number of records that were skipped, by reason
}

// Account is an account that files name, and the user that it became.
type Account struct {
	Name   string
	UserID upstream.ID
}

// BadLine reports a line that cannot be imported, or a file that is cut off or in an unknown format.
type BadLine struct {
	File   string
	Line   int    // from 1; 0 means the whole file
	Reason string // what is wrong and, unless it is obvious, what would be right
}

// Error returns the place and the reason, in the form that compilers use.
func (b *BadLine) Error() string {
	if b.Line == 0 {
		return displayName(b.File) + ": " + b.Reason
	}
	return fmt.Sprintf("%s:%d: %s", displayName(b.File), b.Line, b.Reason)
}

// Run imports files: logs in the order of their first lines, and others in the order of the
// arguments. "-" is standard input, and may be given once. If rows turn out not to be in the
// order of their time, those that follow are sorted before they are written, since the store
// would otherwise have to rewrite the same pages again and again.
//
// If Strict stops the import, the error is a [*BadLine], and the rows before that line are
// written. If ctx ends, the error is that of ctx. Other errors name the file that cannot be
// read, or say that the store cannot be written; earlier batches are written. Without an error,
// all rows are written except those that Summary.BadLines and BadFiles count. The Summary is
// valid even with an error.
func Run(ctx context.Context, w Store, files []string, o Options) (Summary, error) {
	o.defaults()
	start := o.now()
	list, total, err := inputs(files, o)
	if err != nil {
		return Summary{}, err
	}
	m := newMeter(o, total)
	var s Summary
	err = run(ctx, w, list, o, m, &s)
	s.Files, s.BadLines, s.BadFiles = m.finish()
	s.Duration = o.now().Sub(start)
	return s, err
}

// run writes one batch while it reads the next. When ctx ends, it does not wait for a read that
// hangs, as one from a terminal may.
func run(ctx context.Context, w Store, files []input, o Options, m *meter, s *Summary) error {
	reading, stop := context.WithCancel(ctx)
	defer stop()
	// What was found in the files is that of the last batch that is stored, unless all of it is.
	type found struct {
		formats  []FormatSummary
		accounts []Account
	}
	type sent struct {
		store.Batch
		found
	}
	batches, readErr := make(chan sent), make(chan error, 1)
	loader := newLoader(w, o, m)
	send := func(b store.Batch) error {
		x := sent{Batch: b}
		x.formats, x.accounts = loader.summary()
		select {
		case batches <- x:
			return nil
		case <-reading.Done():
			return reading.Err()
		}
	}
	go func() {
		readErr <- loader.readFiles(reading, files, send)
		close(batches)
	}()
	for {
		select {
		case <-ctx.Done():
			return ctx.Err()
		case b, more := <-batches:
			if !more {
				err := <-readErr
				if err == nil || errors.As(err, new(*BadLine)) {
					s.Formats, s.Accounts = loader.summary()
				}
				return err
			}
			n, err := w.Write(ctx, b.Batch)
			if err != nil {
				return err
			}
			s.add(b.Batch, n)
			s.Formats, s.Accounts = b.formats, b.accounts
			m.wrote(s.Rows())
		}
	}
}

func (s *Summary) add(b store.Batch, n store.Written) {
	s.Senders += len(b.Senders)
	for _, k := range upstream.Kinds {
		*s.Of(k) += b.Of(k).Len()
	}
	s.New += n.New
	s.Replaced += n.Replaced
	s.Unchanged += n.Unchanged
}
