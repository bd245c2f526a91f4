package importer_test

import (
	"bytes"
	"errors"
	"fmt"
	"os"
	"path/filepath"
	"slices"
	"strings"
	"testing"
	"time"

	"github.com/google/go-cmp/cmp"
	"github.com/klauspost/compress/zstd"

	"deliverygraph/upstream"
	"deliverygraph/upstream/embedded/importer"
	"deliverygraph/upstream/embedded/importer/format"
	"deliverygraph/upstream/embedded/importer/format/formattest"
	"deliverygraph/upstream/embedded/store"
	"deliverygraph/upstream/embedded/store/storetest"
)

// shop is a store that takes files.
type shop struct {
	store.Store
	bad []importer.BadLine
}

func newShop(t *testing.T) *shop {
	t.Helper()
	return &shop{Store: open(t, "")}
}

// take imports files, and fails the test if that fails.
func (s *shop) take(t *testing.T, o importer.Options, files ...string) importer.Summary {
	t.Helper()
	sum, err := s.try(t, o, files...)
	if err != nil {
		t.Fatal(err)
	}
	return sum
}

func (s *shop) try(t *testing.T, o importer.Options, files ...string) (importer.Summary, error) {
	t.Helper()
	s.bad = nil
	o.Report = func(b importer.BadLine) { s.bad = append(s.bad, b) }
	return importer.Run(t.Context(), s, files, o)
}

// always is a window that holds all events.
var always = upstream.Window{Start: 1, End: 4_000_000_000}

// rows are the store's events in short: the recipient, the sender's number, and what became
// of the message, in the order of the lists.
func (s *shop) rows(t *testing.T) (list []string) {
	t.Helper()
	for k, events := range storetest.Events(t, s) {
		for _, e := range events {
			what := fmt.Sprint(e.Delivered)
			switch upstream.Kind(k) {
			case upstream.Emails:
			case upstream.Bounces:
				what = fmt.Sprintf("%s %s", e.BounceType, e.BounceCategory)
			default:
				what = e.BlockedReason
			}
			list = append(list, fmt.Sprintf("%s %d %s", e.Recipient, e.UserID, what))
		}
	}
	return list
}

func (s *shop) want(t *testing.T, want ...string) {
	t.Helper()
	if got := s.rows(t); !slices.Equal(got, want) {
		t.Errorf("the store has %q\nwant %q", got, want)
	}
}

// named makes a file of a name in a folder.
func named(t *testing.T, dir, name, text string) string {
	t.Helper()
	path := filepath.Join(dir, name)
	if err := os.MkdirAll(filepath.Dir(path), 0o700); err != nil {
		t.Fatal(err)
	}
	if err := os.WriteFile(path, []byte(text), 0o600); err != nil {
		t.Fatal(err)
	}
	return path
}

// A log of three messages: one is delivered, one bounces, and the third is deferred.
var (
	logBegin = formattest.Unwrap(`2026-11-10T10:00:01Z mx1 postfix/smtpd[1]: 4B1ED9C4292:
	client=app.example.com[192.0.2.9]
2026-11-10T10:00:01Z mx1 postfix/qmgr[3]: 4B1ED9C4292: from=<news@example.com>, size=511, nrcpt=2 (queue active)
2026-11-10T10:00:02Z mx1 postfix/smtp[4]: 4B1ED9C4292: to=<b@example.net>, relay=mx[192.0.2.1]:25, delay=1,
	delays=0/0/1/0, dsn=5.1.1, status=bounced (host mx[192.0.2.1] said: 550 5.1.1 User unknown (in reply to RCPT TO
	command))
2026-11-10T10:00:03Z mx1 postfix/smtp[4]: 4B1ED9C4292: to=<c@example.net>, relay=none, delay=2, delays=0/0/2/0,
	dsn=4.4.1, status=deferred (connect to mx[192.0.2.1]:25: Connection timed out)
`)
	logEnd = formattest.Unwrap(`2026-11-10T10:00:04Z mx1 postfix/smtp[4]: 4B1ED9C4292: to=<a@example.net>,
	relay=mx[192.0.2.1]:25, delay=3, delays=0/0/3/0, dsn=2.0.0, status=sent (250 Ok)
`)
)

