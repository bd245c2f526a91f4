package importer

import (
	"bytes"
	"context"
	"errors"
	"fmt"
	"io"
	"maps"
	"strings"
	"time"

	"deliverygraph/upstream/embedded/importer/format"
	"deliverygraph/upstream/embedded/importer/tail"
	"deliverygraph/upstream/embedded/store"
)

// loader reads files into batches. It keeps one reader per format, because the lines about a message may be in several
// files.
type loader struct {
	store     Store
	options   Options
	meter     *meter
	batcher   *batcher
	converter *converter
	readers   map[string]*records
	order     []*records
	earlier   []FormatSummary // what was found before forget
	changed   *string         // the value of [store.UnfinishedChange] before the first load; nil if there was none
}

func newLoader(s Store, o Options, m *meter) *loader {
	return &loader{store: s, options: o, meter: m, converter: newConverter(s, o), readers: map[string]*records{}}
}

// records receives the records of one format. It is a [format.Sink].
type records struct {
	*loader
	ctx    context.Context
	reader format.Reader
	file   string // the current file
	before int    // the number of its lines that were read earlier
	found  int
	good   bool    // a record of the file could be read
	others int     // lines of the file that other programs wrote
	known  bool    // another line of the file could be read
	held   []fault // bad records that are reported once a good one is read
	head   []byte  // the beginning of a file of rows
	next   int     // the next line of a file of rows; otherwise 0
	sum    FormatSummary
}

// fault is a bad record.
type fault struct {
	line   int
	reason string
}

// errStopped ends the reading of a file, because of a bad record if the import is strict, or because no record is good.
var errStopped = errors.New("the file is not read further")

// read reads a file. The error is a [*BadLine] if the rest of the file cannot be read.
func (f *loader) read(ctx context.Context, in *input, src *source) error {
	r, err := f.reader(ctx, in.format)
	if err != nil {
		return err
	}
	r.ctx, r.file, r.good, r.held, r.before, r.next = ctx, in.name, false, nil, 0, 0
	r.others, r.known = 0, false
	r.sum.Files++
	err = r.reader.Read(ctx, in.file(src), r)
	stopped := errors.Is(err, errStopped)
	if err == nil || stopped {
		if why := r.otherFormat(); why != "" {
			return r.bad(0, why)
		}
	}
	last := r.pass()
	switch {
	case stopped:
		return last
	case err == nil, ctx.Err() != nil, r.failed(err):
		return err
	case src.broken != nil:
		return unreadable{fmt.Errorf("read %s: %w", displayName(in.name), src.broken)}
	}
	return r.bad(r.next, src.damage(err))
}

// piece reads a piece of a followed file. First says that it is the first piece of the file.
func (f *loader) piece(ctx context.Context, c tail.Chunk, first bool) error {
	of, _ := byName(c.Mark.Format)
	r, err := f.reader(ctx, &of)
	if err != nil {
		return err
	}
	r.ctx, r.file, r.good, r.held, r.before = ctx, c.Name, c.Mark.Offset > 0 || of.Name == Rows, nil, c.Mark.Lines
	var text io.Reader = bytes.NewReader(c.Data)
	if first {
		r.sum.Files++
	}
	header, _, ok := bytes.Cut(c.Begin, []byte("\n"))
	if ok && c.Mark.Offset > 0 && of.Header != nil && of.Header(header) {
		text = io.MultiReader(bytes.NewReader(header), strings.NewReader("\n"), text)
		r.before--
	}
	file, clock := format.NewFile(displayName(c.Name), c.Written, text), time.Time{}
	if file.Clock = &clock; c.Mark.Clock != 0 {
		clock = time.Unix(c.Mark.Clock, 0)
	}
	err = r.reader.Read(ctx, file, r)
	if errors.Is(err, errStopped) {
		r.bad(0, r.otherFormat())
		c.Mark.Format = ignored
		return nil
	}
	r.pass()
	if !clock.IsZero() {
		c.Mark.Clock = clock.Unix()
	}
	return err
}

// reader returns the reader of a format. A reader of logs gets the unfinished messages of earlier
// imports.
func (f *loader) reader(ctx context.Context, of *format.Format) (*records, error) {
	if r := f.readers[of.Name]; r != nil {
		return r, nil
	}
	o := f.options.format()
	if f.batcher.whole { // it may take days, so the readers must ask for the time
		o.Now = time.Time{}
	}
	r := &records{loader: f, ctx: ctx, reader: of.New(o), sum: FormatSummary{Name: of.Name, Passed: map[string]int{}}}
	for _, sum := range f.earlier {
		if sum.Name == of.Name {
			r.sum, r.sum.Passed = sum, maps.Clone(sum.Passed)
		}
	}
	if k, ok := r.reader.(format.Keeper); ok {
		if err := f.load(ctx, k, r.prefix()); err != nil {
			return nil, err
		}
	}
	f.readers[of.Name] = r
	f.order = append(f.order, r)
	return r, nil
}

