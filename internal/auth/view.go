package auth

import (
	"crypto/sha256"
	"encoding/hex"
)

// View returns a text that is equal for exactly those callers who may see the same data, and so may share cached
// answers. It does not contain a key.
func (c Caller) View() string {
	view := "users " + c.Users.String() + " scopes " + c.Scopes.String()
	if realm := c.Realm(); realm != "" {
		view += " key " + hex.EncodeToString([]byte(realm))
	}
	return view
}

// Realm returns a text that is equal for callers whose upstream calls use the same key, and who may therefore share the
// upstream's answers; it is empty for the gateway's key. It does not contain the key.
func (c Caller) Realm() string {
	if c.UpstreamKey == "" {
		return ""
	}
	sum := sha256.Sum256([]byte(c.UpstreamKey))
	return string(sum[:])
}
