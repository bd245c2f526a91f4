// Package web holds what the HTTP handlers of all ports share: which hosts and pages may send requests ([Hosts],
// [Origins]), time limits for slow peers, certificates and other files that are reloaded when they change, and Accept
// headers.
package web

import (
	"errors"
	"mime"
	"strconv"
	"strings"
)

// Accept is what the Accept headers of a request list.
type Accept []MediaRange

// MediaRange is one element of an Accept header, such as "application/*;q=0.5".
type MediaRange struct {
	Type   string            // in lower case
	Weight float64           // 0 to 1; 0 if q is malformed
	Params map[string]string // by names in lower case
}

// ParseAccept parses the values of Accept headers (RFC 9110, 12.5.1), or of a header of the same form. Nonsense stays in
// the list, as ranges that include nothing, since an empty list would accept everything.
func ParseAccept(values []string) Accept {
	var accept Accept
	for element := range strings.SplitSeq(strings.Join(values, ","), ",") {
		if strings.TrimSpace(element) == "" {
			continue
		}
		media, params, err := mime.ParseMediaType(element)
		if err != nil && !errors.Is(err, mime.ErrInvalidMediaParameter) {
			media = ""
		}
		r := MediaRange{Type: media, Weight: 1, Params: params}
		if q, ok := params["q"]; ok {
			if r.Weight, err = strconv.ParseFloat(q, 64); err != nil || !(r.Weight >= 0 && r.Weight <= 1) { // NaN too
				r.Weight = 0
			}
		}
		accept = append(accept, r)
	}
	return accept
}

// Weight returns the weight of the most specific range that includes a media type, and whether that range names the
// type. Of several such ranges the greatest weight counts; without any the weight is 0.
func (a Accept) Weight(media string) (weight float64, named bool) {
	best := 0
	kind, _, _ := strings.Cut(media, "/")
	for _, r := range a {
		specific := 0
		switch r.Type {
		case media:
			specific = 3
		case kind + "/*":
			specific = 2
		case "*/*", "*": // as in Accept-Encoding
			specific = 1
		}
		if specific > best || specific == best && specific > 0 && r.Weight > weight {
			best, weight = specific, r.Weight
		}
	}
	return weight, best == 3
}
