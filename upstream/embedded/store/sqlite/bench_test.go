package sqlite_test

import (
	"context"
	"fmt"
	"math/rand/v2"
	"os"
	"path/filepath"
	"regexp"
	"runtime"
	"slices"
	"strconv"
	"strings"
	"testing"
	"time"

	"deliverygraph/upstream"
	"deliverygraph/upstream/embedded/store"
	"deliverygraph/upstream/embedded/store/sqlite"
	"deliverygraph/upstream/embedded/store/storetest"
	"deliverygraph/upstream/grouped"
)

// BenchmarkStore makes a store, sends it every documented request, many times with other arguments, and prints the
// durations as a Markdown table:
//
//	STORE_BENCH_EMAILS=5000000 go test -bench Store -run '^$' -timeout 1h ./upstream/embedded/store/sqlite
//
// STORE_BENCH_EMAILS is the number of emails, 50,000 by default. Of 20 emails one bounces, and of 83 one is blocked.
// STORE_BENCH_PATH keeps the store in that file, or uses an existing one. STORE_BENCH_REQUESTS is a regular expression
// that selects requests by name. CPU is the time of the requesting thread, which is more reliable than the clock on a
// busy machine; it is 0 if unknown.
func BenchmarkStore(b *testing.B) {
	emails := 50000
	if v := os.Getenv("STORE_BENCH_EMAILS"); v != "" {
		n, err := strconv.Atoi(v)
		if err != nil || n < 1000 {
			b.Fatalf("STORE_BENCH_EMAILS is %q, which is not a number of 1000 or more", v)
		}
		emails = n
	}
	path := os.Getenv("STORE_BENCH_PATH")
	if path == "" {
		path = filepath.Join(b.TempDir(), "events.db")
	}
	if _, err := os.Stat(path); err != nil {
		load(b, path, emails)
	}
	s := open(b, path)
	info := storetest.Must[store.Info](b)(s.Info(context.Background()))
	fmt.Printf("%d emails, %d bounces, %d blocked emails\n\n", info.Emails.Rows, info.Bounces.Rows,
		info.BlockedEmails.Rows)
	fmt.Printf("| request | rows | p50 ms | p99 ms | CPU p50 ms | CPU p99 ms |\n| --- | --- | --- | --- | --- " +
		"| --- |\n")
	runtime.LockOSThread()
	defer runtime.UnlockOSThread()
	var worst, worstCPU time.Duration
	only := regexp.MustCompile(os.Getenv("STORE_BENCH_REQUESTS"))
	for _, r := range requests(info) {
		if !only.MatchString(r.name) {
			continue
		}
		rnd := rand.New(rand.NewPCG(1, 2))
		took := make([]time.Duration, 0, 200)
		busy := make([]time.Duration, 0, 200)
		rows := 0
		for range cap(took) {
			start, cpu := time.Now(), threadCPU()
			n, err := r.ask(s, rnd)
			took, busy = append(took, time.Since(start)), append(busy, threadCPU()-cpu)
			if err != nil {
				b.Fatalf("%s: %v", r.name, err)
			}
			rows = max(rows, n)
		}
		slices.Sort(took)
		slices.Sort(busy)
		p50, p99 := len(took)/2, len(took)*99/100
		worst = max(worst, took[p99])
		worstCPU = max(worstCPU, busy[p99])
		fmt.Printf("| %s | %d | %s | %s | %s | %s |\n", r.name, rows, ms(took[p50]), ms(took[p99]), ms(busy[p50]),
			ms(busy[p99]))
	}
	b.ReportMetric(float64(worst.Microseconds())/1000, "worst-p99-ms")
	b.ReportMetric(float64(worstCPU.Microseconds())/1000, "worst-p99-CPU-ms")
	b.ReportMetric(0, "ns/op")
}

func ms(d time.Duration) string { return fmt.Sprintf("%.2f", float64(d.Microseconds())/1000) }

