package importer_test

import (
	"fmt"
	"os"
	"path/filepath"
	"slices"
	"strings"
	"testing"
	"time"

	"deliverygraph/upstream"
	"deliverygraph/upstream/embedded/importer"
	"deliverygraph/upstream/embedded/importer/format/formattest"
	"deliverygraph/upstream/embedded/store/storetest"
)

// The log of Exim reports the same events as that of Postfix.
var eximLog = formattest.Unwrap(`2026-11-10 10:00:01 1jmKso-0000AB-12 <= news@example.com H=app.example.com [192.0.2.9]
	P=esmtp S=511 for b@example.net c@example.net a@example.net
2026-11-10 10:00:02 1jmKso-0000AB-12 ** b@example.net R=dnslookup T=remote_smtp H=mx [192.0.2.1]: SMTP error from
	remote mail server after RCPT TO:<b@example.net>: 550 5.1.1 User unknown
2026-11-10 10:00:03 1jmKso-0000AB-12 == c@example.net R=dnslookup T=remote_smtp defer (110): Connection timed out
2026-11-10 10:00:04 1jmKso-0000AB-12 => a@example.net R=dnslookup T=remote_smtp H=mx [192.0.2.1]
2026-11-10 12:00:04 1jmKso-0000AB-12 => c@example.net R=dnslookup T=remote_smtp H=mx [192.0.2.1]
2026-11-10 12:00:05 1jmKso-0000AB-12 Completed
`)

var postfixLog = logBegin + logEnd + formattest.Unwrap(`2026-11-10T12:00:04Z mx1 postfix/smtp[4]: 4B1ED9C4292:
	to=<c@example.net>, relay=mx[192.0.2.1]:25, delay=7203, delays=0/7200/3/0, dsn=2.0.0, status=sent (250 Ok)
2026-11-10T12:00:05Z mx1 postfix/qmgr[3]: 4B1ED9C4292: removed
`)

// all returns the store's emails and bounces with their ids and senders.
func (s *shop) all(t *testing.T) (emails []upstream.Email, bounces []upstream.Bounce) {
	t.Helper()
	emails, err := storetest.API(s).Emails(t.Context(), upstream.ListQuery{Window: always})
	if err != nil {
		t.Fatal(err)
	}
	bounces, err = storetest.API(s).Bounces(t.Context(), upstream.ListQuery{Window: always})
	if err != nil {
		t.Fatal(err)
	}
	return emails, bounces
}

func sameRows(t *testing.T, got, want *shop) {
	t.Helper()
	emails, bounces := got.all(t)
	wantEmails, wantBounces := want.all(t)
	same := func(a, b upstream.Email) bool {
		return a.EmailID == b.EmailID && a.EmailAddress == b.EmailAddress && a.SenderID == b.SenderID &&
			a.Delivered == b.Delivered && a.ProcessTime == b.ProcessTime
	}
	if !slices.EqualFunc(emails, wantEmails, same) || len(bounces) != len(wantBounces) {
		t.Errorf("the store has %+v, %+v\nwant %+v, %+v", emails, bounces, wantEmails, wantBounces)
	}
}

func TestPartsOfALogThatAreImportedSeparatelyGiveTheSameRows(t *testing.T) {
	t.Parallel()
	for name, log := range map[string]string{"postfix": postfixLog, "exim": eximLog} {
		whole := newShop(t)
		whole.take(t, importer.Options{}, file(t, log))
		lines := slices.Collect(strings.Lines(log))
		for cut := 1; cut < len(lines); cut++ {
			begin, end := file(t, strings.Join(lines[:cut], "")), file(t, strings.Join(lines[cut:], ""))
			s := newShop(t)
			s.take(t, importer.Options{Format: name}, begin)
			s.take(t, importer.Options{Format: name}, end)
			sameRows(t, s, whole)
			// The message has left the queue, so that only the store knows who sent it.
			if sum := s.take(t, importer.Options{Format: name}, end); sum.New+sum.Replaced > 0 {
				t.Errorf("%s, cut after line %d: the second part again gives %+v", name, cut, sum.Written)
			}
			sameRows(t, s, whole)
			s.take(t, importer.Options{Format: name}, begin)
			sameRows(t, s, whole)
		}
	}
}

// A message that the log does not complete is kept for a limited time.
func TestUnfinishedMessagesAreKeptForThirtyDays(t *testing.T) {
	t.Parallel()
	begin := strings.ReplaceAll(logBegin, "2026", "2024")
	later := strings.NewReplacer("4B1ED9C4292", "5C1ED9C4293", "2024-11-10", "2024-12-11").Replace(begin)
	s := newShop(t)
	for _, step := range []struct {
		log  string
		want []string
	}{
		{begin, []string{"queue/postfix/mx1/4B1ED9C4292"}},
		{later, []string{"queue/postfix/mx1/5C1ED9C4293"}},
	} {
		s.take(t, importer.Options{}, file(t, step.log))
		state, err := s.State(t.Context(), "queue/")
		if err != nil {
			t.Fatal(err)
		}
		var keys []string
		for key := range state {
			keys = append(keys, key)
		}
		if !slices.Equal(keys, step.want) {
			t.Errorf("the store keeps %q, want %q", keys, step.want)
		}
	}
	s.take(t, importer.Options{}, file(t, strings.ReplaceAll(postfixLog, "4B1ED9C4292", "5C1ED9C4293")))
	if state, err := s.State(t.Context(), "queue/"); err != nil || len(state) > 0 {
		t.Errorf("the store keeps %q of messages that have left the queue, %v", state, err)
	}
}

