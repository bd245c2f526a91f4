package tail_test

import (
	"compress/gzip"
	"errors"
	"flag"
	"fmt"
	"io"
	"os"
	"path/filepath"
	"strings"
	"testing"
	"time"

	"pgregory.net/rapid"

	"deliverygraph/upstream/embedded/importer/tail"
)

// TestMain has rapid try few things, always the same ones, since files take their time.
func TestMain(m *testing.M) {
	for name, value := range map[string]string{"rapid.checks": "25", "rapid.seed": "1"} {
		if err := flag.Set(name, value); err != nil {
			panic(err)
		}
	}
	os.Exit(m.Run())
}

// world is a folder of logs, a program that writes one of them, and a set that reads them. What
// the set has read survives its death, as far as it was saved.
type world struct {
	t     rapid.TB
	dir   string
	paths []string
	log   *os.File // that the program writes
	n     int      // lines written

	set   *tail.Set
	saved map[string]string
	got   []string // lines read and saved
	fresh []string // lines read since
	now   time.Time
	notes []string
}

func newWorld(t rapid.TB, dir string, paths ...string) *world {
	w := &world{t: t, dir: dir, saved: map[string]string{}, now: time.Now().Add(10 * time.Second)}
	for _, p := range paths {
		w.paths = append(w.paths, filepath.Join(dir, p))
	}
	w.start()
	return w
}

func (w *world) check(err error) {
	if err != nil {
		w.t.Fatal(err)
	}
}

// start starts the reader, or starts it again.
func (w *world) start() {
	if w.set != nil {
		w.set.Close()
	}
	if w.log != nil { // an empty file cannot be recognised under another name
		info, err := w.log.Stat()
		if w.check(err); info.Size() == 0 {
			w.reopen()
		}
	}
	w.fresh = nil
	var err error
	w.set, err = tail.New(w.paths, w.saved, tail.Options{
		Unpack: unpack, Begins: func(string) time.Time { return time.Time{} },
		Note: func(s string) { w.notes = append(w.notes, s) }, Now: func() time.Time { return w.now },
	})
	w.check(err)
}

func unpack(path string) (io.ReadCloser, bool, time.Time, error) {
	f, err := os.Open(path)
	if err != nil || !strings.HasSuffix(path, ".gz") {
		return f, false, time.Now(), err
	}
	z, err := gzip.NewReader(f)
	if err != nil {
		return nil, true, time.Time{}, err
	}
	return struct {
		io.Reader
		io.Closer
	}{z, f}, true, time.Now(), nil
}

var errKilled = errors.New("killed")

// readSome polls, saves each chunk that was read before the next one, and dies after so many.
func (w *world) readSome(chunks int) {
	err := w.set.Poll(func(c tail.Chunk) (bool, error) {
		w.save()
		if chunks--; chunks < 0 {
			return false, errKilled
		}
		for line := range strings.Lines(string(c.Data)) {
			w.fresh = append(w.fresh, strings.TrimSuffix(line, "\n"))
		}
		return true, nil
	})
	if !errors.Is(err, errKilled) {
		w.check(err)
	}
	w.start()
}

// read polls, and saves what was read with the marks, unless it is killed before.
func (w *world) read(killed bool) {
	err := w.set.Poll(func(c tail.Chunk) (bool, error) {
		for line := range strings.Lines(string(c.Data)) {
			w.fresh = append(w.fresh, strings.TrimSuffix(line, "\n"))
		}
		return true, nil
	})
	w.check(err)
	if !killed {
		w.save()
	}
}

// save saves what was read, and the marks.
func (w *world) save() {
	for key, text := range w.set.Changed() {
		w.saved[key] = text
		if text == "" {
			delete(w.saved, key)
		}
	}
	w.got, w.fresh = append(w.got, w.fresh...), nil
}

func (w *world) write(n int) {
	if w.log == nil {
		w.reopen()
	}
	for range n {
		w.check2(w.log.WriteString(line(w.n) + "\n"))
		w.n++
	}
}

func line(n int) string { return fmt.Sprintf("line %d %s", n, strings.Repeat("x", 100)) }

func (w *world) check2(_ int, err error) { w.check(err) }

// reopen makes the program reopen its log, as it does after a signal that the log was renamed.
func (w *world) reopen() {
	if w.log != nil {
		w.check(w.log.Close())
	}
	var err error
	w.log, err = os.OpenFile(w.paths[0], os.O_CREATE|os.O_APPEND|os.O_WRONLY, 0o600)
	w.check(err)
}

// rotate moves all files of the log on by one place, by renaming or by copying the newest.
func (w *world) rotate(copied, packed bool) {
	name := func(n int, gz string) string { return fmt.Sprintf("%s.%d%s", w.paths[0], n, gz) }
	if _, err := os.Stat(w.paths[0]); err != nil {
		return
	}
	for n := 100; n > 0; n-- {
		for _, gz := range []string{"", ".gz"} {
			_ = os.Rename(name(n, gz), name(n+1, gz)) // it may not exist
		}
	}
	if copied {
		text, err := os.ReadFile(w.paths[0])
		if err != nil {
			return
		}
		w.check(os.WriteFile(name(1, ""), text, 0o600))
		w.check(os.Truncate(w.paths[0], 0))
	} else if os.Rename(w.paths[0], name(1, "")) != nil {
		return
	}
	if packed {
		w.pack(name(1, ""))
	}
}

func (w *world) pack(path string) {
	text, err := os.ReadFile(path)
	w.check(err)
	f, err := os.Create(path + ".gz")
	w.check(err)
	z := gzip.NewWriter(f)
	_, err = z.Write(text)
	w.check(errors.Join(err, z.Close(), f.Close(), os.Remove(path)))
}

