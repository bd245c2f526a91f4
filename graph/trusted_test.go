package graph_test

import (
	"bytes"
	"context"
	"errors"
	"log/slog"
	"os"
	"path/filepath"
	"strings"
	"testing"
	"testing/synctest"
	"time"

	"deliverygraph/graph"
)

func write(t *testing.T, path, text string) {
	t.Helper()
	if err := os.MkdirAll(filepath.Dir(path), 0o700); err != nil {
		t.Fatal(err)
	}
	if err := os.WriteFile(path, []byte(text), 0o600); err != nil {
		t.Fatal(err)
	}
}

// check accepts any text in braces.
func check(text string) error {
	if !strings.Contains(text, "{") {
		return errors.New("it asks for nothing")
	}
	return nil
}

// Open reads folders and the manifests of Relay, GraphQL Code Generator and Apollo. Each document has its own id and
// the hash of its text.
func TestOpenReadsFoldersAndManifests(t *testing.T) {
	t.Parallel()
	dir := t.TempDir()
	write(t, filepath.Join(dir, "folder", "a.graphql"), "query A { a }\n")
	write(t, filepath.Join(dir, "folder", "deep", "b.gql"), "query B { b }")
	write(t, filepath.Join(dir, "folder", "README.md"), "no document")
	write(t, filepath.Join(dir, "folder", "..data", "a.graphql"), "no document")
	write(t, filepath.Join(dir, "relay.json"), `{"a": "query A { a }\n", "deep/b": "query B { b }"}`)
	write(t, filepath.Join(dir, "apollo.json"), `{
		"format": "apollo-persisted-query-manifest", "version": 1, "operations": [
			{"id": "a", "name": "A", "type": "query", "body": "query A { a }\n"},
			{"id": "deep/b", "name": "B", "type": "query", "body": "query B { b }"}
		]
	}`)
	for _, name := range []string{"folder", "relay.json", "apollo.json"} {
		d, err := graph.OpenTrusted(filepath.Join(dir, name), check)
		if err != nil {
			t.Fatal(err)
		}
		for id, want := range map[string]string{
			"a": "query A { a }\n", graph.HashDocument("query A { a }\n"): "query A { a }\n",
			graph.HashDocument("query A { a }"): "query A { a }\n",
			"deep/b":                            "query B { b }", graph.HashDocument("query B { b }"): "query B { b }",
			"c": "", "A": "", "": "",
		} {
			if got, ok := d.Text(id); got != want || ok != (want != "") {
				t.Errorf("%s: %s is %q, want %q", name, id, got, want)
			}
		}
		if d.Len() != 5 {
			t.Errorf("%s: %d ids", name, d.Len())
		}
	}
}

// The error names what is wrong and says what would be right.
func TestOpenNamesTheWrongDocument(t *testing.T) {
	t.Parallel()
	for name, c := range map[string]struct{ file, text, says string }{
		"an empty folder":            {"folder/notes.txt", "{", "contains no documents"},
		"an empty manifest":          {"m.json", "{}", "contains no documents"},
		"a document that is refused": {"folder/bad.graphql", "nothing", `the document "bad": it asks for nothing`},
		"an array as manifest":       {"m.json", "[1]", `it must be {"ID": "TEXT"`},
		"another Apollo format": {
			"m.json", `{"format": "apollo-persisted-query-manifest", "version": 2, "operations": []}`, "not a manifest",
		},
		"an operation without body": {
			"m.json", `{"format": "apollo-persisted-query-manifest", "version": 1, "operations": [{"id": "a"}]}`,
			"operation 1 has no id or no body",
		},
		"one id for two": {
			"m.json",
			`{"format": "apollo-persisted-query-manifest", "version": 1, "operations": [{"id": "a", ` +
				`"body": "{a}"}, {"id": "a", "body": "{b}"}]}`, `two documents with the id "a"`,
		},
		"too much": {"m.json", `{"a": "{` + strings.Repeat(" ", 32<<20) + `}"}`, "bytes in total"},
	} {
		t.Run(name, func(t *testing.T) {
			t.Parallel()
			dir := t.TempDir()
			write(t, filepath.Join(dir, c.file), c.text)
			first, _, _ := strings.Cut(c.file, "/")
			_, err := graph.OpenTrusted(filepath.Join(dir, first), check)
			if err == nil || !strings.Contains(err.Error(), c.says) || !strings.Contains(err.Error(), first) {
				t.Errorf("error: %v", err)
			}
		})
	}
	if _, err := graph.OpenTrusted(filepath.Join(t.TempDir(), "nowhere"), check); err == nil {
		t.Error("a path that does not exist is opened")
	}
}

// The limit also holds for what has no size, such as a pipe.
func TestOpenLimitsEndlessManifests(t *testing.T) {
	t.Parallel()
	const endless = "/dev/zero"
	if _, err := os.Stat(endless); err != nil {
		t.Skip(err)
	}
	if _, err := graph.OpenTrusted(endless, check); err == nil || !strings.Contains(err.Error(), "bytes in total") {
		t.Errorf("error: %v", err)
	}
}

// Changes are loaded. Invalid ones are logged once, and the previous documents stay.
func TestFollowLoadsValidChanges(t *testing.T) {
	t.Parallel()
	dir := t.TempDir()
	path := filepath.Join(dir, "a.graphql")
	write(t, path, "{ a }")
	synctest.Test(t, func(t *testing.T) {
		var log bytes.Buffer
		ctx, cancel := context.WithCancel(t.Context())
		defer cancel()
		d, err := graph.OpenTrusted(dir, check)
		if err != nil {
			t.Fatal(err)
		}
		go d.Follow(ctx, time.Second, slog.New(slog.NewTextHandler(&log, nil)))
		later := func() { time.Sleep(3 * time.Second); synctest.Wait() }
		later()
		if log.Len() > 0 {
			t.Errorf("log without changes: %s", log.String())
		}
		write(t, path, "{ b }")
		later()
		if text, _ := d.Text("a"); text != "{ b }" || strings.Count(log.String(), "reloaded") != 1 {
			t.Errorf("%q; log: %s", text, log.String())
		}
		write(t, path, "nothing")
		later()
		if text, _ := d.Text("a"); text != "{ b }" || strings.Count(log.String(), "level=ERROR") != 1 {
			t.Errorf("%q; log: %s", text, log.String())
		}
		write(t, path, "{ c }")
		later()
		if text, _ := d.Text("a"); text != "{ c }" {
			t.Errorf("%q", text)
		}
		if _, ok := d.Text(graph.HashDocument("{ b }")); ok {
			t.Error("a removed document is still found")
		}
	})
}

// The folder may be a link, such as one to the current release.
func TestFoldersOfDocumentsMayBeLinks(t *testing.T) {
	t.Parallel()
	dir := t.TempDir()
	write(t, filepath.Join(dir, "release-1", "deep", "a.graphql"), "{ a }")
	link := filepath.Join(dir, "current")
	if err := os.Symlink("release-1", link); err != nil {
		t.Skip(err)
	}
	d, err := graph.OpenTrusted(link, check)
	if err != nil {
		t.Fatal(err)
	}
	if text, ok := d.Text("deep/a"); !ok || text != "{ a }" {
		t.Errorf("%q, %v", text, ok)
	}
}
