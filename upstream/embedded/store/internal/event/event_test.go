package event

import (
	"slices"
	"testing"

	"deliverygraph/upstream"

	"github.com/google/go-cmp/cmp"
	"pgregory.net/rapid"
)

// wild draws events that share much with their neighbours and are odd now and then.
func wild() *rapid.Generator[Event] {
	text := rapid.OneOf(rapid.SampledFrom([]string{"", "a", "a@b", "@", "@@", "example.com", "x\x00y", "\xff\xfe", "é", "X-A", "x-a"}), rapid.String())
	when := rapid.OneOf(rapid.Int64Range(1472500900, 1472501000), rapid.Int64Range(-1<<40, 1<<40))
	return rapid.Custom(func(t *rapid.T) Event {
		e := Event{
			Key: Key{
				Time: upstream.Time(when.Draw(t, "time")), EmailID: text.Draw(t, "id"), Recipient: text.Draw(t, "recipient"),
				User: upstream.ID(rapid.Int64Range(-3, 30).Draw(t, "user")), Sender: upstream.ID(rapid.Int64().Draw(t, "sender")),
			},
			Local: text.Draw(t, "local"), Domain: text.Draw(t, "domain"), Delivered: rapid.Bool().Draw(t, "delivered"),
			Type: text.Draw(t, "type"), Category: text.Draw(t, "category"), Code: text.Draw(t, "code"), Reason: text.Draw(t, "reason"),
		}
		e.Process = e.Time
		if rapid.Bool().Draw(t, "late") {
			e.Process = upstream.Time(when.Draw(t, "process"))
			e.Postback = upstream.Time(rapid.Int64().Draw(t, "postback"))
			e.Detail = rapid.Int64Min(0).Draw(t, "detail")
		}
		if rapid.Bool().Draw(t, "plain") {
			e.Recipient = e.Local + "@" + e.Domain
		}
		if rapid.Bool().Draw(t, "stamped") {
			e.EmailID = e.Process.UTC().Format("20060102150405") + "." + e.EmailID + "@mail6-45"
		}
		if n := rapid.IntRange(-1, 4).Draw(t, "headers"); n >= 0 {
			e.Headers = make([]upstream.Header, n)
			for i := range e.Headers {
				e.Headers[i] = upstream.Header{Name: text.Draw(t, "name"), Value: text.Draw(t, "value")}
			}
		}
		return e
	})
}

func TestPagesGiveBackTheirEvents(t *testing.T) {
	var packer Packer // one for all runs: nothing of a page may reach the next
	rapid.Check(t, func(t *rapid.T) {
		events := rapid.SliceOfN(wild(), 1, 60).Draw(t, "events")
		slices.SortFunc(events, func(a, b Event) int { return a.Compare(b.Key) })
		var got []Event
		var page Page
		flush := func() {
			data := packer.Finish()
			if err := page.Reset(string(data)); err != nil {
				t.Fatal(err)
			}
			if page.Len() > 1 && len(data) > PageBytes {
				t.Fatalf("a page of %d rows has %d bytes", page.Len(), len(data))
			}
			for i := range page.Len() {
				e, err := page.Event(i)
				if err != nil {
					t.Fatal(err)
				}
				f, err := page.Filtered(i)
				f.EmailID = e.EmailID
				if d := cmp.Diff(e, f); err != nil || d != "" {
					t.Fatal(err, d)
				}
				at, user, sender, typ, err := page.Source(i)
				if err != nil || at != e.Time || user != e.User || sender != e.Sender || typ != e.Type {
					t.Fatalf("Source gives %v %v %v %q %v of %+v", at, user, sender, typ, err, e)
				}
				got = append(got, e)
			}
			if n, err := page.Search(got[len(got)-1].Time); err != nil || n >= page.Len() || got[len(got)-page.Len()+n].Time != got[len(got)-1].Time {
				t.Fatalf("Search finds %d, %v", n, err)
			}
		}
		for i := range events {
			if !packer.Add(&events[i]) {
				flush()
				if !packer.Add(&events[i]) {
					t.Fatal("an empty page has no room")
				}
			}
		}
		flush()
		if d := cmp.Diff(events, got); d != "" {
			t.Fatal(d)
		}
		for i := range got {
			if !got[i].Equal(&events[i]) {
				t.Fatalf("not equal to itself: %+v", got[i])
			}
		}
	})
}

func FuzzPageIsReadOrRefused(f *testing.F) {
	var p Packer
	for i := range 3 {
		e := Event{Key: Key{Time: 5, EmailID: "19700101000005.a@h", Recipient: "r@example.com", User: 1, Sender: upstream.ID(i)}, Local: "r", Domain: "example.com",
			Process: 5, Headers: []upstream.Header{{Name: "X-A", Value: "b"}}, Type: "hard", Detail: 3}
		p.Add(&e)
	}
	f.Add(p.Finish())
	f.Add([]byte{})
	f.Fuzz(func(t *testing.T, data []byte) {
		var p Page
		if p.Reset(string(data)) != nil {
			return
		}
		for i := range p.Len() {
			_, _ = p.Event(i)
			_, _ = p.Search(upstream.Time(i))
		}
	})
}

func BenchmarkPack(b *testing.B) {
	events := sample()
	var p Packer
	var n, pages int
	b.ReportAllocs()
	for i := 0; b.Loop(); i++ {
		e := &events[i%len(events)]
		if i%len(events) == 0 && p.Rows() > 0 || !p.Add(e) {
			n += len(p.Finish())
			pages++
			p.Add(e)
		}
	}
	b.ReportMetric(float64(n)/float64(b.N), "bytes/row")
	b.ReportMetric(float64(b.N)/float64(pages), "rows/page")
}

func BenchmarkUnpack(b *testing.B) {
	events := sample()
	var p Packer
	for i := range events {
		if !p.Add(&events[i]) {
			break
		}
	}
	data := string(p.Finish())
	var page Page
	b.ReportAllocs()
	for i := 0; b.Loop(); i++ {
		if i%100 == 0 {
			if err := page.Reset(data); err != nil {
				b.Fatal(err)
			}
		}
		if _, err := page.Event(i % page.Len()); err != nil {
			b.Fatal(err)
		}
	}
}
