package tail

import (
	"cmp"
	"errors"
	"fmt"
	"io/fs"
	"os"
	"path/filepath"
	"slices"
	"strings"
	"time"
)

// log is a path whose file is replaced by another one when it is rotated.
type log struct {
	set            *Set
	name, absolute string

	current *file
	last    *Mark       // of the file that had the path last
	old     []*file     // renamed files that may still grow
	begun   bool        // whether rotations before the start were handled
	packed  bool        // whether the file is compressed, and was read
	passed  os.FileInfo // a file that is read under another path
	missing bool        // whether the user knows that there is no file
	denied  bool        // whether the user knows that the file cannot be read
}

// lingers is how long a renamed file is read after its last line: programs keep writing to it until they
// are told to reopen their log.
const lingers = time.Minute

// poll reads everything that is available now.
func (l *log) poll(give Give) error {
	for i := 0; i < len(l.old); i++ {
		f := l.old[i]
		ended := l.set.options.Now().Sub(f.grown) > lingers
		if err := l.set.read(f, ended, give); err != nil {
			return err
		}
		if ended && l.set.options.Now().Sub(f.grown) > lingers {
			f.mark.finish()
			f.close()
			l.old = slices.Delete(l.old, i, i+1)
			i--
		}
	}
	if l.current != nil {
		if err := l.look(give); err != nil {
			return err
		}
	}
	if l.current == nil {
		return l.open(give)
	}
	return nil
}

// look reads the current file, and notices when it was truncated or another file has taken its place.
func (l *log) look(give Give) error {
	f := l.current
	info, err := f.live.Stat()
	if err != nil {
		return fmt.Errorf("follow %s: %w", l.name, err)
	}
	changed := info.Size() != f.size || !info.ModTime().Equal(f.written)
	f.size, f.written, f.modified = info.Size(), info.ModTime(), info.ModTime()
	switch {
	case changed && f.mark.Offset > 0 && !f.mark.of(f.content):
		return l.truncated(give)
	case changed && f.mark.Offset == 0: // it was empty, and may have become a copy
		if m := l.set.find(f.content); m != nil && m.open {
			f.close()
			l.current, l.passed = nil, info
			return nil
		} else if m != nil {
			f.mark.open = false
			f.mark, m.open, l.last = m, true, m
		}
		return l.renewed(f.mark, give) // it may have been truncated in between
	}
	if info.Size() > f.mark.Offset {
		if err := l.set.read(f, false, give); err != nil {
			return err
		}
	}
	now, err := os.Stat(l.absolute)
	if err == nil && os.SameFile(info, now) {
		return nil
	}
	l.old, l.current = append(l.old, f), nil // it was renamed or removed
	f.grown = l.set.options.Now()
	return nil
}

// truncated handles a file that has other content than before. The rest of the earlier content may be in
// a copy.
func (l *log) truncated(give Give) error {
	f, m := l.current, l.current.mark
	m.open = false
	f.mark = l.set.add(l.absolute, m.Format)
	f.mark.open, l.last = true, f.mark
	return l.renewed(m, give)
}

// renewed reads the rest of the earlier content of the current file, from a mark, and its new content.
func (l *log) renewed(m *Mark, give Give) error {
	f := l.current
	held, err := f.live.Stat()
	if now, missing := os.Stat(l.absolute); err != nil || missing != nil || !os.SameFile(held, now) {
		// It was also renamed, and may have been compressed since: its mark must exist to identify it.
		if err := l.set.read(f, false, give); err != nil {
			return err
		}
	}
	if err := l.makeUp(m, give); err != nil {
		return err
	}
	return l.set.read(f, false, give)
}

