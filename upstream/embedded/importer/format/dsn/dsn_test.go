package dsn

import (
	"bufio"
	"fmt"
	"os"
	"path/filepath"
	"slices"
	"strings"
	"testing"
	"time"

	"deliverygraph/upstream"
	"deliverygraph/upstream/embedded/importer/format"
)

// sink keeps what it is sent.
type sink struct {
	records []format.Record
	lines   []int
	skipped []string
	bad     []string
}

func (s *sink) Record(line int, r format.Record) error {
	s.records, s.lines = append(s.records, r), append(s.lines, line)
	return nil
}
func (s *sink) Skip(reason string) { s.skipped = append(s.skipped, reason) }
func (s *sink) Bad(line int, reason string) error {
	s.bad = append(s.bad, fmt.Sprintf("%d: %s", line, reason))
	return nil
}

func read(t testing.TB, text string) *sink {
	t.Helper()
	s := &sink{}
	r := bufio.NewReaderSize(strings.NewReader(text), 64<<10)
	err := Format.New(format.Options{}).Read(t.Context(), format.File{Reader: r}, s)
	if err != nil {
		t.Fatal(err)
	}
	return s
}

func example(t testing.TB, name string) string {
	t.Helper()
	text, err := os.ReadFile(filepath.Join("testdata", name))
	if err != nil {
		t.Fatal(err)
	}
	return string(text)
}

// row is the part of a record that tests compare.
type row struct{ id, recipient, code, diagnostic string }

func rows(s *sink) (all []row) {
	for _, r := range s.records {
		all = append(all, row{r.EmailID, r.Recipient, r.Code, r.Diagnostic})
	}
	return all
}

const (
	sent    = upstream.Time(1479772799) // in the examples
	bounced = upstream.Time(1479772803)
)

func TestReportYieldsEachFailedRecipient(t *testing.T) {
	s := read(t, example(t, "report.eml"))
	want := []row{
		{"20161122000000.364B89C4292-623465a0@mx1", "gone+news@example.org", "5.1.1",
			"smtp; 550 5.1.1 <gone@example.org>: Recipient address rejected: User unknown"},
		{"20161122000000.364B89C4292-185e89f8@mx1", "full@example.org", "5.2.2", "smtp; 552 5.2.2 Over quota"},
	}
	if got := rows(s); !slices.Equal(got, want) {
		t.Errorf("got  %q\nwant %q", got, want)
	}
	if want := []string{"delay notice", "delivery receipt"}; !slices.Equal(s.skipped, want) || len(s.bad) > 0 {
		t.Errorf("skipped %q, bad %q", s.skipped, s.bad)
	}
	r := s.records[0]
	if r.Outcome != format.Bounced || r.Sender != "bounces@example.com" || r.Time != bounced ||
		r.Processed != sent+1 { // as in the mail log
		t.Errorf("%v from %s, accepted at %d, bounced at %d", r.Outcome, r.Sender, r.Processed, r.Time)
	}
	if want := []upstream.Header{{Name: "X-Campaign", Value: "spring"}, {Name: "X-Greeting",
		Value: "Grüße"}}; !slices.Equal(r.Headers, want) {
		t.Errorf("headers %q, want %q", r.Headers, want)
	}
	if r.Content != example(t, "report.eml") {
		t.Error("the content is not the whole message")
	}
}

