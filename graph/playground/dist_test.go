package playground_test

import (
	"crypto/sha256"
	"encoding/json"
	"fmt"
	"io/fs"
	"os"
	"path/filepath"
	"slices"
	"strings"
	"testing"
)

const rebuild = "run: cd graph/playground/web && npm ci && npm run build"

// The same sum is computed in web/build.mjs.
func TestThePageWasBuiltFromTheseSources(t *testing.T) {
	t.Parallel()
	var files []string
	err := filepath.WalkDir("web", func(path string, d fs.DirEntry, err error) error {
		switch {
		case err != nil:
			return err
		case d.Name() == "node_modules":
			return filepath.SkipDir
		case !d.IsDir():
			files = append(files, path)
		}
		return nil
	})
	if err != nil {
		t.Fatal(err)
	}
	names := map[string]string{}
	for i, path := range files {
		files[i] = strings.TrimPrefix(filepath.ToSlash(path), "web/")
		names[files[i]] = path
	}
	slices.Sort(files)
	sum := sha256.New()
	for _, file := range files {
		content, err := os.ReadFile(names[file])
		if err != nil {
			t.Fatal(err)
		}
		fmt.Fprintf(sum, "%x  %s\n", sha256.Sum256(content), file)
	}
	want, err := os.ReadFile("dist/SOURCE_HASH")
	if err != nil {
		t.Fatal(err)
	}
	if got := fmt.Sprintf("%x", sum.Sum(nil)); got != strings.TrimSpace(string(want)) {
		t.Errorf("the sources in web have changed since dist was built from them: %s", rebuild)
	}
}

// The lock file holds versions and checksums and no hosts, so that it serves behind any registry; all that is part of
// the page is in the notices.
func TestTheNoticesNameWhatThePageHolds(t *testing.T) {
	t.Parallel()
	text, err := os.ReadFile("web/package-lock.json")
	if err != nil {
		t.Fatal(err)
	}
	var lock struct {
		Packages map[string]struct {
			Version, Resolved, Integrity string
			Dev                          bool
			Dependencies                 map[string]string
		}
	}
	if err := json.Unmarshal(text, &lock); err != nil {
		t.Fatal(err)
	}
	notices, err := os.ReadFile("dist/third-party-notices.txt")
	if err != nil {
		t.Fatal(err)
	}
	for path, p := range lock.Packages {
		if path == "" {
			for name := range p.Dependencies {
				version := lock.Packages["node_modules/"+name].Version
				if want := fmt.Sprintf("\n%s %s (", name, version); !strings.Contains(string(notices), want) {
					t.Errorf("the notices do not name %s %s: %s", name, version, rebuild)
				}
			}
			continue
		}
		if p.Resolved != "" {
			t.Errorf("package-lock.json names a host for %s: keep web/.npmrc in force", path)
		}
		if p.Integrity == "" {
			t.Errorf("package-lock.json has no checksum for %s", path)
		}
	}
}
