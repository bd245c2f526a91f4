package embedded_test

import (
	"flag"
	"fmt"
	"os"
	"path/filepath"
	"slices"
	"strings"
	"testing"
	"time"

	"github.com/google/go-cmp/cmp"

	"deliverygraph/upstream"
	"deliverygraph/upstream/embedded"
	"deliverygraph/upstream/embedded/store"
	"deliverygraph/upstream/upstreamtest"
)

var update = flag.Bool("update", false, "rewrite the golden files in testdata/document")

const documentFolder = "testdata/document"

// midnight is 2016-11-22T00:00:00Z, the start of most of the document's examples.
const midnight upstream.Time = 1479772800

// documentExamples are the examples of the API document, in its order. Each has a
// request and the rows that produce the document's answer, with the corrections in
// testdata/document/README.md.
var documentExamples = []struct {
	file    string
	request string
	rows    upstreamtest.Rows
}{
	{"bounces", "/bounces?start_time=1479772800&end_time=1479859200&user_id=21", upstreamtest.Rows{
		Bounces: []upstream.BounceDetail{{Bounce: upstream.Bounce{
			UserID: 21, SenderID: 17, EmailID: "20161122000000.125874958762@mail6-40-ussnn1",
			EmailAddress: "recipient1@example.com", Local: "recipient1", Domain: "example.com",
			Type: upstream.Soft, Category: "policy-related", Code: "4.2.0", BounceTime: midnight, ProcessTime: midnight,
			XHeaders: documentHeaders("None", "Notification", "New Hampshire", "Refused"),
		}}},
	}},
	{"bounce", "/bounce/405954/107546/1472500955/20160829200233.000004d57a76@mail6-45-ussnn1", upstreamtest.Rows{
		Bounces: []upstream.BounceDetail{{
			Bounce: upstream.Bounce{
				UserID: 405954, SenderID: 107546, EmailID: "20160829200233.000004d57a76@mail6-45-ussnn1",
				EmailAddress: "recipient1@example.com", Local: "recipient1", Domain: "example.com",
				Type: upstream.Soft, Category: "policy-related", Code: "5.2.2", BounceTime: 1472500955,
				ProcessTime: 1472500953,
				XHeaders:    documentHeaders("None", "Notification", "New Hampshire", "Refused"),
			},
			DiagnosticCode: "smtp;552 5.2.2 <recipient1@example.com>: Recipient address rejected: Over quota",
			RuleName:       "policyrelated03",
			FullContent: "Return-Path: <>\nX-Original-To: bounces+recipient1=example.com@bounces.example.org\n" +
				"Delivered-To: bounces+tester2=recipient1@example.com.testapi.example.org\n" +
				"Received: from mtaout-04013-pao.example.org (unknown [192.0.2.13])\n" +
				"\tby bounce6-02-pao.example.org (Postfix) with ESMTPS id 90E4B1FE51\n" +
				"\t[full bounce email is provided - truncated here for convenience]",
		}},
	}},
	{"bounce-counts", "/bounce/counts?start_time=1479772800&end_time=1479859200", join(
		events(21, 17, midnight, upstream.Day, tally{soft: 90, hard: 45}),
		events(21, 18, midnight, upstream.Day, tally{soft: 90, hard: 45}),
		upstreamtest.Rows{Senders: []store.Sender{
			{UserID: 21, SenderID: 17, Address: "v4master1sub1sender1@example.com"},
			{UserID: 21, SenderID: 18, Address: "v4master1sub1sender2@example.com"},
		}},
	)},
	{"bounce-counts-timeseries-day",
		"/bounce/counts?start_time=1479600000&end_time=1479859200&sender_id=19&timeseries=day", join(
			events(21, 19, midnight-2*86400, upstream.Day, tally{soft: 361, hard: 131}),
			events(21, 19, midnight-86400, upstream.Day, tally{soft: 761, hard: 101}),
			events(21, 19, midnight, upstream.Day, tally{soft: 981, hard: 100}),
		)},
	{"bounce-categories", "/bounce/categories", upstreamtest.Rows{}},
	{"emails", "/emails?start_time=1479772800&end_time=1479859200&user_id=20&delivered=1", upstreamtest.Rows{
		Emails: []upstream.Email{
			{
				UserID: 20, SenderID: 23, EmailID: "20161122000000.119152799365@mail6-40-ussnn1",
				EmailAddress: "recipient3@example.net", Local: "recipient3", Domain: "example.net",
				ProcessTime: midnight, Delivered: true,
				XHeaders: documentHeaders("Monthly", "Notification", "New Hampshire", "Agreed"),
			},
			{
				UserID: 20, SenderID: 23, EmailID: "20161122000000.174475085064@mail6-40-ussnn1",
				EmailAddress: "recipient2@example.org", Local: "recipient2", Domain: "example.org",
				ProcessTime: midnight, Delivered: true,
				XHeaders: documentHeaders("Monthly", "Notification", "North Carolina", "Refused"),
			},
		},
	}},
	{"email-counts", "/email/counts?start_time=1479772800&end_time=1479859200&user_id=20", join(
		events(20, 23, midnight, upstream.Day, tally{sent: 45}),
		events(20, 24, midnight, upstream.Day, tally{sent: 45}),
		upstreamtest.Rows{Senders: []store.Sender{
			{UserID: 20, SenderID: 23, Address: "v4master2sub2sender1@example.com"},
			{UserID: 20, SenderID: 24, Address: "v4master2sub2sender2@example.com"},
		}},
	)},
	{"email-counts-user", "/email/counts?start_time=1479772800&end_time=1479859200&user_id=20&rollup_to=user", join(
		events(20, 23, midnight, upstream.Day, tally{sent: 45}),
		events(20, 24, midnight, upstream.Day, tally{sent: 45}),
	)},
	{"email-counts-timeseries-hour-user",
		"/email/counts?start_time=1479772800&end_time=1479783600&user_id=20&timeseries=hour&rollup_to=user", join(
			events(20, 23, midnight, upstream.Hour, tally{sent: 12}),
			events(20, 24, midnight, upstream.Hour, tally{sent: 12}),
			events(20, 23, midnight+3600, upstream.Hour, tally{sent: 48}),
			events(20, 23, midnight+7200, upstream.Hour, tally{sent: 48}),
		)},
	{"blocked-emails", "/blocked-emails?start_time=1479772800&end_time=1479859200&user_id=20", upstreamtest.Rows{
		BlockedEmails: []upstream.BlockedEmail{
			{
				UserID: 20, SenderID: 23, EmailID: "20161122000000.102802739903@mail6-40-ussnn1",
				EmailAddress: "recipient1@example.com", Local: "recipient1", Domain: "example.com",
				ProcessTime: midnight, Reason: "unsubscribe",
			},
			{
				UserID: 20, SenderID: 23, EmailID: "20161122000000.103538826002@mail6-40-ussnn1",
				EmailAddress: "recipient3@example.net", Local: "recipient3", Domain: "example.net",
				ProcessTime: midnight, Reason: "manual",
			},
		},
	}},
	{"blocked-email-counts", "/blocked-email/counts?start_time=1479772800&end_time=1479859200", join(
		events(21, 17, midnight, upstream.Day, tally{blocked: 135}),
		events(21, 18, midnight, upstream.Day, tally{blocked: 135}),
		upstreamtest.Rows{Senders: []store.Sender{
			{UserID: 21, SenderID: 17, Address: "v4master1sub1sender1@example.com"},
			{UserID: 21, SenderID: 18, Address: "v4master1sub1sender2@example.com"},
		}},
	)},
	{"blocked-email-counts-user", "/blocked-email/counts?start_time=1479772800&end_time=1479859200&rollup_to=user",
		join(
			events(21, 17, midnight, upstream.Day, tally{blocked: 361}),
			events(22, 19, midnight, upstream.Day, tally{blocked: 361}),
			events(20, 23, midnight, upstream.Day, tally{blocked: 361}),
			events(23, 25, midnight, upstream.Day, tally{blocked: 361}),
			events(24, 27, midnight, upstream.Day, tally{blocked: 361}),
		)},
	{"blocked-email-counts-timeseries-day-user",
		"/blocked-email/counts?start_time=1479600000&end_time=1479859200&timeseries=day&rollup_to=user", join(
			events(24, 27, midnight-2*86400, upstream.Day, tally{blocked: 23}),
			events(24, 27, midnight-86400, upstream.Day, tally{blocked: 14}),
			events(24, 27, midnight, upstream.Day, tally{blocked: 9}),
			events(20, 23, midnight-2*86400, upstream.Day, tally{blocked: 32}),
			events(20, 23, midnight-86400, upstream.Day, tally{blocked: 42}),
			events(20, 23, midnight, upstream.Day, tally{blocked: 23}),
		)},
	{"blocked-email-reasons", "/blocked-email/reasons", upstreamtest.Rows{}},
}

