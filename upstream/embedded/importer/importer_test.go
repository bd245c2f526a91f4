package importer_test

import (
	"bytes"
	"compress/gzip"
	"context"
	"errors"
	"fmt"
	"io"
	"os"
	"path/filepath"
	"strings"
	"sync"
	"testing"
	"time"

	"github.com/google/go-cmp/cmp"

	"deliverygraph/upstream"
	"deliverygraph/upstream/embedded/demo"
	"deliverygraph/upstream/embedded/importer"
	"deliverygraph/upstream/embedded/store"
	"deliverygraph/upstream/grouped"
	"deliverygraph/upstream/kind"
)

// memory is a Writer that keeps what is written.
type memory struct {
	batches []store.Batch
	fail    error // what Write returns
	after   int   // how many batches
}

func (m *memory) Write(_ context.Context, b store.Batch) (store.Written, error) {
	if m.fail != nil && len(m.batches) >= m.after {
		return store.Written{}, m.fail
	}
	m.batches = append(m.batches, b)
	return store.Written{New: rowsIn(b)}, nil
}

func (m *memory) State(context.Context, string) (map[string]string, error) { return nil, nil }

func (m *memory) Ask(context.Context, []upstream.ID, *upstream.Question, *grouped.Providers) (any, error) {
	return []upstream.Email{}, nil
}

func (m *memory) UserID(context.Context, string) (upstream.ID, error) { return 2, nil }

func (m *memory) Finish(context.Context) error { return nil }

func (m *memory) ReserveUser(context.Context, upstream.ID) (string, error) { return "", nil }

func (m *memory) SenderID(context.Context, upstream.ID, string) (upstream.ID, error) { return 1, nil }

// rows is all that is written.
func (m *memory) rows() store.Batch {
	var all store.Batch
	for _, b := range m.batches {
		all.Append(b)
	}
	return all
}

// email is a good line, the n-th of its file.
func email(n int) string {
	at := upstream.Time(1479772800 + n)
	return `{"kind": "email", ` + string(upstream.AppendEmailRow(nil, upstream.Email{
		UserID: 21, SenderID: 17, EmailID: at.UTC().Format("20060102150405") + fmt.Sprintf(".%012d@mail6-40-ussnn1", n),
		EmailAddress: "recipient1@example.com", Local: "recipient1", Domain: "example.com",
		ProcessTime: at, Delivered: true,
	})[1:])
}

// emails are n good lines.
func emails(n int) string {
	var b strings.Builder
	for i := range n {
		b.WriteString(email(i) + "\n")
	}
	return b.String()
}

// file makes a file for a test.
func file(t *testing.T, content string) string {
	t.Helper()
	name := filepath.Join(t.TempDir(), "rows.ndjson")
	if err := os.WriteFile(name, []byte(content), 0o600); err != nil {
		t.Fatal(err)
	}
	return name
}

func gzipped(text string) string {
	var b bytes.Buffer
	z := gzip.NewWriter(&b)
	_, _ = io.WriteString(z, text) // a buffer takes all
	_ = z.Close()
	return b.String()
}

// imported runs an import of one text from standard input, and collects the bad lines.
func imported(t *testing.T, text string, o importer.Options) (*memory, importer.Summary, []importer.BadLine, error) {
	t.Helper()
	var m memory
	var bad []importer.BadLine
	o.Stdin = strings.NewReader(text)
	o.Report = func(b importer.BadLine) { bad = append(bad, b) }
	s, err := importer.Run(t.Context(), &m, []string{importer.Stdin}, o)
	return &m, s, bad, err
}

func TestTextComesInManyEncodings(t *testing.T) {
	t.Parallel()
	const mark = "\xef\xbb\xbf" // the byte order mark
	three := emails(3)
	for name, text := range map[string]string{
		"plain":                          three,
		"without a last newline":         strings.TrimSuffix(three, "\n"),
		"with CRLF":                      strings.ReplaceAll(three, "\n", "\r\n"),
		"with a byte order mark":         mark + three,
		"with a mark in each line":       mark + strings.TrimSuffix(strings.ReplaceAll(three, "\n", "\n"+mark), mark),
		"with marks and white space":     strings.ReplaceAll(three, "\n", "\r\n "+mark+"\t"+mark),
		"with lines of a mark alone":     strings.ReplaceAll(three, "\n", "\n"+mark+"\n"),
		"joined of packed ones":          gzipped(mark+email(0)+"\n") + gzipped(mark+email(1)+"\n"+email(2)+"\n"),
		"with blank lines":               "\n" + strings.ReplaceAll(three, "\n", "\n \t\r\n\n"),
		"with white space around rows":   "\t " + strings.ReplaceAll(three, "\n", " \n  "),
		"packed by gzip":                 gzipped(three),
		"packed by gzip, in two pieces":  gzipped(email(0)+"\n") + gzipped(email(1)+"\n"+email(2)+"\n"),
		"packed, with a byte order mark": gzipped(mark + three),
	} {
		t.Run(name, func(t *testing.T) {
			t.Parallel()
			m, s, bad, err := imported(t, text, importer.Options{Strict: true})
			if err != nil || len(bad) != 0 {
				t.Fatal(err, bad)
			}
			want, _, _, _ := imported(t, three, importer.Options{})
			if diff := cmp.Diff(want.rows(), m.rows()); diff != "" {
				t.Error(diff)
			}
			if s.Emails != 3 || s.New != 3 || s.Rows() != 3 || s.BadLines != 0 || s.Files != 1 {
				t.Errorf("summary %+v", s)
			}
		})
	}
}

