package postfix_test

import (
	"fmt"
	"slices"
	"strings"
	"testing"
	"time"

	"github.com/google/go-cmp/cmp"

	"deliverygraph/upstream/embedded/importer/format"
	"deliverygraph/upstream/embedded/importer/format/formattest"
	"deliverygraph/upstream/embedded/importer/format/postfix"
)

var options = format.Options{Now: time.Date(2026, 11, 29, 17, 27, 0, 0, time.UTC)}

func read(t *testing.T, texts ...string) *formattest.Sink {
	t.Helper()
	for i, text := range texts {
		texts[i] = formattest.Unwrap(text)
	}
	return formattest.Read(t, postfix.Format, options, texts...)
}

// outcomes are the records in short: "recipient outcome".
func outcomes(s *formattest.Sink) (all []string) {
	for _, r := range s.Records {
		all = append(all, r.Recipient+" "+[...]string{"accepted", "delivered", "bounced", "blocked"}[r.Outcome])
	}
	return all
}

func want(t *testing.T, s *formattest.Sink, want ...string) {
	t.Helper()
	if got := outcomes(s); !slices.Equal(got, want) {
		t.Errorf("got %q, want %q; bad: %q, skipped: %v", got, want, s.Bads, s.Skipped)
	}
}

// message is the log of a whole message: {q} is replaced by its queue id, and {t} by its recipient.
var message = formattest.Unwrap(`Nov 10 10:00:01 mx1 postfix/smtpd[1]: {q}: client=app.example.com[192.0.2.9]
Nov 10 10:00:01 mx1 postfix/cleanup[2]: {q}: message-id=<{q}@example.com>
Nov 10 10:00:01 mx1 postfix/qmgr[3]: {q}: from=<news@example.com>, size=511, nrcpt=1 (queue active)
Nov 10 10:00:04 mx1 postfix/smtp[4]: {q}: to=<{t}>, relay=mx.example.net[192.0.2.1]:25, delay=2.9, delays=0.1/0/1/1.8,
	dsn=2.0.0, status=sent (250 2.0.0 Ok)
Nov 10 10:00:04 mx1 postfix/qmgr[3]: {q}: removed
`)

func of(text, queue, to string) string {
	return strings.NewReplacer("{q}", queue, "{t}", to).Replace(text)
}

func TestLinesOfAMessageBelongTogetherOverFiles(t *testing.T) {
	text := of(message, "4B1ED9C4292", "a@example.net")
	all := strings.SplitAfter(text, "\n")
	for cut := range all {
		s := read(t, strings.Join(all[:cut], ""), strings.Join(all[cut:], ""))
		want := []format.Record{{Outcome: format.Delivered, Sender: "news@example.com",
			EmailID:   "20261110100001.4B1ED9C4292-3a915e64@mx1",
			Recipient: "a@example.net", Processed: 1794304801, Time: 1794304804}}
		if diff := cmp.Diff(want, s.Records); diff != "" {
			t.Errorf("cut before line %d (-want +got):\n%s", cut+1, diff)
		}
	}
}

func TestMissingBeginningsTakeTheTimeFromTheDelay(t *testing.T) {
	all := strings.SplitAfter(of(message, "4B1ED9C4292", "a@example.net"), "\n")
	for first, sender := range map[int]string{1: "news@example.com", 2: "news@example.com", 3: ""} {
		s := read(t, strings.Join(all[first:], ""))
		if len(s.Records) != 1 || s.Records[0].Processed != 1794304801 || s.Records[0].Sender != sender {
			t.Errorf("from line %d on: got %+v", first+1, s.Records)
		}
	}
	// The queue manager takes a deferred message up again: that is not when it arrived.
	s := read(t,
		`Nov 10 12:00:00 mx1 postfix/qmgr[3]: 4B1ED9C4292: from=<news@example.com>, size=511, nrcpt=1 (queue active)
Nov 10 12:00:01 mx1 postfix/smtp[4]: 4B1ED9C4292: to=<a@example.net>, relay=mx.example.net[192.0.2.1]:25, delay=7200,
	delays=7199/0/1/0, dsn=2.0.0, status=sent (250 Ok)
`)
	if len(s.Records) != 1 || s.Records[0].Processed != 1794304801 ||
		s.Records[0].EmailID != "20261110100001.4B1ED9C4292-3a915e64@mx1" {
		t.Errorf("got %+v", s.Records)
	}
}

