package importer

import (
	"fmt"
	"slices"
	"strings"

	"github.com/agnivade/levenshtein"

	"deliverygraph/upstream/embedded/importer/format"
	"deliverygraph/upstream/kind"
)

// kinds is a set of kinds of row: a sender, one that package kind describes, or an account.
type kinds uint8

const (
	sender  kinds = 1
	account kinds = 1 << 7
)

// setOf returns the set of the kind at an index of kind.All.
func setOf(i int) kinds { return sender << (1 + i) }

type kindName struct {
	name   string
	kind   kinds
	phrase string
}

// kindNames are the values of the field "kind".
var kindNames = func() (names []kindName) {
	for i, k := range kind.All {
		phrase := "a " + strings.TrimSuffix(k.Words, "s")
		if strings.ContainsAny(phrase[2:3], "aeiou") {
			phrase = "an " + phrase[2:]
		}
		names = append(names, kindName{k.Name, setOf(i), phrase})
	}
	return append(names, kindName{"sender", sender, "a sender"}, kindName{"account", account, "an account"})
}()

// phrase returns the set in words, such as "a bounce or a blocked email".
func (k kinds) phrase() string {
	var l []string
	for _, n := range kindNames {
		if k&n.kind != 0 {
			l = append(l, n.phrase)
		}
	}
	return strings.Join(l, " or ")
}

// form describes the values of a field.
type form struct {
	begins string // the possible first bytes of a value
	phrase string
}

// forms describes the values of each type of field.
var forms = [...]form{
	kind.ID:         {"0123456789-", "a positive whole number"},
	kind.Time:       {"0123456789-", "a time in Unix seconds, more than 0"},
	kind.Text:       {`"`, "a string"},
	kind.Address:    {`"`, "an address"},
	kind.BounceType: {`"`, `"hard" or "soft"`},
	kind.Flag:       {"tf", "true or false"},
	kind.Headers:    {"{[", "an object of strings, or null"},
}

// field is a field of the format. FORMAT.md has the same table, and a test compares the two.
type field struct {
	name     string
	form     form
	in       kinds // the rows that may have it
	required kinds // the rows that must
	example  string
}

// want returns what the value of the field must be, with an example.
func (f *field) want() string {
	if f.example == "" {
		return f.form.phrase
	}
	return f.form.phrase + ", such as " + f.example
}

// maxFields limits the number of fields: a set of them is a uint32.
const maxFields = 32

// fields are the fields of the format. If a row has several mistakes, the first field's is reported.
var fields = func() []field {
	all := []field{
		{name: "kind", form: forms[kind.Text], in: sender | account, required: sender | account, example: `"bounce"`},
		{name: "user_id", in: sender | account, required: sender | account},
		{name: "sender_id", in: sender, required: sender},
		{"sender", forms[kind.Address], sender, sender, `"news@example.com"`},
		{"account", forms[kind.Text], account, account, `"tenant-a"`},
	}
	for i, k := range kind.All {
		set := setOf(i)
		all[0].in |= set
		all[0].required |= set
		for _, f := range k.Fields {
			at := slices.IndexFunc(all, func(o field) bool { return o.name == f.REST })
			if at < 0 {
				at = len(all)
				all = append(all, field{name: f.REST})
			}
			o := &all[at]
			o.form, o.example = forms[f.Type], f.Example
			o.in |= set
			if f.Presence != kind.Optional {
				o.required |= set
			}
		}
	}
	if len(all) > maxFields {
		panic("importer: the rows have too many fields")
	}
	return all
}()

// fieldIndex maps the names of fields to their indices.
var fieldIndex = func() map[string]int {
	m := map[string]int{}
	for i, f := range fields {
		m[f.name] = i
	}
	return m
}()

func unknownField(name string) string {
	var names []string
	for _, f := range fields {
		names = append(names, f.name)
	}
	return fmt.Sprintf("unknown field %q%s", format.Clip(name), didYouMean(name, names))
}

func unknownKind(name string) string {
	var names []string
	for _, k := range kindNames {
		names = append(names, k.name)
	}
	return fmt.Sprintf("unknown kind %q%s (kinds are %s)", format.Clip(name), didYouMean(name, names),
		strings.Join(names, ", "))
}

// didYouMean returns a question that suggests the most similar name, or "" if none is similar.
func didYouMean(name string, names []string) string {
	if len(name) > 64 {
		return ""
	}
	distance := func(s string) int { return levenshtein.ComputeDistance(strings.ToLower(name), s) }
	nearest := slices.MinFunc(names, func(a, b string) int { return distance(a) - distance(b) })
	if distance(nearest) > max(2, len(name)/2) {
		return ""
	}
	return fmt.Sprintf(": did you mean %q?", nearest)
}
