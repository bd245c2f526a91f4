package clickhouse

import (
	"context"
	"errors"
	"testing"
	"testing/synctest"
	"time"

	"deliverygraph/upstream"
)

func TestCallsWaitForOthersUpToALimit(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		s := &Store{slots: make(chan struct{}, maxCalls)}
		for range maxCalls {
			s.slots <- struct{}{}
		}
		err := s.takeSlot(t.Context(), "list emails")
		if e, ok := errors.AsType[*upstream.Error](err); !ok || e.Code != upstream.Unavailable || e.RetryAfter == 0 {
			t.Errorf("after the limit, the error is %v, want one that says when to try again", err)
		}
		ctx, cancel := context.WithTimeout(t.Context(), time.Second)
		defer cancel()
		if err := s.takeSlot(ctx, "list emails"); !errors.Is(err, context.DeadlineExceeded) {
			t.Errorf("after the caller's deadline, the error is %v", err)
		}
		time.AfterFunc(maxWait/2, func() { <-s.slots })
		if err := s.takeSlot(t.Context(), "list emails"); err != nil {
			t.Errorf("when another call ends, the error is %v", err)
		}
	})
}
