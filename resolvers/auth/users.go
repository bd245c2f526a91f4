package auth

import (
	"slices"

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

// Has says whether the user is one of them.
func (u Users) Has(user upstream.ID) bool {
	if u.all {
		return true
	}
	_, found := slices.BinarySearch(u.ids, user)
	return found
}
