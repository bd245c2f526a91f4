package importer_test

import (
	"errors"
	"testing"

	"deliverygraph/upstream"
	"deliverygraph/upstream/embedded/importer"
)

const accountFile = "type,timeLogged,timeQueued,orig,rcpt,dsnStatus,dsnDiag,bounceCat,vmta\n" +
	"d,2026-11-10 10:00:00,2026-11-10 10:00:00,news@example.com,x@example.net,2.0.0 (ok),,,acme\n"

// Accounts get numbers that no --user has, and a --user must not have the number of an account.
func TestUsersOfAccountsAndOfMailWithoutOneAreNotMixed(t *testing.T) {
	t.Parallel()
	log, accounts := file(t, logBegin), file(t, accountFile)
	for name, c := range map[string]struct {
		users []int // --user of each import
		files [][]string
		want  int // the number of the account
	}{
		"the log first":          {[]int{1, 1}, [][]string{{log}, {accounts}}, 2},
		"the account first":      {[]int{1, 1}, [][]string{{accounts}, {log}}, 2},
		"together":               {[]int{1}, [][]string{{accounts, log}}, 2},
		"a user 2, at first":     {[]int{2, 1}, [][]string{{log}, {accounts}}, 3},
		"a user 2, in one batch": {[]int{2}, [][]string{{accounts, log}}, 3},
	} {
		s := newShop(t)
		for i, files := range c.files {
			for _, a := range s.take(t, importer.Options{User: upstream.ID(c.users[i])}, files...).Accounts {
				if int(a.UserID) != c.want {
					t.Errorf("%s: the account is user %d, want %d", name, a.UserID, c.want)
				}
			}
		}
	}
	s := newShop(t)
	s.take(t, importer.Options{}, accounts)
	_, err := s.try(t, importer.Options{User: 2}, log)
	if taken, ok := errors.AsType[*importer.UserTakenError](err); !ok || taken.Account != "acme" || taken.User != 2 {
		t.Errorf("mail of user 2, which is an account: %v", err)
	}
	s.want(t, "x@example.net 2 true")
	// It is no fault where all mail names an account.
	s.take(t, importer.Options{User: 2}, accounts)
}
