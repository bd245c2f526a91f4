package gateway

import (
	"go/parser"
	"go/token"
	"io/fs"
	"os"
	"path"
	"slices"
	"strings"
	"testing"
)

// layers lists, by path prefix, the packages that others must not import.
var layers = []struct {
	of      string
	without []string
}{
	{"graph", []string{"resolvers", "internal/gateway"}},
	{"resolvers", []string{"internal/gateway"}},
	{
		"upstream", []string{
			"graph", "resolvers", "internal/gateway", "github.com/99designs/gqlgen", "github.com/vektah/gqlparser",
		},
	},
	{"upstream/rest", []string{"upstream/embedded"}},
	{"upstream/embedded", []string{"upstream/rest"}},
	{"internal/web", []string{"graph", "resolvers", "upstream", "internal/gateway"}},
	{"internal/telemetry", []string{"graph", "resolvers", "upstream", "internal/gateway"}},
}

// knownBreaches are imports that still break a layer. The list may only get shorter.
var knownBreaches = []string{}

func TestImportsKeepToTheirLayers(t *testing.T) {
	var met []string
	root := os.DirFS("../..")
	err := fs.WalkDir(root, ".", func(file string, entry fs.DirEntry, err error) error {
		switch {
		case err != nil:
			return err
		case entry.IsDir() && (entry.Name() == "node_modules" || file == "deploy" || file == ".git"):
			return fs.SkipDir
		case !strings.HasSuffix(file, ".go") || strings.HasSuffix(file, "_test.go"):
			return nil
		}
		text, err := fs.ReadFile(root, file)
		if err != nil {
			return err
		}
		source, err := parser.ParseFile(token.NewFileSet(), file, text, parser.ImportsOnly)
		if err != nil {
			return err
		}
		for _, i := range source.Imports {
			to := strings.TrimPrefix(strings.Trim(i.Path.Value, `"`), "deliverygraph/")
			for _, l := range layers {
				if below(path.Dir(file), l.of) &&
					slices.ContainsFunc(l.without, func(p string) bool { return below(to, p) }) {
					met = append(met, path.Dir(file)+" imports "+to)
				}
			}
		}
		return nil
	})
	if err != nil {
		t.Fatal(err)
	}
	slices.Sort(met)
	if met = slices.Compact(met); !slices.Equal(met, knownBreaches) {
		t.Errorf("these imports break the layers:\n%s\nknown are:\n%s", strings.Join(met, "\n"),
			strings.Join(knownBreaches, "\n"))
	}
}

// below reports whether a package is p or lies below it.
func below(pkg, p string) bool { return pkg == p || strings.HasPrefix(pkg, p+"/") }
