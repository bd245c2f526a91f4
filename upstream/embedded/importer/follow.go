package importer

import (
	"bytes"
	"cmp"
	"context"
	"errors"
	"fmt"
	"io"
	"io/fs"
	"os"
	"sync/atomic"
	"time"

	"deliverygraph/upstream/embedded/importer/tail"
	"deliverygraph/upstream/embedded/store"
)

// Prefixes of the keys under which [Follow] stores its state.
const (
	filePrefix   = "follow/file/"
	mailPrefix   = "follow/mail/"
	folderPrefix = "follow/folder/"
)

// How often Follow looks for new lines, and how often it reports its progress.
const (
	pollInterval   = 200 * time.Millisecond
	statusInterval = time.Minute
)

// Follow imports files as they grow, until ctx ends; then it returns without an error. It follows
// Maildirs, and logs through rotation and truncation. Files need not exist yet. Standard input,
// "-", is read until it ends, and compressed files are read once. In other folders than Maildirs, each
// compressed file is read when it is complete. If nothing else is left to follow, Follow returns.
//
// The store records how far each file was read, in the same transaction as the rows. So nothing is
// lost or duplicated if the process is killed: the next call continues from there. Files must have
// one record per line: an mbox, or JSON with line breaks in it, cannot be followed.
//
// Options.Progress gets a line per minute, and messages such as that a file does not exist yet. The
// fields Strict, SortBytes, Merge and Terminal are ignored.
func Follow(ctx context.Context, s Store, files []string, o Options) (Summary, error) {
	o.Merge, o.Strict = true, false
	status := cmp.Or[io.Writer](o.Progress, io.Discard)
	o.Progress = nil
	o.defaults()
	writing, cancel := context.WithCancel(context.WithoutCancel(ctx))
	defer cancel()
	defer context.AfterFunc(ctx, func() { time.AfterFunc(grace, cancel) })()
	f := &follower{
		ctx: ctx, store: s, options: o, status: status, meter: newMeter(o, 0), started: o.now(),
		met:     map[string]bool{},
		batcher: batcher{ctx: writing, merge: true, whole: true, most: o.BatchRows},
	}
	f.loader = newLoader(s, o, f.meter)
	f.loader.batcher, f.batcher.meter, f.batcher.send = &f.batcher, f.meter, f.write
	err := f.start(files)
	for errors.Is(err, store.ErrChanged) {
		f.forget()
		err = f.start(files)
	}
	if ctx.Err() != nil && errors.Is(err, ctx.Err()) {
		err = nil
	}
	f.summary.Files, f.summary.BadLines, f.summary.BadFiles = f.meter.finish()
	f.summary.Duration = o.now().Sub(f.started)
	return f.summary, err
}

type follower struct {
	ctx     context.Context
	store   Store
	options Options
	status  io.Writer
	meter   *meter
	loader  *loader
	batcher batcher
	summary Summary

	files  *tail.Set
	spools []*spool
	met    map[string]bool // the keys of files that were read from
	mails  []*maildir
	input  *pipe // standard input; nil if it is not followed

	read              bool // whether anything was read since the last commit
	committed         time.Time
	finished          bool // whether the store's Finish was called
	started, reported time.Time
	counts
	before counts // at the last report
}

// counts counts what was read.
type counts struct{ lines, mailsRead, filesRead int }

// grace is how long the last write may take after the context has ended.
const grace = 5 * time.Second

const mailFile = "it is a mail or an mbox, which cannot be followed: follow a Maildir, or import the file repeatedly"

// start opens what is to be followed, and follows it until the context ends, or nothing is left.
func (f *follower) start(files []string) error {
	err := f.open(files)
	if err == nil {
		err = f.run()
	}
	if f.files != nil {
		f.files.Close()
	}
	return err
}

// forget forgets what was read and is not stored, because messages that it belongs to were erased. Files are read again
// from where the store has them, as after a restart.
func (f *follower) forget() {
	f.loader.forget(f.summary.Formats)
	f.batcher.batch, f.batcher.rows, f.batcher.bytes = store.Batch{}, 0, 0
	f.read, f.files, f.mails, f.spools = false, nil, nil, nil
	if f.input != nil {
		f.input.back()
	}
}

