package postfix_test

import (
	"compress/gzip"
	"encoding/json"
	"io"
	"strings"
	"testing"

	"github.com/google/go-cmp/cmp"

	"deliverygraph/upstream/embedded/importer/format"
	"deliverygraph/upstream/embedded/importer/format/formattest"
)

func gunzip(t *testing.T, text string) string {
	t.Helper()
	z, err := gzip.NewReader(strings.NewReader(text))
	if err != nil {
		t.Fatal(err)
	}
	b, err := io.ReadAll(z)
	if err != nil {
		t.Fatal(err)
	}
	return string(b)
}

// truth is how the server of the real log was configured to answer about a recipient.
type truth struct {
	MessageID string `json:"message_id"`
	From, To  string
	Scenario  string
	Refused   bool `json:"refused_at_submit"`
}

func TestRealLogMatchesItsTruth(t *testing.T) {
	log := gunzip(t, formattest.Shared(t, "postfix/mail.log.gz"))
	s := read(t, log)
	if len(s.Bads) > 0 {
		t.Errorf("bad lines: %q", s.Bads)
	}
	got := map[string]format.Record{}
	ids := map[string]string{}
	for _, r := range s.Records {
		if _, twice := got[r.Recipient]; twice {
			t.Errorf("%s is there twice", r.Recipient)
		}
		if other := ids[r.EmailID]; other != "" {
			t.Errorf("%s and %s have the email id %s", r.Recipient, other, r.EmailID)
		}
		got[r.Recipient], ids[r.EmailID] = r, r.Recipient
	}
	messages := 0
	for d := json.NewDecoder(strings.NewReader(formattest.Shared(t, "postfix/truth.jsonl"))); d.More(); {
		var x truth
		if err := d.Decode(&x); err != nil {
			t.Fatal(err)
		}
		if !strings.Contains(log, "to=<"+x.To+">") {
			continue
		}
		messages++
		r, ok := got[x.To]
		if !ok {
			t.Errorf("%s (%s) is missing", x.To, x.Scenario)
			continue
		}
		delete(got, x.To)
		if r.Sender != x.From {
			t.Errorf("%s: the sender is %q, want %q", x.To, r.Sender, x.From)
		}
		last := lastLine(log, x.To)
		if strings.Contains(last, "status=sent") != (r.Outcome == format.Delivered) ||
			strings.Contains(last, "status=bounced") && r.Outcome != format.Bounced {
			t.Errorf("%s (%s): outcome %d, but the log says %q", x.To, x.Scenario, r.Outcome, last)
		}
		if r.Outcome == format.Bounced {
			switch {
			case strings.Contains(last, "status=deferred") != r.Expired:
				t.Errorf("%s (%s): expired %t; its last line is %q", x.To, x.Scenario, r.Expired, last)
			case !strings.Contains(last, "dsn="+r.Code+","):
				t.Errorf("%s (%s): code %q, but its last line is %q", x.To, x.Scenario, r.Code, last)
			case r.Diagnostic == "" || !strings.Contains(last, strings.TrimPrefix(r.Diagnostic, "smtp;")):
				t.Errorf("%s (%s): diagnostic %q, but its last line is %q", x.To, x.Scenario, r.Diagnostic, last)
			}
		}
	}
	for to := range got {
		t.Errorf("%s is not a recipient in the list of expected outcomes", to)
	}
	if messages < 450 {
		t.Errorf("the log has %d recipients", messages)
	}
	t.Log(messages, s.Skipped)
}

func lastLine(log, to string) (last string) {
	for line := range strings.Lines(log) {
		if strings.Contains(line, "to=<"+to+">") {
			last = line
		}
	}
	return last
}

func TestCases(t *testing.T) {
	for _, c := range []struct {
		name string
		want []format.Record
	}{
		{"21.log", []format.Record{{
			Outcome: format.Bounced, Sender: "news@example.com", Recipient: "other-user@example.org",
			EmailID:   "20251125100000.4cDCnd66Hyz1XPWFF-9fc1520f@mx1",
			Processed: 1764064800, Time: 1764496805, Expired: true, Code: "4.4.1",
			Diagnostic: "delivery temporarily suspended: connect to mx.example.net[192.0.2.1]:25: Connection timed out",
		}}},
		{"22.log", []format.Record{{
			Outcome: format.Bounced, Sender: "mail@example.org", Recipient: "mail@example.com",
			EmailID:   "20260627143012.C642C8414CE-81df589b@mx",
			Processed: 1782570612, Time: 1782570614, Code: "5.1.1",
			Diagnostic: "smtp;550 5.1.1 <mail@example.com>: Recipient address rejected: User unknown",
		}}},
		{"24.log", []format.Record{{
			Outcome: format.Bounced, Recipient: "jos\ufffd@example.com",
			EmailID:   "20250824165651.71857141C7A-e62fd6fe@mx1",
			Processed: 1756054611, Time: 1756055744, Code: "5.4.4", Diagnostic: "Host or domain name not found",
		}, {
			Outcome: format.Delivered, Recipient: "b@example.com", EmailID: "20250824171544.71857141C7B-e8f39b3e@mx1",
			Processed: 1756055744, Time: 1756055745,
		}}},
	} {
		t.Run(c.name, func(t *testing.T) {
			s := read(t, formattest.Shared(t, "cases/"+c.name))
			for i := range s.Records {
				s.Records[i].Earliest = 0
			}
			if diff := cmp.Diff(c.want, s.Records); diff != "" || len(s.Bads) > 0 {
				t.Errorf("bad: %q; records (-want +got):\n%s", s.Bads, diff)
			}
		})
	}
}

func TestSamplesOfOtherPeoplesLogs(t *testing.T) {
	for name, outcome := range map[string][]string{
		"correlated.log": {"test@example.to delivered", "test2@example.to delivered", "test@example.ccc delivered",
			"test@example.ddd delivered"},
		"rfc3339.log": {"test@example.to delivered", "test2@example.to delivered", "test@example.ccc delivered",
			"test@example.ddd delivered"},
		"bounced-deferred.log": {"redacted@gmail.com bounced", "user@example.org bounced",
			"ghdsgfhdslfh@localhost bounced",
			"whatever-user@lists.example.org accepted", "user@yahoo.com accepted"},
		"long-queue-id.log": {"395a1c@emea.example.org delivered", "someone@example.com accepted"},
	} {
		t.Run(name, func(t *testing.T) {
			s := read(t, formattest.Shared(t, "formats/postfix/"+name))
			want(t, s, outcome...)
			if bad := map[string]int{"long-queue-id.log": 1}[name]; len(s.Bads) != bad {
				t.Errorf("bad lines: %q", s.Bads)
			}
		})
	}
}
