package cached

import (
	"context"
	"fmt"
	"math/rand/v2"
	"runtime"
	"slices"
	"strings"
	"testing"
	"time"
	"unsafe"

	"github.com/google/go-cmp/cmp"
	"pgregory.net/rapid"

	"deliverygraph/upstream"
)

// pages answers every question with this number of rows, decoded from JSON as by a client, and details with long
// messages.
type pages int

// Ask implements [upstream.Asker].
func (p pages) Ask(_ context.Context, q *upstream.Question) (any, error) {
	return q.Decode(string(q.Append(nil, p.answer(q))))
}

func (p pages) answer(q *upstream.Question) any {
	const at upstream.Time = 1479772800
	headers := []upstream.Header{
		{Name: "X-Subscription", Value: "None"}, {Name: "X-Campaign", Value: "Notification"},
	}
	switch q.Shape {
	case upstream.ShapeDetail:
		return upstream.BounceDetail{
			Bounce: upstream.Bounce{
				UserID: q.UserID, SenderID: q.SenderID, EmailID: q.EmailID, BounceTime: q.BounceTime,
				EmailAddress: "r@example.com", Local: "r", Domain: "example.com",
			},
			DiagnosticCode: "smtp;550", FullContent: strings.Repeat("Received: from example.com\n", int(p)),
		}
	case upstream.ShapeCounts:
		rows := make([]upstream.Count, p)
		for i := range rows {
			rows[i] = upstream.Count{
				ID: upstream.ID(i + 1), Sender: fmt.Sprintf("sender%d@example.com", i), Tally: upstream.Tally{Total: 1},
			}
		}
		return rows
	case upstream.ShapeSeries:
		rows := make([]upstream.Series, p/20+1)
		for i := range rows {
			rows[i].ID = upstream.ID(i + 1)
			for h := range 24 {
				rows[i].Points = append(rows[i].Points,
					upstream.Point{Start: upstream.Time(h+1) * 3600, Tally: upstream.Tally{Total: 1}})
			}
		}
		return rows
	}
	if q.Kind == upstream.Bounces {
		rows := make([]upstream.Bounce, p)
		for i := range rows {
			local := fmt.Sprintf("recipient%d.%d", q.Offset, i)
			rows[i] = upstream.Bounce{
				UserID: 21, SenderID: 17, EmailID: fmt.Sprintf("20161122000000.%012d@mail6-40", i),
				EmailAddress: local + "@example.com", Local: local, Domain: "example.com",
				Type: upstream.Soft, Category: "policy-related", Code: "4.2.0", BounceTime: at, ProcessTime: at,
				XHeaders: headers,
			}
		}
		return rows
	}
	rows := make([]upstream.Email, p)
	for i := range rows {
		rows[i] = upstream.Email{
			UserID: 21, SenderID: 17, EmailID: fmt.Sprintf("20161122000000.%012d@mail6-40", q.Offset+i),
			EmailAddress: "r@example.com", Local: "r", Domain: "example.com", ProcessTime: at,
		}
	}
	return rows
}

// fill requests the n-th answer of a kind.
func fill(t *testing.T, a *view, n int, kind string) {
	t.Helper()
	var err error
	w := upstream.Window{Start: 1, End: 2}
	switch kind {
	case "bounces":
		_, err = a.Bounces(t.Context(), upstream.ListQuery{Window: w, Offset: n})
	case "emails":
		_, err = a.Emails(t.Context(), upstream.ListQuery{Window: w, Offset: n})
	case "detail":
		_, err = a.Bounce(t.Context(), upstream.BounceKey{
			UserID: 1, SenderID: 1, BounceTime: upstream.Time(n + 1), EmailID: "x",
		})
	case "counts":
		_, err = a.Counts(t.Context(), upstream.Emails, upstream.CountQuery{Window: w, UserID: upstream.ID(n + 1)})
	case "sums":
		_, err = a.Counts(t.Context(), upstream.Emails,
			upstream.CountQuery{Window: upstream.Window{Start: 0, End: 7201}, UserID: upstream.ID(n + 1)})
	case "series":
		_, err = a.Series(t.Context(), upstream.Emails,
			upstream.CountQuery{Window: w, UserID: upstream.ID(n + 1), Interval: upstream.Hour})
	}
	if err != nil {
		t.Fatal(err)
	}
}

var kinds = []string{"bounces", "emails", "detail", "counts", "series"}

