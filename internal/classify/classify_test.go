package classify

import (
	"fmt"
	"math/rand/v2"
	"os"
	"slices"
	"strings"
	"testing"
	"time"
)

func TestEveryRuleMatchesItsExamples(t *testing.T) {
	for _, rule := range Default().list {
		if err := Default().checkExamples("rules.txt", &rule); err != nil {
			t.Error(err)
		}
	}
}

// TestEveryTextCanMatch fails for a phrase that has no effect because earlier rules match
// all that it matches.
func TestEveryTextCanMatch(t *testing.T) {
	random := rand.New(rand.NewPCG(1, 2))
	for _, rule := range Default().list {
		for _, p := range rule.phrases {
			if !slices.ContainsFunc(samples(p, random), func(s string) bool {
				return Default().Classify("", codeOf(rule)+s, "").Rule.Name == rule.Name
			}) {
				t.Errorf("rule %s: earlier rules match all that %q matches, such as %q", rule.Name, describe(p),
					samples(p, random)[0])
			}
		}
	}
}

// samples returns texts that a phrase matches.
func samples(p phrase, random *rand.Rand) (out []string) {
	for range 400 {
		var words []string
		spell(p, random, &words)
		out = append(out, strings.Join(words, " "))
	}
	return out
}

func spell(p phrase, random *rand.Rand, words *[]string) {
	for _, t := range p {
		switch {
		case t.choice != nil && (!t.optional || random.IntN(4) == 0):
			spell(t.choice[random.IntN(len(t.choice))], random, words)
		case t.choice == nil && t.word != "":
			*words = append(*words, t.word)
		case t.any:
			*words = append(*words, "zzz")
		}
	}
}

func describe(p phrase) string {
	var b strings.Builder
	for _, t := range p {
		fmt.Fprintf(&b, "%v ", t)
	}
	return b.String()
}

// codeOf returns a code that a rule requires in addition to its words, or nothing.
func codeOf(rule Rule) string {
	if len(rule.codes) == 0 {
		return ""
	}
	c := code(rule.codes[0])
	for _, part := range []*int{&c.class, &c.subject, &c.detail} {
		if *part == anyPart {
			*part = 5
		}
	}
	return c.String() + " "
}

func TestServerRepliesGetTheRightCategory(t *testing.T) {
	text, err := os.ReadFile("testdata/diagnostics.tsv")
	if err != nil {
		t.Fatal(err)
	}
	for line := range strings.Lines(string(text)) {
		categories, said, ok := strings.Cut(strings.TrimSpace(line), "\t")
		if !ok {
			continue
		}
		m := Default().Classify("", said, "")
		if !slices.Contains(strings.Split(categories, ","), m.Rule.Category) {
			t.Errorf("%s\n\tis %s by rule %s, %q; want %s", said, m.Rule.Category, m.Rule.Name, m.Words, categories)
		}
	}
}

// TestQuotingAReplyKeepsItsCategory fails for a phrase that spans the words of the quoting
// server and those of the quoted one.
func TestQuotingAReplyKeepsItsCategory(t *testing.T) {
	text, err := os.ReadFile("testdata/diagnostics.tsv")
	if err != nil {
		t.Fatal(err)
	}
	for line := range strings.Lines(string(text)) {
		_, said, _ := strings.Cut(strings.TrimSpace(line), "\t")
		alone := Default().Classify("", said, "")
		if _, n := parseCode(said); n != 3 || alone.Rule.Weak || len(alone.Rule.phrases) == 0 {
			continue
		}
		for _, quoted := range []string{
			"host mx.example.org[192.0.2.9] said: " + said + " (in reply to RCPT TO command)",
			"SMTP error from remote mail server after RCPT TO:<user@example.org>: host mx.example.org [192.0.2.9]: " +
				said,
			"SMTP error from remote mail server after MAIL FROM:<news@example.com> SIZE=10: host mx.example.org " +
				"[192.0.2.9]: " +
				said,
			"192.0.2.9 does not like recipient. Remote host said: " + said + " Giving up on 192.0.2.9.",
			"Google tried to deliver your message, but it was rejected by the recipient domain. " +
				"We recommend contacting the " +
				"other email provider. The error that the other server returned was: " + said + " (state 14).",
			"... while talking to mx.example.org.: >>> DATA <<< " + said,
			"Remote Server at mx.example.org (192.0.2.9) returned '" + said + "'",
		} {
			if m := Default().Classify("", quoted, ""); m.Rule.Category != alone.Rule.Category {
				t.Errorf("%s\n\tis %s by rule %s, %q; alone it is %s by rule %s, %q", quoted, m.Rule.Category,
					m.Rule.Name, m.Words,
					alone.Rule.Category, alone.Rule.Name, alone.Words)
			}
		}
	}
}

