package model_test

import (
	"bytes"
	"fmt"
	"math"
	"strings"
	"testing"
	"time"

	"github.com/99designs/gqlgen/graphql"
	"pgregory.net/rapid"

	"deliverygraph/graph/model"
	"deliverygraph/upstream"
)

// Strings are written exactly as by gqlgen, wherever in a word the escaped byte is.
func FuzzAppendString(f *testing.F) {
	for n := range 20 {
		for _, c := range []string{
			"", `"`, `\`, "\n", "\x00", "\x1f", " ", "!", "\x7f", "\x80", "\xa2", "\xdc", "\xff", "é", " ",
		} {
			f.Add(strings.Repeat("x", n) + c + strings.Repeat("y", 19-n))
			f.Add(strings.Repeat("é", n/2) + c + c + `"z`)
		}
	}
	f.Fuzz(func(t *testing.T, s string) {
		var want bytes.Buffer
		graphql.MarshalString(s).MarshalGQL(&want)
		if got := model.AppendString([]byte("..."), s); string(got) != "..."+want.String() {
			t.Errorf("%q is written %q, want %q", s, got[3:], want.String())
		}
	})
}

// A row's strings are marked plain if and only if they are written without escapes.
func TestPlainStringsNeedNoEscapes(t *testing.T) {
	t.Parallel()
	var page bytes.Buffer
	for r := range rune(0x3000) {
		fmt.Fprintf(&page, `,{"user_id":1,"sender_id":2,"email_id":"3","bounce_time":4,"local":"\u%04x"}`, r)
	}
	rows, err := upstream.DecodeBounces("[" + page.String()[1:] + "]")
	if err != nil {
		t.Fatal(err)
	}
	for i, row := range rows {
		asItIs := string(model.AppendString(nil, row.Local)) == `"`+row.Local+`"`
		if bool(row.Plain) != asItIs {
			t.Errorf("U+%04X is plain: %v, and written as it is: %v", i, row.Plain, asItIs)
		}
	}
}

// Moments are formatted as by package time.
func TestMomentsAreFormattedAsByPackageTime(t *testing.T) {
	t.Parallel()
	var row model.DateTimes
	check := func(at int64) bool {
		want := time.Unix(at, 0).UTC().Format(`"` + time.RFC3339 + `"`)
		if got := string(model.AppendDateTime([]byte("..."), upstream.Time(at))[3:]); got != want {
			t.Errorf("%d is written %s, want %s", at, got, want)
			return false
		}
		if got := string(row.Append(nil, upstream.Time(at))); got != want {
			t.Errorf("%d is written %s behind others, want %s", at, got, want)
			return false
		}
		return true
	}
	const first, last, day = -62167219200, 253402300799, 86400
	const year1900 = -2208988800 // the calendar repeats after 400 years
	for at := int64(year1900); at < year1900+400*366*day && check(at) && check(at+day-1); at += day {
	}
	rapid.Check(t, func(t *rapid.T) { check(rapid.Int64Range(first, last).Draw(t, "moment")) })
	for _, beyond := range []upstream.Time{math.MinInt64, first - 1, last + 1, math.MaxInt64} {
		if got := string(model.AppendDateTime(nil, beyond)); got != `"0000-01-01T00:00:00Z"` &&
			got != `"9999-12-31T23:59:59Z"` {
			t.Errorf("%d is written %s", beyond, got)
		}
	}
}

func BenchmarkAppendDateTime(b *testing.B) {
	b.ReportAllocs()
	var dst []byte
	for b.Loop() {
		dst = model.AppendDateTime(dst[:0], 1479600000)
	}
}

func BenchmarkDateTimes(b *testing.B) {
	b.ReportAllocs()
	var dst []byte
	var row model.DateTimes
	for b.Loop() {
		dst = row.Append(dst[:0], 1479600000)
	}
}

func BenchmarkAppendString(b *testing.B) {
	for name, s := range map[string]string{
		"code": "5.1.1", "address": "someone.else@mail.example.com",
		"diagnostic": `smtp; 550 5.1.1 <someone@example.com>: Recipient address rejected: "User unknown" in virtual ` +
			`mailbox table`,
	} {
		b.Run(name, func(b *testing.B) {
			b.ReportAllocs()
			var dst []byte
			for b.Loop() {
				dst = model.AppendString(dst[:0], s)
			}
			b.SetBytes(int64(len(s)))
		})
	}
}
