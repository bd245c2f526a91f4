package upstream_test

import (
	"strings"
	"testing"

	"github.com/google/go-cmp/cmp"

	. "deliverygraph/upstream"
)

// A bounce's row with the fewest fields possible, to which tests add.
const fewest = `"user_id":21,"sender_id":17,"email_id":"20161122000000.1@mail",` +
	`"bounce_time":1479772800,"process_time":1479772800,"delivered":true`

// The decoders accept all forms that rest-api.md lists under "Shapes the client must take", and read them as their
// equivalents.
func TestAcceptedShapes(t *testing.T) {
	t.Parallel()
	bounce := func(change func(*Bounce)) []Bounce {
		b := Bounce{
			UserID: 21, SenderID: 17, EmailID: "20161122000000.1@mail", BounceTime: 1479772800, ProcessTime: 1479772800,
		}
		change(&b)
		return []Bounce{b}
	}
	counts := func(k Kind, r Rollup) func(string) (any, error) {
		return func(b string) (any, error) { return DecodeCounts(b, k, r) }
	}
	series := func(k Kind) func(string) (any, error) {
		return func(b string) (any, error) { return DecodeSeries(b, k) }
	}
	bounces := func(b string) (any, error) { return DecodeBounces(b) }
	detail := func(b string) (any, error) { return DecodeBounceDetail(b) }
	codes := func(b string) (any, error) { return DecodeCodes(b) }
	plain := bounce(func(*Bounce) {})
	headed := bounce(func(b *Bounce) { b.XHeaders = headers("X-B", "2: two", "X-A", "1") })
	tally := func(total, soft, hard int64) []Count {
		return []Count{{ID: 17, Sender: "s@example.com", Tally: Tally{Total: total, Soft: soft, Hard: hard}}}
	}
	const sender = `"sender_id":17,"sender":"s@example.com"`
	point := []Series{{ID: 17, Points: []Point{{Start: 1479600000, Tally: Tally{Total: 3}}}}}

	for name, c := range map[string]struct {
		decode func(string) (any, error)
		body   string
		want   any
	}{
		"list without an envelope": {bounces, `[{` + fewest + `}]`, plain},
		"list in data":             {bounces, `{"data":[{` + fewest + `}]}`, plain},
		"list in a full envelope": {bounces,
			`{"processing_time":0.2,"resp_time":1.5,"recv_time":1.3,"data":[{` + fewest + `}],"api_host":"h"}`, plain},
		"data is null: no rows":  {bounces, `{"data":null}`, []Bounce(nil)},
		"empty list":             {bounces, `[]`, []Bounce(nil)},
		"null error beside data": {bounces, `{"error":null,"data":[{` + fewest + `}]}`, plain},
		"white space": {
			bounces, " [ {\r\n\t" + strings.ReplaceAll(fewest, ":", " : ") + " } ] \n", plain,
		},
		"detail without an envelope": {detail, `{` + fewest + `}`, BounceDetail{Bounce: plain[0]}},
		"detail in data": {
			detail, `{"api_host":"h","data":{` + fewest + `}}`, BounceDetail{Bounce: plain[0]},
		},
		"row of an import with its kind": {
			detail, `{"kind":"bounce",` + fewest + `}`, BounceDetail{Bounce: plain[0]},
		},
		"counts without an envelope": {
			counts(Bounces, BySender), `[{` + sender + `,"soft_bounce_count":1,"hard_bounce_count":2}]`, tally(3, 1, 2),
		},
		"counts in data": {
			counts(Bounces, BySender), `{"data":[{` + sender + `,"soft_bounce_count":1,"hard_bounce_count":2}]}`,
			tally(3, 1, 2),
		},
		"series without an envelope": {
			series(Emails), `{"17":[{"timestamp":1479600000,"sent_count":3}]}`, point,
		},
		"series in data": {
			series(Emails), `{"data":{"17":[{"timestamp":1479600000,"sent_count":3}]}}`, point,
		},
		"series in a full envelope": {
			series(Emails), `{"resp_time":1.5,"data":{"17":[{"timestamp":1479600000,"sent_count":3}]},"x":0}`, point,
		},
		"no series as an empty object":       {series(Emails), `{}`, []Series(nil)},
		"no series as an empty array":        {series(Emails), `[]`, []Series(nil)},
		"no series as an empty array within": {series(Emails), `{"data":[]}`, []Series(nil)},
		"codes without an envelope":          {codes, `["other","new-one"]`, []string{"other", "new-one"}},
		"codes in data":                      {codes, `{"data":["other","new-one"]}`, []string{"other", "new-one"}},

		"xheaders as an object": {
			bounces, `[{` + fewest + `,"xheaders":{"X-B":"2: two","X-A":"1"}}]`, headed,
		},
		"xheaders as pairs in an array": {
			bounces, `[{` + fewest + `,"xheaders":[{"X-B":"2: two"},{"X-A":"1"}]}]`, headed,
		},
		"xheaders as lines in an array": {
			bounces, `[{` + fewest + `,"xheaders":["X-B: 2: two","X-A:1"]}]`, headed,
		},
		"xheaders as pairs and lines": {
			bounces, `[{` + fewest + `,"xheaders":["X-B: 2: two",{"X-A":"1"}]}]`, headed,
		},
		"xheaders as null":            {bounces, `[{` + fewest + `,"xheaders":null}]`, plain},
		"xheaders as an empty array":  {bounces, `[{` + fewest + `,"xheaders":[]}]`, plain},
		"xheaders as an empty object": {bounces, `[{` + fewest + `,"xheaders":{}}]`, plain},
		"xheaders of one name twice are two": {
			bounces, `[{` + fewest + `,"xheaders":{"X-A":"1","X-A":"2"}}]`,
			bounce(func(b *Bounce) { b.XHeaders = headers("X-A", "1", "X-A", "2") }),
		},
		"unknown category and type": {
			bounces, `[{` + fewest + `,"bounce_category":"blockedcontent","bounce_type":"odd"}]`,
			bounce(func(b *Bounce) { b.Category, b.Type = "blockedcontent", "odd" }),
		},
		"postback_time of 0 is none": {bounces, `[{` + fewest + `,"postback_time":0}]`, plain},
		"time with a fraction is cut to its second": {
			bounces, `[{` + fewest + `,"process_time":1479772801.99}]`,
			bounce(func(b *Bounce) { b.ProcessTime = 1479772801 }),
		},
		"time as a numeric string": {
			bounces, `[{` + fewest + `,"process_time":"1479772801"}]`,
			bounce(func(b *Bounce) { b.ProcessTime = 1479772801 }),
		},
		"time as a fractional string": {
			bounces, `[{` + fewest + `,"process_time":"1479772801.5"}]`,
			bounce(func(b *Bounce) { b.ProcessTime = 1479772801 }),
		},
		"time with an exponent": {
			bounces, `[{` + fewest + `,"process_time":1.479772801e9}]`,
			bounce(func(b *Bounce) { b.ProcessTime = 1479772801 }),
		},
		"time before 1970": {
			bounces, `[{` + fewest + `,"process_time":-1.5}]`, bounce(func(b *Bounce) { b.ProcessTime = -2 }),
		},
		"ids as numeric strings": {
			bounces, `[{` + fewest + `,"user_id":"21","sender_id":"17"}]`, plain,
		},
		"keys in another order, and unknown ones": {
			bounces, `[{"a":{"b":[1,null,{}]},"domain":"example.com",` + fewest + `,"z":"\u0000"}]`,
			bounce(func(b *Bounce) { b.Domain, b.EmailAddress = "example.com", "@example.com" }),
		},
		"escaped key": {
			bounces, `[{` + fewest + `,"bounce\u005fcode":"4.2.0"}]`, bounce(func(b *Bounce) { b.Code = "4.2.0" }),
		},
		"repeated key: the last counts": {
			bounces, `[{"user_id":9,` + fewest + `,"bounce_code":"1","bounce_code":"2"}]`,
			bounce(func(b *Bounce) { b.Code = "2" }),
		},
		"null is as good as missing": {
			bounces, `[{` + fewest + `,"local":null,"bounce_code":null,"postback_time":null}]`, plain,
		},
		"local and domain from the address": {
			bounces, `[{` + fewest + `,"email_address":"\"a@b\"@example.com"}]`,
			bounce(func(b *Bounce) { b.EmailAddress, b.Local, b.Domain = `"a@b"@example.com`, `"a@b"`, "example.com" }),
		},
		"local from an address without a domain": {
			bounces, `[{` + fewest + `,"email_address":"root"}]`,
			bounce(func(b *Bounce) { b.EmailAddress, b.Local = "root", "root" }),
		},
		"address from local and domain": {
			bounces, `[{` + fewest + `,"local":"a","domain":"example.com"}]`,
			bounce(func(b *Bounce) { b.EmailAddress, b.Local, b.Domain = "a@example.com", "a", "example.com" }),
		},
		"escapes": {
			codes, `["\"\\\/\b\f\n\r\t\u00e9\ud83d\ude00"]`, []string{"\"\\/\b\f\n\r\té😀"},
		},
		"half a surrogate pair becomes U+FFFD": {
			codes, `["a\ud83dz","\ude00"]`, []string{"a\uFFFDz", "\uFFFD"},
		},
		"invalid UTF-8 becomes U+FFFD, one for a byte": {
			codes, "[\"a\xff\xfez\xe2\x82\"]", []string{"a\uFFFD\uFFFDz\uFFFD\uFFFD"},
		},
		"U+2028 and DEL are text": {codes, "[\"\u2028\x7f\"]", []string{"\u2028\x7f"}},

		"bounce_count of 0 beside soft and hard": {
			counts(Bounces, BySender), `[{` + sender +
				`,"bounce_count":0,"soft_bounce_count":1,"hard_bounce_count":2}]`, tally(3, 1, 2),
		},
		"bounce_count alone": {
			counts(Bounces, BySender), `[{` + sender + `,"bounce_count":3}]`, tally(3, 0, 0),
		},
		"soft count missing": {
			counts(Bounces, BySender), `[{` + sender + `,"bounce_count":3,"hard_bounce_count":2}]`, tally(3, 1, 2),
		},
		"hard count missing": {
			counts(Bounces, BySender), `[{` + sender + `,"bounce_count":3,"soft_bounce_count":1}]`, tally(3, 1, 2),
		},
		"only hard counts": {
			counts(Bounces, BySender), `[{` + sender + `,"hard_bounce_count":2}]`, tally(2, 0, 2),
		},
		"only hard counts beside a total of 0": {
			counts(Bounces, BySender), `[{` + sender + `,"bounce_count":0,"hard_bounce_count":2}]`, tally(2, 0, 2),
		},
		"count as a numeric string": {
			counts(Emails, BySender), `[{` + sender + `,"sent_count":"3"}]`, tally(3, 0, 0),
		},
		"blocked_email_count": {
			counts(BlockedEmails, BySender), `[{` + sender + `,"bounce_count":9,"blocked_email_count":3}]`,
			tally(3, 0, 0),
		},
		"blocked emails under bounce_count": {
			counts(BlockedEmails, BySender), `[{` + sender +
				`,"bounce_count":3,"soft_bounce_count":1,"hard_bounce_count":1}]`, tally(3, 0, 0),
		},
		"counts by user, in the order of ids": {counts(Emails, ByUser),
			`[{"user_id":3,"sent_count":1},{"user_id":2,"sent_count":0,"sender":1}]`,
			[]Count{{ID: 2}, {ID: 3, Tally: Tally{Total: 1}}}},
		"series in the order of ids and times": {series(Bounces),
			`{"100":[],"9":[{"timestamp":7200,"bounce_count":1},` +
				`{"timestamp":"3600.0","bounce_count":0,"soft_bounce_count":2,"hard_bounce_count":3}]}`,
			[]Series{
				{
					ID: 9, Points: []Point{
						{Start: 3600, Tally: Tally{Total: 5, Soft: 2, Hard: 3}}, {Start: 7200, Tally: Tally{Total: 1}},
					},
				}, {ID: 100},
			}},
		"series of an id that comes twice: the last counts": {series(Emails),
			`{"9":[{"timestamp":1,"sent_count":1}],"9":[{"timestamp":2,"sent_count":2}]}`,
			[]Series{{ID: 9, Points: []Point{{Start: 2, Tally: Tally{Total: 2}}}}}},
	} {
		t.Run(name, func(t *testing.T) {
			t.Parallel()
			got, err := c.decode(c.body)
			if err != nil {
				t.Fatal(err)
			}
			if diff := cmp.Diff(c.want, got); diff != "" {
				t.Errorf("-want +got\n%s", diff)
			}
		})
	}
}

// Appending to the headers of one row does not change another row's.
func TestRowsDoNotShareTheirHeaders(t *testing.T) {
	t.Parallel()
	rows, err := DecodeBounces(string(pageOfBounces(3)))
	if err != nil {
		t.Fatal(err)
	}
	want := rows[2].XHeaders[0]
	_ = append(rows[1].XHeaders, Header{Name: "X-Other", Value: "of row 1"})
	if got := rows[2].XHeaders[0]; got != want {
		t.Errorf("row 2 got %v from row 1, want %v", got, want)
	}
}
