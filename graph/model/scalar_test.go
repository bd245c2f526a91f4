package model_test

import (
	"bytes"
	"encoding/json"
	"math"
	"strings"
	"testing"
	"time"

	"github.com/99designs/gqlgen/graphql"
	"pgregory.net/rapid"

	"deliverygraph/graph/model"
	"deliverygraph/upstream"
)

func written(m graphql.Marshaler) string {
	var b bytes.Buffer
	m.MarshalGQL(&b)
	return b.String()
}

func TestAcceptedDateTimes(t *testing.T) {
	t.Parallel()
	const first, last = -62167219200, 253402300799
	cases := map[string]struct {
		in   any
		want upstream.Time
	}{
		"UTC":                                  {"2016-11-22T00:00:00Z", 1479772800},
		"lower case":                           {"2016-11-22t00:00:00z", 1479772800},
		"an offset":                            {"2016-11-22T05:30:00+05:30", 1479772800},
		"an offset behind UTC":                 {"2016-11-21T16:00:00-08:00", 1479772800},
		"an unknown offset":                    {"2016-11-22T00:00:00-00:00", 1479772800},
		"no fraction":                          {"2016-11-22T00:00:00.000Z", 1479772800},
		"a fraction is rounded up":             {"2016-11-22T00:00:00.001Z", 1479772801},
		"the least fraction is rounded up":     {"2016-11-22T00:00:00.000000001Z", 1479772801},
		"a fraction before 1970 is rounded up": {"1969-12-31T23:59:58.5Z", -1},
		"a leap day":                           {"2024-02-29T00:00:00Z", 1709164800},
		"a leap second":                        {"2016-12-31T23:59:60Z", 1483228800},
		"a leap second elsewhere":              {"1990-12-31T15:59:60-08:00", 662688000},
		"a leap second in the morning":         {"2017-01-01T05:29:60+05:30", 1483228800},
		"a fraction of a leap second":          {"2016-12-31T23:59:60.5Z", 1483228800},
		"a leap second in the middle":          {"2015-06-30t23:59:60z", 1435708800},
		"a date":                               {"2016-11-22", 1479772800},
		"a leap day's date":                    {"2024-02-29", 1709164800},
		"the first date":                       {"0000-01-01", first},
		"the last date":                        {"9999-12-31", 253402214400},
		"the first second":                     {"0000-01-01T00:00:00Z", first},
		"the last second":                      {"9999-12-31T23:59:59Z", last},
		"the last second is not rounded":       {"9999-12-31T23:59:59.999Z", last},
		"Unix seconds":                         {json.Number("1479772800"), 1479772800},
		"Unix seconds of a literal":            {int64(1479772800), 1479772800},
		"Unix seconds of a Go int":             {1479772800, 1479772800},
		"a number's fraction is rounded up":    {json.Number("1479772800.25"), 1479772801},
		"a literal's fraction is rounded up":   {1479772800.25, 1479772801},
		"a negative fraction is rounded up":    {json.Number("-1.5"), -1},
		"an exponent":                          {json.Number("1.4797728e9"), 1479772800},
		"zero":                                 {json.Number("0"), 0},
		"negative zero":                        {json.Number("-0"), 0},
		"the first number":                     {json.Number("-62167219200"), first},
		"the last number":                      {json.Number("253402300799"), last},
	}
	for name, c := range cases {
		if got, err := model.UnmarshalDateTime(c.in); got != c.want || err != nil {
			t.Errorf("%s: %v is %d (%v), want %d", name, c.in, got, err, c.want)
		}
	}
}

func TestInvalidDateTimesAreRefused(t *testing.T) {
	t.Parallel()
	for name, c := range map[string]struct {
		in   any
		says string
	}{
		"words":                      {"yesterday", "RFC 3339"},
		"nothing":                    {"", "RFC 3339"},
		"a date that is not there":   {"2023-02-29", "RFC 3339"},
		"a date without its month":   {"2016-22", "RFC 3339"},
		"a date in the basic form":   {"20161122", "RFC 3339"},
		"a date with an offset":      {"2016-11-22Z", "RFC 3339"},
		"a date with spaces":         {" 2016-11-22", "RFC 3339"},
		"one digit of a day":         {"2016-11-2", "RFC 3339"},
		"a month and no day":         {"2016-11", "a date, such as"},
		"no leap second":             {"2016-12-31T23:58:60Z", "RFC 3339"},
		"a leap second on a Tuesday": {"2016-11-22T23:59:60Z", "RFC 3339"},
		"a leap second elsewhere":    {"2016-12-31T23:59:60+01:00", "RFC 3339"},
		"second 61":                  {"2016-12-31T23:59:61Z", "RFC 3339"},
		"no offset":                  {"2016-11-22T00:00:00", "RFC 3339"},
		"a space for the T":          {"2016-11-22 00:00:00Z", "RFC 3339"},
		"a comma for the point":      {"2016-11-22T00:00:00,5Z", "RFC 3339"},
		"one digit":                  {"2016-11-22T0:00:00Z", "RFC 3339"},
		"a day that is not there":    {"2023-02-29T00:00:00Z", "RFC 3339"},
		"hour 24":                    {"2016-11-22T24:00:00Z", "RFC 3339"},
		"an offset of a day":         {"2016-11-22T00:00:00+24:00", "RFC 3339"},
		"five digits of year":        {"10000-01-01T00:00:00Z", "RFC 3339"},
		"a year before the first":    {"0000-01-01T00:00:00+00:01", "years 0 to 9999"},
		"a year behind the last":     {"9999-12-31T23:59:59-00:01", "years 0 to 9999"},
		"digits in a string":         {"1479772800", "RFC 3339"},
		"milliseconds":               {json.Number("1479772800000"), "not milliseconds"},
		"milliseconds of a literal":  {int64(1479772800000), "not milliseconds"},
		"a number beyond 64 bits":    {json.Number("99999999999999999999"), "not milliseconds"},
		"a number below 64 bits":     {json.Number("-99999999999999999999"), "not milliseconds"},
		"a number beyond all floats": {json.Number("1e999"), "not milliseconds"},
		"not a number":               {math.NaN(), "not milliseconds"},
		"true":                       {true, "RFC 3339"},
		"null":                       {nil, "RFC 3339"},
		"a list":                     {[]any{}, "RFC 3339"},
		"an overlong text":           {strings.Repeat("x", 10_000), "RFC 3339"},
	} {
		_, err := model.UnmarshalDateTime(c.in)
		if upstream.CodeOf(err) != upstream.InvalidArgument || !strings.Contains(err.Error(), c.says) ||
			len(err.Error()) > 300 {
			t.Errorf("%s: %v, want %q in it", name, err, c.says)
		}
	}
}

