package auth

import (
	"fmt"
	"slices"
	"strconv"
	"strings"

	"deliverygraph/upstream"
)

// Users is the set of users (accounts) whose data a caller may read. The zero Users is empty.
type Users struct {
	all bool
	ids []upstream.ID // ascending, each once
}

// Everyone is the set of all users, known and unknown.
func Everyone() Users { return Users{all: true} }

// Only returns the set of these users.
func Only(users ...upstream.ID) Users {
	ids := slices.Clone(users)
	slices.Sort(ids)
	return Users{ids: slices.Compact(ids)}
}

// Len returns the number of users, or -1 for everyone.
func (u Users) Len() int {
	if u.all {
		return -1
	}
	return len(u.ids)
}

// Has reports whether the set contains the user.
func (u Users) Has(user upstream.ID) bool {
	if u.all {
		return true
	}
	_, found := slices.BinarySearch(u.ids, user)
	return found
}

// ParseUsers parses a list such as "20,21", or "*" for everyone. Numbers must be positive, and there must be at least
// one.
func ParseUsers(list string) (Users, error) {
	if list == "*" {
		return Everyone(), nil
	}
	var ids []upstream.ID
	for word := range strings.SplitSeq(list, ",") {
		id, err := strconv.ParseInt(word, 10, 64)
		if err != nil || id < 1 || word[0] == '+' {
			return Users{},
				fmt.Errorf("%.40q is not a user number: users are positive numbers separated by commas, "+
					"such as 20,21, or * for all", word)
		}
		ids = append(ids, upstream.ID(id))
	}
	return Only(ids...), nil
}

// String returns the list in the form of [ParseUsers], or "" for the empty set.
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