// Entries, small and large, are charged what they use on the heap, within a sixth.
func TestEntriesAreChargedTheMemoryTheyUse(t *testing.T) {
	for _, kind := range append(slices.Clone(kinds), "sums") {
		for _, test := range []struct{ rows, entries int }{{0, 2000}, {1, 2000}, {20, 400}, {500, 30}} {
			if kind == "sums" && test.rows != 20 {
				continue // as counts are, but for a few bytes
			}
			t.Run(fmt.Sprintf("%s of %d rows", kind, test.rows), func(t *testing.T) {
				o := Options{Bytes: 1 << 30, Fresh: time.Hour}
				if kind == "sums" {
					o = Options{Bytes: 1 << 30, Settle: time.Hour, Now: upstream.Time(7201).UTC}
				}
				a := open(t, pages(test.rows), o)
				before := heap()
				for i := range test.entries {
					fill(t, a, i, kind)
				}
				a.memory.CleanUp()
				held := int(heap() - before)
				charged := int(a.memory.WeightedSize())
				if n := a.memory.EstimatedSize(); n != test.entries {
					t.Fatalf("%d entries, want %d", n, test.entries)
				}
				t.Logf("charged %d bytes an entry, held %d", charged/test.entries, held/test.entries)
				if charged*6 < held*5 || charged*5 > held*6 {
					t.Errorf("charged %d bytes, held %d", charged, held)
				}
				runtime.KeepAlive(a)
			})
		}
	}
}

func heap() uint64 {
	runtime.GC()
	runtime.GC()
	var m runtime.MemStats
	runtime.ReadMemStats(&m)
	return m.HeapAlloc
}

// The memory stays within its limit whatever is requested, and keeps what is requested often.
func TestTheMemoryStaysWithinItsLimit(t *testing.T) {
	const bound = 1 << 20
	counting := &countingPages{pages: pages(40)}
	a := open(t, counting, Options{Bytes: bound, Fresh: time.Hour})
	rnd := rand.New(rand.NewPCG(1, 2))
	for i := range 1500 {
		fill(t, a, rnd.IntN(1000), kinds[i%len(kinds)])
		if i%10 == 0 {
			fill(t, a, 5000, "bounces") // requested all the time
		}
		if i%50 == 0 {
			a.memory.CleanUp()
			if w := a.memory.WeightedSize(); w > bound {
				t.Fatalf("after %d questions it uses %d bytes of the %d allowed", i, w, bound)
			}
		}
	}
	a.memory.CleanUp()
	if w := a.memory.WeightedSize(); w < bound/2 {
		t.Errorf("it uses %d bytes of the %d allowed", w, bound/2)
	}
	if counting.favourite > 20 {
		t.Errorf("a question that is asked all the time made %d calls of 150", counting.favourite)
	}
}

type countingPages struct {
	pages
	favourite int
}

// Ask implements [upstream.Asker].
func (c *countingPages) Ask(ctx context.Context, q *upstream.Question) (any, error) {
	if q.Offset == 5000 {
		c.favourite++
	}
	return c.pages.Ask(ctx, q)
}

// An answer that is larger than the memory is returned but not kept, and evicts nothing.
func TestAnswersLargerThanTheMemoryAreNotKept(t *testing.T) {
	p := pages(1)
	a := open(t, &p, Options{Bytes: 40_000, Fresh: time.Hour})
	for i := range 3 {
		fill(t, a, i, "bounces")
	}
	p = 500
	if got, err := a.Bounces(t.Context(), upstream.ListQuery{Offset: 9}); err != nil || len(got) != 500 {
		t.Fatalf("got %d rows, %v", len(got), err)
	}
	a.memory.CleanUp()
	if n, w := a.memory.EstimatedSize(), a.memory.WeightedSize(); n != 3 || w > 20_000 {
		t.Errorf("%d answers of %d bytes are left, want the 3 small ones", n, w)
	}
}

