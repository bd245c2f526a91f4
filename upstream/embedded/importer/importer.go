package importer

import (
	"context"
	"fmt"
	"io"
	"time"

	"deliverygraph/internal/classify"
	"deliverygraph/upstream"
	"deliverygraph/upstream/embedded/importer/format"
	"deliverygraph/upstream/embedded/store"
)

// Stdin is the name of standard input among the files of [Run].
const Stdin = "-"

// Store is where rows go: a [store.Store].
type Store interface {
	Numberer
	// Write takes a batch, all of it or nothing.
	Write(context.Context, store.Batch) (store.Written, error)
	// Finish completes what writing to a new store leaves out for speed.
	Finish(context.Context) error
	// State returns what batches have kept under keys that begin with prefix.
	State(ctx context.Context, prefix string) (map[string]string, error)
	// Emails returns the emails of users, in the order of their time.
	Emails(ctx context.Context, only []upstream.ID, q upstream.ListQuery) ([]upstream.Email, error)
}

// Options say how to import. The zero value is of use.
type Options struct {
	// Strict stops at the first bad line; else bad lines are counted and skipped.
	Strict bool
	// BatchRows is the most rows that are written at once; 0 is 32,768. A batch ends
	// earlier where its lines hold more than 16 MiB.
	BatchRows int
	// SortBytes is the most bytes of lines to sort at once, where they do not come in the
	// order of their time; 0 is 32 MiB. More lie sorted in a temporary file of TempDir,
	// which is about as large as they are; "" is the system's own.
	SortBytes int
	TempDir   string
	// Format is the name of the format that all files have, [Rows] for the rows of the API;
	// empty is to tell by their content.
	Format string
	// Merge merges the rows of the API too with what the store has of their messages, as it does
	// those of foreign formats: see [store.Batch]. They then may come in any order. Else they
	// replace it.
	Merge bool
	// User is the user of mail in foreign formats that do not name an account; 0 is 1.
	User upstream.ID
	// Location is where times without a zone are from; nil is UTC.
	Location *time.Location
	// Rules sort the bounces of formats that do not; nil are the embedded ones.
	Rules *classify.Rules
	// MaxLine is the most bytes that a line may have, without its end; 0 is 16 MiB.
	MaxLine int
	// Stdin is what the file name "-" stands for.
	Stdin io.Reader
	// Report is told of each bad line, in order, never twice at once.
	Report func(BadLine)
	// Progress is where to write how far the import is: nil is nowhere. On a
	// Terminal it is one line that changes and is gone at the end; elsewhere a line
	// every ten seconds. Between calls of Report and after Run there is no line begun.
	Progress io.Writer
	Terminal bool

	now func() time.Time // tests have their own
}

// defaults sets what is zero.
func (o *Options) defaults() {
	if o.BatchRows <= 0 {
		o.BatchRows = 32 << 10
	}
	if o.SortBytes <= 0 {
		o.SortBytes = 32 << 20
	}
	if o.MaxLine <= 0 {
		o.MaxLine = 16 << 20
	}
	if o.now == nil {
		o.now = time.Now
	}
}

// format returns the options that readers of foreign formats have.
func (o Options) format() format.Options { return format.Options{Location: o.Location, Now: o.now()} }

// Summary says what an import did.
type Summary struct {
	Files int // those that were read, to their end or up to the error
	// Rows that were written. A row that is twice in a batch counts twice.
	Senders int
	upstream.PerKind[int]
	// What the store did with them.
	store.Written
	BadLines int
	BadFiles int             // of another format, and so passed over
	Formats  []FormatSummary // of foreign files, in the order in which they were met
	Accounts []Account       // of foreign files, likewise
	Bytes    int64           // read from the files, as they are: compressed where they are
	Duration time.Duration
}

// Rows is the number of rows that were written.
func (s Summary) Rows() int {
	n := s.Senders
	for _, k := range upstream.Kinds {
		n += *s.Of(k)
	}
	return n
}

// FormatSummary says what was found in the files of one format, other than the API's rows.
type FormatSummary struct {
	Name     string
	Files    int
	Senders  int            // that had not been met before in this import
	Outcomes [4]int         // records by their outcome
	Passed   map[string]int // records that make no row, by the reason
	Bad      int
}

// Account is an account of foreign files, and the user whose mail its mail became.
type Account struct {
	Name   string
	UserID upstream.ID
}

// BadLine is a line that makes no row, a file that breaks off, or one of another format.
type BadLine struct {
	File   string
	Line   int    // from 1; 0 is the file as a whole
	Reason string // what is wrong, and where it is not plain what would be right
}

// Error returns the place and the reason, in the manner of compilers.
func (b *BadLine) Error() string {
	if b.Line == 0 {
		return displayName(b.File) + ": " + b.Reason
	}
	return fmt.Sprintf("%s:%d: %s", displayName(b.File), b.Line, b.Reason)
}

// Run imports the files in their order. "-" is standard input, once at most. Where rows
// turn out not to come about in the order of their time, which would have the store write
// the same again and again, all that follow are sorted before they are written.
//
// The error is a [*BadLine] where Strict stopped the import: the rows before that line
// are written. It is the context's where that ended,
// and else says which file cannot be read, or that the store cannot be written;
// batches before that are written. Without an error all rows are, but those of
// Summary.BadLines and BadFiles. The Summary is right with an error too.
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
	s.Files, s.BadLines, s.BadFiles, s.Bytes = m.finish()
	s.Duration = o.now().Sub(start)
	return s, err
}

// run reads and writes side by side, since both take their time: one batch is
// being written while the next is read. It does not wait for a read that hangs when
// the context ends, as one of a terminal may.
func run(ctx context.Context, w Store, files []input, o Options, m *meter, s *Summary) error {
	reading, stop := context.WithCancel(ctx)
	defer stop()
	batches, readErr := make(chan store.Batch), make(chan error, 1)
	foreign := newForeign(w, o, m)
	send := func(b store.Batch) error {
		select {
		case batches <- b:
			return nil
		case <-reading.Done():
			return reading.Err()
		}
	}
	go func() {
		readErr <- readFiles(reading, files, o, m, foreign, send)
		close(batches)
	}()
	for {
		select {
		case <-ctx.Done():
			return ctx.Err()
		case b, more := <-batches:
			if !more {
				s.Formats, s.Accounts = foreign.summary()
				return <-readErr
			}
			n, err := w.Write(ctx, b)
			if err != nil {
				return err
			}
			s.add(b, n)
			m.wrote(s.Rows())
		}
	}
}

func (s *Summary) add(b store.Batch, n store.Written) {
	s.Senders += len(b.Senders)
	for _, k := range upstream.Kinds {
		*s.Of(k) += b.Len(k)
	}
	s.New += n.New
	s.Replaced += n.Replaced
	s.Unchanged += n.Unchanged
}
