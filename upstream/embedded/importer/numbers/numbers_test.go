package numbers_test

import (
	"fmt"
	"path/filepath"
	"sync"
	"testing"

	"deliverygraph/upstream"
	"deliverygraph/upstream/embedded/importer/numbers"
	"deliverygraph/upstream/embedded/store"
)

// fresh makes a store with a sender.
func fresh(t *testing.T) (string, *store.Store) {
	t.Helper()
	path := filepath.Join(t.TempDir(), "events.db")
	s, err := store.Open(t.Context(), store.Options{Path: path})
	if err != nil {
		t.Fatal(err)
	}
	t.Cleanup(func() {
		if err := s.Close(); err != nil {
			t.Error(err)
		}
	})
	if _, err := s.Write(t.Context(), store.Batch{Senders: []store.Sender{{UserID: 21, SenderID: 17, Address: "news@example.com"}}}); err != nil {
		t.Fatal(err)
	}
	return path, s
}

func open(t *testing.T, path string) *numbers.Numbers {
	t.Helper()
	n, err := numbers.Open(path, 30)
	if err != nil {
		t.Fatal(err)
	}
	t.Cleanup(func() {
		if err := n.Close(); err != nil {
			t.Error(err)
		}
	})
	return n
}

func TestNumbersStay(t *testing.T) {
	path, _ := fresh(t)
	for range 2 { // as by two imports
		n := open(t, path)
		for i, account := range []string{"shop", "blog", "shop"} {
			if id, err := n.User(t.Context(), account); err != nil || id != []upstream.ID{31, 32, 31}[i] {
				t.Errorf("the account %s is user %d, %v", account, id, err)
			}
		}
		for _, c := range []struct {
			user    upstream.ID
			address string
			want    upstream.ID
		}{{21, "news@example.com", 17}, {21, "other@example.com", 18}, {30, "news@example.com", 19}, {30, "", 20}, {31, "", 21}, {30, "", 20}} {
			if id, err := n.Sender(t.Context(), c.user, c.address); err != nil || id != c.want {
				t.Errorf("the sender %q of user %d is %d, %v; want %d", c.address, c.user, id, err, c.want)
			}
		}
	}
}

func TestImportsAtOnceAgree(t *testing.T) {
	path, s := fresh(t)
	const imports, senders = 4, 50
	var got [imports][senders]upstream.ID
	var wg sync.WaitGroup
	for i := range imports {
		n := open(t, path)
		wg.Go(func() {
			for j := range senders {
				id, err := n.Sender(t.Context(), 1, fmt.Sprintf("%d@example.com", (j*(i+1))%senders))
				if err != nil {
					t.Error(err)
				}
				got[i][(j*(i+1))%senders] = id
				if i == 0 { // the store is written to meanwhile
					e := upstream.Email{UserID: 1, SenderID: id, EmailID: "e", EmailAddress: "a@example.com", Local: "a", Domain: "example.com", ProcessTime: upstream.Time(1479772800 + j)}
					if _, err := s.Write(t.Context(), store.Batch{Emails: []upstream.Email{e}}); err != nil {
						t.Error(err)
					}
				}
			}
		})
	}
	wg.Wait()
	seen := map[upstream.ID]bool{}
	for j := range senders {
		if id := got[0][j]; seen[id] || id == 0 {
			t.Errorf("two senders have the number %d", id)
		} else {
			seen[id] = true
		}
		for i := range imports {
			if got[i][j] != got[0][j] && got[i][j] != 0 {
				t.Errorf("sender %d has the numbers %d and %d", j, got[0][j], got[i][j])
			}
		}
	}
}

func TestErrorsNameWhatWasToBeNumbered(t *testing.T) {
	n, err := numbers.Open(filepath.Join(t.TempDir(), "none.db"), 1)
	if err != nil {
		t.Fatal(err)
	}
	defer n.Close()
	if _, err := n.User(t.Context(), "shop"); err == nil {
		t.Error("a store that does not exist gives numbers")
	}
}