func TestUnfinishedMessagesAreReportedAtTheEnd(t *testing.T) {
	s := read(t,
		`Nov 10 10:00:01 mx1 postfix/qmgr[3]: 4B1ED9C4292: from=<news@example.com>, size=511, nrcpt=2 (queue active)
Nov 10 10:00:02 mx1 postfix/smtp[4]: 4B1ED9C4292: to=<a@example.net>, relay=none, delay=1, delays=0/0/1/0, dsn=4.4.1,
	status=deferred (connect to mx.example.net[192.0.2.1]:25: Connection timed out)
Nov 10 10:00:02 mx1 postfix/smtp[4]: 4B1ED9C4292: to=<b@example.net>, relay=127.0.0.1[127.0.0.1]:10024, delay=1,
	delays=0/0/1/0, dsn=2.0.0, status=sent (250 Ok: queued as 5C1ED9C4293)
`)
	want(t, s, "a@example.net accepted", "b@example.net delivered")
}

func TestQueueIDsAreReused(t *testing.T) {
	first := of(message, "4B1ED9C4292", "a@example.net")
	later := strings.ReplaceAll(strings.ReplaceAll(of(message, "4B1ED9C4292", "b@example.net"), "Nov 10", "Nov 12"),
		"news@", "shop@")
	all := strings.SplitAfter(first, "\n")
	for name, text := range map[string]string{
		"after its removal":         first + later,
		"without its removal":       strings.Join(all[:4], "") + later,
		"without the new beginning": strings.Join(all[:4], "") + strings.Join(strings.SplitAfter(later, "\n")[3:], ""),
		"without the client":        strings.Join(all[:4], "") + strings.Join(strings.SplitAfter(later, "\n")[2:], ""),
	} {
		s := read(t, text)
		if len(s.Records) != 2 || s.Records[0].EmailID != "20261110100001.4B1ED9C4292-3a915e64@mx1" ||
			s.Records[1].EmailID != "20261112100001.4B1ED9C4292-65f46064@mx1" {
			t.Errorf("%s: got %+v", name, s.Records)
			continue
		}
		sender := "shop@example.com"
		if name == "without the new beginning" {
			sender = ""
		}
		if s.Records[1].Sender != sender {
			t.Errorf("%s: the second sender is %q, want %q", name, s.Records[1].Sender, sender)
		}
	}
}

func TestHostsGiveQueueIDsIndependently(t *testing.T) {
	a := strings.SplitAfter(of(message, "4B1ED9C4292", "a@example.net"), "\n")
	b := strings.SplitAfter(strings.ReplaceAll(of(message, "4B1ED9C4292", "b@example.net"), "mx1", "mx2.example.com"),
		"\n")
	var mixed strings.Builder
	for i := range a {
		mixed.WriteString(a[i] + b[i])
	}
	s := read(t, mixed.String())
	if len(s.Records) != 2 || s.Records[0].EmailID != "20261110100001.4B1ED9C4292-3a915e64@mx1" ||
		s.Records[1].EmailID != "20261110100001.4B1ED9C4292-65f46064@mx2" {
		t.Errorf("got %+v", s.Records)
	}
}

func TestRecipientsOfAMessageHaveIDsOfTheirOwn(t *testing.T) {
	const line = "Nov 10 10:00:04 mx1 postfix/smtp[4]: 4B1ED9C4292: to=<%d@example.net>, " +
		"relay=mx.example.net[192.0.2.1]:25, delay=2.9, delays=0.1/0/1/1.8, dsn=%s, status=%s (text)\n"
	text := strings.Join(strings.SplitAfter(message, "\n")[:3], "")
	var outcomes []string
	for i := range 100 { // all are deferred at first, then tried again in another order
		text += fmt.Sprintf(line, i, "4.0.0", "deferred")
	}
	for i := 99; i >= 0; i-- {
		text += fmt.Sprintf(line, i, "5.0.0", "bounced")
		outcomes = append(outcomes, fmt.Sprintf("%d@example.net bounced", i))
	}
	s := read(t, of(text, "4B1ED9C4292", ""))
	want(t, s, outcomes...)
	ids := map[string]bool{}
	for _, r := range s.Records {
		ids[r.EmailID] = true
	}
	if len(ids) != 100 {
		t.Errorf("100 recipients have %d ids", len(ids))
	}
}

