package classify

import (
	_ "embed"
	"fmt"
	"os"
	"slices"
	"sync"

	"deliverygraph/upstream"
)

// Rule describes a kind of bounce: how to recognise it, and its category and type.
type Rule struct {
	Name        string // such as "badmailbox03": regex_name in the API
	Category    string // a code of GET /bounce/categories
	Type        upstream.BounceType
	Description string // one sentence for people who read reports

	// Weak rules are the last resort: anything more specific wins.
	Weak     bool
	Examples []string // diagnostics that the rule must match

	codes   []codePattern
	phrases []phrase
	line    int
}

// Rules is an ordered set of rules. It is safe for concurrent use.
type Rules struct {
	list    []Rule
	byName  map[string]int
	phrases index
	// coded lists the rules without phrases, in order.
	coded []int
}

//go:embed rules.txt
var embedded string

// Embedded returns the file of the embedded rules. Its top explains the form of such files.
func Embedded() string { return embedded }

// Default returns the embedded rules.
var Default = sync.OnceValue(func() *Rules {
	rules, err := read("rules.txt", embedded)
	if err != nil {
		panic(err) // cannot happen: the package's tests read the same file
	}
	return compile(rules)
})

// Load returns the embedded rules combined with those of a file. A rule that has the name
// of an embedded rule replaces it; other rules are tried before the embedded ones. Errors
// name the file, the line and the rule.
func Load(path string) (*Rules, error) {
	text, err := os.ReadFile(path)
	if err != nil {
		return nil, fmt.Errorf("read the rules: %w", err)
	}
	own, err := read(path, string(text))
	if err != nil {
		return nil, err
	}
	list := slices.Clone(Default().list)
	var added []Rule
	for _, r := range own {
		if i, ok := Default().byName[r.Name]; ok {
			list[i] = r
		} else {
			added = append(added, r)
		}
	}
	rules := compile(append(added, list...))
	for i := range own {
		if err := rules.checkExamples(path, &own[i]); err != nil {
			return nil, err
		}
	}
	return rules, nil
}

// Find returns the rule with the given name.
func (r *Rules) Find(name string) (Rule, bool) {
	i, ok := r.byName[name]
	if !ok {
		return Rule{}, false
	}
	return r.list[i], true
}

// All returns the rules in order.
func (r *Rules) All() []Rule { return slices.Clone(r.list) }

func compile(list []Rule) *Rules {
	r := &Rules{list: list, byName: make(map[string]int, len(list)), phrases: index{}}
	for i := range list {
		r.byName[list[i].Name] = i
		for _, p := range list[i].phrases {
			r.phrases.add(p, i)
		}
		if len(list[i].phrases) == 0 {
			r.coded = append(r.coded, i)
		}
	}
	return r
}