func TestAnEmptyFileHasNoRows(t *testing.T) {
	t.Parallel()
	for _, text := range []string{"", "\n", "\xef\xbb\xbf", gzipped("")} {
		m, s, bad, err := imported(t, text, importer.Options{Strict: true})
		if err != nil || len(bad) != 0 || len(m.batches) != 0 || s.Rows() != 0 {
			t.Errorf("%q: %v, %v, %+v", text, err, bad, s)
		}
	}
}

func TestBadLinesAreCountedAndSkipped(t *testing.T) {
	t.Parallel()
	text := "nonsense\n" + email(0) + "\n\n{}\r\n" + email(1) + "\n" + email(2)[:40]
	m, s, bad, err := imported(t, text, importer.Options{})
	if err != nil {
		t.Fatal(err)
	}
	var lines []int
	for _, b := range bad {
		lines = append(lines, b.Line)
	}
	if diff := cmp.Diff([]int{1, 4, 6}, lines); diff != "" || s.BadLines != 3 || len(m.rows().Emails) != 2 {
		t.Errorf("%v: bad lines %v, %+v", diff, bad, s)
	}
	if got, want := bad[1].Error(), "standard input:4: kind is missing"; !strings.HasPrefix(got, want) {
		t.Errorf("%q, want it to begin with %q", got, want)
	}
}

func TestStrictStopsAtTheFirstBadLineAndKeepsTheRowsBefore(t *testing.T) {
	t.Parallel()
	text := emails(7) + "nonsense\n" + emails(5)
	m, s, bad, err := imported(t, text, importer.Options{Strict: true, BatchRows: 3})
	var stopped *importer.BadLine
	if !errors.As(err, &stopped) || stopped.Line != 8 || len(bad) != 1 {
		t.Fatalf("%v, %v, want line 8", err, bad)
	}
	if len(m.rows().Emails) != 7 || s.Emails != 7 || s.New != 7 || s.BadLines != 1 {
		t.Errorf("%d rows written, %+v: want the 7 before that line", len(m.rows().Emails), s)
	}
}

func TestBatchesAreBoundedInRowsAndBytes(t *testing.T) {
	t.Parallel()
	m, _, _, err := imported(t, emails(25), importer.Options{BatchRows: 10})
	if err != nil {
		t.Fatal(err)
	}
	var sizes []int
	for _, b := range m.batches {
		sizes = append(sizes, len(b.Emails))
	}
	if diff := cmp.Diff([]int{10, 10, 5}, sizes); diff != "" {
		t.Error(diff)
	}

	bounce := `{"kind": "bounce", "user_id": 21, "sender_id": 17, "email_id": "%d", ` +
		`"email_address": "recipient1@example.com", "process_time": 1, "bounce_time": 1, "bounce_type": "soft", ` +
		`"bounce_category": "other", "full_content": "` + strings.Repeat("x", 6<<20) + "\"}\n"
	var text strings.Builder
	for i := range 5 {
		fmt.Fprintf(&text, bounce, i)
	}
	m, _, _, err = imported(t, text.String(), importer.Options{})
	if err != nil || len(m.batches) != 2 || len(m.batches[0].Bounces) != 3 {
		t.Errorf("%v: %d batches, want 3 and 2 bounces of 6 MiB", err, len(m.batches))
	}
}

