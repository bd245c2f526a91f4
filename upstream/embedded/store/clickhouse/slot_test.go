package clickhouse

import (
	"context"
	"errors"
	"net"
	"os"
	"strings"
	"syscall"
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

func TestReadsFailAtOnceWhileAllServersHang(t *testing.T) {
	hung := time.Now().Add(-time.Hour)
	timeout := &net.OpError{Op: "read", Err: os.ErrDeadlineExceeded}
	s := &Store{conn: &hosts{list: []*host{
		{name: "a:9000", state: down, err: timeout, since: hung},
		{name: "b:9000", state: down, err: timeout, since: hung},
	}}}
	err := s.read(t.Context(), "list emails", func(context.Context) error {
		t.Error("a server is asked")
		return nil
	})
	if upstream.CodeOf(err) != upstream.Unavailable || !strings.Contains(err.Error(), "a:9000") ||
		!strings.Contains(err.Error(), "b:9000") {
		t.Errorf("the error is %v, want one that names both servers", err)
	}
	for _, x := range []*host{
		{state: up}, {state: suspect, err: timeout, since: hung}, {state: down, err: timeout, since: time.Now()},
		{state: down, err: &net.OpError{Op: "dial", Err: syscall.ECONNREFUSED}, since: hung}, // fails at once
	} {
		s.conn.list[1] = x
		if err := s.conn.hang(); err != nil {
			t.Errorf("with %+v, the error is %v", x, err)
		}
	}
}
