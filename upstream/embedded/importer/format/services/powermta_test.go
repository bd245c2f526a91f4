package services_test

import (
	"fmt"
	"slices"
	"strings"
	"testing"
	"time"

	"github.com/google/go-cmp/cmp"
	"github.com/google/go-cmp/cmp/cmpopts"

	"deliverygraph/upstream"
	"deliverygraph/upstream/embedded/importer/format"
	"deliverygraph/upstream/embedded/importer/format/formattest"
	"deliverygraph/upstream/embedded/importer/format/services"
)

func TestPowerMTACase26(t *testing.T) {
	s := formattest.Recognised(t, services.PowerMTA, formattest.Shared(t, "cases/26.csv"))
	const diagnostic = "smtp;550 5.1.1 The email account that you tried to reach does not exist. " +
		"Please try double-checking the recipient's email address for typos or " +
		"unnecessary spaces. Learn more at https://support.google.com/mail/answer/6596 "
	want := []format.Record{{
		Outcome: format.Bounced, Account: "pmta-vmta47", Sender: "mail@mail50.example.com",
		Recipient: "user1@example.net", Processed: 1470074761, Time: 1470074761,
		Category: "bad-mailbox", Code: "5.1.1",
		Diagnostic: diagnostic + "s142si14934335lfe.256 - gsmtp",
	}, {
		Outcome: format.Bounced, Account: "pmta-vmta48", Sender: "mail@mail51.example.com",
		Recipient: "user1@example.net", Processed: 1470077401, Time: 1470077401,
		Category: "bad-mailbox", Code: "5.1.1",
		Diagnostic: diagnostic + "p64si14982858lfd.341 - gsmtp",
	}}
	if diff := cmp.Diff(want, s.Records, cmpopts.IgnoreFields(format.Record{}, "EmailID")); diff != "" ||
		len(s.Bads) > 0 {
		t.Errorf("bad: %q; records (-want +got):\n%s", s.Bads, diff)
	}
	if s.Records[0].EmailID == s.Records[1].EmailID || !strings.HasPrefix(s.Records[0].EmailID, "20160801180601.") {
		t.Errorf("the email ids are %q and %q", s.Records[0].EmailID, s.Records[1].EmailID)
	}
}

func TestPowerMTARecordsHaveAllDataOfTheRow(t *testing.T) {
	const header = "#type,timeLogged,timeQueued,orig,rcpt,dsnAction,dsnStatus,dsnDiag,bounceCat,rcvSourceIp,vmta," +
		"rcvSourceIp,vmtaPool,header_Message-Id,header_X-Campaign,header_Subject,header_x-segment\n"
	const row = "b,1178807915,1178807900,news@example.com,user@example.net,failed,5.2.2 (mailbox full)," +
		`"smtp;552 5.2.2 <user@example.net>: ""over"", quota",quota-issues,192.0.2.1,vmta1,` +
		"192.0.2.2,shop,<m1@example.com>,spring,Hello,A\r\n"
	s := formattest.Recognised(t, services.PowerMTA, header+row)
	want := []format.Record{{
		Outcome: format.Bounced, Account: "shop", Sender: "news@example.com", EmailID: "m1@example.com",
		Recipient: "user@example.net", Processed: 1178807900, Time: 1178807915,
		Category: "quota-issues", Code: "5.2.2",
		Diagnostic: `smtp;552 5.2.2 <user@example.net>: "over", quota`,
		Headers:    []upstream.Header{{Name: "X-Campaign", Value: "spring"}, {Name: "x-segment", Value: "A"}},
	}}
	if diff := cmp.Diff(want, s.Records); diff != "" || len(s.Bads) > 0 {
		t.Errorf("bad: %q; records (-want +got):\n%s", s.Bads, diff)
	}
}

func TestPowerMTATypesOfRowsAndCategories(t *testing.T) {
	for row, want := range map[string]string{
		"d,": "delivered", "b,bad-mailbox": "bounced bad-mailbox", "b,bad-domain": "bounced bad-domain",
		"b,inactive-mailbox": "bounced inactive-mailbox",
		"b,routing-errors":   "bounced routing-errors", "rb,spam-related": "bounced spam-related",
		"b,": "bounced", "b,own": "bounced own",
		"t,": "deferral", "tq,": "deferral", "r,": "received mail", "f,": "complaint", "rs,": "status report",
		"x,": "other event",
	} {
		text := "type,bounceCat,timeLogged,rcpt\n" + row + ",1178807903,user@example.net\n"
		if got := meaning(t, services.PowerMTA, text); got != want {
			t.Errorf("%s: got %q, want %q", row, got, want)
		}
	}
}

func TestPowerMTATimesWithoutOffsetUseTheZoneOfTheOptions(t *testing.T) {
	o := format.Options{Location: time.FixedZone("", -4*3600)}
	s := formattest.Read(t, services.PowerMTA, o,
		"type,timeQueued,rcpt\nd,2016-08-01 14:06:01,a@example.com\nd,2016-08-01 14:06:01+0000,a@example.com\n")
	if s.Records[0].Time != 1470074761 || s.Records[1].Time != 1470060361 {
		t.Errorf("got %+v", s.Records)
	}
}

