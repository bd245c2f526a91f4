package auth

import (
	"fmt"
	"slices"
	"strconv"
	"strings"

	"deliverygraph/upstream"
)

// Users is the set of users (accounts) whose data a caller may read. The zero Users
// is nobody.
type Users struct {
	all bool
	ids []upstream.ID // ascending, each once
}

// Everyone is all users, known and unknown.
func Everyone() Users { return Users{all: true} }

// Only is these users.
func Only(users ...upstream.ID) Users {
	ids := slices.Clone(users)
	slices.Sort(ids)
	return Users{ids: slices.Compact(ids)}
}

// Len is how many users these are, or -1 for everyone.
func (u Users) Len() int {
	if u.all {
		return -1
	}
	return len(u.ids)
}

// Has says whether the user is one of them.
func (u Users) Has(user upstream.ID) bool {
	if u.all {
		return true
	}
	_, found := slices.BinarySearch(u.ids, user)
	return found
}

// cover says whether a call of the metrics API, by its path and query, tells nothing of
// other users than these. The catalogues tell of none.
func (u Users) cover(path, query string) bool {
	if u.all || path == upstream.BounceCategoriesPath || path == upstream.BlockedReasonsPath {
		return true
	}
	user := ""
	if key, detail := strings.CutPrefix(path, upstream.BouncePath); detail && query == "" {
		user, _, _ = strings.Cut(key, "/")
	}
	for parameter := range strings.SplitSeq(query, "&") {
		if value, ok := strings.CutPrefix(parameter, "user_id="); ok {
			user = value
		}
	}
	id, err := strconv.ParseInt(user, 10, 64)
	return err == nil && u.Has(upstream.ID(id))
}

// ParseUsers reads "20,21", or "*" for everyone. Numbers are positive; there is at
// least one.
func ParseUsers(list string) (Users, error) {
	if list == "*" {
		return Everyone(), nil
	}
	var ids []upstream.ID
	for word := range strings.SplitSeq(list, ",") {
		id, err := strconv.ParseInt(word, 10, 64)
		if err != nil || id < 1 || word[0] == '+' {
			return Users{},
				fmt.Errorf("%.40q is not a user's number: users are positive numbers with commas between, "+
					"such as 20,21, or * for all", word)
		}
		ids = append(ids, upstream.ID(id))
	}
	return Only(ids...), nil
}

// String is what [ParseUsers] reads; nobody is "".
func (u Users) String() string {
	if u.all {
		return "*"
	}
	var b []byte
	for i, id := range u.ids {
		if i > 0 {
			b = append(b, ',')
		}
		b = strconv.AppendInt(b, int64(id), 10)
	}
	return string(b)
}
