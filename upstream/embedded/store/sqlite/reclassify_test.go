package sqlite_test

import (
	"context"
	"fmt"
	"testing"

	"deliverygraph/upstream"
	"deliverygraph/upstream/embedded/store"
	"deliverygraph/upstream/embedded/store/storetest"
)

func TestReclassifyChangesBouncesAndTheirCounts(t *testing.T) {
	ctx := context.Background()
	s := open(t, "")
	var b store.Batch
	const many = 1001 // of a second each, but for two
	for i := range many {
		b.Bounces = append(b.Bounces, upstream.BounceDetail{
			Bounce: upstream.Bounce{
				UserID: 1, SenderID: 1, EmailID: fmt.Sprint(max(i, 1)),
				EmailAddress: fmt.Sprintf("u%d@example.com", i), Local: fmt.Sprintf("u%d", i),
				Domain: "example.com", Type: upstream.Soft, Category: "unclassified", BounceTime: upstream.Time(1000 + max(i, 1)),
			},
			DiagnosticCode: "d", FullContent: "c",
		})
	}
	storetest.Write(t, s, b)
	sort := func(d upstream.BounceDetail) store.Class {
		if d.DiagnosticCode != "d" || d.FullContent != "c" {
			t.Errorf("a bounce without its details: %+v", d)
		}
		return store.Class{Type: upstream.Hard, Category: "bad-mailbox", Rule: "r"}
	}
	for _, c := range []struct {
		dry           bool
		changed, hard int
	}{{true, many, 0}, {false, many, many}, {false, 0, many}, {true, 0, many}} {
		if n, err := s.Reclassify(ctx, c.dry, sort); err != nil || n != c.changed {
			t.Errorf("dry %v: %d of %d changed, %v", c.dry, n, many, err)
		}
		counts := storetest.Must[[]upstream.Count](t)(s.Counts(ctx, nil, upstream.Bounces,
			upstream.CountQuery{Window: upstream.Window{End: 1e9}}))
		if len(counts) != 1 || int(counts[0].Hard) != c.hard || int(counts[0].Total) != many {
			t.Errorf("dry %v: the counts are %+v", c.dry, counts)
		}
	}
	if problems := storetest.Must[[]string](t)(s.Check(ctx)); len(problems) > 0 {
		t.Errorf("%q", problems)
	}
}
