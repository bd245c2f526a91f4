package importer

import (
	"math"

	"deliverygraph/upstream"
	"deliverygraph/upstream/embedded/store"
)

// spread records the hours of the rows that were written, to find out whether rows come roughly in order of time. The
// store appends rows that do, but for others it rewrites the pages around each of them.
type spread struct {
	written map[hour]int
	latest  [len(upstream.Kinds)]int64 // the latest hour, by kind
}

type hour struct {
	kind upstream.Kind
	of   int64
}

const (
	// near is the approximate number of rows that the store rewrites to insert one between them.
	near = 100
	// tolerated is the number of rows that may be rewritten for each row of a batch.
	tolerated = 2
	// maxHours limits the number of hours recorded, so that rows with odd times use no memory.
	maxHours = 1 << 17
)

// scattered records a batch that is about to be written, and reports whether the next rows should be sorted first: most
// of its rows come hours after later ones, or they lie among so many others.
func (s *spread) scattered(b *store.Batch) bool {
	batch := map[hour]int{}
	late := 0
	for _, k := range upstream.Kinds {
		latest := int64(math.MinInt64)
		rows := b.Of(k)
		for i := range rows.Len() {
			of := int64(rows.Identity(i).Time) / 3600
			batch[hour{k, of}]++
			if latest = max(latest, of); of < latest-1 {
				late++
			}
		}
	}
	if s.written == nil {
		s.written = map[hour]int{}
	}
	anew, rows := 0, 0
	latest := s.latest
	for h, n := range batch {
		rows += n
		if h.of != latest[h.kind] { // rows of the latest hour are appended
			anew += min(s.written[h], near*n)
		}
		if len(s.written) < maxHours {
			s.written[h] += n
		}
		s.latest[h.kind] = max(s.latest[h.kind], h.of)
	}
	return anew > tolerated*rows || late > rows/2
}