// Postfix names the recipient after aliases too, and its clock may differ by a second from the log.
const postfixMail = `Date: Tue, 10 Nov 2026 10:00:02 +0000
From: MAILER-DAEMON@mx1.example.com
To: news@example.com
Subject: Undelivered Mail Returned to Sender
Content-Type: multipart/report; report-type=delivery-status; boundary="b"
Message-Id: <20261110100002.A02F49C42A5@mx1.example.com>

--b
Content-Type: message/delivery-status

Reporting-MTA: dns; mx1.example.com
X-Postfix-Queue-ID: 4B1ED9C4292
X-Postfix-Sender: rfc822; news@example.com
Arrival-Date: Tue, 10 Nov 2026 10:00:0{s} +0000

Final-Recipient: rfc822; b@example.net
Action: failed
Status: 5.1.1
Diagnostic-Code: smtp; 550 5.1.1 User unknown

--b
Content-Type: message/rfc822

From: The News <news-desk@example.com>
To: c@example.net, a@example.net, b@example.net
Message-ID: <1@app.example.com>
Date: Tue, 10 Nov 2026 10:00:01 +0000

Hello
--b--
`

// The last reply of a server says more than that the time ran out. A failed connection does not.
func TestExpiredMailHasOneCategoryInTheLogAndInItsBounceMail(t *testing.T) {
	t.Parallel()
	for _, c := range []struct{ code, log, report, want string }{
		{
			"4.2.2", "host mx.example.net[192.0.2.1] said: 452 4.2.2 The account is over quota " +
				"(in reply to RCPT TO command)",
			"smtp; 452 4.2.2 The account is over quota", "soft quota-issues",
		},
		{
			"4.2.2", "delivery temporarily suspended: host mx.example.net[192.0.2.1] said: 452 4.2.2 The account is " +
				"over quota (in reply to RCPT TO command)",
			"X-Postfix; delivery temporarily suspended: host mx.example.net[192.0.2.1] said: 452 4.2.2 The account " +
				"is over quota (in reply to RCPT TO command)", "soft quota-issues",
		},
		{
			"4.4.1", "connect to mx.example.net[192.0.2.1]:25: Connection timed out",
			"X-Postfix; connect to mx.example.net[192.0.2.1]:25: Connection timed out", "soft message-expired",
		},
		{
			"4.0.0", "host mx.example.net[192.0.2.1] said: 442 Blah blah (in reply to RCPT TO command)",
			"smtp; 442 Blah blah", "soft message-expired",
		},
	} {
		log := file(t,
			`Nov 10 10:00:01 mx1 postfix/qmgr[3]: 4B1ED9C4292: from=<news@example.com>, size=1, nrcpt=1 (queue active)
Nov 10 10:00:02 mx1 postfix/smtp[4]: 4B1ED9C4292: to=<b@example.net>, relay=none, delay=1, delays=1/0/0/0, dsn=`+c.code+
				", status=deferred ("+c.log+`)
Nov 10 10:00:03 mx1 postfix/qmgr[3]: 4B1ED9C4292: from=<news@example.com>, status=expired, returned to sender
Nov 10 10:00:03 mx1 postfix/qmgr[3]: 4B1ED9C4292: removed
`)
		mail := file(t, strings.NewReplacer("{s}", "1", "5.1.1\n", c.code+"\n",
			"smtp; 550 5.1.1 User unknown", c.report, "10:00:02", "10:00:03").Replace(postfixMail))
		for _, files := range [][]string{{log}, {mail}, {log, mail}, {mail, log}} {
			s := newShop(t)
			s.take(t, importer.Options{}, files...)
			s.want(t, "b@example.net 1 false", "b@example.net 1 "+c.want)
		}
	}
}

func TestALogAndABounceMailOfOneFailureGiveOneBounce(t *testing.T) {
	t.Parallel()
	log := file(t, postfixLog)
	mail := file(t, strings.ReplaceAll(postfixMail, "{s}", "1"))
	late := file(t, strings.ReplaceAll(postfixMail, "{s}", "2"))
	const sent, earlier = "Date: Tue, 10 Nov 2026 10:00:01", "Date: Tue, 10 Nov 2026 09:00:01"
	old := file(t, strings.NewReplacer("{s}", "2", sent, earlier).Replace(postfixMail))
	for name, imports := range map[string][][]string{
		"together": {{log, mail}}, "the log first": {{log}, {mail}}, "the mail first": {{mail}, {log}},
		"the log first, and clocks that differ": {{log}, {late}},
		"the log first, and an older date":      {{log}, {old}},
		"again and again":                       {{log}, {mail}, {log}, {mail}, {log, mail}},
	} {
		s := newShop(t)
		for _, files := range imports {
			s.take(t, importer.Options{}, files...)
		}
		emails, bounces := s.all(t)
		if len(emails) != 3 || len(bounces) != 1 || emails[0].ProcessTime != emails[2].ProcessTime {
			t.Errorf("%s: %+v, %+v", name, emails, bounces)
			continue
		}
		if d, err := storetest.API(s).Bounce(t.Context(), bounces[0].Key()); err != nil || d.FullContent == "" {
			t.Errorf("%s: the bounce has no content: %v, %+v", name, err, d)
		}
	}
}

