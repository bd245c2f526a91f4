package clickhouse_test

import (
	"context"
	"crypto/rand"
	"os"
	"strings"
	"sync"
	"testing"

	driver "github.com/ClickHouse/clickhouse-go/v2"

	"deliverygraph/upstream/embedded/store"
	"deliverygraph/upstream/embedded/store/clickhouse"
	"deliverygraph/upstream/embedded/store/storetest"
)

// server returns the address of the server to test with, such as 127.0.0.1:9000, and the cluster if there is one.
func server(t testing.TB) (address, cluster string) {
	address = os.Getenv("DELIVERYGRAPH_TEST_CLICKHOUSE")
	if address == "" {
		t.Skip("DELIVERYGRAPH_TEST_CLICKHOUSE does not name a ClickHouse server")
	}
	return address, os.Getenv("DELIVERYGRAPH_TEST_CLICKHOUSE_CLUSTER")
}

func TestContract(t *testing.T) {
	address, cluster := server(t)
	admin, err := driver.Open(&driver.Options{Addr: strings.Split(address, ",")})
	if err != nil {
		t.Fatal(err)
	}
	t.Cleanup(func() { admin.Close() })
	var mu sync.Mutex
	databases := map[string]string{} // by the name of the store
	storetest.Test(t, func(t storetest.TB, name string) store.Store {
		t.Helper()
		mu.Lock()
		defer mu.Unlock()
		database := databases[name]
		if name == "" || database == "" {
			database = "test_" + strings.ToLower(rand.Text())
			databases[name] = database
		}
		url := clickhouse.Scheme + address + "/" + database
		if _, err := clickhouse.Migrate(context.Background(), url, cluster); err != nil {
			t.Fatal(err)
		}
		s, err := clickhouse.Open(context.Background(), url)
		if err != nil {
			t.Fatal(err)
		}
		t.Cleanup(func() {
			if err := s.Close(); err != nil {
				t.Fatal(err)
			}
			drop := "drop database if exists " + database
			if cluster != "" {
				drop += " on cluster " + cluster
			}
			if err := admin.Exec(context.Background(), drop); err != nil {
				t.Fatal(err)
			}
		})
		return s
	})
}