// Packed rows equal those they were made from, including addresses and headers, and share no memory with them.
func TestPackedRowsEqualTheOriginals(t *testing.T) {
	// addresses and headers alike, too
	text := rapid.OneOf(rapid.StringN(0, 12, -1), rapid.SampledFrom([]string{"", "a", "@", "a@a", "@a"}))
	header := rapid.Custom(func(t *rapid.T) upstream.Header {
		return upstream.Header{Name: text.Draw(t, "name"), Value: text.Draw(t, "value")}
	})
	rapid.Check(t, func(t *rapid.T) {
		rows := rapid.SliceOf(rapid.Custom(func(t *rapid.T) upstream.BounceDetail {
			var hs []upstream.Header
			if rapid.Bool().Draw(t, "headers") {
				hs = rapid.SliceOfN(header, 0, 2).Draw(t, "headers")
			}
			return upstream.BounceDetail{
				Bounce: upstream.Bounce{
					UserID: 1, SenderID: 2, EmailID: text.Draw(t, "id"), EmailAddress: text.Draw(t, "address"),
					Local:  text.Draw(t, "local"),
					Domain: text.Draw(t, "domain"), Type: upstream.BounceType(text.Draw(t, "type")),
					Category: text.Draw(t, "category"),
					Code:     text.Draw(t, "code"), BounceTime: 3, ProcessTime: 4, PostbackTime: 5, XHeaders: hs,
				},
				DiagnosticCode: text.Draw(t, "diagnostic"), RuleName: text.Draw(t, "rule"),
				FullContent: text.Draw(t, "content"),
			}
		})).Draw(t, "rows")
		packed, s := pack(rows, (*packer).detail)
		if diff := cmp.Diff(rows, packed); diff != "" {
			t.Fatalf("(-want +got)\n%s", diff)
		}
		if s.rows != len(rows) {
			t.Fatalf("%d rows, want %d", s.rows, len(rows))
		}
		for i := range packed {
			if c := packed[i].FullContent; c != "" && unsafe.StringData(c) == unsafe.StringData(rows[i].FullContent) {
				t.Fatal("a string still points into the page")
			}
			if hs := packed[i].XHeaders; len(hs) > 0 && &hs[0] == &rows[i].XHeaders[0] {
				t.Fatal("headers still point into the page")
			}
		}
	})
}

// Headers that several rows share are kept once, and so are the parts of an address. Lists of headers that only begin
// alike are not confused.
func TestPackedRowsShareEqualValues(t *testing.T) {
	t.Parallel()
	all := []upstream.Header{{Name: "X-A", Value: "1"}, {Name: "X-B", Value: "2"}}
	var rows []upstream.Email
	for i := range 500 {
		rows = append(rows, upstream.Email{EmailAddress: "someone@example.com", Local: "someone", Domain: "example.com",
			XHeaders: [][]upstream.Header{
				all, all[:1], slices.Clone(all), {{Name: "X-A", Value: fmt.Sprint("of ", i)}}, {}, nil,
				{{Name: "X-A\x001"}},
			}[i%7]})
	}
	packed, s := pack(rows, (*packer).email)
	if diff := cmp.Diff(rows, packed); diff != "" {
		t.Fatalf("(-want +got)\n%s", diff)
	}
	if &packed[0].XHeaders[0] != &packed[2].XHeaders[0] || &packed[0].XHeaders[0] != &packed[7].XHeaders[0] {
		t.Error("equal headers are kept twice")
	}
	if unsafe.StringData(packed[0].EmailAddress) != unsafe.StringData(packed[0].Local) {
		t.Error("an address and its parts do not share memory")
	}
	if most := 500*(sizeOf[upstream.Email]()+len("someone@example.com")) +
		80*(sizeOf[upstream.Header]()+10); s.bytes > most {
		t.Errorf("%d bytes, want at most %d", s.bytes, most)
	}
}

// The packers copy every field: none stays in the page, and none is lost.
func TestPackersCopyEveryString(t *testing.T) {
	pairs := map[string][2]any{
		"codes":    two([]string{"a", "", "b"}, packCodes),
		"no codes": two([]string(nil), packCodes), "no rows": two([]upstream.Email{}, packedAs),
		"no series": two([]upstream.Series{}, packSeries),
	}
	m := sampleModel()
	for _, q := range questions(m, everything) {
		answer, err := q.ask(t.Context(), m)
		if err != nil {
			t.Fatal(err)
		}
		switch answer := answer.(type) {
		case []upstream.Count:
			pairs[q.name] = two(answer, packCounts)
		case []upstream.Series:
			pairs[q.name] = two(answer, packSeries)
		case []string:
		default:
			pairs[q.name] = two(answer, packedAs)
		}
	}
	for name, pair := range pairs {
		if diff := cmp.Diff(pair[0], pair[1]); diff != "" {
			t.Errorf("%s: (-want +got)\n%s", name, diff)
		}
	}
}

func two[T any](v T, pack func(T) (T, size)) [2]any {
	packed, _ := pack(v)
	return [2]any{v, packed}
}

func packedAs[T any](v T) (T, size) {
	answer, s := packed(v)
	return answer.(T), s
}