func TestFilesAreLookedAtBeforeAnythingIsWritten(t *testing.T) {
	t.Parallel()
	good := file(t, emails(1))
	for name, c := range map[string]struct {
		files []string
		want  string
	}{
		"none":                 {nil, "no file"},
		"one that is missing":  {[]string{good, good + ".gone"}, good + ".gone"},
		"an empty folder":      {[]string{good, t.TempDir()}, "no files"},
		"standard input twice": {[]string{"-", good, "-"}, "twice"},
	} {
		var m memory
		s, err := importer.Run(t.Context(), &m, c.files, importer.Options{Stdin: strings.NewReader("")})
		if err == nil || !strings.Contains(err.Error(), c.want) || len(m.batches) != 0 || s.Rows() != 0 {
			t.Errorf("%s: %v, %d batches", name, err, len(m.batches))
		}
	}
}

// A terminal's read cannot be interrupted, so the import must not wait for it.
func TestTheContextEndsAnImportThatWaitsForInput(t *testing.T) {
	t.Parallel()
	in, keyboard := io.Pipe()
	defer keyboard.Close()
	ctx, cancel := context.WithCancel(t.Context())
	go func() {
		_, _ = io.WriteString(keyboard, emails(3)) // returns when all is read
		cancel()
	}()
	var m memory
	s, err := importer.Run(ctx, &m, []string{"-"}, importer.Options{Stdin: in, BatchRows: 2})
	if !errors.Is(err, context.Canceled) || s.Emails != len(m.rows().Emails) || s.Emails > 2 {
		t.Errorf("%v, %+v", err, s)
	}
}

// clock goes a step further each time it is asked.
func clock(step time.Duration) func() time.Time {
	now := time.Date(2026, 11, 23, 9, 0, 0, 0, time.UTC)
	return func() time.Time { // the meter asks under its lock, Run before and after
		now = now.Add(step)
		return now
	}
}

func TestProgress(t *testing.T) {
	t.Parallel()
	name := file(t, emails(10)+"nonsense\n")
	show := func(step time.Duration, terminal bool) string {
		var out strings.Builder
		o := importer.Options{BatchRows: 5, Progress: &out, Terminal: terminal, Report: func(b importer.BadLine) {
			fmt.Fprintf(&out, "bad line %d\n", b.Line)
		}}
		o = importer.WithClock(o, clock(step))
		if _, err := importer.Run(t.Context(), &memory{}, []string{name}, o); err != nil {
			t.Fatal(err)
		}
		return out.String()
	}
	t.Run("on a terminal it is one line, gone when others are written", func(t *testing.T) {
		t.Parallel()
		got := show(time.Second, true)
		if !strings.Contains(got, "10 rows, ") || !strings.Contains(got, " rows/s, 100 %") {
			t.Errorf("%q", got)
		}
		// What each line of the terminal shows in the end.
		var left []string
		for _, line := range strings.Split(got, "\n") {
			last := line[strings.LastIndexByte(line, '\r')+1:]
			left = append(left, last[strings.LastIndex(last, "\x1b[K")+1:])
		}
		for i, l := range left {
			if left[i] = strings.TrimPrefix(l, "[K"); strings.Contains(left[i], "rows") {
				t.Errorf("%q stays on the terminal: %q", left[i], got)
			}
		}
		if diff := cmp.Diff([]string{"bad line 11", ""}, left); diff != "" {
			t.Errorf("%s\n%q", diff, got)
		}
	})
	t.Run("elsewhere it is a line now and then", func(t *testing.T) {
		t.Parallel()
		got := show(time.Minute, false)
		if strings.ContainsAny(got, "\r\x1b") || !strings.Contains(got, "5 rows, 0 rows/s, 100 %") {
			t.Errorf("%q", got)
		}
	})
	t.Run("elsewhere a short import is silent", func(t *testing.T) {
		t.Parallel()
		if got := show(time.Millisecond, false); got != "bad line 11\n" {
			t.Errorf("%q", got)
		}
	})
}

// ndjson writes a batch as a file of this format.
func ndjson(b store.Batch) []byte {
	var text []byte
	line := func(kind string, row []byte) {
		text = append(append(append(text, `{"kind":"`+kind+`",`...), row[1:]...), '\n')
	}
	for _, s := range b.Senders {
		text = fmt.Appendf(text, `{"kind":"sender","user_id":%d,"sender_id":%d,"sender":%q}`+"\n",
			s.UserID, s.SenderID, s.Address)
	}
	b.Events(func(k upstream.Kind, e store.Event) { line(kind.All[k].Name, e.AppendRow(nil, k)) })
	return text
}

// demoBatch is some thousand rows of the demo data, of every kind.
var demoBatch = sync.OnceValue(func() store.Batch {
	for b := range demo.Generate(time.Date(2026, 11, 23, 9, 37, 21, 0, time.UTC)) {
		b.Emails, b.Bounces = b.Emails[:4000], b.Bounces[:200]
		return b
	}
	panic("no data")
})
