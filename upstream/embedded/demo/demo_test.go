package demo_test

import (
	"io"
	"mime"
	"mime/multipart"
	"net/mail"
	"reflect"
	"strings"
	"sync"
	"testing"
	"time"

	gocmp "github.com/google/go-cmp/cmp"

	"deliverygraph/upstream"
	"deliverygraph/upstream/embedded/demo"
	"deliverygraph/upstream/embedded/store"
	"deliverygraph/upstream/embedded/store/sqlite"
)

// now is in the middle of an hour, like most starts.
var now = time.Date(2026, 11, 23, 9, 37, 21, 500, time.UTC)

// rows returns all data generated at a time as one batch.
func rows(at time.Time) store.Batch {
	var all store.Batch
	for b := range demo.Generate(at) {
		all.Append(b)
	}
	return all
}

// data returns the data of now, shared by all tests. They must not modify it.
var data = sync.OnceValue(func() store.Batch { return rows(now) })

func TestRunsWithinAnHourAgreeUpToTheEarlierOne(t *testing.T) {
	t.Parallel()
	earlier := now.Add(-32 * time.Minute)
	end := upstream.Time(earlier.Unix())
	early, late := rows(earlier), data()
	late = late.Select(func(_ upstream.Kind, e upstream.Event) bool { return e.Time < end })
	if len(late.Emails) == len(data().Emails) {
		t.Fatal("nothing happened in half an hour")
	}
	if !reflect.DeepEqual(early, late) {
		t.Errorf("the runs differ: %d and %d emails, %d and %d bounces",
			len(early.Emails), len(late.Emails), len(early.Bounces), len(late.Bounces))
	}
}

// figures are numbers of events.
type figures struct{ sent, hard, soft, blocked int }

// count counts the events that match a query.
func count(b store.Batch, q upstream.ListQuery) (f figures) {
	for _, k := range upstream.Kinds {
		rows := b.Of(k)
		for i := range rows.Len() {
			if !q.Window.Contains(rows.Identity(i).Time) {
				continue // before Matches, which takes longer
			}
			switch e := rows.Event(i); {
			case !e.Matches(q):
			case k == upstream.Emails:
				f.sent++
			case e.BounceType == upstream.Hard:
				f.hard++
			case e.BounceType == upstream.Soft:
				f.soft++
			default:
				f.blocked++
			}
		}
	}
	return f
}

func (f figures) bounceRate() float64 { return float64(f.hard+f.soft) / float64(f.sent) }

func checkIncidents(t *testing.T, b store.Batch, at time.Time) {
	p := demo.PolicyRefusal(at)
	f := count(b, upstream.ListQuery{SenderID: p.SenderID, Window: p.Window})
	if rate := float64(f.soft) / float64(f.sent); f.sent < 500 || rate < .34 || rate > .47 {
		t.Errorf("refusal: %+v, want 34 to 47 %% soft bounces", f)
	}
	if f := count(b, upstream.ListQuery{Domain: p.Domain, Window: p.Window}); f.bounceRate() < .85 {
		t.Errorf("refusal: %+v to %s, want at least 85 %% refused", f, p.Domain)
	}
	before := upstream.Window{Start: p.Window.Start - 7*86400, End: p.Window.Start}
	if f := count(b, upstream.ListQuery{SenderID: p.SenderID, Window: before}); f.bounceRate() > .06 {
		t.Errorf("the week before the refusal: %+v, want at most 6 %% bounces", f)
	}

	i := demo.BadImport(at)
	f = count(b, upstream.ListQuery{SenderID: i.SenderID, Window: i.Window})
	if rate := float64(f.hard) / float64(f.sent); f.hard < 200 || rate < .28 {
		t.Errorf("import: %+v, want at least 28 %% hard bounces", f)
	}
	weeks := upstream.Window{Start: i.Window.End, End: i.Window.End + 14*86400}
	before = upstream.Window{Start: i.Window.Start - 14*86400, End: i.Window.Start}
	after := count(b, upstream.ListQuery{UserID: i.UserID, Window: weeks}).blocked
	ordinary := count(b, upstream.ListQuery{UserID: i.UserID, Window: before}).blocked
	if after < 2*ordinary {
		t.Errorf("%d blocked in the two weeks after the import, %d before: want at least twice as many", after,
			ordinary)
	}
}

