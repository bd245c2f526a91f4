package upstream_test

import (
	"net/url"
	"reflect"
	"strings"
	"testing"

	gocmp "github.com/google/go-cmp/cmp"
	"pgregory.net/rapid"

	. "deliverygraph/upstream"
	"deliverygraph/upstream/kind"
)

var week = Window{Start: midnight - 7*86400, End: midnight}

const inWeek = "start_time=1479168000&end_time=1479772800"

// The canonical form has a fixed order and escaping, and omits zero fields.
func TestEncodeIsCanonical(t *testing.T) {
	t.Parallel()
	for name, c := range map[string]struct{ got, want string }{
		"a window is always there": {ListQuery{Window: week}.Encode(), inWeek},
		"and so is an empty one":   {ListQuery{}.Encode(), "start_time=0&end_time=0"},
		"every filter of bounces": {
			ListQuery{
				Window: week, Offset: 500, UserID: 21, SenderID: 17, Sender: "s@example.com", Domain: "example.org",
				Local: "a", Recipient: "a@example.org", BounceType: Hard, BounceCategory: "bad-mailbox",
			}.Encode(),
			inWeek + "&user_id=21&sender_id=17&sender=s%40example.com&domain=example.org&local=a" +
				"&recipient=a%40example.org&bounce_type=hard&bounce_category=bad-mailbox&offset=500",
		},
		"delivered": {ListQuery{Window: week, Delivered: true}.Encode(), inWeek + "&delivered=1"},
		"headers in order, offset last": {
			ListQuery{
				Window: week, Offset: 1, XHeaders: headerFilters("X-B", "2", "x-a", "3", "X-C", "", "X-A", "1"),
			}.Encode(),
			inWeek + "&X-A=1&x-a=3&X-B=2&X-C=&offset=1"},
		"headers of one name by value": {
			ListQuery{Window: week, XHeaders: headerFilters("X-A", "2", "x-a", "1")}.Encode(), inWeek + "&x-a=1&X-A=2",
		},
		"escaping": {
			ListQuery{Window: week, Local: "a b+c&d=e%/é~", XHeaders: headerFilters("X-Ä", "\xff")}.Encode(),
			inWeek + "&local=a%20b%2Bc%26d%3De%25%2F%C3%A9~&X-%C3%84=%FF"},
		"a filter of another kind is not hidden": {
			ListQuery{Window: week, BounceType: Soft}.Encode(), inWeek + "&bounce_type=soft",
		},
		"counts by sender": {
			CountQuery{Window: week, UserID: 21, SenderID: 17}.Encode(), inWeek + "&user_id=21&sender_id=17",
		},
		"counts by user": {
			CountQuery{Window: week, BounceType: Hard, Rollup: ByUser}.Encode(),
			inWeek + "&bounce_type=hard&rollup_to=user",
		},
		"series by hour": {
			CountQuery{Window: week, Interval: Hour}.Encode(), inWeek + "&timeseries=hour",
		},
		"series by day and user": {
			CountQuery{Window: week, Rollup: ByUser, Interval: Day}.Encode(),
			inWeek + "&rollup_to=user&timeseries=day",
		},
	} {
		if c.got != c.want {
			t.Errorf("%s:\n got %s\nwant %s", name, c.got, c.want)
		}
	}
}

// listQuery draws a query that is valid for lists of kind k.
func listQuery(t *rapid.T, k Kind) ListQuery {
	text := func(name string) string {
		return rapid.OneOf(rapid.Just(""), rapid.StringMatching(`[a-z]{1,8}@example\.com`),
			rapid.StringMatching(`[^0-9].{0,5}`)).Draw(t, name)
	}
	id := rapid.OneOf(rapid.Just(ID(0)),
		rapid.Custom(func(t *rapid.T) ID { return ID(rapid.Int64Min(1).Draw(t, "id")) }))
	q := ListQuery{
		Window: window(t), Offset: rapid.OneOf(rapid.Just(0), rapid.IntMin(1)).Draw(t, "offset"),
		UserID: id.Draw(t, "user"), SenderID: id.Draw(t, "sender id"), Sender: LowerAddress(text("sender")),
		Domain: LowerDomain(text("domain")), Local: text("local"), Recipient: LowerAddress(text("recipient")),
	}
	copy(q.XHeaders[:], rapid.SliceOfNDistinct(rapid.Custom(func(t *rapid.T) Header {
		return Header{
			Name:  rapid.StringMatching(`[Xx]-[!-9;-~]{1,6}`).Draw(t, "name"),
			Value: rapid.StringN(1, 8, -1).Draw(t, "value"),
		}
	}), 0, MaxXHeaders, func(h Header) string { return strings.ToLower(h.Name) }).Draw(t, "headers"))
	for _, f := range kind.Own[k] {
		value := text(f.Filter)
		switch f.Type {
		case kind.Flag:
			value = rapid.SampledFrom([]string{"", "1"}).Draw(t, f.Filter)
		case kind.BounceType:
			value = string(bounceType(t))
		}
		q.SetFilter(f.Filter, value)
	}
	return q
}