func TestPowerMTAHeaderLinesMayChange(t *testing.T) {
	s := formattest.Recognised(t, services.PowerMTA,
		"type,timeLogged,rcpt\nd,1178807903,a@example.com\ntype,rcpt,vmta,timeLogged\nd,b@example.com,v,1178807904\n")
	if got := strings.Join(s.Outcomes(), ", "); got != "a@example.com delivered, b@example.com delivered" ||
		len(s.Bads) > 0 {
		t.Errorf("got %q, bad %q", got, s.Bads)
	}
}

func TestPowerMTATheSameRowHasTheSameID(t *testing.T) {
	const header, a, b = "type,timeLogged,rcpt\n", "d,1178807903,a@example.com\n", "d,1178807903,b@example.com\n"
	first := formattest.Recognised(t, services.PowerMTA, header+a+b)
	second := formattest.Recognised(t, services.PowerMTA, header+b+a+a)
	if first.Records[0].EmailID == first.Records[1].EmailID {
		t.Error("two recipients have one email id")
	}
	for _, r := range second.Records {
		i := slices.IndexFunc(first.Records, func(x format.Record) bool { return x.Recipient == r.Recipient })
		if first.Records[i].EmailID != r.EmailID {
			t.Errorf("%s has the ids %s and %s", r.Recipient, first.Records[i].EmailID, r.EmailID)
		}
	}
}

func TestPowerMTAQuotes(t *testing.T) {
	const header, good = "type,timeLogged,rcpt,dsnDiag\n", "d,1178807903,good@example.com,\n"
	for name, c := range map[string]struct {
		text string
		want string
		bad  []int
	}{
		"a value over lines": {`b,1178807903,a@example.com,"one` + "\n" + `two ""2""` + "\n" + `three"` + "\n" + good,
			"a@example.com bounced, good@example.com delivered", nil},
		"not closed": {`b,1178807903,a@example.com,"one` + "\n" + strings.Repeat(good, 20),
			strings.Repeat(", good@example.com delivered", 20)[2:], []int{2}},
		"not closed at all": {`b,1178807903,a@example.com,"one` + "\n" + good, "good@example.com delivered", []int{2}},
		"in the middle": {`b,1178807903,a@example.com,o"n"e` + "\n" + good, "good@example.com delivered",
			[]int{2}},
		"twice not closed": {`b,1,a,"one` + "\n" + good + `b,1,a,"one` + "\n" + good,
			"good@example.com delivered, good@example.com delivered", []int{2, 4}},
	} {
		s := formattest.Recognised(t, services.PowerMTA, header+c.text)
		if got := strings.Join(s.Outcomes(), ", "); got != c.want || !slices.Equal(s.BadAt, c.bad) {
			t.Errorf("%s: got %q, bad %v %q; want %q, %v", name, got, s.BadAt, s.Bads, c.want, c.bad)
		}
	}
}

func TestPowerMTABadRowsAreReportedAndSkipped(t *testing.T) {
	s := formattest.Read(t, services.PowerMTA, format.Options{},
		"type,timeLogged,rcpt\nd,never,a@example.com\nd,1178807903,\nd\nd,1178807903,a@example.com,more,columns\n")
	if !slices.Equal(s.BadAt, []int{2, 3, 4}) || len(s.Records) != 1 {
		t.Errorf("bad lines %v %q, records %v", s.BadAt, s.Bads, s.Records)
	}
	s = formattest.Read(t, services.PowerMTA, format.Options{},
		"d,1178807903,a@example.com\nd,1178807903,a@example.com\n")
	if len(s.Bads) != 1 || s.Skipped["row without a header line"] != 1 {
		t.Errorf("without a header line: bad %q, skipped %v", s.Bads, s.Skipped)
	}
}

func TestPowerMTARecogniseTakesNoOtherTables(t *testing.T) {
	for _, head := range []string{"", "type", "type,name\n", "created,email,reason,status\n",
		"d,1178807903,a@example.com\n", `{"type":"Bounce"}`, "Nov 10 10:00:01 mx1 a: b\n"} {
		if services.PowerMTA.Recognise([]byte(head)) {
			t.Errorf("%q is taken for an accounting file", head)
		}
	}
}

func BenchmarkPowerMTARead(b *testing.B) {
	var text strings.Builder
	text.WriteString("type,timeLogged,timeQueued,orig,rcpt,orcpt,dsnAction,dsnStatus,dsnDiag,dsnMta,bounceCat,vmta\n")
	const rows = 10_000
	for i := range rows {
		fmt.Fprintf(&text,
			"b,2026-09-21 12:00:%02d+0000,2026-09-21 11:59:00+0000,b@em.example.com,u%d@example.net,,failed,5.1.1 "+
				"(bad destination mailbox address),\"smtp;550 5.1.1 <u%d@example.net>, "+
				"unknown\",mx.example.net,bad-mailbox,pool\n", i%60, i, i)
	}
	b.ReportAllocs()
	for b.Loop() {
		if s := formattest.Read(b, services.PowerMTA, format.Options{}, text.String()); len(s.Records) != rows {
			b.Fatal(len(s.Records), s.Bads)
		}
	}
	b.ReportMetric(float64(rows*b.N)/b.Elapsed().Seconds(), "rows/s")
}