func checkRates(t *testing.T, b store.Batch, at time.Time) {
	end := upstream.Day.Floor(upstream.Time(at.Unix()))
	days := map[time.Weekday]int{}
	for week := range 12 {
		w := upstream.Window{Start: end - upstream.Time(week+1)*7*86400, End: end - upstream.Time(week)*7*86400}
		f := count(b, upstream.ListQuery{Window: w})
		most := .04
		if w.Contains(demo.PolicyRefusal(at).Window.Start) || w.Contains(demo.BadImport(at).Window.Start) {
			most = .08
		}
		if r := f.bounceRate(); r < .01 || r > most {
			t.Errorf("week from %v: %+v, bounce rate %.3f, want 0.01 to %.2f", w.Start.UTC(), f, r, most)
		}
		if f.hard == 0 || f.hard*5 < f.soft && most == .04 || f.soft*3 < f.hard && most == .04 {
			t.Errorf("week from %v: %d hard and %d soft bounces", w.Start.UTC(), f.hard, f.soft)
		}
		if r := float64(f.blocked) / float64(f.sent); r < .005 || r > .06 {
			t.Errorf("week from %v: %d of %d blocked", w.Start.UTC(), f.blocked, f.sent)
		}
	}
	for _, e := range b.Emails {
		days[e.ProcessTime.UTC().Weekday()]++
	}
	if weekend := days[time.Saturday] + days[time.Sunday]; float64(weekend)/2 > .65*float64(len(b.Emails)-weekend)/5 {
		t.Errorf("%d emails on a weekend day, %d on a weekday: want at most 65 %%", weekend/2,
			(len(b.Emails)-weekend)/5)
	}
}

// Tools that read RFC 3464 must understand the messages.
func TestMessagesAreDeliveryReports(t *testing.T) {
	t.Parallel()
	seen := map[string]bool{}
	for _, x := range data().Bounces {
		if host := x.RuleName + x.Domain; seen[host] {
			continue
		} else {
			seen[host] = true
		}
		m, err := mail.ReadMessage(strings.NewReader(x.FullContent))
		if err != nil {
			t.Fatalf("%v\n%s", err, x.FullContent)
		}
		kind, params, err := mime.ParseMediaType(m.Header.Get("Content-Type"))
		if err != nil || kind != "multipart/report" || params["report-type"] != "delivery-status" {
			t.Fatalf("content type %q: %v", m.Header.Get("Content-Type"), err)
		}
		if d, err := m.Header.Date(); err != nil || d.Unix() != int64(x.BounceTime) {
			t.Fatalf("date %q of a bounce at %v", m.Header.Get("Date"), x.BounceTime.UTC())
		}
		var kinds []string
		parts := map[string]string{}
		for r := multipart.NewReader(m.Body, params["boundary"]); ; {
			p, err := r.NextPart()
			if err == io.EOF {
				break
			}
			if err != nil {
				t.Fatalf("%v\n%s", err, x.FullContent)
			}
			kind, _, _ := mime.ParseMediaType(p.Header.Get("Content-Type"))
			body, _ := io.ReadAll(p)
			kinds, parts[kind] = append(kinds, kind), string(body)
		}
		if diff := gocmp.Diff([]string{"text/plain", "message/delivery-status", "text/rfc822-headers"},
			kinds); diff != "" {
			t.Fatal(diff)
		}
		s := parts["message/delivery-status"]
		if !strings.Contains(s, "Final-Recipient: rfc822; "+x.EmailAddress+"\n") ||
			!strings.Contains(s, "Diagnostic-Code: "+x.DiagnosticCode+"\n") {
			t.Fatalf("status part:\n%s", s)
		}
		sent, err := mail.ReadMessage(strings.NewReader(parts["text/rfc822-headers"] + "\n\n"))
		if err != nil || sent.Header.Get("To") != x.EmailAddress {
			t.Fatalf("%v: headers of the undelivered email:\n%s", err, parts["text/rfc822-headers"])
		}
		for _, h := range x.XHeaders {
			if got := sent.Header.Get(h.Name); got != h.Value {
				t.Fatalf("%s: %q, want %q", h.Name, got, h.Value)
			}
		}
	}
	if len(seen) < 100 {
		t.Errorf("checked %d kinds of message, want at least 100", len(seen))
	}
}

func TestDescribeNamesTheIncidents(t *testing.T) {
	t.Parallel()
	got := demo.Describe(now)
	for _, want := range []string{
		"demo data",
		"2026-11-11 08:00 to 15:00 UTC", demo.OffersAddress, demo.RefusingDomain,
		"2026-10-14 09:00 to 18:00 UTC", demo.MembershipAddress,
	} {
		if !strings.Contains(got, want) {
			t.Errorf("no %q in:\n%s", want, got)
		}
	}
}

func TestGenerateStopsAfterBreak(t *testing.T) {
	t.Parallel()
	n := 0
	for range demo.Generate(now) {
		n++
		break
	}
	if n != 1 {
		t.Errorf("%d batches after a break", n)
	}
}

func BenchmarkGenerate(b *testing.B) {
	b.ReportAllocs()
	for b.Loop() {
		for range demo.Generate(now) { //nolint:revive // measures generation alone
		}
	}
}

// BenchmarkLoad measures the start of a gateway with demo data: generating it and writing
// it to a store.
func BenchmarkLoad(b *testing.B) {
	for b.Loop() {
		s, err := sqlite.Open(b.Context(), sqlite.Options{})
		if err != nil {
			b.Fatal(err)
		}
		for batch := range demo.Generate(now) {
			if _, err := s.Write(b.Context(), batch); err != nil {
				b.Fatal(err)
			}
		}
		if err := s.Finish(b.Context()); err != nil {
			b.Fatal(err)
		}
		if err := s.Close(); err != nil {
			b.Fatal(err)
		}
	}
}