// complete fails unless each line that was written was read once.
func (w *world) complete() {
	w.read(false)
	w.now = w.now.Add(2 * time.Minute) // files that were renamed are given up
	w.read(false)
	read := map[string]int{}
	for _, line := range w.got {
		read[line]++
	}
	for i := range w.n {
		if times := read[line(i)]; times != 1 {
			w.t.Fatalf("line %d of %d was read %d times; notes: %q", i, w.n, times, w.notes)
		}
	}
	if len(read) != w.n {
		w.t.Fatalf("%d lines were read, %d written", len(read), w.n)
	}
}

// Whatever is done to a log, and whenever the reader dies, each line is read once. What a program
// writes to a file that was renamed is read as well.
func TestEachLineIsReadOnceWhateverHappensToTheLog(t *testing.T) {
	rapid.Check(t, func(t *rapid.T) {
		dir, err := os.MkdirTemp("", "tail-")
		if err != nil {
			t.Fatal(err)
		}
		defer os.RemoveAll(dir) //nolint:errcheck // it is a temporary folder
		paths := []string{"mail.log"}
		if rapid.Bool().Draw(t, "the rotated ones are named too") {
			paths = append(paths, "mail.log.1", "mail.log.2", "mail.log.2.gz")
		}
		w := newWorld(t, dir, paths...)
		defer func() {
			w.set.Close()
			if w.log != nil {
				_ = w.log.Close()
			}
		}()
		w.write(1)
		w.read(false) // what has never been read cannot be recognised
		t.Repeat(map[string]func(*rapid.T){
			"write":        func(t *rapid.T) { w.write(rapid.SampledFrom([]int{1, 3, 60}).Draw(t, "lines")) },
			"read":         func(*rapid.T) { w.read(false) },
			"kill":         func(*rapid.T) { w.read(true); w.start() },
			"kill halfway": func(t *rapid.T) { w.readSome(rapid.IntRange(1, 3).Draw(t, "chunks")) },
			"stop":         func(*rapid.T) { w.read(false); w.start() },
			"unread":       func(*rapid.T) { w.start() },
			"rename":       func(*rapid.T) { w.rotate(false, false) },
			"rename, then reopen": func(t *rapid.T) {
				w.rotate(false, false)
				w.write(1)
				w.reopen()
				if _, err := os.Stat(w.paths[0] + ".1"); err == nil && rapid.Bool().Draw(t, "packed") {
					w.pack(w.paths[0] + ".1")
				}
			},
			"copy and truncate": func(t *rapid.T) { w.rotate(true, rapid.Bool().Draw(t, "packed")) },
		})
		if w.log != nil {
			w.reopen()
		}
		w.complete()
	})
}

func TestALineIsReadOnceItHasItsEnd(t *testing.T) {
	w := newWorld(t, t.TempDir(), "mail.log")
	w.reopen()
	defer w.log.Close() //nolint:errcheck // the test has read it
	for _, step := range []struct{ text, want string }{
		{"li", ""}, {"ne 0", ""}, {"\nline 1", "line 0"}, {"\n", "line 0,line 1"},
	} {
		w.check2(w.log.WriteString(step.text))
		w.read(false)
		if got := strings.Join(w.got, ","); got != step.want {
			t.Errorf("after %q: got %q, want %q", step.text, got, step.want)
		}
	}
	w.check2(w.log.WriteString("cut off"))
	w.rotate(false, false)
	w.reopen()
	w.read(false)
	w.now = w.now.Add(2 * time.Minute) // nothing more is to come
	w.read(false)
	if got := w.got[len(w.got)-1]; got != "cut off" {
		t.Errorf("the last line of a file that was given up is %q", got)
	}
	w.set.Close()
}

// A file that was truncated by hand, and has grown beyond where it was read, is read anew.
func TestTruncationIsDetectedByTheContent(t *testing.T) {
	w := newWorld(t, t.TempDir(), "mail.log")
	w.write(2)
	w.read(false)
	if err := os.Truncate(w.paths[0], 0); err != nil {
		t.Fatal(err)
	}
	w.write(10)
	w.read(false)
	if len(w.got) != 12 || len(w.notes) != 1 || !strings.Contains(w.notes[0], "after line 2 is lost") {
		t.Errorf("%d lines were read, want 12; notes: %q", len(w.got), w.notes)
	}
	w.set.Close()
}

func TestMarksOfOldFilesAreForgotten(t *testing.T) {
	dir := t.TempDir()
	w := newWorld(t, dir, "mail.log")
	for i := range tail.MaxMarks {
		w.saved[fmt.Sprint("old", i)] = fmt.Sprintf(`{"Path": "/other", "Offset": 10, "Seen": %d}`, i)
	}
	w.saved["damaged"] = "x"
	w.start()
	w.write(1)
	w.read(false)
	w.set.Close()
	if _, there := w.saved["old0"]; there || len(w.saved) > tail.MaxMarks+1 {
		t.Errorf("%d marks are kept, the oldest is: %v", len(w.saved), there)
	}
}

func TestMarksOfOpenFilesAreKept(t *testing.T) {
	w := newWorld(t, t.TempDir(), "mail.log")
	for i := range tail.MaxMarks {
		w.saved[fmt.Sprint("old", i)] = fmt.Sprintf(`{"Path": "/other", "Offset": 10, "Seen": %d}`, 1000+i)
	}
	w.start()
	w.write(2)
	w.check(os.Chtimes(w.paths[0], time.Unix(1, 0), time.Unix(1, 0)))
	for range 2 {
		w.read(false)
		w.start()
	}
	w.set.Close()
	if len(w.got) != 2 || len(w.saved) > tail.MaxMarks {
		t.Errorf("%d lines were read, want 2; %d marks are kept", len(w.got), len(w.saved))
	}
}