// load gives a reader the unfinished messages that the store has under a prefix.
func (f *loader) load(ctx context.Context, k format.Keeper, prefix string) error {
	if f.changed == nil { // before the messages, so that a change meanwhile is noticed
		kept, err := f.store.State(ctx, store.UnfinishedChange)
		if err != nil {
			return err
		}
		changed := kept[store.UnfinishedChange]
		f.changed = &changed
	}
	messages, err := state(ctx, f.store, prefix)
	if err == nil {
		k.Load(messages)
	}
	return err
}

// state returns the state that a store keeps under a prefix. The keys are without the prefix.
func state(ctx context.Context, s Store, prefix string) (map[string]string, error) {
	kept, err := s.State(ctx, prefix)
	state := make(map[string]string, len(kept))
	for key, value := range kept {
		state[strings.TrimPrefix(key, prefix)] = value
	}
	return state, err
}

// prefix is the prefix of the keys of unfinished messages.
func (r *records) prefix() string { return store.UnfinishedPrefix + r.sum.Name + "/" }

// writeError is an error of writing, as opposed to one of the file.
type writeError struct{ error }

func (w writeError) Unwrap() error { return w.error }

func (r *records) failed(err error) bool { return errors.As(err, new(writeError)) }

// flush adds to the batch the rows of unfinished messages, and the messages themselves for the next
// import. Growing says that lines may be on their way.
func (f *loader) flush(growing bool) error {
	for _, r := range f.order {
		k, ok := r.reader.(format.Keeper)
		if !ok {
			continue
		}
		if err := k.Flush(r, growing); err != nil {
			return err
		}
		k.Save(func(key, value string) { f.batcher.keep(r.prefix()+key, value) })
		f.batcher.batch.Given = map[string]string{store.UnfinishedChange: *f.changed}
	}
	return nil
}

// forget forgets unfinished messages and what was found, so that the readers begin anew. Stored is what was found in
// what is stored.
func (f *loader) forget(stored []FormatSummary) {
	f.readers, f.order, f.changed, f.earlier = map[string]*records{}, nil, nil, stored
}

// summary describes what was found.
func (f *loader) summary() (formats []FormatSummary, accounts []Account) {
	for _, r := range f.order {
		if r.sum.Name == Rows {
			continue
		}
		sum := r.sum
		sum.Passed = maps.Clone(sum.Passed)
		formats = append(formats, sum)
	}
	for _, sum := range f.earlier {
		if f.readers[sum.Name] == nil {
			formats = append(formats, sum)
		}
	}
	for _, name := range f.converter.accounts {
		accounts = append(accounts, Account{name, f.converter.users[name]})
	}
	return formats, accounts
}

// Record adds the rows of a record to the batch.
func (r *records) Record(line int, rec format.Record) error {
	if err := r.batcher.merges(true); err != nil { // records of a message come in any order
		return writeError{err}
	}
	met := r.converter.met
	bytes, problem, err := r.converter.add(r.ctx, &rec, &r.batcher.batch)
	switch {
	case err != nil:
		return writeError{err}
	case problem != "":
		return r.Bad(line, problem)
	}
	r.pass()
	r.known = true
	r.sum.Senders += r.converter.met - met
	r.sum.Outcomes[rec.Outcome]++
	r.tick()
	if err := r.batcher.added(bytes); err != nil {
		return writeError{err}
	}
	return nil
}

// Skip counts a record that has no rows.
func (r *records) Skip(reason string) {
	r.pass()
	if reason == format.OtherProgram {
		r.others++
	} else {
		r.known = true
	}
	r.sum.Passed[reason]++
	r.tick()
}

// Bad reports a bad record. With Strict it stops the import. Bad records at the beginning of a file are
// reported once it is clear that the file has the format.
func (r *records) Bad(line int, reason string) error {
	r.held = append(r.held, fault{line, reason})
	switch {
	case r.options.Strict, !r.good && len(r.held) == maxTrial:
		return errStopped
	case r.good:
		r.pass()
	}
	return nil
}

// pass notes that the file has the format. It reports the bad records so far, and returns the last of them.
func (r *records) pass() (last *BadLine) {
	for _, f := range r.held {
		last = r.bad(f.line, f.reason)
	}
	r.good, r.held = true, nil
	return last
}

func (r *records) bad(line int, reason string) *BadLine {
	if line > 0 {
		line += r.before
	}
	b := &BadLine{File: r.file, Line: line, Reason: reason}
	r.meter.bad(*b)
	return b
}

func (r *records) tick() {
	r.found++
	r.meter.tick(r.found)
}
