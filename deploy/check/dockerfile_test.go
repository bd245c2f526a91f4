package deploy

import (
	"os"
	"path/filepath"
	"regexp"
	"slices"
	"strings"
	"testing"

	"github.com/moby/buildkit/frontend/dockerfile/instructions"
	"github.com/moby/buildkit/frontend/dockerfile/parser"
)

// The Dockerfile builds the module with the Go version of go.mod, and runs the binary from scratch as the user nobody.
func TestDockerfileRunsAStaticBinaryAsNobody(t *testing.T) {
	f, err := os.Open("../Dockerfile")
	if err != nil {
		t.Fatal(err)
	}
	defer f.Close()
	parsed, err := parser.Parse(f)
	if err != nil {
		t.Fatal(err)
	}
	for _, w := range parsed.Warnings {
		t.Error(w.Short)
	}
	stages, _, err := instructions.Parse(parsed.AST, nil)
	if err != nil || len(stages) != 2 {
		t.Fatalf("%d stages, %v", len(stages), err)
	}
	build, final := stages[0], stages[1]
	module, err := os.ReadFile("../../go.mod")
	if err != nil {
		t.Fatal(err)
	}
	version := regexp.MustCompile(`(?m)^go (\d+\.\d+)`).FindStringSubmatch(string(module))[1]
	if build.BaseName != "golang:"+version || final.BaseName != "scratch" {
		t.Errorf("it builds on %s for go %s, and runs on %s", build.BaseName, version, final.BaseName)
	}
	made := ""
	for _, c := range build.Commands {
		switch c := c.(type) {
		case *instructions.CopyCommand:
			for _, source := range c.SourcePaths {
				if _, err := os.Stat(filepath.Join("../..", source)); err != nil {
					t.Error(err)
				}
			}
		case *instructions.RunCommand:
			line := strings.Join(c.CmdLine, " ")
			if m := regexp.MustCompile(`CGO_ENABLED=0 go build .*-o (\S+) \.`).FindStringSubmatch(line); m != nil {
				made = m[1]
			}
		}
	}
	var copied, ports []string
	user, entry := "", ""
	for _, c := range final.Commands {
		switch c := c.(type) {
		case *instructions.CopyCommand:
			if c.From != build.Name {
				t.Errorf("it copies from %q", c.From)
			}
			copied = append(copied, c.DestPath)
		case *instructions.UserCommand:
			user = c.User
		case *instructions.ExposeCommand:
			ports = c.Ports
		case *instructions.EntrypointCommand:
			entry = strings.Join(c.CmdLine, " ")
			if c.PrependShell {
				t.Error("it starts the gateway with a shell, which the image lacks")
			}
		}
	}
	if made == "" || entry != made || !slices.Contains(copied, made) {
		t.Errorf("it builds %q without C, copies %q and starts %q", made, copied, entry)
	}
	if user != "65534:65534" || !slices.Equal(ports, []string{"8080", "9090"}) ||
		!slices.Contains(copied, "/etc/ssl/certs/ca-certificates.crt") {
		t.Errorf("it runs as %q on ports %q with %q", user, ports, copied)
	}
}
