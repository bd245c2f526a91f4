package syslog_test

import (
	"strings"
	"testing"
	"time"

	"deliverygraph/upstream/embedded/importer/format"
	"deliverygraph/upstream/embedded/importer/format/formattest"
	"deliverygraph/upstream/embedded/importer/format/syslog"
)

var now = time.Date(2026, 11, 29, 17, 27, 0, 0, time.UTC)

// times parses the lines of a text and gives their times.
func times(t *testing.T, written time.Time, o format.Options, text string) (all []string) {
	t.Helper()
	p := syslog.New(formattest.File(text, written), o)
	for line := range strings.Lines(text) {
		e, problem := p.Parse([]byte(strings.TrimRight(line, "\n")))
		if problem != "" {
			t.Errorf("%q: %s", line, problem)
		}
		all = append(all, time.UnixMilli(e.Time).UTC().Format("2006-01-02T15:04:05.000"))
	}
	return all
}

func TestParseReadsEveryForm(t *testing.T) {
	const second, fraction = "2026-01-25T21:25:22.000", "2026-01-25T21:25:22.404"
	for line, want := range map[string][4]string{
		"Jan 25 21:25:22 mx1 postfix/smtp[558]: text: more": {second, "mx1",
			"postfix/smtp", "text: more"},
		"Jan 25 21:25:22.404714 mx1 postfix/smtp[558]: text": {fraction,
			"mx1", "postfix/smtp", "text"},
		"<22>Jan 25 21:25:22 mx1.example.com postfix/submission/smtpd[558]: text": {second,
			"mx1.example.com", "postfix/submission/smtpd", "text"},
		"Jan 25 21:25:22 postfix/smtp[558]: text": {second, "",
			"postfix/smtp", "text"},
		"Jan 25 21:25:22 mx1 postfix/smtp[558]: [ID 197553 mail.info] text": {second, "mx1",
			"postfix/smtp", "text"},
		"Jan 25 21:25:22 mx1 last message repeated 3 times": {second, "mx1",
			"", "last message repeated 3 times"},
		"Jan 25 21:25:22 mx1 kernel: [12.3] text": {second, "mx1",
			"kernel", "[12.3] text"},
		"2026-01-26T06:25:22.404714+09:00 mx1 postfix/smtp[558]: text": {fraction,
			"mx1", "postfix/smtp", "text"},
		"2026-01-26T06:25:22+0900 mx1 postfix/smtp[558]: text": {second, "mx1",
			"postfix/smtp", "text"},
		"2026-01-25T21:25:22Z mx1 postfix/smtp: text": {second, "mx1",
			"postfix/smtp", "text"},
		"2026-01-25T21:25:22 mx1 postfix/smtp[558]: text": {second, "mx1",
			"postfix/smtp", "text"},
		"2026-01-25T21:25:22.404714+00:00 INFO    postfix/smtp[558]: text": {fraction, "",
			"postfix/smtp", "text"},
		"1769376322.404714 mx1 postfix/smtp[558]: text": {fraction,
			"mx1", "postfix/smtp", "text"},
		"<22>1 2026-01-25T21:25:22.404Z mx1 postfix/smtp 558 - - text": {fraction,
			"mx1", "postfix/smtp", "text"},
		`<22>1 2026-01-25T21:25:22Z mx1 postfix/smtp 558 ID [a b="c"][d e="f"] ` + "\xef\xbb\xbftext": {second, "mx1",
			"postfix/smtp", "text"},
		`{"__REALTIME_TIMESTAMP":"1769376322404714","_HOSTNAME":"mx1","SYSLOG_IDENTIFIER":"postfix/smtp",` +
			`"_PID":"558","MESSAGE":"te\u0078t","A":[1]}`: {fraction, "mx1", "postfix/smtp", "text"},
		`{"__REALTIME_TIMESTAMP":"1769376322404714","_HOSTNAME":"mx1","SYSLOG_IDENTIFIER":["postfix/smtp","b"],` +
			`"MESSAGE":[116,101,233,116],"MESSAGE":""}`: {fraction, "mx1", "postfix/smtp", ""},
		`{"__REALTIME_TIMESTAMP":"1769376322404714","MESSAGE":[116,101,233,116]}`: {fraction, "",
			"", "te\xe9t"},
		`{"__REALTIME_TIMESTAMP":"1769376322404714","_HOSTNAME":"mx1","MESSAGE":null}`: {fraction, "mx1",
			"", ""},
		`{"log":"Jan 25 21:25:22 mx1 postfix/smtp[558]: \u003ca\u003e\n","stream":"stdout",` +
			`"time":"2026-01-25T21:25:23.404714123Z"}`: {second, "mx1", "postfix/smtp", "<a>"},
		`{"log":"postfix/smtp[558]: text\n","stream":"stderr","attrs":{"a":"b"},` +
			`"time":"2026-01-25T21:25:22.404714123Z"}`: {second, "", "postfix/smtp", "text"},
		`{"log":"\n","stream":"stdout","time":"2026-01-25T21:25:22.404714123Z"}`: {second, "", "", ""},
		"2026-01-25T21:25:23.404714123Z stdout F Jan 25 21:25:22 mx1 postfix/smtp[558]: text": {second, "mx1",
			"postfix/smtp", "text"},
		"2026-01-25T22:25:22.404714123+01:00 stderr P postfix/smtp[558]: text": {second, "",
			"postfix/smtp", "text"},
		"2026-01-25T21:25:22.404714123Z stdout F ": {second, "",
			"", ""},
		"2026-01-25T21:25:22.404714Z stdout F: text": {fraction, "stdout",
			"F", "text"},
	} {
		p := syslog.New(formattest.File(line, now), format.Options{Now: now})
		for range 2 { // the second time by what the parser remembers
			e, problem := p.Parse([]byte(line))
			got := [4]string{time.UnixMilli(e.Time).UTC().Format("2006-01-02T15:04:05.000"), e.Host, e.Program,
				string(e.Message)}
			if problem != "" || got != want {
				t.Errorf("Parse(%q) = %q, %q; want %q", line, got, problem, want)
			}
		}
	}
}