// load writes the sample in batches of 4,000 emails, and prints the duration without that of making them.
func load(b *testing.B, path string, emails int) {
	s := storetest.Must[*sqlite.Store](b)(sqlite.Open(context.Background(), sqlite.Options{Path: path}))
	var took, busy, slowest time.Duration
	rows := 0
	for batch := range storetest.Batches(emails, 4000) {
		start, cpu := time.Now(), processCPU()
		n := storetest.Write(b, s, batch)
		d := time.Since(start)
		busy += processCPU() - cpu
		took, slowest, rows = took+d, max(slowest, d), rows+n.New
	}
	start, cpu := time.Now(), processCPU()
	if err := s.Finish(context.Background()); err != nil {
		b.Fatal(err)
	}
	if err := s.Close(); err != nil {
		b.Fatal(err)
	}
	fmt.Printf("%.1f s of them (%.1f s of CPU) for the indexes\n", time.Since(start).Seconds(),
		(processCPU() - cpu).Seconds())
	took += time.Since(start)
	busy += processCPU() - cpu
	st, err := os.Stat(path)
	if err != nil {
		b.Fatal(err)
	}
	var mem runtime.MemStats
	runtime.ReadMemStats(&mem)
	fmt.Printf("%d rows loaded in %.1f s (%.1f s of CPU): %.0f rows/s, slowest batch %s ms, "+
		"%.1f bytes a row on disk, %d MB of heap from the system\n\n",
		rows, took.Seconds(), busy.Seconds(), float64(rows)/took.Seconds(), ms(slowest),
		float64(st.Size())/float64(rows), mem.HeapSys>>20)
	b.ReportMetric(float64(rows)/took.Seconds(), "rows-loaded/s")
}

type request struct {
	name string
	ask  func(*sqlite.Store, *rand.Rand) (int, error)
}

