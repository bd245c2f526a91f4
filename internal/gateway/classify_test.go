package gateway

import (
	"bytes"
	"compress/gzip"
	"context"
	"encoding/json"
	"fmt"
	"os"
	"path/filepath"
	"strings"
	"testing"

	"deliverygraph/upstream"
	"deliverygraph/upstream/embedded/store"
	"deliverygraph/upstream/embedded/store/sqlite"
)

// classifying runs the command, and returns its exit code and output.
func classifying(t *testing.T, stdin string, args ...string) (code int, out, messages string) {
	t.Helper()
	var o, e bytes.Buffer
	code = Run(t.Context(), append([]string{"classify"}, args...), Streams{strings.NewReader(stdin), &o, &e})
	return code, o.String(), e.String()
}

const bounceMail = `From: MAILER-DAEMON@example.com
To: news@example.com
Subject: failure notice
Date: Tue, 22 Nov 2016 00:00:03 +0000

<gone@example.org>:
Sorry, no mailbox here by that name. (#5.1.1)

<full@example.org>:
552 Over quota
`

func TestClassifyPrintsALineForEachDiagnostic(t *testing.T) {
	code, out, messages := classifying(t, "550 5.1.1 <a@example.com>: User unknown\r\n\n4.2.2\nsomething else\n"+
		"552 over quota "+strings.Repeat("x", 200_000)+"\n554 virus found in message")
	want := "bad-mailbox\thard\tbadmailbox01\tUser unknown\nquota-issues\tsoft\tquotaissues02\t4.2.2\n" +
		"unclassified\tsoft\t-\t-\nquota-issues\tsoft\tquotaissues01\tover " +
		"quota\nvirus-related\tsoft\tvirusrelated01\tvirus found\n"
	if code != exitOK || out != want || messages != "" {
		t.Errorf("exit %d, %q, %q; want %q", code, out, messages, want)
	}
}

func TestClassifyReadsBounceMails(t *testing.T) {
	file := filepath.Join(t.TempDir(), "mail.eml")
	if err := os.WriteFile(file, []byte(bounceMail), 0o600); err != nil {
		t.Fatal(err)
	}
	want := "bad-mailbox\thard\tbadmailbox01\tno mailbox here by that name\tgone@example.org\n" +
		"quota-issues\tsoft\tquotaissues01\tOver quota\tfull@example.org\n"
	if code, out, _ := classifying(t, "", file); code != exitOK || out != want {
		t.Errorf("exit %d, %q, want %q", code, out, want)
	}
	code, out, _ := classifying(t, bounceMail, "--json", "-")
	var first struct{ Category, Type, Rule, Matched, Description, Recipient, Code, Diagnostic string }
	if err := json.Unmarshal([]byte(strings.Split(out, "\n")[0]), &first); err != nil || code != exitOK {
		t.Fatal(code, out, err)
	}
	if first.Category != "bad-mailbox" || first.Code != "5.1.1" || first.Description == "" ||
		first.Recipient != "gone@example.org" {
		t.Errorf("%+v", first)
	}
	letter := "From: jane@example.org\nTo: news@example.com\nSubject: Hello\nDate: Tue, " +
		"22 Nov 2016 00:00:03 +0000\n\nHow are you?\n"
	if code, out, messages := classifying(t, letter); code != exitOK || out != "" ||
		messages != "standard input:1: not a bounce message\n" {
		t.Errorf("exit %d, %q, %q", code, out, messages)
	}
}

