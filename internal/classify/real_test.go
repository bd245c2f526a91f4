package classify_test

import (
	"bufio"
	"compress/gzip"
	"encoding/json"
	"fmt"
	"os"
	"path/filepath"
	"slices"
	"strings"
	"testing"

	"deliverygraph/internal/classify"
	"deliverygraph/upstream"
	"deliverygraph/upstream/embedded/importer/format"
	"deliverygraph/upstream/embedded/importer/format/dsn"
)

// data is a directory next to the checkout with mails that are not part of the project.
// Tests that need it are skipped if it does not exist.
const data = "../../../shared/data"

// allowed returns the categories that count as right for each reason that labels the real
// mails, from the table in their README.
func allowed(t *testing.T) map[string]string {
	t.Helper()
	text, err := os.ReadFile(filepath.Join(data, "README.md"))
	if err != nil {
		t.Skip("no real bounce mails next to the checkout")
	}
	table := make(map[string]string)
	for line := range strings.Lines(string(text)) {
		if cells := strings.Split(line, "|"); len(cells) == 4 {
			table[strings.TrimSpace(cells[1])] = strings.TrimSpace(cells[2])
		}
	}
	return table
}

func TestRealBouncesGetTheRightCategory(t *testing.T) {
	right, unclassified, all := 0, 0, 0
	table := allowed(t)
	lines(t, filepath.Join(data, "real-bounces.ndjson"), func(line []byte) {
		var row struct {
			Kind      string
			Reason    string `json:"regex_name"`
			Recipient string `json:"email_address"`
			Content   string `json:"full_content"`
		}
		if err := json.Unmarshal(line, &row); err != nil {
			t.Fatal(err)
		}
		if row.Kind != "bounce" {
			return
		}
		all++
		m := dsn.Parse(row.Content)
		r := dsn.Recipient{}
		for i, found := range m.Recipients {
			if i == 0 || strings.EqualFold(found.Address, row.Recipient) {
				r = found
			}
		}
		got := classify.Default().Classify(r.Code(), r.Diagnostic, m.Notice)
		if want := table[row.Reason]; want == "any" || slices.Contains(strings.Split(want, ", "), got.Rule.Category) {
			right++
		}
		if got.Rule.Name == "" {
			unclassified++
		}
	})
	percent := func(n int) float64 { return 100 * float64(n) / float64(all) }
	t.Logf("%d mails: %.1f %% right, %.1f %% unclassified", all, percent(right), percent(unclassified))
	if right*100 < all*95 || unclassified*100 >= all*3 {
		t.Error("want at least 95 % right, and fewer than 3 % unclassified")
	}
}

// scenarios are the right categories for what the receiving server of the Postfix data
// was configured to answer.
var scenarios = map[string]string{
	"nouser-p": "bad-mailbox", "nouser-m": "bad-mailbox", "nouser-g": "bad-mailbox", "nouser-y": "bad-mailbox",
	"quota-s": "quota-issues", "quota-h": "quota-issues", "policy": "policy-related", "dmarc": "policy-related",
	"content": "content-related", "size": "content-related", "virus": "virus-related", "routing": "routing-errors",
	"config": "bad-configuration", "inactive": "inactive-mailbox", "spam": "spam-related", "rbl": "spam-related",
	"tss04": "policy-related", "grey": "policy-related", "drop": "bad-connection", "refused": "bad-connection",
	"hang": "no-answer-from-host", "relay": "relaying-issues", "sender": "invalid-sender", "proto": "protocol-errors",
	"nodns": "bad-domain",
}

