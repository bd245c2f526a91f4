package doctor

import (
	"context"
	"fmt"
	"net/http"
	"slices"

	"deliverygraph/upstream"
)

// details requests the details of a listed bounce and of one that does not exist.
func (e *exam) details(ctx context.Context, s *sample) {
	const subject = upstream.BouncePath + "…"
	row, ok := e.listedBounce(s)
	if ok {
		e.detail(ctx, subject, row)
	} else {
		e.check(ruleDetail, subject, answer{}).cannot("there is no bounce to request: " + s.why)
		row = upstream.Bounce{
			UserID: 1, SenderID: 1, BounceTime: s.window.Start, EmailID: "20000101000000.000000000001@nowhere",
		}
	}
	k := row.Key()
	k.EmailID += "9" // probably that of no bounce
	a := e.ask.get(ctx, k.Path(), "")
	c := e.check(ruleUnknown, subject, a)
	const (
		wanted = "status 404"
		effect = "gateway clients get an error instead of null"
	)
	_, err := upstream.DecodeBounceDetail(string(a.body))
	switch {
	case c.unanswered(Breaks, wanted, effectError):
	case a.status == http.StatusNotFound:
		e.refuses(a, "")
		c.agrees()
	case a.fault == "" && err == nil:
		c.breaks("the details of a bounce", wanted, "the gateway shows a bounce that does not exist, or an error")
	case a.fault == "":
		c.copes("status 200 without a bounce", wanted, effect)
	case a.status == http.StatusGone:
		c.copes(a.fault, wanted, "none: the gateway treats it as 404")
	default:
		c.copes(a.fault, wanted, effect)
	}
}

// listedBounce returns the first bounce of the sample whose key is unique.
func (e *exam) listedBounce(s *sample) (found upstream.Bounce, ok bool) {
	rows, err := upstream.DecodeBounces(string(s.page.body))
	if s.page.fault != "" || err != nil {
		return found, false
	}
	keys := map[upstream.BounceKey]int{}
	for _, b := range rows {
		keys[b.Key()]++
	}
	first := slices.IndexFunc(rows, func(b upstream.Bounce) bool { return keys[b.Key()] == 1 })
	if first < 0 {
		return found, false
	}
	return rows[first], true
}

// detail compares the details of a bounce with its row.
func (e *exam) detail(ctx context.Context, subject string, row upstream.Bounce) {
	d, a := ask[upstream.BounceDetail](ctx, e, row.Key().Question())
	c := e.check(ruleDetail, subject, a).of(upstream.Bounces)
	if c.failed(`the bounce with the document's fields, bare or as "data" of an object`) {
		return
	}
	if d.Key() != row.Key() {
		c.breaks(fmt.Sprintf("the bounce of user %d, sender %d, %s", d.UserID, d.SenderID, at(d.BounceTime)),
			fmt.Sprintf("that of user %d, sender %d, %s", row.UserID, row.SenderID, at(row.BounceTime)),
			"the gateway rejects the answer")
		return
	}
	for _, f := range []struct{ name, detail, row string }{
		{"bounce_type", string(d.Type), string(row.Type)},
		{"bounce_category", d.Category, row.Category},
		{"bounce_code", d.Code, row.Code},
		{"email_address", d.EmailAddress, row.EmailAddress},
		{"process_time", fmt.Sprint(d.ProcessTime), fmt.Sprint(row.ProcessTime)},
		{"xheaders", fmt.Sprint(d.XHeaders), fmt.Sprint(row.XHeaders)},
	} {
		if f.detail != f.row {
			c.copes(f.name+" differs from the list's: "+e.ask.clean(f.detail), e.ask.clean(f.row),
				"the gateway shows each answer as it is")
			return
		}
	}
	c.agrees()
}

// catalogueQuestions returns the questions for the catalogues of codes.
func catalogueQuestions() (all []upstream.Question) {
	for _, k := range upstream.Kinds {
		if q := (upstream.Question{Shape: upstream.ShapeCatalogue, Kind: k}); q.Endpoint() != "" {
			all = append(all, q)
		}
	}
	return all
}

// catalogues checks both catalogues. Their codes are an open set.
func (e *exam) catalogues(ctx context.Context) {
	for _, q := range catalogueQuestions() {
		codes, a := ask[[]string](ctx, e, q)
		c := e.check(ruleCatalogue, q.Endpoint(), a)
		if c.failed(`a JSON array of strings, bare or as "data" of an object`) {
			continue
		}
		unique := slices.Compact(slices.Sorted(slices.Values(codes)))
		switch {
		case len(codes) == 0:
			c.copes("no codes", "the codes in use", "the gateway shows an empty catalogue")
		case len(unique) < len(codes):
			c.copes(fmt.Sprintf("%d codes, of which %d are repeated", len(codes), len(codes)-len(unique)),
				"each code once", "the gateway shows the codes as they are")
		default:
			c.agrees()
		}
	}
}