func TestClassifyUsesTheGivenRules(t *testing.T) {
	file := filepath.Join(t.TempDir(), "rules.txt")
	rule := "Rule: ours01\nCategory: other\nType: soft\nDescription: Ours.\nText: blue moon\nExample: once in a " +
		"blue moon\n"
	if err := os.WriteFile(file, []byte(rule), 0o600); err != nil {
		t.Fatal(err)
	}
	if _, out, _ := classifying(t, "550 Blue moon\n", "--rules", file); out != "other\tsoft\tours01\tBlue moon\n" {
		t.Errorf("%q", out)
	}
	if err := os.WriteFile(file, []byte(rule+"Kind: hard\n"), 0o600); err != nil {
		t.Fatal(err)
	}
	for _, c := range []struct {
		args []string
		want string
	}{
		{[]string{"--rules", file}, file + `:7: rule ours01: unknown field "Kind"`},
		{[]string{"--rules", file}, "deliverygraph classify --print-rules"},
		{[]string{"--print-rules", file}, "leave out --unclassified and files"},
		{[]string{"--rules", "/nowhere/rules.txt"}, `"/nowhere/rules.txt" cannot be read`},
		{[]string{"--unclassified"}, "--unclassified needs --data"},
		{[]string{"--data", "x.db"}, "--data is for --unclassified"},
		{[]string{"--unclassified", "--data", "x.db", "file"}, "leave out file"},
	} {
		if code, _, messages := classifying(t, "", c.args...); code != exitUsage ||
			!strings.Contains(messages, c.want) {
			t.Errorf("%q: exit %d, %q, want %q", c.args, code, messages, c.want)
		}
	}
	if code, _, messages := classifying(t, "", "/nowhere/mail.eml"); code != exitFailure ||
		!strings.Contains(messages, "/nowhere/mail.eml") {
		t.Errorf("exit %d, %q", code, messages)
	}
}

func TestClassifyReadsFoldersAndCompressedFiles(t *testing.T) {
	const want = "bad-mailbox\thard\tbadmailbox01\tno mailbox here by that name\tgone@example.org\n" +
		"quota-issues\tsoft\tquotaissues01\tOver quota\tfull@example.org\n"
	dir := t.TempDir()
	for _, sub := range []string{"cur", "new", "tmp"} {
		if err := os.Mkdir(filepath.Join(dir, sub), 0o700); err != nil {
			t.Fatal(err)
		}
	}
	var packed bytes.Buffer
	z := gzip.NewWriter(&packed)
	if _, err := z.Write([]byte(bounceMail)); err != nil {
		t.Fatal(err)
	}
	if err := z.Close(); err != nil {
		t.Fatal(err)
	}
	file := filepath.Join(dir, "cur", "1:2,S")
	for _, content := range []string{bounceMail, packed.String()} {
		if err := os.WriteFile(file, []byte(content), 0o600); err != nil {
			t.Fatal(err)
		}
		for _, name := range []string{dir, file} {
			if code, out, messages := classifying(t, "", name); code != exitOK || out != want || messages != "" {
				t.Errorf("%s: exit %d, %q, %q", name, code, out, messages)
			}
		}
	}
	if code, _, messages := classifying(t, "", t.TempDir()); code != exitFailure ||
		!strings.Contains(messages, "no files in this folder") {
		t.Errorf("an empty folder: exit %d, %q", code, messages)
	}
	const binary = "\x7fELF\x02\x01\x00\x00"
	if err := os.WriteFile(file, []byte(binary), 0o600); err != nil {
		t.Fatal(err)
	}
	for name, in := range map[string]string{file: "", "-": binary} {
		if code, out, messages := classifying(t, in, name); code != exitFailure || out != "" ||
			!strings.Contains(messages, "not text") {
			t.Errorf("binary %s: exit %d, %q, %q", name, code, out, messages)
		}
	}
	if code, out, messages := classifying(t, packed.String()); code != exitFailure || out != "" ||
		!strings.Contains(messages, "decompress") {
		t.Errorf("compressed standard input: exit %d, %q, %q", code, out, messages)
	}
}

