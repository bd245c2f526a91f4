package model_test

import (
	"bytes"
	"fmt"
	"strings"
	"testing"

	"github.com/99designs/gqlgen/graphql"

	"deliverygraph/graph/model"
	"deliverygraph/upstream"
)

// Strings are written as gqlgen writes them, wherever in a word what must be escaped is.
func FuzzAppendString(f *testing.F) {
	for n := range 20 {
		for _, c := range []string{"", `"`, `\`, "\n", "\x00", "\x1f", " ", "!", "\x7f", "\x80", "\xa2", "\xdc", "\xff", "é", " "} {
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

// What rows call plain is what is written as it is.
func TestPlainStringsAreWrittenAsTheyAre(t *testing.T) {
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

func BenchmarkAppendString(b *testing.B) {
	for name, s := range map[string]string{"address": "someone.else@mail.example.com", "diagnostic": `smtp; 550 5.1.1 <someone@example.com>: Recipient address rejected: "User unknown" in virtual mailbox table`} {
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
