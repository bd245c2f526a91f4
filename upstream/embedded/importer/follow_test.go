package importer_test

import (
	"bytes"
	"context"
	"errors"
	"fmt"
	"io"
	"os"
	"os/exec"
	"path/filepath"
	"strings"
	"sync"
	"testing"
	"time"

	"deliverygraph/upstream/embedded/importer"
	"deliverygraph/upstream/embedded/store/sqlite"
)

// within is how long tests wait for what must come.
const within = 5 * time.Minute

// eventually waits until a condition holds.
func eventually(t *testing.T, what string, holds func() bool) {
	t.Helper()
	for deadline := time.Now().Add(within); !holds(); time.Sleep(5 * time.Millisecond) {
		if time.Now().After(deadline) {
			t.Fatalf("not within %v: %s", within, what)
		}
	}
}

// notes is a writer that may be read while it is written.
type notes struct {
	mu   sync.Mutex
	text bytes.Buffer
}

func (n *notes) Write(p []byte) (int, error) {
	n.mu.Lock()
	defer n.mu.Unlock()
	return n.text.Write(p)
}

func (n *notes) String() string {
	n.mu.Lock()
	defer n.mu.Unlock()
	return n.text.String()
}

// following is an import that follows.
type following struct {
	stop  context.CancelFunc
	ended chan error
	sum   importer.Summary
	notes notes
}

func follow(t *testing.T, s importer.Store, o importer.Options, files ...string) *following {
	t.Helper()
	ctx, stop := context.WithCancel(t.Context())
	f := &following{stop: stop, ended: make(chan error, 1)}
	o.Progress = &f.notes
	if o.Report == nil {
		o.Report = func(b importer.BadLine) { fmt.Fprintln(&f.notes, b.Error()) }
	}
	go func() {
		var err error
		f.sum, err = importer.Follow(ctx, s, files, o)
		f.ended <- err
	}()
	t.Cleanup(stop)
	return f
}

// end stops it, and fails the test if it had failed.
func (f *following) end(t *testing.T) {
	t.Helper()
	f.stop()
	if err := <-f.ended; err != nil {
		t.Fatal(err)
	}
}

func (s *shop) count(t *testing.T) (emails, bounces int) {
	t.Helper()
	info, err := s.Info(t.Context())
	if err != nil {
		t.Fatal(err)
	}
	return int(info.Emails.Rows), int(info.Bounces.Rows)
}

// appendTo adds a text to a file, which it makes if need be.
func appendTo(t *testing.T, path, text string) {
	t.Helper()
	f, err := os.OpenFile(path, os.O_CREATE|os.O_APPEND|os.O_WRONLY, 0o600)
	if err == nil {
		_, err = f.WriteString(text)
		err = errors.Join(err, f.Close())
	}
	if err != nil {
		t.Fatal(err)
	}
}

// A line makes a row while its message is still in the queue, and what follows changes the row.
func TestRowsExistOnceTheirLinesDo(t *testing.T) {
	t.Parallel()
	path := filepath.Join(t.TempDir(), "mail.log")
	s := newShop(t)
	f := follow(t, s, importer.Options{}, path)
	eventually(t, "a note about the file that is missing", func() bool {
		return strings.Contains(f.notes.String(), "mail.log does not exist yet: waiting for it")
	})
	appendTo(t, path, logBegin)
	eventually(t, "the bounce and the deferred mail", func() bool { e, b := s.count(t); return e == 2 && b == 1 })
	appendTo(t, path, logEnd)
	eventually(t, "the delivered mail", func() bool { e, _ := s.count(t); return e == 3 })
	f.end(t)
	s.want(t, logRows...)
	appendTo(t, path, strings.TrimPrefix(postfixLog, logBegin+logEnd))
	f = follow(t, s, importer.Options{}, path)
	eventually(t, "the delivery of the mail that was deferred before the restart", func() bool {
		return strings.Contains(fmt.Sprint(s.rows(t)), "c@example.net 1 true")
	})
	f.end(t)
	if f.sum.Emails != 1 || f.sum.Formats[0].Name != "postfix" {
		t.Errorf("after the restart the lines from before were read again: %+v", f.sum)
	}
	whole := newShop(t)
	whole.take(t, importer.Options{}, file(t, postfixLog))
	sameRows(t, s, whole)
}

