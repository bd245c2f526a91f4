package upstream

import "strings"

// RedactQuery gives a query string of the API with an ellipsis for each value that is,
// or may hold, somebody's address.
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
