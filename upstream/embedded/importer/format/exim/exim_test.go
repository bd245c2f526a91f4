package exim

import (
	"fmt"
	"slices"
	"strings"
	"testing"
	"time"

	"github.com/google/go-cmp/cmp"

	"deliverygraph/upstream/embedded/importer/format"
	"deliverygraph/upstream/embedded/importer/format/formattest"
	"deliverygraph/upstream/embedded/importer/format/queue"
)

func read(t *testing.T, texts ...string) *formattest.Sink {
	t.Helper()
	for i, text := range texts {
		texts[i] = formattest.Unwrap(text)
	}
	if !Format.Recognise([]byte(texts[0])) {
		t.Errorf("%.80q is not recognised", texts[0])
	}
	return formattest.Read(t, Format, format.Options{}, texts...)
}

func TestSamplesOfOtherPeoplesLogs(t *testing.T) {
	for name, want := range map[string][]string{
		"mainlog": {
			"bob@null.corp bounced", "dave@foo.corp delivered", "harry@bar.corp delivered", "molly@zee.corp bounced",
			"nick@dummy.corp delivered", "sally@dummy.corp delivered",
			"dave@foo.corp bounced", "rudy@foo.corp bounced", "jack@test.corp bounced",
		},
		"mainlog-4.97.log": {
			"userx@myhost.test.ex delivered", "userx@myhost.test.ex delivered", "userxy@myhost.test.ex bounced",
			"userxz@myhost.test.ex delivered", "useryy@myhost.test.ex bounced",
			"userxx@myhost.test.ex accepted", "useryx@myhost.test.ex accepted",
			"userx@myhost.test.ex delivered", "userxy@myhost.test.ex bounced", "userxz@myhost.test.ex delivered",
			"useryy@myhost.test.ex bounced",
			"userxx@myhost.test.ex accepted", "useryx@myhost.test.ex accepted",
		},
	} {
		t.Run(name, func(t *testing.T) {
			s := read(t, formattest.Shared(t, "formats/exim/"+name))
			if got := s.Outcomes(); !slices.Equal(got, want) || len(s.Bads) > 0 {
				t.Errorf("got %q\nwant %q; bad %q", got, want, s.Bads)
			}
			for _, r := range s.Records {
				if r.Outcome == format.Bounced && r.Sender == "" {
					t.Errorf("%+v has no sender", r)
				}
			}
			t.Log(s.Skipped)
		})
	}
}

// life is the log of a whole message; {id} is replaced by its id.
var life = formattest.Unwrap(`2026-06-19 10:32:54 {id} <= news@example.com H=(app) [192.0.2.9] P=smtp S=7983
	id=m1@example.com T="Re: a: b"
2026-06-19 10:32:57 [789] {id} => a@example.net R=dnslookup T=remote_smtp H=mx.example.net [192.0.2.1]
	X=TLS1.2:ECDHE:256 CV=yes DN="C=US: x,O=Z" C="250 2.0.0 Ok: queued"
2026-06-19 10:32:58 {id} ** b@example.net <B@example.org> F=<news@example.com> R=dnslookup T=remote_smtp
	H=mx.example.net [2001:db8::1]:25 X=TLS1.2:ECDHE:256 DN="C=US: x": SMTP error from remote mail server after RCPT
	TO:<b@example.net>: 550-5.1.1 unknown\n550 5.1.1 user
2026-06-19 10:32:58 {id} Completed
`)

const id, longID = "1jmKso-0009d4-Uf", "10HmaX-000000005vi-0000"

func of(text, id string) string { return strings.ReplaceAll(text, "{id}", id) }

func TestRecordsHaveAllDataOfTheLog(t *testing.T) {
	for _, id := range []string{id, longID} {
		want := []format.Record{{
			Outcome: format.Delivered, Sender: "news@example.com", EmailID: "20260619103254." + id + "-3a915e64",
			Recipient: "a@example.net", Processed: 1781865174, Time: 1781865177,
		}, {
			Outcome: format.Bounced, Sender: "news@example.com", EmailID: "20260619103254." + id + "-65f46064",
			Recipient: "B@example.org", Processed: 1781865174, Time: 1781865178,
			Code: "5.1.1", Diagnostic: "smtp;550-5.1.1 unknown 550 5.1.1 user",
		}}
		all := strings.SplitAfter(of(life, id), "\n")
		for cut := 1; cut < len(all); cut++ {
			s := read(t, strings.Join(all[:cut], ""), strings.Join(all[cut:], ""))
			if diff := cmp.Diff(want, s.Records); diff != "" || len(s.Bads) > 0 {
				t.Errorf("cut before line %d: bad: %q; records (-want +got):\n%s", cut+1, s.Bads, diff)
			}
		}
	}
}