// followed are the variables that make this test binary a program that follows a log until it is
// killed.
const followed = "IMPORTER_TEST_FOLLOW"

// followUntilKilled follows files, the first of which is the store.
func followUntilKilled(names string) {
	files := strings.Split(names, string(os.PathListSeparator))
	s, err := sqlite.Open(context.Background(), sqlite.Options{Path: files[0]})
	if err == nil {
		_, err = importer.Follow(context.Background(), s, files[1:], importer.Options{Progress: os.Stderr})
	}
	fmt.Fprintln(os.Stderr, "it was not killed:", err)
	os.Exit(1)
}

// The log is rotated in both ways and packed, and the program is killed again and again, at any time.
func TestNothingIsLostOrDuplicatedByKillsAndRotations(t *testing.T) {
	t.Parallel()
	dir := t.TempDir()
	path, db := filepath.Join(dir, "mail.log"), filepath.Join(dir, "m.db")
	lines := longLog(300)
	var child *exec.Cmd
	start := func() {
		child = exec.CommandContext(t.Context(), os.Args[0])
		child.Env = append(os.Environ(), followed+"="+db+string(os.PathListSeparator)+path)
		child.Stderr = io.Discard
		if err := child.Start(); err != nil {
			t.Fatal(err)
		}
	}
	kill := func() {
		if err := errors.Join(child.Process.Kill()); err != nil {
			t.Fatal(err)
		}
		_ = child.Wait() // it was killed
	}
	start()
	s := &shop{Store: open(t, db)}
	rotate := func(n int) {
		for i := 9; i > 0; i-- {
			_ = os.Rename(fmt.Sprintf("%s.%d", path, i), fmt.Sprintf("%s.%d", path, i+1)) // it may not exist
		}
		if n%2 == 0 {
			if err := os.Rename(path, path+".1"); err != nil {
				t.Fatal(err)
			}
			return
		}
		text, err := os.ReadFile(path)
		if err == nil {
			err = errors.Join(os.WriteFile(path+".1", text, 0o600), os.Truncate(path, 0))
		}
		if err != nil {
			t.Fatal(err)
		}
	}
	const parts = 8
	for part := range parts {
		from, to := part*len(lines)/parts, (part+1)*len(lines)/parts
		middle := (from + to) / 2
		appendTo(t, path, strings.Join(lines[from:middle], ""))
		if part%3 == 0 { // else it is killed with lines unread, or in the midst of them
			eventually(t, "rows of the log", func() bool { e, _ := s.count(t); return e > from/5-40 && e > 0 })
		}
		kill()
		appendTo(t, path, strings.Join(lines[middle:to], ""))
		if part%2 == 1 {
			rotate(part / 2)
		}
		start()
	}
	eventually(t, "all rows", func() bool { e, b := s.count(t); return e == 300 && b == 100 })
	whole := newShop(t)
	whole.take(t, importer.Options{}, file(t, strings.Join(lines, "")))
	eventually(t, "the last outcome", func() bool {
		return strings.Count(fmt.Sprint(s.rows(t)), "1 true") == strings.Count(fmt.Sprint(whole.rows(t)), "1 true")
	})
	kill()
	sameRows(t, s, whole)
}

func TestStandardInputIsReadAsItComes(t *testing.T) {
	t.Parallel()
	in, out := io.Pipe()
	s := newShop(t)
	f := follow(t, s, importer.Options{Stdin: in}, "-")
	for text, emails := range map[string]int{logBegin: 2} {
		if _, err := io.WriteString(out, text); err != nil {
			t.Fatal(err)
		}
		eventually(t, "its rows", func() bool { e, _ := s.count(t); return e == emails })
	}
	if _, err := io.WriteString(out, strings.TrimSuffix(logEnd, "\n")); err != nil {
		t.Fatal(err)
	}
	_ = out.Close() // it never fails
	if err := <-f.ended; err != nil {
		t.Fatal(err)
	}
	s.want(t, logRows...)
}

