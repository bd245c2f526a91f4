package resolvers

import (
	"context"
	"fmt"
	"strings"

	"deliverygraph/upstream"
)

// filter is the filter of a list.
type filter struct {
	userID, senderID, sender     *string
	recipient, localPart, domain *string
	xHeaders                     []*upstream.Header

	own []ownFilter
}

// ownFilter is a filter that only some kinds' lists have.
type ownFilter struct {
	parameter string
	argument  string
	value     *string // as in the query string
	catalogue bool    // it must be a code of the kind's catalogue
}

// flag returns the value of a filter that is true or false.
func flag(set *bool) *string {
	if set == nil || !*set {
		return nil
	}
	on := "1"
	return &on
}

// listQuery returns the upstream query for a filter of a kind, without the window. Errors name the filter's field.
func listQuery(ctx context.Context, k upstream.Kind, f filter, p parent) (q upstream.ListQuery, err error) {
	var user, sender upstream.ID
	if p.user != nil {
		user = p.user.Key
	}
	if p.sender != nil {
		sender = p.sender.Key
	}
	if q.UserID, err = within("filter.userId", f.userID, user); err != nil {
		return q, err
	}
	if q.SenderID, err = within("filter.senderId", f.senderID, sender); err != nil {
		return q, err
	}
	for _, t := range []struct {
		name string
		from *string
		to   *string
	}{
		{"filter.sender", f.sender, &q.Sender},
		{"filter.recipient", f.recipient, &q.Recipient},
		{"filter.localPart", f.localPart, &q.Local},
		{"filter.domain", f.domain, &q.Domain},
	} {
		if *t.to, err = text(t.name, t.from); err != nil {
			return q, err
		}
	}
	for _, o := range f.own {
		value, err := text(o.argument, o.value)
		if err != nil {
			return q, err
		}
		q.SetFilter(o.parameter, value)
	}
	q.Sender, q.Recipient, q.Domain = upstream.LowerAddress(q.Sender), upstream.LowerAddress(q.Recipient),
		upstream.LowerDomain(q.Domain)
	if strings.Trim(q.Sender, "0123456789") == "" && q.Sender != "" {
		// The REST API would take a sender of digits for an id.
		return q, badArgument("filter.sender",
			"filter.sender must be an address, such as \"news@example.com\"; for a sender's number use filter.senderId")
	}
	if q.XHeaders, err = xHeaders(f.xHeaders); err != nil {
		return q, err
	}
	for _, o := range f.own {
		if o.catalogue {
			if err := knownCode(ctx, o.argument, q.Filter(o.parameter), k); err != nil {
				return q, err
			}
		}
	}
	return q, nil
}

// within parses an id in the filter of a list that may be a field of a parent. It returns the parent's id, and
// an error if the filter contradicts it.
func within(argument string, s *string, parent upstream.ID) (upstream.ID, error) {
	id, err := key(argument, s)
	if err != nil || parent == 0 {
		return id, err
	}
	if id != 0 && id != parent {
		return 0, badArgument(argument,
			"%s is %d, but this list belongs to %d: omit it, or use the list field of Query", argument, id, parent)
	}
	return parent, nil
}

func xHeaders(given []*upstream.Header) (headers upstream.HeaderFilters, err error) {
	if len(given) > upstream.MaxXHeaders {
		return headers, badArgument("filter.xHeaders",
			"filter.xHeaders has %d headers, but at most %d are allowed", len(given), upstream.MaxXHeaders)
	}
	for i, h := range given {
		name, value := fmt.Sprintf("filter.xHeaders[%d].name", i), fmt.Sprintf("filter.xHeaders[%d].value", i)
		if _, err := text(name, &h.Name); err != nil {
			return headers, err
		}
		if _, err := text(value, &h.Value); err != nil {
			return headers, err
		}
		if !upstream.IsHeaderName(h.Name) {
			return headers, badArgument(name, "%s must be a header's name: %s", name, upstream.HeaderNameForm)
		}
		for _, o := range headers[:i] {
			if strings.EqualFold(o.Name, h.Name) {
				return headers, badArgument(name,
					"%s repeats the name of an earlier header: an email has one value of each header", name)
			}
		}
		headers[i] = *h
	}
	return headers, nil
}