func TestNoticesWithoutAReportAreRead(t *testing.T) {
	for file, want := range map[string][]row{
		"exim.eml": {{"mail-1@news.example.com", "gone@example.org", "5.1.1", "host mx.example.org [192.0.2.1] SMTP " +
			"error from remote mail server after RCPT TO:<gone@example.org>: 550 5.1.1 User unknown"}},
		"gmail.eml": {{"mail-1@news.example.com", "gone@example.org", "5.1.1",
			"Technical details of permanent failure: " +
				"Google tried to deliver your message, but it was rejected by the server for the recipient domain " +
				"example.org " +
				"by mx.example.org. The error was: 550 550 5.1.1 User unknown (state 14)."}},
		"notes.eml": {{"bounce-20161122000003", "gone@example.org", "", "because: User gone (gone@example.org) not " +
			"listed in Domino Directory"}},
		"novell.eml": {{"bounce-20161122000003", "gone@example.org", "",
			"The message that you sent was undeliverable to " +
				"the following: gone (user not found)"}},
		"nomime.eml": {{"mail-1@news.example.com", "gone@example.org", "5.4.7",
			"The following addresses had permanent fatal " +
				"errors gone@example.org"}},
		"qmail.eml": {
			{"mail-1@news.example.com", "gone@example.org", "5.1.1", "Sorry, no mailbox here by that name. (#5.1.1)"},
			{"mail-1@news.example.com-2", "full@example.org", "5.2.2",
				"192.0.2.1 does not like recipient. Remote host " +
					"said: 552 5.2.2 Mailbox full Giving up on 192.0.2.1."},
		},
		"exchange.eml": {{"bounce-20161122000003", "gone@example.org", "",
			"c=US;a= ;p=EX;o=EX;dda:SMTP=gone@example.org; on Mon, 21 Nov 2016 19:00:02 -0500 The recipient " +
				"name is not " +
				"recognized The MTS-ID of the original message is: c=us;a= ;p=ex;l=GW MSEXCH:IMS:EX:GW:GW 0 " +
				"(000C05A6) " +
				"Unknown Recipient"}},
		"sendmail.eml": {
			{"bounce-20161122000003", "gone@example.org", "", "RCPT To:<gone@example.org> 550 No such user here 550 " +
				"<gone@example.org>... User unknown"},
			{"bounce-20161122000003-2", "other@example.net", "",
				"554 Go away, spammer 554 <other@example.net>... Remote " +
					"protocol error"},
		},
		"james.eml": {{"b1@example.org", "gone@example.org", "",
			"Error message below: 550 Requested action not taken: " +
				"no such user here Message details: Subject: Hello Sent date: Mon Nov 21 23:59:59 GMT 2016 " +
				"MAIL FROM: " +
				"news@example.com RCPT TO: gone@example.org From: News <news@example.com> To: gone@example.org Size " +
				"(in bytes): " +
				"1024"}},
		"messaging.eml": {{"b1@example.org", "gone@example.org", "", "Recipient address: gone@ims-ms-daemon Original " +
			"address: gone@example.org Reason: Over quota"}},
		"marshal.eml": {{"b1@example.org", "gone@example.org", "5.1.1", "Could not be delivered because of 550 5.1.1 " +
			"User unknown The following recipients were affected: gone@example.org Additional Information " +
			"Original Sender: " +
			"<news@example.com>"}},
		"passedon.eml": {{"mail-1@news.example.com", "gone@example.org", "5.1.1", "smtp; 550 5.1.1 User unknown"}},
		"damaged.eml":  {{"bounce-20161122000003", "gone@example.org", "5.1.1", "smtp; 550 5.1.1 gone"}},
	} {
		t.Run(file, func(t *testing.T) {
			text := example(t, file)
			for kind, text := range map[string]string{"": text, "with CRLF": strings.ReplaceAll(text, "\n", "\r\n"),
				"with CR alone": strings.ReplaceAll(text, "\n", "\r")} {
				s := read(t, text)
				if got := rows(s); !slices.Equal(got, want) {
					t.Fatalf("%s\ngot  %q\nwant %q\nskipped %q, bad %q", kind, got, want, s.skipped, s.bad)
				}
				if r := s.records[0]; r.Sender != "news@example.com" && file != "damaged.eml" || r.Time != bounced {
					t.Errorf("from %s at %d", r.Sender, r.Time)
				}
			}
		})
	}
}

