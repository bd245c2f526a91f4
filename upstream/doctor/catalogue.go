package doctor

import (
	"context"
	"fmt"
	"slices"

	"deliverygraph/upstream"
)

// catalogues checks both catalogues. Their codes are an open set.
func (e *exam) catalogues(ctx context.Context) {
	for _, path := range []string{upstream.BounceCategoriesPath, upstream.BlockedReasonsPath} {
		const wanted = `a JSON array of strings, bare or as "data" of an object`
		a := e.ask.get(ctx, path, "")
		codes, err := upstream.DecodeCodes(string(a.body))
		a.decoded(err)
		c := e.check(ruleCatalogue, path, a)
		if c.failed(wanted) {
			continue
		}
		e.shapes.note(path, a.body)
		sorted := slices.Sorted(slices.Values(codes))
		switch unique := slices.Compact(slices.Clone(sorted)); {
		case len(codes) == 0:
			c.copes("no codes", "the codes in use", "the gateway shows an empty catalogue")
		case len(unique) < len(codes):
			c.copes(fmt.Sprintf("%d codes, of which %d are repeated", len(codes), len(codes)-len(unique)),
				"each code once",
				"the gateway shows the codes as they are")
		default:
			c.agrees()
		}
	}
}

// decoded sets the fault of an answer whose JSON could not be decoded because of err.
func (a *answer) decoded(err error) {
	if a.fault == "" && err != nil {
		a.fault = "JSON that the API's document does not allow: " + err.Error()
	}
}
