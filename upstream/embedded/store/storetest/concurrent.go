package storetest

import (
	"context"
	"errors"
	"fmt"
	"path/filepath"
	"sync"
	"sync/atomic"
	"testing"

	"deliverygraph/upstream"
	"deliverygraph/upstream/embedded/store"
)

// Step returns batch number n: 10 emails among those of all batches before it, each of another sender.
func Step(n int) store.Batch {
	var b store.Batch
	for i := range 10 {
		e := event(fmt.Sprintf("%d-%d", n, i), upstream.Time(1479600000+(n*7919+i*100003)%360000))
		e.SenderID, e.Delivered = upstream.ID(1+i), true
		b.Add(upstream.Emails, e)
	}
	return b
}

func testReads(t *testing.T, open Opener) {
	const steps = 30
	ctx := context.Background()
	path := filepath.Join(t.TempDir(), "events.db")
	here, there := open(t, path), open(t, path) // there is like another process
	var written atomic.Int64
	var wg sync.WaitGroup
	check := func(s store.Store) error {
		least := int(written.Load())
		part := upstream.Window{Start: 1479600000 + 11, End: 1479600000 + 359999}
		counts, err := API(s).Counts(ctx, upstream.Emails, upstream.CountQuery{Window: part})
		if err != nil {
			return err
		}
		rows, err := API(s).Emails(ctx, upstream.ListQuery{Window: Ever, Local: "r", Delivered: true})
		if err != nil {
			return err
		}
		if n := len(rows); n%10 != 0 && n != upstream.PageSize || n < min(least*10, upstream.PageSize) {
			return fmt.Errorf("a list has %d rows after %d steps", n, least)
		}
		all, err := API(s).Counts(ctx, upstream.Emails, upstream.CountQuery{Window: Ever})
		if err != nil {
			return err
		}
		for _, c := range all {
			if c.Total != all[0].Total || int(c.Total) < least {
				return fmt.Errorf("after %d steps the counts are %v", least, all)
			}
		}
		if len(counts) > len(all) {
			return fmt.Errorf("more senders in a part than in all: %v, %v", counts, all)
		}
		return nil
	}
	for _, s := range []store.Store{here, here, there} {
		wg.Go(func() {
			for written.Load() < steps {
				if err := check(s); err != nil {
					t.Error(err)
					return
				}
			}
		})
	}
	for n := range steps {
		s := here
		if n%3 == 2 {
			s = there // two who write take turns
		}
		if _, err := s.Write(ctx, Step(n)); err != nil {
			t.Error(err)
		}
		written.Add(1)
	}
	wg.Wait()
	for _, s := range []store.Store{here, there} {
		if err := check(s); err != nil {
			t.Error(err)
		}
	}
}

func testWrites(t *testing.T, open Opener) {
	path := filepath.Join(t.TempDir(), "events.db")
	stores := []store.Store{open(t, path), open(t, path)}
	var wg sync.WaitGroup
	for n := range 16 {
		wg.Go(func() {
			if _, err := stores[n%2].Write(context.Background(), Step(n)); err != nil {
				t.Error(err)
			}
		})
	}
	wg.Wait()
	for _, s := range stores {
		if i := Must[store.Info](t)(s.Info(context.Background())); i.Emails.Rows != 160 {
			t.Errorf("there are %d rows, want 160", i.Emails.Rows)
		}
	}
}

func testCanceled(t *testing.T, open Opener) {
	ctx, cancel := context.WithCancel(context.Background())
	cancel()
	s := open(t, "")
	if _, err := s.Write(ctx, Step(1)); !errors.Is(err, context.Canceled) {
		t.Errorf("Write gives %v", err)
	}
	if _, err := API(s).Emails(ctx, upstream.ListQuery{Window: Ever}); !errors.Is(err, context.Canceled) {
		t.Errorf("Emails gives %v", err)
	}
	if i := Must[store.Info](t)(s.Info(context.Background())); i.Emails.Rows != 0 {
		t.Errorf("rows of a write that was left: %+v", i)
	}
}