// TestDocumentExamplesMatchGoldenFiles compares each answer with its golden file byte
// for byte.
func TestDocumentExamplesMatchGoldenFiles(t *testing.T) {
	notes, err := os.ReadFile(filepath.Join(documentFolder, "README.md"))
	if err != nil {
		t.Fatal(err)
	}
	var files []string
	for _, example := range documentExamples {
		file := example.file + ".json"
		files = append(files, file)
		t.Run(example.file, func(t *testing.T) {
			h := embedded.New(openStore(t, example.rows),
				embedded.Options{APIHost: "testapi.example.org", Now: documentClock()})
			r := get(t, h, example.request)
			got := bodyOf(t, r)
			if r.StatusCode != 200 {
				t.Fatalf("status %d: %s", r.StatusCode, got)
			}
			path := filepath.Join(documentFolder, file)
			if *update {
				if err := os.WriteFile(path, []byte(got), 0o644); err != nil {
					t.Fatal(err)
				}
			}
			want, err := os.ReadFile(path)
			if err != nil {
				t.Fatal(err)
			}
			if diff := cmp.Diff(string(want), got); diff != "" {
				t.Errorf("(-want +got)\n%s", diff)
			}
			if !strings.Contains(string(notes), "`"+file+"`") ||
				!strings.Contains(string(notes), "`GET "+example.request+"`") {
				t.Errorf("README.md does not list %s and its request", file)
			}
		})
	}
	for _, path := range glob(t, filepath.Join(documentFolder, "*.json")) {
		if !slices.Contains(files, filepath.Base(path)) {
			t.Errorf("no example uses %s", path)
		}
	}
}