func TestFormsOfTimesAndHeads(t *testing.T) {
	line := func(head string) string { return head + id + " => a@example.net R=r T=t H=mx [192.0.2.1]\n" }
	for head, want := range map[string]string{
		"2026-06-19 10:32:54 ":                                            "10:32:54",
		"2026-06-19 10:32:54.123 ":                                        "10:32:54",
		"2026-06-19 10:32:54.123 +0200 [12] ":                             "08:32:54",
		"2026-06-19 10:32:54 -0130 ":                                      "12:02:54",
		"Jun 19 10:32:54 mx1 exim[12]: ":                                  "10:32:54 mx1",
		"Jun 19 10:32:54 mx1 exim4[12]: 2026-06-19 11:32:54 ":             "11:32:54 mx1",
		"2026-06-19T10:32:54.123456+02:00 mx1.example.com exim[12]: [7] ": "08:32:54 mx1",
		`Jun 19 10:32:54 mx1 exim4[12]: [1\2] 2026-06-19 11:32:54 `:       "11:32:54 mx1",
		"Jun 19 10:32:54 mx1 exim4[12]: [1/2] ":                           "10:32:54 mx1",
	} {
		s := read(t, line(head))
		if len(s.Records) != 1 {
			t.Errorf("%q: %q", head, s.Bads)
			continue
		}
		r := s.Records[0]
		got := r.Time.UTC().Format("15:04:05")
		if _, host, found := strings.Cut(r.EmailID, "@"); found {
			got += " " + host
		}
		if got != want {
			t.Errorf("%q: got %q, want %q", head, got, want)
		}
	}
	berlin := format.Options{Location: time.FixedZone("", 2*3600)}
	if s := formattest.Read(t, Format, berlin, line("2026-06-19 10:32:54 ")); s.Records[0].Time != 1781857974 {
		t.Errorf("without a zone: got %v", s.Records[0].Time)
	}
}

func TestBouncesAreOfEveryKind(t *testing.T) {
	for text, want := range map[string]string{
		"a@example.net: Unrouteable address": "  |Unrouteable address",
		"a@example.net R=dnslookup T=remote_smtp: Connection " +
			"timed out": "  |Connection timed out",
		"a@example.net F=<x@y> R=r T=lmtp H=127.0.0.1 [127.0.0.1] : LMTP error after " +
			"DATA: 550 Bad user": "  |smtp;550 Bad user",
		"a@example.net R=r T=t H=mx [192.0.2.1]: SMTP error from remote mail server after RCPT " +
			"TO:<a@example.net>: host mx: 554 5.7.1 No": " 5.7.1 |smtp;554 5.7.1 No",
		"a@example.net: retry " +
			"timeout exceeded": "expired  |retry timeout exceeded",
		"a@example.net R=r T=t : all hosts for 'example.net' have been failing for a long time (and retry time " +
			"not reached)": "expired  |all hosts for 'example.net' have been failing for a long time " +
			"(and retry time not reached)",
		`"odd: user"@example.net R=r T=t H=mx ` +
			`[192.0.2.1]: 550`: "  |550",
		"a@example.net (b@example.net) <c@example.org> " +
			"R=r: text": "  |text",
	} {
		s := read(t, "2026-06-19 10:32:58 "+id+" ** "+text+"\n")
		if len(s.Records) != 1 {
			t.Errorf("%q: %q", text, s.Bads)
			continue
		}
		r := s.Records[0]
		expired := ""
		if r.Expired {
			expired = "expired"
		}
		if got := expired + " " + r.Code + " " + r.Category + "|" + r.Diagnostic; got != want ||
			r.Outcome != format.Bounced {
			t.Errorf("%q: got %q, want %q", text, got, want)
		}
	}
	s := read(t, "2026-06-19 10:32:58 "+id+" ** \"odd: user\"@example.net R=r T=t: text\n2026-06-19 10:32:58 "+id+
		" ** a@example.net (b@example.net) <c@example.org> R=r: text\n")
	if got := strings.Join(s.Outcomes(), ", "); got != `"odd: user"@example.net bounced, c@example.org bounced` {
		t.Errorf("got %q", got)
	}
}

