package gateway

import (
	"bytes"
	"context"
	"fmt"
	"io"
	"maps"
	"net/http"
	"net/http/httptest"
	"os"
	"path/filepath"
	"strings"
	"testing"
	"time"

	"github.com/vektah/gqlparser/v2/ast"
	"github.com/vektah/gqlparser/v2/parser"

	"deliverygraph/graph/generated"
	"deliverygraph/resolvers"
)

func TestHelpAndVersion(t *testing.T) {
	t.Parallel()
	for _, c := range []struct {
		args string
		says string
	}{
		{"--help", "--upstream"},
		{"--help", "DELIVERYGRAPH_LISTEN"},
		{"--help", "import"},
		{"--help", "reclassify"},
		{"--help", "deliverygraph classify"},
		{"serve --help", "--rest-keys"},
		{"import --help", "NDJSON"},
		{"doctor --help", "Exit code"},
		{"version", "deliverygraph"},
		{"--version", "deliverygraph"},
	} {
		var out bytes.Buffer
		if code := Run(t.Context(), strings.Fields(c.args), Streams{strings.NewReader(""), &out, &out}); code != 0 ||
			!strings.Contains(out.String(), c.says) {
			t.Errorf("%s: exit code %d, want %q in:\n%s", c.args, code, c.says, out.String())
		}
	}
}

func TestMistypedCommandsGetASuggestion(t *testing.T) {
	t.Parallel()
	for given, want := range map[string]string{
		"imort": "import", "clasify": "classify", "reclasify": "reclassify", "infos": "info", "bakup": "backup",
		"versoin": "version", "metrics.db": "",
	} {
		said := refused(t, given, "--data", "metrics.db")
		if !strings.Contains(said, given) || strings.Contains(said, "did you mean") != (want != "") ||
			!strings.Contains(said, want) {
			t.Errorf("%s: %q, want %q", given, said, want)
		}
	}
}

// Frontends and partners generate code from the published copy.
func TestPublishedSchemaIsCurrent(t *testing.T) {
	t.Parallel()
	var out, file bytes.Buffer
	if code := Run(t.Context(), []string{"schema"}, Streams{nil, &out, io.Discard}); code != exitOK {
		t.Fatalf("exit code %d", code)
	}
	path := filepath.Join(t.TempDir(), "schema.graphql")
	if code := Run(t.Context(), []string{"schema", "--output", path},
		Streams{nil, &file, io.Discard}); code != exitOK || file.Len() != 0 {
		t.Errorf("exit code %d, printed %q", code, &file)
	}
	written, err := os.ReadFile(path)
	if err != nil {
		t.Fatal(err)
	}
	published, err := os.ReadFile("../../schema/published/schema.graphql")
	if err != nil {
		t.Fatal(err)
	}
	if out.String() != string(published) || out.String() != string(written) {
		t.Error("the published schema is not the gateway's: run go generate ./graph")
	}
	// Introspection shows the same directives.
	doc, err := parser.ParseSchema(&ast.Source{Input: out.String()})
	if err != nil {
		t.Fatal(err)
	}
	printed := map[string]string{}
	for _, d := range doc.Directives {
		printed[d.Name] = signature(d)
	}
	introspected := map[string]string{}
	for name, d := range generated.NewExecutableSchema(resolvers.Schema()).Schema().Directives {
		introspected[name] = signature(d)
	}
	if !maps.Equal(printed, introspected) {
		t.Errorf("printed: %v\nby introspection: %v", printed, introspected)
	}
	if got, want := printed["defer"], "(if: Boolean! = true, label: String) [FRAGMENT_SPREAD "+
		"INLINE_FRAGMENT]"; got != want {
		t.Errorf("@defer%s, want %s", got, want)
	}
}

// signature returns the arguments and locations of a directive.
func signature(d *ast.DirectiveDefinition) string {
	var args []string
	for _, a := range d.Arguments {
		arg := a.Name + ": " + a.Type.String()
		if a.DefaultValue != nil {
			arg += " = " + a.DefaultValue.String()
		}
		args = append(args, arg)
	}
	return fmt.Sprintf("(%s) %v", strings.Join(args, ", "), d.Locations)
}

// The doctor finds no faults in our own REST API over demo data, and its exit code says what it found in others.
func testDoctor(t *testing.T, p *program, _ time.Time) {
	web := httptest.NewServer(http.HandlerFunc(func(w http.ResponseWriter, _ *http.Request) {
		_, _ = io.WriteString(w, "<html>")
	}))
	t.Cleanup(web.Close)
	for name, c := range map[string]struct {
		args string
		code int
		says string
	}{
		"in order": {
			"--upstream " + p.rest + " --upstream-key a-key-that-opens-all-users", exitOK, "no differences",
		},
		"no data": {
			"--upstream " + p.rest + " --upstream-key a-key-that-opens-all-users --window 0/3600", exitPartly,
			"no data",
		},
		"no key":            {"--upstream " + p.rest, exitFailure, "asks for an API key"},
		"a web site":        {"--ascii --upstream " + web.URL, exitFailure, "web site"},
		"no URL":            {"", exitUsage, "--upstream"},
		"a URL that is not": {"--upstream metrics.example.com", exitUsage, "https://"},
		"a window that is": {
			"--upstream " + p.rest + " --window yesterday", exitUsage, "2016-11-22T00:00:00Z/2016-11-23T00:00:00Z",
		},
	} {
		var out bytes.Buffer
		code := Run(t.Context(), append([]string{"doctor"}, strings.Fields(c.args)...),
			Streams{strings.NewReader(""), &out, &out})
		if code != c.code || !strings.Contains(out.String(), c.says) || strings.Contains(out.String(), "a-key-that") {
			t.Errorf("%s: exit code %d, want %d and %q:\n%s", name, code, c.code, c.says, out.String())
		}
		if name != "in order" {
			continue
		}
		// The demo has less than a page of blocked emails at some hours.
		for line := range strings.Lines(out.String()) {
			check, open := strings.CutPrefix(strings.TrimSpace(line), "? ")
			if open && check != "every page but the last has 500 rows" {
				t.Errorf("a check could not be made:\n%s", out.String())
			}
		}
	}
}

// A command whose output cannot be written fails, as a new key would be lost.
func TestCommandsFailIfTheirOutputIsLost(t *testing.T) {
	t.Parallel()
	for _, args := range []string{"key new --name a --users 1", "version", "schema", "classify --print-rules"} {
		r, w := io.Pipe()
		_ = r.Close()
		var said bytes.Buffer
		if code := Run(t.Context(), strings.Fields(args), Streams{nil, w, &said}); code != exitFailure ||
			!strings.Contains(said.String(), io.ErrClosedPipe.Error()) {
			t.Errorf("%s: exit code %d, %s", args, code, said.String())
		}
	}
}

// Commands that read standard input end when the program is to stop, although no input comes.
func TestCommandsStopWhileTheyWaitForInput(t *testing.T) {
	t.Parallel()
	for _, args := range []string{"classify", "import --data " + filepath.Join(t.TempDir(), "metrics.db") + " -"} {
		ctx, stop := context.WithCancel(t.Context())
		input, w := io.Pipe()
		go func() {
			_, _ = io.WriteString(w, "550 5.1.1 user unknown\n")
			stop()
		}()
		defer input.Close()
		var out, said bytes.Buffer
		if code := Run(ctx, strings.Fields(args), Streams{input, &out, &said}); code != exitFailure ||
			!strings.Contains(said.String(), "stopped") {
			t.Errorf("%s: exit code %d, %s", args, code, said.String())
		}
	}
}
