package upstream_test

import (
	"bytes"
	"flag"
	"os"
	"path/filepath"
	"slices"
	"strings"
	"testing"

	"github.com/go-json-experiment/json/jsontext"
	"github.com/google/go-cmp/cmp"

	. "deliverygraph/upstream"
)

var update = flag.Bool("update", false, "write testdata/document/ours anew")

// example is one of the document's examples; see testdata/document/README.md.
type example struct {
	name   string
	decode func(string) (any, error)
	want   any
	encode func(rows any) []byte
	copied bool // its fields were copied from another endpoint
}

func newExample[T any](name string, decode func(string) (T, error), want T, encode func([]byte, T) []byte) example {
	return example{
		name:   name,
		decode: func(b string) (any, error) { return decode(b) },
		want:   want,
		encode: func(rows any) []byte { return encode(nil, rows.(T)) },
	}
}

func countsExample(name string, k Kind, r Rollup, want ...Count) example {
	return newExample(name,
		func(b string) ([]Count, error) { return DecodeCounts(b, k, r) }, want,
		func(dst []byte, rows []Count) []byte { return AppendCounts(dst, k, r, rows) })
}

func seriesExample(name string, k Kind, want ...Series) example {
	return newExample(name,
		func(b string) ([]Series, error) { return DecodeSeries(b, k) }, want,
		func(dst []byte, rows []Series) []byte { return AppendSeries(dst, k, rows) })
}

func headerFilters(pairs ...string) (f HeaderFilters) {
	copy(f[:], headers(pairs...))
	return f
}

func headers(pairs ...string) []Header {
	var hs []Header
	for p := range slices.Chunk(pairs, 2) {
		hs = append(hs, Header{Name: p[0], Value: p[1]})
	}
	return hs
}

func (e example) path() string { return filepath.Join("testdata", "document", e.name+".json") }

func (e example) body(t testing.TB) []byte {
	t.Helper()
	b, err := os.ReadFile(e.path())
	if err != nil {
		t.Fatal(err)
	}
	return b
}