func TestParseRefusesOtherLines(t *testing.T) {
	p := syslog.New(formattest.File("", now), format.Options{Now: now})
	for _, line := range []string{
		"", " ", "postfix/smtp[558]: text", "Jan 25", "Jan 25 21:25:22", "Jan 32 21:25:22 mx1 a: b",
		"Foo 25 21:25:22 mx1 a: b", "Feb 30 21:25:22 mx1 a: b",
		"2026-13-25T21:25:22Z mx1 a: b", "2026-01-25 21:25:22 mx1 a: b", "{", `{"MESSAGE":"a"}`,
		`{"__REALTIME_TIMESTAMP":"x"}`, `{"log":"a"}`, `{"log":"a","time":"b"}`, `{"log":7,"time":7}`,
		"12345678901234567890.123 mx1 a: b", "<22>",
		"<9999999>Jan 25 21:25:22 mx1 a: b",
	} {
		if e, problem := p.Parse([]byte(line)); problem == "" {
			t.Errorf("Parse(%q) = %+v; it has no time", line, e)
		}
	}
}

func TestYearIsThatOfTheFile(t *testing.T) {
	head := func(stamps ...string) string { return strings.Join(stamps, " mx1 a: b\n") + " mx1 a: b\n" }
	for name, c := range map[string]struct {
		written time.Time
		text    string
		want    []string
	}{
		"this year": {now, head("Nov 29 15:00:00"), []string{"2026-11-29"}},
		"last year": {now, head("Dec 29 15:00:00"), []string{"2025-12-29"}},
		"the file is older than now": {time.Date(2024, 3, 1, 0, 0, 0, 0, time.UTC), head("Feb 27 15:00:00"),
			[]string{"2024-02-27"}},
		"a file from the future": {time.Date(2030, 3, 1, 0, 0, 0, 0, time.UTC), head("Feb 27 15:00:00"),
			[]string{"2026-02-27"}},
		"no date of the file": {time.Time{}, head("Nov 29 15:00:00"), []string{"2026-11-29"}},
		"over the end of the year": {now, head("Dec 30 15:00:00", "Jan  1 00:00:01", "Dec 31 23:59:59",
			"Jan  2 00:00:00"), []string{"2025-12-30", "2026-01-01", "2025-12-31", "2026-01-02"}},
		"clocks ahead of the file": {time.Date(2026, 12, 31, 20, 0, 0, 0, time.UTC), head("Jan  1 05:00:00"),
			[]string{"2026-01-01"}},
		"a later line is too late": {now, head("Nov 25 10:00:00", "Nov 28 06:58:41", "Nov 30 10:00:05"),
			[]string{"2025-11-25", "2025-11-28", "2025-11-30"}},
		"29 February": {now, head("Feb 29 10:00:00"), []string{"2024-02-29"}},
		"files put together wrongly": {now, head("Nov 20 10:00:00", "Nov  5 10:00:00"),
			[]string{"2026-11-20", "2026-11-05"}},
		"a quiet year": {now, head("Jan  2 10:00:00", "Aug  5 10:00:00"),
			[]string{"2026-01-02", "2026-08-05"}},
	} {
		o := format.Options{Now: now}
		if name == "clocks ahead of the file" {
			o.Now = c.written
			c.want = []string{"2027-01-01"} // a log in the time of Tokyo, read as UTC
		}
		got := times(t, c.written, o, c.text)
		for i := range got {
			got[i] = got[i][:len("2026-11-29")]
		}
		if strings.Join(got, " ") != strings.Join(c.want, " ") {
			t.Errorf("%s: got %v, want %v", name, got, c.want)
		}
	}
}

