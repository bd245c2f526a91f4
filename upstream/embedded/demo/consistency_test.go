package demo_test

import (
	"cmp"
	"fmt"
	"reflect"
	"regexp"
	"slices"
	"strings"
	"testing"
	"time"

	gocmp "github.com/google/go-cmp/cmp"

	"deliverygraph/upstream"
	"deliverygraph/upstream/embedded/demo"
	"deliverygraph/upstream/embedded/store"
)

// The data depends on the time, so it must be consistent at different times of the
// hour, the week and the year.
func TestDataIsConsistentAtAnyTime(t *testing.T) {
	t.Parallel()
	for _, at := range []time.Time{
		now, // a Monday, when OffersSender sends a campaign
		time.Date(2027, 1, 1, 0, 0, 0, 0, time.UTC),    // the start of an hour, a day and a year
		time.Date(2028, 2, 27, 3, 59, 59, 0, time.UTC), // a Sunday night, the end of an hour
	} {
		t.Run(at.Format(time.RFC3339), func(t *testing.T) {
			t.Parallel()
			b := data()
			if at != now {
				b = rows(at)
			}
			checkEmails(t, b, at)
			checkBounces(t, b, at)
			checkBlocked(t, b)
			checkLastHours(t, b, at)
			checkIncidents(t, b, at)
			checkRates(t, b, at)
		})
	}
}

var (
	emailID  = regexp.MustCompile(`^\d{14}\.\d{12}@mail6-\d\d-ussnn1$`)
	reserved = regexp.MustCompile(`(^|\.)(example|test|example\.(com|org|net))$`) // RFC 2606
)

func checkEmails(t *testing.T, b store.Batch, at time.Time) {
	if len(b.Senders) != 24 {
		t.Errorf("%d senders, want 24", len(b.Senders))
	}
	owner := map[upstream.ID]upstream.ID{}
	users := map[upstream.ID]bool{}
	for _, s := range b.Senders {
		owner[s.SenderID], users[s.UserID] = s.UserID, true
		if _, host, _ := strings.Cut(s.Address, "@"); !reserved.MatchString(host) {
			t.Errorf("sender %s is not in a reserved domain", s.Address)
		}
	}
	if len(owner) != 24 || len(users) != 6 {
		t.Errorf("%d senders of %d users, want 24 of 6", len(owner), len(users))
	}
	if len(b.Emails) < 60_000 {
		t.Errorf("%d emails, want at least 60,000", len(b.Emails))
	}
	start := upstream.Time(at.Unix()) - (demo.Days*24+1)*3600
	seen := make(map[string]bool, len(b.Emails))
	domains := map[string]bool{} // whether they are reserved
	last := start
	for _, e := range b.Emails {
		if !domains[e.Domain] {
			domains[e.Domain] = reserved.MatchString(e.Domain)
		}
		switch {
		case seen[e.EmailID]:
			t.Fatalf("duplicate email id %s", e.EmailID)
		case !emailID.MatchString(e.EmailID) || e.EmailID[:14] != e.ProcessTime.UTC().Format("20060102150405"):
			t.Fatalf("email id %s of an email processed at %v", e.EmailID, e.ProcessTime.UTC())
		case e.ProcessTime < last:
			t.Fatalf("email %s follows one of %v", e.EmailID, last.UTC())
		case e.ProcessTime >= upstream.Time(at.Unix()):
			t.Fatalf("email %s is in the future", e.EmailID)
		case owner[e.SenderID] != e.UserID:
			t.Fatalf("email %s: sender %d does not belong to user %d", e.EmailID, e.SenderID, e.UserID)
		case e.EmailAddress != e.Local+"@"+e.Domain || !domains[e.Domain]:
			t.Fatalf("recipient %q (%q, %q)", e.EmailAddress, e.Local, e.Domain)
		case len(e.XHeaders) != 0 && len(e.XHeaders) != 4:
			t.Fatalf("email %s has %d headers", e.EmailID, len(e.XHeaders))
		}
		seen[e.EmailID], last = true, e.ProcessTime
	}
	if first := b.Emails[0].ProcessTime; first > start+3*3600 {
		t.Errorf("the first email is of %v, want 90 days ago", first.UTC())
	}
}

