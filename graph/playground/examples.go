package playground

import (
	"embed"
	"io/fs"
	"strings"
)

// A file for each example, in the order of the tabs. The comment at its top is the description; variables are in a
// file of the same name that ends in .json.
//
//go:embed examples
var exampleFiles embed.FS

// Examples returns tabs for the gateway's own schema: the questions that most callers come with, and one for each
// type. They have answers on the demo data, whose user 21 some of them name.
func Examples() []Tab {
	names, err := fs.Glob(exampleFiles, "examples/*.graphql")
	if err != nil {
		panic(err) // a bad pattern
	}
	tabs := make([]Tab, len(names))
	for i, name := range names {
		query, err := exampleFiles.ReadFile(name)
		if err != nil {
			panic(err) // embedded under this name
		}
		tabs[i].Description, tabs[i].Query = splitDescription(string(query))
		variables, err := exampleFiles.ReadFile(strings.TrimSuffix(name, ".graphql") + ".json")
		if err == nil {
			tabs[i].Variables = strings.TrimSpace(string(variables))
		}
	}
	return tabs
}

// splitDescription takes the comment lines off a document's top.
func splitDescription(document string) (description, query string) {
	var words []string
	for {
		line, rest, found := strings.Cut(document, "\n")
		comment, isComment := strings.CutPrefix(line, "#")
		if !found || !isComment {
			return strings.Join(words, " "), document
		}
		words = append(words, strings.TrimSpace(comment))
		document = rest
	}
}