func TestOtherMailsAreSkippedWithAReason(t *testing.T) {
	const head = "From: MAILER-DAEMON@example.com\nTo: news@example.com\nDate: Tue, 22 Nov 2016 00:00:03 +0000\n"
	for reason, text := range map[string]string{
		"complaint report (ARF)": head + "Content-Type: multipart/report; report-type=feedback-report; " +
			"boundary=b\n\n--b\n\nspam\n--b\nContent-Type: message/feedback-report\n\nFeedback-Type: abuse\n\n--b--\n",
		"read receipt": head + "Content-Type: multipart/report; report-type=disposition-notification; " +
			"boundary=b\n\n--b\n\nread\n--b--\n",
		"automatic reply": "From: jane@example.org\nTo: news@example.com\nAuto-Submitted: auto-replied\nSubject: " +
			"Re: Hello\n\nI am away.\n",
		"not a bounce message": "From: jane@example.org\nTo: news@example.com\nSubject: Re: Hello\n\nThank you!\n",
		"delay notice": head + "Subject: Warning: could not send message for past 4 " +
			"hours\n\n<slow@example.org>:\nConnection timed out\n",
		"delivery receipt": head + "Subject: Delivery report\n\nFinal-Recipient: rfc822; fine@example.org\nAction: " +
			"delivered\nStatus: 2.0.0\n",
	} {
		if s := read(t, text); len(s.records) > 0 || !slices.Equal(s.skipped, []string{reason}) || len(s.bad) > 0 {
			t.Errorf("%s: %d records, skipped %q, bad %q", reason, len(s.records), s.skipped, s.bad)
		}
	}
}

func TestIncompleteBouncesAreReported(t *testing.T) {
	for want, text := range map[string]string{
		"1: the bounce message names no recipient": "From: MAILER-DAEMON@example.com\nSubject: " +
			"Undelivered mail\nDate: Tue, 22 Nov 2016 00:00:03 +0000\n\nSorry.\n",
		"1: the bounce message has no date": "From: MAILER-DAEMON@example.com\nSubject: " +
			"Undelivered mail\n\n<gone@example.org>: unknown\n",
		"1: the bounce message's recipient 5551234 has no domain": "From: MAILER-DAEMON\nSubject: Undelivered " +
			"mail\nDate: Tue, 22 Nov 2016 00:00:03 +0000\n\nFinal-Recipient: fax; " +
			"5551234\nAction: failed\nStatus: 5.0.0\n",
		"2: the bounce message names no recipient": "From MAILER-DAEMON Tue Nov 22 00:00:03 2016\nFrom: " +
			"MAILER-DAEMON@example.com\nSubject: Undelivered mail\nDate: Tue, 22 Nov 2016 00:00:03 +0000\n\nSorry.\n",
	} {
		if s := read(t, text); len(s.records) > 0 || !slices.Equal(s.bad, []string{want}) {
			t.Errorf("%d records, skipped %q, bad %q, want %q", len(s.records), s.skipped, s.bad, want)
		}
	}
}

func TestBounceWithoutADateUsesTheReturnedMessage(t *testing.T) {
	s := read(t, "From: MAILER-DAEMON@example.com\nSubject: Undelivered mail\n\n<gone@example.org>: unknown\n\n"+
		"Received: from a by b; Tue, 22 Nov 2016 00:00:03 +0000\nReceived: from c by a; Mon, "+
		"21 Nov 2016 23:59:59 +0000\n"+
		"Message-ID: <mail-1@news.example.com>\nFrom: news@example.com\nTo: gone@example.org\n\nHello\n")
	if len(s.records) != 1 || s.records[0].Time != bounced || s.records[0].Processed != sent {
		t.Errorf("records %+v, bad %q", s.records, s.bad)
	}
}

func TestDiagnosticIsFoundUnderAnAlias(t *testing.T) {
	s := read(t, "From: MAILER-DAEMON@example.com\nX-Failed-Recipients: gone@example.net\nSubject: Mail delivery "+
		"failed\nDate: Tue, 22 Nov 2016 00:00:03 +0000\n\nThis is a permanent error.\n\n  gone@example.org\n    554 "+
		"Header error\n")
	if got := rows(s); len(got) != 1 || got[0].recipient != "gone@example.net" ||
		got[0].diagnostic != "554 Header error" {
		t.Errorf("%q", got)
	}
}

