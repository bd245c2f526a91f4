package classify

import (
	"os"
	"path/filepath"
	"strings"
	"testing"
)

// rule returns a file of one rule in which some fields are changed or left out.
func rule(changes ...string) string {
	fields := []string{"Rule: own01", "Category: other", "Type: soft", "Description: A rule.",
		"Text: purple [small] elephant*", "Example: 550 Purple elephants"}
	for _, c := range changes {
		name, value, _ := strings.Cut(c, ":")
		for i, f := range fields {
			if strings.HasPrefix(f, name+":") {
				if fields[i] = c; value == "" {
					fields[i] = ""
				}
			}
		}
	}
	return strings.Join(fields, "\n") + "\n"
}

func load(t *testing.T, text string) (*Rules, error) {
	t.Helper()
	file := filepath.Join(t.TempDir(), "own.txt")
	if err := os.WriteFile(file, []byte(text), 0o600); err != nil {
		t.Fatal(err)
	}
	return Load(file)
}

func TestLoadTriesTheFileBeforeTheEmbeddedRules(t *testing.T) {
	rules, err := load(t, "\ufeff# ours\r\n"+strings.ReplaceAll(rule("Text: user unknown [to our]\n  purple "+
		"elephant*", "Example: user unknown to our purple elephant"), "\n", "\r\n"))
	if err != nil {
		t.Fatal(err)
	}
	if m := rules.Classify("5.1.1", "550 5.1.1 User unknown to our purple elephants", ""); m.Rule.Name != "own01" ||
		m.Words != "User unknown to our purple elephants" {
		t.Errorf("matched by %s, %q", m.Rule.Name, m.Words)
	}
	if m := rules.Classify("", "550 5.1.1 User unknown", ""); m.Rule.Category != "bad-mailbox" {
		t.Errorf("the embedded rules are lost: %s", m.Rule.Category)
	}
	if r, ok := rules.Find("own01"); !ok || r.Description != "A rule." {
		t.Errorf("Find returns %+v, %v", r, ok)
	}
}

func TestLoadReplacesAnEmbeddedRule(t *testing.T) {
	rules, err := load(t, rule("Rule: quotaissues01", "Category: quota-issues", "Type: hard", "Text: mailbox full",
		"Example: mailbox full"))
	if err != nil {
		t.Fatal(err)
	}
	if m := rules.Classify("", "552 Mailbox full", ""); m.Rule.Name != "quotaissues01" || m.Rule.Type != "hard" {
		t.Errorf("matched by %s, %s", m.Rule.Name, m.Rule.Type)
	}
	if len(rules.All()) != len(Default().All()) {
		t.Errorf("%d rules of %d", len(rules.All()), len(Default().All()))
	}
}

func TestErrorsNameTheLine(t *testing.T) {
	for text, want := range map[string]string{
		"":                "the file has no rules",
		"Category: other": "own.txt:1: Category comes before the first rule",
		"Rule: A b":       `own.txt:1: rule "A b": a name consists of lower-case letters`,
		rule("Category: bad-mailbx"): `own.txt:2: rule own01: unknown category "bad-mailbx": did you ` +
			`mean "bad-`,
		rule("Type: medium"): `own.txt:3: rule own01: type "medium" is neither hard nor soft`,
		rule("Text: Txet: a"): `own.txt:5: rule own01: text "Txet: a": ":" is neither a letter ` +
			`nor a digit`,
		rule() + "Txet: a":         `own.txt:7: rule own01: unknown field "Txet": did you mean "Text"?`,
		rule() + "nonsense":        `own.txt:7: rule own01: "nonsense" is not a field`,
		rule() + "Category: other": "own.txt:7: rule own01: Category is given twice",
		rule() + rule():            `own.txt:7: rule own01: rule "own01" is already defined on line 1`,
		rule("Category:"):          "own.txt:1: rule own01 lacks a category",
		rule("Type:"):              "own.txt:1: rule own01 lacks a type",
		rule("Description:"):       "own.txt:1: rule own01 lacks a description",
		rule("Text:"):              "own.txt:1: rule own01 lacks words or codes",
		rule("Example:"):           "own.txt:1: rule own01 lacks an example",
		rule("Example: 550 User unknown"): `example "550 User unknown": rule badmailbox01 matches it first, by ` +
			`"User unknown"`,
		rule("Example: something"):             `rule own01 does not match its example "something": no rule matches`,
		rule("Text: (purple elephant"):         `"(" is not closed`,
		rule("Text: purple) elephant"):         `")" has no opening bracket`,
		rule("Text: (purple] elephant"):        `"(" is closed by "]"`,
		rule("Text: purple (a|) elephant"):     "a choice is empty",
		rule("Text: [purple]"):                 "everything in it is optional",
		rule("Text: ... elephant"):             "must begin and end with a word",
		rule("Text: purple [x] _"):             "must begin and end with a word",
		rule("Text: purple (elephant|x ...)"):  "must begin and end with a word",
		rule("Text: pu* elephant"):             `"pu*" is too short`,
		rule("Text: 550 elephant"):             `"550" is not a word`,
		rule("Text: purple @ elephant"):        `"@" is neither a letter nor a digit`,
		rule("Text: ((((purple)))) elephant"):  "nested more than three deep",
		rule() + "Code: 5.1":                   `"5.1" is not a code`,
		rule() + "Code: 5.1.x":                 `"5.1.x" is not a code`,
		rule() + "Code: 3.1.1":                 `"3.1.1" is not a code`,
		rule() + "Weak: true":                  `Weak is "true"`,
		strings.Replace(rule(), "soft", "", 1): "own.txt:3: rule own01: Type has no value",
	} {
		_, err := load(t, text)
		if err == nil || !strings.Contains(err.Error(), want) {
			t.Errorf("%q\ngot %v\nwant %s", text, err, want)
		}
	}
	if _, err := Load("/nowhere/rules.txt"); err == nil || !strings.Contains(err.Error(), "/nowhere/rules.txt") {
		t.Errorf("a missing file gives %v", err)
	}
}

func TestCodePatterns(t *testing.T) {
	for pattern, codes := range map[string][]string{
		"5.1.1": {"5.1.1"}, "*.2.2": {"4.2.2", "5.2.2"}, "5.7.*": {"5.7.1", "5.7.26"}, "4.*.*": {"4.0.0", "4.7.1"},
		"552": {"552"},
	} {
		p, ok := parseCodePattern(pattern)
		if !ok {
			t.Errorf("%s is not parsed", pattern)
		}
		for _, all := range []string{"5.1.1", "4.2.2", "5.2.2", "5.7.1", "5.7.26", "4.0.0", "4.7.1", "552", "550"} {
			want := false
			for _, c := range codes {
				want = want || c == all
			}
			c, _ := parseCode(all)
			if p.matches(c) != want && !(pattern == "4.*.*" && all == "4.2.2") {
				t.Errorf("%s matches %s: %v", pattern, all, !want)
			}
		}
	}
}