// An alias may have several addresses, which fail separately.
func TestALogAndABounceMailOfAnAliasGiveABounceForEachOfItsAddresses(t *testing.T) {
	t.Parallel()
	group := "Final-Recipient: rfc822; x@one.example\nOriginal-Recipient: rfc822; b@example.net\n" +
		"Action: failed\nStatus: 5.1.1\nDiagnostic-Code: smtp; 550 5.1.1 User unknown\n\n"
	to := "2026-11-10T10:00:02Z mx1 postfix/smtp[4]: 4B1ED9C4292: to=<x@one.example>, orig_to=<b@example.net>, " +
		"relay=mx[192.0.2.1]:25, delay=1, delays=1/0/0/0, dsn=5.1.1, " +
		"status=bounced (host mx[192.0.2.1] said: 550 5.1.1 User unknown (in reply to RCPT TO command))\n"
	other := strings.NewReplacer("x@one.example", "y@two.example")
	const from = "2026-11-10T10:00:01Z mx1 postfix/qmgr[3]: 4B1ED9C4292: "
	log := file(t, from+"from=<news@example.com>, size=1, nrcpt=2 (queue active)\n"+to+other.Replace(to)+
		from+"removed\n")
	begin, end, _ := strings.Cut(strings.ReplaceAll(postfixMail, "{s}", "1"), "Final-Recipient")
	_, end, _ = strings.Cut(end, "\n\n")
	mail := file(t, begin+group+other.Replace(group)+strings.ToUpper(group)+end)
	for _, imports := range [][][]string{{{log}}, {{mail}}, {{log, mail}}, {{log}, {mail}}, {{mail}, {log}, {mail}}} {
		s := newShop(t)
		for _, files := range imports {
			s.take(t, importer.Options{}, files...)
		}
		s.want(t, "b@example.net 1 false", "b@example.net 1 false", "b@example.net 1 hard bad-mailbox",
			"b@example.net 1 hard bad-mailbox")
	}
}

// Imports remember the recipients of unfinished messages, which are personal data like rows.
func TestErasedRecipientsAndOldMessagesAreForgotten(t *testing.T) {
	t.Parallel()
	path := filepath.Join(t.TempDir(), "events.db")
	s := &shop{Store: open(t, path)}
	verp := strings.NewReplacer("4B1ED9C4292", "6D1ED9C4294", "news@", "bounces+c=example.net@",
		"c@example.net", "d@example.net").Replace(logBegin)
	s.take(t, importer.Options{}, file(t, logBegin+verp))
	for _, dry := range []bool{true, false} {
		if n, err := s.Erase(t.Context(), "C@example.net", dry); err != nil || n.Unfinished != 2 {
			t.Fatalf("dry %v: it gives %+v, %v", dry, n, err)
		}
	}
	for _, suffix := range []string{"", "-wal"} {
		image, _ := os.ReadFile(path + suffix)
		if strings.Contains(string(image), "c@example.net") || strings.Contains(string(image), "c=example.net") {
			t.Errorf("the address is in the file%s", suffix)
		}
	}
	state, err := s.State(t.Context(), "queue/")
	if kept := state["queue/postfix/mx1/4B1ED9C4292"]; err != nil || len(state) != 1 ||
		!strings.Contains(kept, "b@example.net") || !strings.Contains(kept, "news@example.com") {
		t.Errorf("the store keeps %q, %v", state, err)
	}
	s.take(t, importer.Options{}, file(t, logEnd+"2026-11-20T12:00:05Z mx1 postfix/qmgr[3]: 4B1ED9C4292: "+
		"from=<news@example.com>, status=expired, returned to sender\n"))
	if rows := fmt.Sprint(s.rows(t)); strings.Contains(rows, "c@example.net") ||
		!strings.Contains(rows, "a@example.net 1 true") {
		t.Errorf("after the next import the store has %s", rows)
	}

	second := upstream.Time(time.Date(2026, 11, 10, 10, 0, 3, 0, time.UTC).Unix()) // of the last line
	s = newShop(t)
	s.take(t, importer.Options{}, file(t, logBegin))
	for _, step := range []struct {
		before upstream.Time
		kept   int
	}{{second, 1}, {second + 1, 0}} {
		if _, err := s.Prune(t.Context(), step.before, false); err != nil {
			t.Fatal(err)
		}
		if state, err := s.State(t.Context(), "queue/"); err != nil || len(state) != step.kept {
			t.Errorf("pruned before %d, the store keeps %q, %v", step.before, state, err)
		}
	}
}
