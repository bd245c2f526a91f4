package importer_test

import (
	"context"
	"fmt"
	"strings"
	"testing"

	"deliverygraph/upstream/embedded/importer"
	"deliverygraph/upstream/embedded/store"
)

// scale is a store that weighs the headers of batches.
type scale struct {
	*shop
	most int // bytes of the headers of a batch
}

func (s *scale) Write(ctx context.Context, b store.Batch) (store.Written, error) {
	bytes := 0
	for _, e := range b.Emails {
		for _, h := range e.XHeaders {
			bytes += len(h.Value)
		}
	}
	s.most = max(s.most, bytes)
	return s.shop.Write(ctx, b)
}

func TestBatchesAreBoundedInTheBytesOfHeaders(t *testing.T) {
	t.Parallel()
	const size, n = 2 << 20, 12
	var text strings.Builder
	for i := range n {
		fmt.Fprintf(&text, `{"email":"a%d@example.net","event":"delivered","timestamp":1794304801,"sg_event_id":"e%d",`+
			`"sg_message_id":"m%d.filter1.2.3","note":"%s"}`+"\n", i, i, i, strings.Repeat("x", size))
	}
	s := &scale{shop: newShop(t)}
	if _, err := importer.Run(t.Context(), s, []string{file(t, text.String())}, importer.Options{}); err != nil {
		t.Fatal(err)
	}
	if emails, _ := s.count(t); emails != n || s.most > 9*size {
		t.Errorf("%d emails; the headers of a batch have %d MiB", emails, s.most/size)
	}
}
