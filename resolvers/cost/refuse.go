package cost

import (
	"fmt"
	"strings"

	"github.com/vektah/gqlparser/v2/gqlerror"
)

// refuse returns the error for an operation that is not run; trying it again would not help.
func refuse(code, message string) *gqlerror.Error {
	return &gqlerror.Error{Message: message, Extensions: map[string]any{"code": code, "retryable": false}}
}

// tooExpensive returns the error for an operation that plans more calls than the limit. Its message says how many it
// plans, how many are allowed, and how to make it cheaper.
func tooExpensive(p Plan, limit, users int) *gqlerror.Error {
	const code = "QUERY_TOO_EXPENSIVE"
	if p.Calls >= TooMany {
		return refuse(code, fmt.Sprintf("this operation plans more upstream calls than can be counted, "+
			"and may make %d: its fragments multiply, or its series in a time zone have too many days", limit))
	}
	dearest, of := p.Dearest()
	part := "for " + dearest
	if of < p.Calls {
		part = fmt.Sprintf("%d of them for %s", of, dearest)
	}
	less := "ask for fewer rows at once (first) and page through them, or for less of each row"
	if strings.HasSuffix(dearest, "series") {
		less = "ask for series over a shorter window, or in a time zone that is whole hours from UTC"
	}
	if users > 1 {
		less += fmt.Sprintf("; what is asked of all of your %d users is a call for each of them, "+
			"so naming one (userId) is cheaper", users)
	}
	return refuse(code, fmt.Sprintf("this operation plans %d upstream calls, %s, and an operation may make %d: %s",
		p.Calls, part, limit, less))
}
