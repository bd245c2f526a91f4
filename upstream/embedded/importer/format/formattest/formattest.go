// Package formattest helps to test formats.
package formattest

import (
	"os"
	"path/filepath"
	"strings"
	"testing"
	"time"

	"deliverygraph/upstream/embedded/importer/format"
)

// Sink records what a reader passes on. The zero value is ready for use.
type Sink struct {
	Records []format.Record
	Lines   []int // of Records
	Skipped map[string]int
	BadAt   []int
	Bads    []string
	Fail    error // the result of Record
}

// Record implements [format.Sink].
func (s *Sink) Record(line int, r format.Record) error {
	s.Records, s.Lines = append(s.Records, r), append(s.Lines, line)
	return s.Fail
}

// Skip implements [format.Sink].
func (s *Sink) Skip(reason string) {
	if s.Skipped == nil {
		s.Skipped = map[string]int{}
	}
	s.Skipped[reason]++
}

// Bad implements [format.Sink].
func (s *Sink) Bad(line int, reason string) error {
	s.BadAt, s.Bads = append(s.BadAt, line), append(s.Bads, reason)
	return nil
}

// Outcomes returns the records in a short form, such as "user@example.com bounced".
func (s *Sink) Outcomes() (all []string) {
	for _, r := range s.Records {
		all = append(all, r.Recipient+" "+[...]string{"accepted", "delivered", "bounced", "blocked"}[r.Outcome])
	}
	return all
}

// Unwrap returns a log as it was written: a line that begins with a tab continues the one before, after a space.
func Unwrap(log string) string { return strings.ReplaceAll(log, "\n\t", " ") }

// Read reads texts as files, one after the other, with one reader.
func Read(t testing.TB, f format.Format, o format.Options, texts ...string) *Sink {
	t.Helper()
	s, r := &Sink{}, f.New(o)
	for _, text := range texts {
		if err := r.Read(t.Context(), File(text, time.Time{}), s); err != nil {
			t.Fatal(err)
		}
	}
	Flush(t, r, s)
	return s
}

// Flush makes a reader pass on unfinished messages.
func Flush(t testing.TB, r format.Reader, s *Sink) {
	t.Helper()
	if k, ok := r.(format.Keeper); ok {
		if err := k.Flush(s, false); err != nil {
			t.Fatal(err)
		}
	}
}

// Recognised reads a text as a file, which the format must recognise.
func Recognised(t testing.TB, f format.Format, text string) *Sink {
	t.Helper()
	if !f.Recognise([]byte(text)) {
		t.Errorf("%.80q is not recognised", text)
	}
	return Read(t, f, format.Options{}, text)
}

// File returns a file with a text that was last written at a time.
func File(text string, modTime time.Time) format.File {
	return format.NewFile("test", modTime, strings.NewReader(text))
}

// Fuzz tests formats with texts of all kinds. They must be read to the end, and records must have an id, a recipient
// and times.
func Fuzz(f *testing.F, formats ...format.Format) {
	f.Fuzz(func(t *testing.T, text string) {
		for _, of := range formats {
			of.Recognise([]byte(text))
			s := Read(t, of, format.Options{Now: time.Unix(1795973220, 0)}, text, text)
			for _, r := range s.Records {
				if r.EmailID == "" || r.Recipient == "" || r.Time == 0 || r.Processed == 0 {
					t.Fatalf("%s: the record %+v is not whole", of.Name, r)
				}
			}
			lines := strings.Count(text, "\n") + 1
			for _, n := range s.BadAt {
				if n > lines || n < 1 {
					t.Fatalf("%s: line %d of %d is bad", of.Name, n, lines)
				}
			}
		}
	})
}

// Shared returns the text of a file of the test data beside the repository, such as "formats/ses/bounce.json". It skips
// the test if there is no such file.
func Shared(t testing.TB, name string) string {
	t.Helper()
	text, err := os.ReadFile(filepath.Join(Dir(t), filepath.FromSlash(name)))
	if os.IsNotExist(err) {
		t.Skipf("%v", err)
	}
	if err != nil {
		t.Fatal(err)
	}
	return string(text)
}

// Dir returns the folder of the test data beside the repository. It skips the test if there is none.
func Dir(t testing.TB) string {
	t.Helper()
	dir, err := os.Getwd()
	if err != nil {
		t.Fatal(err)
	}
	for ; filepath.Dir(dir) != dir; dir = filepath.Dir(dir) {
		if _, err := os.Stat(filepath.Join(dir, "go.mod")); err == nil {
			break
		}
	}
	data := filepath.Join(filepath.Dir(dir), "shared", "data")
	if _, err := os.Stat(data); err != nil {
		t.Skipf("%v", err)
	}
	return data
}
