// Package web holds what the HTTP handlers of all ports share: which hosts and pages may send requests ([Hosts],
// [Origins]), time limits for slow peers, certificates and other files that are reloaded when they change, and Accept
// headers.
package web

import (
	"iter"
	"strconv"
	"strings"
)

// Accept is what the Accept headers of a request list.
type Accept []MediaRange

// MediaRange is one element of an Accept header, such as "application/*;q=0.5".
type MediaRange struct {
	Type   string            // in lower case
	Weight float64           // 0 to 1; 0 if q is malformed
	Params map[string]string // besides q, by names in lower case, values without their quotes; nil if there are none
}

// ParseAccept parses the values of Accept headers (RFC 9110, 12.5.1), or of a header of the same form. Nonsense stays
// in the list, as ranges that include nothing, since an empty list would accept everything.
func ParseAccept(values []string) Accept {
	var accept Accept
	for element := range Elements(values) {
		accept = append(accept, parseRange(element))
	}
	return accept
}

func parseRange(element string) MediaRange {
	r := MediaRange{Weight: 1}
	first := true
	for part := range split(element, ';') {
		if first {
			r.Type, first = strings.ToLower(strings.TrimSpace(part)), false
			continue
		}
		name, value, _ := strings.Cut(part, "=")
		name, value = strings.ToLower(strings.TrimSpace(name)), unquoted(strings.TrimSpace(value))
		switch {
		case name == "q":
			r.Weight = weight(value)
			continue
		case r.Params == nil:
			r.Params = map[string]string{}
		}
		r.Params[name] = value
	}
	return r
}

func weight(q string) float64 {
	w, err := strconv.ParseFloat(q, 64)
	if err != nil || !(w >= 0 && w <= 1) { // NaN too
		return 0
	}
	return w
}

// unquoted returns the value of a parameter that may be a quoted string.
func unquoted(value string) string {
	if len(value) < 2 || value[0] != '"' || quotedLen(value) != len(value) {
		return value
	}
	var plain strings.Builder
	for i := 1; i < len(value)-1; i++ {
		if value[i] == '\\' {
			i++
		}
		plain.WriteByte(value[i])
	}
	return plain.String()
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

// Elements yields the elements of a header that is a comma-separated list, given in one or more lines. A comma within a
// quoted string does not separate (RFC 9110, 5.6.1 and 5.6.4). Empty elements are skipped.
func Elements(values []string) iter.Seq[string] {
	return func(yield func(string) bool) {
		for _, list := range values {
			for element := range split(list, ',') {
				if element = strings.TrimSpace(element); element != "" && !yield(element) {
					return
				}
			}
		}
	}
}

// split yields the parts of a list between separators outside quoted strings.
func split(list string, separator byte) iter.Seq[string] {
	return func(yield func(string) bool) {
		from, quotes := 0, true
		for i := 0; i < len(list); i++ {
			switch c := list[i]; {
			case c == separator:
				if !yield(list[from:i]) {
					return
				}
				from = i + 1
			case c == '"' && quotes:
				n := quotedLen(list[i:])
				quotes = n > 1 // otherwise nothing closes those behind it either, and looking would take long
				i += n - 1
			}
		}
		yield(list[from:])
	}
}

// quotedLen returns the length of the quoted string at the front of s. A quote that nothing closes stands for itself.
func quotedLen(s string) int {
	for i := 1; i < len(s); i++ {
		switch s[i] {
		case '\\':
			i++
		case '"':
			return i + 1
		}
	}
	return 1
}
