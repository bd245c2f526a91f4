package graph_test

import (
	"fmt"
	"strings"
	"testing"

	"deliverygraph/graph"
)

// Where gqlparser's lexer differs from the specification, the specification holds. The values are those of graphql-js.
func TestTokensAreThoseOfTheSpecification(t *testing.T) {
	t.Parallel()
	e := newEndpoint(graph.Options{})
	const half, apart = "is half a surrogate pair", "a number is directly followed by"
	for name, c := range map[string]struct {
		text string // the argument of ids
		says string // the error's message, or "" for valid ones
		id   string // which the text denotes, as an error quotes it
	}{
		"a high surrogate":                  {text: `"\uD83D"`, says: half},
		"a low surrogate":                   {text: `"a\uDE00b"`, says: half},
		"a pair in the wrong order":         {text: `"\uDE00\uD83D"`, says: half},
		"two high surrogates":               {text: `"\uD83D\uD83D\uDE00"`, says: half},
		"half a pair and a character":       {text: `"\uD83D😀"`, says: half},
		"half a pair and an escape":         {text: `"\uD83D\u0041"`, says: half},
		"half a pair and a braced half":     {text: `"\uD83D\u{DE00}"`, says: half},
		"a braced surrogate":                {text: `"\u{D83D}"`, says: "cannot be parsed from here"},
		"half a pair in a list":             {text: `["a", "\uDBFF"]`, says: half},
		"a pair":                            {text: `"\uD83D\uDE00"`, id: "😀"},
		"a pair in lower case":              {text: `"\ud83d\ude00"`, id: "😀"},
		"a braced character":                {text: `"\u{1F600}"`, id: "😀"},
		"an escaped backslash":              {text: `"\\uD83D"`, id: `\\uD83D`},
		"no escapes in a block string":      {text: `"""\uD83D"""`, id: `\\uD83D`},
		"no surrogates in a comment":        {text: "[\"a\" # \"\\uD83D\" 1a\n]", id: "a"},
		"a number and a name":               {text: `[1a]`, says: apart},
		"a number and an underscore":        {text: `[1_000]`, says: apart},
		"a fraction and a name":             {text: `[1.5a]`, says: apart},
		"two points":                        {text: `[1.5.5]`, says: apart},
		"an exponent and a name":            {text: `[1e5x]`, says: apart},
		"an exponent that is none":          {text: `[1e]`, says: apart},
		"hexadecimal":                       {text: `[0xF]`, says: apart},
		"a number and a spread":             {text: `[1...]`, says: apart},
		"a number and a string":             {text: `[1"a"]`, id: "1"},
		"negative numbers side by side":     {text: `[-1-2]`, id: "-1"},
		"a name with a number":              {text: `"a" first1: 1`, says: `Unknown argument "first1"`},
		"four quotes at the end":            {text: `"""a""""`, says: "cannot be parsed from here"},
		"a block string and a string":       {text: `["""a""""b"]`, id: "a"},
		"two block strings":                 {text: `["""a""""""b"""]`, id: "a"},
		"escaped quotes":                    {text: `"""a\""""""`, id: `a\"\"\"`},
		"a first line with less indent":     {text: "\"\"\"a\n    b\n     c\"\"\"", id: `a\nb\n c`},
		"a first line with some indent":     {text: "\"\"\"  a\n    b\n\n   c\"\"\"", id: `  a\n b\n\nc`},
		"an empty first line":               {text: "\"\"\"\n  a\n   b\n\"\"\"", id: `a\n b`},
		"lines of all kinds":                {text: "\"\"\"\r\n  a\r  b\n  c\r\n\"\"\"", id: `a\nb\nc`},
		"text that is not closed":           {text: `"\`, says: "cannot be parsed from here"},
		"half a pair behind a syntax error": {text: `} "\uD83D"`, says: "Unexpected }"},
	} {
		t.Run(name, func(t *testing.T) {
			a := e.ask(t, "{ nodes(ids: "+c.text+") { id } }", "")
			says := c.says
			if says == "" {
				says = fmt.Sprintf(`"%s" is not an id`, c.id)
			}
			found := false // list elements are resolved concurrently, so their errors come in any order
			for _, e := range a.errors {
				found = found || strings.Contains(e.Message, says) && (e.Path == nil) == (c.says != "") &&
					e.code() == "BAD_USER_INPUT"
			}
			if !found {
				t.Errorf("want %s: %s", says, a.body)
			}
		})
	}
}

func TestErrorsHaveTheRightLocation(t *testing.T) {
	t.Parallel()
	e := newEndpoint(graph.Options{})
	for name, c := range map[string]struct {
		query     string
		locations [][2]int // line and column
	}{
		"line feeds":              {"{\n  a\n  b\n}", [][2]int{{2, 3}, {3, 3}}},
		"CR LF":                   {"{\r\n  a\r\n  b\r\n}", [][2]int{{2, 3}, {3, 3}}},
		"CR":                      {"{\r  a\r\r  b\r}", [][2]int{{2, 3}, {4, 3}}},
		"CR LF in a block string": {"{ node(id: \"\"\"\r\nx\r\n\"\"\") { id a } }", [][2]int{{3, 11}}},
		"CR LF behind a comment":  {"# x\r\n{ a }", [][2]int{{2, 3}}},
		"a syntax error":          {"{\r\n  __typename !\r\n}", [][2]int{{2, 14}}},
		"a number and a name":     {"{\r\n  nodes(ids: [\"é\", 1a]) { id } }", [][2]int{{2, 21}}},
		"half a surrogate pair":   {"{\r\n  nodes(ids: [\"\"\"\r\n\"\"\", \"é\\uD83D\"]) { id } }", [][2]int{{3, 8}}},
		"a string":                {`{ bounces(window: {last: "x"}) { totalCount } }`, [][2]int{{1, 26}}},
		"an empty string":         {`{ bounces(window: {last: ""}) { totalCount } }`, [][2]int{{1, 26}}},
		"a block string":          {`{ bounces(window: {last: """x"""}) { totalCount } }`, [][2]int{{1, 26}}},
		"a block string of lines": {
			"{ bounces(window: {last:\n  \"\"\"\nx\n\"\"\"}) { totalCount } }", [][2]int{{2, 3}},
		},
		"a string that is no name":  {`{ "x" }`, [][2]int{{1, 3}}},
		"a block that is no name":   {"{\n  \"\"\"\nx\n\"\"\" }", [][2]int{{2, 3}}},
		"the first of two mistakes": {`{ nodes(ids: [}, 1a]) { id } }`, [][2]int{{1, 15}}},
	} {
		t.Run(name, func(t *testing.T) {
			a := e.ask(t, c.query, "")
			var got [][2]int
			for _, err := range a.errors {
				for _, l := range err.Locations {
					got = append(got, [2]int{l.Line, l.Column})
				}
			}
			if fmt.Sprint(got) != fmt.Sprint(c.locations) {
				t.Errorf("at %v, want %v: %s", got, c.locations, a.body)
			}
		})
	}
	a := e.ask(t, "{\r\n  node(id: \"\"\"\r\n\"\"\") { id }\r\n  n: node(id: \"x\") { id } }", "")
	if len(a.errors) != 2 || fmt.Sprint(a.errors[0].Locations, a.errors[1].Locations) != "[{2 3}] [{4 3}]" &&
		fmt.Sprint(a.errors[0].Locations, a.errors[1].Locations) != "[{4 3}] [{2 3}]" {
		t.Errorf("errors of fields are at their fields: %s", a.body)
	}
}
