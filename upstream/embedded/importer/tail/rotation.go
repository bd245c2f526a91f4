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

	current *file       // the file that has the path; nil if there is none, or if it is compressed and was read
	held    []*file     // files that had the path, and may still grow
	last    *Mark       // of the file that had the path last
	read    os.FileInfo // the compressed file that was read; nil if the file is not compressed
	begun   bool        // whether the path was polled before
	missing bool        // whether the user knows that there is no file
	denied  bool        // whether the user knows that the file cannot be read
}

// lingers is how long a renamed file is read after its last line: programs keep writing to it until they
// are told to reopen their log.
const lingers = time.Minute

// poll reads everything that is available now: first what files that had the path have more, and last the file that has
// it now.
func (l *log) poll(give Give) error {
	if !l.begun {
		l.last = slices.MaxFunc(append(l.marks(), &Mark{}), func(a, b *Mark) int { return cmp.Compare(a.Seen, b.Seen) })
	}
	turned, err := l.look()
	if err != nil {
		return err
	}
	for i := 0; i < len(l.held); i++ {
		f := l.held[i]
		replaced, err := l.identify(f)
		if err != nil {
			return err
		}
		turned = turned || replaced
		ended := l.set.options.Now().Sub(f.grown) > lingers
		if err := l.set.read(f, ended, give); err != nil {
			return err
		}
		if ended && l.set.options.Now().Sub(f.grown) > lingers {
			f.mark.finish()
			f.close()
			l.held = slices.Delete(l.held, i, i+1)
			i--
		}
	}
	if turned || !l.begun {
		l.begun = true
		if err := l.makeUp(give); err != nil {
			return err
		}
	}
	switch f := l.current; {
	case f == nil:
		return nil
	case f.live == nil:
		l.current = nil
		return l.set.finish(f, give)
	default:
		return l.set.read(f, false, give)
	}
}

// marks returns the marks of files that have or had the path.
func (l *log) marks() (all []*Mark) {
	for _, m := range l.set.marks {
		if m.Path == l.absolute && m.Offset > 0 {
			all = append(all, m)
		}
	}
	return all
}

// look opens the file that has the path now, and reports whether that is another file, or has other content, than
// before.
func (l *log) look() (turned bool, err error) {
	info, err := os.Stat(l.absolute)
	if f := l.current; f != nil {
		if now, gone := f.live.Stat(); gone == nil && err == nil && os.SameFile(now, info) {
			return l.identify(f)
		}
		l.held, l.current, turned = append(l.held, f), nil, true // it was renamed or removed
		f.grown = l.set.options.Now()
	}
	switch {
	case isMissing(err):
		if !l.missing {
			l.missing = true
			l.set.options.Note(l.name + " does not exist yet: waiting for it")
		}
		return turned, nil
	case err != nil:
		return turned, fmt.Errorf("cannot follow: %w", err)
	case !info.Mode().IsRegular():
		return turned, fmt.Errorf("cannot follow %s: it is not a regular file", l.name)
	case l.read != nil && os.SameFile(l.read, info) && l.read.Size() == info.Size() &&
		l.read.ModTime().Equal(info.ModTime()): // inodes are reused
		return turned, nil
	}
	if l.missing {
		l.missing = false
		l.set.options.Note(l.name + " exists now")
	}
	f, m, err := l.set.openFile(l.name, l.absolute)
	switch {
	case isMissing(err): // it was renamed meanwhile
		return turned, nil
	case errors.Is(err, fs.ErrPermission) && l.begun:
		// Rotation may create the file first, and then set its permissions.
		if !l.denied {
			l.set.options.Note(err.Error())
		}
		l.denied = true
		return turned, nil
	case err != nil:
		return turned, err
	case f == nil: // nothing can be decompressed yet
		return turned, nil
	}
	if m == nil {
		m = l.set.add(l.absolute, l.last.Format)
	}
	turned = turned || m != l.last
	f.mark, l.last, l.current, l.denied, l.read = m, m, f, false, nil
	f.modified = info.ModTime()
	if f.live == nil {
		l.read = info
	} else {
		f.size, f.written = info.Size(), info.ModTime()
	}
	return turned, nil
}