func checkBounces(t *testing.T, b store.Batch, at time.Time) {
	emails := map[string]upstream.Email{} // undelivered ones
	for _, e := range b.Emails {
		if !e.Delivered {
			emails[e.EmailID] = e
		}
	}
	categories := map[string]bool{}
	var last upstream.Time
	for _, x := range b.Bounces {
		e, ok := emails[x.EmailID]
		want := upstream.Email{
			UserID: x.UserID, SenderID: x.SenderID, EmailID: x.EmailID,
			EmailAddress: x.EmailAddress, Local: x.Local, Domain: x.Domain,
			ProcessTime: x.ProcessTime, XHeaders: x.XHeaders,
		}
		if !ok || !reflect.DeepEqual(want, e) {
			t.Fatalf("bounce of %s: %s", x.EmailID, gocmp.Diff(want, e))
		}
		switch {
		case x.BounceTime <= x.ProcessTime || x.BounceTime > x.ProcessTime+86400 ||
			x.BounceTime >= upstream.Time(at.Unix()):
			t.Fatalf("bounce of %s after %d s", x.EmailID, x.BounceTime-x.ProcessTime)
		case x.BounceTime < last:
			t.Fatalf("bounce of %s follows one of %v", x.EmailID, last.UTC())
		case !strings.Contains(x.DiagnosticCode, " "+x.Code+" ") ||
			!strings.Contains(x.FullContent, "\nStatus: "+x.Code+"\n"):
			t.Fatalf("bounce of %s: code %s contradicts %q or the message", x.EmailID, x.Code, x.DiagnosticCode)
		case !strings.HasPrefix(x.RuleName, strings.ReplaceAll(x.Category, "-", "")):
			t.Fatalf("rule %q of category %s", x.RuleName, x.Category)
		case len(x.FullContent) < 1<<10 || len(x.FullContent) > 4<<10:
			t.Fatalf("a message of %d bytes", len(x.FullContent))
		}
		categories[x.Category], last = true, x.BounceTime
	}
	for c := range upstream.Bounces.Descriptions() {
		// GET /bounce/categories does not list blockedcontent.
		if !categories[c] && c != "blockedcontent" {
			t.Errorf("no bounce of category %s", c)
		}
	}
	inTransit := len(emails)
	for _, k := range upstream.Kinds {
		if k != upstream.Emails {
			inTransit -= b.Of(k).Len()
		}
	}
	if inTransit < 0 || inTransit > 40 {
		t.Errorf("%d undelivered emails are neither bounced nor blocked", inTransit)
	}
}

// checkBlocked checks that each blocked email has the bounces that the document
// requires for its reason, within its account: accounts do not share suppression lists.
func checkBlocked(t *testing.T, b store.Batch) {
	type mailbox struct {
		user    upstream.ID
		address string
	}
	bounces := map[mailbox][]upstream.BounceDetail{}
	for _, x := range b.Bounces {
		k := mailbox{x.UserID, x.EmailAddress}
		bounces[k] = append(bounces[k], x)
	}
	reasons := map[string]int{}
	b.Events(func(_ upstream.Kind, x store.Event) {
		if x.Reason == "" {
			return
		}
		reasons[x.Reason]++
		earlier := slices.Clone(bounces[mailbox{x.UserID, x.Recipient}])
		earlier = slices.DeleteFunc(earlier, func(b upstream.BounceDetail) bool { return b.BounceTime > x.Time })
		switch x.Reason {
		case "hardbounce":
			if !slices.ContainsFunc(earlier, func(b upstream.BounceDetail) bool { return b.Type == upstream.Hard }) {
				t.Fatalf("%s is blocked without an earlier hard bounce", x.EmailID)
			}
		case "softbounce":
			if !thriceInADay(earlier) {
				t.Fatalf("%s is blocked without three soft bounces with the same code within 24 hours", x.EmailID)
			}
		}
	})
	for _, r := range []string{"complaint", "hardbounce", "manual", "softbounce", "unsubscribe"} {
		if reasons[r] < 20 {
			t.Errorf("%d emails blocked for %s, want at least 20", reasons[r], r)
		}
	}

	// Conversely, no email is delivered to a recipient after a hard bounce.
	for _, e := range b.Emails {
		if !e.Delivered {
			continue
		}
		for _, x := range bounces[mailbox{e.UserID, e.EmailAddress}] {
			if x.Type == upstream.Hard && x.BounceTime <= e.ProcessTime {
				t.Fatalf("%s was delivered to a recipient who had bounced hard", e.EmailID)
			}
		}
	}
}

func thriceInADay(bounces []upstream.BounceDetail) bool {
	slices.SortFunc(bounces, func(a, b upstream.BounceDetail) int { return cmp.Compare(a.BounceTime, b.BounceTime) })
	for i, first := range bounces {
		n := 0
		for _, x := range bounces[i:] {
			if x.Type == upstream.Soft && x.Code == first.Code && x.BounceTime < first.BounceTime+86400 {
				n++
			}
		}
		if n >= 3 {
			return true
		}
	}
	return false
}

// checkLastHours checks that the first queries people try find rows: emails of each sender in the last hour, and
// failures of each user in the last day.
func checkLastHours(t *testing.T, b store.Batch, at time.Time) {
	end := upstream.Time(at.Unix())
	got := map[string]int{}
	lastDay := b.Select(func(_ upstream.Kind, e upstream.Event) bool { return e.Time >= end-86400 })
	lastDay.Events(func(k upstream.Kind, e store.Event) {
		what := strings.TrimSpace(string(e.Type) + " " + k.String())
		got[fmt.Sprintf("%s of user %d in the last day", what, e.UserID)]++
		if e.Time >= end-3600 {
			got[fmt.Sprintf("%s of sender %d in the last hour", what, e.SenderID)]++
		}
	})
	for _, s := range b.Senders {
		wanted := []string{fmt.Sprintf("emails of sender %d in the last hour", s.SenderID)}
		for _, kind := range []string{"hard bounces", "soft bounces", "blocked emails"} {
			wanted = append(wanted, fmt.Sprintf("%s of user %d in the last day", kind, s.UserID))
		}
		for _, q := range wanted {
			if got[q] == 0 {
				t.Errorf("no %s", q)
			}
		}
	}
	day, week := upstream.Window{Start: end - 86400, End: end}, upstream.Window{Start: end - 8*86400, End: end - 86400}
	last, before := count(b, upstream.ListQuery{Window: day}), count(b, upstream.ListQuery{Window: week})
	if last.bounceRate() > 2*before.bounceRate() {
		t.Errorf("the last day looks like an incident: %+v, the week before %+v", last, before)
	}
}