func TestTimesWithoutZoneUseTheZoneOfTheOptions(t *testing.T) {
	berlin, err := time.LoadLocation("Europe/Berlin")
	if err != nil {
		t.Fatal(err)
	}
	text := "Oct 25 01:59:59 a: b\nOct 25 02:00:00 a: b\nOct 25 02:59:59 a: b\nOct 25 02:00:00 a: b\nOct 25 02:30:00 " +
		"a: b\nOct 25 03:00:00 a: b\n"
	got := times(t, now, format.Options{Now: now, Location: berlin}, text)
	want := "23:59:59 00:00:00 00:59:59 01:00:00 01:30:00 02:00:00"
	for i := range got {
		got[i] = got[i][len("2026-10-25T") : len("2026-10-25T")+8]
	}
	if strings.Join(got, " ") != want {
		t.Errorf("through the end of summer time: got %v, want %s", got, want)
	}
}

func TestBeginsGivesTheTimeOfTheFirstLine(t *testing.T) {
	o := format.Options{Now: now}
	if got := syslog.Begins(formattest.File("cut off\nNov 29 15:00:00 mx1 a: b\n", now),
		o); !got.Equal(time.Date(2026, 11, 29, 15, 0, 0, 0, time.UTC)) {
		t.Errorf("got %v", got)
	}
	if got := syslog.Begins(formattest.File("no log\n", now), o); !got.IsZero() {
		t.Errorf("got %v for a file that is no log", got)
	}
}

func TestUnescapeRestoresBytes(t *testing.T) {
	for in, want := range map[string]string{
		"plain": "plain", "a#012b": "a b", "a#015#012b": "a  b", "jos#351": "jos\xe9",
		"issue #123 #400 #": "issue #123 #400 #", "a\tb": "a b", "#01": "#01",
	} {
		if got := string(syslog.Unescape([]byte(in))); got != want {
			t.Errorf("Unescape(%q) = %q, want %q", in, got, want)
		}
	}
}

func FuzzParse(f *testing.F) {
	f.Add("Jan 25 21:25:22 mx1 postfix/smtp[558]: text")
	f.Add("2026-01-26T06:25:22.404714+09:00 mx1 postfix/smtp[558]: text")
	f.Add("<22>1 2026-01-25T21:25:22Z mx1 postfix/smtp 558 ID [a b=\"c\"][d e=\"f\"] text")
	f.Add(`{"__REALTIME_TIMESTAMP":"1769376322404714","MESSAGE":[116,101,233,116]}`)
	f.Add("1769376322.404714 mx1 postfix/smtp[558]: text")
	f.Add(`{"log":"text\n","stream":"stdout","time":"2026-01-25T21:25:22.404714123Z"}`)
	f.Add("2026-01-25T21:25:22.404714123Z stdout F text")
	f.Fuzz(func(t *testing.T, text string) {
		p := syslog.New(formattest.File(text, now), format.Options{Now: now})
		for line := range strings.Lines(text) {
			if e, problem := p.Parse([]byte(line)); problem == "" && len(e.Message) > len(line) {
				t.Errorf("%q: the message is longer than the line", line)
			}
		}
	})
}

// A log without years is read in pieces while it grows: the line before a piece tells the year.
func TestYearsContinueFromOnePieceToTheNext(t *testing.T) {
	clock := time.Date(2025, 6, 1, 10, 0, 0, 0, time.UTC)
	for _, step := range []struct{ line, want string }{
		{"Jun  2 10:00:00 mx1 postfix/smtp[1]: x", "2025-06-02T10:00:00Z"},
		{"Dec 31 23:59:59 mx1 postfix/smtp[1]: x", "2025-12-31T23:59:59Z"},
		{"Jan  1 00:00:01 mx1 postfix/smtp[1]: x", "2026-01-01T00:00:01Z"},
	} {
		modified := time.Date(2026, 11, 29, 0, 0, 0, 0, time.UTC)
		f := format.NewFile("mail.log", modified, strings.NewReader(step.line+"\n"))
		f.Clock = &clock
		e, problem := syslog.New(f, format.Options{}).Parse([]byte(step.line))
		if got := time.UnixMilli(e.Time).UTC().Format(time.RFC3339); problem != "" || got != step.want {
			t.Errorf("%s: got %s, want %s; %s", step.line, got, step.want, problem)
		}
	}
	if clock.Year() != 2026 {
		t.Errorf("the clock is at %v", clock)
	}
}
