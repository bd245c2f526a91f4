package upstream_test

import (
	"cmp"
	"errors"
	"net/url"
	"reflect"
	"slices"
	"strings"
	"testing"

	gocmp "github.com/google/go-cmp/cmp"
	"github.com/google/go-cmp/cmp/cmpopts"
	"pgregory.net/rapid"

	. "deliverygraph/upstream"
)

var week = Window{Start: midnight - 7*86400, End: midnight}

const inWeek = "start_time=1479168000&end_time=1479772800"

// The canonical form has a fixed order and escaping, and omits zero fields.
func TestEncodeIsCanonical(t *testing.T) {
	t.Parallel()
	for name, c := range map[string]struct{ got, want string }{
		"a window is always there": {ListQuery{Window: week}.Encode(Emails), inWeek},
		"and so is an empty one":   {ListQuery{}.Encode(Emails), "start_time=0&end_time=0"},
		"every filter of bounces": {
			ListQuery{
				Window: week, Offset: 500, UserID: 21, SenderID: 17, Sender: "s@example.com", Domain: "example.org",
				Local: "a", Recipient: "a@example.org", BounceType: Hard, BounceCategory: "bad-mailbox",
			}.Encode(Bounces),
			inWeek +
				"&user_id=21&sender_id=17&sender=s%40example.com&domain=example.org&local=a&recipient=a%40example.org&bounce_type=hard&bounce_category=bad-mailbox&offset=500",
		},
		"delivered": {ListQuery{Window: week, Delivered: true}.Encode(Emails), inWeek + "&delivered=1"},
		"blocked_reason": {
			ListQuery{Window: week, BlockedReason: "manual"}.Encode(BlockedEmails), inWeek + "&blocked_reason=manual",
		},
		"headers in order, offset last": {
			ListQuery{
				Window: week, Offset: 1, XHeaders: headers("X-B", "2", "x-a", "3", "X-C", "", "X-A", "1"),
			}.Encode(Emails),
			inWeek + "&X-A=1&x-a=3&X-B=2&X-C=&offset=1"},
		"headers of one name by value": {
			ListQuery{Window: week, XHeaders: headers("X-A", "2", "x-a", "1")}.Encode(Emails), inWeek + "&x-a=1&X-A=2",
		},
		"escaping": {
			ListQuery{Window: week, Local: "a b+c&d=e%/é~", XHeaders: headers("X-Ä", "\xff")}.Encode(Emails),
			inWeek + "&local=a%20b%2Bc%26d%3De%25%2F%C3%A9~&X-%C3%84=%FF"},
		"a filter of another kind is not hidden": {
			ListQuery{Window: week, BounceType: Soft}.Encode(Emails), inWeek + "&bounce_type=soft",
		},
		"counts by sender": {
			CountQuery{Window: week, UserID: 21, SenderID: 17}.Encode(), inWeek + "&user_id=21&sender_id=17",
		},
		"counts by user": {
			CountQuery{Window: week, BounceType: Hard, Rollup: ByUser}.Encode(),
			inWeek + "&bounce_type=hard&rollup_to=user",
		},
		"series by hour": {
			SeriesQuery{CountQuery{Window: week}, Hour}.Encode(), inWeek + "&timeseries=hour",
		},
		"series by day and user": {
			SeriesQuery{CountQuery{Window: week, Rollup: ByUser}, Day}.Encode(),
			inWeek + "&rollup_to=user&timeseries=day",
		},
	} {
		if c.got != c.want {
			t.Errorf("%s:\n got %s\nwant %s", name, c.got, c.want)
		}
	}
}