func glob(t *testing.T, pattern string) []string {
	t.Helper()
	paths, err := filepath.Glob(pattern)
	if err != nil {
		t.Fatal(err)
	}
	return paths
}

// documentClock returns the document's recv_time once, and then its resp_time.
func documentClock() func() time.Time {
	received := false
	return func() time.Time {
		if !received {
			received = true
			return time.UnixMilli(1477422244623)
		}
		return time.UnixMicro(1477422244828200)
	}
}

// documentHeaders are the four custom headers of the document's account.
func documentHeaders(subscription, campaign, district, optIn string) []upstream.Header {
	return []upstream.Header{
		{Name: "X-Subscription11", Value: subscription}, {Name: "X-CampaignMaster11", Value: campaign},
		{Name: "X-DistrictMaster11", Value: district}, {Name: "X-OptIn11", Value: optIn},
	}
}

// tally is the number of events of each kind.
type tally struct{ sent, soft, hard, blocked int }

// events returns events spread evenly over the interval that begins at start.
func events(user, sender upstream.ID, start upstream.Time, interval upstream.Interval, n tally) upstreamtest.Rows {
	var r upstreamtest.Rows
	total := n.sent + n.soft + n.hard + n.blocked
	for i := range total {
		at := start + interval.Seconds()*upstream.Time(i)/upstream.Time(total)
		local, domain := fmt.Sprintf("recipient%d", i), "example.com"
		e := store.Event{
			Identity: upstream.Identity{
				Time:      at,
				EmailID:   fmt.Sprintf("%s.%d.%d@mail6-40-ussnn1", at.UTC().Format("20060102150405"), sender, i),
				Recipient: local + "@" + domain, UserID: user, SenderID: sender,
			},
			Local: local, Domain: domain, Own: store.Own{ProcessTime: at},
		}
		switch {
		case i < n.sent:
			r.Add(upstream.Emails, e)
			continue
		case i < n.sent+n.blocked:
			e.Reason = "manual"
			r.Add(upstream.BlockedEmails, e)
			continue
		case i < n.sent+n.blocked+n.soft:
			e.Type, e.Category, e.Code = upstream.Soft, "quota-issues", "4.2.2"
		default:
			e.Type, e.Category, e.Code = upstream.Hard, "bad-mailbox", "5.1.1"
		}
		r.Add(upstream.Bounces, e)
	}
	return r
}

func join(all ...upstreamtest.Rows) (joined upstreamtest.Rows) {
	for _, r := range all {
		joined.Append(r)
	}
	return joined
}
