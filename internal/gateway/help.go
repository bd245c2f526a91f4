package gateway

import (
	_ "embed"
	"fmt"
	"slices"
	"strings"

	"github.com/alecthomas/kong"
)

// flagTexts explains flags and arguments. A block begins with the command and the flag or argument; the text follows
// indented.
//
//go:embed flags.txt
var flagTexts string

// newParser returns the parser of the command line.
func newParser(c *commands, options ...kong.Option) *kong.Kong {
	return kong.Must(c, append(options, kong.Name("deliverygraph"), kong.DefaultEnvars("DELIVERYGRAPH"),
		kong.PostBuild(setHelp))...)
}

// setHelp sets the help of flags and arguments from flags.txt. It fails if that explains one that does not exist.
func setHelp(k *kong.Kong) error {
	for _, block := range strings.Split(flagTexts, "\n\n")[1:] { // the first says what the file is
		title, text, _ := strings.Cut(block, "\n")
		v := findValue(k.Model.Node, title)
		if v == nil {
			return fmt.Errorf("flags.txt explains %q, which does not exist", title)
		}
		v.Help = strings.Join(strings.Fields(text), " ")
		if v.Default != "" {
			v.Help += " Default: ${default}."
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
