package importer

import (
	"deliverygraph/upstream"
	"deliverygraph/upstream/embedded/store"
)

// spread knows of which hours rows were written, to tell whether rows come about in order
// of time. A batch of rows that do is added at the end of the store; one of rows that do
// not has the store write anew what lies about each of them.
type spread struct {
	written map[hour]int
	latest  [len(upstream.Kinds)]int64 // hour of each kind
}

type hour struct {
	kind upstream.Kind
	of   int64
}

const (
	// near is about how many rows the store writes anew for one that it puts between them.
	near = 100
	// tolerated is how many rows may have to be written anew for each row of a batch.
	tolerated = 2
	// maxHours bounds what is known, so that rows of odd times take no memory.
	maxHours = 1 << 17
)

// scattered takes note of a batch that is to be written, and says whether its rows lie
// among so many others that it had better have been sorted.
func (s *spread) scattered(b *store.Batch) bool {
	batch := map[hour]int{}
	for _, k := range upstream.Kinds {
		for i := range b.Len(k) {
			batch[hour{k, int64(b.Identity(k, i).Time) / 3600}]++
		}
	}
	if s.written == nil {
		s.written = map[hour]int{}
	}
	anew, rows := 0, 0
	latest := s.latest
	for h, n := range batch {
		rows += n
		if h.of != latest[h.kind] { // to the latest hour they are added at its end
			anew += min(s.written[h], near*n)
		}
		if len(s.written) < maxHours {
			s.written[h] += n
		}
		s.latest[h.kind] = max(s.latest[h.kind], h.of)
	}
	return anew > tolerated*rows
}