func window(t *rapid.T) Window {
	start := rapid.Int64Range(-62167219200, 253402300798).Draw(t, "start")
	return Window{Start: Time(start), End: Time(rapid.Int64Range(start+1, 253402300799).Draw(t, "end"))}
}

func bounceType(t *rapid.T) BounceType {
	return rapid.SampledFrom([]BounceType{"", Hard, Soft}).Draw(t, "type")
}

func TestListQueriesRoundTrip(t *testing.T) {
	t.Parallel()
	rapid.Check(t, func(t *rapid.T) {
		k := rapid.SampledFrom(Kinds[:]).Draw(t, "kind")
		q := listQuery(t, k)
		raw := q.Encode()
		got, err := ParseQuestion(ShapeList, k, raw)
		if err != nil {
			t.Fatalf("%s: %v", raw, err)
		}
		if diff := gocmp.Diff(q.Question(k), got); diff != "" {
			t.Fatalf("%s\n-want +got\n%s", raw, diff)
		}
		shuffled := q
		copy(shuffled.XHeaders[:], rapid.Permutation(q.Headers()).Draw(t, "shuffled"))
		if other := shuffled.Encode(); other != raw {
			t.Fatalf("equal queries are %s and %s", raw, other)
		}
		if _, err := url.ParseQuery(raw); err != nil {
			t.Fatalf("%s: %v", raw, err)
		}
	})
}

func TestCountQueriesRoundTrip(t *testing.T) {
	t.Parallel()
	rapid.Check(t, func(t *rapid.T) {
		k := rapid.SampledFrom(Kinds[:]).Draw(t, "kind")
		id := rapid.Int64Min(0)
		q := CountQuery{
			Window: window(t), UserID: ID(id.Draw(t, "user")), SenderID: ID(id.Draw(t, "sender")),
			Rollup:   rapid.SampledFrom([]Rollup{BySender, ByUser}).Draw(t, "rollup"),
			Interval: rapid.SampledFrom([]Interval{0, Hour, Day}).Draw(t, "interval"),
		}
		if k == Bounces {
			q.BounceType = bounceType(t)
		}
		raw := q.Encode()
		if got, err := ParseQuestion(ShapeCounts, k, raw); err != nil || got != q.Question(k) {
			t.Fatalf("%s: got %+v, %v; want %+v", raw, got, err, q)
		}
	})
}

// A list has a counts call if and only if counts support all its filters.
func TestCountedRequiresSupportedFilters(t *testing.T) {
	t.Parallel()
	taken := map[string]bool{"Window": true, "Offset": true, "UserID": true, "SenderID": true, "BounceType": true}
	fields := reflect.TypeFor[ListQuery]()
	for i := range fields.NumField() {
		name := fields.Field(i).Name
		var q ListQuery
		f := reflect.ValueOf(&q).Elem().Field(i)
		switch v := f.Addr().Interface().(type) {
		case *Window:
			*v = Window{Start: 1, End: 2}
		case *HeaderFilters:
			v[0] = Header{Name: "X-A", Value: "a"}
		case *bool:
			*v = true
		default:
			if f.CanInt() {
				f.SetInt(7)
			} else {
				f.SetString("h")
			}
		}
		c, ok := q.Counted()
		if ok != taken[name] {
			t.Errorf("with %s it is counted: %v", name, ok)
		}
		if ok && name != "Offset" {
			if got := reflect.ValueOf(c).FieldByName(name); !reflect.DeepEqual(got.Interface(), f.Interface()) {
				t.Errorf("%s is counted as %v", name, got)
			}
		}
	}
}
