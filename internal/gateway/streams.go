package gateway

import (
	"cmp"
	"context"
	"errors"
	"fmt"
	"io"
	"os"
	"os/signal"
	"sync"
	"syscall"

	"github.com/mattn/go-isatty"
)

// Streams are the program's standard input and output, and the writer for messages and the log.
type Streams struct {
	In       io.Reader
	Out, Err io.Writer
}

// watched returns streams whose input ends with ctx, and a function that returns an error if something could not be
// written to the output, so that commands need not check it.
func (s Streams) watched(ctx context.Context) (w Streams, lost func() error) {
	if s.In != nil {
		s.In = &input{ctx: ctx, from: s.In}
	}
	out := &output{Writer: s.Out}
	s.Out = out
	return s, func() error {
		if out.err != nil {
			return fmt.Errorf("standard output: %w", out.err)
		}
		return nil
	}
}

// input is a reader that ends with a context, even while it waits for data.
type input struct {
	ctx  context.Context
	from io.Reader
	once sync.Once // input of a terminal may be read only by a command that needs it
	pipe *io.PipeReader
}

// Read implements [io.Reader].
func (i *input) Read(p []byte) (int, error) {
	i.once.Do(func() {
		r, w := io.Pipe()
		i.pipe = r
		go func() {
			_, err := io.Copy(w, i.from)
			_ = w.CloseWithError(err)
		}()
		context.AfterFunc(i.ctx, func() { _ = w.CloseWithError(errors.New("the program was stopped")) })
	})
	return i.pipe.Read(p)
}

// output remembers the first error of writing.
type output struct {
	io.Writer
	err error
}

// Write implements [io.Writer].
func (o *output) Write(p []byte) (int, error) {
	n, err := o.Writer.Write(p)
	o.err = cmp.Or(o.err, err)
	return n, err
}

// isTerminal reports whether what is written to w shows on a terminal.
func isTerminal(w io.Writer) bool {
	if o, ok := w.(*output); ok {
		w = o.Writer
	}
	f, ok := w.(*os.File)
	return ok && isatty.IsTerminal(f.Fd())
}

// ignoreBrokenPipes lets a program that others depend on go on when the reader of its output ends, such as a pager, or
// journald when it restarts. By default, writing to its output would then end the program.
func ignoreBrokenPipes() { signal.Ignore(syscall.SIGPIPE) }
