package dsn

import (
	"bufio"
	"context"
	"errors"
	"fmt"
	"io"
	"path/filepath"
	"strings"
	"testing"
	"time"

	"deliverygraph/upstream/embedded/importer/format"
)

func TestMemoryIsBounded(t *testing.T) {
	huge := strings.Repeat("0123456789abcde\n", 1<<20) // 16 MiB
	s := read(t, example(t, "exim.eml")+huge)
	if n := len(s.records[0].Content); n > mostMail+200 || !strings.HasSuffix(s.records[0].Content,
		"bytes of this message were not imported]\n") {
		t.Errorf("the content has %d bytes and ends in %q", n, s.records[0].Content[n-80:])
	}
	var many strings.Builder
	many.WriteString("From: MAILER-DAEMON@example.com\nDate: Tue, 22 Nov 2016 00:00:03 +0000\nContent-Type: " +
		"multipart/report; boundary=b\n\n--b\nContent-Type: message/delivery-status\n\n")
	for i := range 2000 {
		fmt.Fprintf(&many, "Final-Recipient: rfc822; user%d@example.com\nAction: failed\n\n", i)
	}
	long := strings.Repeat("X-A: "+strings.Repeat("x", 900)+"\n", 50)
	many.WriteString("--b\nContent-Type: message/rfc822\n\nFrom: a@example.com\n" + long + "\n" + huge)
	content, headers := 0, 0
	for _, r := range read(t, many.String()).records {
		content += len(r.Content)
		for _, h := range r.Headers {
			headers += len(h.Value)
		}
	}
	if content > 3*mostMail || headers > 3*mostMail {
		t.Errorf("the rows of one mail have %d bytes of content, and %d of headers", content, headers)
	}
	id := read(t, strings.Replace(many.String(), "Final-", "X-Postfix-Queue-ID: "+strings.Repeat("A", 60_000)+"\n"+
		"Arrival-Date: Tue, 22 Nov 2016 00:00:01 +0000\n\nFinal-", 1)).records[1].EmailID
	if len(id) > 1000 {
		t.Errorf("the email id of each recipient has %d bytes", len(id))
	}
}

func TestARecipientIsReportedOnce(t *testing.T) {
	const group = "Final-Recipient: rfc822; a@example.net\nAction: failed\nStatus: 5.1.1\n\n"
	s := read(t, "From: MAILER-DAEMON@example.com\nDate: Tue, 22 Nov 2016 00:00:03 +0000\n\n"+
		group+strings.ToUpper(group)+group)
	if len(s.records) != 1 || len(s.skipped) != 2 {
		t.Errorf("%d records, skipped %q", len(s.records), s.skipped)
	}
}

func TestFinalRecipientsOfAnOriginalOneAreLimited(t *testing.T) {
	var mail strings.Builder
	mail.WriteString("From: MAILER-DAEMON@example.com\nDate: Tue, 22 Nov 2016 00:00:03 +0000\n\n")
	for i := range 3 * mostFinals / 2 {
		for _, original := range []string{"a@example.net", "A@example.net", fmt.Sprintf("u%d@example.net", i)} {
			fmt.Fprintf(&mail, "Original-Recipient: rfc822; %s\nFinal-Recipient: rfc822; u%d@example.net\n"+
				"Action: failed\n\n", original, i)
		}
	}
	s := read(t, mail.String())
	if len(s.records) != 5*mostFinals/2 || len(s.bad) != 1 || !strings.Contains(s.bad[0], "a@example.net") {
		t.Errorf("%d records, bad %q", len(s.records), s.bad)
	}
}

func TestRecipientsOfAReportAreLimited(t *testing.T) {
	var mail strings.Builder
	mail.WriteString("From: MAILER-DAEMON@example.com\nDate: Tue, 22 Nov 2016 00:00:03 +0000\n" +
		"Content-Type: multipart/report; boundary=b\n\n")
	for part := range 5 { // each is read up to a limit
		mail.WriteString("--b\nContent-Type: message/delivery-status\n\n")
		for i := range 4001 {
			fmt.Fprintf(&mail, "Final-Recipient: x; u%d@c\nAction: failed\n\n", part*4001+i)
		}
	}
	s := read(t, mail.String())
	if len(s.records) != mostRecipients || len(s.bad) != 1 {
		t.Errorf("%d records, bad %q", len(s.records), s.bad)
	}
}

