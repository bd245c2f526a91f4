package doctor

import (
	"context"
	"fmt"
	"net/http"
	"strings"

	"deliverygraph/upstream"
)

// details asks for a listed bounce in full, and for one that there is not.
func (e *exam) details(ctx context.Context, s *sample) {
	const subject = upstream.BouncePath + "…"
	row, ok := e.listedBounce(s)
	if !ok {
		e.check(ruleDetail, subject, answer{}).cannot("there is no bounce to ask for: " + s.why)
		row = upstream.Bounce{UserID: 1, SenderID: 1, BounceTime: s.window.Start, EmailID: "20000101000000.000000000001@nowhere"}
	} else {
		e.detail(ctx, subject, row)
	}
	k := row.Key()
	k.EmailID = unlike(k.EmailID)
	a := e.ask.get(ctx, k.Path(), "")
	c := e.check(ruleUnknown, subject, a)
	const wanted = "status 404"
	_, err := upstream.DecodeBounceDetail(string(a.body))
	switch {
	case a.unsent:
		c.cannot(a.fault)
	case a.err != nil:
		c.breaks(a.fault, wanted, effectError)
	case a.status == http.StatusNotFound:
		e.refused(a, "")
		c.agrees()
	case a.fault == "" && err == nil:
		c.breaks("a bounce in full", wanted, "the gateway shows a bounce that there is not, or an error")
	case a.fault == "":
		c.copes("status 200 without a bounce", wanted, "the gateway tells of an error, in place of nothing found")
	case a.status == http.StatusGone:
		c.copes(a.fault, wanted, "the gateway takes it for the same")
	default:
		c.copes(a.fault, wanted, "the gateway tells of an error, in place of nothing found")
	}
}

// listedBounce is a row of the sample, the most plainly written of those whose key no
// other has.
func (e *exam) listedBounce(s *sample) (found upstream.Bounce, ok bool) {
	rows, err := upstream.DecodeBounces(string(s.page.body))
	if s.page.fault != "" || err != nil {
		return found, false
	}
	keys := map[upstream.BounceKey]int{}
	for _, b := range rows {
		keys[b.Key()]++
	}
	fewest := 0
	for _, b := range rows {
		n := strings.Count(b.Key().Path(), "%")
		if keys[b.Key()] == 1 && (!ok || n < fewest) {
			found, fewest, ok = b, n, true
		}
	}
	return found, ok
}

// detail holds a bounce in full against its row.
func (e *exam) detail(ctx context.Context, subject string, row upstream.Bounce) {
	a := e.ask.get(ctx, row.Key().Path(), "")
	d, err := upstream.DecodeBounceDetail(string(a.body))
	a.decoded(err)
	c := e.check(ruleDetail, subject, a).of(upstream.Bounces)
	if c.failed("the bounce with the document's fields, bare or as \"data\" of an object") {
		return
	}
	e.shapes.note(subject, a.body)
	if d.Key() != row.Key() {
		c.breaks(fmt.Sprintf("the bounce of user %d, sender %d, %s", d.UserID, d.SenderID, at(d.BounceTime)),
			fmt.Sprintf("that of user %d, sender %d, %s", row.UserID, row.SenderID, at(row.BounceTime)), "the gateway refuses the answer")
		return
	}
	for _, f := range []struct{ name, in, row string }{
		{"bounce_type", string(d.Type), string(row.Type)},
		{"bounce_category", d.Category, row.Category},
		{"bounce_code", d.Code, row.Code},
		{"email_address", d.EmailAddress, row.EmailAddress},
		{"process_time", fmt.Sprint(d.ProcessTime), fmt.Sprint(row.ProcessTime)},
		{"xheaders", fmt.Sprint(d.XHeaders), fmt.Sprint(row.XHeaders)},
	} {
		if f.in != f.row {
			c.copes("another "+f.name+" than the list's: "+e.ask.clean(f.in), e.ask.clean(f.row), "the gateway shows of each call what it says")
			return
		}
	}
	c.agrees()
}

// unlike is an email id that is well formed and of no email: one of its digits, or
// letters, is another.
func unlike(id string) string {
	if i := strings.IndexByte(id, '.'); i >= 0 && i+1 < len(id) && id[i+1] != '@' {
		return id[:i+1] + "9" + id[i+1:]
	}
	return id + "9"
}