// open opens the file that has the path now, unless it is read already.
func (l *log) open(give Give) error {
	info, err := os.Stat(l.absolute)
	switch {
	case isMissing(err):
		if !l.missing {
			l.missing = true
			l.set.options.Note(l.name + " does not exist yet: waiting for it")
		}
		if l.begun {
			return nil
		}
		return l.begin(nil, give)
	case err != nil:
		return fmt.Errorf("cannot follow: %w", err)
	case !info.Mode().IsRegular():
		return fmt.Errorf("cannot follow %s: it is not a regular file", l.name)
	case l.passed != nil && os.SameFile(l.passed, info) && l.passed.Size() == info.Size() &&
		l.passed.ModTime().Equal(info.ModTime()): // inodes are reused
		return nil
	}
	if l.missing {
		l.missing = false
		l.set.options.Note(l.name + " exists now")
	}
	f, m, err := l.set.openFile(l.name, l.absolute)
	switch {
	case isMissing(err): // it was renamed meanwhile
		return nil
	// rotation may create the file first, and then set its permissions
	case errors.Is(err, fs.ErrPermission) && l.begun:
		if !l.denied {
			l.set.options.Note(err.Error())
		}
		l.denied = true
		return nil
	case err != nil:
		return err
	case f == nil: // nothing can be decompressed yet
		return nil
	}
	l.passed, l.denied = info, false
	if m != nil && m.open { // it is read under another name
		_ = f.closer.Close()
		return l.begin(m, give)
	}
	if err := l.begin(m, give); err != nil {
		_ = f.closer.Close()
		return err
	}
	if m == nil {
		format := ""
		if l.last != nil {
			format = l.last.Format
		}
		m = l.set.add(l.absolute, format)
	}
	f.mark, m.open, l.last, f.modified = m, true, m, info.ModTime()
	if f.live == nil {
		l.packed = true
		return l.set.finish(f, give)
	}
	l.packed, l.current = false, f
	f.size = info.Size()
	return l.set.read(f, false, give)
}

// begin handles rotations since the path was last read, perhaps by an earlier run of the program. Now is
// the mark of the file that has the path now, or nil.
func (l *log) begin(now *Mark, give Give) error {
	before := []*Mark{l.last}
	if !l.begun {
		before = l.before(now)
	}
	l.begun = true
	for _, m := range before {
		if m == nil || m == now {
			continue
		}
		l.last = m
		if err := l.makeUp(m, give); err != nil {
			return err
		}
	}
	return nil
}

// before returns the marks of the files that had the path before, oldest first: those that were not read
// to their end, and the latest one, which other files may have followed.
func (l *log) before(now *Mark) (list []*Mark) {
	for _, m := range l.set.marks {
		if m.Path == l.absolute && m.Offset > 0 {
			list = append(list, m)
		}
	}
	slices.SortFunc(list, func(a, b *Mark) int { return cmp.Compare(a.Seen, b.Seen) })
	if len(list) == 0 {
		return nil
	}
	latest := list[len(list)-1]
	return slices.DeleteFunc(list, func(m *Mark) bool { return m.Done && m != latest })
}

// makeUp reads the rest of a file that has lost its path to another one, and the files that had the path
// in between. They are in the same folder, perhaps compressed.
func (l *log) makeUp(m *Mark, give Give) error {
	since := m.Seen
	siblings, err := l.siblings(since)
	if err != nil {
		return err
	}
	found := false
	for _, info := range siblings {
		path := filepath.Join(filepath.Dir(l.absolute), info.Name())
		f, known, err := l.set.openFile(filepath.Join(filepath.Dir(l.name), info.Name()), path)
		if err != nil || f == nil {
			continue // it was removed, or cannot be read
		}
		if info.Size() == 0 {
			_ = f.closer.Close()
			continue
		}
		switch {
		case l.set.holds(info): // it was renamed, and is still open
			found = found || known == m
			_ = f.closer.Close()
			continue
		case known == m:
			found = true
		case known != nil && (known.open || known.Done), known == nil && !l.rotated(info.Name()),
			known == nil && (info.ModTime().Unix() < since-1 || l.set.follows(path)):
			_ = f.closer.Close()
			continue
		case known == nil:
			known = l.set.add(l.absolute, m.Format)
		}
		f.mark, known.open, f.modified = known, true, info.ModTime()
		if f.live != nil { // a program may still write to it
			l.old = append(l.old, f)
			if err := l.set.read(f, false, give); err != nil {
				return err
			}
		} else if err := l.set.finish(f, give); err != nil {
			return err
		}
	}
	if m.open {
		return nil
	}
	if !found && !m.Done && m.Offset > 0 {
		l.set.options.Note(fmt.Sprintf("%s is a different file now, and the previous one is gone: "+
			"what it had after line %d is lost", l.name, m.Lines))
	}
	m.finish()
	return nil
}

