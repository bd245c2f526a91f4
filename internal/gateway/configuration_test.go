package gateway

import (
	"flag"
	"fmt"
	"os"
	"strings"
	"testing"

	"github.com/alecthomas/kong"
)

var update = flag.Bool("update", false, "write docs/configuration.md anew")

// configuration returns the text of docs/configuration.md.
func configuration() string {
	parser := newParser(&commands{})
	var b strings.Builder
	b.WriteString(`# Configuration

<!-- go test ./internal/gateway -run Configuration -update -->

Each setting of ` + "`deliverygraph serve`" + `, the default command, is a flag and an environment variable. The flag
takes precedence. A wrong or empty value stops the start; the message names the flag, or the variable if it was set
there, and gives an example. Set secrets in the environment: flags show up in process lists.
`)
	for _, command := range parser.Model.Children {
		leaves := []*kong.Node{command}
		if len(command.Children) > 0 {
			leaves = command.Children
		}
		for _, leaf := range leaves {
			describe(&b, leaf)
		}
	}
	return b.String()
}

// describe writes the flags of a command, a table for each group.
func describe(b *strings.Builder, command *kong.Node) {
	path := strings.TrimSpace(strings.TrimPrefix(command.FullPath(), "deliverygraph"))
	fmt.Fprintf(b, "\n## deliverygraph %s\n\n%s\n", path, strings.TrimSpace(command.Help))
	group := "-"
	for _, f := range command.Flags {
		if f.Name == "help" {
			continue
		}
		title := ""
		if f.Group != nil {
			title = strings.TrimSuffix(f.Group.Key, ":")
		}
		if title != group {
			group = title
			if title != "" {
				fmt.Fprintf(b, "\n### %s\n", title)
			}
			b.WriteString("\n| flag | environment | default | what it is |\n| --- | --- | --- | --- |\n")
		}
		name, standard := "`--"+f.Name+"`", ""
		if f.Hidden {
			name = "–"
		}
		help, otherwise, _ := strings.Cut(f.Help, " Default: ")
		switch {
		case f.HasDefault && f.Default != "":
			standard = "`" + f.Default + "`"
		case otherwise != "":
			standard = strings.TrimSuffix(otherwise, ".")
		}
		help = strings.TrimSuffix(strings.ReplaceAll(help, "|", `\|`), ".")
		fmt.Fprintf(b, "| %s | `%s` | %s | %s |\n", name, strings.Join(f.Envs, "`, `"), standard, help)
	}
}

func TestConfigurationPageListsEachSetting(t *testing.T) {
	const path = "../../docs/configuration.md"
	want := configuration()
	if *update {
		if err := os.WriteFile(path, []byte(want), 0o644); err != nil {
			t.Fatal(err)
		}
	}
	if strings.Contains(want, "|  |\n") {
		t.Error("a setting has no help")
	}
	if got, err := os.ReadFile(path); err != nil || string(got) != want {
		t.Errorf("docs/configuration.md does not list the settings as they are (%v): run go test ./internal/gateway "+
			"-run Configuration -update", err)
	}
}
