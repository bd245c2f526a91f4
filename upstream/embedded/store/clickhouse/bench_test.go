package clickhouse_test

import (
	"context"
	"fmt"
	"math/rand/v2"
	"os"
	"regexp"
	"slices"
	"strconv"
	"testing"
	"time"

	"deliverygraph/upstream"
	"deliverygraph/upstream/embedded/store"
	"deliverygraph/upstream/embedded/store/clickhouse"
	"deliverygraph/upstream/embedded/store/storetest"
)

// BenchmarkStore sends a store the requests of [storetest.Requests], and prints the durations as a Markdown table. It
// fills the store, whose tables must exist, if it is empty:
//
//	deliverygraph migrate --data clickhouse://127.0.0.1:9000/bench
//	STORE_BENCH_CLICKHOUSE=clickhouse://127.0.0.1:9000/bench STORE_BENCH_EMAILS=5000000 \
//		go test -bench Store -run '^$' -timeout 1h ./upstream/embedded/store/clickhouse
//
// STORE_BENCH_EMAILS is 50,000 by default. STORE_BENCH_REQUESTS is a regular expression that selects requests by name.
func BenchmarkStore(b *testing.B) {
	name := os.Getenv("STORE_BENCH_CLICKHOUSE")
	if name == "" {
		b.Skip("STORE_BENCH_CLICKHOUSE does not name a store")
	}
	ctx := context.Background()
	s := storetest.Must[*clickhouse.Store](b)(clickhouse.Open(ctx, name))
	defer s.Close()
	info := storetest.Must[store.Info](b)(s.Info(ctx))
	if info.Emails.Rows == 0 {
		emails := 50_000
		if n, err := strconv.Atoi(os.Getenv("STORE_BENCH_EMAILS")); err == nil {
			emails = n
		}
		var took time.Duration
		rows := 0
		for batch := range storetest.Batches(emails, 4000) {
			start := time.Now()
			rows += storetest.Write(b, s, batch).New
			took += time.Since(start)
		}
		info = storetest.Must[store.Info](b)(s.Info(ctx))
		fmt.Printf("%d rows loaded in %.1f s: %.0f rows/s, %.1f bytes a row\n", rows, took.Seconds(),
			float64(rows)/took.Seconds(), float64(info.Bytes)/float64(rows))
	}
	for _, k := range upstream.Kinds {
		fmt.Printf("%d %s\n", info.Of(k).Rows, k)
	}
	fmt.Printf("\n| request | rows | p50 ms | max ms |\n| --- | --- | --- | --- |\n")
	only := regexp.MustCompile(os.Getenv("STORE_BENCH_REQUESTS"))
	for _, r := range storetest.Requests(info) {
		if !only.MatchString(r.Name) {
			continue
		}
		rnd := rand.New(rand.NewPCG(1, 2))
		took := make([]time.Duration, 0, 20)
		rows := 0
		for range cap(took) {
			start := time.Now()
			n, err := r.Ask(s, rnd)
			took = append(took, time.Since(start))
			if err != nil {
				b.Fatalf("%s: %v", r.Name, err)
			}
			rows = max(rows, n)
		}
		slices.Sort(took)
		fmt.Printf("| %s | %d | %d | %d |\n", r.Name, rows, took[len(took)/2].Milliseconds(),
			took[len(took)-1].Milliseconds())
	}
	b.ReportMetric(0, "ns/op")
}
