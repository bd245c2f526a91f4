package doctor_test

import (
	"bytes"
	"cmp"
	"flag"
	"net/http"
	"os"
	"path/filepath"
	"strings"
	"testing"
	"unicode/utf8"

	gocmp "github.com/google/go-cmp/cmp"

	"deliverygraph/upstream"
	"deliverygraph/upstream/doctor"
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
		layout doctor.Layout
	}{
		"fine":    {sample(), doctor.Layout{}},
		"quirky":  {quirky(), doctor.Layout{Width: 120}},
		"ascii":   {quirky(), doctor.Layout{Width: 72, ASCII: true}},
		"empty":   {with(func(b *backend) { b.Model = newEmpty() }), doctor.Layout{}},
		"trouble": {text(404, "application/json", "{}"), doctor.Layout{}},
	} {
		t.Run(name, func(t *testing.T) {
			t.Parallel()
			r := examine(t, c.server)
			r.Took = 0
			var b bytes.Buffer
			if err := r.WriteTable(&b, c.layout); err != nil {
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
				width, limit := utf8.RuneCountInString(strings.TrimSuffix(line, "\n")), cmp.Or(c.layout.Width, 100)
				if width > limit && longest < 40 {
					t.Errorf("a line of %d columns, want at most %d: %s", width, limit, line)
				}
				if c.layout.ASCII && strings.ContainsFunc(line, func(r rune) bool { return r > '~' }) {
					t.Errorf("not ASCII: %s", line)
				}
			}
		})
	}
}
