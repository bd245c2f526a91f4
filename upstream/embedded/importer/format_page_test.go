package importer_test

import (
	"os"
	"slices"
	"strings"
	"testing"

	"github.com/google/go-cmp/cmp"
	"github.com/google/go-cmp/cmp/cmpopts"

	"deliverygraph/upstream"
	"deliverygraph/upstream/embedded/importer"
)

func TestRowsOfTheCodecsComeBackAsTheyWere(t *testing.T) {
	t.Parallel()
	want := demoBatch()
	m, s, bad, err := imported(t, string(ndjson(want)), importer.Options{Strict: true, BatchRows: 4000})
	if err != nil {
		t.Fatal(err, bad)
	}
	if diff := cmp.Diff(want, m.rows(), cmpopts.EquateEmpty()); diff != "" {
		t.Error(diff)
	}
	for _, k := range upstream.Kinds {
		if *s.Of(k) != want.Of(k).Len() {
			t.Errorf("%d %s, want %d", *s.Of(k), k, want.Of(k).Len())
		}
	}
	if s.Senders != len(want.Senders) {
		t.Errorf("%+v", s)
	}
}

// The page that users read must be right: its examples are imported, and its table
// is the importer's.
func TestTheFormatPageIsTrue(t *testing.T) {
	t.Parallel()
	page, err := os.ReadFile("FORMAT.md")
	if err != nil {
		t.Fatal(err)
	}
	_, rest, _ := strings.Cut(string(page), "```json\n")
	examples, _, _ := strings.Cut(rest, "```")
	_, s, bad, err := imported(t, examples, importer.Options{Strict: true})
	if err != nil || s.Senders != 1 ||
		slices.ContainsFunc(upstream.Kinds[:], func(k upstream.Kind) bool { return *s.Of(k) != 1 }) {
		t.Fatalf("%v, %v, %+v", err, bad, s)
	}
	if diff := cmp.Diff(importer.Table(), table(string(page))); diff != "" {
		t.Error(diff)
	}
}

// table reads the page's table: for each field and kind of row R, o or nothing.
func table(page string) map[string][5]string {
	got := map[string][5]string{}
	for _, line := range strings.Split(page, "\n") {
		cells := strings.Split(line, "|")
		if len(cells) < 9 || !strings.HasPrefix(cells[1], " `") {
			continue
		}
		var marks [5]string
		for i := range marks {
			// An address may be given in parts, so that no field of the three is required by itself.
			marks[i] = strings.NewReplacer("R¹", "o", "o¹", "o").Replace(strings.TrimSpace(cells[2+i]))
		}
		got[strings.Trim(cells[1], " `")] = marks
	}
	return got
}