func TestAliasesAreNamedAsTheSenderNamedThem(t *testing.T) {
	const line = "Nov 10 10:00:04 mx1 postfix/smtp[4]: 4B1ED9C4292: to=<%s>, orig_to=<%s>, " +
		"relay=mx.example.net[192.0.2.1]:25, delay=2.9, delays=0.1/0/1/1.8, dsn=5.0.0, status=bounced (text)\n"
	s := read(t, fmt.Sprintf(line, "a@example.net", "list@example.org")+fmt.Sprintf(line, "b@example.net",
		"list@example.org")+fmt.Sprintf(line, "admin@example.net", "root"))
	want(t, s, "list@example.org bounced", "list@example.org bounced", "admin@example.net bounced")
	ids := map[string]bool{}
	for _, r := range s.Records {
		ids[r.EmailID] = true
	}
	if len(ids) != 3 {
		t.Errorf("three deliveries have the ids %v", ids)
	}
}

func TestMailThatStaysOnTheMachineIsNotOutgoing(t *testing.T) {
	s := read(t, `Nov 10 10:00:04 mx1 postfix/local[4]: 4B1ED9C4292: to=<root@mx1.example.com>, orig_to=<root>,
	relay=local, delay=0.1, delays=0/0/0/0.1, dsn=2.0.0, status=sent (delivered to mailbox)
Nov 10 10:00:04 mx1 postfix/local[4]: 4B1ED9C4293: to=<root>, relay=local, delay=0.1, delays=0/0/0/0.1, dsn=2.0.0,
	status=sent (delivered to mailbox)
Nov 10 10:00:04 mx1 postfix/virtual[4]: 4B1ED9C4294: to=<a@example.com>, relay=virtual, delay=0.1, delays=0/0/0/0.1,
	dsn=2.0.0, status=sent (delivered to maildir)
Nov 10 10:00:04 mx1 postfix/pipe[4]: 4B1ED9C4295: to=<a@example.com>, relay=dovecot, delay=0.1, delays=0/0/0/0.1,
	dsn=2.0.0, status=sent (delivered via dovecot service)
Nov 10 10:00:04 mx1 postfix/lmtp[4]: 4B1ED9C4296: to=<a@example.com>, relay=mx1.example.com[private/dovecot-lmtp],
	delay=0.1, delays=0/0/0/0.1, dsn=2.0.0, status=sent (250 2.0.0 Saved)
Nov 10 10:00:04 mx1 postfix/discard[4]: 4B1ED9C4297: to=<a@example.com>, relay=none, delay=0.1, delays=0/0/0/0.1,
	dsn=2.0.0, status=sent (a@example.com)
`)
	want(t, s)
	if s.Skipped["local delivery"] != 5 || s.Skipped["discarded mail"] != 1 || len(s.Bads) > 0 {
		t.Errorf("skipped %v, bad %q", s.Skipped, s.Bads)
	}
}

func TestNoticesOfPostfixAreNotMail(t *testing.T) {
	const text = `Nov 10 10:00:01 mx1 postfix/cleanup[2]: 4B1ED9C4292:
	message-id=<20261110100001.4B1ED9C4292@mx1.example.com>
Nov 10 10:00:01 mx1 postfix/bounce[5]: 3A1ED9C4291: sender non-delivery notification: 4B1ED9C4292
Nov 10 10:00:01 mx1 postfix/qmgr[3]: 4B1ED9C4292: from=<>, size=2511, nrcpt=1 (queue active)
Nov 10 10:00:04 mx1 postfix/smtp[4]: 4B1ED9C4292: to=<a@example.net>, relay=mx.example.net[192.0.2.1]:25, delay=2.9,
	delays=0.1/0/1/1.8, dsn=4.0.0, status=deferred (text)
Nov 10 10:00:05 mx1 postfix/qmgr[3]: 4B1ED9C4292: from=<>, status=expired, returned to sender
Nov 10 10:00:05 mx1 postfix/qmgr[3]: 4B1ED9C4292: removed
Nov 10 10:00:06 mx1 postfix/qmgr[3]: 4B1ED9C4293: from=<double-bounce@mx1.example.com>, size=2511, nrcpt=1 (queue
	active)
Nov 10 10:00:06 mx1 postfix/smtp[4]: 4B1ED9C4293: to=<a@example.net>, relay=mx.example.net[192.0.2.1]:25, delay=2.9,
	delays=0.1/0/1/1.8, dsn=5.0.0, status=undeliverable (text)
`
	s := read(t, text)
	want(t, s)
	if s.Skipped["bounce message or other notice"] != 3 {
		t.Errorf("skipped %v", s.Skipped)
	}
	// A message that a client gives to Postfix without a sender is mail, such as an answer of an absent user.
	s = read(t, strings.ReplaceAll(of(message, "4B1ED9C4292", "a@example.net"), "news@example.com", ""))
	want(t, s, "a@example.net delivered")
}