// Packed files do not grow, so that there is nothing to wait for.
func TestCompressedFilesAreReadOnceAndNotFollowed(t *testing.T) {
	t.Parallel()
	path := named(t, t.TempDir(), "mail.log.2.gz", gzipped(logBegin+logEnd))
	s := newShop(t)
	for _, rows := range []int{4, 0} {
		f := follow(t, s, importer.Options{}, path)
		if err := <-f.ended; err != nil || f.sum.Rows() != rows {
			t.Errorf("%v, %d rows, want %d", err, f.sum.Rows(), rows)
		}
		s.want(t, logRows...)
	}
}

// Each piece of an accounting file is read by the columns that the file's first line names.
func TestPiecesOfATableHaveItsColumns(t *testing.T) {
	t.Parallel()
	path := filepath.Join(t.TempDir(), "acct.csv")
	appendTo(t, path, "type,timeLogged,timeQueued,orig,rcpt,dsnStatus,dsnDiag,bounceCat,vmta\n")
	s := newShop(t)
	f := follow(t, s, importer.Options{}, path)
	for i := range 3 {
		appendTo(t, path, fmt.Sprintf("d,2026-11-10 10:00:0%d,2026-11-10 10:00:00,"+
			"news@example.com,a%d@example.net,2.0.0 (ok),,,acme\n", i, i))
		eventually(t, "a row", func() bool { e, _ := s.count(t); return e == i+1 })
		if i == 1 { // and after a restart
			f.end(t)
			f = follow(t, s, importer.Options{}, path)
		}
	}
	appendTo(t, path, "d,x,x,news@example.com,b@example.net,2.0.0 (ok),,,acme\n")
	eventually(t, "a bad line with its number", func() bool {
		return strings.Contains(f.notes.String(), "acct.csv:5: ")
	})
	f.end(t)
}

func TestRowsOfTheAPIAreFollowed(t *testing.T) {
	t.Parallel()
	path := filepath.Join(t.TempDir(), "rows.ndjson")
	s := newShop(t)
	f := follow(t, s, importer.Options{}, path)
	appendTo(t, path, emails(2)+"{\"kind\": \"email\"}\n"+email(2)+"\n")
	eventually(t, "three rows", func() bool { e, _ := s.count(t); return e == 3 })
	eventually(t, "the bad line", func() bool { return strings.Contains(f.notes.String(), "rows.ndjson:3: ") })
	f.end(t)
}

func TestFilesThatCannotBeFollowedAreRefusedAtTheStart(t *testing.T) {
	t.Parallel()
	dir := t.TempDir()
	mbox := named(t, dir, "bounces.mbox", "From MAILER-DAEMON Sun Nov 29 15:22:01 2026\n"+postfixMail)
	for want, files := range map[string][]string{
		"a mail or an mbox": {mbox}, `"-" is given twice`: {"-", "-"},
		"not a regular file": {os.DevNull},
	} {
		if _, err := importer.Follow(t.Context(), newShop(t), files, importer.Options{}); err == nil ||
			!strings.Contains(err.Error(), want) {
			t.Errorf("%q: got %v, want %s", files, err, want)
		}
	}
	for _, file := range []string{"-", filepath.Join(dir, "to-come.mbox")} {
		o := importer.Options{Format: "dsn", Stdin: strings.NewReader(postfixMail)}
		if _, err := importer.Follow(t.Context(), newShop(t), []string{file}, o); err == nil ||
			!strings.Contains(err.Error(), "cannot follow") {
			t.Errorf("%s as mails: got %v", file, err)
		}
	}
}

// A file of another kind is reported once, and the others are followed.
func TestFilesOfOtherKindsAreReportedOnce(t *testing.T) {
	t.Parallel()
	dir := t.TempDir()
	odd, log := named(t, dir, "odd.txt", strings.Repeat("what is this?\n", 10_000)), named(t, dir, "mail.log", logBegin)
	s := newShop(t)
	f := follow(t, s, importer.Options{}, odd, log)
	eventually(t, "rows of the log", func() bool { e, _ := s.count(t); return e == 2 })
	appendTo(t, odd, "more of it\n")
	appendTo(t, log, logEnd)
	eventually(t, "more rows of the log", func() bool { e, _ := s.count(t); return e == 3 })
	f.end(t)
	if n := strings.Count(f.notes.String(), "odd.txt"); n != 1 {
		t.Errorf("odd.txt is reported %d times: %s", n, f.notes.String())
	}
}