var logRows = []string{"a@example.net 1 true", "b@example.net 1 false", "c@example.net 1 false",
	"b@example.net 1 hard bad-mailbox"}

func TestAMailLogBecomesRows(t *testing.T) {
	t.Parallel()
	s := newShop(t)
	name := file(t, logBegin+logEnd)
	for _, fresh := range []bool{true, false} {
		sum := s.take(t, importer.Options{}, name)
		s.want(t, logRows...)
		want := []importer.FormatSummary{{Name: "postfix", Files: 1, Senders: 1,
			Outcomes: [4]int{format.Accepted: 1, format.Delivered: 1,
				format.Bounced: 1}, Passed: map[string]int{"deferral": 1}}}
		if diff := cmp.Diff(want, sum.Formats); diff != "" {
			t.Errorf("summary (-want +got):\n%s", diff)
		}
		if got := sum.New > 0; got != fresh || sum.Replaced > 0 {
			t.Errorf("new rows: %v, %+v", got, sum.Written)
		}
	}
	b, err := storetest.API(s).Bounces(t.Context(), upstream.ListQuery{Window: always})
	if err != nil {
		t.Fatal(err)
	}
	d, err := storetest.API(s).Bounce(t.Context(), b[0].Key())
	if err != nil || d.DiagnosticCode != "smtp;550 5.1.1 User unknown" || d.Code != "5.1.1" || d.RuleName == "" ||
		d.EmailID != "20261110100001.4B1ED9C4292-65f46064@mx1" {
		t.Errorf("%v, %+v", err, d)
	}
}

func TestRotatedLogsAreReadInTheOrderOfTheirLines(t *testing.T) {
	t.Parallel()
	dir := t.TempDir()
	newest, older := named(t, dir, "mail.log", logEnd), named(t, dir, "mail.log.1", logBegin)
	s := newShop(t)
	s.take(t, importer.Options{}, newest, older) // as a shell lists them
	counts, err := storetest.API(s).Counts(t.Context(), upstream.Emails, upstream.CountQuery{Window: always})
	if err != nil || len(counts) != 1 {
		t.Errorf("all mail has one sender, but the counts are %+v, %v", counts, err)
	}
}

func TestABounceThatALogAndAMailReportIsOne(t *testing.T) {
	t.Parallel()
	log := strings.Split(logBegin, "\n")
	mail := strings.Replace(fmt.Sprintf(bounceMail, "b@example.net"), "Reporting-MTA: dns; mx1.example.com\n",
		"Reporting-MTA: dns; mx1.example.com\nX-Postfix-Queue-ID: 4B1ED9C4292\n"+
			"Arrival-Date: Tue, 10 Nov 2026 10:00:01 +0000 (UTC)\n", 1)
	s := newShop(t)
	s.take(t, importer.Options{}, file(t, strings.Join(log[:3], "\n")),
		file(t, strings.Replace(mail, "10:00:02", "10:00:03", 1)))
	s.want(t, "b@example.net 1 false", "b@example.net 1 hard bad-mailbox")
	b, err := storetest.API(s).Bounces(t.Context(), upstream.ListQuery{Window: always})
	if err != nil || len(b) != 1 {
		t.Fatalf("%v, %+v", err, b)
	}
	if d, err := storetest.API(s).Bounce(t.Context(), b[0].Key()); err != nil || d.FullContent == "" {
		t.Errorf("%v: the bounce has no content: %+v", err, d)
	}
}

// The files in tmp may not be complete yet.
func TestMessagesThatAreBeingDeliveredToAMaildirAreNotRead(t *testing.T) {
	t.Parallel()
	dir := t.TempDir()
	for _, name := range []string{"cur/1", "new/2", "tmp/3"} {
		named(t, dir, name, logBegin)
	}
	tmp := filepath.Join(dir, "tmp")
	for _, name := range []string{tmp, tmp + "/"} {
		_, err := importer.Run(t.Context(), newShop(t), []string{name}, importer.Options{})
		if err == nil || !strings.Contains(err.Error(), "there are no files in this folder") {
			t.Errorf("%s: %v", name, err)
		}
	}
}