// open opens what is to be followed, and loads how far it was read.
func (f *follower) open(names []string) error {
	var logs []input
	stdin := false
	named, _ := byName(f.options.Format)
	for _, name := range names {
		info, err := os.Stat(name)
		switch {
		case name == Stdin && stdin:
			return errors.New(`"-" is given twice: standard input can be read once`)
		case name == Stdin && named.Whole:
			return fmt.Errorf("cannot follow %s: %s", displayName(name), mailFile)
		case name == Stdin:
			if stdin = true; f.input == nil {
				f.input = newPipe(f.options.Stdin)
			}
		case err == nil && info.IsDir() && !isMaildir(name):
			f.spools = append(f.spools, &spool{path: name, tried: map[string]fs.FileInfo{}})
		case err == nil && info.IsDir():
			f.mails = append(f.mails, &maildir{path: name})
		default:
			in := input{name: name, again: true}
			if err == nil && info.Mode().IsRegular() {
				if err := in.look(f.options); err != nil {
					return err
				}
			}
			if named.Whole || in.format != nil && in.format.Whole {
				return fmt.Errorf("cannot follow %s: %s", name, mailFile)
			}
			logs = append(logs, in)
		}
	}
	order(logs)
	paths := make([]string, len(logs))
	for i, in := range logs {
		paths[i] = in.name
	}
	marks, err := state(f.ctx, f.store, filePrefix)
	if err != nil {
		return err
	}
	f.retry(marks)
	f.files, err = tail.New(paths, marks, tail.Options{
		Unpack: unpack, Begins: f.begins, Note: f.note, Now: f.options.now,
	})
	if err != nil {
		return err
	}
	mails, err := state(f.ctx, f.store, mailPrefix)
	if err != nil {
		return err
	}
	for _, m := range f.mails {
		m.seen = seen{mailPrefix, mails}
	}
	files, err := state(f.ctx, f.store, folderPrefix)
	for _, d := range f.spools {
		d.seen = seen{folderPrefix, files}
	}
	return err
}

// unpack opens a file for a [tail.Set].
func unpack(path string) (content io.ReadCloser, packed bool, written time.Time, err error) {
	src, err := open(path, nil, new(atomic.Int64))
	switch {
	case err != nil:
		return nil, false, written, err
	case src.packing == "":
		written = src.written
		src.close()
		file, err := os.Open(path)
		return file, false, written, err
	}
	return unpacked{src}, true, src.written, nil
}

// unpacked is the content of a compressed file.
type unpacked struct{ *source }

func (u unpacked) Close() error {
	u.close()
	return nil
}

// run reads and writes until the context ends, or nothing is left to follow.
func (f *follower) run() error {
	tick := time.NewTicker(pollInterval)
	defer tick.Stop()
	for {
		err := f.poll()
		if err == nil || errors.Is(err, f.ctx.Err()) { // it ended between two pieces
			err = errors.Join(err, f.commit())
		}
		if err != nil {
			return err
		}
		if !f.finished {
			if err := f.store.Finish(f.batcher.ctx); err != nil {
				return err
			}
			f.finished = true
		}
		f.report()
		if len(f.mails) == 0 && len(f.spools) == 0 && f.files.Ended() && (f.input == nil || f.input.ended) {
			return nil
		}
		select {
		case <-tick.C:
		case <-f.ctx.Done():
			return f.ctx.Err()
		}
	}
}

// poll reads everything that is available now.
func (f *follower) poll() error {
	if err := f.files.Poll(f.chunk); err != nil {
		return err
	}
	for _, m := range f.mails {
		if err := m.poll(f); err != nil {
			return err
		}
	}
	for _, d := range f.spools {
		if err := d.poll(f); err != nil {
			return err
		}
	}
	if f.input != nil {
		return f.input.poll(f.chunk)
	}
	return nil
}

// ready must be called before each piece of input is read. It writes what was read before if that is
// enough for a batch, or if it was read more than a second ago.
func (f *follower) ready() error {
	if err := f.ctx.Err(); err != nil {
		return err
	}
	if f.batcher.rows >= f.options.BatchRows || f.batcher.bytes >= batchBytes ||
		f.options.now().Sub(f.committed) > time.Second {
		return f.commit()
	}
	return nil
}

// chunk imports a piece of a file. It cannot be interrupted, so that only whole pieces are written.
func (f *follower) chunk(c tail.Chunk) (taken bool, err error) {
	if err := f.ready(); err != nil {
		return false, err
	}
	_, known := byName(c.Mark.Format)
	switch {
	case f.options.Format != "":
		c.Mark.Format = f.options.Format
	case c.Mark.Offset > 0 && (known || c.Mark.Format == ignored):
	default:
		name, ok := f.recognise(c)
		if !ok {
			return false, nil
		}
		c.Mark.Format = name
	}
	f.read = true
	f.lines += bytes.Count(c.Data, []byte("\n"))
	first := !f.met[c.Mark.Key()] && c.Mark.Format != ""
	if first {
		f.met[c.Mark.Key()] = true
		f.meter.opened()
	}
	switch c.Mark.Format {
	case ignored, "": // other programs' lines
	default:
		err = f.loader.piece(f.batcher.ctx, c, first)
	}
	return err == nil, err
}

// commit writes what was read, and how far the files were read.
func (f *follower) commit() error {
	f.committed = f.options.now()
	if !f.read {
		return nil
	}
	f.read = false
	if err := f.loader.flush(true); err != nil {
		return err
	}
	for key, text := range f.files.Changed() {
		f.batcher.keep(filePrefix+key, text)
	}
	return f.batcher.flush()
}

// write writes a batch.
func (f *follower) write(b store.Batch) error {
	n, err := f.store.Write(f.batcher.ctx, b)
	if err != nil {
		return err
	}
	f.summary.add(b, n)
	f.summary.Formats, f.summary.Accounts = f.loader.summary()
	if f.input != nil {
		f.input.taken = nil
	}
	return nil
}
