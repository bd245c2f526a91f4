package storetest

import (
	"context"
	"fmt"
	"math/rand/v2"
	"strings"

	"deliverygraph/upstream"
	"deliverygraph/upstream/embedded/store"
	"deliverygraph/upstream/grouped"
	"deliverygraph/upstream/kind"
)

// Request is a question to a store, with other arguments each time. It returns the number of rows of the answer.
type Request struct {
	Name string
	Ask  func(store.Store, *rand.Rand) (int, error)
}

// Requests returns the documented requests to a store with the data of [Batches], with each filter alone and with
// others, over all 90 days unless the name says otherwise.
func Requests(info store.Info) []Request {
	ctx := context.Background()
	all := upstream.Window{Start: SampleStart, End: SampleEnd}
	broken := func(r *rand.Rand) upstream.Window { // nearly all, and no whole hours
		return upstream.Window{Start: SampleStart + 1 + upstream.Time(r.IntN(86400)),
			End: SampleEnd - 1 - upstream.Time(r.IntN(86400))}
	}
	week := func(r *rand.Rand) upstream.Window {
		at := SampleStart + upstream.Time(r.IntN((SampleDays-7)*86400))
		return upstream.Window{Start: at, End: at + 7*86400}
	}
	sender := func(r *rand.Rand) store.Sender { return SampleSender(r.IntN(SampleSenders)) }
	big := func(r *rand.Rand) store.Sender { return SampleSender(r.IntN(4)) } // one of those who send most
	recipients := int(info.Emails.Rows)/10 + 100
	type edit = func(*upstream.ListQuery, *rand.Rand)
	var list []Request
	providers := grouped.DefaultProviders()
	ask := func(name string, only []upstream.ID, question func(*rand.Rand) upstream.Question) {
		list = append(list, Request{name, func(s store.Store, r *rand.Rand) (int, error) {
			q := question(r)
			answer, err := s.Ask(ctx, only, &q, providers)
			n := upstream.RowsOf(answer)
			if series, ok := answer.([]upstream.Series); ok {
				n = 0
				for _, x := range series {
					n += len(x.Points)
				}
			}
			return n, err
		}})
	}
	// add pages through lists as clients do, each to its end, or for 40 pages. jump lists from any offset up to a share
	// of the rows.
	add := func(k upstream.Kind, name string, edits ...edit) {
		var q upstream.ListQuery
		list = append(list, Request{k.ListPath() + " " + name, func(s store.Store, r *rand.Rand) (int, error) {
			if q.Offset == 0 {
				q = upstream.ListQuery{Window: all}
				for _, e := range edits {
					e(&q, r)
				}
			}
			question := q.Question(k)
			answer, err := s.Ask(ctx, nil, &question, nil)
			if err != nil {
				return 0, err
			}
			n := upstream.RowsOf(answer)
			if q.Offset += n; n < upstream.PageSize || q.Offset == 40*upstream.PageSize {
				q.Offset = 0
			}
			return n, nil
		}})
	}
	jump := func(k upstream.Kind, name string, share float64, edits ...edit) {
		rows := float64(info.Of(k).Rows) * share
		ask(k.ListPath()+" "+name+", a jump", nil, func(r *rand.Rand) upstream.Question {
			q := upstream.ListQuery{Window: all, Offset: int(rows * r.Float64())}
			for _, e := range edits {
				e(&q, r)
			}
			return q.Question(k)
		})
	}
	inBroken := func(q *upstream.ListQuery, r *rand.Rand) { q.Window = broken(r) }
	inWeek := func(q *upstream.ListQuery, r *rand.Rand) { q.Window = week(r) }
	user := func(q *upstream.ListQuery, r *rand.Rand) { q.UserID = sender(r).UserID }
	senderID := func(q *upstream.ListQuery, r *rand.Rand) { q.SenderID = sender(r).SenderID }
	address := func(q *upstream.ListQuery, r *rand.Rand) { q.Sender = sender(r).Address }
	bigSender := func(q *upstream.ListQuery, r *rand.Rand) { q.SenderID = big(r).SenderID }
	domain := func(q *upstream.ListQuery, r *rand.Rand) { q.Domain = SampleDomain(r.IntN(20)) }
	bigDomain := func(q *upstream.ListQuery, _ *rand.Rand) { q.Domain = SampleDomain(0) }
	local := func(q *upstream.ListQuery, r *rand.Rand) { q.Local = fmt.Sprint("recipient", r.IntN(recipients)) }
	recipient := func(q *upstream.ListQuery, r *rand.Rand) {
		n := r.IntN(recipients)
		q.Recipient = fmt.Sprintf("recipient%d@%s", n, SampleDomain(n%(1+n%2000)))
	}
	busy := func(q *upstream.ListQuery, _ *rand.Rand) { q.Local = "recipient0" }
	header := func(name string, value func(r *rand.Rand) any) edit {
		return func(q *upstream.ListQuery, r *rand.Rand) {
			q.XHeaders[len(q.Headers())] = upstream.Header{Name: name, Value: fmt.Sprint(value(r))}
		}
	}
	campaign := header("x-campaign", func(r *rand.Rand) any {
		return fmt.Sprint("campaign", r.IntN(3*SampleDays))
	})
	region := header("X-REGION", func(r *rand.Rand) any { return fmt.Sprint("region ", r.IntN(50)) })
	optIn := header("X-Opt-In", func(r *rand.Rand) any { return r.IntN(3) })
	customer := header("X-Customer", func(r *rand.Rand) any { return r.IntN(recipients) })
	delivered := func(q *upstream.ListQuery, _ *rand.Rand) { q.Delivered = true }
	hard := func(q *upstream.ListQuery, _ *rand.Rand) { q.BounceType = upstream.Hard }
	category := func(q *upstream.ListQuery, r *rand.Rand) {
		q.BounceCategory = SampleCategories[r.IntN(len(SampleCategories))]
	}
	reason := func(q *upstream.ListQuery, r *rand.Rand) {
		q.BlockedReason = SampleReasons[r.IntN(len(SampleReasons))]
	}

	for _, k := range upstream.Kinds {
		add(k, "")
		add(k, "broken hours", inBroken)
		add(k, "7 days", inWeek)
		add(k, "user_id", user)
		add(k, "sender_id", senderID)
		add(k, "sender", address)
		add(k, "a sender who sends much", bigSender)
		add(k, "domain", domain)
		add(k, "a large domain", bigDomain)
		add(k, "local", local)
		add(k, "local, much used", busy)
		add(k, "recipient", recipient)
		add(k, "X-, one in 270", campaign)
		add(k, "X-, one in 50", region)
		add(k, "X-, one in 3", optIn)
		add(k, "X-, a customer", customer)
		add(k, "user_id, domain", user, domain)
		add(k, "user_id, a large domain", user, bigDomain)
		add(k, "sender, domain", address, domain)
		add(k, "four X-", campaign, region, optIn, customer)
		add(k, "user_id, domain, X- (one in 3), broken hours", user, bigDomain, optIn, inBroken)
		add(k, "sender, X-, X-", address, region, optIn)
		jump(k, "", 1)
		jump(k, "broken hours", 0.95, inBroken)
		jump(k, "user_id", 0.1, user)
		jump(k, "sender_id", 0.02, senderID)
		jump(k, "domain", 0.005, domain)
		jump(k, "X-, one in 3", 0.3, optIn)
	}
	add(upstream.Emails, "delivered", delivered)
	add(upstream.Emails, "delivered, user_id", delivered, user)
	add(upstream.Emails, "delivered, user_id, X- (one in 3)", delivered, user, optIn)
	add(upstream.Emails, "delivered, user_id, sender, domain, X-, X-, broken hours", delivered, bigSender, bigDomain,
		optIn, region, inBroken)
	add(upstream.Bounces, "bounce_type", hard)
	add(upstream.Bounces, "bounce_category", category)
	add(upstream.Bounces, "sender, bounce_type", address, hard)
	add(upstream.Bounces, "bounce_type, bounce_category, user_id, X- (one in 3)", hard, category, user, optIn)
	add(blocked, "blocked_reason", reason)
	add(blocked, "blocked_reason, user_id, X- (one in 3)", reason, user, optIn)

	ask("/emails of a caller who may see 3 users", []upstream.ID{20, 22, 25}, func(r *rand.Rand) upstream.Question {
		q := upstream.ListQuery{Window: broken(r), Offset: r.IntN(int(info.Emails.Rows)/3 + 1)}
		return q.Question(upstream.Emails)
	})
	list = append(list, Request{"/bounce/…", func(s store.Store, r *rand.Rand) (int, error) {
		q := upstream.ListQuery{Window: all, Offset: r.IntN(int(info.Bounces.Rows))}
		rows, err := API(s).Bounces(ctx, q)
		if err != nil {
			return 0, err
		}
		_, err = API(s).Bounce(ctx, rows[r.IntN(len(rows))].Key())
		return 1, err
	}})

	for _, k := range upstream.Kinds {
		for _, c := range []struct {
			name string
			edit func(*upstream.CountQuery, *rand.Rand)
		}{
			{"", func(*upstream.CountQuery, *rand.Rand) {}},
			{"broken hours", func(*upstream.CountQuery, *rand.Rand) {}},
			{"user_id", func(q *upstream.CountQuery, r *rand.Rand) { q.UserID = sender(r).UserID }},
			{"sender_id", func(q *upstream.CountQuery, r *rand.Rand) { q.SenderID = sender(r).SenderID }},
			{"bounce_type", func(q *upstream.CountQuery, _ *rand.Rand) { q.BounceType = upstream.Hard }},
			{"rollup_to=user", func(q *upstream.CountQuery, _ *rand.Rand) { q.Rollup = upstream.ByUser }},
		} {
			if c.name == "bounce_type" && k != upstream.Bounces {
				continue
			}
			for interval, of := range []string{"", "timeseries=hour", "timeseries=day"} {
				name := strings.TrimRight(fmt.Sprintf("%s %s %s", k.CountsPath(), c.name, of), " ")
				ask(name, nil, func(r *rand.Rand) upstream.Question {
					q := upstream.CountQuery{Window: all, Interval: upstream.Interval(interval)}
					if c.edit(&q, r); c.name != "" {
						q.Window = broken(r)
					}
					return q.Question(k)
				})
			}
		}
		if path := kind.All[k].Catalogue; path != "" {
			ask(path, nil, func(*rand.Rand) upstream.Question {
				return upstream.Question{Shape: upstream.ShapeCatalogue, Kind: k}
			})
		}
	}
	for _, g := range []struct {
		kind         upstream.Kind
		by           upstream.Dimension
		week, series bool
	}{
		{kind: upstream.Bounces, by: upstream.DimensionProvider},
		{kind: upstream.Bounces, by: upstream.DimensionCategory},
		{kind: upstream.Bounces, by: upstream.DimensionCode},
		{kind: upstream.Bounces, by: upstream.DimensionRule},
		{kind: upstream.Bounces, by: upstream.DimensionHour},
		{kind: upstream.Bounces, by: upstream.DimensionDiagnostic},
		{kind: upstream.Bounces, by: upstream.DimensionDiagnostic, week: true},
		{kind: upstream.Bounces, by: upstream.DimensionProvider, week: true, series: true},
		{kind: upstream.Emails, by: upstream.DimensionDomain},
	} {
		q := upstream.Question{
			Shape: upstream.ShapeGroups, Kind: g.kind,
			Grouping: upstream.Grouping{By: [2]upstream.Dimension{g.by}, Top: 10, Sent: g.series},
		}
		name, window := fmt.Sprintf("%s by %s", g.kind.GroupsPath(), g.by), broken
		if g.week {
			name, window = name+", 7 days", week
		}
		if g.series {
			name, q.Interval = name+", series, sent", upstream.Day
		}
		ask(name, nil, func(r *rand.Rand) upstream.Question {
			q.Window = window(r)
			return q
		})
	}
	return list
}