func TestFilesMayBeCompressedAndInFolders(t *testing.T) {
	t.Parallel()
	text := logBegin + logEnd
	var packed bytes.Buffer
	z, err := zstd.NewWriter(&packed)
	if err != nil {
		t.Fatal(err)
	}
	if _, err := z.Write([]byte(text)); err != nil {
		t.Fatal(err)
	}
	if err := z.Close(); err != nil {
		t.Fatal(err)
	}
	folder := t.TempDir()
	named(t, folder, "old/mail.log.1", logBegin)
	named(t, folder, "mail.log", logEnd)
	named(t, folder, ".hidden", "nothing")
	link := filepath.Join(t.TempDir(), "link")
	if err := os.Symlink(folder, link); err != nil {
		t.Fatal(err)
	}
	for name, c := range map[string]struct {
		files []string
		stdin string
	}{
		"plain": {[]string{file(t, text)}, ""}, "gzip": {[]string{file(t, gzipped(text))},
			""}, "zstd": {[]string{file(t, packed.String())}, ""},
		"standard input": {[]string{"-"}, text}, "a folder": {[]string{folder}, ""},
		"a symbolic link to a folder": {[]string{link}, ""},
	} {
		s := newShop(t)
		s.take(t, importer.Options{Stdin: strings.NewReader(c.stdin)}, c.files...)
		if got := s.rows(t); len(got) != len(logRows) || len(s.bad) > 0 {
			t.Errorf("%s: the store has %q, bad %v", name, got, s.bad)
		}
	}
}

const bounceMail = `Return-Path: <>
Date: Tue, 10 Nov 2026 10:00:02 +0000
From: MAILER-DAEMON@example.com
To: news@example.com
Subject: Undelivered
MIME-Version: 1.0
Content-Type: multipart/report; report-type=delivery-status; boundary=b

--b
Content-Type: text/plain

It failed.

--b
Content-Type: message/delivery-status

Reporting-MTA: dns; mx1.example.com

Final-Recipient: rfc822; %s
Action: failed
Status: 5.1.1
Diagnostic-Code: smtp; 550 5.1.1 User unknown

--b
Content-Type: message/rfc822

From: news@example.com
To: %[1]s
Message-ID: <m%[1]s>
Date: Tue, 10 Nov 2026 10:00:01 +0000
Subject: x

text

--b--
`

func TestOnlyMailsOfAMaildirAreRead(t *testing.T) {
	t.Parallel()
	dir := t.TempDir()
	for name, text := range map[string]string{
		"cur/1:2,S": fmt.Sprintf(bounceMail, "a@example.net"), "new/2": fmt.Sprintf(bounceMail,
			"b@example.net"), ".Sent/cur/3:2,": fmt.Sprintf(bounceMail, "c@example.net"),
		".Sent/new/.keep": "", "tmp/4": "half", "dovecot.index": "\x00\x01", ".Sent/dovecot-uidlist": "3 V1",
		"new/.keep": "",
	} {
		named(t, dir, name, text)
	}
	s := newShop(t)
	sum := s.take(t, importer.Options{}, dir)
	got := s.rows(t)
	slices.Sort(got)
	want := []string{"a@example.net 1 false", "a@example.net 1 hard bad-mailbox", "b@example.net 1 false",
		"b@example.net 1 hard bad-mailbox", "c@example.net 1 false", "c@example.net 1 hard bad-mailbox"}
	if !slices.Equal(got, want) || len(s.bad) > 0 || sum.Formats[0].Files != 3 {
		t.Errorf("got %q, bad %v, %+v", got, s.bad, sum.Formats)
	}
}

func TestBadRecordsAreReportedWithFileAndPlace(t *testing.T) {
	t.Parallel()
	name := file(t, logBegin+"garbage\n"+strings.ReplaceAll(logEnd, "a@example.net", "a b@example.net")+logEnd)
	s := newShop(t)
	sum := s.take(t, importer.Options{}, name)
	if len(s.bad) != 2 || s.bad[0].Line != 5 || s.bad[1].Line != 6 || s.bad[0].File != name || sum.BadLines != 2 {
		t.Errorf("bad %v, %+v", s.bad, sum)
	}
	s = newShop(t)
	later := file(t, strings.ReplaceAll(logBegin+logEnd, "2026-11-10", "2026-11-11"))
	sum, err := s.try(t, importer.Options{Strict: true}, name, later)
	var bad *importer.BadLine
	if !errors.As(err, &bad) || bad.Line != 5 || sum.Emails != 1 || sum.Bounces != 1 {
		t.Errorf("strict: %v, %+v", err, sum)
	}
}