func TestContentFiltersDoNotDoubleMail(t *testing.T) {
	const (
		before = "Nov 10 10:00:00 mx1 postfix/qmgr[3]: 3A1ED9C4291: from=<news@example.com>, size=500, " +
			"nrcpt=1 (queue active)\n"
		handover = "Nov 10 10:00:02 mx1 postfix/smtp[4]: 3A1ED9C4291: to=<a@example.net>, " +
			"relay=127.0.0.1[127.0.0.1]:10024, delay=2, delays=0/0/0/2, dsn=2.0.0, " +
			"status=sent (250 2.0.0 from MTA(smtp:[127.0.0.1]:10025): 250 2.0.0 Ok: queued as 4B1ED9C4292)\n"
		after = "Nov 10 10:00:02 mx1 postfix/qmgr[3]: 3A1ED9C4291: removed\n"
	)
	filtered := of(message, "4B1ED9C4292", "a@example.net")
	first, rest, _ := strings.Cut(filtered, "\n")
	for name, text := range map[string]string{
		"in order":                    before + first + "\n" + handover + after + rest,
		"handed over before its line": before + handover + first + "\n" + after + rest,
		"handed over after its end":   before + filtered + handover + after,
	} {
		s := read(t, text)
		want(t, s, "a@example.net delivered")
		if len(s.Records) == 1 && s.Records[0].EmailID != "20261110100001.4B1ED9C4292-3a915e64@mx1" ||
			s.Skipped["delivery to a content filter"] != 1 {
			t.Errorf("%s: got %+v, skipped %v", name, s.Records, s.Skipped)
		}
	}
	// Another server on this machine is not a filter.
	want(t, read(t, before+handover+after), "a@example.net delivered")
}

func TestDeferralsAreNotBounces(t *testing.T) {
	const deferred = "Nov 10 10:0%d:00 mx1 postfix/smtp[4]: {q}: to=<{t}>, relay=mx.example.net[192.0.2.1]:25, " +
		"delay=2.9, delays=0.1/0/1/1.8, dsn=4.2.0, status=deferred (host mx.example.net[192.0.2.1] said: 450 4.2.0 " +
		"Greylisted (in reply to RCPT TO command))\n"
	all := strings.SplitAfter(message, "\n")
	begin, end := strings.Join(all[:3], ""), strings.Join(all[3:], "")
	text := begin
	for i := range 9 {
		text += fmt.Sprintf(deferred, i)
	}
	s := read(t, of(text+strings.ReplaceAll(end, "delay=2.9", "delay=603"), "4B1ED9C4292", "a@example.net"))
	want(t, s, "a@example.net delivered")
	if s.Skipped["deferral"] != 9 {
		t.Errorf("skipped %v", s.Skipped)
	}
	for status, outcome := range map[string]string{"SOFTBOUNCE": "accepted", "bounced": "bounced",
		"expired": "bounced", "force-expired": "bounced", "unheard-of": ""} {
		s := read(t, of(begin+strings.ReplaceAll(fmt.Sprintf(deferred, 1), "deferred", status), "4B1ED9C4292",
			"a@example.net"))
		if got := strings.Join(outcomes(s), ""); got != strings.TrimSpace("a@example.net "+outcome) &&
			outcome != "" || outcome == "" && got != "" {
			t.Errorf("status=%s: got %q", status, got)
		}
	}
}