func TestJapaneseWithoutACharsetIsDecoded(t *testing.T) {
	const unknown = "\x1b$B%f!<%6!<$,8+$D$+$j$^$;$s\x1b(B" // in ISO-2022-JP
	s := read(t,
		"From: MAILER-DAEMON@example.com\nSubject: Undelivered mail\nDate: Tue, 22 Nov 2016 00:00:03 +0000\n\n"+
			"Final-Recipient: rfc822; gone@example.org\nAction: failed\nDiagnostic-Code: X-Notes; "+unknown+"\n")
	if got := rows(s); len(got) != 1 || got[0].diagnostic != "X-Notes; ユーザーが見つかりません" {
		t.Errorf("%q", got)
	}
	s = read(t, "From: MAILER-DAEMON@example.com\nSubject: Undelivered mail\nDate: Tue, 22 Nov 2016 00:00:03 +0000\n\n"+
		"<gone@example.org>: "+unknown+"\n")
	if got := rows(s); len(got) != 1 || got[0].diagnostic != "ユーザーが見つかりません" {
		t.Errorf("%q", got)
	}
}

func TestMboxIsSplitIntoMails(t *testing.T) {
	const from = "From MAILER-DAEMON  Tue Nov 22 00:00:03 2016\n"
	exim := strings.Replace(example(t, "exim.eml"), "\nHello\n", "\n>From here on\nFrom there Tue 10:00 2016\n\nFrom "+
		"me to you\n>>From x\n", 1)
	s := read(t, from+exim+"\n"+from+example(t, "qmail.eml")+"\n"+from+example(t, "gmail.eml"))
	second := 2 + strings.Count(exim, "\n") + 2
	third := second + strings.Count(example(t, "qmail.eml"), "\n") + 2
	if want := []int{2, second, second, third}; !slices.Equal(s.lines, want) {
		t.Fatalf("mails begin on lines %d, want %d: skipped %q, bad %q", s.lines, want, s.skipped, s.bad)
	}
	if content := s.records[0].Content; !strings.HasSuffix(content, "\nFrom here on\nFrom there Tue 10:00 "+
		"2016\n\nFrom me to you\n>From x\n\n") {
		t.Errorf("the content ends in %q", content[max(0, len(content)-80):])
	}
	if content := s.records[3].Content; content != example(t, "gmail.eml") {
		t.Errorf("the last mail is %q", content)
	}
}

func TestEmailIDsDoNotContainTheRecipient(t *testing.T) {
	text := strings.ReplaceAll(example(t, "exim.eml"), "<mail-1@news.example.com>",
		"<gone=example.org.1@news.example.com>")
	s := read(t, text)
	if id := s.records[0].EmailID; strings.Contains(id, "gone") || id == "" {
		t.Errorf("the id is %q", id)
	}
	if again := read(t, text); again.records[0].EmailID != s.records[0].EmailID {
		t.Error("the same mail gets another id when it is read again")
	}
	list := read(t, strings.ReplaceAll(example(t, "exim.eml"), "To: gone@example.org", "To: list@example.org"))
	other := read(t, strings.ReplaceAll(strings.ReplaceAll(example(t, "exim.eml"), "To: gone@example.org",
		"To: list@example.org"), "E1-2", "E1-3"))
	if list.records[0].EmailID == other.records[0].EmailID {
		t.Errorf("two bounces of one message to a list have the same id %q", list.records[0].EmailID)
	}
}

