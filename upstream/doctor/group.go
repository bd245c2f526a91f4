package doctor

import (
	"context"
	"fmt"
	"net/http"

	"deliverygraph/upstream"
)

// groups checks the extension that groups events, for one kind. Servers need not have it.
func (e *exam) groups(ctx context.Context, s *sample) {
	path := s.kind.GroupsPath()
	q := upstream.GroupsQuery{
		ListQuery: upstream.ListQuery{Window: s.window},
		Grouping:  upstream.Grouping{By: [2]upstream.Dimension{upstream.DimensionDomain}, Top: upstream.MaxGroups},
	}
	a := e.ask.get(ctx, path, q.Encode(s.kind))
	if a.status == http.StatusNotFound || a.status == http.StatusMethodNotAllowed {
		e.check(topicGroups, path, answer{}).observes(
			"not there: breakdowns are made of counts, or of lists within the budget of calls")
		return
	}
	groups, err := upstream.DecodeGroups(string(a.body), q)
	a.decoded(err)
	c := e.check(ruleGroups, path, a).of(s.kind)
	switch want := s.counts.total().Total; {
	case c.failed("groups and the number of all others"):
	case s.counts.fault != "":
		c.cannot("there are no counts to compare with")
	case groups.Total != want:
		c.breaks(fmt.Sprintf("groups of %d %s", groups.Total, s.kind), fmt.Sprintf("%d, as counted", want),
			"breakdowns differ from totals")
	default:
		c.agrees()
	}
}