// Such a recipient has no row, whether its line says that the mail is deferred or what became of it.
func TestADeferralToAnInvalidAddressIsABadLine(t *testing.T) {
	t.Parallel()
	deferral := strings.ReplaceAll(logEnd, "a@example.net", "a@b@example.net")
	deferral = strings.Replace(deferral, "bounced", "deferred", 1)
	name := file(t, logBegin+deferral)
	s := newShop(t)
	sum := s.take(t, importer.Options{}, name)
	if len(s.bad) != 1 || s.bad[0].Line == 0 || sum.BadLines != 1 || sum.BadFiles != 0 {
		t.Errorf("bad %v, %+v", s.bad, sum)
	}
	var bad *importer.BadLine
	sum, err := newShop(t).try(t, importer.Options{Strict: true}, name)
	if !errors.As(err, &bad) || bad.Line != s.bad[0].Line || sum.Emails == 0 {
		t.Errorf("strict: %v, %+v", err, sum)
	}
}

func TestADamagedFileGivesWhatCanBeRead(t *testing.T) {
	t.Parallel()
	packed := gzipped(strings.Repeat(logBegin+logEnd, 2000))
	good := file(t, strings.ReplaceAll(logBegin+logEnd, "4B1ED9C4292", "5C1ED9C4292"))
	s := newShop(t)
	sum := s.take(t, importer.Options{}, file(t, packed[:len(packed)/2]), good)
	if len(s.bad) != 1 || !strings.Contains(s.bad[0].Reason, "gzip") || sum.Emails != 6 {
		t.Errorf("bad %v, %+v", s.bad, sum)
	}
}

func TestOptionsSayWhatFilesLeaveOpen(t *testing.T) {
	t.Parallel()
	const csv = "type,timeLogged,orig,rcpt\nd,2026-11-10 10:00:00,news@example.com,a@example.net\n"
	s := newShop(t)
	s.take(t, importer.Options{User: 7, Location: time.FixedZone("", 3600)}, file(t, csv))
	emails, err := storetest.API(s).Emails(t.Context(), upstream.ListQuery{Window: always})
	if err != nil || len(emails) != 1 || emails[0].UserID != 7 || emails[0].ProcessTime != 1794301200 {
		t.Errorf("%v, %+v", err, emails)
	}
	if _, err := s.try(t, importer.Options{Format: "postfix"}, file(t, csv)); err != nil || len(s.bad) != 2 ||
		!strings.Contains(s.bad[0].Reason, "time") {
		t.Errorf("read as a mail log: %v, %v", err, s.bad)
	}
	if _, err := s.try(t, importer.Options{Format: importer.Rows}, file(t, csv)); err != nil || len(s.bad) != 1 ||
		!strings.Contains(s.bad[0].Reason, "table") {
		t.Errorf("read as rows: %v, %v", err, s.bad)
	}
}

func TestReturnPathsThatNameTheirRecipientAreOneSender(t *testing.T) {
	t.Parallel()
	var text strings.Builder
	text.WriteString("type,timeLogged,orig,rcpt\n")
	for i, from := range []string{"news+%s=example.net@example.com", "news-%s=EXAMPLE.net@example.com",
		"prvs=0123456789=news@example.com", "news@EXAMPLE.com", "news@example.com"} {
		fmt.Fprintf(&text, "d,%d,"+strings.ReplaceAll(from, "%s", "%[2]s")+",%[2]s@example.net\n", 1794304800+i,
			fmt.Sprintf("user%d", i))
	}
	s := newShop(t)
	s.take(t, importer.Options{}, file(t, text.String()))
	counts, err := storetest.API(s).Counts(t.Context(), upstream.Emails, upstream.CountQuery{Window: always})
	if err != nil || len(counts) != 1 || counts[0].Sender != "news@example.com" {
		t.Errorf("%v, %+v", err, counts)
	}
}
