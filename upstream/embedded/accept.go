package embedded

import (
	"strconv"
	"strings"
)

// acceptsJSON says whether a request with these Accept headers takes JSON: none at
// all does; otherwise the most specific of application/json, application/* and
// */* that is named decides, and q=0 refuses.
func acceptsJSON(accept []string) bool {
	if len(accept) == 1 && (accept[0] == "application/json" || accept[0] == "*/*") {
		return true // what nearly every client sends
	}
	named, best, takes := false, 0, false
	for _, line := range accept {
		for element := range strings.SplitSeq(line, ",") {
			mediaRange, parameters, _ := strings.Cut(element, ";")
			mediaRange = strings.ToLower(strings.TrimSpace(mediaRange))
			if mediaRange == "" {
				continue
			}
			named = true
			rank := specificity(mediaRange)
			if rank == 0 || rank < best {
				continue
			}
			wanted := weight(parameters) > 0
			takes = wanted || (rank == best && takes)
			best = rank
		}
	}
	return takes || !named
}

// specificity ranks the media ranges that JSON lies in; 0 is any other.
func specificity(mediaRange string) int {
	switch mediaRange {
	case "application/json":
		return 3
	case "application/*":
		return 2
	case "*/*":
		return 1
	}
	return 0
}

// weight is the q of a media range's parameters: 1 where it is left out, 0 where it
// is no number between 0 and 1.
func weight(parameters string) float64 {
	for p := range strings.SplitSeq(parameters, ";") {
		name, value, _ := strings.Cut(p, "=")
		if !strings.EqualFold(strings.TrimSpace(name), "q") {
			continue
		}
		q, err := strconv.ParseFloat(strings.TrimSpace(value), 64)
		if err != nil || !(q >= 0 && q <= 1) { // NaN too
			return 0
		}
		return q
	}
	return 1
}