var examples = []example{
	newExample("bounces", DecodeBounces, []Bounce{{
		UserID: 21, SenderID: 17, EmailID: "20161122000000.125874958762@mail6-40-ussnn1",
		EmailAddress: "recipient1@example.com", Local: "recipient1", Domain: "example.com",
		Type: Soft, Category: "policy-related", Code: "4.2.0", BounceTime: 1479772800, ProcessTime: 1479772800,
		XHeaders: headers("X-Subscription11", "None", "X-CampaignMaster11", "Notification", "X-DistrictMaster11",
			"New Hampshire", "X-OptIn11", "Refused"),
	}}, AppendBounces),
	newExample("bounce", DecodeBounceDetail, BounceDetail{
		Bounce: Bounce{
			UserID: 405954, SenderID: 107546, EmailID: "20160829200233.000004d57a76@mail6-45-ussnn1",
			EmailAddress: "recipient1@example.com", Local: "recipient1", Domain: "example.com",
			Type: Soft, Category: "policy-related", Code: "5.2.2", BounceTime: 1472500955, ProcessTime: 1472500953,
			XHeaders: headers("X-Subscription11", "None", "X-CampaignMaster11", "Notification", "X-DistrictMaster11",
				"New Hampshire", "X-OptIn11", "Refused"),
		},
		DiagnosticCode: "smtp;552 5.2.2 <recipient1@example.com>: Recipient address rejected: Over quota",
		RuleName:       "policyrelated03",
		FullContent: "Return-Path: <>\nX-Original-To: bounces+recipient1=example.com@example.net\n" +
			"Delivered-To: bounces+tester2=recipient1@example.com.testapi.com\n" +
			"Received: from mtaout-04013-pao.dynect.net (unknown [162.88.4.13])\n" +
			"\tby bounce6-02-pao.dyndns.com (Postfix) with ESMTPS id 90E4B1FE51\n" +
			"\t[full bounce email is provided - truncated here for convenience]",
	}, func(dst []byte, d BounceDetail) []byte {
		return AppendBounceDetail(dst, d, Envelope{
			ProcessingTime: 0.2052, RecvTime: 1477422244.623, RespTime: 1477422244.8282, APIHost: "testapi.com",
		})
	}),
	countsExample("bounce-counts", Bounces, BySender,
		Count{ID: 17, Sender: "v4master1sub1sender1@dyn.com", Tally: Tally{Total: 13536, Soft: 9024, Hard: 4512}},
		Count{ID: 18, Sender: "v4master1sub1sender2@dyn.com", Tally: Tally{Total: 13536, Soft: 9024, Hard: 4512}}),
	seriesExample("bounce-counts-timeseries-day", Bounces, Series{ID: 19, Points: []Point{
		{Start: 1479600000, Tally: Tally{Total: 49188, Soft: 36096, Hard: 13092}},
		{Start: 1479686400, Tally: Tally{Total: 86150, Soft: 76056, Hard: 10094}},
		{Start: 1479772800, Tally: Tally{Total: 108077, Soft: 98076, Hard: 10001}},
	}}),
	newExample("bounce-categories", DecodeCodes, []string{
		"bad-configuration", "bad-connection", "bad-domain", "bad-mailbox", "content-related", "inactive-mailbox",
		"invalid-sender",
		"message-expired", "no-answer-from-host", "other", "policy-related", "protocol-errors", "quota-issues",
		"relaying-issues",
		"routing-errors", "spam-related", "unclassified", "virus-related",
	}, AppendCodes),
	newExample("emails", DecodeEmails, []Email{{
		UserID: 20, SenderID: 23, EmailID: "20161122000000.119152799365@mail6-40-ussnn1",
		EmailAddress: "recipient3@yahoo.com", Local: "recipient3", Domain: "yahoo.com", ProcessTime: 1479772800,
		Delivered: true,
		XHeaders: headers("X-Subscription11", "Monthly", "X-CampaignMaster11", "Notification", "X-DistrictMaster11",
			"New Hampshire", "X-OptIn11", "Agreed"),
	}, {
		UserID: 20, SenderID: 23, EmailID: "20161122000000.174475085064@mail6-40-ussnn1",
		EmailAddress: "recipient2@gmail.com", Local: "recipient2", Domain: "gmail.com", ProcessTime: 1479772800,
		Delivered: true,
		XHeaders: headers("X-Subscription11", "Monthly", "X-CampaignMaster11", "Notification", "X-DistrictMaster11",
			"North Carolina", "X-OptIn11", "Refused"),
	}}, AppendEmails),
	countsExample("email-counts", Emails, BySender,
		Count{ID: 23, Sender: "v4master2sub2sender1@dyn.com", Tally: Tally{Total: 4500}},
		Count{ID: 24, Sender: "v4master2sub2sender2@dyn.com", Tally: Tally{Total: 4500}}),
	countsExample("email-counts-rollup-user", Emails, ByUser, Count{ID: 20, Tally: Tally{Total: 9000}}),
	seriesExample("email-counts-timeseries-hour-rollup-user", Emails, Series{ID: 20, Points: []Point{
		{Start: 1479772800, Tally: Tally{Total: 24}},
		{Start: 1479776400, Tally: Tally{Total: 48}},
		{Start: 1479780000, Tally: Tally{Total: 48}},
	}}),
	newExample("blocked-emails", DecodeBlockedEmails, []BlockedEmail{{
		UserID: 20, SenderID: 23, EmailID: "20161122000000.102802739903@mail6-40-ussnn1",
		EmailAddress: "recipient1@example.com", Local: "recipient1", Domain: "example.com", Reason: "unsubscribe",
		ProcessTime: 1479772800,
	}, {
		UserID: 20, SenderID: 23, EmailID: "20161122000000.103538826002@mail6-40-ussnn1",
		EmailAddress: "recipient3@yahoo.com", Local: "recipient3", Domain: "yahoo.com", Reason: "manual",
		ProcessTime: 1479772800,
	}}, AppendBlockedEmails),
	func() example {
		e := countsExample("blocked-email-counts", BlockedEmails, BySender,
			Count{ID: 17, Sender: "v4master1sub1sender1@dyn.com", Tally: Tally{Total: 13536}},
			Count{ID: 18, Sender: "v4master1sub1sender2@dyn.com", Tally: Tally{Total: 13536}})
		e.copied = true
		return e
	}(),
	countsExample("blocked-email-counts-rollup-user", BlockedEmails, ByUser,
		Count{ID: 20, Tally: Tally{Total: 36096}}, Count{ID: 21, Tally: Tally{Total: 36096}},
		Count{ID: 22, Tally: Tally{Total: 36096}},
		Count{ID: 23, Tally: Tally{Total: 36096}}, Count{ID: 24, Tally: Tally{Total: 36096}}),
	seriesExample("blocked-email-counts-timeseries-day-rollup-user", BlockedEmails,
		Series{ID: 20, Points: []Point{
			{Start: 1479600000, Tally: Tally{Total: 3168}},
			{Start: 1479686400, Tally: Tally{Total: 4199}},
			{Start: 1479772800, Tally: Tally{Total: 2333}},
		}},
		Series{ID: 24, Points: []Point{
			{Start: 1479600000, Tally: Tally{Total: 2345}},
			{Start: 1479686400, Tally: Tally{Total: 1357}},
			{Start: 1479772800, Tally: Tally{Total: 900}},
		}}),
	newExample("blocked-email-reasons", DecodeCodes,
		[]string{"complaint", "hardbounce", "manual", "softbounce", "unsubscribe"}, AppendCodes),
}

