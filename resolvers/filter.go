package resolvers

import (
	"context"
	"fmt"
	"strings"

	"deliverygraph/resolvers/loaders"
	"deliverygraph/upstream"
)

// filter has the fields of all three lists' filters.
type filter struct {
	userID, senderID, sender     *string
	recipient, localPart, domain *string
	xHeaders                     []*upstream.Header

	bounceType     *upstream.BounceType
	bounceCategory *string
	blockedReason  *string
	delivered      *bool
}

// parent is the user or sender whose field a list is.
type parent struct{ user, sender upstream.ID }

// listQuery returns the upstream query for a filter, without the window. Errors name the filter's field.
func listQuery(ctx context.Context, f filter, p parent) (q upstream.ListQuery, err error) {
	if q.UserID, err = within("filter.userId", f.userID, p.user); err != nil {
		return q, err
	}
	if q.SenderID, err = within("filter.senderId", f.senderID, p.sender); err != nil {
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
		{"filter.category", f.bounceCategory, &q.BounceCategory},
		{"filter.reason", f.blockedReason, &q.BlockedReason},
	} {
		if *t.to, err = text(t.name, t.from); err != nil {
			return q, err
		}
	}
	q.Sender, q.Recipient, q.Domain = upstream.LowerAddress(q.Sender), upstream.LowerAddress(q.Recipient), upstream.LowerDomain(q.Domain)
	if strings.Trim(q.Sender, "0123456789") == "" && q.Sender != "" {
		// The REST API would take a sender of digits for an id.
		return q, badArgument("filter.sender",
			"filter.sender must be an address, such as \"news@example.com\"; for a sender's number use filter.senderId")
	}
	if f.bounceType != nil {
		q.BounceType = *f.bounceType
	}
	if f.delivered != nil {
		q.Delivered = *f.delivered
	}
	if q.XHeaders, err = xHeaders(f.xHeaders); err != nil {
		return q, err
	}
	api := loaders.From(ctx).API
	if err = knownCode(ctx, "filter.category", q.BounceCategory, upstream.CategoryDescriptions, api.BounceCategories); err != nil {
		return q, err
	}
	return q, knownCode(ctx, "filter.reason", q.BlockedReason, upstream.ReasonDescriptions, api.BlockedReasons)
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

func xHeaders(given []*upstream.Header) ([]upstream.Header, error) {
	if len(given) > upstream.MaxXHeaders {
		return nil, badArgument("filter.xHeaders",
			"filter.xHeaders has %d headers, but at most %d are allowed", len(given), upstream.MaxXHeaders)
	}
	var out []upstream.Header
	for i, h := range given {
		name, value := fmt.Sprintf("filter.xHeaders[%d].name", i), fmt.Sprintf("filter.xHeaders[%d].value", i)
		if _, err := text(name, &h.Name); err != nil {
			return nil, err
		}
		if _, err := text(value, &h.Value); err != nil {
			return nil, err
		}
		if !upstream.IsHeaderName(h.Name) {
			return nil, badArgument(name, "%s must be a header's name: %s", name, upstream.HeaderNameForm)
		}
		for _, o := range out {
			if strings.EqualFold(o.Name, h.Name) {
				return nil, badArgument(name, "%s repeats the name of an earlier header: an email has one value of each header", name)
			}
		}
		out = append(out, *h)
	}
	return out, nil
}
