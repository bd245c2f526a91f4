package graph

import (
	"context"
	"errors"
	"testing"
)

// A stream fails with the first error that its resolver reports. A stream that ends without an error has none.
func TestStreamsFailWithTheFirstError(t *testing.T) {
	t.Parallel()
	var x execution
	x.ctx = context.WithValue(t.Context(), streamEndKey{}, &x.ending)
	FailStream(x.ctx, nil)
	if resp := x.failure(); resp != nil {
		t.Errorf("without an error: %v", resp.Errors)
	}
	first := errors.New("first")
	FailStream(x.ctx, first)
	FailStream(x.ctx, errors.New("second"))
	if err := x.ending.Load(); err == nil || *err != first {
		t.Errorf("the stream failed with %v", err)
	}
}
