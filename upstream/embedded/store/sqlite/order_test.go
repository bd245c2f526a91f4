package sqlite_test

import (
	"bytes"
	"fmt"
	"hash/crc32"
	"math/rand/v2"
	"os"
	"path/filepath"
	"slices"
	"testing"
	"time"

	"deliverygraph/upstream"
	"deliverygraph/upstream/embedded/importer"
	"deliverygraph/upstream/embedded/store"
	"deliverygraph/upstream/embedded/store/storetest"
	"deliverygraph/upstream/upstreamtest"
)

// BenchmarkWrite writes emails in several orders, in batches of several sizes.
func BenchmarkWrite(b *testing.B) {
	const emails = 300000
	var all []upstream.Email
	for batch := range storetest.Batches(emails, 50000) {
		all = append(all, batch.Emails...)
	}
	byUser := slices.Clone(all)
	slices.SortStableFunc(byUser, func(a, b upstream.Email) int { return int(a.UserID - b.UserID) })
	backwards := slices.Clone(all)
	slices.Reverse(backwards)
	shuffled := slices.Clone(all)
	rand.New(rand.NewPCG(1, 2)).Shuffle(len(all),
		func(i, j int) { shuffled[i], shuffled[j] = shuffled[j], shuffled[i] })
	nearly := slices.Clone(all)
	for i := range nearly[50:] {
		if i%5 == 0 {
			nearly[i], nearly[i+50] = nearly[i+50], nearly[i]
		}
	}
	for _, o := range []struct {
		name string
		rows []upstream.Email
	}{
		{"in order", all}, {"nearly in order", nearly}, {"user by user", byUser}, {"backwards", backwards},
		{"shuffled", shuffled},
	} {
		for _, size := range []int{1, 100, 4000, 20000} {
			rows := o.rows
			if n := size * 300; n < len(rows) {
				rows = rows[:n] // small batches show all in fewer rows
			}
			b.Run(fmt.Sprintf("%s by %d", o.name, size), func(b *testing.B) {
				for b.Loop() {
					s := open(b, "")
					for batch := range slices.Chunk(rows, size) {
						storetest.Write(b, s, store.Batch{Emails: batch})
					}
				}
				b.ReportMetric(float64(len(rows)*b.N)/b.Elapsed().Seconds(), "rows/s")
			})
		}
	}
}

// BenchmarkMerge writes the same rows as rows of the API, and merged like those of foreign formats.
func BenchmarkMerge(b *testing.B) {
	var batches []store.Batch
	for x := range storetest.Batches(100000, 10000) {
		local := func(id string) string { return fmt.Sprintf("recipient%d", crc32.ChecksumIEEE([]byte(id))%20000) }
		upstreamtest.Texts(x, func(t upstream.Texts) {
			*t.Local = local(*t.EmailID)
			*t.Address = *t.Local + "@" + *t.Domain
		})
		batches = append(batches, x)
	}
	for _, merge := range []bool{false, true} {
		b.Run(fmt.Sprint(merge), func(b *testing.B) {
			rows, cpu := 0, processCPU()
			for b.Loop() {
				s := open(b, "")
				for _, x := range batches {
					x.Merge = merge
					rows += storetest.Write(b, s, x).New
				}
				if err := s.Finish(b.Context()); err != nil {
					b.Fatal(err)
				}
			}
			b.ReportMetric(float64(rows)/b.Elapsed().Seconds(), "rows/s")
			b.ReportMetric(float64(rows)/(processCPU()-cpu).Seconds(), "rows/CPU-s")
			b.ReportMetric(0, "ns/op")
		})
	}
}

// BenchmarkMore imports a file of later rows in order, and one of late rows in random order, into the store in
// STORE_BENCH_PATH, which BenchmarkStore has made.
func BenchmarkMore(b *testing.B) {
	path := os.Getenv("STORE_BENCH_PATH")
	if path == "" {
		b.Skip("STORE_BENCH_PATH names no store")
	}
	const emails = 100000
	round := time.Now().UnixNano() // so that rows are new each time, and so are the seconds of late ones
	lines := func(shift upstream.Time) (lines [][]byte) {
		for batch := range storetest.Batches(emails, 50000) {
			for _, e := range batch.Emails {
				e.EmailID = fmt.Sprintf("%x-%s", round, e.EmailID)
				e.ProcessTime += shift
				row := upstream.AppendEmailRow(nil, e)
				lines = append(lines, fmt.Appendf(nil, `{"kind":"email",%s`+"\n", row[1:]))
			}
		}
		return lines
	}
	shuffled := lines(upstream.Time(round / 1e9 % 997))
	rand.New(rand.NewPCG(1, 2)).Shuffle(emails, func(i, j int) {
		shuffled[i], shuffled[j] = shuffled[j], shuffled[i]
	})
	for _, o := range []struct {
		name  string
		lines [][]byte
	}{
		{"later in order", lines(upstream.Time(round/1e9) - storetest.SampleStart)}, {"late and shuffled", shuffled},
	} {
		b.Run(o.name, func(b *testing.B) {
			file := filepath.Join(b.TempDir(), "emails.ndjson")
			if err := os.WriteFile(file, bytes.Join(o.lines, nil), 0o600); err != nil {
				b.Fatal(err)
			}
			s := open(b, path)
			start, cpu := time.Now(), processCPU()
			sum, err := importer.Run(b.Context(), s, []string{file}, importer.Options{TempDir: b.TempDir()})
			if err != nil || sum.New != emails {
				b.Fatal(err, sum)
			}
			b.ReportMetric(emails/time.Since(start).Seconds(), "rows/s")
			b.ReportMetric(emails/(processCPU()-cpu).Seconds(), "rows/CPU-s")
			b.ReportMetric(0, "ns/op")
		})
	}
}
