package upstream

import "strings"

// RedactQuery replaces each value in a query string of the API that is or may contain an address with an ellipsis.
func RedactQuery(query string) string {
	if query == "" {
		return ""
	}
	pairs := strings.Split(query, "&")
	for i, pair := range pairs {
		name, _, _ := strings.Cut(pair, "=")
		switch name {
		case "start_time", "end_time", "user_id", "sender_id", "offset", "domain", "delivered",
			"bounce_type", "bounce_category", "blocked_reason", "rollup_to", "timeseries":
		default:
			pairs[i] = name + "=…"
		}
	}
	return strings.Join(pairs, "&")
}
