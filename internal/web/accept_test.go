package web_test

import (
	"slices"
	"strings"
	"testing"

	"pgregory.net/rapid"

	"deliverygraph/internal/web"
)

func TestCommasInQuotedStringsDoNotSeparate(t *testing.T) {
	t.Parallel()
	for header, want := range map[string][]string{
		"":                            nil,
		" , ,":                        nil,
		"a":                           {"a"},
		"a, b ,c":                     {"a", "b", "c"},
		`a;p="x, y", b`:               {`a;p="x, y"`, "b"},
		`a;p="x, \", y", b`:           {`a;p="x, \", y"`, "b"},
		`a;p="x, \\", b`:              {`a;p="x, \\"`, "b"},
		`"a,b","c"`:                   {`"a,b"`, `"c"`},
		`a;p="x, b`:                   {`a;p="x`, "b"},
		`a;p="x\`:                     {`a;p="x\`},
		`"a,b", "\",\",c`:             {`"a,b"`, `"\"`, `\"`, "c"},
		`a;p="x, y";q=0.5,b;q="0.1,"`: {`a;p="x, y";q=0.5`, `b;q="0.1,"`},
	} {
		if got := slices.Collect(web.Elements([]string{header})); !slices.Equal(got, want) {
			t.Errorf("%s: %q, want %q", header, got, want)
		}
	}
}

// Quoting keeps an element whole, whatever its parameter contains.
func TestElementsStayWhole(t *testing.T) {
	t.Parallel()
	quote := strings.NewReplacer(`\`, `\\`, `"`, `\"`)
	rapid.Check(t, func(t *rapid.T) {
		var want []string
		values := rapid.SliceOf(rapid.StringMatching(`[ -~]*`)).Draw(t, "values")
		for _, value := range values {
			want = append(want, `application/json;profile="`+quote.Replace(value)+`"`)
		}
		if got := slices.Collect(web.Elements([]string{strings.Join(want, ", ")})); !slices.Equal(got, want) {
			t.Errorf("%q, want %q", got, want)
		}
		for i, r := range web.ParseAccept(want) {
			if r.Type != "application/json" || r.Weight != 1 || r.Params["profile"] != values[i] {
				t.Errorf("%s is %+v", want[i], r)
			}
		}
	})
}

func TestTheMostSpecificRangeDecides(t *testing.T) {
	t.Parallel()
	const json = "application/json"
	for header, want := range map[string]float64{
		"":                                     0,
		"nonsense":                             0,
		"*/*":                                  1,
		"*/*;q=0.2, application/*;q=0.3":       0.3,
		"application/json;q=0, */*":            0,
		"application/json;q=0.1, */*":          0.1,
		"application/json;q=NaN":               0,
		"application/json;q=1.1":               0,
		"application/json;q=0.4, " + json:      1,
		`application/json;profile="a, b"`:      1,
		`application/json;profile="a;q=0"`:     1,
		`text/html;profile="application/json"`: 0,

		// Malformed, but unambiguous.
		"application/json;profile=https://example.com/a;q=0.5": 0.5,
		"application/json;":           1,
		"application/json; indent":    1,
		"Application/JSON ;Q = 0.25 ": 0.25,
	} {
		got, named := web.ParseAccept([]string{header}).Weight(json)
		if got != want || named != strings.HasPrefix(strings.ToLower(header), json) {
			t.Errorf("%s: %v %v, want %v", header, got, named, want)
		}
	}
}

// A header of quotes that nothing closes takes little time: it would otherwise grow with the square of the length.
func TestUnclosedQuotesTakeLittleTime(t *testing.T) {
	t.Parallel()
	for _, unit := range []string{`\"`, `\",`, `\";`} {
		header := `"` + strings.Repeat(unit, 1<<20)
		if got := web.ParseAccept([]string{header}); len(got) != 1+strings.Count(unit, ",")*(1<<20-1) {
			t.Errorf("%s: %d elements", unit, len(got))
		}
	}
}
