package format_test

import (
	"testing"

	"deliverygraph/upstream/embedded/importer/format"
)

func TestRecentKeepsTheLastValues(t *testing.T) {
	var r format.Recent[int, int]
	const n = 300_000
	for i := range n {
		r.Put(i, -i)
	}
	if got, ok := r.Get(n - 100_000); !ok || got != 100_000-n {
		t.Errorf("the 100,000th value before is %d, %v", got, ok)
	}
	if got, ok := r.Get(1); ok {
		t.Errorf("a value long gone is %d", got)
	}
}
