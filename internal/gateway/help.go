package gateway

import (
	_ "embed"
	"fmt"
	"slices"
	"strings"

	"github.com/alecthomas/kong"
)

// helpTexts explains commands, flags and arguments. A block begins with the command, or with the command and the flag
// or argument; the text follows indented, for commands in several paragraphs.
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
	var blocks []string
	for _, part := range strings.Split(helpTexts, "\n\n")[1:] { // the first says what the file is
		if strings.HasPrefix(part, " ") {
			blocks[len(blocks)-1] += "\n\n" + part
		} else {
			blocks = append(blocks, part)
		}
	}
	for _, block := range blocks {
		title, text, _ := strings.Cut(block, "\n")
		paragraphs := strings.Split(text, "\n\n")
		for i, p := range paragraphs {
			paragraphs[i] = strings.Join(strings.Fields(p), " ")
		}
		text = strings.Join(paragraphs, "\n\n")
		if c := findCommand(k.Model.Node, title); c != nil {
			c.Detail = strings.ReplaceAll(text, "${formats}", formats())
			continue
		}
		v := findValue(k.Model.Node, title)
		if v == nil {
			return fmt.Errorf("flags.txt explains %q, which does not exist", title)
		}
		if v.Help = text; v.Default != "" {
			v.Help += " Default: ${default}."
		}
	}
	return nil
}

// findCommand returns the command with a title such as "key new", or nil.
func findCommand(n *kong.Node, title string) *kong.Node {
	for _, c := range n.Children {
		if rest, ok := strings.CutPrefix(title, c.Name+" "); ok {
			return findCommand(c, rest)
		}
		if title == c.Name {
			return c
		}
	}
	return nil
}

// findValue returns the flag or argument with a title such as "key new --name", or nil.
func findValue(n *kong.Node, title string) *kong.Value {
	for _, c := range n.Children {
		if rest, ok := strings.CutPrefix(title, c.Name+" "); ok {
			return findValue(c, rest)
		}
	}
	if name, ok := strings.CutPrefix(title, "--"); ok {
		if i := slices.IndexFunc(n.Flags, func(f *kong.Flag) bool { return f.Name == name }); i >= 0 {
			return n.Flags[i].Value
		}
	}
	if i := slices.IndexFunc(n.Positional, func(p *kong.Value) bool { return p.Name == title }); i >= 0 {
		return n.Positional[i]
	}
	return nil
}