func TestExpiredMailHasTheLastDeferral(t *testing.T) {
	s := read(t, of(`2026-06-19 04:51:49 {id} <= news@example.com H=(app) [192.0.2.9] P=smtp S=7386
2026-06-19 04:54:02 {id} == a@example.net R=dnslookup T=remote_smtp defer (110): Connection timed out
2026-06-20 04:54:02 {id} == a@example.net R=dnslookup T=remote_smtp defer (-44) H=mx [192.0.2.1]: SMTP error from
	remote mail server after RCPT TO:<a@example.net>: 450 4.2.2 over quota
2026-06-21 04:54:02 {id} == a@example.net R=dnslookup T=remote_smtp defer (-53): retry time not reached for any host
	for 'example.net'
2026-06-23 04:54:02 {id} ** a@example.net: retry timeout exceeded
2026-06-23 04:54:02 {id} Completed
`, id))
	if len(s.Records) != 1 || s.Records[0].Diagnostic != "smtp;450 4.2.2 over quota" ||
		s.Records[0].Code != "4.2.2" || !s.Records[0].Expired {
		t.Errorf("got %+v", s.Records)
	}
	if s.Skipped["deferral"] != 3 {
		t.Errorf("skipped %v", s.Skipped)
	}
}

func TestDeferralsAreNotBounces(t *testing.T) {
	const deferred = "2026-06-19 04:54:02 " + id +
		" == a@example.net R=dnslookup T=remote_smtp defer (110): Connection timed out\n"
	if got := strings.Join(read(t, deferred).Outcomes(), ", "); got != "a@example.net accepted" {
		t.Errorf("got %q", got)
	}
	if got := strings.Join(read(t, deferred+of(life, id)).Outcomes(),
		", "); got != "a@example.net delivered, B@example.org bounced" {
		t.Errorf("got %q", got)
	}
}

func TestMailThatIsNotOutgoingIsSkipped(t *testing.T) {
	s := read(t, of(`2026-06-19 10:32:54 {id} <= <> R=1jmKso-0009d4-Ug U=Debian-exim P=local S=9521
2026-06-19 10:32:55 {id} => a@example.net R=dnslookup T=remote_smtp H=mx [192.0.2.1]
2026-06-19 10:32:55 {id} ** b@example.net R=dnslookup T=remote_smtp H=mx [192.0.2.1]: 550 No
2026-06-19 10:32:55 {id} Completed
2026-06-19 10:32:55 1jmKso-0009d4-Uh => root <root@example.com> R=localuser T=local_delivery
2026-06-19 10:32:55 1jmKso-0009d4-Uh => :blackhole: <a@example.com> R=bounces
2026-06-19 10:32:55 1jmKso-0009d4-Uh *> a@example.net R=dnslookup T=remote_smtp H=mx [192.0.2.1]
2026-06-19 10:32:55 1jmKso-0009d4-Uh SMTP error from remote mail server
2026-06-19 10:32:55 1jmKso-0009d4-Uh removed by root
2026-06-19 10:32:55 H=(x) [192.0.2.9] F=<a@b.c> rejected RCPT <d@e.f>: relay not permitted
2026-06-19 10:32:55 Start queue run: pid=7
Jun 19 10:32:55 mx1 cron[1]: hello
`, id))
	want := map[string]int{
		queue.NoticeMail: 2, queue.LocalDelivery: 2, queue.Discarded: 1, queue.NoDelivery: 3, queue.Refused: 1,
		format.OtherProgram: 1,
	}
	if len(s.Records)+len(s.Bads) > 0 || !cmp.Equal(s.Skipped, want) {
		t.Errorf("records %v, bad %q, skipped %v, want %v", s.Outcomes(), s.Bads, s.Skipped, want)
	}
	// What has no sender and does not refer to another message is mail.
	s = read(t, strings.ReplaceAll(of(life, id), "<= news@example.com", "<= <>"))
	if len(s.Records) != 2 {
		t.Errorf("got %v", s.Outcomes())
	}
}