func TestParseListQuery(t *testing.T) {
	t.Parallel()
	for name, c := range map[string]struct {
		kind Kind
		raw  string
		want ListQuery
	}{
		"Unix seconds": {Bounces, inWeek, ListQuery{Window: week}},
		"ISO 8601": {
			Bounces, "start_time=2016-11-15T00:00:00Z&end_time=2016-11-22T01:00:00%2B01:00", ListQuery{Window: week},
		},
		"a plus sign that was not escaped": {
			Bounces, "start_time=2016-11-15&end_time=2016-11-22T01:00:00+01:00", ListQuery{Window: week},
		},
		"both forms, in any order": {
			Bounces, "end_time=2016-11-22&start_time=1479168000", ListQuery{Window: week},
		},
		"every filter of bounces": {
			Bounces,
			inWeek +
				"&user_id=21&sender_id=17&sender=s@example.com&domain=d&local=l&recipient=r&bounce_type=soft&bounce_category=made-up&offset=7", ListQuery{Window: week, Offset: 7, UserID: 21, SenderID: 17, Sender: "s@example.com", Domain: "d", Local: "l", Recipient: "r", BounceType: Soft, BounceCategory: "made-up"},
		},
		"delivered": {Emails, inWeek + "&delivered=1", ListQuery{Window: week, Delivered: true}},
		"blocked_reason, an open set": {
			BlockedEmails, inWeek + "&blocked_reason=made-up", ListQuery{Window: week, BlockedReason: "made-up"},
		},
		"sender of digits is an id": {Emails, inWeek + "&sender=17", ListQuery{Window: week, SenderID: 17}},
		"sender of digits and the same id": {
			Emails, inWeek + "&sender=17&sender_id=17", ListQuery{Window: week, SenderID: 17},
		},
		"sender of digits and another id must both hold, so no address will do": {
			Emails, inWeek + "&sender=18&sender_id=17", ListQuery{Window: week, SenderID: 17, Sender: "18"},
		},
		"domains become lower case, local parts do not": {
			Emails, inWeek + "&sender=News@Example.COM&domain=Example.COM&local=User&recipient=User@EXAMPLE.com",
			ListQuery{
				Window: week, Sender: "News@example.com", Domain: "example.com", Local: "User",
				Recipient: "User@example.com",
			},
		},
		"plus and %20 are spaces": {
			Emails, inWeek + "&local=a+b%20c%2Bd", ListQuery{Window: week, Local: "a b c+d"},
		},
		"equals signs in a value": {
			Emails, inWeek + "&local=a=b", ListQuery{Window: week, Local: "a=b"},
		},
		"four headers, in any case": {
			Emails, inWeek + "&X-A=1&x-b=2&X-C=3&X-D=4",
			ListQuery{Window: week, XHeaders: headers("X-A", "1", "x-b", "2", "X-C", "3", "X-D", "4")},
		},
		"escaped name of a header": {
			Emails, inWeek + "&X%2DA=1", ListQuery{Window: week, XHeaders: headers("X-A", "1")},
		},
		"empty pairs": {
			Emails, "&" + inWeek + "&&offset=0&", ListQuery{Window: week},
		},
		"largest id": {
			Emails, inWeek + "&user_id=9223372036854775807", ListQuery{Window: week, UserID: 9223372036854775807},
		},
	} {
		t.Run(name, func(t *testing.T) {
			t.Parallel()
			got, err := ParseListQuery(c.kind, c.raw)
			if err != nil {
				t.Fatal(err)
			}
			if diff := gocmp.Diff(c.want, got); diff != "" {
				t.Errorf("-want +got\n%s", diff)
			}
		})
	}
}

func TestParseCountQuery(t *testing.T) {
	t.Parallel()
	for name, c := range map[string]struct {
		kind Kind
		raw  string
		want SeriesQuery
	}{
		"by sender, which is the default": {Emails, inWeek, SeriesQuery{CountQuery{Window: week}, 0}},
		"by sender, asked for": {
			Emails, inWeek + "&rollup_to=sender", SeriesQuery{CountQuery{Window: week}, 0},
		},
		"by user, of one": {
			BlockedEmails, inWeek + "&rollup_to=user&user_id=21&sender_id=17",
			SeriesQuery{CountQuery{Window: week, UserID: 21, SenderID: 17, Rollup: ByUser}, 0},
		},
		"series by day": {
			Emails, inWeek + "&timeseries=day", SeriesQuery{CountQuery{Window: week}, Day},
		},
		"series by hour, of a bounce type": {
			Bounces, inWeek + "&timeseries=hour&bounce_type=hard",
			SeriesQuery{CountQuery{Window: week, BounceType: Hard}, Hour},
		},
	} {
		t.Run(name, func(t *testing.T) {
			t.Parallel()
			got, err := ParseCountQuery(c.kind, c.raw)
			if err != nil {
				t.Fatal(err)
			}
			if diff := gocmp.Diff(c.want, got); diff != "" {
				t.Errorf("-want +got\n%s", diff)
			}
		})
	}
}

