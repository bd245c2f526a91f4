package upstream

import (
	"slices"
	"strings"

	"deliverygraph/upstream/kind"
)

// RedactQuery replaces each value in a query string of the API that is or may contain an address with an ellipsis.
func RedactQuery(query string) string {
	if query == "" {
		return ""
	}
	pairs := strings.Split(query, "&")
	for i, pair := range pairs {
		name, _, _ := strings.Cut(pair, "=")
		if !slices.Contains(shownParameters, name) {
			pairs[i] = name + "=…"
		}
	}
	return strings.Join(pairs, "&")
}

// shownParameters are the parameters whose values cannot contain an address.
var shownParameters = func() []string {
	shown := []string{"start_time", "end_time", "user_id", "sender_id", "offset", "domain", "rollup_to", "timeseries",
		"by", "top", "sent",
	}
	for _, f := range kind.Filters {
		shown = append(shown, f.Filter)
	}
	return shown
}()
