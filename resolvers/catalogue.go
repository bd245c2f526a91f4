package resolvers

import (
	"cmp"
	"context"
	"slices"
	"strings"

	"github.com/agnivade/levenshtein"

	"deliverygraph/graph/model"
	"deliverygraph/resolvers/loaders"
	"deliverygraph/upstream"
	"deliverygraph/upstream/kind"
)

// BounceCategories answers Query.bounceCategories.
func (query) BounceCategories(ctx context.Context) ([]*model.BounceCategory, error) {
	codes, err := loaders.From(ctx).API.BounceCategories(ctx)
	return eachOf(func(code *string) model.BounceCategory {
		return model.BounceCategory{Code: *code, Description: describe(kind.Bounce.Descriptions, *code)}
	})(codes), err
}

// BlockedReasons answers Query.blockedReasons.
func (query) BlockedReasons(ctx context.Context) ([]*model.BlockedReason, error) {
	codes, err := loaders.From(ctx).API.BlockedReasons(ctx)
	return eachOf(func(code *string) model.BlockedReason {
		return model.BlockedReason{Code: *code, Description: describe(kind.BlockedEmail.Descriptions, *code)}
	})(codes), err
}

func describe(descriptions map[string]string, code string) *string {
	if d, ok := descriptions[code]; ok {
		return &d
	}
	return nil
}

// knownCode checks a code in a filter of a kind. Documented codes are valid. The set is open, so the upstream's
// catalogue decides about others. If the catalogue cannot be fetched, the code is accepted.
func knownCode(ctx context.Context, argument, code string, k upstream.Kind) error {
	if _, ok := k.Descriptions()[code]; ok || code == "" {
		return nil
	}
	q := upstream.Question{Shape: upstream.ShapeCatalogue, Kind: k}
	codes, err := upstream.Ask[[]string](ctx, loaders.From(ctx).API, &q)
	if err != nil || slices.Contains(codes, code) {
		return nil
	}
	nearest := "it has no codes"
	if len(codes) > 0 {
		nearest = "the most similar ones are " + strings.Join(nearestCodes(code, codes, 3), ", ")
	}
	return badArgument(argument, "%s: the upstream has no code %q; %s", argument, model.Excerpt(code), nearest)
}

// nearestCodes returns the n codes most similar to code.
func nearestCodes(code string, codes []string, n int) []string {
	code = strings.ToLower(model.Excerpt(code))
	type candidate struct {
		code     string
		distance int
	}
	all := make([]candidate, len(codes))
	for i, c := range codes {
		all[i] = candidate{model.Excerpt(c), 0} // a code that contains the given text is nearest
		if !strings.Contains(c, code) {
			all[i].distance = levenshtein.ComputeDistance(code, all[i].code)
		}
	}
	slices.SortStableFunc(all, func(a, b candidate) int { return cmp.Compare(a.distance, b.distance) })
	var nearest []string
	for _, c := range all[:min(n, len(all))] {
		nearest = append(nearest, c.code)
	}
	return nearest
}
