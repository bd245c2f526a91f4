package web_test

import (
	"strings"
	"testing"

	"deliverygraph/internal/web"
)

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
		"application/json;":         1,
		"application/json; indent":  1,
		"Application/JSON ;Q=0.25 ": 0.25,
	} {
		got, named := web.ParseAccept([]string{header}).Weight(json)
		if got != want || named != strings.HasPrefix(strings.ToLower(header), json) {
			t.Errorf("%s: %v %v, want %v", header, got, named, want)
		}
	}
}
