package storetest

import (
	"fmt"
	"iter"
	"math/rand/v2"
	"strconv"

	"deliverygraph/upstream"
	"deliverygraph/upstream/embedded/store"
)

// sample makes the data of Batches.
type sample struct {
	rand   *rand.Rand
	emails int
	hours  []float64 // the share of emails that come before the end of each hour
	hour   int
	made   int
	text   string
}

const (
	SampleStart = upstream.Time(1777248000) // a Monday, midnight
	SampleDays  = 90
	SampleEnd   = SampleStart + SampleDays*86400

	SampleUsers   = 6
	SampleSenders = 24
)

func newSample(emails int) *sample {
	s := &sample{rand: rand.New(rand.NewPCG(7, 11)), emails: emails}
	sum := 0.0
	for h := range SampleDays * 24 {
		weight := 1.0
		if hour := h % 24; hour >= 7 && hour < 19 {
			weight = 4
		}
		if h/24%7 >= 5 {
			weight *= 0.3
		}
		sum += weight * (0.7 + 0.6*s.rand.Float64())
		s.hours = append(s.hours, sum)
	}
	for h := range s.hours {
		s.hours[h] /= sum
	}
	for i := range 60 {
		s.text += fmt.Sprintf("X-Line-%02d: %x\r\n", i, s.rand.Uint64())
	}
	return s
}

// skewed draws 0 to n-1, small numbers much more often.
func (s *sample) skewed(n int) int {
	f := s.rand.Float64()
	return int(float64(n) * f * f * f)
}

func SampleSender(n int) store.Sender {
	return store.Sender{UserID: upstream.ID(20 + n%SampleUsers), SenderID: upstream.ID(100 + n),
		Address: fmt.Sprintf("sender%d@example.com", n)}
}

func SampleDomain(n int) string { return fmt.Sprintf("mail%d.example.com", n) }

// Batches returns the data of a busy account in batches of about size emails and what became of them: 90 days of emails
// in time order, more by day and on weekdays. Of 20 emails one bounces, and of 83 one is blocked. The data is the same
// for the same number of emails.
func Batches(emails, size int) iter.Seq[store.Batch] {
	return func(yield func(store.Batch) bool) {
		s := newSample(emails)
		for more := true; more; {
			var b store.Batch
			if b, more = s.next(size); more && !yield(b) {
				return
			}
		}
	}
}

// next returns about n emails and what became of them; ok is false at the end.
func (s *sample) next(n int) (b store.Batch, ok bool) {
	if s.made == 0 {
		for i := range SampleSenders {
			b.Senders = append(b.Senders, SampleSender(i))
		}
	}
	for s.hour < len(s.hours) && len(b.Emails) < n {
		first, want := s.made, int(s.hours[s.hour]*float64(s.emails))
		for s.made < want {
			start := SampleStart + upstream.Time(s.hour)*3600
			s.row(&b, start+upstream.Time(3600*(s.made-first)/(want-first)))
		}
		s.hour++
	}
	return b, len(b.Emails) > 0
}

func (s *sample) row(b *store.Batch, at upstream.Time) {
	from := SampleSender(s.skewed(SampleSenders))
	recipient := s.skewed(s.emails/10 + 100)
	local := "recipient" + strconv.Itoa(recipient)
	domain := SampleDomain(recipient % (1 + recipient%2000)) // some are much larger than others
	id := fmt.Sprintf("%s.%06d%06x@mail6-%d-ussnn1", at.UTC().Format("20060102150405"), s.made%1000000,
		s.rand.IntN(1<<24), 40+s.rand.IntN(6))
	s.made++
	headers := []upstream.Header{
		{Name: "X-Campaign", Value: "campaign" + strconv.Itoa(int(at-SampleStart)/86400*3+s.rand.IntN(3))},
		{Name: "X-Region", Value: "region " + strconv.Itoa(recipient%50)},
		{Name: "X-Opt-In", Value: strconv.Itoa(recipient % 3)},
		{Name: "X-Customer", Value: strconv.Itoa(recipient)},
	}
	e := store.Event{
		Identity: upstream.Identity{
			Time: at, EmailID: id, Recipient: local + "@" + domain, UserID: from.UserID, SenderID: from.SenderID,
		},
		Local: local, Domain: domain, XHeaders: headers, Own: store.Own{Delivered: true},
	}
	switch x := s.rand.IntN(1000); {
	case x < 50:
		e.Delivered = false
		n := s.skewed(len(SampleCategories))
		bounce := e
		bounce.Time += upstream.Time(s.rand.IntN(5))
		bounce.Own = store.Own{
			Type: upstream.Soft, Category: SampleCategories[n], Code: fmt.Sprintf("4.%d.%d", n%8, n%3), ProcessTime: at,
			DiagnosticCode: "smtp; 550 <" + e.Recipient + ">: Recipient address rejected",
			RuleName:       fmt.Sprintf("rule%02d", n),
			FullContent: "Return-Path: <>\r\nX-Original-To: " + e.Recipient + "\r\nMessage-ID: " + id + "\r\n" +
				s.text,
		}
		if n < 3 {
			bounce.Type, bounce.Code = upstream.Hard, fmt.Sprintf("5.%d.%d", n%8, n%3)
		}
		b.Add(upstream.Bounces, bounce)
	case x < 62:
		e.Delivered = false
		e.Reason = SampleReasons[s.skewed(len(SampleReasons))]
		b.Add(blocked, e)
	}
	b.Add(upstream.Emails, e)
}

var (
	SampleCategories = []string{
		"bad-mailbox", "inactive-mailbox", "bad-domain", "policy-related", "quota-issues",
		"spam-related", "message-expired", "content-related", "other", "virus-related",
	}
	SampleReasons = []string{"hardbounce", "softbounce", "unsubscribe", "complaint", "manual"}
)
