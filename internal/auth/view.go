package auth

import (
	"crypto/sha256"
	"encoding/hex"
)

// View is a text that is equal for callers who see the same, and only for those: what
// one of them is told may be told to another. It does not show a key.
func (c Caller) View() string {
	view := "users " + c.Users.String() + " scopes " + c.Scopes.String()
	if realm := c.Realm(); realm != "" {
		view += " key " + hex.EncodeToString([]byte(realm))
	}
	return view
}

// Realm is equal for callers whose calls go upstream with the same key, and so may be
// given each other's answers as they come from there; empty where that is the
// gateway's. It does not show the key.
func (c Caller) Realm() string {
	if c.UpstreamKey == "" {
		return ""
	}
	sum := sha256.Sum256([]byte(c.UpstreamKey))
	return string(sum[:])
}
