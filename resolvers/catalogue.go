package resolvers

import (
	"context"
	"slices"
	"strings"

	"github.com/agnivade/levenshtein"

	"deliverygraph/graph/model"
	"deliverygraph/resolvers/loaders"
	"deliverygraph/upstream"
)

// BounceCategories answers Query.bounceCategories.
func (query) BounceCategories(ctx context.Context) ([]*model.BounceCategory, error) {
	codes, err := loaders.From(ctx).API.BounceCategories(ctx)
	if err != nil {
		return nil, err
	}
	out := make([]*model.BounceCategory, len(codes))
	for i, c := range codes {
		out[i] = &model.BounceCategory{Code: c, Description: describe(upstream.CategoryDescriptions, c)}
	}
	return out, nil
}

// BlockedReasons answers Query.blockedReasons.
func (query) BlockedReasons(ctx context.Context) ([]*model.BlockedReason, error) {
	codes, err := loaders.From(ctx).API.BlockedReasons(ctx)
	if err != nil {
		return nil, err
	}
	out := make([]*model.BlockedReason, len(codes))
	for i, c := range codes {
		out[i] = &model.BlockedReason{Code: c, Description: describe(upstream.ReasonDescriptions, c)}
	}
	return out, nil
}

func describe(descriptions map[string]string, code string) *string {
	if d, ok := descriptions[code]; ok {
		return &d
	}
	return nil
}

// knownCode checks a filter's code. Documented codes are known without asking; the
// set is open, so for others the upstream's own catalogue decides. If that cannot
// be had the code is let through: the filter then matches what it matches.
func knownCode(ctx context.Context, argument, code string, documented map[string]string, catalogue func(context.Context) ([]string, error)) error {
	if _, ok := documented[code]; ok || code == "" {
		return nil
	}
	codes, err := catalogue(ctx)
	if err != nil || slices.Contains(codes, code) {
		return nil
	}
	return badArgument(argument, "%s: the upstream knows no code %q; the nearest that it knows: %s", argument, clip(code), strings.Join(nearest(code, codes, 3), ", "))
}

// nearest gives the n codes that differ least from code.
func nearest(code string, codes []string, n int) []string {
	code = strings.ToLower(clip(code))
	sorted := slices.Clone(codes)
	distance := func(c string) int {
		if strings.Contains(c, code) { // part of a code: as near as can be
			return 0
		}
		return levenshtein.ComputeDistance(code, c)
	}
	slices.SortStableFunc(sorted, func(a, b string) int { return distance(a) - distance(b) })
	return sorted[:min(n, len(sorted))]
}

// clip bounds what a message repeats of its input.
func clip(s string) string {
	if r := []rune(s); len(r) > 40 {
		return string(r[:40]) + "…"
	}
	return s
}