func TestRepeatedLinesChangeNothing(t *testing.T) {
	var twice strings.Builder
	for line := range strings.Lines(of(life, id)) {
		twice.WriteString(line + line)
	}
	if s := read(t, twice.String(), of(life, id)); len(s.Records) != 2 {
		t.Errorf("got %v", s.Outcomes())
	}
}

func TestBadLinesAreReportedAndSkipped(t *testing.T) {
	s := read(t, of(life, id)+"garbage\n2026-13-19 10:32:54 x\n2026-06-19 10:32:54 1jmKso-0009d4-Ug ** root: text\n")
	if !slices.Equal(s.BadAt, []int{5, 6, 7}) || len(s.Records) != 2 {
		t.Errorf("bad lines %v %q, records %v", s.BadAt, s.Bads, s.Outcomes())
	}
}

func TestMemoryIsBounded(t *testing.T) {
	r := newReader(format.Options{}, 50_000)
	var s formattest.Sink
	var log strings.Builder
	for i := range 5_000 {
		fmt.Fprintf(&log,
			"2026-06-19 04:54:02 1jmKso-%06d-Uf == a@example.net R=dnslookup T=remote_smtp defer (110): Connection "+
				"timed out\n", i)
	}
	if err := r.Read(t.Context(), formattest.File(log.String(), time.Time{}), &s); err != nil {
		t.Fatal(err)
	}
	if r.Full() || len(s.Records) < 4_900 {
		t.Errorf("%d messages were handed over; full is %v", len(s.Records), r.Full())
	}
	if formattest.Flush(t, r, &s); len(s.Records) != 5_000 {
		t.Errorf("%d messages in all", len(s.Records))
	}
}

func TestBeginsGivesTheTimeOfTheFirstLine(t *testing.T) {
	if got := Format.Begins(formattest.File("cut off\n"+of(life, id), time.Time{}),
		format.Options{}); !got.Equal(time.Unix(1781865174, 0)) {
		t.Errorf("got %v", got)
	}
}

func TestRecogniseTakesNoOtherLogs(t *testing.T) {
	for _, head := range []string{"", "2026-06-19 10:32:54 hello there\n",
		"Jun 19 10:32:54 mx1 postfix/smtp[1]: 4B1ED9C4292: to=<a@b>\n", `{"a":1}`} {
		if Format.Recognise([]byte(head)) {
			t.Errorf("%q is taken for a log of Exim", head)
		}
	}
}

func FuzzRead(f *testing.F) {
	f.Add(of(life, id))
	f.Add("2026-06-19 04:54:02.1 +0200 [1] " + longID + " == a@b <c> (d) F=<> R=x defer (1): t\n2026-06-23 04:54:02 " +
		longID + " ** a@b: retry timeout exceeded\n")
	f.Add("Jun 19 10:32:54 mx1 exim[12]: " + id + " ** \"a: b\"@c H=[::1]:25: 550 x\n")
	f.Add("2026-06-19 10:32:54 " + id + " <= <> R=" + id + "\n2026-06-19 10:32:54 " + id + " Completed\n")
	formattest.Fuzz(f, Format)
}

// Reading is to be much faster than 50,000 lines a second, as the rows are yet to be stored.
func BenchmarkRead(b *testing.B) {
	var log strings.Builder
	const messages = 10_000
	for i := range messages {
		log.WriteString(of(life, fmt.Sprintf("1jmKso-%06d-Uf", i)))
	}
	b.ReportAllocs()
	for b.Loop() {
		r := newReader(format.Options{}, queue.MaxBytes)
		var s formattest.Sink
		if err := r.Read(b.Context(), formattest.File(log.String(), time.Time{}), &s); err != nil ||
			len(s.Records) != 2*messages {
			b.Fatal(len(s.Records), err)
		}
	}
	b.ReportMetric(float64(4*messages*b.N)/b.Elapsed().Seconds(), "lines/s")
}
