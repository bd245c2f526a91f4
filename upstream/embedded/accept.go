package embedded

import "deliverygraph/internal/web"

// acceptsJSON reports whether these Accept headers allow JSON. No header allows everything.
func acceptsJSON(values []string) bool {
	if len(values) == 1 && (values[0] == "application/json" || values[0] == "*/*") {
		return true // what nearly every client sends
	}
	accept := web.ParseAccept(values)
	weight, _ := accept.Weight("application/json")
	return weight > 0 || len(accept) == 0
}