func TestReturnPathNamesTheRecipientIfNothingElseDoes(t *testing.T) {
	s := read(t, "From: MAILER-DAEMON@example.com\nTo: bounces+gone=example.org@lists.example.com\nSubject: "+
		"Undelivered mail\nDate: Tue, 22 Nov 2016 00:00:03 +0000\n\nUser unknown.\n")
	if got := rows(s); len(got) != 1 || got[0].recipient != "gone@example.org" {
		t.Errorf("%q", got)
	}
	for path, want := range map[string]string{
		"bounces-12-user=example.com@lists.example.org": "user@example.com",
		"b+a.b=example.com@example.org":                 "a.b@example.com",
		"news@example.com":                              "", "a=b@example.com": "", "=example.com@example.org": "",
	} {
		if got := verp(path); got != want {
			t.Errorf("%s names %q, want %q", path, got, want)
		}
	}
}

func TestTypedAddresses(t *testing.T) {
	for in, want := range map[string]string{
		"rfc822; user@example.com": "user@example.com", "rfc822;<user@example.com>": "user@example.com",
		"user@example.com":          "user@example.com",
		`rfc822; "a b"@example.com`: `"a b"@example.com`, "rfc822; user@example.com (User)": "user@example.com",
		"rfc822; a..b@example.com":   "a..b@example.com",
		`utf-8; \x{442}@example.com`: "т@example.com", "utf-8; т@example.com": "т@example.com",
		"x400; /C=de/": "/C=de/", "system;<>": "",
	} {
		if got := typedAddress(in); got != want {
			t.Errorf("%s is %q, want %q", in, got, want)
		}
	}
}

func TestDatesKeepTheirZone(t *testing.T) {
	for in, want := range map[string]string{
		"Tue, 22 Nov 2016 00:00:03 +0000 (UTC)": "2016-11-22T00:00:03Z",
		"22 Nov 2016 00:00:03 -0000":            "2016-11-22T00:00:03Z",
		"Tue, 22 Nov 2016 00:00:03 EDT":         "2016-11-22T04:00:03Z",
		"Tue, 22 Nov 2016 00:00:03 CEST":        "2016-11-21T22:00:03Z",
		"Tue, 22 Nov 2016 00:00:03 JST":         "2016-11-21T15:00:03Z",
		"Thu, 02 Jul 26 18:55:38 UTC":           "2026-07-02T18:55:38Z",
		"Tue, 22 Nov 2016 9:05:03 PST":          "2016-11-22T17:05:03Z",
		"Tue Nov 22 00:00:03 2016":              "2016-11-22T00:00:03Z",
		"Tue,  2 Nov 2016 00:00:03 +0900":       "2016-11-01T15:00:03Z",
		"2016-11-22T00:00:03+01:00":             "2016-11-21T23:00:03Z",
	} {
		if got := parseDate(in); got.UTC().Format(time.RFC3339) != want {
			t.Errorf("%s is %v, want %s", in, got.UTC().Format(time.RFC3339), want)
		}
	}
	if got := parseDate("yesterday"); got != 0 {
		t.Errorf("yesterday is %d", got)
	}
}

func TestOnlyMailsAreRecognised(t *testing.T) {
	files, err := filepath.Glob("testdata/*.eml")
	if err != nil || len(files) == 0 {
		t.Fatal(err, files)
	}
	for _, f := range files {
		if !Format.Recognise([]byte(example(t, filepath.Base(f)))) {
			t.Errorf("%s is not recognised", f)
		}
	}
	for _, text := range []string{
		"", `{"kind": "bounce", "From": 1}`, "type,timeLogged,orig\nb,2016-11-22,a@example.com\n",
		"Nov 22 00:00:03 mx1 postfix/smtp[1]: 364B: to=<a@example.com>\n",
		"2016-11-22T00:00:03+00:00 mx1 postfix/smtp[1]: 364B: to=<a@example.com>\n",
		"2016-11-22 00:00:03 1abc-02-3 ** " +
			"a@example.com: unknown\n", "From here to there\n",
	} {
		if Format.Recognise([]byte(text)) {
			t.Errorf("%q is recognised as a mail", text)
		}
	}
}
