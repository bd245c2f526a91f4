package model_test

import (
	"bytes"
	"strings"
	"testing"

	"github.com/99designs/gqlgen/graphql"

	"deliverygraph/graph/model"
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
