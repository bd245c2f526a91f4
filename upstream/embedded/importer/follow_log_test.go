package importer_test

import (
	"fmt"
	"os"
	"path/filepath"
	"strings"
	"testing"
	"time"

	"deliverygraph/upstream/embedded/importer"
)

// kernel and journal return lines of another program, more than are read to detect a format.
func kernel(from int) string {
	var text strings.Builder
	for n := range 3000 {
		fmt.Fprintf(&text, "2026-11-10T09:59:59Z mx1 kernel: [%d.678901] eth0: link becomes ready\n", from+n)
	}
	return text.String()
}

func journal(from int) string {
	var text strings.Builder
	for n := range 3000 {
		fmt.Fprintf(&text, `{"__REALTIME_TIMESTAMP":"1794304799%06d","_HOSTNAME":"mx1","SYSLOG_IDENTIFIER":"kernel",`+
			`"MESSAGE":"eth0: link becomes ready"}`+"\n", from+n)
	}
	return text.String()
}

const onlyOthers = "mail.log has only lines of other programs so far"

func TestOtherProgramsLinesMayComeFirstInALogThatIsFollowed(t *testing.T) {
	t.Parallel()
	for name, others := range map[string]func(from int) string{"syslog": kernel, "journal": journal} {
		t.Run(name, func(t *testing.T) {
			t.Parallel()
			path := filepath.Join(t.TempDir(), "mail.log")
			appendTo(t, path, others(0))
			s := newShop(t)
			f := follow(t, s, importer.Options{}, path)
			eventually(t, "a note", func() bool { return strings.Contains(f.notes.String(), onlyOthers) })
			f.end(t)
			appendTo(t, path, others(3000))
			f = follow(t, s, importer.Options{}, path)
			appendTo(t, path, logBegin)
			eventually(t, "the rows of the first mail", func() bool { e, b := s.count(t); return e == 2 && b == 1 })
			if err := os.Rename(path, path+".1"); err != nil {
				t.Fatal(err)
			}
			appendTo(t, path, others(6000))
			appendTo(t, path, logEnd)
			eventually(t, "the rows of the next file", func() bool { e, _ := s.count(t); return e == 3 })
			f.end(t)
			s.want(t, logRows...)
			if f.sum.BadFiles+f.sum.BadLines > 0 {
				t.Errorf("something is bad: %s", f.notes.String())
			}
		})
	}
}

func TestOtherProgramsLinesMayComeFirstInALog(t *testing.T) {
	t.Parallel()
	for _, others := range []string{kernel(0), journal(0), strings.Repeat(kernel(0), 5)} {
		log := others + logBegin + others + logEnd
		for _, name := range []string{file(t, log), importer.Stdin} {
			s := newShop(t)
			s.take(t, importer.Options{Stdin: strings.NewReader(log)}, name)
			s.want(t, logRows...)
		}
	}
}

// A file whose format was unknown is read from its beginning once the format is named.
func TestAFileOfUnknownFormatIsReadOnceItsFormatIsNamed(t *testing.T) {
	t.Parallel()
	path := filepath.Join(t.TempDir(), "mail.log")
	appendTo(t, path, strings.Repeat(strings.Repeat("free text ", 700)+"\n", 10)+logBegin+logEnd)
	s := newShop(t)
	f := follow(t, s, importer.Options{}, path)
	eventually(t, "a message", func() bool { return strings.Contains(f.notes.String(), "of a known format") })
	f.end(t)
	f = follow(t, s, importer.Options{Format: "postfix"}, path)
	eventually(t, "the rows", func() bool { e, _ := s.count(t); return e == 3 })
	f.end(t)
	s.want(t, logRows...)
}

// Compressing files may reverse their modification times.
func TestRotationsThatWereMissedAreReadInTheOrderOfTheirLines(t *testing.T) {
	t.Parallel()
	dir := t.TempDir()
	path, lines := filepath.Join(dir, "mail.log"), longLog(60)
	part := func(n int) string { return strings.Join(lines[n*len(lines)/5:(n+1)*len(lines)/5], "") }
	appendTo(t, path, part(0))
	s := newShop(t)
	f := follow(t, s, importer.Options{}, path)
	eventually(t, "rows", func() bool { e, _ := s.count(t); return e > 0 })
	f.end(t)
	if err := os.Remove(path); err != nil {
		t.Fatal(err)
	}
	appendTo(t, path, part(4))
	now := time.Now()
	for n, text := range []string{"", part(3), part(2), part(0) + part(1)} {
		if n > 0 {
			packed := named(t, dir, fmt.Sprintf("mail.log.%d.gz", n), gzipped(text))
			written := now.Add(time.Duration(n) * time.Minute)
			if err := os.Chtimes(packed, written, written); err != nil {
				t.Fatal(err)
			}
		}
	}
	whole := newShop(t)
	whole.take(t, importer.Options{}, file(t, strings.Join(lines, "")))
	f = follow(t, s, importer.Options{}, path)
	eventually(t, "all rows", func() bool {
		return strings.Count(fmt.Sprint(s.rows(t)), "true") == strings.Count(fmt.Sprint(whole.rows(t)), "true")
	})
	f.end(t)
	sameRows(t, s, whole)
}

// longLog is a log of messages that are deferred, bounce or are delivered, some lines of each
// among those of others.
func longLog(messages int) (lines []string) {
	for i := range messages + 30 {
		for _, step := range []struct {
			ago  int
			text string
		}{
			{0, "postfix/smtpd[1]: %s: client=app.example.com[192.0.2.9]"},
			{0, "postfix/qmgr[3]: %s: from=<news@example.com>, size=511, nrcpt=1 (queue active)"},
			{3, "postfix/smtp[4]: %s: to=<u%d@example.net>, relay=none, delay=3, delays=0/0/3/0, dsn=4.4.1, " +
				"status=deferred (connect to mx[192.0.2.1]:25: Connection timed out)"},
			{28, ""}, {29, "postfix/qmgr[3]: %s: removed"},
		} {
			n := i - step.ago
			if n < 0 || n >= messages {
				continue
			}
			text, id := step.text, fmt.Sprintf("%06X9C42", n)
			if text == "" {
				text = "postfix/smtp[4]: %s: to=<u%d@example.net>, relay=mx[192.0.2.1]:25, delay=28, delays=0/0/3/25, "
				if n%3 == 0 {
					text += "dsn=5.1.1, status=bounced (host mx[192.0.2.1] said: 550 5.1.1 User unknown)"
				} else {
					text += "dsn=2.0.0, status=sent (250 Ok)"
				}
			}
			at := time.Date(2026, 11, 10, 10, 0, i, 0, time.UTC).Format(time.RFC3339)
			args := []any{id, n}
			lines = append(lines, at+" mx1 "+fmt.Sprintf(text, args[:strings.Count(text, "%")]...)+"\n")
		}
	}
	return lines
}