// siblings returns the files that may have had the path. Those that were written since a time are last, in
// the order of the times of their first lines, because their modification times change when they are
// compressed. If the first lines of one have no time, all are in the order of their modification times.
func (l *log) siblings(since int64) (list []fs.FileInfo, err error) {
	dir, base := filepath.Split(l.absolute)
	stem, _, _ := strings.Cut(base, ".")
	entries, err := os.ReadDir(dir)
	if isMissing(err) {
		return nil, nil
	}
	for _, e := range entries {
		if e.Type().IsRegular() && e.Name() != base && strings.HasPrefix(e.Name(), stem) {
			if info, err := e.Info(); err == nil {
				list = append(list, info)
			}
		}
	}
	slices.SortFunc(list, func(a, b fs.FileInfo) int { // of one time, mail.log.10 is before mail.log.9
		return cmp.Or(a.ModTime().Compare(b.ModTime()), cmp.Compare(len(b.Name()), len(a.Name())),
			strings.Compare(b.Name(), a.Name()))
	})
	later := list
	for len(later) > 0 && later[0].ModTime().Unix() < since-1 {
		later = later[1:]
	}
	begins := map[string]time.Time{}
	for _, info := range later {
		if info.Size() == 0 || !l.rotated(info.Name()) {
			continue
		}
		begin := l.set.options.Begins(filepath.Join(dir, info.Name()))
		if begin.IsZero() {
			return list, err
		}
		begins[info.Name()] = begin
	}
	slices.SortStableFunc(later, func(a, b fs.FileInfo) int { return begins[a.Name()].Compare(begins[b.Name()]) })
	return list, err
}

// rotated reports whether rotation may have given a file its name, such as mail.log.1,
// mail.log-20261129.gz or mail-20261129.log.
func (l *log) rotated(name string) bool {
	base := filepath.Base(l.absolute)
	stem, extension := strings.TrimSuffix(base, filepath.Ext(base)), filepath.Ext(base)
	if rest, ok := strings.CutPrefix(name, base); ok {
		return rest != "" && (rest[0] == '.' || rest[0] == '-')
	}
	rest, ok := strings.CutPrefix(name, stem+"-")
	return ok && extension != "" && strings.Contains(rest, extension)
}

func (s *Set) follows(path string) bool {
	return slices.ContainsFunc(s.logs, func(l *log) bool { return l.absolute == path })
}

// holds reports whether a file is open, under any name.
func (s *Set) holds(info fs.FileInfo) bool {
	same := func(f *file) bool {
		if f == nil || f.live == nil {
			return false
		}
		held, err := f.live.Stat()
		return err == nil && os.SameFile(held, info)
	}
	return slices.ContainsFunc(s.logs, func(l *log) bool { return same(l.current) || slices.ContainsFunc(l.old, same) })
}

// openFile opens a file, and returns its mark if it was read before. The file is nil if nothing can be
// decompressed.
func (s *Set) openFile(name, path string) (f *file, m *Mark, err error) {
	in, packed, written, err := s.options.Unpack(path)
	if err != nil {
		return nil, nil, fmt.Errorf("cannot follow: %w", err)
	}
	f = &file{name: name, closer: in, written: written, grown: s.options.Now()}
	if live, ok := in.(*os.File); ok && !packed {
		f.live, f.content = live, live
	} else {
		f.content = &stream{in: in}
	}
	if n, _ := f.content.ReadAt(make([]byte, 1), 0); n == 0 && f.live == nil {
		_ = in.Close()
		return nil, nil, nil
	}
	m = s.find(f.content)
	if f.live == nil && s.rewinds(f, m) {
		_ = in.Close()
		if in, _, _, err = s.options.Unpack(path); err != nil {
			return nil, nil, fmt.Errorf("cannot follow: %w", err)
		}
		f.closer, f.content = in, &stream{in: in}
	}
	return f, m, nil
}

// rewinds reports whether a compressed file was read beyond its mark, and must be reopened.
func (s *Set) rewinds(f *file, m *Mark) bool {
	at := int64(0)
	if m != nil {
		at = m.Offset
	}
	return f.content.(*stream).start > at
}

// finish reads a file to its end, and closes it.
func (s *Set) finish(f *file, give Give) error {
	defer f.close()
	if err := s.read(f, true, give); err != nil {
		return err
	}
	f.mark.finish()
	return nil
}
