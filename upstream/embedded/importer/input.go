package importer

import (
	"errors"
	"fmt"
	"io/fs"
	"os"
	"path/filepath"
	"regexp"
	"slices"
	"strings"
	"sync/atomic"
	"time"

	"deliverygraph/upstream/embedded/importer/format"
)

// Rows is the name of the format of rows of the API, for [Options.Format].
const Rows = "rows"

// input is a file to be imported.
type input struct {
	name   string
	size   int64
	again  bool           // it can be opened twice, so its format was detected before
	format *format.Format // nil for rows of the API, and while it is unknown
	begins time.Time      // the time of its first record, if the order of files matters
	closed error          // why it cannot be opened
}

// inputs returns the files to import: the arguments, and the files in folders among them. It fails if an
// argument does not exist, so that a mistyped name is reported before anything is read. The size is the
// total size, or 0 if it is unknown.
func inputs(names []string, o Options) (list []input, size int64, err error) {
	if len(names) == 0 {
		return nil, 0, errors.New(`no file to import: name one or more, or "-" for standard input`)
	}
	known, stdin := true, 0
	for _, name := range names {
		if name == Stdin {
			if stdin++; stdin > 1 {
				return nil, 0, errors.New(`"-" is given twice: standard input can be read once`)
			}
			known = false
			list = append(list, input{name: name})
			continue
		}
		info, err := os.Stat(name)
		switch {
		case errors.Is(err, fs.ErrNotExist):
			return nil, 0, fmt.Errorf("cannot import: %w", err)
		case err != nil:
			list = append(list, input{name: name, closed: unreadable{err}})
		case info.IsDir():
			within, err := folder(name)
			if err != nil {
				return nil, 0, fmt.Errorf("cannot import: %w", err)
			}
			if len(within) == 0 {
				return nil, 0, fmt.Errorf("cannot import %s: there are no files in this folder", name)
			}
			list = append(list, within...)
		default:
			known = known && info.Mode().IsRegular() // another may be a pipe
			list = append(list, input{name: name, size: info.Size(), again: info.Mode().IsRegular()})
		}
	}
	for i := range list {
		if list[i].again {
			list[i].closed = list[i].look(o)
		}
		size += list[i].size
	}
	if !known {
		size = 0
	}
	order(list)
	return list, size, nil
}

// folder returns the files in a folder and its subfolders, except hidden ones. For a Maildir it
// returns the messages, which are in cur and new, and those of the Maildirs in it, although these
// are hidden.
func folder(root string) (list []input, err error) {
	root += string(filepath.Separator) // so that a symbolic link to a folder is followed
	err = filepath.WalkDir(root, func(path string, entry fs.DirEntry, err error) error {
		switch {
		case err != nil && path != root:
			list = append(list, input{name: path, closed: unreadable{err}})
			return fs.SkipDir
		case err != nil:
			return err
		case entry.IsDir() && path != root && strings.HasPrefix(entry.Name(), ".") && !isMaildir(path):
			return fs.SkipDir
		case entry.IsDir():
			if entry.Name() == "tmp" && isMaildir(filepath.Join(path, "..")) { // messages that are being delivered
				return fs.SkipDir
			}
			return nil
		case !entry.Type().IsRegular() || strings.HasPrefix(entry.Name(), ".") || isMaildir(filepath.Dir(path)):
			return nil // such as an index
		}
		info, err := entry.Info()
		if errors.Is(err, fs.ErrNotExist) {
			return nil // it was moved or removed meanwhile
		}
		if err == nil {
			list = append(list, input{name: path, size: info.Size(), again: true})
		}
		return err
	})
	return list, err
}

// isMaildir reports whether a folder is a Maildir.
func isMaildir(path string) bool {
	for _, name := range []string{"cur", "new"} {
		if info, err := os.Stat(filepath.Join(path, name)); err != nil || !info.IsDir() {
			return false
		}
	}
	return true
}

// look detects the format of a file.
func (in *input) look(o Options) error {
	src, err := open(in.name, nil, new(atomic.Int64))
	if err != nil {
		return err
	}
	defer src.close()
	if src.foreign == "" {
		in.recognise(src, o)
	}
	return nil
}

// headBytes is how many bytes at the beginning of a file are used to detect its format.
const headBytes = 64 << 10

// recognise detects the format of an open file.
func (in *input) recognise(src *source, o Options) {
	head, _ := src.Peek(1) // the error occurs again when the file is read
	if in.again {
		head, _ = src.Peek(headBytes)
	} else if len(head) > 0 { // without waiting for more, which may come late
		head, _ = src.Peek(min(headBytes, src.Buffered()))
	}
	f, ok := byName(o.Format)
	if o.Format == "" {
		f, ok = byHead(head)
	}
	if !ok && o.Format == "" && isLog(head) {
		in.search(src, o)
	}
	if !ok {
		return
	}
	in.format = &f
	if f.Begins != nil {
		in.begins = f.Begins(in.file(src), o.format())
	}
}

// file returns the file as the reader of its format gets it.
func (in *input) file(src *source) format.File {
	return format.File{Name: displayName(in.name), ModTime: src.written, Reader: src.Reader}
}

// order sorts logs by their first records, after all other files.
func order(list []input) {
	begins := func(in input) time.Time {
		if in.format == nil { // a log of other programs
			return time.Time{}
		}
		return in.begins
	}
	slices.SortStableFunc(list, func(a, b input) int { return begins(a).Compare(begins(b)) })
}

// dated matches the date in file names of logrotate, such as mail.log-20261129.gz.
var dated = regexp.MustCompile(`[-.](20\d\d)-?(\d\d)-?(\d\d)(?:$|[-.])`)

// written returns when a file was last written: its modification time, or the date in its name if
// that is earlier, because copies may be newer.
func written(name string, modified time.Time) time.Time {
	m := dated.FindStringSubmatch(filepath.Base(name))
	if m == nil {
		return modified
	}
	day, err := time.Parse("20060102", m[1]+m[2]+m[3])
	if end := day.AddDate(0, 0, 1); err == nil && (modified.IsZero() || end.Before(modified)) {
		return end
	}
	return modified
}