func TestDateTimesRoundTrip(t *testing.T) {
	t.Parallel()
	rapid.Check(t, func(t *rapid.T) {
		want := times.Draw(t, "time")
		var text string
		if err := json.Unmarshal([]byte(written(model.MarshalDateTime(want))), &text); err != nil {
			t.Fatal(err)
		}
		if len(text) != len("2016-11-22T00:00:00Z") || !strings.HasSuffix(text, "Z") {
			t.Errorf("%d is written %s", want, text)
		}
		if got, err := model.UnmarshalDateTime(text); got != want || err != nil {
			t.Errorf("%d is written %s, which is %d (%v)", want, text, got, err)
		}
		offset := rapid.IntRange(-12*60, 14*60).Draw(t, "offset in minutes")
		local := want.UTC().In(time.FixedZone("", offset*60))
		if y := local.Year(); y >= 0 && y <= 9999 {
			if got, err := model.UnmarshalDateTime(local.Format(time.RFC3339)); got != want || err != nil {
				t.Errorf("%s is %d (%v), want %d", local.Format(time.RFC3339), got, err, want)
			}
		}
	})
}

// A moment that RFC 3339 cannot express becomes the nearest one that it can: the answer must stay valid, whatever the
// upstream sends.
func TestDateTimesAreClampedToTheYears(t *testing.T) {
	t.Parallel()
	for in, want := range map[upstream.Time]string{
		math.MaxInt64: `"9999-12-31T23:59:59Z"`, math.MinInt64: `"0000-01-01T00:00:00Z"`,
	} {
		if got := written(model.MarshalDateTime(in)); got != want {
			t.Errorf("%d is written %s", in, got)
		}
	}
}

func TestLongs(t *testing.T) {
	t.Parallel()
	rapid.Check(t, func(t *rapid.T) {
		want := rapid.Int64().Draw(t, "n")
		text := written(model.MarshalLong(want))
		if got, err := model.UnmarshalLong(json.Number(text)); got != want || err != nil {
			t.Errorf("%d is written %s, which is %d (%v)", want, text, got, err)
		}
		if got, err := model.UnmarshalLong(want); got != want || err != nil {
			t.Errorf("%d is %d (%v)", want, got, err)
		}
	})
	for _, in := range []any{
		nil, "5", "", true, 5.0, json.Number("5.0"), json.Number("1e3"), json.Number("9223372036854775808"), []any{},
	} {
		if got, err := model.UnmarshalLong(in); upstream.CodeOf(err) != upstream.InvalidArgument ||
			strings.Contains(err.Error(), "strconv") {
			t.Errorf("%v is %d (%v)", in, got, err)
		}
	}
}

func TestEnums(t *testing.T) {
	t.Parallel()
	for _, v := range []upstream.BounceType{upstream.Hard, upstream.Soft} {
		text := strings.Trim(written(model.MarshalBounceType(v)), `"`)
		if got, err := model.UnmarshalBounceType(text); got != v || err != nil || text != strings.ToUpper(string(v)) {
			t.Errorf("%s is written %s, which is %s (%v)", v, text, got, err)
		}
	}
	for v, text := range map[upstream.Interval]string{upstream.Hour: "HOUR", upstream.Day: "DAY"} {
		if got, err := model.UnmarshalInterval(text); got != v || err != nil ||
			written(model.MarshalInterval(v)) != `"`+text+`"` {
			t.Errorf("%s is %d (%v)", text, got, err)
		}
	}
	for _, in := range []any{"hard", "FIRM", "", nil, 1} {
		if _, err := model.UnmarshalBounceType(in); upstream.CodeOf(err) != upstream.InvalidArgument {
			t.Errorf("%v: %v", in, err)
		}
		if _, err := model.UnmarshalInterval(in); upstream.CodeOf(err) != upstream.InvalidArgument {
			t.Errorf("%v: %v", in, err)
		}
	}
}

func TestExcerpts(t *testing.T) {
	t.Parallel()
	rapid.Check(t, func(t *rapid.T) {
		s := rapid.String().Draw(t, "text")
		got := model.Excerpt(s)
		if len(s) <= 64 && got != s || len(got) > 64 || !strings.HasPrefix(s, strings.TrimSuffix(got, "…")) {
			t.Errorf("%q of %q", got, s)
		}
	})
}
