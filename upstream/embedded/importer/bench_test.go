package importer_test

import (
	"context"
	"os"
	"path/filepath"
	"testing"
	"time"

	"deliverygraph/upstream/embedded/demo"
	"deliverygraph/upstream/embedded/importer"
	"deliverygraph/upstream/embedded/store"
	"deliverygraph/upstream/embedded/store/sqlite"
)

// all returns the whole demo data as the text of a file.
func all(b *testing.B) (text []byte, rows int) {
	b.Helper()
	for batch := range demo.Generate(time.Date(2026, 11, 23, 9, 37, 21, 0, time.UTC)) {
		text = append(text, ndjson(batch)...)
		rows += rowsIn(batch)
	}
	return text, rows
}

type nowhere struct{ importer.Store }

func (nowhere) Write(context.Context, store.Batch) (store.Written, error) {
	return store.Written{}, nil
}

// BenchmarkImport reports rows per second, of reading alone and with a new store.
func BenchmarkImport(b *testing.B) {
	text, rows := all(b)
	name := filepath.Join(b.TempDir(), "rows.ndjson")
	if err := os.WriteFile(name, text, 0o600); err != nil {
		b.Fatal(err)
	}
	run := func(b *testing.B, w importer.Store) {
		s, err := importer.Run(b.Context(), w, []string{name}, importer.Options{Strict: true})
		if err != nil || s.Rows() != rows {
			b.Fatal(err, s)
		}
	}
	report := func(b *testing.B) {
		b.SetBytes(int64(len(text)))
		b.ReportMetric(float64(rows)*float64(b.N)/b.Elapsed().Seconds(), "rows/s")
	}
	b.Run("read", func(b *testing.B) {
		b.ReportAllocs()
		for b.Loop() {
			run(b, nowhere{})
		}
		report(b)
	})
	b.Run("write", func(b *testing.B) {
		for b.Loop() {
			s, err := sqlite.Open(b.Context(), sqlite.Options{})
			if err != nil {
				b.Fatal(err)
			}
			run(b, s)
			if err := s.Close(); err != nil {
				b.Fatal(err)
			}
		}
		report(b)
	})
}