func TestPrintedRulesAreAFileOfRules(t *testing.T) {
	code, printed, messages := classifying(t, "", "--print-rules")
	if code != exitOK || !strings.Contains(printed, "\nRule: badmailbox01\n") || messages != "" {
		t.Fatalf("exit %d, %.100q, %q", code, printed, messages)
	}
	file := filepath.Join(t.TempDir(), "rules.txt")
	if err := os.WriteFile(file, []byte(printed), 0o600); err != nil {
		t.Fatal(err)
	}
	code, out, messages := classifying(t, "552 over quota\n", "--rules", file)
	if code != exitOK || !strings.HasPrefix(out, "quota-issues\tsoft\tquotaissues01\t") {
		t.Errorf("exit %d, %q, %q", code, out, messages)
	}
}

// The example of docs/importing.md is a valid file of rules.
func TestDocumentedRuleIsValid(t *testing.T) {
	doc, err := os.ReadFile("../../docs/importing.md")
	if err != nil {
		t.Fatal(err)
	}
	_, rule, ok := strings.Cut(string(doc), "```\n# A line that begins")
	rule, _, closed := strings.Cut(rule, "```")
	if !ok || !closed {
		t.Fatal("docs/importing.md has no example of a rule")
	}
	file := filepath.Join(t.TempDir(), "rules.txt")
	if err := os.WriteFile(file, []byte("#"+rule), 0o600); err != nil {
		t.Fatal(err)
	}
	code, out, messages := classifying(t, "450 4.7.1 Desk closed today\n", "--rules", file)
	if want := "policy-related\tsoft\tourpolicy01\t"; code != exitOK || !strings.HasPrefix(out, want) {
		t.Errorf("exit %d, %q, %q", code, out, messages)
	}
}

// bouncesIn makes a store of bounces with these diagnostics, one per second.
func bouncesIn(t *testing.T, change func(i int, d *upstream.BounceDetail), diagnostics ...string) string {
	t.Helper()
	path := filepath.Join(t.TempDir(), "bounces.db")
	s, err := sqlite.Open(t.Context(), sqlite.Options{Path: path})
	if err != nil {
		t.Fatal(err)
	}
	var b store.Batch
	for i, text := range diagnostics {
		d := upstream.BounceDetail{DiagnosticCode: text}
		d.UserID, d.SenderID, d.EmailID = 1, 1, "id-"+string(rune('a'+i%26))
		d.EmailAddress, d.Local, d.Domain = "user@example.com", "user", "example.com"
		d.BounceTime, d.ProcessTime, d.Type, d.Category = upstream.Time(1479772800+i), 1479772800, upstream.Soft,
			"unclassified"
		change(i, &d)
		b.Bounces = append(b.Bounces, d)
	}
	if _, err := s.Write(t.Context(), b); err != nil {
		t.Fatal(err)
	}
	if err := s.Close(); err != nil {
		t.Fatal(err)
	}
	return path
}

func TestUnclassifiedListsUnmatchedDiagnosticsByFrequency(t *testing.T) {
	var said []string
	for range 600 { // more than a page
		said = append(said, "999 Blah blah <a@example.com> id 12345678", "999 Blah blah <b@example.org> id 987654321",
			"999 Hm")
	}
	path := bouncesIn(t, func(int, *upstream.BounceDetail) {}, append(said, "", "550 User unknown")...)
	code, out, messages := classifying(t, "", "--unclassified", "--data", path)
	want := "1200\t… Blah blah <…> id …\n600\t… Hm\n1\t(nothing)\n"
	if code != exitOK || out != want || messages != "3 texts of 1,801 bounces that no rule matches\n" {
		t.Errorf("exit %d, %q, %q; want %q", code, out, messages, want)
	}
}