func TestTheMoreSpecificEvidenceWins(t *testing.T) {
	for name, c := range map[string]struct{ code, diagnostic, notice, want string }{
		"text over a code that servers use for anything": {"5.1.1", "550 5.1.1 Mailbox full", "", "quota-issues"},
		"code over words that say little":                {"5.2.2", "550 Message rejected", "", "quota-issues"},
		"code in the text, if the status says nothing":   {"5.0.0", "550 5.1.2 Message rejected", "", "bad-domain"},
		"code over the notice":                           {"5.1.1", "", "The mailbox is full.", "bad-mailbox"},
		"notice over a code that says little": {"5.7.1", "554 5.7.1 Message rejected",
			"The mailbox is full.", "quota-issues"},
		"code that says little over nothing": {"5.7.1", "", "", "policy-related"},
		"reply code":                         {"", "503", "", "protocol-errors"},
		"nothing":                            {"", "", "", "unclassified"},
		"code of success":                    {"2.0.0", "250 2.0.0 Ok", "", "unclassified"},
		"address is ignored":                 {"", "<mailbox.full@example.com>", "", "unclassified"},
		"host is ignored": {"", "spam.virus.example.com[192.0.2.1] said: 550 User " +
			"unknown", "", "bad-mailbox"},
		"no match across the end of a sentence": {"", "This is a hop. Count exceeded twelve.", "", "unclassified"},
	} {
		t.Run(name, func(t *testing.T) {
			if m := Default().Classify(c.code, c.diagnostic, c.notice); m.Rule.Category != c.want {
				t.Errorf("%s by rule %s, %q; want %s", m.Rule.Category, m.Rule.Name, m.Words, c.want)
			}
		})
	}
}

func TestHardOrSoftFollowsTheRule(t *testing.T) {
	if m := Default().Classify("5.2.2", "552 5.2.2 over quota", ""); m.Rule.Type != "soft" {
		t.Errorf("a full mailbox is %s", m.Rule.Type)
	}
	if m := Default().Classify("4.1.1", "450 4.1.1 user unknown", ""); m.Rule.Type != "hard" {
		t.Errorf("an unknown user is %s", m.Rule.Type)
	}
}

func TestMatchHasTheWordsThatMatched(t *testing.T) {
	for _, c := range []struct{ diagnostic, want string }{
		{"550 5.1.1 <user@example.com>: Recipient address rejected: User\r\n unknown in table", "User unknown"},
		{"552-5.2.2 The email account that you tried to reach is\n552 5.2.2 over quota.", "account that you tried to " +
			"reach is 552 5.2.2 over quota"},
		{"smtp; 550 5.1.1", "5.1.1"},
	} {
		if got := Default().Classify("", c.diagnostic, "").Words; got != c.want {
			t.Errorf("%q matched by %q, want %q", c.diagnostic, got, c.want)
		}
	}
}

func TestHostileTextIsCheap(t *testing.T) {
	for _, words := range []string{"user ", "sender mail from not address rejected mailbox ", "5.1.1 ", "a@", "。"} {
		text := strings.Repeat(words, 1+1<<20/len(words))
		start := time.Now()
		Default().Classify("", text, text)
		if took := time.Since(start); took > 5*time.Second { // a few milliseconds on an idle machine
			t.Errorf("a megabyte of %q takes %v", words, took)
		}
	}
}

func FuzzClassify(f *testing.F) {
	f.Add("5.1.1", "550 5.1.1 <user@example.com>: User unknown", "")
	f.Add("", "550 user@example.com’s mailbox\x00 is \xff full. 見つかりません", "4.2.2")
	f.Add("5.", "5.1.", "#5.1.1)")
	f.Fuzz(func(t *testing.T, code, diagnostic, notice string) {
		m := Default().Classify(code, diagnostic, notice)
		if m.Rule.Category == "" || m.Rule.Type == "" || (m.Rule.Name == "") != (m.Words == "") {
			t.Errorf("Classify(%q, %q, %q) = %+v", code, diagnostic, notice, m)
		}
		if again := Default().Classify(code, diagnostic, notice); again.Rule.Name != m.Rule.Name ||
			again.Words != m.Words {
			t.Errorf("Classify(%q, %q, %q) is first %s, then %s", code, diagnostic, notice, m.Rule.Name,
				again.Rule.Name)
		}
	})
}

func FuzzRead(f *testing.F) {
	f.Add("Rule: a\nCategory: other\nType: soft\nDescription: x\nText: (a|b [c]) ... d*\nExample: a d\n")
	f.Fuzz(func(t *testing.T, text string) {
		rules, err := read("f", text)
		if err == nil {
			compile(rules).Classify("5.1.1", text, text)
		}
	})
}

func BenchmarkClassify(b *testing.B) {
	text, err := os.ReadFile("testdata/diagnostics.tsv")
	if err != nil {
		b.Fatal(err)
	}
	lines := strings.Split(strings.TrimSpace(string(text)), "\n")
	b.ReportAllocs()
	for i := 0; b.Loop(); i++ {
		Default().Classify("5.0.0", lines[i%len(lines)], "")
	}
}