func TestPostfixReportsBecomeTheBouncesThatHappened(t *testing.T) {
	file, err := os.Open(filepath.Join(data, "postfix", "bounces.mbox.gz"))
	if err != nil {
		t.Skip("no Postfix data next to the checkout")
	}
	defer file.Close()
	unpacked, err := gzip.NewReader(file)
	if err != nil {
		t.Fatal(err)
	}
	got := &counter{rows: make(map[string]int)}
	err = dsn.Format.New(format.Options{}).Read(t.Context(), format.File{Reader: bufio.NewReaderSize(unpacked,
		64<<10)}, got)
	if err != nil || len(got.bad) > 0 {
		t.Fatal(err, got.bad)
	}
	n := 0
	lines(t, filepath.Join(data, "postfix", "truth.jsonl"), func(line []byte) {
		var message struct{ To, Scenario string }
		if err := json.Unmarshal(line, &message); err != nil {
			t.Fatal(err)
		}
		category := scenarios[message.Scenario]
		if key := message.To + " " + category; category != "" && got.rows[key] > 0 {
			got.rows[key]--
			n++
		}
	})
	for key, left := range got.rows {
		if left != 0 {
			t.Errorf("%s: %d bounces too many", key, left)
		}
	}
	if n != 190 {
		t.Errorf("%d bounces, want 190", n)
	}
}

// counter counts records by recipient and category.
type counter struct {
	rows map[string]int
	bad  []string
}

func (c *counter) Record(_ int, r format.Record) error {
	m := classify.Default().Classify(r.Code, r.Diagnostic, dsn.Notice(r.Content))
	c.rows[r.Recipient+" "+m.Rule.Category]++
	return nil
}
func (c *counter) Skip(string) {}
func (c *counter) Bad(_ int, reason string) error {
	c.bad = append(c.bad, reason)
	return nil
}

func TestSharedCasesBecomeTheirRows(t *testing.T) {
	files, _ := filepath.Glob(filepath.Join(data, "cases", "*.eml"))
	if len(files) == 0 {
		t.Skip("no cases next to the checkout")
	}
	for _, file := range files {
		in, err := os.Open(file)
		if err != nil {
			t.Fatal(err)
		}
		defer in.Close()
		var got, want []string
		c := recorder(func(r format.Record) {
			rule := classify.Default().Classify(r.Code, r.Diagnostic, dsn.Notice(r.Content)).Rule
			got = append(got, fmt.Sprint(r.Recipient, r.Code, r.Diagnostic, rule.Type, rule.Category, int64(r.Time),
				int64(r.Processed)))
		})
		if err := dsn.Format.New(format.Options{}).Read(t.Context(), format.File{Reader: bufio.NewReader(in)},
			c); err != nil {
			t.Fatal(err)
		}
		lines(t, strings.TrimSuffix(file, ".eml")+".want.ndjson", func(line []byte) {
			var w struct {
				Recipient  string              `json:"email_address"`
				Code       string              `json:"bounce_code"`
				Diagnostic string              `json:"diagnostic_code"`
				Type       upstream.BounceType `json:"bounce_type"`
				Category   string              `json:"bounce_category"`
				Bounced    int64               `json:"bounce_time"`
				Processed  int64               `json:"process_time"`
			}
			if err := json.Unmarshal(line, &w); err != nil {
				t.Fatal(err)
			}
			want = append(want, fmt.Sprint(w.Recipient, w.Code, w.Diagnostic, w.Type, w.Category, w.Bounced,
				w.Processed))
		})
		if !slices.Equal(got, want) {
			t.Errorf("%s\ngot  %q\nwant %q", filepath.Base(file), got, want)
		}
	}
}

type recorder func(format.Record)

func (f recorder) Record(_ int, r format.Record) error { f(r); return nil }
func (recorder) Skip(string)                           {}
func (recorder) Bad(int, string) error                 { return nil }

// lines calls f with each line of a file.
func lines(t *testing.T, file string, f func(line []byte)) {
	t.Helper()
	in, err := os.Open(file)
	if err != nil {
		t.Fatal(err)
	}
	defer in.Close()
	s := bufio.NewScanner(in)
	s.Buffer(nil, 1<<20)
	for s.Scan() {
		f(s.Bytes())
	}
	if err := s.Err(); err != nil {
		t.Fatal(err)
	}
}