// requests returns the documented requests, with each filter alone and with others, over all 90 days unless the name
// says otherwise.
func requests(info store.Info) []request {
	ctx := context.Background()
	all := upstream.Window{Start: storetest.SampleStart, End: storetest.SampleEnd}
	broken := func(r *rand.Rand) upstream.Window { // nearly all, and no whole hours
		return upstream.Window{Start: storetest.SampleStart + 1 + upstream.Time(r.IntN(86400)),
			End: storetest.SampleEnd - 1 - upstream.Time(r.IntN(86400))}
	}
	week := func(r *rand.Rand) upstream.Window {
		at := storetest.SampleStart + upstream.Time(r.IntN((storetest.SampleDays-7)*86400))
		return upstream.Window{Start: at, End: at + 7*86400}
	}
	sender := func(r *rand.Rand) store.Sender { return storetest.SampleSender(r.IntN(storetest.SampleSenders)) }
	big := func(r *rand.Rand) store.Sender { return storetest.SampleSender(r.IntN(4)) } // one who sends much
	recipients := int(info.Emails.Rows)/10 + 100
	type edit = func(*upstream.ListQuery, *rand.Rand)
	var list []request
	// add pages through lists as clients do, each to its end, or for 40 pages. jump lists from any offset up to a share
	// of the rows.
	page := func(s *sqlite.Store, k upstream.Kind, q upstream.ListQuery) (int, error) {
		switch k {
		case upstream.Bounces:
			rows, err := s.Bounces(ctx, nil, q)
			return len(rows), err
		case upstream.BlockedEmails:
			rows, err := s.BlockedEmails(ctx, nil, q)
			return len(rows), err
		}
		rows, err := s.Emails(ctx, nil, q)
		return len(rows), err
	}
	add := func(k upstream.Kind, name string, edits ...edit) {
		var q upstream.ListQuery
		list = append(list, request{k.ListPath() + " " + name, func(s *sqlite.Store, r *rand.Rand) (int, error) {
			if q.Offset == 0 {
				q = upstream.ListQuery{Window: all}
				for _, e := range edits {
					e(&q, r)
				}
			}
			n, err := page(s, k, q)
			if q.Offset += n; n < upstream.PageSize || q.Offset == 40*upstream.PageSize {
				q.Offset = 0
			}
			return n, err
		}})
	}
	jump := func(k upstream.Kind, name string, share float64, edits ...edit) {
		rows := float64([...]int64{info.Emails.Rows, info.Bounces.Rows, info.BlockedEmails.Rows}[k]) * share
		list = append(list, request{k.ListPath() + " " + name + ", a jump",
			func(s *sqlite.Store, r *rand.Rand) (int, error) {
				q := upstream.ListQuery{Window: all, Offset: int(rows * r.Float64())}
				for _, e := range edits {
					e(&q, r)
				}
				return page(s, k, q)
			}})
	}
	inBroken := func(q *upstream.ListQuery, r *rand.Rand) { q.Window = broken(r) }
	inWeek := func(q *upstream.ListQuery, r *rand.Rand) { q.Window = week(r) }
	user := func(q *upstream.ListQuery, r *rand.Rand) { q.UserID = sender(r).UserID }
	senderID := func(q *upstream.ListQuery, r *rand.Rand) { q.SenderID = sender(r).SenderID }
	address := func(q *upstream.ListQuery, r *rand.Rand) { q.Sender = sender(r).Address }
	bigSender := func(q *upstream.ListQuery, r *rand.Rand) { q.SenderID = big(r).SenderID }
	domain := func(q *upstream.ListQuery, r *rand.Rand) { q.Domain = storetest.SampleDomain(r.IntN(20)) }
	bigDomain := func(q *upstream.ListQuery, _ *rand.Rand) { q.Domain = storetest.SampleDomain(0) }
	local := func(q *upstream.ListQuery, r *rand.Rand) { q.Local = fmt.Sprint("recipient", r.IntN(recipients)) }
	recipient := func(q *upstream.ListQuery, r *rand.Rand) {
		n := r.IntN(recipients)
		q.Recipient = fmt.Sprintf("recipient%d@%s", n, storetest.SampleDomain(n%(1+n%2000)))
	}
	busy := func(q *upstream.ListQuery, _ *rand.Rand) { q.Local = "recipient0" }
	header := func(name string, value func(r *rand.Rand) any) edit {
		return func(q *upstream.ListQuery, r *rand.Rand) {
			q.XHeaders = append(q.XHeaders, upstream.Header{Name: name, Value: fmt.Sprint(value(r))})
		}
	}
	campaign := header("x-campaign", func(r *rand.Rand) any {
		return fmt.Sprint("campaign", r.IntN(3*storetest.SampleDays))
	})
	region := header("X-REGION", func(r *rand.Rand) any { return fmt.Sprint("region ", r.IntN(50)) })
	optIn := header("X-Opt-In", func(r *rand.Rand) any { return r.IntN(3) })
	customer := header("X-Customer", func(r *rand.Rand) any { return r.IntN(recipients) })
	delivered := func(q *upstream.ListQuery, _ *rand.Rand) { q.Delivered = true }
	hard := func(q *upstream.ListQuery, _ *rand.Rand) { q.BounceType = upstream.Hard }
	category := func(q *upstream.ListQuery, r *rand.Rand) {
		q.BounceCategory = storetest.SampleCategories[r.IntN(len(storetest.SampleCategories))]
	}
	reason := func(q *upstream.ListQuery, r *rand.Rand) {
		q.BlockedReason = storetest.SampleReasons[r.IntN(len(storetest.SampleReasons))]
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
	add(upstream.BlockedEmails, "blocked_reason", reason)
	add(upstream.BlockedEmails, "blocked_reason, user_id, X- (one in 3)", reason, user, optIn)

	list = append(list, request{"/emails of a caller who may see 3 users",
		func(s *sqlite.Store, r *rand.Rand) (int, error) {
			rows, err := s.Emails(ctx, []upstream.ID{20, 22, 25}, upstream.ListQuery{Window: broken(r),
				Offset: r.IntN(int(info.Emails.Rows)/3 + 1)})
			return len(rows), err
		}})
	list = append(list, request{"/bounce/…", func(s *sqlite.Store, r *rand.Rand) (int, error) {
		q := upstream.ListQuery{Window: all, Offset: r.IntN(int(info.Bounces.Rows))}
		rows, err := s.Bounces(ctx, nil, q)
		if err != nil {
			return 0, err
		}
		_, err = s.Bounce(ctx, nil, rows[r.IntN(len(rows))].Key())
		return 1, err
	}})

	for _, k := range upstream.Kinds {
		for _, c := range []struct {
			name string
			edit func(*upstream.CountQuery, *rand.Rand)
		}{
			{"", func(*upstream.CountQuery, *rand.Rand) {}},
			{"broken hours", func(q *upstream.CountQuery, r *rand.Rand) { q.Window = broken(r) }},
			{
				"user_id", func(q *upstream.CountQuery, r *rand.Rand) {
					q.UserID, q.Window = sender(r).UserID, broken(r)
				},
			},
			{
				"sender_id", func(q *upstream.CountQuery, r *rand.Rand) {
					q.SenderID, q.Window = sender(r).SenderID, broken(r)
				},
			},
			{
				"bounce_type", func(q *upstream.CountQuery, r *rand.Rand) {
					q.BounceType, q.Window = upstream.Hard, broken(r)
				},
			},
			{
				"rollup_to=user", func(q *upstream.CountQuery, r *rand.Rand) {
					q.Rollup, q.Window = upstream.ByUser, broken(r)
				},
			},
		} {
			if c.name == "bounce_type" && k != upstream.Bounces {
				continue
			}
			for interval, of := range []string{"", "timeseries=hour", "timeseries=day"} {
				list = append(list, request{strings.TrimRight(fmt.Sprintf("%s %s %s", k.CountsPath(), c.name, of), " "),
					func(s *sqlite.Store, r *rand.Rand) (int, error) {
						q := upstream.CountQuery{Window: all}
						c.edit(&q, r)
						if interval == 0 {
							rows, err := s.Counts(ctx, nil, k, q)
							return len(rows), err
						}
						rows, err := s.Series(ctx, nil, k,
							upstream.SeriesQuery{CountQuery: q, Interval: upstream.Interval(interval)})
						n := 0
						for _, x := range rows {
							n += len(x.Points)
						}
						return n, err
					}})
			}
		}
	}
	list = append(list, request{"/bounce/categories", func(s *sqlite.Store, _ *rand.Rand) (int, error) {
		rows, err := s.BounceCategories(ctx)
		return len(rows), err
	}}, request{"/blocked-email/reasons", func(s *sqlite.Store, _ *rand.Rand) (int, error) {
		rows, err := s.BlockedReasons(ctx)
		return len(rows), err
	}})
	for _, g := range []struct {
		kind upstream.Kind
		q    upstream.Grouping
		week bool
	}{
		{upstream.Bounces, upstream.Grouping{By: [2]upstream.Dimension{upstream.DimensionProvider}}, false},
		{upstream.Bounces, upstream.Grouping{By: [2]upstream.Dimension{upstream.DimensionCategory}}, false},
		{upstream.Bounces, upstream.Grouping{By: [2]upstream.Dimension{upstream.DimensionCode}}, false},
		{upstream.Bounces, upstream.Grouping{By: [2]upstream.Dimension{upstream.DimensionRule}}, false},
		{upstream.Bounces, upstream.Grouping{By: [2]upstream.Dimension{upstream.DimensionHour}}, false},
		{upstream.Bounces, upstream.Grouping{By: [2]upstream.Dimension{upstream.DimensionDiagnostic}}, false},
		{upstream.Bounces, upstream.Grouping{By: [2]upstream.Dimension{upstream.DimensionDiagnostic}}, true},
		{upstream.Bounces, upstream.Grouping{
			By: [2]upstream.Dimension{upstream.DimensionProvider}, Interval: upstream.Day, Sent: true,
		}, true},
		{upstream.Emails, upstream.Grouping{By: [2]upstream.Dimension{upstream.DimensionDomain}}, false},
	} {
		g.q.Top = 10
		name := fmt.Sprintf("%s by %s", g.kind.GroupsPath(), g.q.By[0])
		if g.week {
			name += ", 7 days"
		}
		if g.q.Sent {
			name += ", series, sent"
		}
		list = append(list, request{name, func(s *sqlite.Store, r *rand.Rand) (int, error) {
			q := upstream.GroupsQuery{ListQuery: upstream.ListQuery{Window: broken(r)}, Grouping: g.q}
			if g.week {
				q.Window = week(r)
			}
			groups, err := s.Groups(ctx, nil, g.kind, q, grouped.DefaultProviders())
			return len(groups.Groups), err
		}})
	}
	return list
}