func TestDiagnosticsAreWhatServersSaid(t *testing.T) {
	for text, want := range map[string]string{
		"host mx.example.net[192.0.2.1] said: 550 5.1.1 <a@example.net>: User unknown (in reply to RCPT " +
			"TO command)": "smtp;550 5.1.1 <a@example.net>: User unknown",
		"host mx.example.net[192.0.2.1] refused to talk to me: 554 5.7.1 No " +
			"(see (here))": "smtp;554 5.7.1 No (see (here))",
		"delivery temporarily suspended: host mx.example.net[192.0.2.1] said: 450 Later (in reply to MAIL " +
			"FROM command)": "smtp;450 Later",
		"Host or domain name not found. Name service error for name=example.net type=A: Host " +
			"not found": "Host or domain name not found. Name service error for name=example.net type=A: Host " +
			"not found",
		"host mx.example.net[192.0.2.1] said: 550-first#012550 second (in reply to end of " +
			"DATA command)": "smtp;550-first 550 second",
		"user unknown": "user unknown",
		"message size 123 exceeds size limit 100 of server mx.example.net[192.0.2.1]": "message size 123 exceeds " +
			"size limit 100 of server mx.example.net[192.0.2.1]",
	} {
		s := read(t, strings.ReplaceAll(of(message, "4B1ED9C4292", "a@example.net"),
			"dsn=2.0.0, status=sent (250 2.0.0 Ok)", "dsn=5.1.1, status=bounced ("+text+")"))
		if len(s.Records) != 1 || s.Records[0].Diagnostic != want {
			t.Errorf("%q: got %+v, want %q", text, s.Records, want)
		}
	}
	// Syslog cuts long lines off.
	s := read(t,
		"Nov 10 10:00:04 mx1 postfix/smtp[4]: 4B1ED9C4292: to=<a@example.net>, relay=mx[192.0.2.1]:25, delay=2, "+
			"delays=0/0/1/1, dsn=5.7.1, status=bounced (host mx[192.0.2.1] said: 550 5.7.1 Our system has det")
	if len(s.Records) != 1 || s.Records[0].Diagnostic != "smtp;550 5.7.1 Our system has det" {
		t.Errorf("got %+v", s.Records)
	}
}

func TestEveryWayOfNamingServicesAndIDs(t *testing.T) {
	for _, service := range []string{"postfix/smtp", "postfix-out/smtp", "postfix/relay/smtp", "postfix/error",
		"mta/smtp"} {
		for _, id := range []string{"4B1ED9C4292", "4B1ED9", "4cDCnd66Hyz1XPWFF", "3ZvNbk0zGyz8Tk"} {
			s := read(t, strings.ReplaceAll(of(message, id, "a@example.net"), "postfix/smtp[", service+"["))
			want(t, s, "a@example.net delivered")
		}
	}
}

func TestOtherLinesAreSkipped(t *testing.T) {
	s := read(t, `Nov 10 10:00:04 mx1 postfix/smtpd[4]: NOQUEUE: reject: RCPT from unknown[192.0.2.9]: 554 5.7.1
	<a@example.net>: Relay access denied; from=<b@example.org> to=<a@example.net> proto=ESMTP helo=<x>
Nov 10 10:00:04 mx1 postfix/smtpd[4]: warning: hostname x does not resolve to address 192.0.2.9
Nov 10 10:00:04 mx1 postfix/smtpd[4]: connect from unknown[192.0.2.9]
Nov 10 10:00:04 mx1 postfix/anvil[4]: statistics: max connection rate 1/60s
Nov 10 10:00:04 mx1 postfix/smtp[4]: 4B1ED9C4292: host mx.example.net[192.0.2.1] said: 450 4.7.1 Greylisted (in reply
	to RCPT TO command)
Nov 10 10:00:04 mx1 dovecot: lmtp(a@example.com)<1><2>: msgid=<3>: saved mail to INBOX
Nov 10 10:00:04 mx1 last message repeated 3 times
Nov 10 10:00:04 mx1 postfix/smtp[4]: message repeated 2 times: [ 4B1ED9C4292: to=<a@example.net>, relay=none, delay=1,
	delays=0/0/1/0, dsn=5.0.0, status=bounced (text)]
Nov 10 10:00:04 mx1 postfix/smtpd[4]: 4B1ED9C4299: client=app.example.com[192.0.2.9]
Nov 10 10:00:04 mx1 postfix/cleanup[4]: 4B1ED9C4299: milter-reject: END-OF-MESSAGE from app.example.com[192.0.2.9]:
	5.7.1 Spam; from=<b@example.org> to=<a@example.net> proto=ESMTP helo=<x>
`)
	want(t, s)
	if len(s.Bads) > 0 || s.Skipped["mail refused on arrival"] != 2 || s.Skipped["repeated line"] != 2 ||
		s.Skipped["line of another program"] != 1 || s.Skipped["line about no delivery"] != 4 {
		t.Errorf("skipped %v, bad %q", s.Skipped, s.Bads)
	}
}

