package clickhouse_test

import (
	"context"
	"crypto/rand"
	"flag"
	"fmt"
	"os"
	"strings"
	"sync"
	"testing"

	driver "github.com/ClickHouse/clickhouse-go/v2"

	"deliverygraph/upstream"
	"deliverygraph/upstream/embedded/store"
	"deliverygraph/upstream/embedded/store/clickhouse"
	"deliverygraph/upstream/embedded/store/storetest"
)

func TestMain(m *testing.M) {
	_ = flag.Set("test.parallel", "4") // the tests wait for the server
	m.Run()
}

// server returns the address of the server to test with, such as 127.0.0.1:9000, and the cluster if there is one.
func server(t testing.TB) (address, cluster string) {
	address = os.Getenv("DELIVERYGRAPH_TEST_CLICKHOUSE")
	if address == "" {
		t.Skip("DELIVERYGRAPH_TEST_CLICKHOUSE does not name a ClickHouse server")
	}
	return address, os.Getenv("DELIVERYGRAPH_TEST_CLICKHOUSE_CLUSTER")
}

func TestContract(t *testing.T) {
	open := opener(t)
	storetest.Test(t, func(t storetest.TB, name string) store.Store { return open(t, name) })
}

// opener returns a function that opens the store of a name in a database of its own, or a new one if the name is empty.
func opener(t *testing.T) func(t storetest.TB, name string) *clickhouse.Store {
	address, cluster := server(t)
	admin, err := driver.Open(&driver.Options{Addr: strings.Split(address, ",")})
	if err != nil {
		t.Fatal(err)
	}
	t.Cleanup(func() { admin.Close() })
	var mu sync.Mutex
	databases := map[string]string{} // by the name of the store
	return func(t storetest.TB, name string) *clickhouse.Store {
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
	}
}

// Two stores are like two processes.
func TestProcessesTakeTurns(t *testing.T) {
	open := opener(t)
	stores := []*clickhouse.Store{open(t, "shared"), open(t, "shared")}
	ctx := t.Context()
	var ids [4][3]upstream.ID // of three accounts, by each writer
	var wg sync.WaitGroup
	for n := range ids {
		wg.Go(func() {
			s := stores[n%2]
			for i := range ids[n] {
				account := (i + n) % 3
				id, err := s.UserID(ctx, fmt.Sprint("account ", account))
				if err != nil {
					t.Error(err)
				}
				ids[n][account] = id
				// One process reads that a message was delivered, while another reads that it bounced.
				message := upstream.Email{
					UserID: 20, SenderID: 17, EmailID: fmt.Sprint("m", account),
					EmailAddress: "r@example.com", Local: "r", Domain: "example.com",
					ProcessTime: upstream.Time(100 + n), Delivered: true,
				}
				b := store.Batch{Merge: true, Emails: []upstream.Email{message}}
				if n == 1 {
					b = store.Batch{Merge: true, Bounces: []upstream.BounceDetail{{Bounce: upstream.Bounce{
						UserID: 20, SenderID: 17, EmailID: message.EmailID, EmailAddress: "r@example.com", Local: "r",
						Domain: "example.com", BounceTime: 200, ProcessTime: 100,
					}}}}
				}
				if _, err := s.Write(ctx, b); err != nil {
					t.Error(err)
				}
			}
		})
	}
	wg.Wait()
	for n := range ids {
		if ids[n] != ids[0] {
			t.Errorf("the accounts have the numbers %v, and for another writer %v", ids[n], ids[0])
		}
	}
	if a := ids[0]; a[0] == a[1] || a[1] == a[2] || a[0] == a[2] {
		t.Errorf("two accounts have the same number: %v", a)
	}
	ever := upstream.ListQuery{Window: storetest.Ever}
	rows := storetest.Must[[]upstream.Email](t)(storetest.API(stores[1]).Emails(ctx, ever))
	if len(rows) != 3 {
		t.Errorf("there are %d emails of 3 messages", len(rows))
	}
	for _, e := range rows {
		if e.Delivered || e.ProcessTime != 100 {
			t.Errorf("want %+v not delivered, at 100", e)
		}
	}
}
