package resolvers_test

import (
	"fmt"
	"hash/fnv"
	"maps"
	"math/rand/v2"
	"slices"
	"strconv"
	"strings"

	"github.com/vektah/gqlparser/v2/ast"
)

// operation writes a random operation on lists.
type randomOperation struct {
	schema    *ast.Schema
	random    *rand.Rand
	fragments map[string]string
	depth     int
	// connections is the inverse frequency of lists within lists.
	connections int
	nesting     int // maximum depth
	// variables makes some windows and page sizes variables.
	variables bool
}

// variables are values for random operations. Whatever is cached for a document must not depend on them.
var variables = []map[string]any{
	{"yes": true, "no": false, "rows": 7, "when": map[string]any{"last": "PT12H"}},
	{
		"yes": false, "no": true, "rows": 3, "when": map[string]any{
			"between": map[string]any{"start": 1479780000, "end": 1479830000},
		},
	},
}

func (o randomOperation) write() string {
	lists := []string{
		"bounces(" + o.window() + ", first: %d)|BounceConnection",
		"emails(" + o.window() + ", last: %d)|EmailConnection",
		"emails(" + o.window() + ", order: NEWEST_FIRST, first: %d)|EmailConnection",
		"blockedEmails(" + o.window() + ", first: %d, filter: {domain: \"example1.com\"})|BlockedEmailConnection",
		"senders(" + today + ", first: %d)|SenderConnection",
		"senders(" + today + ", first: %d, userId: 21)|SenderConnection",
		"users(" + today + ", first: %d)|UserConnection",
		"stats(" + o.window() + ")|Stats",
		"recipient(address: \"recipient1@example1.com\")|Recipient",
	}
	var b strings.Builder
	b.WriteString("{ __typename @include(if: $yes) @skip(if: $no)")
	for i := range 1 + o.random.IntN(2) {
		field, of, _ := strings.Cut(lists[o.random.IntN(len(lists))], "|")
		fmt.Fprintf(&b, " r%d: %s %s", i, strings.Replace(field, "%d", o.size(40), 1), o.selection(of))
	}
	b.WriteString(" }")
	for _, name := range slices.Sorted(maps.Keys(o.fragments)) {
		fmt.Fprintf(&b, " fragment %s on %s", name, o.fragments[name])
	}
	text := b.String()
	declared := "query($yes: Boolean!, $no: Boolean!"
	for _, v := range []string{"$rows: Int!", "$when: Window!"} {
		if name, _, _ := strings.Cut(v, ":"); strings.Contains(text, name) {
			declared += ", " + v
		}
	}
	return declared + ") " + text
}

// size writes a page size.
func (o randomOperation) size(most int) string {
	if o.variables && o.random.IntN(4) == 0 {
		return "$rows"
	}
	return strconv.Itoa(o.random.IntN(most))
}

func (o randomOperation) window() string {
	if o.variables && o.random.IntN(4) == 0 {
		return "window: $when"
	}
	return []string{
		today, `window: {last: "PT12H"}`,
		`window: {between: {start: 1479780000, end: 1479830000}}`,
		`window: {between: {start: 1479790000, end: 1479830000}}`,
	}[o.random.IntN(4)]
}

// selection writes a random selection on a type: fields in any order, with aliases, repeated, in fragments, or
// skipped.
func (o randomOperation) selection(name string) string {
	t := o.schema.Types[name]
	o.depth++
	var b strings.Builder
	b.WriteString("{ __typename")
	for range 1 + o.random.IntN(7) {
		f := t.Fields[o.random.IntN(len(t.Fields))]
		of := o.schema.Types[f.Type.Name()]
		if strings.HasSuffix(of.Name, "Connection") && (o.depth > o.nesting || o.random.IntN(o.connections) > 0) ||
			of.IsCompositeType() && o.depth > 5 {
			continue
		}
		// The alias is derived from the field and its arguments, so that equal aliases merge.
		text, alias := f.Name, ""
		switch {
		case f.Name == "series":
			interval := []string{"DAY", "HOUR"}[o.random.IntN(2)]
			text, alias = "series(interval: "+interval+")", "series"+interval
			if strings.HasSuffix(name, "Stats") && o.random.IntN(3) == 0 {
				zone := []string{"Europe/Berlin", "America/New_York", "UTC"}[o.random.IntN(3)]
				text = "series(interval: " + interval + ", timeZone: \"" + zone + "\")"
				alias += "_" + zone[:2]
			}
		case f.Name == "breakdown":
			by := []string{"DOMAIN", "HOUR, USER", "SENDER, PROVIDER", "HEADER"}[o.random.IntN(4)]
			top := 1 + o.random.IntN(20)
			text = fmt.Sprintf("breakdown(by: [%s], top: %d)", by, top)
			if by == "HEADER" {
				text = fmt.Sprintf(`breakdown(by: HEADER, header: "X-Campaign", top: %d)`, top)
			}
			alias = fmt.Sprintf("%s%d", strings.ReplaceAll(by, ", ", ""), top)
		case f.Arguments.ForName("window") != nil:
			w := o.window()
			if f.Arguments.ForName("first") != nil {
				w += fmt.Sprintf(", %s: %s", []string{"first", "last"}[o.random.IntN(2)], o.size(9))
			}
			if f.Arguments.ForName("orderBy") != nil && o.random.IntN(3) == 0 {
				orders := []string{", orderBy: {field: SENT}", ", orderBy: {field: BOUNCE_RATE, direction: DESC}"}
				w += orders[o.random.IntN(2)]
			}
			if f.Arguments.ForName("order") != nil && o.random.IntN(3) == 0 {
				w += ", order: NEWEST_FIRST"
			}
			text = f.Name + "(" + w + ")"
			sum := fnv.New32a()
			_, _ = sum.Write([]byte(text))
			alias = fmt.Sprintf("%s%08x", f.Name, sum.Sum32())
		case o.random.IntN(4) == 0:
			alias = "a" + strings.ToUpper(f.Name)
		}
		if alias != "" {
			text = alias + ": " + text
		}
		if o.random.IntN(8) == 0 {
			text += []string{
				" @include(if: $yes)", " @include(if: $no)", " @skip(if: $yes)", " @skip(if: $no)",
			}[o.random.IntN(4)]
		}
		if of.IsCompositeType() {
			text += " " + o.selection(of.Name)
		}
		switch o.random.IntN(10) {
		case 0:
			text = "... on " + name + " { " + text + " }"
		case 1:
			text = "... { " + text + " }"
		case 2:
			fragment := fmt.Sprintf("f%d", len(o.fragments))
			o.fragments[fragment] = name + " { " + text + " }"
			text = "..." + fragment
		case 3:
			if t.Interfaces != nil {
				text += " ... on Node { id }"
			}
		}
		b.WriteString(" " + text)
	}
	return b.String() + " }"
}
