package upstream_test

import (
	"errors"
	"strings"
	"testing"

	gocmp "github.com/google/go-cmp/cmp"

	. "deliverygraph/upstream"
)

func TestParseQuestionOfLists(t *testing.T) {
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
			inWeek + "&user_id=21&sender_id=17&sender=s@example.com&domain=d&local=l&recipient=r" +
				"&bounce_type=soft&bounce_category=made-up&offset=7",
			ListQuery{
				Window: week, Offset: 7, UserID: 21, SenderID: 17, Sender: "s@example.com", Domain: "d", Local: "l",
				Recipient: "r", BounceType: Soft, BounceCategory: "made-up",
			},
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
			ListQuery{Window: week, XHeaders: headerFilters("X-A", "1", "x-b", "2", "X-C", "3", "X-D", "4")},
		},
		"escaped name of a header": {
			Emails, inWeek + "&X%2DA=1", ListQuery{Window: week, XHeaders: headerFilters("X-A", "1")},
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
			got, err := ParseQuestion(ShapeList, c.kind, c.raw)
			if err != nil {
				t.Fatal(err)
			}
			if diff := gocmp.Diff(c.want.Question(c.kind), got); diff != "" {
				t.Errorf("-want +got\n%s", diff)
			}
		})
	}
}

func TestParseQuestionOfCounts(t *testing.T) {
	t.Parallel()
	for name, c := range map[string]struct {
		kind Kind
		raw  string
		want CountQuery
	}{
		"by sender, which is the default": {Emails, inWeek, CountQuery{Window: week}},
		"by sender, asked for": {
			Emails, inWeek + "&rollup_to=sender", CountQuery{Window: week},
		},
		"by user, of one": {
			BlockedEmails, inWeek + "&rollup_to=user&user_id=21&sender_id=17",
			CountQuery{Window: week, UserID: 21, SenderID: 17, Rollup: ByUser},
		},
		"series by day": {
			Emails, inWeek + "&timeseries=day", CountQuery{Window: week, Interval: Day},
		},
		"series by hour, of a bounce type": {
			Bounces, inWeek + "&timeseries=hour&bounce_type=hard",
			CountQuery{Window: week, BounceType: Hard, Interval: Hour},
		},
	} {
		t.Run(name, func(t *testing.T) {
			t.Parallel()
			got, err := ParseQuestion(ShapeCounts, c.kind, c.raw)
			if err != nil {
				t.Fatal(err)
			}
			if diff := gocmp.Diff(c.want.Question(c.kind), got); diff != "" {
				t.Errorf("-want +got\n%s", diff)
			}
		})
	}
}

// Each rule of rest-api.md that ends in status 452 is enforced, and the error names the parameter.
func TestWrongQueriesAreRefused(t *testing.T) {
	t.Parallel()
	list := func(k Kind) func(string) error {
		return func(raw string) error { _, err := ParseQuestion(ShapeList, k, raw); return err }
	}
	count := func(k Kind) func(string) error {
		return func(raw string) error { _, err := ParseQuestion(ShapeCounts, k, raw); return err }
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
			for _, shape := range []Shape{ShapeList, ShapeCounts, ShapeGroups} {
				if q, err := ParseQuestion(shape, k, raw); err != nil {
					refused(err)
				} else if again, err := ParseQuestion(shape, k, q.Encode()); err != nil || again != q {
					t.Fatalf("%q is %s, which is %+v, %v; want %+v", raw, q.Encode(), again, err, q)
				}
			}
		}
	})
}