// identify finds out which mark an open file has now, and reports whether it is another one: the file may have been
// truncated, or overwritten by a copy of another one.
func (l *log) identify(f *file) (replaced bool, err error) {
	info, err := f.live.Stat()
	if err != nil {
		return false, fmt.Errorf("follow %s: %w", l.name, err)
	}
	if info.Size() == f.size && info.ModTime().Equal(f.written) {
		return false, nil
	}
	f.size, f.written, f.modified = info.Size(), info.ModTime(), info.ModTime()
	if f.mark.of(f.content, beginning(f.content)) {
		return false, nil
	}
	m := l.set.find(f.content)
	if m == nil && f.mark.Offset == 0 { // it was empty, and is new
		return false, nil
	}
	if m == nil {
		m = l.set.add(l.absolute, f.mark.Format)
	}
	if f.mark == l.last {
		l.last = m
	}
	f.mark = m
	return true, nil
}

// makeUp handles rotations since the path was last read, perhaps by an earlier run of the program. It reads the rest of
// the files that have lost the path, and the files that had it in between. They are in the same folder, perhaps
// compressed.
func (l *log) makeUp(give Give) error {
	lost := slices.DeleteFunc(l.marks(), func(m *Mark) bool { return l.current != nil && m == l.current.mark })
	if len(lost) == 0 {
		return nil
	}
	slices.SortFunc(lost, func(a, b *Mark) int { return cmp.Compare(a.Seen, b.Seen) })
	latest := lost[len(lost)-1] // other files may have followed it, even if it is done
	lost = slices.DeleteFunc(lost, func(m *Mark) bool { return m.Done && m != latest })
	since := lost[0].Seen
	siblings, err := l.siblings(since)
	if err != nil {
		return err
	}
	found := map[*Mark]bool{}
	for _, info := range siblings {
		path := filepath.Join(filepath.Dir(l.absolute), info.Name())
		if info.Size() == 0 || l.set.holds(info) {
			continue
		}
		f, m, err := l.set.openFile(filepath.Join(filepath.Dir(l.name), info.Name()), path)
		if err != nil || f == nil {
			continue // it was removed, or cannot be read
		}
		found[m] = true
		switch {
		case m != nil && m.Done && (f.live == nil || info.Size() <= m.Offset),
			m != nil && f.live == nil && l.set.reads(m), // perhaps it is being compressed
			m == nil && (!l.rotated(info.Name()) || info.ModTime().Unix() < since-1 || l.set.follows(path)):
			_ = f.closer.Close()
			continue
		case m == nil:
			m = l.set.add(l.absolute, l.last.Format)
		}
		f.mark, f.modified = m, info.ModTime()
		if f.live != nil { // a program may still write to it
			l.held = append(l.held, f)
			err = l.set.read(f, false, give)
		} else {
			err = l.set.finish(f, give)
		}
		if err != nil {
			return err
		}
	}
	for _, m := range lost {
		if !m.Done && !found[m] && !l.set.reads(m) {
			l.set.options.Note(fmt.Sprintf("%s is a different file now, and the previous one is gone: "+
				"what it had after line %d is lost", l.name, m.Lines))
			m.finish()
		}
	}
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
	return s.contains(func(f *file) bool {
		held, err := f.live.Stat()
		return err == nil && os.SameFile(held, info)
	})
}

// reads reports whether an open file has a mark.
func (s *Set) reads(m *Mark) bool { return s.contains(func(f *file) bool { return f.mark == m }) }

// contains reports whether there is such a file among those that are open and may grow.
func (s *Set) contains(is func(*file) bool) bool {
	live := func(f *file) bool { return f != nil && f.live != nil && is(f) }
	return slices.ContainsFunc(s.logs, func(l *log) bool {
		return live(l.current) || slices.ContainsFunc(l.held, live)
	})
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
		f.content = newStream(in)
	}
	if n, _ := f.content.ReadAt(make([]byte, 1), 0); n == 0 && f.live == nil {
		_ = in.Close()
		return nil, nil, nil
	}
	m = s.find(f.content)
	if packed, ok := f.content.(*stream); ok && (m == nil && packed.start > 0 || m != nil && packed.start > m.Offset) {
		_ = in.Close() // it was read beyond its mark
		if in, _, _, err = s.options.Unpack(path); err != nil {
			return nil, nil, fmt.Errorf("cannot follow: %w", err)
		}
		f.closer, f.content = in, newStream(in)
	}
	return f, m, nil
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
