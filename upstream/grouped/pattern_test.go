package grouped_test

import (
	"strings"
	"testing"
	"unicode/utf8"

	"deliverygraph/upstream/grouped"
)

func TestPatternLeavesOutWhatVaries(t *testing.T) {
	t.Parallel()
	for _, c := range []struct{ response, local, want string }{
		{"", "jane", ""},
		{
			"smtp;550 5.1.1 <jane@example.com>: user 4711 unknown (mx1.example.com)", "jane",
			"550 5.1.1 <…>: user … unknown (…)",
		},
		{"smtp; 550 5.1.1 jane: no such user", "Jane", "550 5.1.1 …: no such user"},
		{"550 5.1.1 Jane.Doe no such user here.", "jane.doe", "550 5.1.1 … no such user here."},
		{
			"550-5.1.1 The email account that you tried to reach does not exist. " +
				"https://support.example.com/mail/?p=NoSuchUser d9443c01a7336-1f4a2b3c4si - gsmtp", "x",
			"550-5.1.1 The email account that you tried to reach does not exist. … - gsmtp",
		},
		{
			"550 5.7.1 Unfortunately, messages from [192.0.2.7] weren't sent. (S3140) [AM0EUR02FT011.example.com]", "x",
			"550 5.7.1 Unfortunately, messages from […] weren't sent. (S3140) […]",
		},
		{
			"421 4.7.0 [TSS04] Messages from 192.0.2.7 temporarily deferred", "",
			"421 4.7.0 [TSS04] Messages from … temporarily deferred",
		},
		{"452 4.2.2 Mailbox full: 1024 of 1000 MB used", "", "452 4.2.2 Mailbox full: … of … MB used"},
		{"554 rejected  due to\r\n spam,\tsee id=20260103-AB77", "", "554 rejected due to spam, see id=…"},
		{
			"connect to mx.example.com[2001:db8::1]:25: Connection timed out", "",
			"connect to …[…]:…: Connection timed out",
		},
		{"bounces+jane=example.com@lists.example.org rejected", "jane", "… rejected"},
		{"550 mailbox jane-doe/INBOX is full, JANE-DOE", "jane-doe", "550 mailbox …/INBOX is full, …"},
		{`550 <jane @ example.com>, "jane doe"@example.com, jane(at home)@example.com`, "", "550 <…>, …, …"},
		{`550 jane=example.com, EXAMPLE\jane, jane\x{40}example.com`, "", "550 …=…, …, …{…}…"},
		{"@example.com @", "", "…"},
		{
			"450 4.1.2 Name service error for name=example.com type=MX", "",
			"450 4.1.2 Name service error for name=… type=MX",
		},
		{"host mx1.example.com said: 550 no mailbox", "", "host … said: 550 no mailbox"},
	} {
		if got := grouped.Pattern(c.response, c.local); got != c.want {
			t.Errorf("%q:\ngot  %q\nwant %q", c.response, got, c.want)
		}
	}
}

// A pattern is short, valid, and has no address.
func FuzzPattern(f *testing.F) {
	f.Add("smtp;550 5.1.1 <jane@example.com>: user unknown", "jane")
	f.Add("550-5.7.1 \xff\x00 … … a@b", "")
	f.Fuzz(func(t *testing.T, response, local string) {
		got := grouped.Pattern(response, local)
		if len(got) > 300 || !utf8.ValidString(got) {
			t.Errorf("%q has the pattern %q", response, got)
		}
		if strings.Contains(got, "a@b") || strings.Contains(got, "jane@example.com") {
			t.Errorf("%q keeps an address: %q", response, got)
		}
	})
}

func BenchmarkPattern(b *testing.B) {
	b.ReportAllocs()
	for b.Loop() {
		grouped.Pattern("smtp;550 5.1.1 <jane.doe@example.com>: Recipient address rejected: User unknown in "+
			"virtual mailbox table", "jane.doe")
	}
}