// Anyone may send mail to the address of bounces.
func TestHostileMailTakesLinearTime(t *testing.T) {
	const head = "From: MAILER-DAEMON@example.com\nDate: Tue, 22 Nov 2016 00:00:03 +0000\n"
	report := func(status, original string) string {
		return head + "Content-Type: multipart/report; boundary=b\n\n--b\nContent-Type: message/delivery-status\n\n" +
			status + "\n--b\nContent-Type: message/rfc822\n\n" + original + "\n--b--\n"
	}
	var names, addresses, all strings.Builder
	for i := range 5000 {
		fmt.Fprintf(&names, "Final-Recipient: x; u%d\nAction: failed\n\n", i)
		fmt.Fprintf(&addresses, "Final-Recipient: x; u%d@c\nAction: failed\n\n", i)
		fmt.Fprintf(&all, "%d@b,", i)
	}
	original := "From: a@example.com\nMessage-ID: <1@example.com>\nTo: " + all.String() + "\n\n"
	for name, mail := range map[string]string{
		"folded fields":              head + strings.Repeat("X-A: a\n"+strings.Repeat(" a\n", 32<<10), 20) + "\n",
		"folded lines":               head + "\n" + strings.Repeat(" a\n", 256<<10),
		"recipients without domains": report(names.String(), original),
		"recipients and addressees":  report(addresses.String(), original),
		"a long subject":             "Subject: " + strings.Repeat("x ", 1<<20) + "\n" + head + "\n",
		"a long sender": "From: " + strings.Repeat("x ", 32<<10) + "\n" + report(names.String(),
			"From: "+strings.Repeat("x ", 32<<10)+"\n\n"),
		"markup": head + "Content-Type: multipart/mixed; boundary=b\n" + strings.Repeat(
			"\n--b\nContent-Type: text/html\n\n"+strings.Repeat("<!--<a", 40<<10), 8) + "\n--b--\n",
	} {
		start := time.Now()
		read(t, mail)
		if took := time.Since(start); took > time.Minute {
			t.Errorf("%s: %d bytes take %v", name, len(mail), took)
		}
	}
}

func TestEmptyLinesMayPrecedeAnMbox(t *testing.T) {
	const from = "From MAILER-DAEMON Sun Nov 29 15:22:01 2026\n"
	box := strings.Repeat(from+example(t, "exim.eml")+"\n", 2)
	for _, before := range []string{"", "\n\r\n", "\ufeff", "\ufeff\n"} {
		s := read(t, before+box)
		if !Format.Recognise([]byte(before+box)) || len(s.records) != 2 ||
			s.records[0].Content != s.records[1].Content {
			t.Errorf("%q and two mails: there are %d bounces", before, len(s.records))
		}
	}
}

// Reclassifying reads the notice of a message as it is stored, in UTF-8. Importing must use the same.
func TestTheNoticeIsThatOfTheStoredMessage(t *testing.T) {
	files, err := filepath.Glob("testdata/*.eml")
	if err != nil || len(files) == 0 {
		t.Fatal(err, files)
	}
	for _, file := range files {
		mail := example(t, filepath.Base(file))
		for _, text := range []string{mail, strings.ReplaceAll(mail, "e", "\xe9")} {
			for _, r := range read(t, text).records {
				if want := Notice(strings.ToValidUTF8(r.Content, "\ufffd")); r.Notice != want {
					t.Errorf("%s, to %s: the notice is %q, want %q", file, r.Recipient, r.Notice, want)
				}
			}
		}
	}
	many := "From: MAILER-DAEMON@example.com\nDate: Tue, 22 Nov 2016 00:00:03 +0000\nSubject: Undelivered mail\n\n" +
		"<a@example.net>: unknown\n<b@example.net>: full\n"
	if s := read(t, many); len(s.records) != 2 || s.records[0].Notice+s.records[1].Notice != "" {
		t.Errorf("a message for two recipients has the records %+v", s.records)
	}
}

func TestReadingStopsWithTheContextOrAnError(t *testing.T) {
	ctx, cancel := context.WithCancel(t.Context())
	cancel()
	err := Format.New(format.Options{}).Read(ctx, format.File{Reader: bufio.NewReader(strings.NewReader(example(t,
		"exim.eml")))}, &sink{})
	if !errors.Is(err, context.Canceled) {
		t.Errorf("got error %v", err)
	}
	broken := errors.New("broken")
	r := bufio.NewReader(io.MultiReader(strings.NewReader("From: a\n"), failing{broken}))
	err = Format.New(format.Options{}).Read(t.Context(), format.File{Reader: r}, &sink{})
	if !errors.Is(err, broken) {
		t.Errorf("got error %v", err)
	}
}

// failing is a reader that returns an error.
type failing struct{ err error }

func (r failing) Read([]byte) (int, error) { return 0, r.err }

func FuzzParse(f *testing.F) {
	files, _ := filepath.Glob("testdata/*.eml")
	for _, file := range files {
		f.Add(example(f, filepath.Base(file)))
	}
	f.Fuzz(func(t *testing.T, text string) {
		start := time.Now()
		s := read(t, text)
		for _, r := range s.records {
			if _, _, ok := split(r.Recipient); !ok || r.Time == 0 || r.EmailID == "" || r.Processed > r.Time {
				t.Errorf("%+v", r)
			}
		}
		Format.Recognise([]byte(text))
		if took := time.Since(start); took > 10*time.Second {
			t.Errorf("%d bytes take %v", len(text), took)
		}
	})
}

func BenchmarkRead(b *testing.B) {
	text := example(b, "report.eml")
	b.SetBytes(int64(len(text)))
	b.ReportAllocs()
	for b.Loop() {
		read(b, text)
	}
}