func TestReclassifyAppliesTheCurrentRules(t *testing.T) {
	path := bouncesIn(t, func(i int, d *upstream.BounceDetail) {
		switch i {
		case 1:
			d.RuleName, d.Category, d.Type = "badmailbox01", "bad-mailbox", upstream.Hard
		case 2: // by a rule that has changed since
			d.RuleName, d.Category = "old01", "other"
		case 3: // by its source
			d.Category = "spam-related"
		}
	}, "552 over quota", "550 User unknown", "550 User unknown", "550 User unknown", "999 Hm", "452 Mailbox full")
	reclassify := func(args ...string) (int, string, string) {
		var o, e bytes.Buffer
		code := Run(t.Context(), append([]string{"reclassify", "--data", path}, args...),
			Streams{strings.NewReader(""), &o, &e})
		return code, o.String(), e.String()
	}
	const changes = "2\tunclassified\tsoft\tquota-issues\tsoft\n1\tother\tsoft\tbad-mailbox\thard\n"
	for _, c := range []struct {
		args           []string
		out, message   string
		quota, mailbox int // bounces of these categories afterwards
	}{
		{[]string{"--dry-run"}, changes, "6 bounces: 3 would change, 1 that no rule matches\n", 0, 1},
		{nil, changes, "6 bounces: 3 changed, 1 that no rule matches\n", 2, 2},
		{nil, "", "6 bounces: 0 changed, 1 that no rule matches\n", 2, 2},
		{
			[]string{"--all"}, "1\tspam-related\tsoft\tbad-mailbox\thard\n",
			"6 bounces: 1 changed, 1 that no rule matches\n", 2, 3,
		},
	} {
		if code, out, message := reclassify(c.args...); code != exitOK || out != c.out || message != c.message {
			t.Errorf("%q: exit %d, %q, %q", c.args, code, out, message)
		}
		s, err := sqlite.Open(t.Context(), sqlite.Options{Path: path, MustExist: true})
		if err != nil {
			t.Fatal(err)
		}
		for category, want := range map[string]int{"quota-issues": c.quota, "bad-mailbox": c.mailbox} {
			n := 0
			_, err := s.Reclassify(t.Context(), true, func(d upstream.BounceDetail) (unchanged store.Class) {
				if d.Category != category {
					return
				}
				n++
				if d.RuleName == "" || d.DiagnosticCode == "" || d.EmailAddress != "user@example.com" {
					t.Errorf("%+v", d)
				}
				return
			})
			if err != nil || n != want {
				t.Errorf("%q: %d bounces of %s, want %d; %v", c.args, n, category, want, err)
			}
		}
		if err := s.Close(); err != nil {
			t.Fatal(err)
		}
	}
	var e bytes.Buffer
	if code := Run(t.Context(), []string{"reclassify", "--data", "/nowhere/x.db"},
		Streams{nil, &e, &e}); code != exitUsage || !strings.Contains(e.String(), "--data: ") {
		t.Errorf("a store that is not there: exit %d, %s", code, e.String())
	}
	ctx, stop := context.WithCancel(t.Context())
	stop()
	if code := Run(ctx, []string{"reclassify", "--data", path}, Streams{nil, &e, &e}); code != exitFailure ||
		!strings.Contains(e.String(), "run the same command again") {
		t.Errorf("a command that is stopped: exit %d, %s", code, e.String())
	}
}

// The detail endpoint's key does not tell such bounces apart.
func TestBouncesOfOneEmailAndSecondAreAllSorted(t *testing.T) {
	path := bouncesIn(t, func(i int, d *upstream.BounceDetail) {
		d.EmailID, d.BounceTime, d.EmailAddress = "20261110100001.1@mx1", 1794304801,
			fmt.Sprintf("user%d@example.com", i)
		d.Local = fmt.Sprintf("user%d", i)
	}, "552 over quota", "552 over quota", "999 Hm")
	var o, e bytes.Buffer
	if code := Run(t.Context(), []string{"reclassify", "--data", path},
		Streams{strings.NewReader(""), &o, &e}); code != exitOK ||
		o.String() != "2\tunclassified\tsoft\tquota-issues\tsoft\n" {
		t.Errorf("exit %d, %q, %q", code, o.String(), e.String())
	}
}