// Each rule of rest-api.md that ends in status 452 is enforced, and the error names the parameter.
func TestWrongQueriesAreRefused(t *testing.T) {
	t.Parallel()
	list := func(k Kind) func(string) error {
		return func(raw string) error { _, err := ParseListQuery(k, raw); return err }
	}
	count := func(k Kind) func(string) error {
		return func(raw string) error { _, err := ParseCountQuery(k, raw); return err }
	}
	long := strings.Repeat("é", 100)
	for name, c := range map[string]struct {
		parse                    func(string) error
		raw, parameter, contains string
	}{
		"no window": {
			list(Emails), "", "start_time", "start_time is missing: give it as Unix seconds",
		},
		"no start_time": {list(Emails), "end_time=1", "start_time", "start_time is missing"},
		"no end_time":   {list(Emails), "start_time=1", "end_time", "end_time is missing"},
		"start_time is not a time": {
			list(Emails), "start_time=monday&end_time=1", "start_time",
			"start_time is not a time: write Unix seconds, such as",
		},
		"end_time in milliseconds": {
			list(Emails), "start_time=1&end_time=1479772800000", "end_time",
			"write Unix time in seconds, not milliseconds",
		},
		"start_time at end_time": {
			list(Emails), "start_time=2&end_time=2", "end_time", "end_time must be later than start_time",
		},
		"start_time after end_time": {
			count(Emails), "start_time=3&end_time=2", "end_time", "end_time must be later than start_time",
		},
		"empty start_time": {
			list(Emails), "start_time=&end_time=1", "start_time", "start_time is empty: give it a value",
		},
		"upper-case name": {
			list(Emails), inWeek + "&User_ID=1", "User_ID", "User_ID is in upper case: write user_id",
		},
		"upper-case START_TIME": {
			list(Emails), "START_TIME=1&end_time=2", "START_TIME", "write start_time",
		},
		"unknown name": {
			list(Emails), inWeek + "&recipients=a", "recipients",
			"/emails does not take recipients: its parameters are start_time, end_time, user_id",
		},
		"name without a value": {list(Emails), inWeek + "&delivered", "delivered", "delivered is empty"},
		"value without a name": {list(Emails), inWeek + "&=1", "", "a parameter has no name"},
		"limit, which there is not": {
			list(Bounces), inWeek + "&limit=10", "limit", "/bounces does not take limit",
		},
		"xheaders by its heading": {
			list(Bounces), inWeek + "&xheaders=X-A", "xheaders", "filter by each header with X-Name=value",
		},
		"repeated": {
			list(Bounces), inWeek + "&user_id=1&user_id=1", "user_id", "user_id is given more than once",
		},
		"repeated start_time": {
			count(Bounces), inWeek + "&start_time=1", "start_time", "start_time is given more than once",
		},
		"repeated header": {
			list(Bounces), inWeek + "&X-A=1&X-A=2", "X-A", "X-A is given more than once",
		},
		"repeated header in other case": {
			list(Bounces), inWeek + "&X-A=1&x-a=2", "x-a", "whatever the case of its name",
		},
		"five headers": {
			list(Bounces), inWeek + "&X-A=1&X-B=1&X-C=1&X-D=1&X-E=1", "X-E", "at most 4 are taken",
		},
		"header without a name": {list(Bounces), inWeek + "&X-=1", "X-", "it must be X- followed by"},
		"header with a space in its name": {
			list(Bounces), inWeek + "&X-A+B=1", "X-A B", "is not the name of a header",
		},
		"header without a value": {list(Bounces), inWeek + "&X-A=", "X-A", "X-A is empty"},
		"header on counts": {
			count(Bounces), inWeek + "&X-A=1", "X-A", "/bounce/counts does not take X-A",
		},
		"letters for a user": {
			list(Bounces), inWeek + "&user_id=abc", "user_id", "user_id must be a positive whole number",
		},
		"user 0": {
			list(Bounces), inWeek + "&user_id=0", "user_id", "user_id must be a positive whole number",
		},
		"negative sender": {
			list(Bounces), inWeek + "&sender_id=-1", "sender_id", "sender_id must be a positive whole number",
		},
		"fraction of a sender": {
			count(Bounces), inWeek + "&sender_id=1.5", "sender_id", "sender_id must be a positive whole number",
		},
		"user beyond 64 bits": {
			list(Bounces), inWeek + "&user_id=9223372036854775808", "user_id",
			"user_id must be a positive whole number",
		},
		"sender of digits beyond 64 bits": {
			list(Bounces), inWeek + "&sender=99999999999999999999", "sender", "sender must be a positive whole number",
		},
		"sender of zeros": {
			list(Bounces), inWeek + "&sender=00", "sender", "sender must be a positive whole number",
		},
		"sender on counts": {
			count(Emails), inWeek + "&sender=s@example.com", "sender",
			"/email/counts does not take sender: use sender_id",
		},
		"offset on counts": {
			count(Emails), inWeek + "&offset=1", "offset", "/email/counts does not take offset",
		},
		"negative offset": {
			list(Bounces), inWeek + "&offset=-1", "offset", "offset must be a whole number, 0 or more",
		},
		"fraction of an offset": {
			list(Bounces), inWeek + "&offset=1.0", "offset", "offset must be a whole number, 0 or more",
		},
		"letters for an offset": {
			list(Bounces), inWeek + "&offset=ten", "offset", "offset must be a whole number, 0 or more",
		},
		"offset beyond 64 bits": {
			list(Bounces), inWeek + "&offset=99999999999999999999", "offset",
			"offset must be a whole number, 0 or more",
		},
		"delivered=0": {
			list(Emails), inWeek + "&delivered=0", "delivered", "delivered must be 1: leave it out",
		},
		"delivered=true": {
			list(Emails), inWeek + "&delivered=true", "delivered", "delivered must be 1",
		},
		"delivered of bounces": {
			list(Bounces), inWeek + "&delivered=1", "delivered", "/bounces does not take delivered",
		},
		"delivered of blocked emails": {
			list(BlockedEmails), inWeek + "&delivered=1", "delivered", "/blocked-emails does not take delivered",
		},
		"bounce_type of emails": {
			list(Emails), inWeek + "&bounce_type=hard", "bounce_type", "/emails does not take bounce_type",
		},
		"bounce_category of blocked": {
			list(BlockedEmails), inWeek + "&bounce_category=other", "bounce_category",
			"/blocked-emails does not take bounce_category",
		},
		"blocked_reason of bounces": {
			list(Bounces), inWeek + "&blocked_reason=manual", "blocked_reason", "/bounces does not take blocked_reason",
		},
		"bounce_type of email counts": {
			count(Emails), inWeek + "&bounce_type=hard", "bounce_type", "/email/counts does not take bounce_type",
		},
		"bounce_type of blocked counts": {
			count(BlockedEmails), inWeek + "&bounce_type=hard", "bounce_type",
			"/blocked-email/counts does not take bounce_type",
		},
		"bounce_category of counts": {
			count(Bounces), inWeek + "&bounce_category=other", "bounce_category",
			"/bounce/counts does not take bounce_category",
		},
		"bounce_type that there is not": {
			list(Bounces), inWeek + "&bounce_type=medium", "bounce_type", "bounce_type must be hard or soft",
		},
		"bounce_type in upper case": {
			count(Bounces), inWeek + "&bounce_type=HARD", "bounce_type", "bounce_type must be hard or soft",
		},
		"rollup_to that there is not": {
			count(Emails), inWeek + "&rollup_to=domain", "rollup_to", "rollup_to must be user or sender",
		},
		"timeseries that there is not": {
			count(Emails), inWeek + "&timeseries=week", "timeseries", "timeseries must be day or hour",
		},
		"rollup_to of lists": {
			list(Emails), inWeek + "&rollup_to=user", "rollup_to", "/emails does not take rollup_to",
		},
		"broken percent-encoding": {
			list(Emails), inWeek + "&local=100%", "local",
			"local is not proper percent-encoding of UTF-8: write a percent sign as %25",
		},
		"broken percent-encoding in a name": {
			list(Emails), inWeek + "&lo%zzcal=1", "lo%zzcal", "a parameter's name is not proper percent-encoding",
		},
		"header without X-": {
			list(Bounces), inWeek + "&Subject=1", "Subject", "headers, whose names begin with X-",
		},
		"header beyond ASCII": {
			list(Bounces), inWeek + "&X-\u00c4=1", "X-\u00c4", "is not the name of a header",
		},
		"header with a colon in its name": {list(Bounces), inWeek + "&X-A:=1", "X-A:", "is not the name of a header"},
		"name that is not UTF-8": {
			list(Emails), inWeek + "&X-%ff=1", "X-%ff", "a parameter's name is not proper percent-encoding",
		},
		"value that is not UTF-8": {
			list(Emails), inWeek + "&local=%ff", "local", "local is not proper percent-encoding of UTF-8",
		},
		"long name is cut": {
			list(Emails), inWeek + "&" + long + "=1", strings.Repeat("é", 30) + "…",
			"/emails does not take " + strings.Repeat("é", 30) + "…:",
		},
		"first fault counts": {list(Emails), "foo=1&bar=2", "foo", "does not take foo"},
	} {
		t.Run(name, func(t *testing.T) {
			t.Parallel()
			err := c.parse(c.raw)
			var e *Error
			if !errors.As(err, &e) {
				t.Fatalf("got %v, want an *Error", err)
			}
			if e.Code != InvalidArgument || e.Parameter != c.parameter || !strings.Contains(e.Message, c.contains) {
				t.Errorf("got %s of %q: %s\nwant %s of %q: …%s…", e.Code, e.Parameter, e.Message, InvalidArgument,
					c.parameter, c.contains)
			}
		})
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
		XHeaders: rapid.SliceOfNDistinct(rapid.Custom(func(t *rapid.T) Header {
			return Header{
				Name:  rapid.StringMatching(`[Xx]-[!-9;-~]{1,6}`).Draw(t, "name"),
				Value: rapid.StringN(1, 8, -1).Draw(t, "value"),
			}
		}), 0, MaxXHeaders, func(h Header) string { return strings.ToLower(h.Name) }).Draw(t, "headers"),
	}
	switch k {
	case Emails:
		q.Delivered = rapid.Bool().Draw(t, "delivered")
	case Bounces:
		q.BounceType, q.BounceCategory = bounceType(t), text("category")
	case BlockedEmails:
		q.BlockedReason = text("reason")
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

// byName returns the headers in the order of the canonical form.
func byName(hs []Header) []Header {
	return slices.SortedFunc(slices.Values(hs), func(a, b Header) int {
		return cmp.Compare(strings.ToLower(a.Name), strings.ToLower(b.Name))
	})
}

func TestListQueriesRoundTrip(t *testing.T) {
	t.Parallel()
	rapid.Check(t, func(t *rapid.T) {
		k := rapid.SampledFrom(Kinds[:]).Draw(t, "kind")
		q := listQuery(t, k)
		raw := q.Encode(k)
		got, err := ParseListQuery(k, raw)
		if err != nil {
			t.Fatalf("%s: %v", raw, err)
		}
		want := q
		want.XHeaders = byName(q.XHeaders)
		if diff := gocmp.Diff(want, got, cmpopts.EquateEmpty()); diff != "" {
			t.Fatalf("%s\n-want +got\n%s", raw, diff)
		}
		shuffled := q
		shuffled.XHeaders = rapid.Permutation(q.XHeaders).Draw(t, "shuffled")
		if other := shuffled.Encode(k); other != raw {
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
		q := SeriesQuery{CountQuery{
			Window: window(t), UserID: ID(id.Draw(t, "user")), SenderID: ID(id.Draw(t, "sender")),
			Rollup: rapid.SampledFrom([]Rollup{BySender, ByUser}).Draw(t, "rollup"),
		}, rapid.SampledFrom([]Interval{0, Hour, Day}).Draw(t, "interval")}
		if k == Bounces {
			q.BounceType = bounceType(t)
		}
		raw := q.Encode()
		if got, err := ParseCountQuery(k, raw); err != nil || got != q {
			t.Fatalf("%s: got %+v, %v; want %+v", raw, got, err, q)
		}
		if q.Interval == 0 && q.CountQuery.Encode() != raw {
			t.Fatalf("without an interval %s is %s", raw, q.CountQuery.Encode())
		}
	})
}

// Any text is either refused as an invalid argument or has a canonical form that means the same.
func FuzzParseQuery(f *testing.F) {
	for _, raw := range []string{
		"", inWeek, inWeek + "&user_id=21&sender=17&X-A=b+c&x-b=%C3%A9&offset=3",
		inWeek + "&bounce_type=hard&rollup_to=user&timeseries=day",
		"start_time=2016-11-15T00:00:00.5+01:00&end_time=20161122T000000Z&delivered=1",
		inWeek + "&sender=18&sender_id=17", "a=%zz&&=&", "X-=1",
	} {
		f.Add(raw)
	}
	f.Fuzz(func(t *testing.T, raw string) {
		refused := func(err error) {
			if e := (*Error)(nil); !errors.As(err, &e) || e.Code != InvalidArgument || e.Message == "" {
				t.Fatalf("%q: %#v is not an invalid argument that says why", raw, err)
			}
		}
		for _, k := range Kinds {
			if q, err := ParseListQuery(k, raw); err != nil {
				refused(err)
			} else {
				canonical := q.Encode(k)
				q.XHeaders = byName(q.XHeaders)
				again, err := ParseListQuery(k, canonical)
				if err != nil || gocmp.Diff(q.XHeaders, byName(again.XHeaders)) != "" || again.Encode(k) != canonical ||
					again.Window != q.Window || again.SenderID != q.SenderID || again.Sender != q.Sender {
					t.Fatalf("%q is %s, which is %+v, %v; want %+v", raw, canonical, again, err, q)
				}
			}
			if q, err := ParseCountQuery(k, raw); err != nil {
				refused(err)
			} else if again, err := ParseCountQuery(k, q.Encode()); err != nil || again != q {
				t.Fatalf("%q is %s, which is %+v, %v; want %+v", raw, q.Encode(), again, err, q)
			}
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
		case *[]Header:
			*v = []Header{{Name: "X-A", Value: "a"}}
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
