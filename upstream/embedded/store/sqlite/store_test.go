package sqlite_test

import (
	"context"
	"testing"

	"deliverygraph/upstream/embedded/store"
	"deliverygraph/upstream/embedded/store/sqlite"
	"deliverygraph/upstream/embedded/store/storetest"
)

func TestContract(t *testing.T) {
	t.Parallel()
	storetest.Test(t, func(t storetest.TB, path string) store.Store { return open(t, path) })
}

func open(t storetest.TB, path string) *sqlite.Store {
	t.Helper()
	s, err := sqlite.Open(context.Background(), sqlite.Options{Path: path})
	if err != nil {
		t.Fatal(err)
	}
	t.Cleanup(func() {
		if err := s.Close(); err != nil {
			t.Fatal(err)
		}
	})
	return s
}
