package embedded

import "deliverygraph/internal/web"

// acceptsJSON reports whether a request with these Accept headers takes JSON. Without any it does.
func acceptsJSON(values []string) bool {
	if len(values) == 1 && (values[0] == "application/json" || values[0] == "*/*") {
		return true // as nearly every client sends it
	}
	accept := web.ParseAccept(values)
	weight, _ := accept.Weight("application/json")
	return weight > 0 || len(accept) == 0
}
