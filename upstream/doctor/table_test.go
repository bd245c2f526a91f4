package doctor_test

import (
	"bytes"
	"flag"
	"net/http"
	"os"
	"path/filepath"
	"strings"
	"testing"
	"unicode/utf8"

	gocmp "github.com/google/go-cmp/cmp"

	"deliverygraph/upstream"
)

var update = flag.Bool("update", false, "rewrite the golden files in testdata")

// quirky returns a server with many differences, of every kind.
func quirky() http.Handler {
	return with(func(b *backend) {
		b.list = reversed
		b.query = exactHeaders
		b.count = func(k upstream.Kind, q *upstream.CountQuery) {
			if k != upstream.Emails {
				q.Window.End++
			}
		}
		b.series = onDays(shifted(-5 * 3600))
	})
}

func TestTablesMatchGoldenFiles(t *testing.T) {
	t.Parallel()
	for name, c := range map[string]struct {
		server http.Handler
		ascii  bool
	}{
		"fine":    {sample(), false},
		"quirky":  {quirky(), false},
		"ascii":   {quirky(), true},
		"empty":   {with(func(b *backend) { b.Model = newEmpty() }), false},
		"trouble": {text(404, "application/json", "{}"), false},
	} {
		t.Run(name, func(t *testing.T) {
			t.Parallel()
			r := examine(t, c.server)
			r.Took = 0
			var b bytes.Buffer
			if err := r.WriteTable(&b, c.ascii); err != nil {
				t.Fatal(err)
			}
			got := b.String()
			golden := filepath.Join("testdata", name+".txt")
			if *update {
				if err := os.WriteFile(golden, []byte(got), 0o644); err != nil {
					t.Fatal(err)
				}
			}
			want, err := os.ReadFile(golden)
			if err != nil {
				t.Fatal(err)
			}
			if diff := gocmp.Diff(string(want), got); diff != "" {
				t.Errorf("-want +got\n%s", diff)
			}
			for line := range strings.Lines(b.String()) {
				longest := 0
				for word := range strings.FieldsSeq(line) {
					longest = max(longest, utf8.RuneCountInString(word))
				}
				width := utf8.RuneCountInString(strings.TrimSuffix(line, "\n"))
				if width > 100 && longest < 40 {
					t.Errorf("a line of %d columns, want at most 100: %s", width, line)
				}
				if c.ascii && strings.ContainsFunc(line, func(r rune) bool { return r > '~' }) {
					t.Errorf("not ASCII: %s", line)
				}
			}
		})
	}
}
