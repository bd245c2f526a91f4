package gateway

import (
	_ "embed"
	"fmt"
	"strings"

	"github.com/alecthomas/kong"
)

// helpTexts explains commands, flags and arguments, each below a title.
//
//go:embed flags.txt
var helpTexts string

// newParser returns the parser of the command line.
func newParser(c *commands, options ...kong.Option) *kong.Kong {
	return kong.Must(c, append(options, kong.Name("deliverygraph"), kong.DefaultEnvars("DELIVERYGRAPH"),
		kong.PostBuild(setHelp))...)
}

// setHelp sets the help of commands, flags and arguments from flags.txt. It fails if that explains one that does not
// exist.
func setHelp(k *kong.Kong) error {
	blocks := strings.Split(helpTexts, "\n# ")[1:] // the first says what the file is
	texts := make(map[string]string, len(blocks))  // by titles such as "key new" and "key new --name"
	for _, block := range blocks {
		title, text, _ := strings.Cut(block, "\n")
		paragraphs := strings.Split(text, "\n\n")
		for i, p := range paragraphs {
			paragraphs[i] = strings.Join(strings.Fields(p), " ")
		}
		name := title[strings.LastIndex(title, " ")+1:]
		for command := range strings.SplitSeq(strings.TrimSuffix(title, name), ", ") {
			texts[strings.TrimSpace(command)+" "+name] = strings.TrimSpace(strings.Join(paragraphs, "\n\n"))
		}
	}
	explain(k.Model.Node, "", texts)
	for title := range texts {
		return fmt.Errorf("flags.txt explains %q, which does not exist", title)
	}
	return nil
}

// explain sets the help of a command and all below it. It removes from texts what it takes.
func explain(command *kong.Node, path string, texts map[string]string) {
	take := func(name string) string {
		title := path + " " + name
		text := texts[title]
		delete(texts, title)
		return text
	}
	value := func(v *kong.Value, name string) {
		if v.Help = take(name); v.Default != "" {
			v.Help += " Default: ${default}."
		}
	}
	for _, f := range command.Flags {
		if f.Name != "help" {
			value(f.Value, "--"+f.Name)
		}
	}
	for _, p := range command.Positional {
		value(p, p.Name)
	}
	for _, c := range command.Children {
		c.Detail = strings.ReplaceAll(take(c.Name), "${formats}", formats())
		explain(c, strings.TrimSpace(path+" "+c.Name), texts)
	}
}
