package importer

import (
	"os"
	"path/filepath"
	"regexp"
	"strings"
	"testing"

	"deliverygraph/upstream/embedded/importer/format/formattest"
)

func TestEveryFormatHasANameOfItsOwn(t *testing.T) {
	names := map[string]bool{}
	for _, f := range Formats {
		if !regexp.MustCompile(`^[a-z]+$`).MatchString(f.Name) || names[f.Name] || f.About == "" ||
			f.Recognise == nil || f.New == nil {
			t.Errorf("%q: a format needs a name of its own, a line about it, and functions", f.Name)
		}
		names[f.Name] = true
		if found, ok := byName(f.Name); !ok || found.About != f.About {
			t.Errorf("byName does not find %q", f.Name)
		}
	}
}

func TestSamplesAreRecognisedByTheirFormatAlone(t *testing.T) {
	dir := formattest.Dir(t)
	for _, f := range Formats {
		files, err := filepath.Glob(filepath.Join(dir, "formats", f.Name, "*"))
		if err != nil {
			t.Fatal(err)
		}
		for _, file := range files {
			if strings.HasSuffix(file, "SOURCES.md") ||
				strings.HasSuffix(file, "long-queue-id.log") { // its first line has no time
				continue
			}
			head, err := os.ReadFile(file)
			if err != nil {
				t.Fatal(err)
			}
			for _, size := range []int{len(head), max(min(len(head), 2048), len(head)*3/4)} { // whole, and cut
				if got, _ := byHead(head[:size]); got.Name != f.Name {
					t.Errorf("%s, %d of %d bytes, is taken for %q", file, size, len(head), got.Name)
				}
				for _, other := range Formats {
					if other.Name != f.Name && other.Recognise(head[:size]) &&
						!(other.Name == "postfix" && f.Name == "exim") {
						t.Errorf("%s is recognised by %s too", file, other.Name)
					}
				}
			}
		}
	}
	for _, rows := range []string{`{"kind": "email", "user_id": 1}` + "\n", `{"kind": "bounce"}`, "", "text\n"} {
		if f, ok := byHead([]byte(rows)); ok {
			t.Errorf("%q is taken for %s", rows, f.Name)
		}
	}
}