func TestDocumentExamplesRoundTrip(t *testing.T) {
	t.Parallel()
	for _, e := range examples {
		t.Run(e.name, func(t *testing.T) {
			t.Parallel()
			rows, err := e.decode(string(e.body(t)))
			if err != nil {
				t.Fatal(err)
			}
			if diff := cmp.Diff(e.want, rows); diff != "" {
				t.Errorf("decoded: -want +got\n%s", diff)
			}

			got := append(e.encode(rows), '\n')
			golden := filepath.Join("testdata", "document", "ours", e.name+".json")
			if *update {
				if err := os.WriteFile(golden, got, 0o644); err != nil {
					t.Fatal(err)
				}
			}
			want, err := os.ReadFile(golden)
			if err != nil {
				t.Fatal(err)
			}
			if diff := cmp.Diff(string(want), string(got)); diff != "" {
				t.Errorf("encoded: -want +got\n%s", diff)
			}
			again, err := e.decode(string(got))
			if err != nil {
				t.Fatal(err)
			}
			if diff := cmp.Diff(e.want, again); diff != "" {
				t.Errorf("decoded again: -want +got\n%s", diff)
			}
			if ex, our := fieldOrder(t, e.body(t)), fieldOrder(t, got); !e.copied && ex != our {
				t.Errorf("fields are written in the order %q, in the document's example they are in the order %q", our,
					ex)
			}
		})
	}
}

// fieldOrder returns the names of the fields of the first row in body, in order, without those of the envelope.
func fieldOrder(t *testing.T, body []byte) string {
	t.Helper()
	d := jsontext.NewDecoder(bytes.NewReader(body))
	var names []string
	for {
		tok, err := d.ReadToken()
		if err != nil {
			return strings.Join(names, " ")
		}
		name := tok.String()
		kind, n := d.StackIndex(d.StackDepth())
		switch {
		case kind != '{' || n%2 == 0 || tok.Kind() != '"' || d.StackDepth() == 1:
		case strings.HasPrefix(name, "X-"), slices.Contains(names, name), name[0] <= '9':
		default:
			names = append(names, name)
		}
	}
}
