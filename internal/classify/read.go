package classify

import (
	"fmt"
	"maps"
	"slices"
	"strings"

	"github.com/agnivade/levenshtein"

	"deliverygraph/upstream"
	"deliverygraph/upstream/kind"
)

// fields are the fields of a rule.
var fields = []string{"Rule", "Category", "Type", "Description", "Code", "Text", "Weak", "Example"}

// reader reads a file of rules in the form that the top of rules.txt describes.
type reader struct {
	file  string
	line  int
	rules []Rule
	names map[string]int // the line on which each rule begins
}

// read parses a file of rules. Errors name the file, the line and the rule.
func read(file, text string) ([]Rule, error) {
	r := reader{file: file, names: make(map[string]int)}
	lines := strings.Split(strings.TrimPrefix(text, "\ufeff"), "\n")
	for i := 0; i < len(lines); {
		r.line = i + 1
		line := strings.TrimSpace(lines[i])
		for i++; i < len(lines) && folded(lines[i]); i++ {
			line += " " + strings.TrimSpace(lines[i])
		}
		if line == "" || strings.HasPrefix(line, "#") {
			continue
		}
		if err := r.field(line); err != nil {
			return nil, err
		}
	}
	if len(r.rules) == 0 {
		return nil, fmt.Errorf("%s: the file has no rules; a rule begins with a line such as \"Rule: badmailbox01\"",
			file)
	}
	return r.rules, r.complete()
}

// folded reports whether a line continues the field of the line before it.
func folded(line string) bool {
	return line != "" && (line[0] == ' ' || line[0] == '\t') && strings.TrimSpace(line) != ""
}

// errorf returns an error about the current line.
func (r *reader) errorf(format string, args ...any) error {
	where := fmt.Sprintf("%s:%d: ", r.file, r.line)
	if len(r.rules) > 0 {
		where += "rule " + r.rules[len(r.rules)-1].Name + ": "
	}
	return fmt.Errorf(where+format, args...)
}

// field parses a line such as "Category: bad-mailbox".
func (r *reader) field(line string) error {
	name, value, ok := strings.Cut(line, ":")
	value = strings.TrimSpace(value)
	switch {
	case !ok:
		return r.errorf("%q is not a field: write its name, a colon and its value, such as \"Category: bad-mailbox\"",
			line)
	case !slices.Contains(fields, name):
		return r.errorf("unknown field %q%s", name, suggest(name, fields))
	case value == "":
		return r.errorf("%s has no value", name)
	case name == "Rule":
		return r.begin(value)
	case len(r.rules) == 0:
		return r.errorf("%s comes before the first rule; a rule begins with a line such as \"Rule: badmailbox01\"",
			name)
	}
	rule := &r.rules[len(r.rules)-1]
	switch name {
	case "Category":
		if _, known := kind.Bounce.Descriptions[value]; !known {
			return r.errorf("unknown category %q%s", value, suggest(value,
				slices.Sorted(maps.Keys(kind.Bounce.Descriptions))))
		}
		return r.once(name, &rule.Category, value)
	case "Type":
		if value != string(upstream.Hard) && value != string(upstream.Soft) {
			return r.errorf("type %q is neither hard nor soft", value)
		}
		return r.once(name, (*string)(&rule.Type), value)
	case "Description":
		return r.once(name, &rule.Description, value)
	case "Weak":
		if value != "yes" {
			return r.errorf("Weak is %q: write \"yes\", or remove the line", value)
		}
		rule.Weak = true
	case "Code":
		for word := range strings.FieldsSeq(value) {
			c, ok := parseCodePattern(word)
			if !ok {
				return r.errorf("%q is not a code: write an enhanced code such as 5.1.1, "+
					"5.7.* or *.2.2, or a reply code such "+
					"as 552", word)
			}
			rule.codes = append(rule.codes, c)
		}
	case "Text":
		p, err := parsePhrase(value)
		if err != nil {
			return r.errorf("text %q: %w", value, err)
		}
		rule.phrases = append(rule.phrases, p)
	case "Example":
		rule.Examples = append(rule.Examples, value)
	}
	return nil
}

func (r *reader) once(name string, field *string, value string) error {
	if *field != "" {
		return r.errorf("%s is given twice", name)
	}
	*field = value
	return nil
}

// begin starts a rule and completes the one before it.
func (r *reader) begin(name string) error {
	if err := r.complete(); err != nil {
		return err
	}
	for _, c := range name {
		if (c < 'a' || c > 'z') && (c < '0' || c > '9') && c != '-' && c != '_' {
			return r.errorf("rule %q: a name consists of lower-case letters, digits, - and _, such as badmailbox01",
				name)
		}
	}
	if line, ok := r.names[name]; ok {
		return r.errorf("rule %q is already defined on line %d", name, line)
	}
	r.names[name] = r.line
	r.rules = append(r.rules, Rule{Name: name, line: r.line})
	return nil
}

// complete returns an error if the last rule lacks a field.
func (r *reader) complete() error {
	if len(r.rules) == 0 {
		return nil
	}
	rule := &r.rules[len(r.rules)-1]
	for _, f := range []struct {
		lacks bool
		what  string
	}{
		{rule.Category == "", `a category, such as "Category: bad-mailbox"`},
		{rule.Type == "", `a type: "Type: hard" or "Type: soft"`},
		{rule.Description == "", `a description: one sentence on "Description:"`},
		{len(rule.codes)+len(rule.phrases) == 0, `words or codes to match: "Text:" or "Code:"`},
		{len(rule.Examples) == 0, `an example that it must match: "Example:"`},
	} {
		if f.lacks {
			return fmt.Errorf("%s:%d: rule %s lacks %s", r.file, rule.line, rule.Name, f.what)
		}
	}
	return nil
}

// checkExamples returns an error if another rule, or no rule, matches an example.
func (r *Rules) checkExamples(file string, rule *Rule) error {
	for _, e := range rule.Examples {
		m := r.Classify("", e, "")
		if m.Rule.Name == rule.Name {
			continue
		}
		taken := "no rule matches it"
		if m.Rule.Name != "" {
			taken = fmt.Sprintf("rule %s matches it first, by %q", m.Rule.Name, m.Words)
		}
		return fmt.Errorf("%s:%d: rule %s does not match its example %q: %s", file, rule.line, rule.Name, e, taken)
	}
	return nil
}

// suggest returns the end of an error message: the known word nearest to the wrong one.
func suggest(wrong string, known []string) string {
	distance := func(s string) int { return levenshtein.ComputeDistance(strings.ToLower(wrong), strings.ToLower(s)) }
	nearest := slices.MinFunc(known, func(a, b string) int { return distance(a) - distance(b) })
	if distance(nearest) > 1+len(wrong)/4 {
		return ": it is one of " + strings.Join(known, ", ")
	}
	return fmt.Sprintf(": did you mean %q?", nearest)
}