func TestRepeatedLinesChangeNothing(t *testing.T) {
	var twice strings.Builder
	for line := range strings.Lines(of(message, "4B1ED9C4292", "a@example.net")) {
		twice.WriteString(line + line)
	}
	want(t, read(t, twice.String()), "a@example.net delivered")
	again := of(message, "4B1ED9C4292", "a@example.net")
	s := read(t, again, again)
	if len(s.Records) == 2 && !cmp.Equal(s.Records[0], s.Records[1]) || len(s.Records) > 2 {
		t.Errorf("a log that is read again gives %+v", s.Records)
	}
}

func TestRequeuedMailIsThereOnce(t *testing.T) {
	s := read(t,
		`Nov 10 10:00:01 mx1 postfix/qmgr[3]: 4B1ED9C4292: from=<news@example.com>, size=511, nrcpt=1 (queue active)
Nov 10 10:00:02 mx1 postfix/smtp[4]: 4B1ED9C4292: to=<a@example.net>, relay=none, delay=1, delays=0/0/1/0, dsn=4.4.1,
	status=deferred (connect to mx.example.net[192.0.2.1]:25: Connection timed out)
Nov 10 10:05:00 mx1 postfix/postsuper[9]: 4B1ED9C4292: requeued
`+strings.ReplaceAll(of(message, "5C1ED9C4293", "a@example.net"), "10:00:0", "10:05:0"))
	want(t, s, "a@example.net delivered")
}

func TestBadLinesAreReportedAndSkipped(t *testing.T) {
	s := read(t, "garbage\n"+`Nov 10 10:00:04 mx1 postfix/smtp[4]: 4B1ED9C4292: to=<a@example.net>, relay=none,
	delay=x, status=bounced (text)
Nov 10 10:00:04 mx1 postfix/smtp[4]: 4B1ED9C4292: to=<a>, relay=none, delay=1, delays=0/0/1/0, dsn=5.0.0,
	status=bounced (text)
`+of(message, "4B1ED9C4292", "a@example.net"))
	want(t, s, "a@example.net delivered")
	if !slices.Equal(s.BadAt, []int{1, 2, 3}) {
		t.Errorf("bad lines %v: %q", s.BadAt, s.Bads)
	}
}

func TestRecogniseTakesLogsOnly(t *testing.T) {
	for head, want := range map[string]bool{
		message: true, "cut off\n" + message: true, message[:60]: true, "": false, "Return-Path: <>\n": false,
		`{"kind": "email"}` + "\n": false,
		`{"__REALTIME_TIMESTAMP":"1769376322404714","MESSAGE":"x"}` + "\n":                                    false,
		`{"__REALTIME_TIMESTAMP":"1769376322404714","SYSLOG_IDENTIFIER":"postfix/qmgr","MESSAGE":"x"}` + "\n": true,
		"Nov 10 10:00:04 mx1 dovecot: imap-login: x\n":                                                        true,
		"Nov 10 10:00:04 mx1 kernel: x\n":                                                                     false,
		"type,timeLogged\n":                                                                                   false,
	} {
		if postfix.Format.Recognise([]byte(head)) != want {
			t.Errorf("Recognise(%.40q) = %v", head, !want)
		}
	}
}

// Files of a log that was rotated twice within a moment may be read in the wrong order.
func TestDeliveriesAfterTheEndOfTheirMessageCount(t *testing.T) {
	lines := strings.SplitAfter(of(message, "4B1ED9C4292", "a@example.net"), "\n")
	deferral := strings.NewReplacer("status=sent", "status=deferred", "dsn=2.0.0", "dsn=4.0.0").Replace(lines[3])
	s := read(t, strings.Join(lines[:3], "")+deferral+strings.Join(lines[4:], "")+lines[3])
	want(t, s, "a@example.net accepted", "a@example.net delivered")
}
