package sitetest

import (
	"crypto/sha256"
	"encoding/json"
	"fmt"
	"io/fs"
	"maps"
	"os"
	"path/filepath"
	"slices"
	"strings"
	"testing"
)

const rebuild = "run, in the folder web: npm ci && npm run build"

// builder is the script that writes the folder dist of every page. It counts as one of the page's sources.
const builder = "../../internal/web/site/dist.mjs"

// CheckDist fails the test if the folder dist of the package under test was not built from the sources in its folder
// web. dist.mjs computes the same checksum.
func CheckDist(t *testing.T) {
	t.Helper()
	names := map[string]string{}
	err := filepath.WalkDir("web", func(path string, d fs.DirEntry, err error) error {
		switch {
		case err != nil:
			return err
		case d.Name() == "node_modules":
			return filepath.SkipDir
		case !d.IsDir():
			names[strings.TrimPrefix(filepath.ToSlash(path), "web/")] = path
		}
		return nil
	})
	if err != nil {
		t.Fatal(err)
	}
	sum := sha256.New()
	add := func(path, name string) {
		content, err := os.ReadFile(path)
		if err != nil {
			t.Fatal(err)
		}
		fmt.Fprintf(sum, "%x  %s\n", sha256.Sum256(content), name)
	}
	for _, name := range slices.Sorted(maps.Keys(names)) {
		add(names[name], name)
	}
	add(builder, "dist.mjs")
	want, err := os.ReadFile("dist/SOURCE_HASH")
	if err != nil {
		t.Fatal(err)
	}
	if got := fmt.Sprintf("%x", sum.Sum(nil)); got != strings.TrimSpace(string(want)) {
		t.Errorf("the sources in web have changed since dist was built from them: %s", rebuild)
	}
}

// CheckNotices fails the test if the notices of the package under test do not name each package that is part of its
// page, or if its lock file names the hosts of a registry, which would bind builds to that.
func CheckNotices(t *testing.T) {
	t.Helper()
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
